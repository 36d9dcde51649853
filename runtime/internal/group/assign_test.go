package group

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// component is a component with one topic of n partitions.
func component(name string, n int32, stateful bool) Component {
	return Component{Name: name, Topics: []Topic{{name, n}}, Stateful: stateful}
}

func peers(ids ...string) []Peer {
	var ps []Peer
	for _, id := range ids {
		ps = append(ps, Peer{ID: id})
	}
	return ps
}

// owning gives each peer what the assignment says, as of a generation; members without an entry own nothing.
func owning(members []Peer, a map[string][]Task, generation int32) []Peer {
	members = slices.Clone(members)
	for i := range members {
		members[i].Owned, members[i].Generation = a[members[i].ID], generation
	}
	return members
}

// show prints an assignment on one line: "a: orders/0 orders/1; b: orders/2".
func show(a map[string][]Task) string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(a)) {
		parts = append(parts, strings.TrimRight(id+": "+strings.Trim(fmt.Sprint(a[id]), "[]"), " "))
	}
	return strings.Join(parts, "; ")
}

// moves counts the tasks that leave a member which owns them undisputed.
func moves(a map[string][]Task, members []Peer) int {
	n := 0
	for t, id := range owners(sorted(members)) {
		if !slices.Contains(a[id], t) && owned(a, t) {
			n++
		}
	}
	return n
}

func owned(a map[string][]Task, t Task) bool {
	for _, tasks := range a {
		if slices.Contains(tasks, t) {
			return true
		}
	}
	return false
}

// checkLaws reports what is wrong with an assignment: tasks missing or doubled, or an imbalance of more than one.
func checkLaws(a map[string][]Task, components []Component, members []Peer) error {
	if len(a) != len(members) {
		return fmt.Errorf("%d members have entries, want %d", len(a), len(members))
	}
	seen := make(map[Task]string)
	for id, tasks := range a {
		if !slices.IsSortedFunc(tasks, Task.Compare) {
			return fmt.Errorf("tasks of %s aren't sorted: %v", id, tasks)
		}
		for _, t := range tasks {
			if other, ok := seen[t]; ok {
				return fmt.Errorf("%v is with %s and %s", t, other, id)
			}
			seen[t] = id
		}
	}
	want := 0
	count := func(of func(Task) bool) error {
		low, high := 1<<30, 0
		for _, m := range members {
			n := 0
			for _, t := range a[m.ID] {
				if of(t) {
					n++
				}
			}
			low, high = min(low, n), max(high, n)
		}
		if high-low > 1 {
			return fmt.Errorf("members have between %d and %d", low, high)
		}
		return nil
	}
	stateful := make(map[string]bool)
	for _, c := range components {
		stateful[c.Name] = c.Stateful
		want += int(c.TaskCount())
		for p := range c.TaskCount() {
			if _, ok := seen[Task{c.Name, p}]; !ok && len(members) > 0 {
				return fmt.Errorf("%s/%d is with nobody", c.Name, p)
			}
		}
		if err := count(func(t Task) bool { return t.Component == c.Name }); err != nil && len(members) > 0 {
			return fmt.Errorf("tasks of %s: %w", c.Name, err)
		}
	}
	if len(members) == 0 {
		return nil
	}
	if len(seen) != want {
		return fmt.Errorf("%d tasks are assigned, want %d", len(seen), want)
	}
	if err := count(func(t Task) bool { return stateful[t.Component] }); err != nil {
		return fmt.Errorf("stateful tasks: %w", err)
	}
	if err := count(func(Task) bool { return true }); err != nil {
		return fmt.Errorf("all tasks: %w", err)
	}
	return nil
}

func TestAssign(t *testing.T) {
	six := []Component{component("orders", 6, true)}
	generation := map[string][]Task{"a": {{"orders", 0}, {"orders", 1}, {"orders", 2}}, "b": {{"orders", 3}, {"orders", 4}, {"orders", 5}}}
	cases := []struct {
		name       string
		components []Component
		members    []Peer
		want       string
	}{
		{"nobody", six, nil, ""},
		{"alone", six, peers("a"), "a: orders/0 orders/1 orders/2 orders/3 orders/4 orders/5"},
		{"more members than tasks", []Component{component("c", 2, false)}, peers("a", "b", "c"), "a: c/0; b: c/1; c:"},
		{"nothing to do", nil, peers("a", "b"), "a:; b:"},
		{"one joins: the highest partitions move", six, owning(peers("a", "b", "c"), generation, 1),
			"a: orders/0 orders/1; b: orders/3 orders/4; c: orders/2 orders/5"},
		{"one is gone: the rest keep theirs", six, owning(peers("b", "c"), generation, 1),
			"b: orders/3 orders/4 orders/5; c: orders/0 orders/1 orders/2"},
		{"a newer claim wins", []Component{component("x", 2, true)},
			[]Peer{{ID: "a", Owned: []Task{{"x", 1}}, Generation: 4}, {ID: "b", Owned: []Task{{"x", 0}, {"x", 1}}, Generation: 3}},
			"a: x/1; b: x/0"},
		{"equal claims: neither is sticky, an own task is", []Component{component("x", 2, true)},
			[]Peer{{ID: "a", Owned: []Task{{"x", 0}, {"x", 1}}, Generation: 3}, {ID: "b", Owned: []Task{{"x", 1}}, Generation: 3}},
			"a: x/0; b: x/1"},
		{"a disk decides where a task goes that moves anyway", six,
			[]Peer{{ID: "a", Owned: generation["a"]}, {ID: "b", Owned: generation["b"]}, {ID: "c", Former: []Task{{"orders", 0}, {"orders", 4}}}},
			"a: orders/1 orders/2; b: orders/3 orders/5; c: orders/0 orders/4"},
		{"a disk decides who gets one of few", []Component{component("x", 2, true)},
			[]Peer{{ID: "a"}, {ID: "b"}, {ID: "c", Former: []Task{{"x", 0}}}}, "a: x/1; b:; c: x/0"},
		{"a disk moves nothing by itself", six,
			[]Peer{{ID: "a", Owned: generation["a"]}, {ID: "b", Owned: generation["b"], Former: generation["a"]}},
			"a: orders/0 orders/1 orders/2; b: orders/3 orders/4 orders/5"},
		{"claims of tasks that aren't any more are ignored", []Component{component("x", 1, true)},
			[]Peer{{ID: "a", Owned: []Task{{"x", 7}, {"gone", 0}, {"x", -1}}, Generation: 1}}, "a: x/0"},
		{"static members come in the order of their names", []Component{component("x", 2, true)},
			[]Peer{{ID: "1", Instance: "w2"}, {ID: "2", Instance: "w1"}}, "1: x/1; 2: x/0"},
		{"stateful tasks spread by themselves", []Component{component("big", 2, true), component("light", 2, false), component("other", 2, true)},
			peers("a", "b"), "a: big/0 light/0 other/0; b: big/1 light/1 other/1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := Assign(c.components, c.members)
			if got := show(a); got != c.want {
				t.Errorf("assigned %s\nwant     %s", got, c.want)
			}
			if err := checkLaws(a, c.components, c.members); err != nil {
				t.Error(err)
			}
		})
	}
}

// scenario draws components and members, some of which claim tasks, rightly or not.
func scenario(r *rand.Rand, components, partitions, members int) ([]Component, []Peer) {
	var cs []Component
	for i := range 1 + r.IntN(components) {
		cs = append(cs, component(fmt.Sprintf("c%d", i), int32(r.IntN(partitions+1)), r.IntN(2) == 0))
	}
	var ms []Peer
	for i := range 1 + r.IntN(members) {
		m := Peer{ID: fmt.Sprintf("m%d", i), Generation: int32(r.IntN(3))}
		for _, c := range cs {
			for p := range c.TaskCount() {
				switch r.IntN(2 * members) {
				case 0, 1:
					m.Owned = append(m.Owned, Task{c.Name, p})
				case 2:
					m.Former = append(m.Former, Task{c.Name, p})
				}
			}
		}
		ms = append(ms, m)
	}
	return cs, ms
}

func TestAssignLaws(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		components, members := scenario(r, 6, 12, 8)
		a := Assign(components, members)
		if err := checkLaws(a, components, members); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		shuffled := slices.Clone(members)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if b := Assign(components, shuffled); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: the order of the members matters: %s\nand %s", seed, show(a), show(b))
		}
		if b := Assign(components, owning(members, a, 9)); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: assigned again, tasks moved: %s\nto %s", seed, show(a), show(b))
		}
	}
}

// TestAssignMovesAsFewAsPossible compares with all balanced assignments there are.
func TestAssignMovesAsFewAsPossible(t *testing.T) {
	tried := 0
	for seed := range uint64(400) {
		components, members := scenario(rand.New(rand.NewPCG(seed, 11)), 3, 4, 3)
		var tasks []Task
		for _, c := range components {
			for p := range c.TaskCount() {
				tasks = append(tasks, Task{c.Name, p})
			}
		}
		if len(tasks) > 6 {
			continue
		}
		tried++
		least := len(tasks) + 1
		for _, candidate := range everyWay(tasks, members) {
			if checkLaws(candidate, components, members) == nil {
				least = min(least, moves(candidate, members))
			}
		}
		a := Assign(components, members)
		if got := moves(a, members); got != least {
			t.Fatalf("seed %d: %d tasks moved where %d would do: %+v\n%s", seed, got, least, members, show(a))
		}
	}
	if tried < 100 {
		t.Errorf("only %d scenarios were small enough to compare", tried)
	}
}

// everyWay lists all assignments of tasks to members.
func everyWay(tasks []Task, members []Peer) []map[string][]Task {
	ways := []map[string][]Task{{}}
	for _, m := range members {
		ways[0][m.ID] = nil
	}
	for _, task := range tasks {
		var more []map[string][]Task
		for _, w := range ways {
			for _, m := range members {
				next := maps.Clone(w)
				next[m.ID] = append(slices.Clone(w[m.ID]), task)
				more = append(more, next)
			}
		}
		ways = more
	}
	return ways
}

func TestAssignJoinLeaveReturn(t *testing.T) {
	components := []Component{component("a", 12, true), component("b", 12, true), component("c", 12, false)}
	three := peers("m1", "m2", "m3")
	before := Assign(components, three)

	four := owning(peers("m1", "m2", "m3", "m4"), before, 1)
	joined := Assign(components, four)
	if n := moves(joined, four); n != 9 {
		t.Errorf("a fourth member joined 36 tasks and %d moved, want its 9", n)
	}

	rest := owning(three, joined, 2)
	left := Assign(components, rest)
	if n := moves(left, rest); n != 0 {
		t.Errorf("a member left and %d tasks of the others moved", n)
	}

	back := owning(peers("m1", "m2", "m3", "m4"), left, 3)
	back[3] = Peer{ID: "m4", Owned: joined["m4"], Generation: 2}
	returned := Assign(components, back)
	if !reflect.DeepEqual(returned["m4"], joined["m4"]) {
		t.Errorf("a member came back with the state of %v and got %v", joined["m4"], returned["m4"])
	}
}

func TestCooperative(t *testing.T) {
	x0, x1, x2 := Task{"x", 0}, Task{"x", 1}, Task{"x", 2}
	cases := []struct {
		name     string
		target   map[string][]Task
		members  []Peer
		want     string
		withheld int
	}{
		{"a free task is given at once", map[string][]Task{"a": {x0}}, peers("a"), "a: x/0", 0},
		{"a task in use is withheld", map[string][]Task{"a": {x0}, "b": {x1}},
			[]Peer{{ID: "a", Owned: []Task{x0, x1}}, {ID: "b"}}, "a: x/0; b:", 1},
		{"once given up it goes on", map[string][]Task{"a": {x0}, "b": {x1}},
			[]Peer{{ID: "a", Owned: []Task{x0}}, {ID: "b"}}, "a: x/0; b: x/1", 0},
		{"the newest claim keeps running beside a stale one", map[string][]Task{"a": {x0}, "b": nil},
			[]Peer{{ID: "a", Owned: []Task{x0}, Generation: 5}, {ID: "b", Owned: []Task{x0}, Generation: 4}}, "a: x/0; b:", 0},
		{"a stale claim withholds from a third", map[string][]Task{"a": nil, "b": {x0}},
			[]Peer{{ID: "a", Owned: []Task{x0}, Generation: 1}, {ID: "b", Generation: 9}}, "a:; b:", 1},
		{"on a tie both give up first", map[string][]Task{"a": {x0, x2}, "b": {}},
			[]Peer{{ID: "a", Owned: []Task{x0}, Generation: 5}, {ID: "b", Owned: []Task{x0}, Generation: 5}}, "a: x/2; b:", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			grant, withheld := Cooperative(c.target, c.members)
			if show(grant) != c.want || withheld != c.withheld {
				t.Errorf("granted %s and withheld %d, want %s and %d", show(grant), withheld, c.want, c.withheld)
			}
		})
	}
}

// TestCooperativeSteps plays whole rebalances: never two holders of a task, and the target is reached in two generations.
func TestCooperativeSteps(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		components, members := scenario(r, 4, 8, 6)
		members = owning(members, Assign(components, members), 1)
		r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		members = append(members[r.IntN(len(members)):], peers("n1", "n2")[:1+r.IntN(2)]...)
		target := Assign(components, members)
		for step := int32(2); ; step++ {
			if again := Assign(components, members); !reflect.DeepEqual(again, target) {
				t.Fatalf("seed %d: the target changed on the way from %s\nto %s", seed, show(target), show(again))
			}
			grant, withheld := Cooperative(target, members)
			for _, m := range members {
				for _, task := range grant[m.ID] {
					for _, other := range members {
						if other.ID != m.ID && slices.Contains(other.Owned, task) {
							t.Fatalf("seed %d: %v is granted to %s while %s has it", seed, task, m.ID, other.ID)
						}
					}
				}
			}
			members = owning(members, grant, step)
			if withheld == 0 {
				break
			}
			if step == 3 {
				t.Fatalf("seed %d: %d tasks are still withheld in the second generation", seed, withheld)
			}
		}
		for _, m := range members {
			if !slices.Equal(m.Owned, target[m.ID]) {
				t.Fatalf("seed %d: %s ends with %v, want %v", seed, m.ID, m.Owned, target[m.ID])
			}
		}
	}
}

func FuzzAssign(f *testing.F) {
	f.Add([]byte{3, 2, 4, 1, 6, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1})
	f.Add([]byte{1, 1, 0})
	f.Add([]byte{255, 255, 255, 255, 0, 0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b)
		}
		members := make([]Peer, 1+next()%6)
		var components []Component
		for i := range next() % 5 {
			components = append(components, component(fmt.Sprint(i), int32(next()%9), next()%2 == 0))
		}
		for i := range members {
			members[i] = Peer{ID: fmt.Sprint(i), Instance: strings.Repeat("w", next()%2), Generation: int32(next() % 3)}
		}
		for len(data) > 0 {
			m, task := &members[next()%len(members)], Task{fmt.Sprint(next() % 5), int32(next()%12) - 1}
			if next()%4 == 0 {
				m.Former = append(m.Former, task)
			} else {
				m.Owned = append(m.Owned, task)
			}
		}
		a := Assign(components, members)
		if err := checkLaws(a, components, members); err != nil {
			t.Fatal(err)
		}
		if b := Assign(components, owning(members, a, 9)); !reflect.DeepEqual(a, b) {
			t.Fatalf("assigned again, tasks moved: %s\nto %s", show(a), show(b))
		}
	})
}

func TestComponent(t *testing.T) {
	c := Component{Name: "c", Topics: []Topic{{"a", 2}, {"b", 3}}}
	want := []record.TopicPartition{{Topic: "b", Partition: 2}}
	if got := c.Partitions(2); c.TaskCount() != 3 || !slices.Equal(got, want) {
		t.Errorf("%d tasks, the last of %v; want 3 and %v", c.TaskCount(), got, want)
	}
	if err := Validate([]Component{c}); err != nil {
		t.Errorf("a stateless component may mix counts: %v", err)
	}
	c.Stateful = true
	if err := Validate([]Component{c}); err == nil || !strings.Contains(err.Error(), "topic a has 2 partitions where the largest of its topics has 3") {
		t.Errorf("a stateful component must not mix counts; got %v", err)
	}
	if err := Validate([]Component{component("x", 1, false), component("x", 2, false)}); err == nil || !strings.Contains(err.Error(), `named "x"`) {
		t.Errorf("two components of one name: got %v", err)
	}
}

func BenchmarkAssign(b *testing.B) {
	var components []Component
	for i := range 10 {
		components = append(components, component(fmt.Sprint(i), 100, i%2 == 0))
	}
	var members []Peer
	for i := range 50 {
		members = append(members, Peer{ID: fmt.Sprint(i)})
	}
	members = owning(members, Assign(components, members[:47]), 1)
	for b.Loop() {
		Assign(components, members)
	}
}

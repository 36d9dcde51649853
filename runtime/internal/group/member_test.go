package group

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scene is a group with its workers and the book of who works on what.
// It fails the test when a task is given to a worker while another still has it.
type scene struct {
	t     *testing.T
	group *fakeGroup

	mu         sync.Mutex
	components []Component
	lookupErr  error
	holder     map[Task]string
	zombies    map[string]bool // workers that were expelled and can't know it before their next heartbeat
	book       []string        // what the handlers were told: "w1 +c/0 c/1", "w1 -c/0", "w1 lost c/0"
	logs       bytes.Buffer
}

// worker is a process with a member in it.
type worker struct {
	*scene
	name   string
	member *Member
	link   *fakeLink
	kill   context.CancelCauseFunc
	done   chan error

	slowRevoke, slowAssign time.Duration
	assignErr, revokeErr   error
	uncommitted            int // revocations whose commit was refused to the end
}

func newScene(t *testing.T, partitions int32) *scene {
	return &scene{t: t, group: newFakeGroup(), components: copartitioned(partitions), holder: make(map[Task]string), zombies: make(map[string]bool)}
}

func copartitioned(n int32) []Component {
	return []Component{{Name: "c", Topics: []Topic{{"orders", n}, {"payments", n}}, Stateful: true}}
}

// Write takes the log lines of all workers.
func (s *scene) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.Write(line)
}

func (s *scene) lookup(context.Context) ([]Component, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.components, s.lookupErr
}

func (s *scene) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// start runs a worker until it is stopped or killed, at the latest by the end of the bubble's test.
func (s *scene) start(name string, change ...func(*worker, *Config)) *worker {
	w := &worker{scene: s, name: name, link: &fakeLink{group: s.group}, done: make(chan error, 1)}
	cfg := Config{Group: "app", Address: name + ":6066", Topics: []string{"orders", "payments"}, Components: s.lookup, Handler: w,
		Log: slog.New(slog.NewTextHandler(s, nil)).With("worker", name)}
	for _, c := range change {
		c(w, &cfg)
	}
	w.member = New(cfg, w.link)
	ctx, kill := context.WithCancelCause(context.Background())
	w.kill = kill
	go func() { w.done <- w.member.Run(ctx) }()
	return w
}

func static(_ *worker, c *Config) { c.Instance = "static" }

// stop ends the worker in order and returns what Run returned.
func (w *worker) stop() error {
	w.kill(context.Canceled)
	return <-w.done
}

// crash ends the worker like kill -9; what it worked on is worked on no more.
func (w *worker) crash() {
	w.t.Helper()
	w.kill(ErrAbandon)
	if err := <-w.done; !errors.Is(err, ErrAbandon) {
		w.t.Errorf("%s: an abandoned Run returned %v, want ErrAbandon", w.name, err)
	}
	w.locked(func() {
		for t, holder := range w.holder {
			if holder == w.name {
				delete(w.holder, t)
			}
		}
	})
}

func (w *worker) Assigned(ctx context.Context, tasks []Task) error {
	w.locked(func() {
		w.book = append(w.book, fmt.Sprintf("%s +%s", w.name, strings.Trim(fmt.Sprint(tasks), "[]")))
		for _, t := range tasks {
			if other, ok := w.holder[t]; ok && !w.zombies[other] {
				w.t.Errorf("%v: %s is given %v while %s has it", tail(w.book), w.name, t, other)
			}
			w.holder[t] = w.name
		}
	})
	sleep(ctx, w.slowAssign)
	return w.assignErr
}

func (w *worker) Revoked(ctx context.Context, tasks []Task) error {
	var slow time.Duration
	w.locked(func() { slow = w.slowRevoke })
	sleep(ctx, slow)
	for {
		err := w.scene.group.commit(w.member.Identity())
		if err == nil {
			break
		}
		if sleep(ctx, 50*time.Millisecond); ctx.Err() != nil {
			w.locked(func() { w.uncommitted++ })
			break
		}
	}
	w.release("-", tasks)
	return w.revokeErr
}

func (w *worker) Lost(tasks []Task) {
	if generation, id := w.member.Identity(); generation != -1 || id != "" {
		w.t.Errorf("%s lost its membership and still goes by %d %s", w.name, generation, id)
	}
	if w.member.Holds() {
		w.t.Errorf("%s: Lost while the membership counts as certain", w.name)
	}
	w.release("lost ", tasks)
	w.locked(func() { delete(w.zombies, w.name) })
}

func (w *worker) release(how string, tasks []Task) {
	w.locked(func() {
		w.book = append(w.book, fmt.Sprintf("%s %s%s", w.name, how, strings.Trim(fmt.Sprint(tasks), "[]")))
		for _, t := range tasks {
			if w.holder[t] != w.name && w.zombies[w.name] {
				continue
			}
			if w.holder[t] != w.name {
				w.t.Errorf("%v: %s gives up %v, which is with %q", tail(w.book), w.name, t, w.holder[t])
			}
			delete(w.holder, t)
		}
	})
}

// tail is the end of the book, which is what a failure is about.
func tail(book []string) []string { return book[max(0, len(book)-8):] }

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// expectBook compares what the handlers were told since the last call.
func (s *scene) expectBook(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.locked(func() {
		if !slices.Equal(s.book, want) {
			s.t.Errorf("handlers were told\n%s\nwant\n%s", strings.Join(s.book, "\n"), strings.Join(want, "\n"))
		}
		s.book = nil
	})
}

// expectMoves is expectBook where the members act at the same moment: one line for each task, sorted.
func (s *scene) expectMoves(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.locked(func() {
		var moves []string
		for _, line := range s.book {
			who, tasks, _ := strings.Cut(line, " ")
			for task := range strings.FieldsSeq(tasks[1:]) {
				moves = append(moves, who+" "+tasks[:1]+task)
			}
		}
		slices.Sort(moves)
		if !slices.Equal(moves, want) {
			s.t.Errorf("tasks moved\n%s\nwant\n%s", strings.Join(moves, "\n"), strings.Join(want, "\n"))
		}
		s.book = nil
	})
}

// expel makes the group forget a worker, which can't know it before its next heartbeat.
func (s *scene) expel(w *worker) {
	if _, id := w.member.Identity(); id != "" {
		s.locked(func() { s.zombies[w.name] = true })
		s.group.expel(id)
	}
}

// expectHeld says that all n tasks are worked on, by members whose numbers differ by at most one.
func (s *scene) expectHeld(n int32, workers ...*worker) {
	s.t.Helper()
	synctest.Wait()
	s.locked(func() {
		counts := make(map[string]int)
		for _, holder := range s.holder {
			counts[holder]++
		}
		if len(s.holder) != int(n) {
			s.t.Errorf("%d of %d tasks are worked on: %v", len(s.holder), n, s.holder)
		}
		for _, w := range workers {
			if low := int(n) / len(workers); counts[w.name] != low && counts[w.name] != low+1 {
				s.t.Errorf("%s has %d of %d tasks among %d workers", w.name, counts[w.name], n, len(workers))
			}
		}
	})
}

func (s *scene) logged(text string) int {
	n := 0
	s.locked(func() { n = strings.Count(s.logs.String(), text) })
	return n
}

// play runs a test in virtual time and stops its workers in the end.
func play(t *testing.T, partitions int32, f func(s *scene)) {
	synctest.Test(t, func(t *testing.T) { f(newScene(t, partitions)) })
}

func TestThreeMembersJoinOneByOne(t *testing.T) {
	play(t, 6, func(s *scene) {
		a := s.start("a")
		time.Sleep(5 * time.Second)
		s.expectBook("a +c/0 c/1 c/2 c/3 c/4 c/5")
		b := s.start("b")
		time.Sleep(5 * time.Second)
		s.expectBook("a -c/3 c/4 c/5", "b +c/3 c/4 c/5")
		c := s.start("c")
		time.Sleep(5 * time.Second)
		s.expectMoves("a -c/2", "b -c/5", "c +c/2", "c +c/5")
		s.expectHeld(6, a, b, c)

		if err := b.stop(); err != nil {
			t.Errorf("stopping returned %v", err)
		}
		if b.link.left != 1 {
			t.Errorf("b left %d times, want once", b.link.left)
		}
		time.Sleep(5 * time.Second)
		s.expectMoves("a +c/3", "b -c/3", "b -c/4", "c +c/4")
		s.expectHeld(6, a, c)
		for _, w := range []*worker{a, c} {
			if err := w.stop(); err != nil {
				t.Errorf("%s: stopping returned %v", w.name, err)
			}
			if generation, id := w.member.Identity(); generation != -1 || id != "" {
				t.Errorf("%s left and still goes by %d %s", w.name, generation, id)
			}
		}
		s.expectHeld(0)
	})
}

func TestThreeMembersJoinAtOnce(t *testing.T) {
	play(t, 6, func(s *scene) {
		ws := []*worker{s.start("a"), s.start("b"), s.start("c")}
		time.Sleep(10 * time.Second)
		s.expectHeld(6, ws...)
		for _, w := range ws {
			generation, id := w.member.Identity()
			if err := s.group.commit(generation, id); err != nil {
				t.Errorf("%s: a commit with its identity %d %s: %v", w.name, generation, id, err)
			}
			if err := w.stop(); err != nil {
				t.Error(err)
			}
		}
	})
}

// two starts a and b over four tasks and waits until each has two.
func two(s *scene, change ...func(*worker, *Config)) (a, b *worker) {
	a = s.start("a", change...)
	time.Sleep(5 * time.Second)
	b = s.start("b")
	time.Sleep(5 * time.Second)
	s.expectBook("a +c/0 c/1 c/2 c/3", "a -c/2 c/3", "b +c/2 c/3")
	return a, b
}

func TestKilledWithoutLeaving(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		a.crash()
		time.Sleep(8 * time.Second)
		s.expectBook()
		time.Sleep(4 * time.Second)
		s.expectBook("b +c/0 c/1")
		if a.link.left != 0 {
			t.Error("a killed worker has left the group")
		}
		b.stop()
	})
}

// TestSilentLink: the coordinator expires a member that it hears no more; the member must have stopped by then.
func TestSilentLink(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		open := make(chan struct{})
		a.link.set(func(l *fakeLink) { l.hang = open })
		time.Sleep(20 * time.Second)
		s.expectBook("a lost c/0 c/1", "b +c/0 c/1")
		a.link.set(func(l *fakeLink) { l.hang = nil })
		close(open)
		time.Sleep(10 * time.Second)
		s.expectHeld(4, a, b)
		a.stop()
		b.stop()
	})
}

func TestShortOutage(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		_, before := s.group.count()
		for _, w := range []*worker{a, b} {
			w.link.set(func(l *fakeLink) { l.err = errDown })
		}
		time.Sleep(6 * time.Second)
		for _, w := range []*worker{a, b} {
			w.link.set(func(l *fakeLink) { l.err = nil })
		}
		time.Sleep(30 * time.Second)
		s.expectBook()
		if _, after := s.group.count(); after != before {
			t.Errorf("an outage shorter than the session brought %d rebalances", after-before)
		}
		if n := s.logged("group is interrupted"); n != 2 {
			t.Errorf("the outage is logged %d times by two workers, want once each", n)
		}
		if n := s.logged("group goes on"); n != 2 {
			t.Errorf("its end is logged %d times, want once each", n)
		}
		a.stop()
		b.stop()
	})
}

func TestBrokerAwayAtStart(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", func(w *worker, _ *Config) { w.link.err = errDown })
		time.Sleep(time.Minute)
		if generation, id := a.member.Identity(); generation != -1 || id != "" {
			t.Errorf("before joining it goes by %d %s", generation, id)
		}
		s.expectBook()
		if n := s.logged("group is interrupted"); n != 1 {
			t.Errorf("the outage is logged %d times, want once", n)
		}
		a.link.set(func(l *fakeLink) { l.err = nil })
		time.Sleep(3 * time.Second)
		s.expectBook("a +c/0 c/1 c/2 c/3")
		if n := s.logged("group goes on"); n != 1 {
			t.Errorf("the end of the outage is logged %d times, want once", n)
		}
		a.stop()
	})
}

func TestStopWhileBrokerIsAway(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", func(w *worker, _ *Config) { w.link.err = errDown })
		time.Sleep(time.Minute)
		begin := time.Now()
		if err := a.stop(); err != nil || time.Since(begin) > time.Second {
			t.Errorf("stopping took %v and returned %v", time.Since(begin), err)
		}
	})
}

func TestFenced(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		_, before := a.member.Identity()
		s.expel(a)
		time.Sleep(10 * time.Second)
		s.locked(func() {
			if !slices.Contains(s.book, "a lost c/0 c/1") {
				t.Errorf("handlers were told %v", s.book)
			}
		})
		s.expectHeld(4, a, b)
		if _, after := a.member.Identity(); after == before || after == "" {
			t.Errorf("after being fenced it goes by %q, before by %q", after, before)
		}
		a.stop()
		b.stop()
	})
}

// TestSlowRevoke: handing over takes longer than a session, and the heartbeats keep the membership.
func TestSlowRevoke(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", func(w *worker, _ *Config) { w.slowRevoke = 25 * time.Second })
		time.Sleep(5 * time.Second)
		b := s.start("b")
		time.Sleep(20 * time.Second)
		s.expectBook("a +c/0 c/1 c/2 c/3")
		time.Sleep(15 * time.Second)
		s.expectBook("a -c/2 c/3", "b +c/2 c/3")
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		s.expectBook("a -c/0 c/1", "b +c/0 c/1")
		b.stop()
		if a.uncommitted+b.uncommitted > 0 {
			t.Errorf("%d revocations could not commit", a.uncommitted+b.uncommitted)
		}
	})
}

// TestRevokeBeyondAllTime: the coordinator waits no longer than the rebalance timeout, and then the tasks are lost.
func TestRevokeBeyondAllTime(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", func(w *worker, _ *Config) { w.slowRevoke = time.Hour })
		time.Sleep(5 * time.Second)
		b := s.start("b")
		time.Sleep(90 * time.Second)
		s.locked(func() { a.slowRevoke = 0 })
		time.Sleep(time.Minute)
		s.expectHeld(4, a, b)
		a.stop()
		b.stop()
	})
}

func TestSlowAssign(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", func(w *worker, _ *Config) { w.slowAssign = 25 * time.Second })
		time.Sleep(5 * time.Second)
		b := s.start("b") // asks a to join again in the middle of Assigned
		time.Sleep(15 * time.Second)
		s.expectBook("a +c/0 c/1 c/2 c/3")
		time.Sleep(10 * time.Second)
		s.expectBook("a -c/2 c/3", "b +c/2 c/3")
		if members, rebalances := s.group.count(); members != 2 || rebalances != 3 {
			t.Errorf("%d members after %d rebalances, want 2 after 3", members, rebalances)
		}
		a.stop()
		b.stop()
	})
}

func TestFencedInHandler(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", func(w *worker, _ *Config) { w.slowAssign = time.Hour })
		time.Sleep(5 * time.Second)
		s.expel(a)
		time.Sleep(1200 * time.Millisecond)
		s.expectBook("a +c/0 c/1 c/2 c/3", "a lost c/0 c/1 c/2 c/3", "a +c/0 c/1 c/2 c/3")
		a.crash()
	})
}

func TestPartitionsAdded(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		s.locked(func() { s.components = copartitioned(6) })
		time.Sleep(70 * time.Second)
		s.expectMoves("a +c/4", "b +c/5")
		a.stop()
		b.stop()
	})
}

func TestUnequalPartitions(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a")
		time.Sleep(5 * time.Second)
		s.locked(func() { s.components = []Component{{"c", []Topic{{"orders", 4}, {"payments", 8}}, true}} })
		err := <-a.done
		if err == nil || !strings.Contains(err.Error(), "topic orders has 4 partitions where the largest of its topics has 8") {
			t.Errorf("Run returned %v", err)
		}
		s.expectBook("a +c/0 c/1 c/2 c/3", "a -c/0 c/1 c/2 c/3")
		if members, _ := s.group.count(); members != 0 || a.uncommitted > 0 {
			t.Errorf("%d members are left, %d revocations uncommitted", members, a.uncommitted)
		}
	})
}

func TestLookupFails(t *testing.T) {
	play(t, 4, func(s *scene) {
		s.lookupErr = errDown
		a := s.start("a")
		time.Sleep(5 * time.Minute)
		s.expectBook()
		s.locked(func() { s.lookupErr = nil })
		time.Sleep(5 * time.Second)
		s.expectBook("a +c/0 c/1 c/2 c/3")
		if n := s.logged("group is interrupted"); n != 1 {
			t.Errorf("the outage is logged %d times, want once", n)
		}
		a.stop()
	})
}

// TestStaticRestart: a restart within the session moves nothing, and a minute later the member leads again if it led before.
func TestStaticRestart(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s, static)
		_, before := s.group.count()
		a.crash()
		time.Sleep(3 * time.Second)
		a = s.start("a", static)
		time.Sleep(10 * time.Second)
		s.expectBook("a +c/0 c/1")
		if _, after := s.group.count(); after != before {
			t.Errorf("a static restart brought %d rebalances", after-before)
		}
		s.locked(func() { s.components = copartitioned(6) })
		time.Sleep(2 * time.Minute)
		s.expectMoves("a +c/5", "b +c/4") // a, with a name, comes after b, without
		a.stop()
		b.stop()
	})
}

// TestStaticStopAndStart: a clean stop doesn't give the tasks away either, unless nobody comes back within the session.
func TestStaticStopAndStart(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s, static)
		_, before := s.group.count()
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * time.Second)
		a = s.start("a", static)
		time.Sleep(10 * time.Second)
		s.expectHeld(4, a, b)
		if _, after := s.group.count(); after != before {
			t.Errorf("a clean stop and a start brought %d rebalances", after-before)
		}
		a.stop()
		time.Sleep(2 * time.Minute)
		s.expectHeld(4, b)
		b.stop()
	})
}

// TestStaticRestartWhileHandingOver: nobody has the task that the dead process had given up; its successor's joining again frees it.
func TestStaticRestartWhileHandingOver(t *testing.T) {
	play(t, 4, func(s *scene) {
		a := s.start("a", static, func(w *worker, _ *Config) { w.slowRevoke = 5 * time.Second })
		time.Sleep(5 * time.Second)
		b := s.start("b")
		time.Sleep(3 * time.Second)
		a.crash()
		a = s.start("a", static)
		time.Sleep(2 * time.Minute)
		s.expectHeld(4, a, b)
		a.stop()
		b.stop()
	})
}

// TestStopInRebalance: the stopping worker waits for the rebalance under way, for without its generation the last commit is refused.
func TestStopInRebalance(t *testing.T) {
	play(t, 6, func(s *scene) {
		a := s.start("a")
		time.Sleep(5 * time.Second)
		b := s.start("b", func(w *worker, _ *Config) { w.slowAssign = 4 * time.Second })
		time.Sleep(2 * time.Second)
		c := s.start("c")
		time.Sleep(1500 * time.Millisecond) // a waits in Join for b
		if err := a.stop(); err != nil {
			t.Error(err)
		}
		time.Sleep(20 * time.Second)
		s.expectHeld(6, b, c)
		b.stop()
		c.stop()
		if n := a.uncommitted + b.uncommitted + c.uncommitted; n > 0 {
			t.Errorf("%d revocations could not commit", n)
		}
	})
}

// TestStopInLongRebalance: but it doesn't wait for ever.
func TestStopInLongRebalance(t *testing.T) {
	play(t, 6, func(s *scene) {
		a := s.start("a")
		time.Sleep(5 * time.Second)
		b := s.start("b", func(w *worker, _ *Config) { w.slowAssign = 50 * time.Second })
		time.Sleep(2 * time.Second)
		c := s.start("c")
		time.Sleep(1500 * time.Millisecond)
		begin := time.Now()
		if err := a.stop(); err != nil || time.Since(begin) > 31*time.Second {
			t.Errorf("stopping took %v and returned %v", time.Since(begin), err)
		}
		if a.uncommitted > 0 {
			t.Error("its commit was refused though the rebalance had not ended")
		}
		time.Sleep(time.Minute)
		s.expectHeld(6, b, c)
		b.stop()
		c.stop()
	})
}

// TestJoinAnswerLost: the coordinator has counted the member in and will expire it, while it still waits for the answer.
func TestJoinAnswerLost(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		a.link.set(func(l *fakeLink) { l.deaf = true })
		c := s.start("c")
		time.Sleep(30 * time.Second)
		s.locked(func() {
			if !slices.Contains(s.book, "a lost c/0 c/1") {
				t.Errorf("handlers were told %v", s.book)
			}
		})
		a.link.set(func(l *fakeLink) { l.deaf = false })
		time.Sleep(3 * time.Minute)
		s.expectHeld(4, a, b, c)
		a.stop()
		b.stop()
		c.stop()
	})
}

// TestJoinAnswerLate: the generation is over for the coordinator and not yet for the member, whose heartbeats are refused meanwhile.
func TestJoinAnswerLate(t *testing.T) {
	play(t, 6, func(s *scene) {
		a := s.start("a")
		time.Sleep(5 * time.Second)
		b := s.start("b")
		time.Sleep(5 * time.Second)
		s.expectMoves("a +c/0", "a +c/1", "a +c/2", "a +c/3", "a +c/4", "a +c/5", "a -c/3", "a -c/4", "a -c/5", "b +c/3", "b +c/4", "b +c/5")
		a.link.set(func(l *fakeLink) { l.late = 4 * time.Second })
		c := s.start("c")
		time.Sleep(30 * time.Second)
		s.expectMoves("a -c/2", "b -c/5", "c +c/2", "c +c/5")
		// The answer that b's leaving brings is late again; a, stopped, waits for it, since no commit succeeds without.
		b.stop()
		time.Sleep(2 * time.Second)
		a.stop()
		if a.uncommitted > 0 {
			t.Error("the last commit was refused")
		}
		c.stop()
	})
}

func TestHandlerErrors(t *testing.T) {
	boom := errors.New("no disk")
	t.Run("Assigned ends Run in order", func(t *testing.T) {
		play(t, 2, func(s *scene) {
			a := s.start("a", func(w *worker, _ *Config) { w.assignErr = boom })
			if err := <-a.done; !errors.Is(err, boom) {
				t.Errorf("Run returned %v", err)
			}
			s.expectBook("a +c/0 c/1", "a -c/0 c/1")
			if a.link.left != 1 {
				t.Error("it has not left the group")
			}
		})
	})
	t.Run("Revoked is logged in a rebalance and returned when stopping", func(t *testing.T) {
		play(t, 2, func(s *scene) {
			a := s.start("a", func(w *worker, _ *Config) { w.revokeErr = boom })
			time.Sleep(5 * time.Second)
			b := s.start("b")
			time.Sleep(5 * time.Second)
			s.expectBook("a +c/0 c/1", "a -c/1", "b +c/1")
			if s.logged("no disk") != 1 {
				t.Error("the error isn't logged")
			}
			if err := a.stop(); !errors.Is(err, boom) {
				t.Errorf("Run returned %v", err)
			}
			b.stop()
		})
	})
}

func TestRefused(t *testing.T) {
	play(t, 2, func(s *scene) {
		a := s.start("a", static)
		time.Sleep(5 * time.Second)
		a.link.set(func(l *fakeLink) { l.err = fmt.Errorf("fenced instance id: %w", ErrRefused) })
		if err := <-a.done; !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), `group app, instance "static"`) {
			t.Errorf("Run returned %v", err)
		}
		s.expectBook("a +c/0 c/1", "a lost c/0 c/1")
		if a.link.left != 0 {
			t.Error("it has left the group in the name of the instance that replaced it")
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	w := &worker{}
	good := Config{Group: "g", Handler: w, Components: (&scene{}).lookup}
	cases := []struct {
		name, want string
		change     func(*Config)
	}{
		{"no group", "its name, a handler and the components are required", func(c *Config) { c.Group = "" }},
		{"no handler", "its name, a handler and the components are required", func(c *Config) { c.Handler = nil }},
		{"rare heartbeats", "a heartbeat every 4s is too rare for a session timeout of 10s", func(c *Config) { c.HeartbeatInterval = 4 * time.Second }},
		{"negative timeout", "a timeout is negative", func(c *Config) { c.StopTimeout = -1 }},
	}
	for _, c := range cases {
		cfg := good
		c.change(&cfg)
		if err := New(cfg, &fakeLink{}).Run(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Run returned %v", c.name, err)
		}
	}
}

// TestAnyOrderOfThings draws joins, stops, kills, silence, outages and expulsions; in the calm after them every task is worked on once.
func TestAnyOrderOfThings(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			play(t, 9, func(s *scene) { storm(s, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func storm(s *scene, r *rand.Rand) {
	var workers []*worker
	started := 0
	launch := func(name string, static bool) *worker {
		return s.start(name, func(w *worker, c *Config) {
			w.slowRevoke = time.Duration(r.IntN(15)) * time.Second
			w.slowAssign = time.Duration(r.IntN(15)) * time.Second
			if static {
				c.Instance = w.name
			}
		})
	}
	add := func() {
		started++
		workers = append(workers, launch(fmt.Sprint("w", started), r.IntN(2) == 0))
	}
	add()
	for range 40 {
		i := r.IntN(len(workers))
		w := workers[i]
		switch n := r.IntN(8); {
		case n <= 2 && len(workers) < 5:
			add()
		case n == 3 && len(workers) > 1:
			if err := w.stop(); err != nil {
				s.t.Error(err)
			}
			workers = slices.Delete(workers, i, i+1)
		case n == 4 && len(workers) > 1:
			w.crash()
			workers = slices.Delete(workers, i, i+1)
			if w.member.cfg.Instance != "" && r.IntN(2) == 0 {
				time.Sleep(time.Duration(r.IntN(12000)) * time.Millisecond)
				workers = append(workers, launch(w.name, true))
			}
		case n == 5:
			hang := make(chan struct{})
			w.link.set(func(l *fakeLink) { l.hang = hang })
			time.AfterFunc(time.Duration(r.IntN(20))*time.Second, func() {
				w.link.set(func(l *fakeLink) { l.hang = nil })
				close(hang)
			})
		case n == 6:
			w.link.set(func(l *fakeLink) { l.err = errDown })
			time.AfterFunc(time.Duration(r.IntN(20))*time.Second, func() { w.link.set(func(l *fakeLink) { l.err = nil }) })
		case n == 7:
			s.expel(w)
		}
		time.Sleep(time.Duration(r.IntN(12000)) * time.Millisecond)
	}
	time.Sleep(5 * time.Minute)
	s.expectHeld(9, workers...)
	_, before := s.group.count()
	time.Sleep(10 * time.Minute)
	if _, after := s.group.count(); after != before {
		s.t.Errorf("%d rebalances in the calm", after-before)
	}
	for _, w := range workers {
		if err := w.stop(); err != nil {
			s.t.Error(err)
		}
	}
	s.expectHeld(0)
}

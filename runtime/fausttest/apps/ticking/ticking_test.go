package ticking

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/fausttest"
)

// beats are the values of one key.
func beats(d *fausttest.Driver, key string) []string {
	var all []string
	for _, ev := range fausttest.Read[string, string](d, "beats") {
		if ev.Key == key {
			all = append(all, ev.Value)
		}
	}
	return all
}

func wantBeats(t *testing.T, d *fausttest.Driver, key string, want ...string) {
	t.Helper()
	if got := beats(d, key); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", key, got, want)
	}
}

// The first tick comes after one interval; those that are missed become one.
func TestTimersOfAWorker(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Advance(9 * time.Second)
		wantBeats(t, d, "beat")
		d.Advance(26 * time.Second)
		wantBeats(t, d, "beat", "00:00:10", "00:00:20", "00:00:30")
		d.Advance(41 * time.Second)
		wantBeats(t, d, "slow", "00:00:10", "00:00:35")
		d.Workers(2)
		before := len(beats(d, "beat"))
		d.Advance(20 * time.Second)
		if got := len(beats(d, "beat")) - before; got != 4 {
			t.Errorf("two workers beat %d times in 20 s, want 4", got)
		}
	})
}

// A timer that takes tables runs in every task, and what it does is committed as what agents do.
func TestTimersOfTasks(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for name, n := range map[string]int{"ann": 5, "bob": 1, "cal": 2} {
			for range n {
				d.Send("names", name, name)
			}
		}
		d.Advance(61 * time.Second)
		want := func(want map[string]int64) {
			t.Helper()
			if got := fausttest.Table[string, int64](d, "counts"); !reflect.DeepEqual(got, want) {
				t.Errorf("counts: got %v, want %v", got, want)
			}
		}
		want(map[string]int64{"ann": 2, "cal": 1})
		d.Advance(2 * time.Second)
		d.KillAndWipe()
		want(map[string]int64{"ann": 2, "cal": 1})
		d.Advance(61 * time.Second)
		want(map[string]int64{"ann": 1})
		wantBeats(t, d, "gone", "bob", "cal")
	})
}

func TestTasksBeginAndEndWithTheirWorker(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		wantBeats(t, d, "task", "begins")
		d.Restart()
		wantBeats(t, d, "task", "begins", "ends", "begins")
		d.Kill()
		wantBeats(t, d, "task", "begins", "ends", "begins", "begins")
	})
}

func TestCommands(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Settle()
		Events.Take()
		if err := Faust().RunCommand(t.Context(), "say", []string{"ann", "bob", "ann"}, d.Options()...); err != nil {
			t.Fatal(err)
		}
		if got := Events.Take(); len(got) != 0 {
			t.Errorf("events %q: a command builds no receiver, which may hold what only one process can", got)
		}
		if got, want := fausttest.Table[string, int64](d, "counts"), (map[string]int64{"ann": 2, "bob": 1}); !reflect.DeepEqual(got, want) {
			t.Errorf("counts: got %v, want %v", got, want)
		}
		if err := Faust().RunCommand(t.Context(), "say", nil, d.Options()...); err == nil || err.Error() != "say: say what? give some words" {
			t.Errorf("without words: %v", err)
		}
		if err := Faust().RunCommand(t.Context(), "shout", nil, d.Options()...); err == nil {
			t.Error("a command that does not exist runs")
		}
	})
}

// What an agent's receiver is built from is there before the first event and closed after the last.
func TestProvidersAreBuiltFirstAndClosedLast(t *testing.T) {
	Events.Take()
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("names", "ann", "ann")
		d.Send("names", "bob", "bob")
		d.Settle()
		d.Send("names", "cal", "cal")
		d.Restart()
		d.Send("names", "dan", "dan")
		var got []string
		for _, ev := range fausttest.Read[string, string](d, "greetings") {
			got = append(got, ev.Value)
		}
		slices.Sort(got)
		if want := []string{"hello ann", "hello bob", "hello cal", "hello dan"}; !slices.Equal(got, want) {
			t.Errorf("greetings %q, want %q", got, want)
		}
		first := Events.Take()
		if len(first) != 3 || first[0] != "new" || first[2] != "new" {
			t.Errorf("events %q, want one greeter that was closed, and a second", first)
		}
		d.Kill()
		if got, want := Events.Take(), []string{"new"}; !slices.Equal(got, want) {
			t.Errorf("events %q after a kill, which closes nothing; want %q", got, want)
		}
	})
	if got, want := Events.Take(), []string{"closed after 0"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

package colors

import (
	"fmt"
	"maps"
	"testing"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

func TestCountsAndMessages(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for _, c := range []string{"red", "blue", "mauve", "red", "", "red"} {
			d.Send("colors", nil, c)
		}
		counts := fausttest.Table[string, int64](d, "color_count")
		if want := map[string]int64{"red": 3, "blue": 1}; !maps.Equal(counts, want) {
			t.Errorf("counts are %v, want %v", counts, want)
		}
		valid := fausttest.Read[string, string](d, "valid-colors")
		if len(valid) != 4 {
			t.Errorf("%d colours were let through, want 4", len(valid))
		}
		for _, ev := range valid {
			if ev.Key != ev.Value {
				t.Errorf("colour %q went out with key %q", ev.Value, ev.Key)
			}
		}
		exactMessages(t, fausttest.Read[string, string](d, "messages"), counts)
	})
}

// Workers come and go in order: nothing is lost, nothing counts twice, and no message comes twice.
func TestWorkersShareThePartitions(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		want := map[string]int64{}
		for _, workers := range []int{1, 2, 3, 2, 1} {
			d.Workers(workers)
			sendColors(d, want, 400)
		}
		counts := fausttest.Table[string, int64](d, "color_count")
		if !maps.Equal(counts, want) {
			t.Errorf("counts are %v, want %v", counts, want)
		}
		exactMessages(t, fausttest.Read[string, string](d, "messages"), counts)
	})
}

// A worker that is killed loses nothing: what it had not committed is read again, so a colour may come twice, but never not at all.
func TestKilledWorkerLosesNothing(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		want := map[string]int64{}
		d.Workers(2)
		sendColors(d, want, 400)
		d.Settle()
		sendColors(d, want, 400)
		d.KillWorker(2)
		sendColors(d, want, 400)
		atLeast(t, d, want)
		d.Workers(2)
		sendColors(d, want, 400)
		d.Kill()
		atLeast(t, d, want)
	})
}

// atLeast checks that no colour is missing, that the table has counted exactly what was let through, and that each count was told.
func atLeast(t *testing.T, d *fausttest.Driver, sent map[string]int64) {
	t.Helper()
	counts := fausttest.Table[string, int64](d, "color_count")
	through := map[string]int64{}
	for _, ev := range fausttest.Read[string, string](d, "valid-colors") {
		through[ev.Value]++
	}
	if !maps.Equal(counts, through) {
		t.Errorf("counts are %v, but %v were let through", counts, through)
	}
	for color, n := range sent {
		if counts[color] < n {
			t.Errorf("%s counts %d, but %d were sent", color, counts[color], n)
		}
	}
	told := tellings(fausttest.Read[string, string](d, "messages"))
	for color, n := range counts {
		for i := int64(1); i <= n; i++ {
			if told[fmt.Sprintf("%s count is %d", color, i)] == 0 {
				t.Errorf("nothing said that %s count is %d", color, i)
			}
		}
	}
}

// exactMessages checks that every count was told once, under its colour's key, and nothing else.
func exactMessages(t *testing.T, messages []faust.Event[string, string], counts map[string]int64) {
	t.Helper()
	next := map[string]int64{}
	for _, ev := range messages {
		next[ev.Key]++
		if want := fmt.Sprintf("%s count is %d", ev.Key, next[ev.Key]); ev.Value != want {
			t.Fatalf("message %q where %q was due", ev.Value, want)
		}
	}
	if !maps.Equal(next, counts) {
		t.Errorf("the messages end at %v, the table has %v", next, counts)
	}
}

func tellings(messages []faust.Event[string, string]) map[string]int {
	told := map[string]int{}
	for _, ev := range messages {
		told[ev.Value]++
	}
	return told
}

// sendColors sends n colours, one in eight of them unknown, and adds the known ones to want.
func sendColors(d *fausttest.Driver, want map[string]int64, n int) {
	colors := []string{"red", "orange", "yellow", "green", "blue", "violet", "white", "mauve"}
	for i := range n {
		c := colors[i%len(colors)]
		d.Send("colors", fmt.Sprint(i), c)
		if known[c] {
			want[c]++
		}
	}
}

package task

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// An input tells that it is idle when nothing has come for idleAfter, and then every IdleRefresh; a record makes it busy again, and a task
// that stops takes its word back, so that nobody lets time go on over what comes before the next owner reads it.
func TestIdleIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var mu sync.Mutex // guards the rest: the task's goroutine writes it too
		var words []bool
		var since []time.Duration // from the last record
		var busy time.Time
		tells := &Step{Name: "repartition",
			Process: func(*record.Record) error {
				mu.Lock()
				defer mu.Unlock()
				busy = time.Now()
				return nil
			},
			Tell: func(idle, _ bool, now time.Time) {
				mu.Lock()
				defer mu.Unlock()
				words, since = append(words, idle), append(since, now.Sub(busy))
			}}
		// said returns what was told since the last call.
		said := func() (told []bool) {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			told, words = words, nil
			return told
		}
		r.make(tells)
		r.run()
		r.feed(3)
		time.Sleep((idleAfter - 1) * time.Millisecond)
		if told := said(); slices.Contains(told, true) {
			t.Errorf("%v within %d ms of the last record (%v), want busy", told, idleAfter, since)
		}
		time.Sleep((1 + 2*IdleRefresh) * time.Millisecond)
		if told := said(); !slices.Equal(told, []bool{true, true, true}) {
			t.Errorf("%v in the third to fifth second without a record, want idle three times (%v)", told, since)
		}
		r.feed(1)
		if told := said(); len(told) == 0 || slices.Contains(told, true) {
			t.Errorf("%v after a record, want busy", told)
		}
		time.Sleep((idleAfter + 1) * time.Millisecond)
		said()
		r.stop()
		if told := said(); len(told) == 0 || told[len(told)-1] {
			t.Errorf("%v when the task stopped, want its word taken back", told)
		}
	})
}

package task

import (
	"slices"
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
		var words []bool
		var since []time.Duration // from the last record
		var busy time.Time
		tells := &Step{Name: "repartition", Process: func(*record.Record) error { busy = time.Now(); return nil },
			Tell: func(idle, _ bool, now time.Time) { words, since = append(words, idle), append(since, now.Sub(busy)) }}
		r.make(tells)
		r.run()
		r.feed(3)
		time.Sleep((idleAfter - 1) * time.Millisecond)
		synctest.Wait()
		for i, idle := range words {
			if idle {
				t.Errorf("idle %v after the last record", since[i])
			}
		}
		words, since = nil, nil
		time.Sleep((1 + 2*IdleRefresh) * time.Millisecond)
		synctest.Wait()
		if len(words) != 3 || !words[0] || !words[1] || !words[2] {
			t.Errorf("%v in the third to fifth second without a record, want idle three times (%v)", words, since)
		}
		words = nil
		r.feed(1)
		synctest.Wait()
		if len(words) == 0 || slices.Contains(words, true) {
			t.Errorf("%v after a record, want busy", words)
		}
		time.Sleep((idleAfter + 1) * time.Millisecond)
		synctest.Wait()
		words = nil
		r.stop()
		if len(words) == 0 || words[len(words)-1] {
			t.Errorf("%v when the task stopped, want its word taken back", words)
		}
	})
}

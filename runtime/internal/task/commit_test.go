package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// Outputs and changelog are acknowledged before offsets are committed, and only then the store is written.
func TestCommitOrder(t *testing.T) {
	r := newRig(t)
	r.log.holdAcks = true
	r.feed(40)
	r.start()
	r.until("all is committed", func() bool { r.log.acknowledge(); return r.committedAt(40)() })
	r.task.Stop()
	r.until("the task has ended", func() bool { r.log.acknowledge(); return r.task.State() == Closed })
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	r.checkCounts()
	var acked, committed bool
	for _, h := range r.log.history {
		switch {
		case strings.HasPrefix(h, "ack changelog"):
			acked = true
		case strings.HasPrefix(h, "commit"):
			if h != "commit with 0 unacknowledged" {
				t.Error(h)
			}
			committed = acked // the first commit of all only says where the task begins
		case h == "apply":
			if !committed {
				t.Error("the store was written before changelog and offsets were, in this order")
			}
			acked, committed = false, false
		}
	}
	if !slices.Contains(r.log.history, "apply") {
		t.Error("the store was never written")
	}
}

// Changelog records carry the wall clock, whatever the time of the events: min.compaction.lag and retention follow it.
func TestChangelogCarriesTheWallClock(t *testing.T) {
	r := newRig(t)
	begun := time.Now().UnixMilli()
	r.feed(8) // of 1970
	r.start()
	r.until("all is committed", r.committedAt(8))
	r.stop()
	changes := r.log.all(changelog)
	if len(changes) == 0 {
		t.Fatal("there is no changelog")
	}
	for _, c := range changes {
		if c.time < begun || c.time > time.Now().UnixMilli() {
			t.Errorf("the change of %s has the time %d, want that of the commit", c.key, c.time)
		}
	}
}

var errCrash = errors.New("crash")

// A crash at any step of any commit loses no event and counts none twice in the table, with the local state and without it.
func TestCrashAtEveryStep(t *testing.T) {
	for _, step := range []string{"append out", "append changelog", "commit", "committed", "apply", "applied"} {
		for nth := 1; nth <= 3; nth++ {
			for _, lost := range []bool{false, true} {
				for _, killed := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%d/lost=%v/killed=%v", step, nth, lost, killed), func(t *testing.T) {
						crashAt(t, step, nth, lost, killed)
					})
				}
			}
		}
	}
}

func crashAt(t *testing.T, step string, nth int, lost, killed bool) {
	r := newRig(t)
	r.feed(30)
	n := 0
	r.log.hook = func(s string) error {
		if s == step {
			n++
		}
		if n < nth {
			return nil
		}
		if killed {
			r.kill(errCrash)
		}
		return errCrash // and everything after it
	}
	r.make()
	r.run()
	if err := r.wait(); !errors.Is(err, errCrash) {
		t.Fatalf("the task ended with %v", err)
	}
	r.log.hook = nil
	if lost {
		r.store = store.NewMemory()
	}
	r.start()
	r.until("the first part is committed", r.committedAt(30))
	r.feed(10)
	r.until("all is committed", r.committedAt(40))
	r.stop()
	r.checkCounts()

	// Whoever comes last, with nothing but the changelog, sees the same.
	r.store = store.NewMemory()
	r.start()
	r.until("it runs", func() bool { return r.task.State() == Running })
	r.stop()
	r.checkCounts()
}

// What is sent and never acknowledged is not committed: the task waits, and a kill leaves the offsets where they were.
func TestUnacknowledgedIsNotCommitted(t *testing.T) {
	r := newRig(t)
	r.log.holdAcks = true
	r.feed(5)
	r.start()
	r.until("something is sent", func() bool { r.log.mu.Lock(); defer r.log.mu.Unlock(); return len(r.log.held) > 0 })
	r.kill(errCrash)
	if err := r.wait(); !errors.Is(err, errCrash) {
		t.Fatalf("the task ended with %v", err)
	}
	if at := r.log.committed[inputs0]; at != 0 {
		t.Errorf("offset %d is committed", at)
	}
	r.log.acknowledge() // late, when nobody listens any more
	r.log.holdAcks = false
	r.start()
	r.until("all is committed", r.committedAt(5))
	r.stop()
	r.checkCounts()
}

func TestRefusedSendEndsTheTask(t *testing.T) {
	r := newRig(t)
	r.log.refuse = errors.New("message too large")
	r.feed(5)
	r.start()
	err := r.wait()
	if !errors.Is(err, r.log.refuse) || !strings.Contains(err.Error(), "out partition 0") {
		t.Errorf("the task ended with %v", err)
	}
	if at := r.log.committed[inputs0]; at != 0 {
		t.Errorf("offset %d is committed", at)
	}
}

func TestFencedCommitEndsTheTask(t *testing.T) {
	r := newRig(t)
	r.feed(5)
	r.log.hook = func(s string) error {
		if s == "commit" {
			return fmt.Errorf("commit offsets: %w", ErrFenced)
		}
		return nil
	}
	r.start()
	if err := r.wait(); !errors.Is(err, ErrFenced) {
		t.Fatalf("the task ended with %v", err)
	}
	if _, ok, _ := r.store.Get(nil, []byte(countPrefix+"k0")); ok {
		t.Error("the store was written though the offsets could not be committed")
	}
	r.log.hook = nil
	r.start()
	r.until("all is committed", r.committedAt(5))
	r.stop()
	r.checkCounts()
}

// A commit that is larger than a broker takes as one batch goes as several, and the store's changelog offset is the end of the last.
func TestLargeCommitIsSplit(t *testing.T) {
	r := newRig(t)
	r.interval = time.Hour
	r.log.batch = 1000
	const n = 40_000
	key := strings.Repeat("k", 60)
	for i := range n {
		r.log.put(inputs0, kept{key: fmt.Appendf(nil, "%s%d", key, i), value: []byte("v"), time: 1000})
	}
	r.start()
	r.until("all is read", func() bool { return r.task.Stats().Records == n })
	r.stop()
	r.checkCounts()
	if most := slices.Max(r.log.sizes); most > 1<<20 {
		t.Errorf("a batch of %d bytes was sent; brokers take 1 MiB", most)
	}
	if got := len(r.log.all(changelog)); got != n {
		t.Errorf("the changelog has %d records, want %d", got, n)
	}
	records := r.log.all(changelog)
	r.start()
	r.until("it runs", func() bool { return r.task.State() == Running })
	if b, _, _ := r.store.Get(nil, []byte("d0")); len(b) != 8 || int(b[6])<<8|int(b[7]) != len(records)&0xffff {
		t.Errorf("the store's changelog offset is %x, the changelog ends at %x", b, len(records))
	}
	r.stop()
}

// One event that sends a lot is split too, and undone as a whole.
func TestLargeEventIsSplitAndUndone(t *testing.T) {
	r := newRig(t)
	value := make([]byte, 100<<10)
	n := 0
	r.feed(3)
	r.start(&Step{Name: "fan", Skip: true, Process: func(rec *record.Record) error {
		n++
		for range 30 {
			r.out.Add(0, rec.Key, value, rec.Time, nil, 0, nil)
		}
		if n == 2 {
			return errors.New("no")
		}
		return nil
	}})
	r.until("all is committed", r.committedAt(3))
	r.stop()
	if got := len(r.log.all(results)); got != 60 {
		t.Errorf("%d records were sent, want 60", got)
	}
	if most := slices.Max(r.log.sizes); most > 1<<20 {
		t.Errorf("a batch of %d bytes was sent; brokers take 1 MiB", most)
	}
	for i, o := range r.log.all(results) {
		if want := []string{"k0", "k2"}[i/30]; string(o.key) != want {
			t.Fatalf("record %d is of %s, want %s", i, o.key, want)
		}
	}
}

// So many changes wait that they are committed before the interval is over.
func TestDirtyForcesCommit(t *testing.T) {
	r := newRig(t)
	r.interval = time.Hour
	r.feed(1)
	r.start(&Step{Name: "many", Process: func(*record.Record) error {
		r.table.many = dirtyMax
		return nil
	}})
	r.until("it is committed", r.committedAt(1))
	r.stop()
}

// While it is not certain that this worker has the task nothing is sent, nothing committed and nothing stored; afterwards it goes on.
func TestNothingIsSentInDoubt(t *testing.T) {
	r := newRig(t)
	r.feed(5)
	r.make()
	asked, certain := make(chan struct{}, 100), make(chan struct{})
	r.task.cfg.Own = func(ctx context.Context) error {
		asked <- struct{}{}
		select {
		case <-certain:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.run()
	r.until("it is asked who has the task", func() bool { return len(asked) > 0 })
	if n := len(r.log.all(results)) + len(r.log.all(changelog)); n > 0 || r.log.at(inputs0) > 0 {
		t.Errorf("%d records are sent, offset %d is committed", n, r.log.at(inputs0))
	}
	close(certain)
	r.until("all is committed", r.committedAt(5))
	r.stop()
	r.checkCounts()

	r.feed(5)
	r.make()
	r.task.cfg.Own = func(context.Context) error { return ErrFenced }
	r.run()
	if err := r.wait(); !errors.Is(err, ErrFenced) {
		t.Errorf("the task ended with %v", err)
	}
	if n := len(r.log.all(results)); n != 5 || r.log.at(inputs0) != 5 {
		t.Errorf("%d records are sent, offset %d is committed, want both 5", n, r.log.at(inputs0))
	}
}

// A batch that the broker had already, and whose offset it does not name, leaves the changelog offset where it was.
func TestAcknowledgedWithoutAnOffset(t *testing.T) {
	log := &silentLog{}
	task := New(Config{Name: "t", Log: log})
	for _, offset := range []int64{-1, 7} {
		log.offset = offset
		for range 2 {
			task.Output("changelog", 1, record.None).Add(0, []byte("k"), []byte("v"), 1, nil, 0, nil)
		}
		a := &ackedSlot{}
		if err := task.flushChangelog(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if got, want := a.next.Load(), map[int64]int64{-1: 0, 7: 9}[offset]; got != want {
			t.Errorf("acknowledged at %d: the next offset is %d, want %d", offset, got, want)
		}
	}
}

// silentLog acknowledges every batch at one offset.
type silentLog struct {
	Log
	offset int64
}

func (l *silentLog) Append(_ context.Context, builders []*record.Builder, done func(*record.Builder, error)) error {
	for _, b := range builders {
		b.Offset = l.offset
		done(b, nil)
	}
	return nil
}

package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// changed appends one record of the changelog, of a commit that had read the source up to position; age is how long ago.
func (r *rig) changed(key, value string, position uint64, age time.Duration) {
	header := binary.BigEndian.AppendUint32(nil, topicHash(inputs0.Topic))
	header = binary.AppendUvarint(header, position)
	rec := kept{key: []byte(key), time: time.Now().Add(-age).UnixMilli(),
		headers: record.AppendHeader(record.AppendHeader(nil, "other", nil), PositionHeader, header), count: 2}
	if value != "" {
		rec.value = []byte(value)
	}
	r.log.put(changelog, rec)
}

// local writes what an earlier task left in the store: counts, and the changelog offset they stand for.
func (r *rig) local(offset int64, counts map[string]string) {
	var b store.Batch
	for k, v := range counts {
		b.Put([]byte(countPrefix+k), []byte(v))
	}
	b.Put([]byte("d0"), binary.BigEndian.AppendUint64(nil, uint64(offset)))
	if err := r.store.Apply(&b); err != nil {
		r.t.Fatal(err)
	}
}

// restored starts the task, stops it as soon as it runs, and returns the table.
func (r *rig) restored() map[string]int {
	r.t.Helper()
	r.interval = time.Hour
	r.start()
	r.until("it runs", func() bool { return r.task.State() == Running })
	r.stop()
	return r.table.counts
}

func TestRestore(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(*rig)
		want map[string]int
	}{
		{"nothing there", func(*rig) {}, map[string]int{}},
		{"from nothing", func(r *rig) {
			r.changed("a", "1", 1, 0)
			r.changed("b", "1", 2, 0)
			r.changed("a", "2", 3, 0)
			r.changed("b", "", 4, 0)
			r.log.committed[inputs0] = 4
		}, map[string]int{"a": 2}},
		{"from a local offset", func(r *rig) {
			r.changed("a", "99", 1, 0) // not read again: the store has it, whatever it has
			r.changed("a", "2", 2, 0)
			r.log.committed[inputs0] = 2
			r.local(1, map[string]string{"a": "1", "b": "7"})
		}, map[string]int{"a": 2, "b": 7}},
		{"nothing to read", func(r *rig) {
			r.changed("a", "99", 1, 0)
			r.log.committed[inputs0] = 1
			r.local(1, map[string]string{"a": "1"})
		}, map[string]int{"a": 1}},
		{"the uncommitted tail is left out", func(r *rig) {
			r.changed("a", "1", 1, 0)
			r.changed("a", "2", 2, 0)
			r.changed("b", "1", 2, 0)
			r.log.committed[inputs0] = 1
		}, map[string]int{"a": 1}},
		{"what was uncommitted in the middle, and is committed by now, counts", func(r *rig) {
			r.changed("a", "3", 3, 0)
			r.changed("a", "2", 2, 0)
			r.changed("a", "4", 4, 0)
			r.log.committed[inputs0] = 4
		}, map[string]int{"a": 4}},
		{"compacted gaps, one of them at the end", func(r *rig) {
			for i := range 20 {
				r.changed("a", fmt.Sprint(i), uint64(i), 0)
			}
			p := r.log.parts[changelog]
			for i := range p.next {
				if i != 3 && i != 11 {
					delete(p.records, i)
				}
			}
			r.log.committed[inputs0] = 20
		}, map[string]int{"a": 11}},
		{"nothing but gaps", func(r *rig) {
			r.changed("a", "1", 1, 0)
			delete(r.log.parts[changelog].records, 0)
			r.log.committed[inputs0] = 1
		}, map[string]int{}},
		{"the changelog was made anew", func(r *rig) {
			r.changed("a", "5", 1, 0)
			r.log.committed[inputs0] = 1
			r.local(100, map[string]string{"a": "1", "stale": "1"})
		}, map[string]int{"a": 5}},
		{"the changelog's beginning is gone", func(r *rig) {
			for i := range 6 {
				r.changed("a", fmt.Sprint(i), uint64(i), 0)
			}
			p := r.log.parts[changelog]
			p.first = 4
			maps.DeleteFunc(p.records, func(o int64, _ kept) bool { return o < 4 })
			r.log.committed[inputs0] = 20
		}, map[string]int{"a": 5}},
		{"old and committed", func(r *rig) {
			r.changed("a", "1", 1, 100*CompactionLag)
			r.log.committed[inputs0] = 1
		}, map[string]int{"a": 1}},
		{"old and uncommitted, in a changelog that was never compacted", func(r *rig) {
			r.changed("a", "1", 1, 2*CompactionLag)
			r.changed("a", "2", 2, 2*CompactionLag)
			r.log.committed[inputs0] = 1
		}, map[string]int{"a": 1}},
		{"old and uncommitted, behind local state", func(r *rig) {
			r.changed("a", "1", 1, 2*CompactionLag)
			r.changed("a", "2", 2, 2*CompactionLag)
			delete(r.log.parts[changelog].records, 0) // the store has it
			r.log.committed[inputs0] = 1
			r.local(1, map[string]string{"a": "1"})
		}, map[string]int{"a": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.feed(20)
			r.log.parts[inputs0].next = 20
			c.make(r)
			at := r.log.committed[inputs0]
			r.log.hook = func(s string) error { return nil }
			r.interval = time.Hour
			r.make(&Step{Name: "idle", Process: func(*record.Record) error { return nil }})
			r.run()
			r.until("it runs", func() bool { return r.task.State() == Running })
			r.stop()
			if !maps.Equal(r.table.counts, c.want) {
				t.Errorf("restored %v, want %v", r.table.counts, c.want)
			}
			if now := r.log.committed[inputs0]; now < at {
				t.Errorf("the committed offset went back from %d to %d", at, now)
			}
			if b, ok, _ := r.store.Get(nil, []byte("d0")); r.log.parts[changelog].next > 0 && (!ok || binary.BigEndian.Uint64(b) != uint64(r.log.parts[changelog].next)) {
				t.Errorf("the store stands for offset %x (%v), want %d", b, ok, r.log.parts[changelog].next)
			}
		})
	}
}

// Where compaction has been at work, what an old change that was never committed has replaced may be gone: the task must not guess.
func TestRestoreRefusesToGuess(t *testing.T) {
	for name, local := range map[string]int64{"from nothing": 0, "from a local offset": 1} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.feed(5)
			r.changed("a", "1", 1, 3*CompactionLag)
			r.changed("a", "2", 2, 3*CompactionLag)
			r.changed("a", "3", 3, 2*CompactionLag)
			r.log.committed[inputs0] = 2
			delete(r.log.parts[changelog].records, 1)
			if local > 0 {
				r.local(local, map[string]string{"a": "1"})
			}
			r.start()
			if err := r.wait(); err == nil || !strings.Contains(err.Error(), "offset 2 belongs to input that was not committed") {
				t.Errorf("the task ended with %v, the table has %v", err, r.table.counts)
			}
		})
	}
}

func TestRestoreErrors(t *testing.T) {
	t.Run("committed beyond the end", func(t *testing.T) {
		r := newRig(t)
		r.feed(5)
		r.log.committed[inputs0] = 6
		r.start()
		if err := r.wait(); err == nil || !strings.Contains(err.Error(), "ends at offset 5, but offset 6 is committed") {
			t.Errorf("the task ended with %v", err)
		}
	})
	t.Run("the store fails", func(t *testing.T) {
		r := newRig(t)
		r.changed("a", "1", 0, 0)
		full := errors.New("disk full")
		r.log.hook = func(s string) error {
			if s == "apply" {
				return full
			}
			return nil
		}
		r.start()
		if err := r.wait(); !errors.Is(err, full) {
			t.Errorf("the task ended with %v", err)
		}
	})
	t.Run("the table can't read a stored value", func(t *testing.T) {
		r := newRig(t)
		r.changed("a", "not a number", 0, 0)
		r.start()
		if err := r.wait(); err == nil || !strings.Contains(err.Error(), "load table counts") {
			t.Errorf("the task ended with %v", err)
		}
	})
}

// Records that were deleted before they were read are passed over; the task goes on with the oldest one left.
func TestSourceWasTruncated(t *testing.T) {
	r := newRig(t)
	r.feed(10)
	p := r.log.parts[inputs0]
	p.first = 6
	maps.DeleteFunc(p.records, func(o int64, _ kept) bool { return o < 6 })
	r.log.committed[inputs0] = 2
	r.start()
	r.until("all is committed", r.committedAt(10))
	r.stop()
	r.checkCounts()
}

// A task that is stopped, or killed, while it restores, ends at once; the next one begins where the store says.
func TestStopDuringRestore(t *testing.T) {
	for _, kill := range []bool{false, true} {
		r := newRig(t)
		r.feed(5)
		r.changed("a", "1", 1, 0)
		r.log.committed[inputs0] = 1
		r.log.batch = 0 // the fetches return nothing
		r.start()
		r.until("it restores", func() bool { return r.task.State() == Restoring })
		if kill {
			r.kill(errCrash)
			if err := r.wait(); !errors.Is(err, errCrash) {
				t.Errorf("killed, the task ended with %v", err)
			}
		} else {
			r.stop()
		}
		r.log.mu.Lock()
		r.log.batch = 5
		left := len(r.log.fetches)
		r.log.mu.Unlock()
		if left > 0 {
			t.Errorf("%d partitions are still fetched", left)
		}
		if got := r.restored(); got["a"] != 1 {
			t.Errorf("restored %v afterwards", got)
		}
	}
}

// Calls are answered while the task restores, and refused when it has ended.
func TestCall(t *testing.T) {
	r := newRig(t)
	r.changed("a", "1", 0, 0)
	r.log.batch = 0
	r.start()
	var state State
	if err := r.task.Call(t.Context(), func() { state = r.task.State() }); err != nil || state != Restoring {
		t.Errorf("a call while restoring: %v, in state %v", err, state)
	}
	r.stop()
	if err := r.task.Call(t.Context(), func() { t.Error("called though the task has ended") }); err == nil {
		t.Error("a call of a task that has ended succeeded")
	}
}

// A change that was left out, because its input had not been committed, never counts later on either: the first commit after the restore
// puts over it what its key holds, also where nothing changes the key again.
func TestWhatWasLeftOutStaysOut(t *testing.T) {
	r := newRig(t)
	r.feed(4)
	r.changed("ghost", "7", 3, 0)
	r.changed("kept", "1", 1, 0)
	r.changed("kept", "8", 3, 0)
	r.changed("again", "9", 3, 0)
	r.changed("again", "2", 1, 0)
	r.log.committed[inputs0] = 1
	r.start()
	r.until("all is committed", r.committedAt(4))
	r.stop()
	r.store = store.NewMemory()
	got := r.restored()
	if n, ok := got["ghost"]; ok {
		t.Errorf("ghost is back, with %d", n)
	}
	if got["kept"] != 1 || got["again"] != 2 {
		t.Errorf("kept %d, again %d, want 1 and 2", got["kept"], got["again"])
	}
}

package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

var errBody = errors.New("no")

// loop makes a step whose loop calls body with each record; a deadline may be given by within.
func (r *rig) loop(name string, skip bool, body func(*record.Record) error) *Step {
	s := &Step{Name: name, Skip: skip}
	s.Loop = func(context.Context) error {
		for {
			rec, ok := r.task.Next(s, time.Time{})
			if !ok {
				return nil
			}
			if err := body(rec); err != nil {
				return err
			}
		}
	}
	return s
}

// shapes are the ways in which a body can run. first is a loop that takes the task's own goroutine, so that the second gets a coroutine.
var shapes = map[string]func(r *rig, skip bool, body func(*record.Record) error) []*Step{
	"process": func(_ *rig, skip bool, body func(*record.Record) error) []*Step {
		return []*Step{{Name: "body", Skip: skip, Process: body}}
	},
	"loop": func(r *rig, skip bool, body func(*record.Record) error) []*Step {
		return []*Step{r.loop("body", skip, body)}
	},
	"coroutine": func(r *rig, skip bool, body func(*record.Record) error) []*Step {
		return []*Step{r.loop("first", false, func(*record.Record) error { return nil }), r.loop("body", skip, body)}
	},
	"after others": func(r *rig, skip bool, body func(*record.Record) error) []*Step {
		nothing := func(*record.Record) error { return nil }
		return []*Step{{Name: "p", Process: nothing}, r.loop("l", true, nothing), {Name: "body", Skip: skip, Process: body}, r.loop("c", true, nothing)}
	},
}

// Under on_error=skip an event that fails, however it fails, leaves nothing; those before and after it are whole.
func TestSkipUndoes(t *testing.T) {
	for name, steps := range shapes {
		for how, fail := range map[string]func(){
			"error": nil,
			"panic": func() { panic("no") },
			"abort": func() { panic(Abort{errBody}) },
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				r := newRig(t)
				r.feed(20)
				body := func(rec *record.Record) error {
					_ = r.count(rec)
					r.out.Add(0, rec.Key, []byte("more"), rec.Time, nil, 0, nil)
					if rec.Offset%5 != 2 {
						return nil
					}
					r.table.add("ghost", 1)
					r.table.add(string(rec.Key), 10)
					if fail != nil {
						fail()
					}
					return errBody
				}
				r.start(steps(r, true, body)...)
				r.until("all is committed", r.committedAt(20))
				stats := r.task.Stats()
				r.stop()
				want := map[string]int{}
				for i := range 20 {
					if i%5 != 2 {
						want[fmt.Sprintf("k%d", i%4)]++
					}
				}
				for k, n := range want {
					if r.table.counts[k] != n {
						t.Errorf("the table has %s=%d, want %d", k, r.table.counts[k], n)
					}
				}
				if n := r.table.counts["ghost"]; n != 0 {
					t.Errorf("what a failed event wrote is there: ghost=%d", n)
				}
				if n := len(r.log.all(results)); n != 2*16 {
					t.Errorf("%d records were sent, want 32", n)
				}
				if stats.Records != 20 || stats.Skipped != 4 {
					t.Errorf("%d events counted, %d skipped; want 20 and 4", stats.Records, stats.Skipped)
				}
			})
		}
	}
}

// Under on_error=fail the task stops at the event, with nothing of it kept, and names it.
func TestFailStops(t *testing.T) {
	for name, steps := range shapes {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.feed(20)
			fail := true
			body := func(rec *record.Record) error {
				_ = r.count(rec)
				if fail && rec.Offset == 12 {
					return errBody
				}
				return nil
			}
			r.start(steps(r, false, body)...)
			var at *EventError
			if err := r.wait(); !errors.Is(err, errBody) || !errors.As(err, &at) {
				t.Fatalf("the task ended with %v", err)
			}
			if at.Agent != "body" || at.Topic != "in" || at.Offset != 12 || strings.Count(at.Error(), "offset 12") != 1 {
				t.Errorf("the error is %v", at)
			}
			fail = false
			r.start(steps(r, false, body)...)
			r.until("all is committed", r.committedAt(20))
			r.stop()
			r.checkCounts()
		})
	}
}

// Fail ends the task even under on_error=skip, and even if the body swallows the panic.
func TestFailIsForGood(t *testing.T) {
	for name, steps := range shapes {
		for _, swallowed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/swallowed=%v", name, swallowed), func(t *testing.T) {
				r := newRig(t)
				r.feed(3)
				r.start(steps(r, true, func(*record.Record) error {
					if swallowed {
						defer func() { _ = recover() }()
					}
					r.task.Fail(errBody)
					return nil
				})...)
				if err := r.wait(); !errors.Is(err, errBody) {
					t.Errorf("the task ended with %v", err)
				}
				if at := r.log.at(inputs0); at != 0 {
					t.Errorf("offset %d is committed", at)
				}
			})
		}
	}
}

// A loop that returns nil in the middle of its stream is an error whatever on_error says; one that fails before its first event too,
// where it has a goroutine of its own.
func TestLoopEndsEarly(t *testing.T) {
	for _, n := range []int{0, 3} {
		for _, second := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d/coroutine=%v", n, second), func(t *testing.T) {
				r := newRig(t)
				r.feed(10)
				s := &Step{Name: "body", Skip: true}
				s.Loop = func(context.Context) error {
					for range n {
						if _, ok := r.task.Next(s, time.Time{}); !ok {
							return nil
						}
					}
					return nil
				}
				steps := []*Step{s}
				if second {
					steps = []*Step{r.loop("first", false, func(*record.Record) error { return nil }), s}
				}
				r.start(steps...)
				if err := r.wait(); err == nil || !strings.Contains(err.Error(), "returned before its stream ended") {
					t.Errorf("the task ended with %v", err)
				}
			})
		}
	}
}

// A record that a loop rejects, because it can't be decoded, is its event's error: once.
func TestReject(t *testing.T) {
	for _, second := range []bool{false, true} {
		for _, skip := range []bool{false, true} {
			t.Run(fmt.Sprintf("coroutine=%v/skip=%v", second, skip), func(t *testing.T) {
				r := newRig(t)
				r.feed(6)
				s := &Step{Name: "body", Skip: skip}
				s.Loop = func(context.Context) error {
					for {
						rec, ok := r.task.Next(s, time.Time{})
						if !ok {
							return nil
						}
						if rec.Offset == 2 {
							r.task.Reject(s, errBody)
							continue
						}
						_ = r.count(rec)
					}
				}
				steps := []*Step{s}
				if second {
					steps = []*Step{r.loop("first", false, func(*record.Record) error { return nil }), s}
				}
				r.start(steps...)
				if skip {
					r.until("all is committed", r.committedAt(6))
					r.stop()
					if n := len(r.log.all(results)); n != 5 {
						t.Errorf("%d records were sent, want 5", n)
					}
					return
				}
				if err := r.wait(); !errors.Is(err, errBody) || strings.Count(err.Error(), "agent body") != 1 {
					t.Errorf("the task ended with %v", err)
				}
			})
		}
	}
}

// batches makes a loop that gathers up to n records for within, as Stream.Batches does, and hands them to body.
func (r *rig) batches(name string, n int, within time.Duration, body func([]int64)) *Step {
	s := &Step{Name: name}
	s.Loop = func(context.Context) error {
		for {
			rec, ok := r.task.Next(s, time.Time{})
			if !ok {
				return nil
			}
			r.task.Hold()
			var all []int64
			for deadline := time.Now().Add(within); ok && rec != nil; {
				all = append(all, rec.Offset)
				if len(all) == n {
					break
				}
				rec, ok = r.task.Next(s, deadline)
			}
			if rec == nil {
				r.task.Resume(s)
			}
			body(all)
			r.task.Done(s)
			r.task.Unhold()
			if !ok {
				return nil
			}
		}
	}
	return s
}

// No commit comes between the first and the last record of a batch, and one comes when it is done.
func TestBatchesHoldCommits(t *testing.T) {
	for _, second := range []bool{false, true} {
		t.Run(fmt.Sprintf("coroutine=%v", second), func(t *testing.T) {
			r := newRig(t)
			r.feed(7)
			var got [][]int64
			var early bool
			s := r.batches("body", 3, 50*time.Millisecond, func(all []int64) {
				r.log.mu.Lock()
				early = early || r.log.committed[inputs0] > all[0]
				r.log.mu.Unlock()
				got = append(got, all)
			})
			steps := []*Step{s}
			if second {
				steps = []*Step{r.loop("first", false, func(*record.Record) error { return nil }), s}
			}
			r.start(steps...)
			r.until("all is committed", r.committedAt(7))
			r.stop()
			if want := [][]int64{{0, 1, 2}, {3, 4, 5}, {6}}; !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("the batches were %v, want %v", got, want)
			}
			if early {
				t.Error("a record was committed before its batch was done")
			}
		})
	}
}

// Batches that follow one another without a pause don't put off the commit for ever; nor do two loops of which one always gathers.
func TestBatchesUnderLoadCommit(t *testing.T) {
	for _, two := range []bool{false, true} {
		t.Run(fmt.Sprintf("two=%v", two), func(t *testing.T) {
			r := newRig(t)
			r.log.batch = 1 << 20
			const n = 64 << 10
			r.feed(n)
			during := 0
			body := func([]int64) {
				if at := r.log.at(inputs0); at > 0 && at < n-1000 {
					during++
				}
			}
			steps := []*Step{r.batches("body", 128, time.Hour, body)}
			if two {
				steps = append(steps, r.batches("other", 100, time.Hour, func([]int64) {}), r.batches("third", 77, time.Hour, func([]int64) {}))
			}
			r.start(steps...)
			r.until("all is read", func() bool { return r.task.Stats().Records == n })
			r.stop()
			if during == 0 {
				t.Error("nothing was committed while batches came one after the other")
			}
			if at := r.log.at(inputs0); at != n {
				t.Errorf("offset %d is committed, want %d", at, n)
			}
		})
	}
}

// A task that stops while loops gather hands them what they have, and commits it.
func TestStopWhileGathering(t *testing.T) {
	for _, second := range []bool{false, true} {
		t.Run(fmt.Sprintf("coroutine=%v", second), func(t *testing.T) {
			r := newRig(t)
			r.feed(5)
			var got []int64
			s := r.batches("body", 100, time.Hour, func(all []int64) {
				got = append(got, all...)
				r.table.add("batched", len(all))
				r.out.Add(0, nil, []byte("batched"), 1, nil, 0, nil)
			})
			steps := []*Step{s}
			if second {
				steps = []*Step{r.loop("first", false, func(*record.Record) error { return nil }), s}
			}
			r.start(steps...)
			r.until("all is read", func() bool { return r.task.Stats().Records == 5 })
			r.stop()
			if !slices.Equal(got, []int64{0, 1, 2, 3, 4}) {
				t.Errorf("the last batch was %v", got)
			}
			if at := r.log.at(inputs0); at != 5 {
				t.Errorf("offset %d is committed, want 5", at)
			}
			if n := len(r.log.all(results)); n != 1 {
				t.Errorf("%d records were sent, want 1", n)
			}
			if n := r.restored()["batched"]; n != 5 {
				t.Errorf("the table has %d, want 5", n)
			}
		})
	}
}

// While a batch is gathered the windows and timers wait; the task sleeps meanwhile instead of asking for them again and again.
func TestNoSpinWhileGathering(t *testing.T) {
	r := newRig(t)
	r.feed(1)
	r.pulse = func(now time.Time, _ bool) (time.Time, error) { return now.Add(time.Millisecond), nil }
	var s *Step
	s = &Step{Name: "body", Loop: func(context.Context) error {
		for {
			if _, ok := r.task.Next(s, time.Time{}); !ok {
				return nil
			}
			r.task.Hold()
			r.task.nextPulse = time.Now().Add(-time.Second)
			if d := r.task.sleep(time.Now(), time.Time{}); d < time.Millisecond {
				t.Errorf("the task would sleep for %v", d)
			}
			r.task.Unhold()
		}
	}}
	r.start(s)
	r.until("it is committed", r.committedAt(1))
	r.stop()
}

// Once the stream has ended it stays so: a loop that asks again gets nothing.
func TestNextAfterStop(t *testing.T) {
	r := newRig(t)
	r.log.batch = 100
	r.feed(100)
	ended := 0
	s := &Step{Name: "body"}
	s.Loop = func(context.Context) error {
		for {
			rec, ok := r.task.Next(s, time.Time{})
			switch {
			case !ok:
				if ended++; ended == 3 {
					return nil
				}
			case ended > 0:
				t.Errorf("record %d came after the end of the stream", rec.Offset)
			case rec.Offset == 10:
				r.task.Stop()
			}
		}
	}
	r.start(s, &Step{Name: "count", Process: r.count})
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	if at, n := r.log.committed[inputs0], len(r.log.all(results)); at != 11 || n != 11 {
		t.Errorf("offset %d is committed and %d records were counted, want 11 of both", at, n)
	}
}

// A panic of what runs between events is an error of the task, with no loop to blame.
func TestPulsePanics(t *testing.T) {
	r := newRig(t)
	r.pulse = func(time.Time, bool) (time.Time, error) { panic("pulse is broken") }
	r.start()
	if err := r.wait(); err == nil || !strings.Contains(err.Error(), "pulse is broken") {
		t.Errorf("the task ended with %v", err)
	}
}

// Atomic runs a body as an event.
func TestAtomic(t *testing.T) {
	for _, skip := range []bool{false, true} {
		r := newRig(t)
		done := false
		r.pulse = func(time.Time, bool) (time.Time, error) {
			if done {
				return time.Time{}, nil
			}
			done = true
			if err := r.task.Atomic("good", skip, func(context.Context) error { r.table.add("good", 1); return nil }); err != nil {
				return time.Time{}, err
			}
			return time.Time{}, r.task.Atomic("bad", skip, func(context.Context) error {
				r.table.add("bad", 1)
				r.out.Add(0, nil, []byte("bad"), 1, nil, 0, nil)
				panic("no")
			})
		}
		r.start()
		if !skip {
			if err := r.wait(); err == nil || !strings.Contains(err.Error(), "bad: panic: no") {
				t.Errorf("the task ended with %v", err)
			}
			continue
		}
		r.until("it is committed", func() bool { return len(r.log.all(changelog)) > 0 })
		r.stop()
		if len(r.log.all(results)) > 0 || r.table.counts["bad"] != 0 || r.table.counts["good"] != 1 {
			t.Errorf("sent %v, the table has %v", r.log.all(results), r.table.counts)
		}
	}
}

// A call that its caller no longer waits for is over before Call returns: what it writes is the caller's.
func TestCallIsOverWhenItReturns(t *testing.T) {
	r := newRig(t)
	r.start()
	r.until("it runs", func() bool { return r.task.State() == Running })
	ctx, cancel := context.WithCancel(t.Context())
	var over atomic.Bool
	_ = r.task.Call(ctx, func() {
		cancel()
		time.Sleep(20 * time.Millisecond)
		over.Store(true)
	})
	if !over.Load() {
		t.Error("Call returned while what it called still ran")
	}
	r.stop()
}

// Outputs go out in the middle of a fetched batch when there are many of them, or when the batch takes long.
func TestFlushInMidBatch(t *testing.T) {
	for name, c := range map[string]struct {
		size  int
		pause time.Duration
	}{"bytes": {flushBytes / 4, 0}, "time": {1, 5 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.interval = time.Hour
			r.log.batch = 20
			r.feed(20)
			early := false
			r.start(&Step{Name: "send", Process: func(rec *record.Record) error {
				early = early || len(r.log.all(results)) > 0
				r.out.Add(0, rec.Key, make([]byte, c.size), rec.Time, nil, 0, nil)
				time.Sleep(c.pause)
				return nil
			}})
			r.until("all is sent", func() bool { return len(r.log.all(results)) == 20 })
			r.stop()
			if !early {
				t.Error("nothing was sent before the batch ended")
			}
		})
	}
}

// In steady state a record costs no allocation: neither its steps nor its sends.
func TestRecordDoesNotAllocate(t *testing.T) {
	for _, skip := range []bool{false, true} {
		task := New(Config{Name: "t", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Log: newFakeLog()})
		out := task.Output("out", 4, record.None)
		value := []byte("value")
		in := &Input{TopicPartition: inputs0, Steps: []*Step{{Name: "send", Skip: skip, Process: func(r *record.Record) error {
			out.Add(record.Partition(r.Key, 4), r.Key, value, r.Time, nil, 0, nil)
			return nil
		}}}}
		task.Add([]*Input{in}, nil, nil)
		task.ctx, task.stride = t.Context(), 1<<30
		records := make([]record.Record, 200)
		for i := range records {
			records[i] = record.Record{Key: fmt.Append(nil, i), Offset: int64(i)}
		}
		step := func() {
			task.in, task.batch, task.at, task.step = in, &record.Batch{TopicPartition: inputs0, Records: records}, 0, 0
			for task.at < len(records) {
				r := &records[task.at]
				task.run(in.Steps[0], r)
				task.at++
			}
			for _, b := range task.filled {
				b.Reset()
			}
			task.filledBytes = 0
		}
		step()
		if n := testing.AllocsPerRun(50, step) - 1; n > 0 { // one for the batch
			t.Errorf("skip=%v: 200 records allocate %v times", skip, n)
		}
	}
}

package faust

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// fakeLog hands out one batch of records, and remembers what is committed and sent.
type fakeLog struct {
	mu        sync.Mutex
	records   []record.Record
	committed map[record.TopicPartition]int64
	times     []int64 // of what was sent
}

func (l *fakeLog) Append(_ context.Context, builders []*record.Builder, done func(*record.Builder, error)) error {
	for _, b := range builders {
		l.mu.Lock()
		l.times = append(l.times, b.BaseTime)
		l.mu.Unlock()
		done(b, nil)
	}
	return nil
}

func (l *fakeLog) Fetch(tp record.TopicPartition, offset int64, inbox chan<- *record.Batch) {
	n := int64(len(l.records))
	inbox <- &record.Batch{TopicPartition: tp, Records: l.records[offset:], Next: n, End: n}
}

func (l *fakeLog) Unfetch(record.TopicPartition) {}

func (l *fakeLog) Ends(_ context.Context, tps []record.TopicPartition) (first, next map[record.TopicPartition]int64, err error) {
	first, next = map[record.TopicPartition]int64{}, map[record.TopicPartition]int64{}
	for _, tp := range tps {
		next[tp] = int64(len(l.records))
	}
	return first, next, nil
}

func (l *fakeLog) Committed(context.Context, []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	return nil, nil
}

func (l *fakeLog) Commit(_ context.Context, offsets map[record.TopicPartition]int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(l.committed, offsets)
	return nil
}

// runLoop runs one task whose only agent is a loop, over n records with the values 0 and up, until all are committed; nil if it stopped in
// an orderly way.
func runLoop(t *testing.T, n int, onError string, bind func(*Binder) Step) (*fakeLog, error) {
	t.Helper()
	l := &fakeLog{committed: map[record.TopicPartition]int64{}}
	for i := range n {
		l.records = append(l.records, record.Record{Key: []byte("k"), Value: fmt.Append(nil, i), Time: 1000, Offset: int64(i)})
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := newPlan(&AppSpec{ID: "app", Topics: []TopicSpec{{Name: "in", Partitions: 1}, {Name: "out", Partitions: 1}},
		Agents: []AgentSpec{{Name: "agent", Func: "Agent", Topics: []string{"in"}, OnError: onError}}}, &config{log: log})
	if err := p.setCounts(nil); err != nil {
		t.Fatal(err)
	}
	c := p.components[0]
	b := &bound{plan: p, component: c, reader: codec.NewReader(codec.Slab), groups: map[string]*groupState{}, byName: map[string]queryable{}}
	b.Task = task.New(task.Config{Name: "in/0", Log: l, Logger: log})
	binder := &Binder{plan: p, memo: map[any]any{}, task: b, agent: p.agents["agent"]}
	in := record.TopicPartition{Topic: "in"}
	b.Add([]*task.Input{{TopicPartition: in, Steps: []*task.Step{newStep(p.agents["agent"], bind(binder))}}}, nil, b.pulse)
	end := make(chan error, 1)
	go func() { end <- b.Run(context.Background()) }()
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		done := l.committed[in] == int64(n)
		l.mu.Unlock()
		if done || time.Since(begin) > 10*time.Second || len(end) > 0 {
			break
		}
	}
	b.Stop()
	err := <-end
	if at := l.committed[in]; err == nil && at != int64(n) {
		t.Errorf("offset %d is committed, want %d", at, n)
	}
	return l, err
}

var errBatch = errors.New("no")

// A batch that fails under skip, whether by an error or a panic, is passed over whole; commits go on before and after the stop.
func TestBatchFailsUnderSkip(t *testing.T) {
	for name, fail := range map[string]func() error{"error": func() error { return errBatch }, "panic": func() error { panic("no") }} {
		t.Run(name, func(t *testing.T) {
			var got [][]int
			_, err := runLoop(t, 10, "skip", func(b *Binder) Step {
				return ValueLoop(b, intValue(), func(_ context.Context, s *Stream[int]) error {
					for batch := range s.Batches(3, 5*time.Millisecond) {
						got = append(got, batch)
						if batch[0] == 3 {
							return fail()
						}
					}
					return nil
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := [][]int{{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9}}; !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("the batches were %v, want %v", got, want)
			}
		})
	}
}

func TestBatchFailsTheWorker(t *testing.T) {
	_, err := runLoop(t, 4, "fail", func(b *Binder) Step {
		return ValueLoop(b, intValue(), func(_ context.Context, s *Stream[int]) error {
			for range s.Batches(2, time.Millisecond) {
				return errBatch
			}
			return nil
		})
	})
	if !errors.Is(err, errBatch) {
		t.Errorf("the task ended with %v", err)
	}
}

// A body that leaves its loop by break has not read its stream to the end, and says so.
func TestBreakIsAnError(t *testing.T) {
	for name, loop := range map[string]func(*Stream[int]){
		"All": func(s *Stream[int]) {
			for range s.All() {
				break
			}
		},
		"Enumerate": func(s *Stream[int]) {
			for range s.Enumerate() {
				break
			}
		},
		"Batches": func(s *Stream[int]) {
			for range s.Batches(2, time.Millisecond) {
				break
			}
		},
	} {
		_, err := runLoop(t, 3, "skip", func(b *Binder) Step {
			return ValueLoop(b, intValue(), func(_ context.Context, s *Stream[int]) error { loop(s); return nil })
		})
		if err == nil {
			t.Errorf("%s: the task went on", name)
		}
	}
}

// No event is current in a batch, nor before the first event of a loop: what is sent has the present time, not that of whichever event came
// last.
func TestBatchSendsNow(t *testing.T) {
	began := time.Now().UnixMilli()
	l, err := runLoop(t, 4, "fail", func(b *Binder) Step {
		key := codec.StringKey[string]()
		out := BindTopic(b, "out", &key, intValue())
		return ValueLoop(b, intValue(), func(ctx context.Context, s *Stream[int]) error {
			if err := out.Send(ctx, "k", 0); err != nil {
				return err
			}
			for batch := range s.Batches(3, time.Millisecond) {
				if err := out.Send(ctx, "k", len(batch)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil || len(l.times) == 0 || slices.Min(l.times) < began {
		t.Errorf("sent at %v, the test began at %d: %v", l.times, began, err)
	}
}

// What a loop can't decode is its event's error, under skip counted and passed over; the stream goes on.
func TestLoopOverDamage(t *testing.T) {
	var got []int
	_, err := runLoop(t, 6, "skip", func(b *Binder) Step {
		c := intValue()
		decode := c.Decode
		c.Decode = func(r *codec.Reader, b []byte, v *int) error {
			if string(b) == "2" || string(b) == "5" {
				return errBatch
			}
			return decode(r, b, v)
		}
		return ValueLoop(b, c, func(_ context.Context, s *Stream[int]) error {
			for i, v := range s.Enumerate() {
				if got = append(got, v); int(i) != len(got)-1 {
					t.Errorf("number %d for the value at %d", i, len(got)-1)
				}
			}
			return nil
		})
	})
	if err != nil || !slices.Equal(got, []int{0, 1, 3, 4}) {
		t.Errorf("the loop got %v: %v", got, err)
	}
}

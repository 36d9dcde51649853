package faust

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// Stream is the values of an agent's topics, one task's share of them. It is the parameter of an agent that is a loop; it belongs to
// that loop's goroutine. The end of the loop's body is the acknowledgement of the value.
type Stream[V any] struct{ source *source[V] }

// Events is like Stream, over events: values with key, time and headers.
type Events[K, V any] struct {
	source *source[V]
	key    *KeyCodec[K]
	event  Event[K, V]
}

// source pulls decoded values from the task for one loop.
type source[V any] struct {
	*decoder[V]
	step  *task.Step
	nulls bool // hand out tombstones too
}

// next waits for the next value that can be handed out. ok is false when the stream ends; r is nil when the deadline passed.
func (s *source[V]) next(deadline time.Time) (r *record.Record, ok bool) {
	for {
		s.b.hasEvent = false
		r, ok = s.b.Next(s.step, deadline)
		if !ok || r == nil {
			return r, ok
		}
		if r.Value == nil {
			if !s.nulls {
				s.b.CountSkipped()
				continue
			}
			var zero V
			s.value = zero
			if err := s.begin(r, r.Time); err != nil {
				s.b.Reject(s.step, err)
				continue
			}
			return r, true
		}
		if err := s.decode(r); err != nil {
			s.b.Reject(s.step, err)
			continue
		}
		return r, true
	}
}

// outside says that no event is current: what is sent has the present time.
func (s *source[V]) outside() { s.b.hasEvent, s.b.now = false, time.Now().UnixMilli() }

// gather collects up to n values, for at most within after the first one, and hands each batch to yield.
func (s *source[V]) gather(n int, within time.Duration, add func(*record.Record) error, yield func() bool) {
	if s.policy == codec.Borrow {
		s.policy = codec.Slab // a batch outlives the fetch buffer
	}
	for {
		r, ok := s.next(time.Time{})
		if !ok || !s.gatherOne(r, n, within, add, yield) {
			return
		}
	}
}

// gatherOne collects the batch that begins with r. It is false when it is the last one.
func (s *source[V]) gatherOne(r *record.Record, n int, within time.Duration, add func(*record.Record) error, yield func() bool) bool {
	s.b.Hold()
	defer s.b.Unhold() // also when the body panics, or commits would wait for ever
	ok, count := true, 0
	for deadline := time.Now().Add(within); ok && r != nil; r, ok = s.next(deadline) {
		if err := add(r); err != nil {
			s.b.Reject(s.step, err)
		} else {
			count++
		}
		if count >= n {
			break
		}
	}
	if count == 0 || s.b.Ending() {
		return ok
	}
	s.outside()
	if r == nil {
		s.b.Resume(s.step)
	}
	if !yield() {
		return false
	}
	s.b.Done(s.step)
	return ok
}

// All returns the values one by one, until the task ends.
func (s *Stream[V]) All() iter.Seq[V] {
	return func(yield func(V) bool) {
		for {
			if _, ok := s.source.next(time.Time{}); !ok || !yield(s.source.value) {
				return
			}
		}
	}
}

// Enumerate is All with a count, from 0.
func (s *Stream[V]) Enumerate() iter.Seq2[int64, V] {
	return func(yield func(int64, V) bool) {
		for i := int64(0); ; i++ {
			if _, ok := s.source.next(time.Time{}); !ok || !yield(i, s.source.value) {
				return
			}
		}
	}
}

// Batches returns up to n values at a time, fewer if within has passed since the first of them. The batch is the unit: it is undone
// and retried as a whole, and commits wait for it. No event is current in it. The slice is the caller's.
func (s *Stream[V]) Batches(n int, within time.Duration) iter.Seq[[]V] {
	return func(yield func([]V) bool) {
		var batch []V
		s.source.gather(n, within,
			func(*record.Record) error { batch = append(batch, s.source.value); return nil },
			func() bool { b := batch; batch = nil; return yield(b) })
	}
}

// All returns the events one by one, until the task ends.
func (s *Events[K, V]) All() iter.Seq[Event[K, V]] {
	return func(yield func(Event[K, V]) bool) {
		for {
			r, ok := s.source.next(time.Time{})
			if !ok {
				return
			}
			if err := s.fill(r); err != nil {
				s.source.b.Reject(s.source.step, err)
				continue
			}
			if !yield(s.event) {
				return
			}
		}
	}
}

// Batches is Stream.Batches over events.
func (s *Events[K, V]) Batches(n int, within time.Duration) iter.Seq[[]Event[K, V]] {
	return func(yield func([]Event[K, V]) bool) {
		var batch []Event[K, V]
		s.source.gather(n, within,
			func(r *record.Record) error {
				if err := s.fill(r); err != nil {
					return err
				}
				batch = append(batch, s.event)
				return nil
			},
			func() bool { b := batch; batch = nil; return yield(b) })
	}
}

func (s *Events[K, V]) fill(r *record.Record) error {
	return fillEvent(&s.event, s.source.decoder, s.key, r)
}

func fillEvent[K, V any](ev *Event[K, V], d *decoder[V], key *KeyCodec[K], r *record.Record) error {
	var none K
	ev.Key, ev.HasKey = none, r.Key != nil
	if ev.HasKey {
		k, err := key.Decode(r.Key)
		if err != nil {
			return fmt.Errorf("decode the key: %w", err)
		}
		ev.Key = k
	}
	in := d.b.Input()
	ev.Value, ev.Deleted = d.value, r.Value == nil
	ev.Time, ev.Offset = time.UnixMilli(d.b.now).UTC(), r.Offset
	ev.Topic, ev.Partition = in.Topic, in.Partition
	ev.Headers = headersOf(r)
	return nil
}

// ValueStep makes the step of an agent that is called with each value.
func ValueStep[V any](b *Binder, c *ValueCodec[V], f func(context.Context, V) error, opts ...StepOption[V]) Step {
	d := newDecoder(b, c, false, opts)
	return Step{process: func(r *record.Record) error {
		if d.null(r) {
			return nil
		}
		if err := d.decode(r); err != nil {
			return err
		}
		return f(d.b.Context(), d.value)
	}}
}

// EventStep makes the step of an agent that is called with each event.
func EventStep[K, V any](b *Binder, key *KeyCodec[K], c *ValueCodec[V], f func(context.Context, Event[K, V]) error, opts ...StepOption[V]) Step {
	d := newDecoder(b, c, false, opts)
	var ev Event[K, V]
	return Step{process: func(r *record.Record) error {
		if err := d.decodeOrNull(r); err != nil {
			return err
		}
		if err := fillEvent(&ev, d, key, r); err != nil {
			return err
		}
		return f(d.b.Context(), ev)
	}}
}

func (d *decoder[V]) decodeOrNull(r *record.Record) error {
	if r.Value != nil {
		return d.decode(r)
	}
	var zero V
	d.value = zero
	return d.begin(r, r.Time)
}

// ValueLoop makes the step of an agent that is a loop over values.
func ValueLoop[V any](b *Binder, c *ValueCodec[V], f func(context.Context, *Stream[V]) error, opts ...StepOption[V]) Step {
	s := &Stream[V]{&source[V]{decoder: newDecoder(b, c, false, opts)}}
	return Step{
		loop:   func(ctx context.Context) error { s.source.outside(); return f(ctx, s) },
		attach: func(step *task.Step) { s.source.step = step },
	}
}

// EventLoop makes the step of an agent that is a loop over events.
func EventLoop[K, V any](b *Binder, key *KeyCodec[K], c *ValueCodec[V], f func(context.Context, *Events[K, V]) error, opts ...StepOption[V]) Step {
	s := &Events[K, V]{source: &source[V]{decoder: newDecoder(b, c, false, opts), nulls: true}, key: key}
	return Step{
		loop:   func(ctx context.Context) error { s.source.outside(); return f(ctx, s) },
		attach: func(step *task.Step) { s.source.step = step },
	}
}

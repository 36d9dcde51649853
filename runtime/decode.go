package faust

import (
	"fmt"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// decoder turns records into values of one agent in one task, and tells the clocks of what it hands out.
type decoder[V any] struct {
	b      *bound
	codec  *ValueCodec[V]
	check  bool // validate: not behind a group_by, whose source has done it
	policy codec.Strings
	times  []func(*V) time.Time // by choice of event time; nil: the event's own
	clocks []*task.Clock        // of the agent's tables, moved by events that it reads directly; nil otherwise
	group  *groupState
	value  V
}

func newDecoder[V any](b *Binder, c *ValueCodec[V], source bool, opts []StepOption[V]) *decoder[V] {
	a := b.agent
	d := &decoder[V]{b: b.task, codec: c, policy: codec.Slab, check: c.Validate != nil && (source || !a.repartitioned())}
	byName := map[string]func(*V) time.Time{}
	for _, o := range opts {
		if o.borrow {
			d.policy = codec.Borrow
		}
		if o.time != nil {
			byName[o.timeBy] = o.time
		}
	}
	if a.group == nil || len(a.group.bases) == 0 {
		return d
	}
	for _, by := range a.group.bases {
		d.times = append(d.times, byName[by.timeBy]) // nil for the event's own time, and for records that don't have the field
	}
	d.group = b.task.group(a.group.name)
	if d.group != nil && !source && !a.repartitioned() {
		d.clocks = d.group.clocks
	}
	return d
}

// null says that a record is a tombstone, which only agents over events get.
func (d *decoder[V]) null(r *record.Record) bool {
	if r.Value != nil {
		return false
	}
	d.b.CountSkipped()
	return true
}

// decode reads a record into d.value, and makes it the event that runs.
func (d *decoder[V]) decode(r *record.Record) error {
	var zero V
	d.value = zero
	d.b.reader.Policy(d.policy)
	if err := d.codec.Decode(d.b.reader, r.Value, &d.value); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if d.check {
		if err := d.codec.Validate(&d.value); err != nil {
			return fmt.Errorf("invalid: %w", err)
		}
	}
	at := r.Time
	if d.codec.Time != nil {
		t := d.codec.Time(&d.value)
		if t.IsZero() {
			return fmt.Errorf("invalid: the event time is missing; the record's time= field must be set")
		}
		at = t.UnixMilli()
	}
	return d.begin(r, at)
}

// begin makes r the event that runs, at its time, and moves the clocks to it: before the body, so that the body sees its own time.
func (d *decoder[V]) begin(r *record.Record, at int64) error {
	if at < 0 {
		return fmt.Errorf("invalid: the event time %s is before 1970", time.UnixMilli(at).UTC().Format(time.RFC3339))
	}
	d.b.record, d.b.now, d.b.hasEvent, d.b.borrowing = r, at, true, d.policy == codec.Borrow
	if d.group == nil && d.times == nil {
		return nil
	}
	if err := d.gatherTimes(r, at); err != nil {
		return err
	}
	for i, c := range d.clocks {
		c.Direct(d.b.times[i])
	}
	return nil
}

// gatherTimes fills b.times with the event's time by each choice of event time.
func (d *decoder[V]) gatherTimes(r *record.Record, at int64) error {
	d.b.times = d.b.times[:0]
	for _, f := range d.times {
		ms := at
		if f != nil && r.Value != nil {
			t := f(&d.value)
			if ms = t.UnixMilli(); t.IsZero() || ms < 0 {
				return fmt.Errorf("invalid: the time that a table's time= names is missing or before 1970: %v", t)
			}
		}
		d.b.times = append(d.b.times, ms)
	}
	return nil
}

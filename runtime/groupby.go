package faust

import (
	"math"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// tellEvery is how often, in ms, a repartition partition that gets no records is told the time while its source is busy.
const tellEvery = 100

// GroupByStep makes the step before a repartition topic: it reads the key and forwards the value's bytes as they came, with time and
// headers. A value for which key returns false is skipped and counted.
func GroupByStep[V, K any](b *Binder, c *ValueCodec[V], kc *KeyCodec[K], key func(*V) (K, bool), opts ...StepOption[V]) Step {
	d := newDecoder(b, c, true, opts)
	a := b.agent
	out := b.task.Output(a.repartition, b.plan.partitions(a.repartition), record.LZ4)
	var keyBytes []byte
	var tell *teller
	if len(d.times) > 0 {
		tell = newTeller(a.sourceIndex(b.input), out, len(d.times))
	}
	step := Step{process: func(r *record.Record) error {
		if d.null(r) {
			return nil
		}
		if err := d.decode(r); err != nil {
			return err
		}
		k, ok := key(&d.value)
		if !ok {
			d.b.CountSkipped()
			return nil
		}
		var err error
		if keyBytes, err = kc.Append(keyBytes[:0], k); err != nil {
			return err
		}
		p := record.Partition(keyBytes, out.Partitions)
		if tell == nil {
			out.Add(p, keyBytes, r.Value, d.b.now, r.Headers, r.HeaderCount, nil)
			return nil
		}
		out.Add(p, keyBytes, r.Value, d.b.now, r.Headers, r.HeaderCount, tell.record(p, d.b.times))
		return nil
	}}
	if tell != nil {
		step.tell = tell.tell
	}
	return step
}

// teller tells the partitions of a repartition topic what time it is in one source partition: with every record, and by records of its
// own to those that get none. Windows behind the group_by wait for the slowest source, so each must hear of all.
type teller struct {
	out    *task.Output
	now    task.SourceTime // the source's stream time so far
	told   []told          // by partition of the repartition topic
	value  []byte
	header []record.Header
}

// told is what one partition has last heard.
type told struct {
	version uint64 // of the teller's time
	wall    int64
	idle    bool
	ever    bool
}

func newTeller(source int, out *task.Output, bases int) *teller {
	t := &teller{out: out, told: make([]told, out.Partitions), header: []record.Header{{Name: task.TimeHeader}}}
	t.now.Source = source
	for range bases {
		t.now.Times = append(t.now.Times, math.MinInt64)
	}
	t.now.Control = true // as after a word: the first record reads the clock
	return t
}

// record moves the source's time to an event's times and returns the header for it.
func (t *teller) record(p int32, times []int64) []record.Header {
	for i, ms := range times {
		t.now.Times[i] = max(t.now.Times[i], ms)
	}
	if t.now.Control { // the first of its batch: all of it was sent before now
		t.now.Wall = time.Now().UnixMilli()
	}
	t.now.Idle, t.now.Control = false, false
	t.told[p] = told{ever: true, wall: t.now.Wall, version: t.version()}
	return t.headers()
}

// version changes when any of the times does: they never decrease, so their sum tells.
func (t *teller) version() uint64 {
	var v uint64
	for _, ms := range t.now.Times {
		v += uint64(ms)
	}
	return v
}

func (t *teller) headers() []record.Header {
	t.value = task.AppendSourceTime(t.value[:0], &t.now)
	t.header[0].Value = t.value
	return t.header
}

// tell is called at the end of a batch, every second while the input is idle, and, for all, before a commit.
func (t *teller) tell(idle, all bool, now time.Time) {
	t.now.Wall, t.now.Idle, t.now.Control = now.UnixMilli(), idle, true
	version := t.version()
	for p := range t.told {
		last := &t.told[p]
		since := t.now.Wall - last.wall
		switch {
		case !last.ever, idle != last.idle:
		case idle && since >= task.IdleRefresh:
		case version != last.version && (all || !idle && since >= tellEvery):
		default:
			continue
		}
		*last = told{ever: true, version: version, wall: t.now.Wall, idle: idle}
		t.out.Add(int32(p), nil, nil, t.now.Wall, nil, 0, t.headers())
	}
}

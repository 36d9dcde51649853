package faust

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"testing"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
	"github.com/faustgen/faustgen/runtime/store"
)

// intValue is a codec of a flat value, listValue of one whose copies share memory.
func intValue() *ValueCodec[int] {
	return &ValueCodec[int]{Name: "text", Flat: true,
		Append: func(dst []byte, v *int) ([]byte, error) { return strconv.AppendInt(dst, int64(*v), 10), nil },
		Decode: func(_ *codec.Reader, b []byte, v *int) (err error) { *v, err = strconv.Atoi(string(b)); return err },
	}
}

var errUnlucky = errors.New("13 has no encoding")

func listValue() *ValueCodec[[]int] {
	return &ValueCodec[[]int]{Name: "json", Fails: true,
		Append: func(dst []byte, v *[]int) ([]byte, error) {
			for _, n := range *v {
				if n == 13 {
					return dst, errUnlucky
				}
			}
			b, err := json.Marshal(*v)
			return append(dst, b...), err
		},
		Decode: func(_ *codec.Reader, b []byte, v *[]int) error { return json.Unmarshal(b, v) },
	}
}

// kit is one task's tables over a store that outlives it, without a broker: the test plays the task.
type kit struct {
	t       *testing.T
	b       *bound
	binder  *Binder
	store   store.Store
	changes [][2][]byte // the changelog
}

func newKit(t *testing.T, st store.Store, window *WindowSpec) *kit {
	t.Helper()
	spec := &AppSpec{ID: "app", Topics: []TopicSpec{{Name: "in", Partitions: 1}},
		Tables: []TableSpec{{Struct: "Tables", Name: "counts", Window: window}},
		Agents: []AgentSpec{{Name: "agent", Func: "Agent", Topics: []string{"in"}, Tables: []string{"Tables"}}}}
	if window != nil {
		spec.Closers = []CloserSpec{{Func: "Close", Struct: "Tables", Table: "counts"}}
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := newPlan(spec, &config{log: log})
	if err := p.setCounts(nil); err != nil {
		t.Fatal(err)
	}
	c := p.components[0]
	b := &bound{plan: p, component: c, stores: stores{disk: st}, reader: codec.NewReader(codec.Slab), groups: map[string]*groupState{},
		byName: map[string]queryable{}, Task: task.New(task.Config{Name: "counts/0", Logger: log})}
	for _, g := range c.groups {
		b.groups[g.name] = newGroupState(g, c)
	}
	return &kit{t: t, b: b, binder: &Binder{plan: p, memo: map[any]any{}, task: b}, store: st}
}

// event runs body as one event; under skip its error undoes it.
func (k *kit) event(skip bool, body func() error) error {
	return k.b.Atomic("event", skip, func(context.Context) error { return body() })
}

// commit writes what has changed.
func (k *kit) commit() {
	k.t.Helper()
	var batch store.Batch
	table := k.b.slots[0].Table
	err := table.Flush(func(key, value []byte) {
		r := [2][]byte{append([]byte{}, key...), nil}
		if value != nil {
			r[1] = append([]byte{}, value...)
		}
		k.changes = append(k.changes, r)
	}, &batch)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := k.store.Apply(&batch); err != nil {
		k.t.Fatal(err)
	}
	table.Committed()
	if n := table.Dirty(); n != 0 {
		k.t.Fatalf("%d changes are left after a commit", n)
	}
}

// replay restores an empty store from a changelog.
func (k *kit) replay(changes [][2][]byte) {
	k.t.Helper()
	var batch store.Batch
	for _, r := range changes {
		if err := k.b.slots[0].Table.Restore(r[0], r[1], &batch); err != nil {
			k.t.Fatal(err)
		}
	}
	if err := k.store.Apply(&batch); err != nil {
		k.t.Fatal(err)
	}
	k.load()
}

func (k *kit) load() {
	k.t.Helper()
	k.b.Add(nil, k.b.slots, nil)
	if err := k.b.slots[0].Table.Load(); err != nil {
		k.t.Fatal(err)
	}
}

// at makes an event of that time current, as a decoder does.
func (k *kit) at(ms int64) {
	g := k.b.groups["Tables"]
	k.b.record, k.b.now, k.b.hasEvent = &record.Record{Time: ms}, ms, true
	k.b.times = append(k.b.times[:0], ms)
	for _, c := range g.clocks {
		c.Direct(ms)
	}
}

package faust

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
	"github.com/faustgen/faustgen/runtime/store"
)

// What a table keeps in a store stands under its name, a zero byte, the partition (4 bytes, big endian) and one of these; see
// docs/formats.md, "Store keys".
const (
	kindData   = 'd' // the changelog's key → the value
	kindEnds   = 'e' // a window's end (8 bytes, big endian) and the key → nothing
	kindMeta   = 'm' // → stream time, and how far windows are closed
	kindOffset = 'o' // → the changelog offset to go on from
)

func tablePrefix(table string, partition int32, kind byte) []byte {
	b := append([]byte(table), 0)
	return append(binary.BigEndian.AppendUint32(b, uint32(partition)), kind)
}

func (b *bound) tablePrefix(table string, kind byte) []byte {
	return tablePrefix(table, b.partition, kind)
}

func (b *bound) storeOf(t *TableSpec) store.Store {
	if t.Memory || b.stores.disk == nil {
		return b.stores.memory
	}
	return b.stores.disk
}

func (b *bound) logger() *slog.Logger { return b.plan.opts.log }

// addTable registers a table with its task.
func (b *bound) addTable(name string, t task.Table, q queryable) {
	spec := b.plan.table(name)
	prefix := tablePrefix(name, b.partition, kindOffset)
	b.slots = append(b.slots, &task.TableSlot{
		Table: t, Name: name, Store: b.storeOf(spec),
		Changelog: record.TopicPartition{Topic: b.plan.changelog(name), Partition: b.partition},
		OffsetKey: prefix, Prefix: prefix[:len(prefix)-1],
	})
	b.byName[name] = q
}

// windowed is a windowed table as its task's pulse sees it.
type windowed interface{ due() error }

// firstCall is a //faust:task that takes tables: it is called once, when the task begins to run.
type firstCall struct {
	name string
	call func(context.Context) error
}

// taskTimer is a timer that takes tables: it runs in the task.
type taskTimer struct {
	spec *TimerSpec
	call func(context.Context) error
	next time.Time
}

// bind makes one task of a component: its handles, its steps, its tables.
func (w *worker) bind(c *component, partition int32) (*bound, error) {
	interval := w.cfg.commitInterval
	if interval == 0 {
		interval = time.Second
	}
	progress := newProgress(w.log, c, partition)
	b := &bound{plan: w.plan, component: c, partition: partition, reader: codec.NewReader(codec.Slab),
		stores: stores{disk: w.disk, memory: store.NewMemory()}, progress: progress, groups: map[string]*groupState{}, byName: map[string]queryable{}}
	b.Task = task.New(task.Config{Name: taskName(c, partition), Log: taskLog{w}, Logger: w.log, Interval: interval, Partition: partition,
		Own: w.own, Progress: progress.report, Changed: func(s task.State) { w.log.Debug("task", "task", taskName(c, partition), "state", s) }})
	for _, g := range c.groups {
		b.groups[g.name] = newGroupState(g, c)
	}
	binder := &Binder{plan: w.plan, memo: map[any]any{}, task: b, providers: w.providers}
	inputs := b.bindAgents(binder)
	b.bindFunctions(binder)
	slices.SortFunc(b.slots, func(x, y *task.TableSlot) int { return strings.Compare(x.Name, y.Name) })
	b.Add(inputs, b.slots, b.pulse)
	return b, nil
}

func newGroupState(g *groupPlan, c *component) *groupState {
	sources := 0
	for _, a := range c.agents {
		if a.group == g && a.repartitioned() {
			sources += a.sourceCount()
		}
	}
	s := &groupState{plan: g}
	for range g.bases {
		s.clocks = append(s.clocks, task.NewClock(sources))
		s.marks = append(s.marks, clockMark{time: math.MinInt64, seen: math.MinInt64})
	}
	return s
}

// bindAgents makes the inputs with their steps, by topic name, the steps by agent name.
func (b *bound) bindAgents(binder *Binder) []*task.Input {
	byTopic := map[string]*task.Input{}
	var inputs []*task.Input
	for _, topic := range b.component.inputs {
		if b.partition < b.plan.partitions(topic) {
			in := &task.Input{TopicPartition: record.TopicPartition{Topic: topic, Partition: b.partition}}
			byTopic[topic] = in
			inputs = append(inputs, in)
		}
	}
	offset := map[*groupPlan]int{} // where an agent's sources begin among its struct's
	for _, a := range b.component.agents {
		binder.agent = a
		if a.repartitioned() && a.group != nil && len(a.group.bases) > 0 {
			b.timed = true
			byTopic[a.repartition].Observe = b.observer(b.groups[a.group.name], offset[a.group])
			offset[a.group] += a.sourceCount()
		}
		step := newStep(a, a.spec.Bind(binder))
		for _, topic := range a.inputs() {
			if in := byTopic[topic]; in != nil {
				in.Steps = append(in.Steps, step)
			}
		}
	}
	for _, name := range sortedKeys(b.plan.agents) {
		a := b.plan.agents[name]
		if !a.repartitioned() {
			continue
		}
		for _, topic := range a.sources {
			if in := byTopic[topic]; in != nil {
				binder.agent, binder.input = a, in.TopicPartition
				in.Steps = append(in.Steps, newStep(a, a.spec.Repartition(binder)))
			}
		}
	}
	return inputs
}

func newStep(a *agentPlan, s Step) *task.Step {
	step := &task.Step{Name: a.spec.Name, Skip: a.spec.OnError == "skip", Process: s.process, Loop: s.loop, Tell: s.tell}
	if s.attach != nil {
		s.attach(step)
	}
	return step
}

// observer reads what the records of a repartition topic tell of their sources' time.
func (b *bound) observer(g *groupState, offset int) func(*record.Record) bool {
	var said task.SourceTime
	return func(r *record.Record) bool {
		if !task.ReadSourceTime(r, &said) {
			return false
		}
		for i, c := range g.clocks {
			if i < len(said.Times) {
				c.Source(offset+said.Source, said.Times[i], said.Wall, said.Idle)
			}
		}
		return said.Control
	}
}

// bindFunctions binds the close handlers and the timers of the component's tables.
func (b *bound) bindFunctions(binder *Binder) {
	has := func(name string) bool { return b.groups[name] != nil }
	for i := range b.plan.spec.Closers {
		if c := &b.plan.spec.Closers[i]; has(c.Struct) {
			binder.closer = c
			c.Bind(binder)
		}
	}
	for i := range b.plan.spec.Timers {
		if t := &b.plan.spec.Timers[i]; len(t.Tables) > 0 && has(t.Tables[0]) {
			b.timers = append(b.timers, &taskTimer{spec: t, call: t.Bind(binder)})
		}
	}
	for i := range b.plan.spec.Tasks {
		if t := &b.plan.spec.Tasks[i]; len(t.Tables) > 0 && has(t.Tables[0]) {
			b.first = append(b.first, firstCall{"task " + t.Func, t.Bind(binder)})
		}
	}
}

// pulse is called by the task between batches: windows close and expire, timers fire.
func (b *bound) pulse(now time.Time, caughtUp bool) (next time.Time, err error) {
	b.hasEvent = false
	for len(b.first) > 0 {
		f := b.first[0]
		b.first, b.now = b.first[1:], now.UnixMilli()
		if err := b.Atomic(f.name, false, f.call); err != nil {
			return next, err
		}
	}
	if len(b.windows) > 0 {
		if b.idle(now, caughtUp) {
			next = now.Add(idleStep)
		}
		for _, w := range b.windows {
			if err := w.due(); err != nil {
				return next, err
			}
		}
	}
	for _, t := range b.timers {
		if t.next.IsZero() {
			t.next = now.Add(t.spec.Every)
		}
		if !now.Before(t.next) {
			b.now = now.UnixMilli()
			if err := b.Atomic("timer "+t.spec.Func, false, t.call); err != nil {
				return next, err
			}
			t.next = t.next.Add(now.Sub(t.next)/t.spec.Every*t.spec.Every + t.spec.Every)
		}
		if next.IsZero() || t.next.Before(next) {
			next = t.next
		}
	}
	return next, nil
}

// idleStep is how often the stream time of an idle partition goes on.
const idleStep = 100 * time.Millisecond

// idle lets the stream time go on with the wall clock where a table has idle= and nothing has come for so long. It says whether any has.
func (b *bound) idle(now time.Time, caughtUp bool) (any bool) {
	for _, g := range b.groups {
		for i, c := range g.clocks {
			d := g.plan.bases[i].idle
			if d == 0 {
				continue
			}
			any = true
			m := &g.marks[i]
			if last := b.LastRecord(); c.Now() > m.seen || last.After(m.at) {
				m.time, m.seen, m.at = c.Now(), c.Now(), last
			}
			if caughtUp && !c.Held() && m.time != math.MinInt64 && now.Sub(m.at) >= d {
				c.Advance(m.time + now.Sub(m.at).Milliseconds())
				m.seen = c.Now()
			}
		}
	}
	return any
}

// progress logs how far a restore is, at most once a second.
type progress struct {
	log    *slog.Logger
	task   string
	began  time.Time
	logged time.Time

	mu     sync.Mutex
	tables map[string]Restore // by table; what Restores tells
}

func newProgress(log *slog.Logger, c *component, partition int32) *progress {
	now := time.Now() // the first batch counts too: often it is the only one
	return &progress{log: log, task: taskName(c, partition), began: now, logged: now, tables: map[string]Restore{}}
}

func (p *progress) report(table string, done, total int64) {
	now := time.Now()
	rate := int64(0)
	if took := now.Sub(p.began).Seconds(); took > 0 {
		rate = int64(float64(done) / took)
	}
	p.mu.Lock()
	if p.tables[table] = (Restore{Table: table, Task: p.task, Records: done, Of: total, PerSecond: rate}); done >= total {
		delete(p.tables, table)
	}
	p.mu.Unlock()
	if finished := done >= total; finished || now.Sub(p.logged) >= time.Second {
		p.logged = now
		p.log.Info("restoring", "table", table, "task", p.task, "records", done, "of", total,
			"percent", fmt.Sprintf("%.0f", 100*float64(done)/float64(max(total, 1))), "per_second", rate)
	}
}

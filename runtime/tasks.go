package faust

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/group"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// taskSet is the tasks that this worker runs.
type taskSet struct {
	mu      sync.Mutex
	running map[group.Task]*runningTask
	all     sync.WaitGroup
}

type runningTask struct {
	id     group.Task
	bound  *bound
	cancel context.CancelCauseFunc
	done   chan struct{}
	err    error // after done
}

func (s *taskSet) init() { s.running = map[group.Task]*runningTask{} }

func (s *taskSet) get(id group.Task) *runningTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[id]
}

func (s *taskSet) list() []*runningTask {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*runningTask
	for _, r := range s.running {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *runningTask) int { return a.id.Compare(b.id) })
	return all
}

func (s *taskSet) wait() { s.all.Wait() }

// idleSince says when the last record came to any task, and whether all have read their inputs to the end.
func (s *taskSet) idleSince() (last time.Time, idle bool) {
	idle = true
	for _, r := range s.list() {
		st := r.bound.Stats()
		idle = idle && r.bound.State() == task.Running && st.CaughtUp
		if st.LastRecord.After(last) {
			last = st.LastRecord
		}
	}
	return last, idle
}

// readUpTo is how far the repartition topics have been read and committed.
func (s *taskSet) readUpTo(p *plan) map[record.TopicPartition]int64 {
	before := map[record.TopicPartition]int64{}
	for _, r := range s.list() {
		for tp, offset := range r.bound.Task.CommittedOffsets() {
			if t := p.topics[tp.Topic]; t != nil && t.kind == repartitionTopic && offset > 0 {
				before[tp] = offset
			}
		}
	}
	return before
}

// Assigned implements group.Handler: it starts tasks.
func (w *worker) Assigned(_ context.Context, ids []group.Task) error {
	for _, id := range ids {
		if old := w.tasks.get(id); old != nil {
			<-old.done // it was lost, and is on its way out
		}
		c := w.plan.component(id.Component)
		if c == nil {
			w.log.Error("task not run: this application has no such component; the group's leader runs another version of it", "task", id)
			continue
		}
		b, err := w.bind(c, id.Partition)
		if err != nil {
			return fmt.Errorf("task %s: %w", id, err)
		}
		ctx, cancel := context.WithCancelCause(w.base)
		r := &runningTask{id: id, bound: b, cancel: cancel, done: make(chan struct{})}
		w.tasks.mu.Lock()
		w.tasks.running[id] = r
		w.tasks.mu.Unlock()
		w.tasks.all.Go(func() { w.runTask(ctx, r) })
	}
	return nil
}

func (w *worker) runTask(ctx context.Context, r *runningTask) {
	defer close(r.done)
	r.err = r.bound.Run(ctx)
	r.cancel(nil)
	switch {
	case r.err == nil, errors.Is(r.err, ErrKill):
	case errors.Is(r.err, task.ErrFenced):
		w.log.Warn("task given up: the group has gone on without this worker", "task", r.id)
	default:
		w.fail(fmt.Errorf("task %s: %w", r.id, r.err))
	}
}

// Revoked implements group.Handler: it stops tasks and waits for their commits.
func (w *worker) Revoked(ctx context.Context, ids []group.Task) error {
	var leaving []*runningTask
	for _, id := range ids {
		if r := w.tasks.get(id); r != nil {
			r.bound.Stop()
			leaving = append(leaving, r)
		}
	}
	var errs []error
	for _, r := range leaving {
		select {
		case <-r.done:
		case <-ctx.Done():
			r.cancel(task.ErrFenced)
			<-r.done
		}
		if errors.Is(r.err, task.ErrFenced) {
			errs = append(errs, fmt.Errorf("task %s could not commit in time: %w", r.id, r.err))
		}
		w.tasks.remove(r)
	}
	return errors.Join(errs...)
}

// Lost implements group.Handler: the tasks belong to others by now, so nothing of them may be committed.
func (w *worker) Lost(ids []group.Task) {
	for _, id := range ids {
		if r := w.tasks.get(id); r != nil {
			r.cancel(task.ErrFenced)
			r.bound.Stop()
		}
	}
	for _, id := range ids {
		if r := w.tasks.get(id); r != nil {
			<-r.done
			w.tasks.remove(r)
		}
	}
}

func (s *taskSet) remove(r *runningTask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[r.id] == r {
		delete(s.running, r.id)
	}
}

// former are the tasks whose state is on this worker's disk.
func (w *worker) former() []group.Task {
	var ids []group.Task
	if w.disk == nil {
		return nil
	}
	for _, c := range w.plan.components {
		for p := range c.partitions {
			if slices.ContainsFunc(c.groups, func(g *groupPlan) bool { return w.keeps(g, p) }) {
				ids = append(ids, group.Task{Component: c.name, Partition: p})
			}
		}
	}
	return ids
}

// keeps says whether the disk has a partition of any of a struct's tables; those in memory are never there.
func (w *worker) keeps(g *groupPlan, partition int32) bool {
	return slices.ContainsFunc(g.tables, func(t *TableSpec) bool {
		_, ok, err := w.disk.Get(nil, tablePrefix(t.Name, partition, kindOffset))
		return ok && err == nil
	})
}

func (p *plan) component(name string) *component {
	for _, c := range p.components {
		if c.name == name {
			return c
		}
	}
	return nil
}

// inputTopics are the topics that the group reads.
func (p *plan) inputTopics() []string {
	var names []string
	for _, name := range sortedKeys(p.topics) {
		if p.topics[name].read {
			names = append(names, name)
		}
	}
	return names
}

// groupComponents are the components as the group's leader assigns them.
func (p *plan) groupComponents() []group.Component {
	var all []group.Component
	for _, c := range p.components {
		g := group.Component{Name: c.name, Stateful: len(c.groups) > 0}
		for _, in := range c.inputs {
			g.Topics = append(g.Topics, group.Topic{Name: in, Partitions: p.topics[in].partitions})
		}
		if len(g.Topics) == 0 { // tables that only timers use: their changelog stands for them
			g.Topics = append(g.Topics, group.Topic{Name: p.changelog(c.groups[0].tables[0].Name), Partitions: c.partitions})
		}
		all = append(all, g)
	}
	return all
}

// taskName is how a task is called in logs and messages.
func taskName(c *component, partition int32) string {
	return fmt.Sprintf("%s/%d", strings.TrimSpace(c.name), partition)
}

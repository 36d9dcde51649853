package faust

import (
	"context"
	"fmt"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
	"github.com/faustgen/faustgen/runtime/store"
)

// Binder binds handles and functions to one task, or to the worker for what runs outside tasks. It is for generated code only.
type Binder struct {
	plan *plan
	memo map[any]any // by type: what Once made
	// One of the two is set.
	task *bound
	send *sender

	agent     *agentPlan            // whose step is being bound
	input     record.TopicPartition // for which input, when it is the step before a repartition topic
	closer    *CloserSpec           // which is being bound
	providers map[string]any
}

// Once returns what bind makes for b, the same each time: all functions of a task share one set of handles.
func Once[T any](b *Binder, bind func(*Binder) *T) *T {
	key := any((*T)(nil))
	if v, ok := b.memo[key]; ok {
		return v.(*T)
	}
	v := bind(b)
	b.memo[key] = v
	return v
}

// Provided returns the receiver that the provider of that type has built.
func Provided[T any](b *Binder, name string) T {
	v, ok := b.providers[name].(T)
	if !ok {
		panic(fmt.Sprintf("faust: no provider has built a %s", name)) // the generator has checked that there is one
	}
	return v
}

// bound is one task as its handles see it. It belongs to the task's goroutine.
type bound struct {
	*task.Task
	plan      *plan
	component *component
	partition int32
	stores    stores
	progress  *progress // of the restore
	reader    *codec.Reader

	// The event that runs. now is its event time in ms; outside events, the time that sends get.
	record    *record.Record
	now       int64
	hasEvent  bool
	times     []int64 // scratch: the event's time by choice of event time
	borrowing bool    // the event's strings alias the fetch buffer
	timed     bool    // records of this task may carry a TimeHeader
	headers   []byte  // scratch

	groups  map[string]*groupState // by tables struct
	slots   []*task.TableSlot
	windows []windowed
	timers  []*taskTimer
	first   []firstCall // what is left to be called once
	byName  map[string]queryable
}

// stores are where the tables of a worker keep their bytes.
type stores struct {
	disk   store.Store // nil if every table is store=memory
	memory store.Store // of this task alone
}

// groupState is one tables struct in one task: its clocks, one for each basis.
type groupState struct {
	plan   *groupPlan
	clocks []*task.Clock
	marks  []clockMark
}

// clockMark is where a clock stood when the last event came, for idle=.
type clockMark struct {
	time, seen int64
	at         time.Time
}

func (b *bound) group(name string) *groupState { return b.groups[name] }

// Step is what one agent does with one record, bound to one task. Generated code makes it with ValueStep and its like.
type Step struct {
	process func(*record.Record) error
	loop    func(context.Context) error
	attach  func(*task.Step)
	tell    func(idle, all bool, now time.Time)
}

// StepOption is a choice for one step.
type StepOption[V any] struct {
	timeBy string
	time   func(*V) time.Time
	borrow bool
}

// TimeBy says how a windowed table's time=, called name, is read from a value.
func TimeBy[V any](name string, f func(*V) time.Time) StepOption[V] {
	return StepOption[V]{timeBy: name, time: f}
}

// Borrow lets the strings of a value alias the fetch buffer until the body ends.
func Borrow[V any]() StepOption[V] { return StepOption[V]{borrow: true} }

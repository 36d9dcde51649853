package task

import (
	"errors"
	"fmt"
	"runtime/debug"
)

var (
	// ErrFenced says that another worker owns the task by now: nothing of it may be committed any more.
	ErrFenced = errors.New("another worker took over this task")
	// errStopped unwinds a body when the task has to end at once.
	errStopped = errors.New("task is stopped")
	// errEarly is a loop that gave up without an error.
	errEarly error = fatal{errors.New("the loop returned before its stream ended; range over the stream to its end, or return an error")}
)

// EventError says which event stopped the worker.
type EventError struct {
	Agent     string
	Topic     string
	Partition int32
	Offset    int64
	Err       error
}

func (e *EventError) Error() string {
	var deadly fatal
	if errors.As(e.Err, &deadly) { // no policy would have helped
		return fmt.Sprintf("agent %s, %s partition %d offset %d: %v; nothing of the event was kept", e.Agent, e.Topic, e.Partition, e.Offset, e.Err)
	}
	return fmt.Sprintf("agent %s, %s partition %d offset %d: %v; nothing of the event was kept; mend the cause and start again, or set on_error=skip",
		e.Agent, e.Topic, e.Partition, e.Offset, e.Err)
}

func (e *EventError) Unwrap() error { return e.Err }

// PanicError is a panic of a body, with its stack.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwind is what Fail panics with: it ends a body at the call that can't go on, and is recovered by the task.
type Unwind struct{ Err error }

// Abort is what a call inside a body panics with to fail the event: the agent's on_error decides what follows.
type Abort struct{ Err error }

// fatal marks an error that no on_error policy may swallow: the store failed, or the body did what nobody may do.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// Fail ends the body that runs now at this call; deferred functions run. The task stops before anything of the event is committed.
func (t *Task) Fail(err error) {
	if t.failed == nil {
		t.failed = err // also when the body swallows the panic
	}
	panic(Unwind{err})
}

// guard calls f and returns its panic as an error.
func (t *Task) guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.recovered(p)
		}
	}()
	return f()
}

// recovered turns what recover returned into an error.
func (t *Task) recovered(p any) error {
	if u, ok := p.(Unwind); ok {
		return fatal{u.Err}
	}
	if a, ok := p.(Abort); ok {
		return a.Err
	}
	return &PanicError{Value: p, Stack: debug.Stack()}
}

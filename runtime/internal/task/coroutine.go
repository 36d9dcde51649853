package task

import (
	"iter"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// pickLoops gives the first loop of the task the task's own goroutine, so that its body costs nothing extra, and every further loop a
// coroutine, which costs a switch per event.
func (t *Task) pickLoops() {
	for _, in := range t.cfg.Inputs {
		for _, s := range in.Steps {
			switch {
			case s.Loop == nil:
			case t.primary == nil:
				t.primary = s
			case s != t.primary && s.co == nil:
				s.co = &coroutine{task: t, step: s}
				t.gathering = append(t.gathering, s)
			}
		}
	}
}

// endLoops unwinds the coroutines: their streams end.
func (t *Task) endLoops() {
	for _, in := range t.cfg.Inputs {
		for _, s := range in.Steps {
			if s.co != nil {
				_ = s.co.stop() // the task has failed, or finishLoops was here
			}
		}
	}
}

// finishLoops ends the streams of the coroutines when the task was stopped: what they have gathered is handled, and belongs to the last
// commit. What the loop in the task's own goroutine gathered was handled when its stream ended.
func (t *Task) finishLoops() error {
	for _, s := range t.gathering {
		gathers := !s.co.expected.IsZero()
		t.undoing = s.Skip
		err := s.co.stop()
		if gathers || t.failed != nil {
			t.finish(s, t.record(), err)
		} else if err != nil {
			t.cfg.Logger.Warn("loop ended with an error after the end of its stream", "agent", s.Name, "err", err)
		}
		t.keep()
		if t.failed != nil {
			return t.failed
		}
	}
	return nil
}

// coroutine runs a loop beside the task's own goroutine, one at a time: the task resumes it with a record, and it yields when the loop
// asks for the next one.
type coroutine struct {
	task *Task
	step *Step

	next   func() (struct{}, bool)
	cancel func()
	yield  func(struct{}) bool

	record   *record.Record // in the loop's hands, nil between events
	expected time.Time      // when the loop that waits wants to be woken without a record
	err      error          // how the loop ended its event, if it ended
	ended    bool           // the loop returned, or panicked
}

// start calls the loop anew; it runs until it asks for its first event.
func (c *coroutine) start() {
	c.ended, c.err = false, nil
	c.next, c.cancel = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		c.err = c.task.guard(func() error { return c.step.Loop(c.task.ctx) })
		c.ended = true
	})
	c.next()
}

// resume lets the loop handle r and returns how its body ended.
func (c *coroutine) resume(r *record.Record) error {
	if c.next == nil || c.ended {
		c.start()
	}
	if !c.ended {
		c.record = r
		c.next()
	}
	c.record = nil
	if !c.ended {
		return nil // it asks for the next event, so this one is done
	}
	err := c.err
	if err == nil {
		err = errEarly
	}
	c.cancel()
	c.next = nil
	return err
}

// await is what the loop's stream calls for the next event; a nil record says that the deadline has passed.
func (c *coroutine) await(deadline time.Time) (*record.Record, bool) {
	c.record, c.expected = nil, deadline
	if !c.yield(struct{}{}) {
		return nil, false
	}
	c.expected = time.Time{}
	return c.record, true
}

// overdue says whether the loop waits for a record no longer than until now.
func (c *coroutine) overdue(now time.Time) bool {
	return !c.expected.IsZero() && !now.Before(c.expected)
}

// stop ends the loop's stream, and returns how the loop ended.
func (c *coroutine) stop() error {
	if c.next == nil {
		return nil
	}
	c.cancel()
	c.next, c.expected = nil, time.Time{}
	return c.err
}

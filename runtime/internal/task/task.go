package task

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// Limits of one task, chosen by measuring.
const (
	flushEvery = 2 * time.Millisecond // outputs wait no longer than this for their batch to end
	flushBytes = 256 << 10            // nor for more than this
	dirtyMax   = 200_000              // changes that wait for a commit; more bring it forward
	strideMax  = 64                   // records between two looks at the clock, while they are cheap
)

// Task is one task. Make it with New, run it with Run.
type Task struct {
	cfg     Config
	inbox   chan *record.Batch
	calls   chan func()
	state   atomic.Int32
	stop    atomic.Bool
	stopped chan struct{} // closed by Stop
	once    sync.Once

	// The rest belongs to the goroutine in Run.
	ctx     context.Context // of the bodies
	inputs  map[record.TopicPartition]*Input
	outputs map[string]*Output
	primary *Step // the loop that runs in this goroutine, nil if there is none

	// Where the task stands: record at of batch, whose next step is step.
	batch *record.Batch
	in    *Input
	at    int
	step  int

	sender      *sender
	filled      []*record.Builder // what waits to be flushed
	owners      []*Output         // of each builder in filled
	filledBytes int

	undoing bool   // the body that runs may be undone, so changes are journaled
	sends   []sent // what it has sent
	active  *Step  // the loop whose event is in its hands
	failed  error  // why the task ends

	gathering     []*Step // the loops in coroutines, which may gather batches
	held          int     // loops that gather a batch: no commit meanwhile
	owed          bool    // a commit is due and was put off because of that
	cut           bool    // the loops that gather have to hand over what they have, for the commit's sake
	pulsed        time.Time
	flushed       time.Time
	committed     time.Time
	nextPulse     time.Time
	stride        int
	sinceClock    int
	counted       int64 // records at the end of the batch before
	stats         Stats
	statsMu       sync.Mutex
	shared        Stats // these two are guarded by statsMu
	sharedOffsets map[record.TopicPartition]int64
	timer         *time.Timer
}

// New returns a task that Run will run. Its outputs and steps may be bound before.
func New(cfg Config) *Task {
	return &Task{
		cfg:     cfg,
		calls:   make(chan func()),
		stopped: make(chan struct{}),
		inputs:  map[record.TopicPartition]*Input{},
		outputs: map[string]*Output{},
		sender:  newSender(),
		stride:  1,
	}
}

// Add gives the task its inputs, tables and pulse, bound to it; it is called once, before Run.
func (t *Task) Add(inputs []*Input, tables []*TableSlot, pulse func(time.Time, bool) (time.Time, error)) {
	t.cfg.Inputs, t.cfg.Tables, t.cfg.Pulse = inputs, tables, pulse
}

// State is the task's state; it may be asked by anyone.
func (t *Task) State() State { return State(t.state.Load()) }

// Undoing says whether the body that runs now may be undone, so that tables have to remember what they change.
func (t *Task) Undoing() bool { return t.undoing }

// Context is the context of the bodies.
func (t *Task) Context() context.Context { return t.ctx }

// Stop asks the task to end: it finishes the event in hand, commits, and Run returns nil. It may be called by anyone, more than once.
func (t *Task) Stop() {
	t.once.Do(func() {
		t.stop.Store(true)
		close(t.stopped)
	})
}

// Call runs f in the task's goroutine between two events and returns when it has run; an error if the task has ended, or ctx ends
// before f began.
func (t *Task) Call(ctx context.Context, f func()) error {
	done := make(chan struct{})
	call := func() { defer close(done); f() }
	select {
	case t.calls <- call:
	case <-t.stopped:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	<-done // whether ctx ends or not: f may be writing to what the caller reads next
	return nil
}

// Stats is a copy of the task's counters, at most some milliseconds old under load; it may be asked by anyone.
func (t *Task) Stats() Stats {
	t.statsMu.Lock()
	defer t.statsMu.Unlock()
	return t.shared
}

// CountLate counts a record, or one window of it, that came too late.
func (t *Task) CountLate() { t.stats.Late++ }

// CountSkipped counts a record that an agent could not use and whose on_error, or the language, says to skip.
func (t *Task) CountSkipped() { t.stats.Skipped++ }

// Run restores the tables, then processes records until Stop is called (then it commits and returns nil), ctx ends (it returns at once,
// with nothing further committed), or something fails. When it returns nothing is fetched for the task any more.
func (t *Task) Run(ctx context.Context) (err error) {
	t.ctx = ctx
	t.inbox = make(chan *record.Batch, 4*(len(t.cfg.Inputs)+len(t.cfg.Tables))+4)
	t.timer = time.NewTimer(time.Hour)
	defer t.timer.Stop()
	defer t.Stop() // nobody shall wait for us in Call
	defer t.become(Closed)
	for _, s := range t.cfg.Tables {
		s.out = t.Output(s.Changelog.Topic, s.Changelog.Partition+1, record.LZ4)
	}
	t.become(Restoring)
	if err := t.restore(ctx); err != nil {
		if errors.Is(err, errStopped) {
			return nil
		}
		return fmt.Errorf("restore %s: %w", t.cfg.Name, err)
	}
	t.become(Running)
	t.pickLoops()
	defer t.endLoops()

	now := time.Now()
	t.pulsed, t.flushed, t.committed, t.stats.LastRecord = now, now, now, now
	for _, in := range t.cfg.Inputs {
		t.inputs[in.TopicPartition] = in
		t.cfg.Log.Fetch(in.TopicPartition, in.position, t.inbox)
	}
	defer func() {
		for _, in := range t.cfg.Inputs {
			t.cfg.Log.Unfetch(in.TopicPartition)
		}
		t.drop()
	}()
	if err := t.process(ctx); err != nil {
		return err
	}
	if err := t.finishLoops(); err != nil {
		return err
	}
	if err := t.retract(ctx); err != nil {
		return err
	}
	return t.commit(ctx)
}

// process steps the agents through what comes in until the task is stopped or fails.
func (t *Task) process(ctx context.Context) error {
	for {
		err := t.drive(ctx)
		if s := t.active; s != nil { // the loop ended inside an event
			if err == nil {
				err = errEarly
			}
			t.finish(s, t.record(), err)
		} else if t.failed == nil && !t.stop.Load() && ctx.Err() == nil {
			if err == nil {
				err = errEarly
			}
			t.failed = err // of what runs between events
			if t.primary != nil {
				t.failed = fmt.Errorf("agent %s: %w", t.primary.Name, err)
			}
		} else if err != nil && t.failed == nil && t.stop.Load() && ctx.Err() == nil {
			t.cfg.Logger.Warn("loop ended with an error after the end of its stream", "agent", t.primary.Name, "err", err)
		}
		switch {
		case t.failed != nil:
			return t.failed
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case t.stop.Load():
			return nil
		}
	}
}

// drive runs the primary loop, or the steps alone if there is none, until the task stops or a body of the loop fails.
func (t *Task) drive(ctx context.Context) error {
	return t.guard(func() error {
		if t.primary != nil {
			return t.primary.Loop(ctx)
		}
		t.next(nil, time.Time{})
		return nil
	})
}

// Next is what the stream of a loop calls: the event before is done, the next one is returned. ok is false when the task stops:
// the stream ends. With a deadline that is not zero it also returns, with a nil record, when the deadline has passed.
func (t *Task) Next(s *Step, deadline time.Time) (r *record.Record, ok bool) {
	if s.co != nil {
		return s.co.await(deadline)
	}
	return t.next(s, deadline)
}

func (t *Task) next(primary *Step, deadline time.Time) (*record.Record, bool) {
	if primary != nil {
		t.Done(primary)
	}
	for t.failed == nil {
		if t.batch == nil {
			if !deadline.IsZero() && (t.cut || !time.Now().Before(deadline)) {
				return nil, true
			}
			if !t.wait(deadline) {
				return nil, false
			}
			continue
		}
		for t.at < len(t.batch.Records) {
			r := &t.batch.Records[t.at]
			if t.step == 0 {
				if t.stop.Load() { // not in the middle of a record: its first steps count already
					return nil, false
				}
				if t.owed && t.held == 0 && !t.look() {
					return nil, false
				}
				if t.in.Observe != nil && t.in.Observe(r) {
					t.step = len(t.in.Steps)
				} else {
					t.stats.Records++
				}
			}
			for t.step < len(t.in.Steps) {
				s := t.in.Steps[t.step]
				t.step++
				if s == primary {
					t.active, t.undoing = s, s.Skip
					return r, true
				}
				t.run(s, r)
				if t.failed != nil {
					return nil, false
				}
			}
			t.step = 0
			t.at++
			t.in.position = r.Offset + 1
			t.sinceClock++
			if t.sinceClock >= t.stride || t.filledBytes >= flushBytes {
				if !t.look() {
					return nil, false
				}
				if !deadline.IsZero() && (t.cut || !t.pulsed.Before(deadline)) {
					return nil, true
				}
			}
		}
		t.endBatch()
	}
	return nil, false
}

// record is the record whose step ran last.
func (t *Task) record() *record.Record {
	if t.batch == nil || t.at >= len(t.batch.Records) {
		return &record.Record{Offset: -1}
	}
	return &t.batch.Records[t.at]
}

// run lets one step handle one record.
func (t *Task) run(s *Step, r *record.Record) {
	t.undoing = s.Skip
	if s.co != nil {
		t.finish(s, r, s.co.resume(r))
		return
	}
	t.finish(s, r, t.call(s, r))
}

func (t *Task) call(s *Step, r *record.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = t.recovered(p)
		}
	}()
	return s.Process(r)
}

// finish ends an event in one step: its changes are kept, or undone before the policy acts.
func (t *Task) finish(s *Step, r *record.Record, err error) {
	t.active = nil
	if err == nil && t.failed == nil {
		t.keep()
		return
	}
	if reported := (*EventError)(nil); errors.As(t.failed, &reported) {
		return // by Reject
	}
	if err == nil {
		err = t.failed
	}
	var deadly fatal
	topic, partition := "", int32(-1)
	if t.in != nil {
		topic, partition = t.in.Topic, t.in.Partition
	}
	if !s.Skip || errors.As(err, &deadly) || t.failed != nil {
		t.failed = &EventError{s.Name, topic, partition, r.Offset, err}
		return
	}
	t.undo()
	t.stats.Skipped++
	t.cfg.Logger.Warn("event skipped", "agent", s.Name, "topic", topic, "partition", partition, "offset", r.Offset, "err", err)
}

func (t *Task) keep() {
	if !t.undoing {
		return
	}
	t.undoing = false
	t.sends = t.sends[:0]
	for _, s := range t.cfg.Tables {
		s.Table.Keep()
	}
}

func (t *Task) undo() {
	t.undoing = false
	for i := len(t.sends) - 1; i >= 0; i-- {
		s := t.sends[i]
		s.builder.Rewind(s.mark)
	}
	t.sends = t.sends[:0]
	for _, s := range t.cfg.Tables {
		s.Table.Undo()
	}
}

// Atomic runs a body that belongs to no record, a timer or a close handler, as an event is run: with its changes kept if it ends well,
// undone if it fails. skip says whether a failure is logged and passed over; otherwise it is returned.
func (t *Task) Atomic(name string, skip bool, body func(context.Context) error) (err error) {
	t.undoing = skip
	err = t.guard(func() error { return body(t.ctx) })
	if err == nil && t.failed == nil {
		t.keep()
		return nil
	}
	if err == nil {
		err = t.failed
	}
	var deadly fatal
	if !skip || errors.As(err, &deadly) {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.undo()
	t.stats.Skipped++
	t.cfg.Logger.Warn("call skipped", "func", name, "err", err)
	return nil
}

// Resume says that the loop's body runs on without a new record: it has been given a batch whose deadline has passed.
func (t *Task) Resume(s *Step) {
	t.undoing = s.Skip
	if s.co == nil {
		t.active = s
	}
}

// Done says that the loop's body has finished what it was given; Next says so too.
func (t *Task) Done(s *Step) {
	if t.active == s {
		t.active = nil
		t.keep()
	}
}

// Reject ends the event in the loop's hands as if its body had returned err: it couldn't be decoded.
func (t *Task) Reject(s *Step, err error) { t.finish(s, t.record(), err) }

// Hold and Unhold bracket the gathering of a batch by a loop: a commit in between would lose what is gathered.
func (t *Task) Hold() { t.held++ }

// Unhold is described at Hold. A commit that was put off meanwhile comes next; where several loops gather, so that there may never be a
// moment in which none does, the others have to be content with what they have.
func (t *Task) Unhold() {
	t.held--
	if t.owed {
		t.cut = t.held > 0
		t.sinceClock = t.stride // have a look when the record in hand is done
	}
}

// Ending says that the task ends without a commit, so that it is of no use to do anything more.
func (t *Task) Ending() bool { return t.failed != nil || t.ctx.Err() != nil }

// drop gives back the batches that nobody will process.
func (t *Task) drop() {
	if t.batch != nil {
		t.batch.Release()
		t.batch = nil
	}
	for {
		select {
		case b := <-t.inbox:
			b.Release()
		default:
			return
		}
	}
}

// CommittedOffsets is how far each input is committed; it may be asked by anyone, and is at most one commit old.
func (t *Task) CommittedOffsets() map[record.TopicPartition]int64 {
	t.statsMu.Lock()
	defer t.statsMu.Unlock()
	return maps.Clone(t.sharedOffsets)
}

// LastRecord is when the last event was taken, or when the task began to run; for the task's goroutine.
func (t *Task) LastRecord() time.Time { return t.stats.LastRecord }

// Input is the source partition that the record in hand came from.
func (t *Task) Input() record.TopicPartition { return t.in.TopicPartition }

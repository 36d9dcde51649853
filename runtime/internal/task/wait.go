package task

import (
	"context"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// wait ends what the last batch left to do, then waits for the next one, doing what falls due meanwhile. It returns true when a batch
// is in hand or the deadline, if any, has passed; false when the task has to end.
func (t *Task) wait(deadline time.Time) bool {
	for {
		if !t.pulse(time.Now()) {
			return false
		}
		select {
		case b := <-t.inbox:
			if !t.accept(b) {
				return false
			}
			if t.batch != nil {
				return true
			}
			continue
		default:
		}
		now := time.Now()
		if !deadline.IsZero() && (t.cut || !now.Before(deadline)) {
			return true
		}
		t.timer.Reset(t.sleep(now, deadline))
		select {
		case b := <-t.inbox:
			if !t.accept(b) {
				return false
			}
			if t.batch != nil {
				return true
			}
		case f := <-t.calls:
			f()
		case <-t.timer.C:
		case <-t.sender.changed:
			if err := t.sender.failure(); err != nil {
				t.failed = err
				return false
			}
		case <-t.stopped:
			return false
		case <-t.ctx.Done():
			return false
		}
	}
}

// sleep is how long there is nothing to do at most.
func (t *Task) sleep(now, deadline time.Time) time.Duration {
	d := time.Hour
	until := func(at time.Time) {
		if !at.IsZero() {
			d = min(d, max(at.Sub(now), 0))
		}
	}
	until(deadline)
	if t.held == 0 {
		until(t.nextPulse)
	}
	for _, s := range t.gathering {
		until(s.co.expected)
	}
	if t.uncommitted() && t.held == 0 {
		until(t.committed.Add(t.cfg.Interval))
	}
	for _, in := range t.cfg.Inputs {
		if in.tells() && in.idle() {
			until(in.nextWord())
		}
	}
	return d
}

// accept takes a batch in hand.
func (t *Task) accept(b *record.Batch) bool {
	in := t.inputs[b.TopicPartition]
	if in == nil { // a changelog's last batch, after the restore had what it needed
		b.Release()
		return true
	}
	if b.Err != nil {
		t.failed = b.Err
		b.Release()
		return false
	}
	t.in, t.batch, t.at, t.step = in, b, 0, 0
	if len(b.Records) == 0 {
		t.endBatch()
	}
	return true
}

// endBatch gives the batch back and says so to those who wait for its end.
func (t *Task) endBatch() {
	in, b := t.in, t.batch
	now := time.Now()
	if len(b.Records) > 0 || !in.started {
		in.busy = now
	}
	in.position, in.end, in.started = max(in.position, b.Next), b.End, true
	t.batch = nil
	b.Release()
	if t.stats.Records != t.counted { // records that only tell the time don't count
		t.stats.LastRecord, t.counted = now, t.stats.Records
	}
	t.tell(in, now)
	t.sinceClock = 0
	t.pulsed = now
}

func (in *Input) tells() bool {
	for _, s := range in.Steps {
		if s.Tell != nil {
			return true
		}
	}
	return false
}

// idle says whether the input has been read to its end.
func (in *Input) idle() bool { return in.started && in.position >= in.end }

// quiet says whether the input has been idle for long enough to say so: a producer that sends to several partitions reaches one a
// little after the other, and none of them shall let time go on without the rest meanwhile.
func (in *Input) quiet(now time.Time) bool {
	return in.idle() && now.Sub(in.busy) >= idleAfter*time.Millisecond
}

// nextWord is when an idle input has something to say.
func (in *Input) nextWord() time.Time {
	if quiet := in.busy.Add(idleAfter * time.Millisecond); in.told.Before(quiet) {
		return quiet
	}
	return in.told.Add(IdleRefresh * time.Millisecond)
}

func (t *Task) tell(in *Input, now time.Time) {
	if in.tells() {
		in.told = now
		in.tellAll(in.quiet(now), false, now)
	}
}

func (in *Input) tellAll(idle, all bool, now time.Time) {
	in.toldIdle = idle
	for _, s := range in.Steps {
		if s.Tell != nil {
			s.Tell(idle, all, now)
		}
	}
}

// tellCommitted tells everyone the time before the offsets of what it comes from are committed: whoever reads on from there, after a
// crash, does not know it.
func (t *Task) tellCommitted(now time.Time) {
	for _, in := range t.cfg.Inputs {
		if in.position > in.committed {
			in.tellAll(in.toldIdle, true, now)
		}
	}
}

// retract takes back the word that inputs are idle, before the task leaves them: nobody reads them now, so what comes to them has to hold
// time back from the moment on when somebody else takes over.
func (t *Task) retract(ctx context.Context) error {
	told := false
	for _, in := range t.cfg.Inputs {
		if in.tells() {
			in.tellAll(false, true, time.Now())
			told = true
		}
	}
	if !told {
		return nil
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	return t.sender.wait(ctx)
}

// look is called every few records: it reads the clock, and does what falls due.
func (t *Task) look() bool {
	now := time.Now()
	took := now.Sub(t.pulsed)
	switch { // the stride follows what a record costs, so that the clock is looked at about every half millisecond
	case took < flushEvery/4:
		t.stride = min(2*t.stride, strideMax)
	case took > flushEvery:
		t.stride = max(t.stride/2, 1)
	}
	t.sinceClock, t.pulsed = 0, now
	if t.ctx.Err() != nil {
		return false
	}
	owed := t.owed && (t.held == 0 || t.cut)
	if !owed && now.Sub(t.flushed) < flushEvery && t.filledBytes < flushBytes && (t.nextPulse.IsZero() || now.Before(t.nextPulse)) {
		return true
	}
	if !t.pulse(now) {
		return false
	}
	select {
	case f := <-t.calls:
		f()
	default:
	}
	return true
}

// pulse does what is due between events: windows and timers, the word of the idle inputs, sending, the commit.
func (t *Task) pulse(now time.Time) bool {
	caughtUp := true
	for _, in := range t.cfg.Inputs {
		if !in.idle() {
			caughtUp = false
		} else if in.tells() && !now.Before(in.nextWord()) {
			t.tell(in, now)
		}
	}
	t.share(caughtUp)
	if !t.wakeLoops(now) {
		return false
	}
	if t.cfg.Pulse != nil && t.held == 0 {
		next, err := t.cfg.Pulse(now, caughtUp)
		if err != nil {
			t.failed = err
			return false
		}
		t.nextPulse = next
	}
	t.flushed = now
	if err := t.flush(t.ctx); err != nil {
		t.failed = err
		return false
	}
	if !t.uncommitted() || now.Sub(t.committed) < t.cfg.Interval && t.dirty() < dirtyMax {
		return true
	}
	if t.owed = t.held > 0; t.owed {
		return true
	}
	t.cut = false
	if err := t.commit(t.ctx); err != nil {
		t.failed = err
		return false
	}
	return true
}

// wakeLoops resumes the loops that wait for no record any more: their batch is as full as it gets.
func (t *Task) wakeLoops(now time.Time) bool {
	for _, s := range t.gathering {
		if s.co.overdue(now) || t.cut && !s.co.expected.IsZero() {
			t.undoing = s.Skip
			t.finish(s, t.record(), s.co.resume(nil))
		}
	}
	return t.failed == nil
}

// share publishes the counters.
func (t *Task) share(caughtUp bool) {
	t.stats.CaughtUp, t.stats.Lag = caughtUp, 0
	for _, in := range t.cfg.Inputs {
		t.stats.Lag += max(in.end-in.position, 0)
	}
	t.statsMu.Lock()
	t.shared = t.stats
	t.statsMu.Unlock()
}

func (t *Task) dirty() int {
	n := 0
	for _, s := range t.cfg.Tables {
		n += s.Table.Dirty()
	}
	return n
}

// uncommitted says whether a commit would do anything.
func (t *Task) uncommitted() bool {
	for _, in := range t.cfg.Inputs {
		if in.position > in.committed {
			return true
		}
	}
	return t.dirty() > 0
}

package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// produceBroker sends to one broker. One goroutine frames requests, the other one has one of them in flight, so that the next request is
// compressed while the broker works. When a request fails in part, the one framed behind it is taken apart before anything is repeated:
// a partition's batches never overtake one another.
type produceBroker struct {
	p      *Producer
	node   int32
	outage outage
	frames chan *frame // from frame to send, not buffered

	// Producer.mu guards these.
	wake    sync.Cond
	ready   []*producePart // those with something to be framed; a partition may be in it that has moved away
	framing int            // frames collected and not received by send yet
	hold    bool           // send puts the order right: nothing may be collected

	tries int // requests failed since the last answer; only send's
}

// frame is one request: at most one batch of each partition, sorted by topic.
type frame struct {
	batches []framed
	out     []byte
	merged  []byte // scratch
	refused error  // no id to number the batches with: not to be sent
}

// framed is one batch in a request.
type framed struct {
	part     *producePart
	entries  []entry // small ones of the same compression are merged
	size     int
	count    int32
	again    bool // was sent before
	id       producerID
	sequence int32

	// from the response
	answered bool
	code     Code
	offset   int64
	text     string
}

func (b *produceBroker) readyLocked(part *producePart) {
	if !slices.Contains(b.ready, part) {
		b.ready = append(b.ready, part)
		b.wake.Broadcast()
	}
}

// frame makes requests until the producer ends.
func (b *produceBroker) frame(ctx context.Context) {
	defer close(b.frames)
	var pool [2]frame // one in flight, one being made
	var zip deflater
	for n := 0; ; n++ {
		f := &pool[n%2]
		if !b.collect(f) {
			return
		}
		if f.refused = b.identify(ctx, f); f.refused == nil {
			f.encode(b.p, &zip)
		}
		b.frames <- f // send receives to the end
	}
}

// collect takes what is ready, at most one entry per partition and MaxRequestBytes. It is false when the producer ends.
func (b *produceBroker) collect(f *frame) bool {
	p := b.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for ; p.ended == nil; b.wake.Wait() {
		if b.hold {
			continue
		}
		f.batches = f.batches[:0] // not before: while hold is set send may still be at work on f
		size := 0
		more := b.ready[:0]
		for _, part := range b.ready {
			if part.broker != b || part.sent >= len(part.queue) {
				continue
			}
			x := part.nextLocked()
			if len(f.batches) > 0 && size+x.size > p.config.MaxRequestBytes {
				more = append(more, part)
				continue
			}
			size += x.size
			part.takenLocked(&x)
			f.batches = append(f.batches, x)
		}
		// Those taken go behind those that found no room.
		for i := range f.batches {
			if part := f.batches[i].part; len(part.queue) > part.sent {
				more = append(more, part)
			}
		}
		clear(b.ready[len(more):])
		b.ready = more
		if len(f.batches) > 0 {
			b.framing++
			slices.SortFunc(f.batches, func(x, y framed) int { return strings.Compare(x.part.Topic, y.part.Topic) })
			return true
		}
	}
	return false
}

// identify numbers the batches of a frame.
func (b *produceBroker) identify(ctx context.Context, f *frame) error {
	p := b.p
	shared := noProducer
	if p.config.Idempotent {
		var err error
		if shared, err = p.ids.get(ctx); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range f.batches {
		x := &f.batches[i]
		if x.part.id == noProducer {
			x.part.id = shared
		}
		x.id, x.sequence = x.part.id, -1
		if x.id != noProducer {
			x.sequence = x.part.sequence
			x.part.sequence = (x.sequence + x.count) & 0x7fffffff
		}
	}
	return nil
}

// send sends the frames, one after the other's answer.
func (b *produceBroker) send(ctx context.Context) {
	for f := range b.frames {
		b.p.mu.Lock()
		b.framing--
		b.p.mu.Unlock()
		if ctx.Err() != nil {
			continue // Producer.stop gives the entries back
		}
		err := f.refused
		if err == nil {
			err = b.exchange(ctx, f)
		}
		if ctx.Err() != nil && err != nil {
			continue
		}
		b.finish(ctx, f, err)
	}
}

// exchange sends a frame and reads the broker's word on each of its batches.
func (b *produceBroker) exchange(ctx context.Context, f *frame) error {
	x := &exchange{api: apiProduce, node: b.node, request: f.out, timeout: b.p.config.Timeout + 5*time.Second}
	if err := b.p.c.run(ctx, x); err != nil {
		return err
	}
	r := reader{b: x.response}
	cursor := 0
	for range r.count() {
		topic := r.raw()
		for range r.count() {
			number, code, offset := r.int32(), r.code(), r.int64()
			r.int64() // log_append_time_ms
			r.int64() // log_start_offset
			for range r.count() {
				r.int32()
				r.raw()
			}
			text := r.string()
			for i := range f.batches {
				i = (cursor + i) % len(f.batches)
				if y := &f.batches[i]; !r.bad && y.part.Partition == number && y.part.Topic == string(topic) {
					y.answered, y.code, y.offset, y.text = true, code, offset, text
					cursor = i + 1
					break
				}
			}
		}
	}
	if r.bad {
		return errors.New("produce: response cut short")
	}
	return nil
}

// finish takes the consequences of a frame's answer, or of its failure.
func (b *produceBroker) finish(ctx context.Context, f *frame, err error) {
	whole := err == nil
	for i := range f.batches {
		x := &f.batches[i]
		whole = whole && x.answered && (x.code == 0 || x.code == codeSequenceTwice)
	}
	if !whole {
		b.takeApart()
	}
	b.renumber(ctx, f, err)
	b.report(f, err, whole)
	done := b.settle(f, err) // from here on f is frame's again
	for i := range done {
		done[i].entry.done(done[i].entry.builder, done[i].err)
	}
}

// report tells of failures that last: once is a connection that was idle for too long, or a leader that moved.
func (b *produceBroker) report(f *frame, err error, whole bool) {
	switch {
	case whole:
		b.outage.over()
	case f.refused != nil:
	case err != nil:
		if b.tries > 0 {
			b.outage.begin(err)
		}
	default:
		b.p.mu.Lock()
		i := slices.IndexFunc(f.batches, func(x framed) bool { return x.part.tries > 6 })
		b.p.mu.Unlock()
		if i >= 0 {
			x := &f.batches[i]
			b.outage.begin(fmt.Errorf("partition %d of topic %q: %w", x.part.Partition, x.part.Topic, x.code))
		}
	}
}

// takeApart undoes the frame that was made behind the one that failed, and keeps frame from making another one.
func (b *produceBroker) takeApart() {
	p := b.p
	p.mu.Lock()
	b.hold = true
	framing := b.framing > 0
	p.mu.Unlock()
	if !framing {
		return
	}
	f, ok := <-b.frames
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b.framing--
	for i := range f.batches {
		x := &f.batches[i]
		x.part.sent -= len(x.entries)
		if x.again {
			x.part.repeat = len(x.entries)
		}
		if f.refused == nil {
			x.rewind()
		}
		b.readyLocked(x.part)
	}
}

// rewind takes a batch's numbers back.
func (x *framed) rewind() {
	if x.id != noProducer && x.part.id == x.id {
		x.part.sequence = x.sequence
	}
}

// renumber gets new ids for partitions whose sequence the broker lost: the batch was not stored then, and neither were later ones.
func (b *produceBroker) renumber(ctx context.Context, f *frame, err error) {
	for i := range f.batches {
		x := &f.batches[i]
		if err != nil || !x.answered {
			continue
		}
		switch x.code {
		case codeSequenceGap, codeProducerEpoch, codeProducerMapping, codeUnknownProducer:
			id, failed := b.p.c.initProducer(ctx)
			if failed != nil {
				continue // the old id fails again
			}
			b.p.c.log.Warn("producer gets a new id: the broker lost the old one's sequence",
				"topic", x.part.Topic, "partition", x.part.Partition, "err", x.code)
			b.p.mu.Lock()
			x.part.id, x.part.sequence = id, 0
			b.p.mu.Unlock()
		}
	}
}

// outcome is an entry that is over.
type outcome struct {
	entry entry
	err   error
}

// settle takes finished entries off their queues and has the others sent again.
func (b *produceBroker) settle(f *frame, err error) (done []outcome) {
	p, now := b.p, time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	due := now
	if err != nil {
		due = now.Add(backoff(b.tries))
		b.tries++
	} else {
		b.tries = 0
	}
	for i := range f.batches {
		x := &f.batches[i]
		part := x.part
		part.sent -= len(x.entries)
		again, final := x.judge(f.refused, err)
		if !again && (final == nil || len(x.entries) == 1 || f.refused != nil) {
			part.succeeded()
			done = append(done, b.finishedLocked(x, final, f.refused == nil)...)
			continue
		}
		x.rewind()
		if !again {
			// Only one of the entries may be at fault. The broker stored nothing, so the entries may go in another grouping.
			if part.alone = len(x.entries); errors.Is(final, ErrTooLarge) {
				part.alone = math.MaxInt
			}
			b.readyLocked(part)
			continue
		}
		part.repeat = len(x.entries)
		part.failed(now)
		if err != nil {
			part.due = due
		}
		p.seekLocked(part)
	}
	b.hold = false
	b.wake.Broadcast()
	return done
}

// finishedLocked takes a batch's entries off the queue.
func (b *produceBroker) finishedLocked(x *framed, final error, numbered bool) []outcome {
	part, offset := x.part, x.offset
	var done []outcome
	for i, e := range x.entries {
		if final == nil {
			e.builder.Offset = offset
			if offset >= 0 {
				offset += int64(e.builder.Count)
			}
		}
		part.queue[i] = entry{}
		b.p.freeLocked(e.size)
		done = append(done, outcome{e, final})
	}
	if part.queue = part.queue[len(x.entries):]; len(part.queue) == 0 {
		part.queue = nil
	}
	if final != nil && numbered {
		x.rewind()
	}
	if len(part.queue) > part.sent {
		b.readyLocked(part)
	}
	return done
}

// judge says whether a batch is to be sent again, and the error that it ends with if not.
func (x *framed) judge(refused, err error) (again bool, final error) {
	switch {
	case refused != nil:
		return false, fmt.Errorf("produce to topic %q: %w; allow IdempotentWrite on the cluster to this user", x.part.Topic, refused)
	case err != nil || !x.answered:
		return true, nil
	}
	switch x.code {
	case 0:
		return false, nil
	case codeSequenceTwice:
		x.offset = -1
		return false, nil
	case codeSequenceGap, codeProducerEpoch, codeProducerMapping, codeUnknownProducer, codeCorrupt:
		return true, nil
	}
	if x.code.passing() {
		return true, nil
	}
	text := x.text
	if text != "" {
		text = " (" + text + ")"
	}
	return false, fmt.Errorf("produce %d records of %d bytes to partition %d of topic %q: %w%s%s",
		x.count, x.size, x.part.Partition, x.part.Topic, x.code, text, x.code.remedy(x.part.Topic))
}

package task

import (
	"context"
	"fmt"
	"sync"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// Output is one topic that a task sends to. It belongs to the task's goroutine.
type Output struct {
	Topic       string
	Partitions  int32
	Compression record.Compression

	task     *Task
	builders []*record.Builder // by partition, the one that is being filled; nil where nothing waits
}

// batchBytes is how large a builder gets before the next one is begun: a builder is sent as one batch, and brokers take 1 MiB of one
// unless told otherwise (message.max.bytes). Only a record that is larger by itself makes a larger batch.
const batchBytes = 768 << 10

// Output returns the task's output for a topic. Two calls for one topic return the same output.
func (t *Task) Output(topic string, partitions int32, compression record.Compression) *Output {
	if o := t.outputs[topic]; o != nil {
		return o
	}
	o := &Output{Topic: topic, Partitions: partitions, Compression: compression, task: t, builders: make([]*record.Builder, partitions)}
	t.outputs[topic] = o
	return o
}

// Add adds a record to what is sent at the end of the batch. See record.Builder.Add for the arguments.
func (o *Output) Add(partition int32, key, value []byte, time int64, raw []byte, rawCount int32, headers []record.Header) {
	t := o.task
	b := o.builders[partition]
	if b == nil || b.Count > 0 && len(b.Records)+len(key)+len(value)+len(raw) > batchBytes {
		b = t.sender.builder()
		b.Topic, b.Partition, b.Compression = o.Topic, partition, o.Compression
		o.builders[partition] = b
		t.filled = append(t.filled, b)
		t.owners = append(t.owners, o)
	}
	if t.undoing {
		t.sends = append(t.sends, sent{b, b.Mark()})
	}
	before := len(b.Records)
	b.Add(key, value, time, raw, rawCount, headers)
	t.filledBytes += len(b.Records) - before
}

// sent is where a builder stood before an event added to it.
type sent struct {
	builder *record.Builder
	mark    record.Mark
}

// flush hands what the outputs hold to the producer.
func (t *Task) flush(ctx context.Context) error {
	out := t.take()
	if len(out) == 0 {
		return nil
	}
	if err := t.own(ctx); err != nil {
		return err
	}
	return t.sender.send(ctx, t.cfg.Log, out, t.sender.doneFunc)
}

// take takes the builders out of the outputs that have something to send.
func (t *Task) take() []*record.Builder {
	if len(t.filled) == 0 {
		return nil
	}
	out := t.filled[:0:len(t.filled)]
	for i, b := range t.filled {
		t.owners[i].builders[b.Partition] = nil
		if b.Count == 0 { // everything in it was undone
			t.sender.recycle(b)
			continue
		}
		out = append(out, b)
	}
	t.owners, t.filledBytes = t.owners[:0], 0
	// The producer may hold the slice until it has taken the builders over, so the task goes on with another one.
	t.filled = make([]*record.Builder, 0, cap(t.filled))
	return out
}

func (t *Task) own(ctx context.Context) error {
	if t.cfg.Own == nil {
		return nil
	}
	return t.cfg.Own(ctx)
}

// sender counts what is on its way to the broker and keeps builders for use again. Its done method is called by the producer's
// goroutines, everything else by the task's.
type sender struct {
	mu          sync.Mutex
	outstanding int
	err         error
	free        []*record.Builder
	kept        int           // bytes of their buffers
	changed     chan struct{} // has room for one: something was acknowledged or failed
	doneFunc    func(*record.Builder, error)
}

func newSender() *sender {
	s := &sender{changed: make(chan struct{}, 1)}
	s.doneFunc = s.done
	return s
}

// maxKept bounds the buffers of the builders kept, in bytes: about what is on its way to a broker that is a little slow.
const maxKept = 8 << 20

func (s *sender) builder() *record.Builder {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		s.kept -= cap(b.Records)
		b.Reset()
		return b
	}
	return &record.Builder{Offset: -1}
}

func (s *sender) recycle(b *record.Builder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recycleLocked(b)
}

func (s *sender) recycleLocked(b *record.Builder) {
	if s.kept+cap(b.Records) <= maxKept {
		s.kept += cap(b.Records)
		s.free = append(s.free, b)
	}
}

func (s *sender) send(ctx context.Context, log Log, out []*record.Builder, done func(*record.Builder, error)) error {
	s.mu.Lock()
	s.outstanding += len(out)
	s.mu.Unlock()
	if err := log.Append(ctx, out, done); err != nil {
		return fmt.Errorf("send to %s: %w", out[0].Topic, err)
	}
	return nil
}

func (s *sender) done(b *record.Builder, err error) {
	s.mu.Lock()
	s.outstanding--
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("send to %s partition %d: %w", b.Topic, b.Partition, err)
	}
	s.recycleLocked(b)
	idle := s.outstanding == 0 || err != nil
	s.mu.Unlock()
	if idle {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

// wait returns when everything sent has been acknowledged, or with the first error.
func (s *sender) wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, err := s.outstanding, s.err
		s.mu.Unlock()
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// failure is the first error that the producer reported, nil if there is none.
func (s *sender) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

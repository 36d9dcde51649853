package faust

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// sender sends what runs outside tasks: timers, tasks and commands of the worker, and clients. Records of one partition keep their
// order. It may be used by several goroutines at once.
type sender struct {
	plan *plan
	log  appender
	sync bool // a client's: each send is acknowledged when it returns

	sending     sync.Mutex // held while the producer takes batches over, so that two of one partition keep their order
	mu          sync.Mutex // guards what follows; never held while blocked
	builders    map[record.TopicPartition]*record.Builder
	bytes       int
	outstanding int
	errs        []error
	changed     chan struct{} // closed and made anew when something was acknowledged
	kick        chan struct{} // has room for one: something waits to be sent
	turns       map[string]int32
}

type appender interface {
	Append(ctx context.Context, builders []*record.Builder, done func(*record.Builder, error)) error
}

const (
	sendWithin = 2 * time.Millisecond
	sendBytes  = 512 << 10 // sent at once when this much waits
	sendErrors = 10        // kept for the caller; the rest is counted by the last of them
)

func newSender(p *plan, log appender, sync bool) *sender {
	return &sender{plan: p, log: log, sync: sync, builders: map[record.TopicPartition]*record.Builder{}, changed: make(chan struct{}),
		kick: make(chan struct{}, 1), turns: map[string]int32{}}
}

// run sends what waits until ctx ends.
func (s *sender) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		}
		time.Sleep(sendWithin) // gather
		if err := s.sendNow(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (s *sender) add(ctx context.Context, topic string, key, value []byte, at int64, partition int32, headers []record.Header) error {
	n := s.plan.partitions(topic)
	if n <= 0 {
		return fmt.Errorf("send to %s: the topic does not exist", topic)
	}
	s.mu.Lock()
	turn := s.turns[topic]
	partition, err := place(topic, key, partition, n, &turn)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	s.turns[topic] = turn
	tp := record.TopicPartition{Topic: topic, Partition: partition}
	b := s.builders[tp]
	if b == nil {
		b = &record.Builder{TopicPartition: tp, Offset: -1, Compression: s.plan.compressionOf(topic)}
		s.builders[tp] = b
	}
	before := len(b.Records)
	b.Add(key, value, at, nil, 0, headers)
	s.bytes += len(b.Records) - before
	full := s.bytes >= sendBytes
	s.mu.Unlock()
	if full {
		return s.sendNow(ctx)
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return nil
}

// sendNow hands over what waits; it blocks while the producer has too much.
func (s *sender) sendNow(ctx context.Context) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	var out []*record.Builder
	for tp, b := range s.builders {
		out = append(out, b)
		delete(s.builders, tp)
	}
	s.bytes = 0
	s.outstanding += len(out)
	s.mu.Unlock()
	if len(out) == 0 {
		return nil
	}
	err := s.log.Append(ctx, out, s.done)
	if err != nil { // nothing of it was taken, and done will not be called
		for _, b := range out {
			s.done(b, err)
		}
	}
	return err
}

func (s *sender) done(b *record.Builder, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outstanding--
	if err != nil && len(s.errs) < sendErrors {
		s.errs = append(s.errs, fmt.Errorf("send %d records to %s partition %d: %w", b.Count, b.Topic, b.Partition, err))
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// flush sends what waits and returns when all of it, whoever sent it, is acknowledged, with the errors since the last flush.
func (s *sender) flush(ctx context.Context) error {
	_ = s.sendNow(ctx) // its error is among errs
	for {
		s.mu.Lock()
		if s.outstanding == 0 {
			err := errors.Join(s.errs...)
			s.errs = nil
			s.mu.Unlock()
			return err
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

type senderKey struct{}

// Flush returns when everything that was sent outside tasks is acknowledged, with the first errors if something could not be delivered.
// In the body of an agent it does nothing: there the commit acknowledges.
func Flush(ctx context.Context) error {
	if s, ok := ctx.Value(senderKey{}).(*sender); ok {
		return s.flush(ctx)
	}
	return nil
}

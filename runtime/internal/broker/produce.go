package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// ProduceConfig are the limits of a Producer.
type ProduceConfig struct {
	// Idempotent numbers the batches, so that one whose acknowledgement got lost is not stored twice. It costs nothing; without it
	// a retry may double records.
	Idempotent bool
	// MaxRequestBytes bounds one request, counted before compression; default 4 MiB. A larger builder goes alone.
	MaxRequestBytes int
	// MaxBufferedBytes bounds what Append took and done did not give back yet, before compression; default 64 MiB. More than that is
	// taken from one Append when nothing else is outstanding.
	MaxBufferedBytes int
	// Timeout is how long a broker waits for its replicas; default 30 s. Then the batch is sent again.
	Timeout time.Duration
}

// Producer sends builders' batches, acknowledged by all in-sync replicas. The builders of one partition are stored in the order of Append.
type Producer struct {
	c      *Client
	config ProduceConfig

	mu       sync.Mutex // guards all below, and the partitions
	parts    map[record.TopicPartition]*producePart
	seeking  []*producePart // those with builders whose leader is looked for
	brokers  map[int32]*produceBroker
	buffered int
	room     chan struct{} // closed and replaced when buffered falls, if someone waits
	waiting  int
	ended    error // set when Run ends

	kick     chan struct{}
	metadata outage

	ids producerIDs
}

// producePart is one partition to be written; Producer.mu guards it.
type producePart struct {
	place
	queue  []entry // in order; the first sent of them are framed or in flight
	sent   int
	repeat int            // as many entries were one batch that is sent again: the broker knows it by its first number and its count
	alone  int            // as many entries go as batches of their own
	broker *produceBroker // nil while the leader is looked for, or nothing was ever sent
	seeks  bool           // is in seeking

	id       producerID // what its batches are numbered under
	sequence int32      // of the next entry to be framed
}

// entry is one builder on its way.
type entry struct {
	builder *record.Builder
	done    func(*record.Builder, error)
	size    int
}

// NewProducer makes a producer; Run starts it.
func (c *Client) NewProducer(config ProduceConfig) *Producer {
	if config.MaxRequestBytes <= 0 {
		config.MaxRequestBytes = 4 << 20
	}
	if config.MaxBufferedBytes <= 0 {
		config.MaxBufferedBytes = 64 << 20
	}
	if config.Timeout <= 0 {
		config.Timeout = 30 * time.Second
	}
	return &Producer{
		c: c, config: config,
		parts:    make(map[record.TopicPartition]*producePart),
		brokers:  make(map[int32]*produceBroker),
		room:     make(chan struct{}),
		kick:     make(chan struct{}, 1),
		metadata: outage{log: c.log, what: "producing: the search for leaders"},
		ids:      producerIDs{c: c, shared: noProducer},
	}
}

// Append hands builders over; they belong to the producer until done is called, once for each of them, from a goroutine of Run. done must
// not block. On success it has a nil error, and Builder.Offset is the offset of the first record (-1 in the rare case that a repeated batch
// was acknowledged without it). Builders without records are done at once, by the caller. Append blocks while MaxBufferedBytes are outstanding;
// on an error, when ctx ends or the producer was stopped, it took none of the builders. It may be called concurrently.
func (p *Producer) Append(ctx context.Context, builders []*record.Builder, done func(*record.Builder, error)) error {
	total := 0
	for _, b := range builders {
		total += len(b.Records)
	}
	p.mu.Lock()
	for p.ended == nil && p.buffered > 0 && p.buffered+total > p.config.MaxBufferedBytes {
		room := p.room
		p.waiting++
		p.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		p.mu.Lock()
		p.waiting--
		if err := context.Cause(ctx); err != nil {
			p.mu.Unlock()
			return fmt.Errorf("append to the producer: %w", err)
		}
	}
	if err := p.ended; err != nil {
		p.mu.Unlock()
		return err
	}
	p.buffered += total
	for _, b := range builders {
		if b.Count > 0 {
			p.enqueueLocked(entry{b, done, len(b.Records)})
		}
	}
	p.mu.Unlock()
	for _, b := range builders {
		if b.Count == 0 {
			done(b, nil)
		}
	}
	return nil
}

func (p *Producer) enqueueLocked(e entry) {
	part := p.parts[e.builder.TopicPartition]
	if part == nil {
		part = &producePart{place: place{TopicPartition: e.builder.TopicPartition}, id: noProducer}
		p.parts[part.TopicPartition] = part
	}
	part.queue = append(part.queue, e)
	if part.broker == nil {
		p.seekLocked(part)
		return
	}
	part.broker.readyLocked(part)
}

// seekLocked has the partition's leader looked for, at its due time.
func (p *Producer) seekLocked(part *producePart) {
	part.broker = nil
	if part.seeks || len(part.queue) == 0 {
		return
	}
	part.seeks = true
	p.seeking = append(p.seeking, part)
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends; builders that are still waiting then are done with an error. It returns nil and may be called once.
func (p *Producer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.c.ctx, cancel)()
	var running sync.WaitGroup
	for ctx.Err() == nil {
		due, wait := p.due(time.Now())
		if len(due) > 0 {
			p.settle(ctx, due, &running)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.kick:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	p.stop(&running)
	return nil
}

// stop waits for the senders and gives up what is left.
func (p *Producer) stop(running *sync.WaitGroup) {
	p.mu.Lock()
	p.ended = fmt.Errorf("produce: %w", ErrClosed)
	for _, b := range p.brokers {
		b.wake.Broadcast()
	}
	p.mu.Unlock()
	running.Wait()

	p.mu.Lock()
	var left []entry
	for _, part := range p.parts {
		left = append(left, part.queue...)
		part.queue, part.sent = nil, 0
	}
	p.freeLocked(p.buffered)
	p.mu.Unlock()
	for _, e := range left {
		e.done(e.builder, p.ended)
	}
}

// freeLocked counts acknowledged bytes out.
func (p *Producer) freeLocked(n int) {
	p.buffered -= n
	if p.waiting > 0 {
		close(p.room)
		p.room = make(chan struct{})
	}
}

// due takes the partitions whose leader is to be looked for now, or says how long to wait.
func (p *Producer) due(now time.Time) (due []*producePart, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait = time.Hour
	p.seeking = slices.DeleteFunc(p.seeking, func(part *producePart) bool {
		left := part.due.Sub(now)
		if left <= 0 {
			due = append(due, part)
			return true
		}
		wait = min(wait, left)
		return false
	})
	return due, wait
}

// settle looks for leaders and gives each partition to its broker's sender.
func (p *Producer) settle(ctx context.Context, due []*producePart, running *sync.WaitGroup) {
	places := make([]*place, len(due))
	for i, part := range due {
		places[i] = &part.place
	}
	verdicts := p.c.locate(ctx, places)
	var lost []entry
	var lostTo []error
	var why error
	p.mu.Lock()
	for i, part := range due {
		part.seeks = false
		switch v := verdicts[i]; {
		case v.final != nil:
			for _, e := range part.queue {
				p.freeLocked(e.size)
				lost, lostTo = append(lost, e), append(lostTo, v.final)
			}
			part.queue = nil
			part.succeeded()
		case v.why != nil:
			if part.tries > 6 { // a new topic has no leader for a second
				why = v.why
			}
			p.seekLocked(part)
		default:
			part.broker = p.brokerLocked(ctx, v.node, running)
			part.broker.readyLocked(part)
		}
	}
	long := slices.ContainsFunc(p.seeking, func(part *producePart) bool { return part.tries > 6 })
	p.mu.Unlock()
	for i, e := range lost {
		e.done(e.builder, fmt.Errorf("produce: %w", lostTo[i]))
	}
	if why != nil && ctx.Err() == nil {
		p.metadata.begin(why)
	} else if !long {
		p.metadata.over()
	}
}

// brokerLocked is the broker's sender, started when it is the first time.
func (p *Producer) brokerLocked(ctx context.Context, node int32, running *sync.WaitGroup) *produceBroker {
	b := p.brokers[node]
	if b == nil {
		b = &produceBroker{p: p, node: node, frames: make(chan *frame),
			outage: outage{log: p.c.log, what: fmt.Sprintf("producing to broker %d", node)}}
		b.wake.L = &p.mu
		p.brokers[node] = b
		running.Go(func() { b.frame(ctx) })
		running.Go(func() { b.send(ctx) })
	}
	return b
}

// producerID is what a broker knows a producer by. Sequences count per partition and id.
type producerID struct {
	id    int64
	epoch int16
}

var noProducer = producerID{-1, -1}

// producerIDs hands out ids: one for all partitions, and a new one for a partition whose sequence the broker lost.
type producerIDs struct {
	c      *Client
	mu     sync.Mutex
	shared producerID
}

// get is the shared id, asked for the first time.
func (s *producerIDs) get(ctx context.Context) (producerID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shared != noProducer {
		return s.shared, nil
	}
	id, err := s.c.initProducer(ctx)
	if err == nil {
		s.shared = id
	}
	return id, err
}

// initProducer asks for a new producer id. Without a transaction any broker gives one.
func (c *Client) initProducer(ctx context.Context) (id producerID, err error) {
	err = c.retry(ctx, "producer id", func(ctx context.Context) error {
		b := apiInitProducer.begin(nil, c.clientID)
		b = putOptional(b, "") // transactional_id
		b = putInt32(b, int32(time.Minute.Milliseconds()))
		x := &exchange{api: apiInitProducer, node: anyNode, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		if code := r.code(); code != 0 {
			return code
		}
		id = producerID{r.int64(), r.int16()}
		if r.bad {
			return errors.New("response cut short")
		}
		return nil
	})
	return id, err
}

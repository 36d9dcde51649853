package broker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// FetchConfig are the limits of a Fetcher.
type FetchConfig struct {
	// MaxWait is how long a broker holds an answer back while there are fewer than MinBytes; default 500 ms.
	MaxWait time.Duration
	// MinBytes is how much a broker gathers before it answers; default 1: answer at once.
	MinBytes int32
	// MaxBytes bounds one answer, and PartitionMaxBytes what it holds of one partition; defaults 16 MiB and 256 KiB. A single record
	// batch that is larger is fetched all the same. What a fetcher holds is at worst two batches of PartitionMaxBytes for each partition,
	// and, besides, what they grow to when they are decompressed and 96 bytes per record.
	MaxBytes, PartitionMaxBytes int32
	// ReadCommitted leaves out open and aborted transactions.
	ReadCommitted bool
}

const (
	// heldMax is how many batches of a partition may be unreleased: one that the task works on and the next one.
	heldMax = 2
	// shortWait bounds the requests that are sent while another one of the same broker waits for MaxWait.
	shortWait = 10 * time.Millisecond
	// lanes is the number of requests in flight per broker.
	lanes = 2
)

// Fetcher reads partitions and hands their batches to the channels that Add named. Add and Remove may be called concurrently, before Run too.
type Fetcher struct {
	c      *Client
	config FetchConfig

	mu      sync.Mutex // guards all below, and the partitions
	parts   map[record.TopicPartition]*fetchPart
	seeking []*fetchPart // those whose leader is looked for
	brokers map[int32]*fetchBroker
	ended   bool

	kick     chan struct{} // tells Run to look at seeking
	metadata outage
	memories sync.Pool // *memory
	answers  sync.Pool // *answer
}

// fetchPart is one partition to be fetched; Fetcher.mu guards it but for send.
type fetchPart struct {
	place
	out    chan<- *record.Batch
	next   int64
	broker *fetchBroker // nil while the leader is looked for

	held     int           // delivered and not released
	in       *fetchRequest // the request it is part of, until its batch is delivered
	answered bool          // the first answer was delivered
	idle     bool          // the last answer had nothing

	send sync.Mutex    // held during delivery, so that Remove can wait for its end
	gone chan struct{} // closed by Remove
}

// NewFetcher makes a fetcher; Run starts it.
func (c *Client) NewFetcher(config FetchConfig) *Fetcher {
	if config.MaxWait <= 0 {
		config.MaxWait = 500 * time.Millisecond
	}
	if config.MinBytes <= 0 {
		config.MinBytes = 1
	}
	if config.MaxBytes <= 0 {
		config.MaxBytes = 16 << 20
	}
	if config.PartitionMaxBytes <= 0 {
		config.PartitionMaxBytes = 256 << 10
	}
	f := &Fetcher{
		c: c, config: config,
		parts:    make(map[record.TopicPartition]*fetchPart),
		brokers:  make(map[int32]*fetchBroker),
		kick:     make(chan struct{}, 1),
		metadata: outage{log: c.log, what: "fetching: the search for leaders"},
	}
	f.memories.New = func() any { return new(memory) }
	f.answers.New = func() any { return new(answer) }
	return f
}

// Add starts fetching tp from offset on. At most two of its batches are unreleased at any time, so a channel with room for two batches
// per partition that shares it never blocks; a full one holds up the other partitions of the same broker. The first answer is delivered
// even if it has no records. After a batch with Err nothing more comes. Adding a partition that is there replaces it.
func (f *Fetcher) Add(tp record.TopicPartition, offset int64, out chan<- *record.Batch) {
	f.Remove(tp)
	p := &fetchPart{place: place{TopicPartition: tp}, out: out, next: offset, gone: make(chan struct{})}
	f.mu.Lock()
	f.parts[tp] = p
	f.seeking = append(f.seeking, p)
	f.mu.Unlock()
	f.look()
}

// Remove stops fetching tp. After it returns no batch of tp is delivered any more; those in the channel are still to be released.
func (f *Fetcher) Remove(tp record.TopicPartition) {
	f.mu.Lock()
	p := f.parts[tp]
	if p == nil {
		f.mu.Unlock()
		return
	}
	f.dropLocked(p)
	close(p.gone)
	f.mu.Unlock()

	p.send.Lock() // a delivery in progress ends, as gone is closed
	defer p.send.Unlock()
}

// dropLocked forgets a partition; caller holds f.mu.
func (f *Fetcher) dropLocked(p *fetchPart) {
	if f.parts[p.TopicPartition] == p {
		delete(f.parts, p.TopicPartition)
	}
	if i := slices.Index(f.seeking, p); i >= 0 {
		f.seeking = slices.Delete(f.seeking, i, i+1)
	}
	if p.broker != nil {
		p.broker.removeLocked(p)
	}
}

func (f *Fetcher) look() {
	select {
	case f.kick <- struct{}{}:
	default:
	}
}

// Run fetches until ctx ends, and returns nil then. It may be called once.
func (f *Fetcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.c.ctx, cancel)()
	var running sync.WaitGroup
	defer running.Wait()

	for {
		due, wait := f.due(time.Now())
		if len(due) > 0 {
			f.settle(ctx, due, &running)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-f.kick:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			f.end()
			return nil
		}
		timer.Stop()
	}
}

// end wakes the lanes for the last time.
func (f *Fetcher) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, b := range f.brokers {
		b.wake.Broadcast()
	}
}

// due takes the partitions off seeking whose leader is to be looked for now, or says how long to wait.
func (f *Fetcher) due(now time.Time) (due []*fetchPart, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait = time.Hour
	later := f.seeking[:0]
	for _, p := range f.seeking {
		if left := p.due.Sub(now); left > 0 {
			wait = min(wait, left)
			later = append(later, p)
			continue
		}
		due = append(due, p)
	}
	clear(f.seeking[len(later):])
	f.seeking = later
	return due, wait
}

// settle looks for leaders and gives each partition to its broker's lanes.
func (f *Fetcher) settle(ctx context.Context, due []*fetchPart, running *sync.WaitGroup) {
	places := make([]*place, len(due))
	for i, p := range due {
		places[i] = &p.place
	}
	verdicts := f.c.locate(ctx, places)
	if ctx.Err() != nil {
		return
	}
	for i, p := range due {
		v := verdicts[i]
		if v.final != nil {
			f.fail(ctx, p, v.final)
			continue
		}
		f.mu.Lock()
		switch {
		case f.parts[p.TopicPartition] != p: // removed meanwhile
		case v.why != nil:
			f.seeking = append(f.seeking, p)
		default:
			f.brokerLocked(ctx, v.node, running).addLocked(p)
		}
		f.mu.Unlock()
	}
	f.report(verdicts)
}

// report tells of a search that takes longer than the second for which a new topic has no leader.
func (f *Fetcher) report(verdicts []verdict) {
	f.mu.Lock()
	long := slices.ContainsFunc(f.seeking, func(p *fetchPart) bool { return p.tries > 6 })
	f.mu.Unlock()
	if !long {
		f.metadata.over()
		return
	}
	for _, v := range verdicts {
		if v.why != nil {
			f.metadata.begin(v.why)
			return
		}
	}
}

// fail ends a partition with an error batch.
func (f *Fetcher) fail(ctx context.Context, p *fetchPart, err error) {
	f.mu.Lock()
	p.held++
	batch := &record.Batch{TopicPartition: p.TopicPartition, Next: p.next, End: p.next, Err: err}
	f.mu.Unlock()
	batch.OnRelease(func() {})
	f.deliver(ctx, p, batch)
	f.mu.Lock()
	f.dropLocked(p)
	f.mu.Unlock()
}

// deliver hands a batch over unless the partition was removed. It is false when the batch stayed here.
func (f *Fetcher) deliver(ctx context.Context, p *fetchPart, batch *record.Batch) bool {
	p.send.Lock()
	defer p.send.Unlock()
	select {
	case <-p.gone:
		return false
	default:
	}
	select {
	case p.out <- batch:
		return true
	case <-p.gone:
	case <-ctx.Done():
	}
	return false
}

// brokerLocked is the broker's lanes, started when it is the first time; caller holds f.mu.
func (f *Fetcher) brokerLocked(ctx context.Context, node int32, running *sync.WaitGroup) *fetchBroker {
	b := f.brokers[node]
	if b == nil {
		b = &fetchBroker{f: f, node: node, outage: outage{log: f.c.log, what: fmt.Sprintf("fetching from broker %d", node)}}
		b.wake.L = &f.mu
		f.brokers[node] = b
		for range lanes {
			running.Go(func() { b.lane(ctx) })
		}
	}
	return b
}

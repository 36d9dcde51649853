package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// fetchBroker is what is fetched from one broker. Two lanes, a goroutine each, send its requests. A partition is in one request at a time.
//
// While one lane's request is polling, that is, may be held back for MaxWait, the other lane asks for what gets room meanwhile and is
// answered within shortWait. It is so that a quiet partition never delays a busy one, and that the next answer travels while one is decoded.
type fetchBroker struct {
	f      *Fetcher
	node   int32
	outage outage

	// Fetcher.mu guards these.
	wake    sync.Cond
	queue   []*fetchPart // those with an answer move to the end: answers are cut at MaxBytes, and each must come first at times
	polling bool         // a request with MaxWait is out
	probing bool         // a short request with nothing but idle partitions is out
	tries   int          // failures since the last answer
}

// answer is a response's buffer, given back when the last batch with views into it is released.
type answer struct {
	buf  []byte
	refs atomic.Int32
	pool *sync.Pool
}

func (a *answer) unref() {
	if a.refs.Add(-1) == 0 {
		a.pool.Put(a)
	}
}

func (a *answer) room(n int) []byte {
	if cap(a.buf) < n {
		a.buf = make([]byte, max(n, min(2*cap(a.buf), 16<<20)))
	}
	return a.buf[:n]
}

// fetchRequest is one request of a lane.
type fetchRequest struct {
	parts []*fetchPart
	from  []int64 // by index of parts: the offset asked for
	polls bool    // may be held back for MaxWait
	probe bool    // short, with idle partitions only
	fresh bool    // has partitions without an answer yet, which comes at once
}

func (b *fetchBroker) addLocked(p *fetchPart) {
	p.broker, p.in, p.idle = b, nil, false
	b.queue = append(b.queue, p)
	b.wake.Broadcast()
}

func (b *fetchBroker) removeLocked(p *fetchPart) {
	if i := slices.Index(b.queue, p); i >= 0 {
		b.queue = slices.Delete(b.queue, i, i+1)
	}
	p.broker = nil
}

// seekLocked has the partition's leader looked for.
func (b *fetchBroker) seekLocked(p *fetchPart, now time.Time) {
	if p.broker != b {
		return // removed
	}
	b.removeLocked(p)
	p.failed(now)
	b.f.seeking = append(b.f.seeking, p)
	b.f.look()
}

// lane sends one request after another until ctx ends.
func (b *fetchBroker) lane(ctx context.Context) {
	l := lane{b: b, decoder: decoder{committed: b.f.config.ReadCommitted}}
	for {
		if !b.take(&l.request) {
			return
		}
		a := b.f.answers.Get().(*answer)
		a.pool = &b.f.answers
		a.refs.Store(1)
		if err := l.fetch(ctx, a); err != nil {
			b.failed(ctx, &l.request, err)
		}
		a.unref()
		b.give(&l.request)
	}
}

// take waits for partitions to be fetched, and takes them into the request. It is false at the end.
func (b *fetchBroker) take(q *fetchRequest) bool {
	f := b.f
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; !f.ended; b.wake.Wait() {
		q.parts, q.from = q.parts[:0], q.from[:0]
		idle, fresh := true, false
		for _, p := range b.queue {
			if p.in == nil && p.held < heldMax {
				q.parts, q.from = append(q.parts, p), append(q.from, p.next)
				idle, fresh = idle && p.idle, fresh || !p.answered
			}
		}
		// A probe is about to end; what it finds quiet belongs into the next poll, or it would be probed again and again.
		if len(q.parts) == 0 || !b.polling && b.probing {
			continue
		}
		q.fresh = fresh
		q.polls = !b.polling && !fresh
		q.probe = !q.polls && idle
		b.polling = b.polling || q.polls
		b.probing = b.probing || q.probe
		for _, p := range q.parts {
			p.in = q
		}
		return true
	}
	return false
}

// give ends a request.
func (b *fetchBroker) give(q *fetchRequest) {
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	if q.polls {
		b.polling = false
	}
	if q.probe {
		b.probing = false
	}
	for _, p := range q.parts {
		if p.in == q {
			p.in = nil
		}
	}
	b.wake.Broadcast()
}

// failed has the leaders of all partitions of the request looked for: the broker is away, or no longer what it was.
func (b *fetchBroker) failed(ctx context.Context, q *fetchRequest, err error) {
	if ctx.Err() != nil {
		return
	}
	b.f.mu.Lock()
	now := time.Now()
	due := now.Add(backoff(b.tries))
	b.tries++
	again := b.tries > 1
	for _, p := range q.parts {
		b.seekLocked(p, now)
		p.due = due
	}
	b.f.mu.Unlock()
	if again { // once is a connection that was idle for too long
		b.outage.begin(err)
	}
}

// lane is what one goroutine of a broker works with.
type lane struct {
	b       *fetchBroker
	decoder decoder
	request fetchRequest
	out     []byte
	aborts  []aborted
}

// fetch sends the request and delivers what comes.
func (l *lane) fetch(ctx context.Context, a *answer) error {
	f := l.b.f
	wait := f.config.MaxWait
	switch {
	case l.request.fresh:
		wait = 0
	case !l.request.polls:
		wait = min(wait, shortWait)
	}
	l.out = appendFetch(apiFetch.begin(l.out[:0], f.c.clientID), &f.config, wait, &l.request)
	x := &exchange{api: apiFetch, node: l.b.node, request: end(l.out), buffer: a.room, timeout: wait + callTimeout}
	if err := f.c.run(ctx, x); err != nil {
		return err
	}
	return l.read(ctx, a, x.response)
}

// read goes through a response, whose bytes are a's, and delivers what it holds.
func (l *lane) read(ctx context.Context, a *answer, response []byte) error {
	r := reader{b: response}
	r.int32() // throttle_time_ms
	if code := r.code(); code != 0 {
		return fmt.Errorf("fetch from broker %d: %w", l.b.node, code)
	}
	l.b.answered()
	r.int32() // session_id
	cursor := 0
	for range r.count() {
		topic := r.raw()
		for range r.count() {
			s := section{number: r.int32(), code: r.code(), end: r.int64()}
			r.int64() // last_stable_offset
			r.int64() // log_start_offset
			l.aborts = l.aborts[:0]
			for range r.count() {
				l.aborts = append(l.aborts, aborted{r.int64(), r.int64()})
			}
			r.int32() // preferred_read_replica
			s.records = r.bytes()
			if r.bad {
				break
			}
			if cursor = l.request.find(cursor, topic, s.number); cursor >= 0 {
				l.section(ctx, a, cursor, &s)
			} else {
				cursor = 0
			}
		}
	}
	if r.bad {
		return errors.New("fetch: response cut short")
	}
	return nil
}

func (b *fetchBroker) answered() {
	b.f.mu.Lock()
	b.tries = 0
	b.f.mu.Unlock()
	b.outage.over()
}

// section is a partition's part of a response.
type section struct {
	number  int32
	code    Code
	end     int64
	records []byte
}

// find is the index of a partition, looked for from the place of the one before, as answers come in the order of the request; or -1.
func (q *fetchRequest) find(from int, topic []byte, number int32) int {
	for i := range q.parts {
		i = (from + i) % len(q.parts)
		if p := q.parts[i]; p.Partition == number && p.Topic == string(topic) {
			return i
		}
	}
	return -1
}

// section delivers a partition's part of the answer.
func (l *lane) section(ctx context.Context, a *answer, i int, s *section) {
	f, p, from := l.b.f, l.request.parts[i], l.request.from[i]
	switch {
	case s.code == 0:
	case s.code.passing():
		f.mu.Lock()
		l.b.seekLocked(p, time.Now())
		long := p.tries == 7
		f.mu.Unlock()
		if long {
			f.c.log.Warn("fetching waits for the partition", "topic", p.Topic, "partition", p.Partition, "err", s.code)
		}
		return
	default:
		f.fail(ctx, p, fmt.Errorf("fetch partition %d of topic %q from offset %d: %w%s", p.Partition, p.Topic, from, s.code, s.code.remedy(p.Topic)))
		return
	}
	m := f.memories.Get().(*memory)
	if len(l.aborts) > 1 {
		slices.SortFunc(l.aborts, func(a, b aborted) int { return int(min(max(a.first-b.first, -1), 1)) })
	}
	next, views, err := l.decoder.decode(m, s.records, from, l.aborts)
	batch := &record.Batch{TopicPartition: p.TopicPartition, Records: m.records, Next: next, End: max(s.end, next)}

	f.mu.Lock()
	if p.broker != l.b { // removed
		f.mu.Unlock()
		f.recycle(m)
		return
	}
	p.succeeded()
	p.next, p.idle = next, len(s.records) == 0
	deliver := next > from || !p.answered
	if deliver {
		p.answered = true
		p.held++
		// To the end of the queue, as the others may not have had room in the answer.
		l.b.removeLocked(p)
		p.broker, l.b.queue = l.b, append(l.b.queue, p)
	}
	f.mu.Unlock()
	if deliver {
		l.deliver(ctx, a, p, m, batch, views)
	} else {
		f.recycle(m)
	}
	if err != nil {
		f.fail(ctx, p, fmt.Errorf("fetch partition %d of topic %q: %w", p.Partition, p.Topic, err))
	}
}

// deliver hands a batch out; its release gives the memory and the room back.
func (l *lane) deliver(ctx context.Context, a *answer, p *fetchPart, m *memory, batch *record.Batch, views bool) {
	f := l.b.f
	if views {
		a.refs.Add(1)
	}
	batch.OnRelease(func() {
		f.recycle(m)
		if views {
			a.unref()
		}
		f.mu.Lock()
		p.held--
		if p.broker != nil {
			p.broker.wake.Broadcast()
		}
		f.mu.Unlock()
	})
	if !f.deliver(ctx, p, batch) {
		batch.Release()
	}
	// The other lane may ask for what follows while this one goes on with the answer.
	f.mu.Lock()
	if p.in == &l.request {
		p.in = nil
	}
	l.b.wake.Broadcast()
	f.mu.Unlock()
}

// recycle keeps a batch's memory for another one.
func (f *Fetcher) recycle(m *memory) {
	if m.empty() {
		f.memories.Put(m)
	}
}

// appendFetch writes the body of a fetch request (version 11), without a fetch session.
func appendFetch(b []byte, config *FetchConfig, wait time.Duration, q *fetchRequest) []byte {
	b = putInt32(b, -1) // replica_id
	b = putInt32(b, int32(wait.Milliseconds()))
	b = putInt32(b, config.MinBytes)
	b = putInt32(b, config.MaxBytes)
	b = putBool(b, config.ReadCommitted) // isolation_level
	b = putInt32(b, 0)                   // session_id
	b = putInt32(b, -1)                  // session_epoch: none
	topics, at := int32(0), len(b)
	b = putInt32(b, 0)
	for i := 0; i < len(q.parts); {
		topic := q.parts[i].Topic
		n := i + 1
		for n < len(q.parts) && q.parts[n].Topic == topic {
			n++
		}
		topics++
		b = putString(b, topic)
		b = putInt32(b, int32(n-i))
		for ; i < n; i++ {
			b = putInt32(b, q.parts[i].Partition)
			b = putInt32(b, -1) // current_leader_epoch
			b = putInt64(b, q.from[i])
			b = putInt64(b, -1) // log_start_offset
			b = putInt32(b, config.PartitionMaxBytes)
		}
	}
	putInt32(b[at:at], topics)
	b = putInt32(b, 0)      // forgotten_topics_data
	return putString(b, "") // rack_id
}

package task

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// kept is one record of a fakeLog.
type kept struct {
	key, value, headers []byte
	time                int64
	count               int32
}

// fakePart is one partition: records by offset, with holes where compaction took some.
type fakePart struct {
	records map[int64]kept
	first   int64
	next    int64
}

type fakeFetch struct {
	stop, done chan struct{}
}

// fakeLog is a broker in memory. hook, if set, is called before everything that makes something durable and may fail it.
type fakeLog struct {
	mu        sync.Mutex
	parts     map[record.TopicPartition]*fakePart
	committed map[record.TopicPartition]int64
	fetches   map[record.TopicPartition]*fakeFetch
	grown     chan struct{} // closed and made anew when records come
	batch     int           // records in one fetch
	held      []func()      // acknowledgements that wait, if holdAcks
	holdAcks  bool
	refuse    error // of every append, through done
	waiting   int   // appended and not acknowledged
	sizes     []int // of the builders, in bytes
	history   []string
	hook      func(step string) error
}

func newFakeLog() *fakeLog {
	return &fakeLog{parts: map[record.TopicPartition]*fakePart{}, committed: map[record.TopicPartition]int64{},
		fetches: map[record.TopicPartition]*fakeFetch{}, grown: make(chan struct{}), batch: 5}
}

func (l *fakeLog) partLocked(tp record.TopicPartition) *fakePart {
	p := l.parts[tp]
	if p == nil {
		p = &fakePart{records: map[int64]kept{}}
		l.parts[tp] = p
	}
	return p
}

// put appends one record, as another producer would.
func (l *fakeLog) put(tp record.TopicPartition, r kept) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partLocked(tp)
	p.records[p.next] = r
	p.next++
	close(l.grown)
	l.grown = make(chan struct{})
}

// at is the committed offset of a partition.
func (l *fakeLog) at(tp record.TopicPartition) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed[tp]
}

func (l *fakeLog) step(name string) error {
	if l.hook == nil {
		return nil
	}
	return l.hook(name)
}

func (l *fakeLog) Append(ctx context.Context, builders []*record.Builder, done func(*record.Builder, error)) error {
	if err := l.step("append " + builders[0].Topic); err != nil {
		return err
	}
	l.mu.Lock()
	for _, b := range builders {
		l.waiting++
		l.sizes = append(l.sizes, len(b.Records))
		if l.refuse == nil {
			p := l.partLocked(b.TopicPartition)
			b.Offset = p.next
			for _, r := range readBuilder(b) {
				p.records[p.next] = r
				p.next++
			}
		}
		refuse := l.refuse
		l.held = append(l.held, func() {
			l.mu.Lock()
			l.waiting--
			l.history = append(l.history, "ack "+b.Topic)
			l.mu.Unlock()
			done(b, refuse)
		})
	}
	close(l.grown)
	l.grown = make(chan struct{})
	var now []func()
	if !l.holdAcks {
		now, l.held = l.held, nil
	}
	l.mu.Unlock()
	for _, f := range now {
		f()
	}
	return nil
}

// acknowledge lets the acknowledgements go that wait.
func (l *fakeLog) acknowledge() {
	l.mu.Lock()
	now := l.held
	l.held = nil
	l.mu.Unlock()
	for _, f := range now {
		f()
	}
}

func readBuilder(b *record.Builder) (all []kept) {
	left := b.Records
	for len(left) > 0 {
		size, n := binary.Varint(left)
		body := left[n : n+int(size)]
		left = left[n+int(size):]
		number := func() int64 { v, n := binary.Varint(body); body = body[n:]; return v }
		field := func() []byte {
			n := number()
			if n < 0 {
				return nil
			}
			f := append([]byte{}, body[:n]...)
			body = body[n:]
			return f
		}
		body = body[1:]
		r := kept{time: b.BaseTime + number()}
		number()
		r.key, r.value = field(), field()
		r.count = int32(number())
		r.headers = append([]byte{}, body...)
		all = append(all, r)
	}
	return all
}

func (l *fakeLog) Fetch(tp record.TopicPartition, offset int64, inbox chan<- *record.Batch) {
	f := &fakeFetch{make(chan struct{}), make(chan struct{})}
	l.mu.Lock()
	l.fetches[tp] = f
	l.mu.Unlock()
	go func() {
		defer close(f.done)
		for first := true; ; first = false {
			l.mu.Lock()
			grown := l.grown
			b := l.takeLocked(tp, offset)
			l.mu.Unlock()
			if b.Next > offset || first {
				offset = b.Next
				select {
				case inbox <- b:
				case <-f.stop:
					return
				}
				continue
			}
			select {
			case <-grown:
			case <-f.stop:
				return
			}
		}
	}()
}

func (l *fakeLog) takeLocked(tp record.TopicPartition, offset int64) *record.Batch {
	p := l.partLocked(tp)
	b := &record.Batch{TopicPartition: tp, Next: offset, End: p.next}
	for len(b.Records) < l.batch && b.Next < p.next {
		if r, ok := p.records[b.Next]; ok {
			b.Records = append(b.Records, record.Record{Key: r.key, Value: r.value, Headers: r.headers, HeaderCount: r.count, Time: r.time, Offset: b.Next})
		}
		b.Next++
	}
	return b
}

func (l *fakeLog) Unfetch(tp record.TopicPartition) {
	l.mu.Lock()
	f := l.fetches[tp]
	delete(l.fetches, tp)
	l.mu.Unlock()
	if f != nil {
		close(f.stop)
		<-f.done
	}
}

func (l *fakeLog) Ends(_ context.Context, tps []record.TopicPartition) (first, next map[record.TopicPartition]int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, next = map[record.TopicPartition]int64{}, map[record.TopicPartition]int64{}
	for _, tp := range tps {
		p := l.partLocked(tp)
		first[tp], next[tp] = p.first, p.next
	}
	return first, next, nil
}

func (l *fakeLog) Committed(context.Context, []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.committed), nil
}

func (l *fakeLog) Commit(ctx context.Context, offsets map[record.TopicPartition]int64) error {
	if err := l.step("commit"); err != nil {
		return err
	}
	l.mu.Lock()
	maps.Copy(l.committed, offsets)
	l.history = append(l.history, fmt.Sprintf("commit with %d unacknowledged", l.waiting))
	l.mu.Unlock()
	return l.step("committed")
}

// fakeStore is a store whose writes can be made to fail.
type fakeStore struct {
	store.Store
	log *fakeLog
}

func (s *fakeStore) Apply(b *store.Batch) error {
	if err := s.log.step("apply"); err != nil {
		return err
	}
	if err := s.Store.Apply(b); err != nil {
		return err
	}
	s.log.mu.Lock()
	s.log.history = append(s.log.history, "apply")
	s.log.mu.Unlock()
	return s.log.step("applied")
}

// countTable counts by key, the simplest Table there is.
type countTable struct {
	task   *Task
	store  store.Store
	counts map[string]int
	dirty  map[string]bool
	undo   []func()
	many   int // changes that it only claims to have
}

const countPrefix = "d/"

func (c *countTable) add(key string, n int) int {
	old := c.counts[key]
	if c.task.Undoing() {
		c.undo = append(c.undo, func() { c.counts[key] = old })
	}
	c.counts[key] = old + n
	c.dirty[key] = true
	return c.counts[key]
}

func (c *countTable) Restore(key, value []byte, changes *store.Batch) error {
	if value == nil {
		changes.Delete(append([]byte(countPrefix), key...))
	} else {
		changes.Put(append([]byte(countPrefix), key...), value)
	}
	return nil
}

func (c *countTable) Load() error {
	var bad error
	err := c.store.Scan([]byte(countPrefix), nil, func(k, v []byte) bool {
		c.counts[string(k[len(countPrefix):])], bad = strconv.Atoi(string(v))
		return bad == nil
	})
	return errors.Join(err, bad)
}

func (c *countTable) Flush(add func(key, value []byte), changes *store.Batch) error {
	for _, k := range slices.Sorted(maps.Keys(c.dirty)) {
		v := strconv.AppendInt(nil, int64(c.counts[k]), 10)
		add([]byte(k), v)
		changes.Put([]byte(countPrefix+k), v)
	}
	return nil
}

func (c *countTable) Value(key []byte) ([]byte, error) {
	n, ok := c.counts[string(key)]
	if !ok {
		return nil, nil
	}
	return strconv.AppendInt(nil, int64(n), 10), nil
}

func (c *countTable) Committed() { clear(c.dirty); c.many = 0 }
func (c *countTable) Dirty() int { return len(c.dirty) + c.many }
func (c *countTable) Keep()      { c.undo = nil }
func (c *countTable) Undo() {
	for i := len(c.undo) - 1; i >= 0; i-- {
		c.undo[i]()
	}
	c.undo = nil
}

var (
	inputs0   = record.TopicPartition{Topic: "in"}
	results   = record.TopicPartition{Topic: "out"}
	changelog = record.TopicPartition{Topic: "changelog"}
)

// rig is one task over a fake broker and a store, both of which outlive the task.
type rig struct {
	t        *testing.T
	log      *fakeLog
	store    store.Store
	interval time.Duration
	pulse    func(time.Time, bool) (time.Time, error)

	task  *Task
	table *countTable
	out   *Output
	end   chan error
	kill  context.CancelCauseFunc
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, log: newFakeLog(), store: store.NewMemory()}
}

// feed appends n events whose keys take turns among four.
func (r *rig) feed(n int) {
	for range n {
		r.log.mu.Lock()
		i := r.log.partLocked(inputs0).next
		r.log.mu.Unlock()
		r.log.put(inputs0, kept{key: fmt.Appendf(nil, "k%d", i%4), value: []byte("v"), time: 1000 + i})
	}
}

// count is the agent of most tests: it counts its events by key, and sends each count.
func (r *rig) count(rec *record.Record) error {
	n := r.table.add(string(rec.Key), 1)
	r.out.Add(0, rec.Key, strconv.AppendInt(nil, int64(n), 10), rec.Time, nil, 0, nil)
	return nil
}

// start makes a task and runs it.
func (r *rig) start(steps ...*Step) {
	r.make(steps...)
	r.run()
}

func (r *rig) make(steps ...*Step) {
	if len(steps) == 0 {
		steps = []*Step{{Name: "count", Process: r.count}}
	}
	r.task = New(Config{Name: "counts/0", Log: r.log, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Interval: r.interval})
	st := &fakeStore{r.store, r.log}
	r.table = &countTable{task: r.task, store: st, counts: map[string]int{}, dirty: map[string]bool{}}
	r.out = r.task.Output("out", 1, record.None)
	slot := &TableSlot{Table: r.table, Name: "counts", Changelog: changelog, Store: st, OffsetKey: []byte("d0"), Prefix: []byte("d")}
	r.task.Add([]*Input{{TopicPartition: inputs0, Steps: steps}}, []*TableSlot{slot}, r.pulse)
}

func (r *rig) run() {
	ctx, kill := context.WithCancelCause(context.Background())
	r.kill = kill
	r.end = make(chan error, 1)
	task := r.task
	go func() { r.end <- task.Run(ctx) }()
	r.t.Cleanup(func() { kill(nil) })
}

// wait is the task's end.
func (r *rig) wait() error {
	r.t.Helper()
	select {
	case err := <-r.end:
		return err
	case <-time.After(20 * time.Second):
		r.t.Fatal("the task does not end")
		return nil
	}
}

// until waits for something that the task is about to do.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if len(r.end) > 0 {
			r.t.Fatalf("waiting until %s: the task ended: %v", what, <-r.end)
		}
		if time.Since(begin) > 20*time.Second {
			r.t.Fatalf("waiting until %s", what)
		}
	}
}

func (r *rig) committedAt(offset int64) func() bool {
	return func() bool {
		r.log.mu.Lock()
		defer r.log.mu.Unlock()
		return r.log.committed[inputs0] >= offset
	}
}

// stop stops the task in an orderly way.
func (r *rig) stop() {
	r.t.Helper()
	r.task.Stop()
	if err := r.wait(); err != nil {
		r.t.Fatalf("stop: %v", err)
	}
}

// all are a partition's records in order.
func (l *fakeLog) all(tp record.TopicPartition) (all []kept) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partLocked(tp)
	for _, o := range slices.Sorted(maps.Keys(p.records)) {
		all = append(all, p.records[o])
	}
	return all
}

// checkCounts holds the law: what the store has, and what a task that starts on it has, is the fold of the input; and every count has
// been sent at least once.
func (r *rig) checkCounts() {
	r.t.Helper()
	want, sent := map[string]int{}, map[string]bool{}
	for _, in := range r.log.all(inputs0) {
		want[string(in.key)]++
	}
	for _, o := range r.log.all(results) {
		sent[string(o.key)+"="+string(o.value)] = true
	}
	if !maps.Equal(r.table.counts, want) {
		r.t.Errorf("the table has %v, want %v", r.table.counts, want)
	}
	for k, n := range want {
		b, ok, err := r.store.Get(nil, []byte(countPrefix+k))
		if err != nil || !ok || string(b) != strconv.Itoa(n) {
			r.t.Errorf("the store has %s=%q (%v, %v), want %d", k, b, ok, err, n)
		}
		for i := range n {
			if !sent[fmt.Sprintf("%s=%d", k, i+1)] {
				r.t.Errorf("%s=%d was never sent", k, i+1)
			}
		}
	}
}

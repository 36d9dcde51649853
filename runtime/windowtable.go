package faust

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/task"
	"github.com/faustgen/faustgen/runtime/store"
)

// windowTable is the state behind a WindowTable; it implements task.Table, windowed and queryable.
//
// The changelog's key is the key's bytes followed by the window's start (8 bytes, big endian); the store has two entries for it, the value
// under key and start, and an empty one under end and key, by which windows are found when they close and expire. What must survive
// besides, the stream time and how far windows have been closed and expired, stands under metaKey, which is shorter than any other key.
type windowTable[K comparable, V any] struct {
	*cells[windowKey[K], V]
	key   *KeyCodec[K]
	w     windowing
	clock *task.Clock
	basis int // which of the event's times counts here

	data, ends, meta []byte // prefixes in the store; the meta entry's key

	starts    []int64 // of the windows that have keys, ascending
	closedEnd int64   // windows up to this end have been closed
	saved     uint64  // the clock's version at the last commit
	savedEnd  int64   // closedEnd at the last commit
	closers   []closer[K, V]

	late   int64 // since the last warning
	warned time.Time
}

// closer is one on_window_close function.
type closer[K comparable, V any] struct {
	spec *CloserSpec
	call func(ctx context.Context, w Window, k K, v V) error
}

type windowKey[K comparable] struct {
	key   K
	start int64
}

var metaKey = []byte("meta")

func newWindowTable[K comparable, V any](b *Binder, name string, key *KeyCodec[K], value *ValueCodec[V]) *windowTable[K, V] {
	spec := b.task.plan.table(name)
	w := spec.Window
	group := b.task.group(spec.Struct)
	t := &windowTable[K, V]{
		key: key, closedEnd: math.MinInt64, savedEnd: math.MinInt64,
		w:     windowing{w.Size.Milliseconds(), w.Step.Milliseconds(), w.Grace.Milliseconds(), w.Expires.Milliseconds()},
		basis: slices.Index(group.plan.bases, basis{w.TimeBy, w.Idle}),
		data:  b.task.tablePrefix(name, kindData), ends: b.task.tablePrefix(name, kindEnds), meta: b.task.tablePrefix(name, kindMeta),
	}
	t.clock = group.clocks[t.basis]
	t.cells = newCells[windowKey[K], V](b.task, name, value, b.task.storeOf(spec), t)
	b.task.addTable(name, t, t)
	b.task.windows = append(b.task.windows, t)
	return t
}

// OnClose registers the function that is called once for every key of a window that has closed. It is for generated code only.
func OnClose[K comparable, V any](b *Binder, t WindowTable[K, V], f func(ctx context.Context, w Window, k K, v V) error) {
	t.t.closers = append(t.t.closers, closer[K, V]{b.closer, f})
}

func (t *windowTable[K, V]) normal(k K) K {
	if t.key.Normal != nil {
		return t.key.Normal(k)
	}
	return k
}

// current is the current event's time as this table has it, in ms.
func (t *windowTable[K, V]) current() int64 {
	if !t.b.hasEvent {
		panic(bodyError{Err: fmt.Errorf("table %s: no event is current here (timer, close handler or batch): use At or Now", t.name)})
	}
	if t.basis < len(t.b.times) {
		return t.b.times[t.basis]
	}
	return t.b.now
}

// readable returns the start of the newest window that holds the time, if it is still retained.
func (t *windowTable[K, V]) readable(at int64) (start int64, ok bool) {
	if at < 0 {
		return 0, false
	}
	_, start = t.w.starts(at)
	return start, at < start+t.w.size && !t.w.expired(start, t.clock.Now())
}

// open calls f for the start of every window that holds the time and still takes events. Others are counted as late.
func (t *windowTable[K, V]) open(at int64, f func(start int64)) {
	if at < 0 {
		panic(bodyError{Err: fmt.Errorf("table %s: a window before 1970", t.name)})
	}
	now := t.clock.Now()
	first, last := t.w.starts(at)
	for start := first; start <= last; start += t.w.step {
		switch {
		case at >= start+t.w.size: // a hop longer than the window leaves gaps; the generator refuses it
		case t.w.closed(start, now):
			t.tooLate(at, start, now)
		default:
			f(start)
		}
	}
}

func (t *windowTable[K, V]) tooLate(at, start, now int64) {
	t.b.CountLate()
	t.late++
	if wall := time.Now(); wall.Sub(t.warned) >= 10*time.Second {
		t.b.logger().Warn("late event not counted: its window has closed", "table", t.name, "partition", t.b.partition,
			"time", time.UnixMilli(at).UTC(), "window_end", time.UnixMilli(start+t.w.size).UTC(), "stream_time", time.UnixMilli(now).UTC(), "late", t.late)
		t.warned, t.late = wall, 0
	}
}

// retained returns the starts of the windows that can be read.
func (t *windowTable[K, V]) retained() []int64 {
	now := t.clock.Now()
	i := 0
	for i < len(t.starts) && t.w.expired(t.starts[i], now) {
		i++
	}
	return slices.Clone(t.starts[i:])
}

// due calls the close handler for every key of the windows that have closed, in order of window end, then key bytes, and removes what
// has expired. caughtUp and now are for idle=. It implements windowed.
func (t *windowTable[K, V]) due() error {
	now := t.clock.Now()
	if now == math.MinInt64 {
		return nil
	}
	if len(t.closers) > 0 {
		for _, start := range slices.Clone(t.starts) {
			if end := start + t.w.size; end > t.closedEnd && t.w.closed(start, now) {
				if err := t.close(start); err != nil {
					return err
				}
				t.closedEnd = end
			}
		}
	}
	for len(t.starts) > 0 && t.w.expired(t.starts[0], now) && len(t.dirty) < expireMax {
		t.expire(t.starts[0])
	}
	return nil
}

// expireMax bounds the deletions that gather for one commit.
const expireMax = 100_000

func (t *windowTable[K, V]) close(start int64) error {
	type due struct {
		bytes []byte
		key   K
		value V
	}
	var keys []due
	var encodeErr error
	t.eachIn(start, func(c *cell[windowKey[K], V]) bool {
		b, err := t.key.Append(nil, c.key.key)
		if err != nil {
			encodeErr = err
			return false
		}
		keys = append(keys, due{b, c.key.key, c.value})
		return true
	})
	if encodeErr != nil {
		return fmt.Errorf("table %s: close the window of %d: %w", t.name, start, encodeErr)
	}
	slices.SortFunc(keys, func(a, b due) int { return bytes.Compare(a.bytes, b.bytes) })
	w := windowAt(start, t.w.size)
	t.b.hasEvent, t.b.now = false, start+t.w.size-1
	for i := range keys {
		k := &keys[i]
		for _, c := range t.closers {
			name := fmt.Sprintf("%s, window of %s ending %s, key %q", c.spec.Func, t.name, w.End.Format(time.RFC3339), k.bytes)
			if err := t.b.Atomic(name, c.spec.OnError == "skip", func(ctx context.Context) error {
				return c.call(ctx, w, k.key, k.value)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *windowTable[K, V]) expire(start int64) {
	var keys []windowKey[K]
	t.eachIn(start, func(c *cell[windowKey[K], V]) bool {
		keys = append(keys, c.key)
		return len(keys) < expireMax
	})
	for _, k := range keys {
		t.find(k, true)
		t.delete(k)
	}
	if len(keys) < expireMax {
		if i, ok := slices.BinarySearch(t.starts, start); ok {
			t.starts = slices.Delete(t.starts, i, i+1)
		}
	}
}

// eachIn calls f for every key of one window.
func (t *windowTable[K, V]) eachIn(start int64, f func(*cell[windowKey[K], V]) bool) {
	if t.complete {
		for k, c := range t.cache {
			if k.start == start && c.there && !f(c) {
				return
			}
		}
		return
	}
	var keys []windowKey[K]
	prefix := t.appendEnd(nil, start)
	change := make([]byte, 0, 64)
	var bad error
	err := t.store.Scan(prefix, nil, func(k, _ []byte) bool {
		change = binary.BigEndian.AppendUint64(append(change[:0], k[len(prefix):]...), uint64(start))
		var key windowKey[K]
		key, bad = t.own(change)
		keys = append(keys, key)
		return bad == nil
	})
	if err = errors.Join(err, bad); err != nil {
		t.b.Fail(fmt.Errorf("table %s: scan the store: %w", t.name, err))
	}
	for _, c := range t.dirty {
		if c.key.start == start && !c.stored {
			keys = append(keys, c.key)
		}
	}
	for _, k := range keys {
		if c := t.find(k, false); c != nil && c.there && !f(c) {
			return
		}
	}
}

func (t *windowTable[K, V]) appendEnd(dst []byte, start int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, t.ends...), uint64(start+t.w.size))
}

// The keySpace of a windowed table.

func (t *windowTable[K, V]) appendChange(dst []byte, k windowKey[K]) ([]byte, error) {
	dst, err := t.key.Append(dst, k.key)
	return binary.BigEndian.AppendUint64(dst, uint64(k.start)), err
}

func (t *windowTable[K, V]) appendStore(dst, change []byte) []byte {
	return append(append(dst, t.data...), change...)
}

func (t *windowTable[K, V]) own(change []byte) (k windowKey[K], err error) {
	if len(change) < 8 {
		return k, errors.New("a windowed key of less than 8 bytes")
	}
	k.start = int64(binary.BigEndian.Uint64(change[len(change)-8:]))
	k.key, err = t.key.Decode(change[:len(change)-8])
	return k, err
}

func (t *windowTable[K, V]) placed(change []byte) []byte { return change[:len(change)-8] }

func (t *windowTable[K, V]) index(change []byte, there bool, changes *store.Batch) {
	start := int64(binary.BigEndian.Uint64(change[len(change)-8:]))
	t.storeKey = append(t.appendEnd(t.storeKey[:0], start), change[:len(change)-8]...)
	if there {
		changes.Put(t.storeKey, nil)
	} else {
		changes.Delete(t.storeKey)
	}
}

func (t *windowTable[K, V]) born(k windowKey[K]) {
	if n := len(t.starts); n > 0 && t.starts[n-1] == k.start {
		return
	}
	if i, ok := slices.BinarySearch(t.starts, k.start); !ok {
		t.starts = slices.Insert(t.starts, i, k.start)
	}
}

// Restore implements task.Table.
func (t *windowTable[K, V]) Restore(key, value []byte, changes *store.Batch) error {
	switch {
	case bytes.Equal(key, metaKey):
		changes.Put(t.meta, value)
		return nil
	case len(key) < 8:
		return fmt.Errorf("a changelog record whose key has %d bytes; the topic has been written to by something else", len(key))
	}
	t.storeKey = t.appendStore(t.storeKey[:0], key)
	if value == nil {
		changes.Delete(t.storeKey)
	} else {
		changes.Put(t.storeKey, value)
	}
	t.index(key, value != nil, changes)
	return nil
}

// Load implements task.Table.
func (t *windowTable[K, V]) Load() error {
	if err := t.loaded(t.data); err != nil {
		return err
	}
	b, ok, err := t.store.Get(nil, t.meta)
	if err != nil {
		return err
	}
	if ok {
		rest, err := t.clock.Load(b)
		if err != nil {
			return err
		}
		end, n := binary.Varint(rest)
		if n <= 0 {
			return errors.New("the saved state of the windows is damaged")
		}
		t.closedEnd, t.savedEnd = end, end
	}
	t.saved = t.clock.Version()
	return t.loadStarts()
}

// loadStarts finds the windows that have keys, one seek for each.
func (t *windowTable[K, V]) loadStarts() error {
	from := t.ends
	for {
		found := false
		err := t.store.Scan(t.ends, from, func(k, _ []byte) bool {
			end := binary.BigEndian.Uint64(k[len(t.ends):])
			t.starts = append(t.starts, int64(end)-t.w.size)
			from = binary.BigEndian.AppendUint64(append([]byte{}, t.ends...), end+1)
			found = true
			return false
		})
		if err != nil || !found {
			return err
		}
	}
}

// Flush implements task.Table.
func (t *windowTable[K, V]) Flush(add func(key, value []byte), changes *store.Batch) error {
	if err := t.flush(add, changes); err != nil {
		return err
	}
	if t.metaDirty() {
		meta := binary.AppendVarint(t.clock.Append(nil), t.closedEnd)
		add(metaKey, meta)
		changes.Put(t.meta, meta)
	}
	return nil
}

// Value implements task.Table.
func (t *windowTable[K, V]) Value(key []byte) ([]byte, error) {
	if bytes.Equal(key, metaKey) {
		return binary.AppendVarint(t.clock.Append(nil), t.closedEnd), nil
	}
	return t.holds(key)
}

func (t *windowTable[K, V]) metaDirty() bool {
	return t.clock.Version() != t.saved || t.closedEnd != t.savedEnd
}

// Committed implements task.Table.
func (t *windowTable[K, V]) Committed() {
	t.committed()
	t.saved, t.savedEnd = t.clock.Version(), t.closedEnd
}

// Dirty implements task.Table.
func (t *windowTable[K, V]) Dirty() int {
	if t.metaDirty() {
		return len(t.dirty) + 1
	}
	return len(t.dirty)
}

// query implements queryable.
func (t *windowTable[K, V]) query(key []byte, at *queryTime, emit func(queryRow) error) error {
	starts := t.retained()
	if at != nil {
		start, ok := t.readable(t.queryAt(at))
		if starts = nil; ok {
			starts = []int64{start}
		}
	}
	for _, start := range starts {
		var err error
		each := func(c *cell[windowKey[K], V]) bool {
			err = t.emit(c, emit)
			return err == nil
		}
		if key == nil {
			t.eachIn(start, each)
		} else {
			k, derr := t.key.Decode(key)
			if derr != nil {
				return derr
			}
			if c := t.find(windowKey[K]{k, start}, false); c != nil && c.there {
				each(c)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// queryAt is the time that a query asks for: a time of its own, the wall clock, or the stream time less a delta.
func (t *windowTable[K, V]) queryAt(at *queryTime) int64 {
	switch {
	case at.Now:
		return time.Now().UnixMilli()
	case at.HasDelta:
		if t.clock.Now() == math.MinInt64 {
			return -1
		}
		return t.clock.Now() - at.Delta.Milliseconds()
	}
	return at.At.UnixMilli()
}

func (t *windowTable[K, V]) emit(c *cell[windowKey[K], V], emit func(queryRow) error) error {
	key, err := t.key.AppendJSON(nil, c.key.key)
	if err != nil {
		return err
	}
	value, err := t.value.Append(nil, &c.value)
	if err != nil {
		return err
	}
	w := windowAt(c.key.start, t.w.size)
	return emit(queryRow{Key: key, Value: value, Window: &w})
}

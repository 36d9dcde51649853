package store

import (
	"sync"
)

// Memory is a Store in main memory. It forgets everything at Close: what it held comes back from the changelog.
//
// A map answers Get; an ordered index answers Scan and is brought up to date only when a Scan asks (or when the
// changes waiting for it would outgrow the map), so that a table which is never scanned never pays for order.
// A million keys of 16 bytes with values of 8 take about 150 MB. Apply holds back readers for the whole batch.
type Memory struct {
	mu      sync.RWMutex
	entries map[string]*entry
	index   index
	added   []*entry // not in the index yet, in any order; some may be dead
	removed []*entry // still in the index
	scans   int      // scans under way; they read the index and its entries without mu
	bytes   int64
	closed  bool
	calls   sync.WaitGroup // scans, for Close
}

// entry is one key with its value.
// Invariant: an entry that a scan under way can reach (indexed while scans > 0) is never written.
type entry struct {
	key     string
	value   []byte
	indexed bool
	dead    bool // deleted or replaced before it reached the index
}

// entryOverhead is what one key costs beside its bytes: the entry, its places in map and index, rounding.
const entryOverhead = 112

// indexLag is the number of changes that may wait for the index, at least; beyond it, as many as there are keys.
const indexLag = 1024

// NewMemory returns an empty store in main memory.
func NewMemory() *Memory {
	return &Memory{entries: make(map[string]*entry)}
}

// Get implements Store.
func (m *Memory) Get(dst, key []byte) ([]byte, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return dst, false, ErrClosed
	}
	e, ok := m.entries[string(key)]
	if !ok {
		return dst, false, nil
	}
	return append(dst, e.value...), true, nil
}

// Apply implements Store. A batch is all or nothing.
func (m *Memory) Apply(b *Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	for i := range b.Len() {
		key, value, deletion := b.Entry(i)
		if deletion {
			m.deleteLocked(key)
		} else {
			m.putLocked(key, value)
		}
	}
	if len(m.added)+len(m.removed) > indexLag+len(m.entries) {
		m.indexLocked()
	}
	return nil
}

// Scan implements Store.
func (m *Memory) Scan(prefix, from []byte, f func(key, value []byte) bool) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	m.indexLocked()
	m.scans++
	m.calls.Add(1)
	view := m.index.snapshot()
	m.mu.Unlock()

	defer func() {
		m.mu.Lock()
		m.scans--
		m.mu.Unlock()
		m.calls.Done()
	}()
	view.ascend(prefix, from, f)
	return nil
}

// Size implements Store.
func (m *Memory) Size() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.bytes
}

// Close implements Store.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.calls.Wait()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries, m.index, m.added, m.removed, m.bytes = nil, index{}, nil, nil, 0
	return nil
}

// putLocked sets key to value. Caller holds mu.
func (m *Memory) putLocked(key, value []byte) {
	e, ok := m.entries[string(key)]
	if ok {
		m.bytes += int64(len(value) - len(e.value))
		if !e.indexed || m.scans == 0 {
			e.value = append(e.value[:0], value...)
			return
		}
		m.dropLocked(e)
	} else {
		m.bytes += int64(len(key)+len(value)) + entryOverhead
	}
	e = &entry{key: string(key), value: append(make([]byte, 0, len(value)), value...)}
	m.entries[e.key] = e
	m.added = append(m.added, e)
}

// deleteLocked removes key. Caller holds mu.
func (m *Memory) deleteLocked(key []byte) {
	e, ok := m.entries[string(key)]
	if !ok {
		return
	}
	m.bytes -= int64(len(e.key)+len(e.value)) + entryOverhead
	delete(m.entries, e.key)
	m.dropLocked(e)
}

// dropLocked takes e, which the map no longer leads to, out of the index, now or when the index is next updated.
func (m *Memory) dropLocked(e *entry) {
	if e.indexed {
		m.removed = append(m.removed, e)
		return
	}
	e.dead = true
	e.value = nil
}

// indexLocked brings the index up to date. Caller holds mu.
func (m *Memory) indexLocked() {
	if len(m.added) == 0 && len(m.removed) == 0 {
		return
	}
	m.index.update(m.added, m.removed, m.scans > 0)
	clear(m.added)
	clear(m.removed)
	m.added, m.removed = m.added[:0], m.removed[:0]
}

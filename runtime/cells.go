package faust

import (
	"bytes"
	"fmt"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
	"github.com/faustgen/faustgen/runtime/store"
)

// cacheMax is how many cells of one table and task stay in memory after a commit; the others are read from the store again.
const cacheMax = 1 << 17

// cells are the values of one table in one task: typed in memory as long as they are in use, encoded once per commit, and read from
// the store when they are not in memory. C is the key, with the window's start for windowed tables. They belong to the task's goroutine.
type cells[C comparable, V any] struct {
	b     *bound
	name  string
	value *ValueCodec[V]
	store store.Store
	keys  keySpace[C]

	cache    map[C]*cell[C, V]
	most     int  // cells in the cache after a commit
	complete bool // every key of the store is in the cache: what isn't, doesn't exist
	dirty    []*cell[C, V]
	journal  []change[C, V]
	count    int // of keys, -1 until somebody asks
	updating bool

	storeKey, changeKey, bytes []byte // scratch
	reader                     *codec.Reader
}

// keySpace is how the keys of a table stand in its changelog and store.
type keySpace[C comparable] interface {
	// appendChange appends the key as the changelog has it.
	appendChange(dst []byte, c C) ([]byte, error)
	// appendStore appends the store's key for the changelog's.
	appendStore(dst, change []byte) []byte
	// own returns a C that shares nothing with what the caller holds, from the changelog's key.
	own(change []byte) (C, error)
	// placed is the part of the changelog's key that decides the partition.
	placed(change []byte) []byte
	// changed is called for every cell that comes into being or goes away, with changes of the store that go with it.
	index(change []byte, there bool, changes *store.Batch)
	// born is called when a cell begins to exist in memory.
	born(c C)
}

// cell is one key's value.
type cell[C comparable, V any] struct {
	key    C
	value  V
	there  bool // the key exists
	stored bool // the store has it
	dirty  bool
	placed bool // its partition has been checked
}

// change is how a cell was before the event that runs changed it.
type change[C comparable, V any] struct {
	cell    *cell[C, V]
	value   V
	encoded []byte // instead of value, for types whose copies share memory
	there   bool
}

func newCells[C comparable, V any](b *bound, name string, value *ValueCodec[V], st store.Store, keys keySpace[C]) *cells[C, V] {
	return &cells[C, V]{b: b, name: name, value: value, store: st, keys: keys, cache: map[C]*cell[C, V]{}, most: cacheMax, count: -1,
		reader: codec.NewReader(codec.Copy)}
}

// find returns the cell of a key, which may not exist; nil if create is false and it is known not to exist.
func (s *cells[C, V]) find(key C, create bool) *cell[C, V] {
	if c := s.cache[key]; c != nil {
		return c
	}
	if s.complete && !create {
		return nil
	}
	return s.load(key, create)
}

// load brings a key into memory.
func (s *cells[C, V]) load(key C, create bool) *cell[C, V] {
	var err error
	if s.changeKey, err = s.keys.appendChange(s.changeKey[:0], key); err != nil {
		panic(bodyError{Err: fmt.Errorf("table %s: key: %w", s.name, err)})
	}
	own, err := s.keys.own(s.changeKey)
	if err != nil {
		panic(bodyError{Err: fmt.Errorf("table %s: key: %w", s.name, err)})
	}
	c := &cell[C, V]{key: own}
	if !s.complete {
		s.storeKey = s.keys.appendStore(s.storeKey[:0], s.changeKey)
		b, ok, err := s.store.Get(s.bytes[:0], s.storeKey)
		if err != nil {
			s.b.Fail(fmt.Errorf("table %s: read from the store: %w", s.name, err))
		}
		if ok {
			s.bytes = b
			s.decode(b, &c.value)
			c.there, c.stored = true, true
		} else if !create {
			return nil
		}
	}
	s.cache[own] = c
	return c
}

func (s *cells[C, V]) decode(b []byte, v *V) {
	s.reader.Policy(codec.Copy)
	if err := s.value.Decode(s.reader, b, v); err != nil {
		s.b.Fail(fmt.Errorf("table %s: a stored value doesn't fit its type any more: %w; give the type back its old form, or the application "+
			"a new version=", s.name, err))
	}
}

func (s *cells[C, V]) get(key C) (v V, ok bool) {
	if c := s.find(key, false); c != nil && c.there {
		return c.value, true
	}
	return v, false
}

func (s *cells[C, V]) set(key C, v V) {
	s.guard()
	c := s.find(key, true)
	s.remember(c)
	s.exists(c, true)
	c.value = v
	s.settle(c)
}

func (s *cells[C, V]) update(key C, f func(*V)) {
	s.guard()
	c := s.find(key, true)
	s.remember(c)
	s.mark(c) // before f: should it panic, and the body go on all the same, what it has changed must not differ from the store
	s.apply(c, f)
	s.settle(c)
}

func (s *cells[C, V]) apply(c *cell[C, V], f func(*V)) {
	s.updating = true
	defer func() { s.updating = false }()
	if c.there {
		f(&c.value)
		return
	}
	var zero V
	c.value = zero
	f(&c.value)
	s.exists(c, true)
}

func (s *cells[C, V]) delete(key C) {
	s.guard()
	c := s.find(key, false)
	if c == nil || !c.there {
		return
	}
	s.remember(c)
	s.exists(c, false)
	var zero V
	c.value = zero
	s.touch(c)
}

// guard refuses a change inside an Update's function.
func (s *cells[C, V]) guard() {
	if s.updating {
		s.b.Fail(fmt.Errorf("table %s: an Update inside an Update of the same table; read with Get before, and change one key at a time", s.name))
	}
}

// exists says that a cell's key exists from now on, or no longer.
func (s *cells[C, V]) exists(c *cell[C, V], there bool) {
	if c.there == there {
		return
	}
	c.there = there
	if there {
		s.keys.born(c.key)
	}
	if s.count >= 0 {
		if there {
			s.count++
		} else {
			s.count--
		}
	}
}

// remember keeps what an undo needs.
func (s *cells[C, V]) remember(c *cell[C, V]) {
	if !s.b.Undoing() {
		return
	}
	if s.value.Flat || !c.there {
		s.journal = append(s.journal, change[C, V]{cell: c, value: c.value, there: c.there})
		return
	}
	s.journal = append(s.journal, change[C, V]{cell: c, encoded: bytes.Clone(s.encode(c)), there: true})
}

// encode returns the cell's value as bytes, valid until the next call.
func (s *cells[C, V]) encode(c *cell[C, V]) []byte {
	b, err := s.value.Append(s.bytes[:0], &c.value)
	if err != nil {
		panic(bodyError{Err: fmt.Errorf("table %s: the value of key %v can't be encoded: %w", s.name, c.key, err)})
	}
	s.bytes = b
	return b
}

// settle ends a change of a cell's value. A commit will be able to encode it: otherwise the event that made it fails, and not the commit.
// And it shares nothing with what the body keeps, nor with other keys, nor with the key's other windows, to which the same slice, map or
// pointer may have been given: a later change of one would change them all, and not even be committed.
func (s *cells[C, V]) settle(c *cell[C, V]) {
	if s.value.Fails || !s.value.Flat {
		b := s.encode(c)
		if !s.value.Flat {
			var own V
			s.reader.Policy(codec.Copy)
			if err := s.value.Decode(s.reader, b, &own); err != nil {
				panic(bodyError{Err: fmt.Errorf("table %s: the value of key %v can't be read back from what is stored of it: %w", s.name, c.key, err)})
			}
			c.value = own
		}
	}
	s.touch(c)
}

func (s *cells[C, V]) touch(c *cell[C, V]) {
	if s.b.borrowing && s.value.Clone != nil {
		s.value.Clone(&c.value)
	}
	s.mark(c)
}

// mark has the cell written by the next commit.
func (s *cells[C, V]) mark(c *cell[C, V]) {
	if !c.dirty {
		c.dirty = true
		s.dirty = append(s.dirty, c)
	}
}

// Keep implements task.Table.
func (s *cells[C, V]) Keep() {
	clear(s.journal)
	s.journal = s.journal[:0]
}

// Undo implements task.Table.
func (s *cells[C, V]) Undo() {
	s.updating = false
	for i := len(s.journal) - 1; i >= 0; i-- {
		j := &s.journal[i]
		var old V
		if j.encoded != nil {
			s.decode(j.encoded, &old)
		} else {
			old = j.value
		}
		j.cell.value = old
		s.exists(j.cell, j.there)
	}
	s.Keep()
}

// flush is task.Table's Flush for the cells.
func (s *cells[C, V]) flush(add func(key, value []byte), changes *store.Batch) error {
	for _, c := range s.dirty {
		if !c.there && !c.stored { // came and went within one commit
			continue
		}
		var err error
		if s.changeKey, err = s.keys.appendChange(s.changeKey[:0], c.key); err != nil {
			return fmt.Errorf("table %s: key %v: %w", s.name, c.key, err)
		}
		if !c.placed {
			if err := s.place(c); err != nil {
				return err
			}
			c.placed = true
		}
		s.storeKey = s.keys.appendStore(s.storeKey[:0], s.changeKey)
		if c.there {
			b, err := s.value.Append(s.bytes[:0], &c.value)
			if err != nil {
				return fmt.Errorf("table %s: the value of key %v can't be encoded: %w", s.name, c.key, err)
			}
			if b == nil {
				b = []byte{}
			}
			s.bytes = b
			add(s.changeKey, b)
			changes.Put(s.storeKey, b)
		} else {
			add(s.changeKey, nil)
			changes.Delete(s.storeKey)
		}
		s.keys.index(s.changeKey, c.there, changes)
	}
	return nil
}

// place makes sure that a key belongs to this task's partition: otherwise another worker would count it too.
func (s *cells[C, V]) place(c *cell[C, V]) error {
	n := s.b.component.partitions
	p := record.Partition(s.keys.placed(s.changeKey), n)
	if p == s.b.partition {
		return nil
	}
	agent := s.b.component.agentOf(s.name)
	if agent == nil {
		return fmt.Errorf("table %s: key %s belongs to partition %d, not %d; a timer or task that takes tables runs in each partition: let it "+
			"change only keys that All yields there", s.name, keyText(s.keys.placed(s.changeKey)), p, s.b.partition)
	}
	return fmt.Errorf("table %s: key %s belongs to partition %d, not %d; agent %s reads %s by another key: add group_by=",
		s.name, keyText(s.keys.placed(s.changeKey)), p, s.b.partition, agent.spec.Func, agent.spec.Topics[0])
}

func keyText(key []byte) string { return fmt.Sprintf("%q", key) }

// holds is task.Table's Value for the cells.
func (s *cells[C, V]) holds(change []byte) ([]byte, error) {
	key, err := s.keys.own(change)
	if err != nil {
		return nil, err
	}
	if c := s.cache[key]; c != nil {
		if !c.there {
			return nil, nil
		}
		b, err := s.value.Append(s.bytes[:0], &c.value)
		if err != nil {
			return nil, fmt.Errorf("the value of key %v can't be encoded: %w", c.key, err)
		}
		s.bytes = b
		return present(b), nil
	}
	if s.complete {
		return nil, nil
	}
	s.storeKey = s.keys.appendStore(s.storeKey[:0], change)
	b, ok, err := s.store.Get(s.bytes[:0], s.storeKey)
	if err != nil || !ok {
		return nil, err
	}
	s.bytes = b
	return present(b), nil
}

// present makes sure that an empty value is not taken for none.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// committed is task.Table's Committed for the cells.
func (s *cells[C, V]) committed() {
	for _, c := range s.dirty {
		c.dirty, c.stored = false, c.there
		if c.there && s.value.Clone != nil {
			s.value.Clone(&c.value) // so that it doesn't hold on to a slab of many strings
		}
		if !c.there {
			delete(s.cache, c.key)
		}
	}
	clear(s.dirty)
	s.dirty = s.dirty[:0]
	if len(s.cache) > s.most {
		s.complete = false
		for k := range s.cache {
			if delete(s.cache, k); len(s.cache) <= s.most*3/4 {
				break
			}
		}
	}
}

// loaded finds out whether the store holds anything, after a restore.
func (s *cells[C, V]) loaded(prefix []byte) error {
	s.complete = true
	return s.store.Scan(prefix, nil, func(_, _ []byte) bool {
		s.complete = false
		return false
	})
}

// each calls f for every key that exists and whose changelog key passes the filter, until f returns false. f may change the table.
func (s *cells[C, V]) each(prefix []byte, toChange func(storeKey []byte) []byte, f func(c *cell[C, V]) bool) {
	if s.complete {
		for _, c := range s.cache {
			if c.there && !f(c) {
				return
			}
		}
		return
	}
	fresh := make([]*cell[C, V], 0, len(s.dirty))
	for _, c := range s.dirty {
		if !c.stored {
			fresh = append(fresh, c)
		}
	}
	more := true
	err := s.store.Scan(prefix, nil, func(k, v []byte) bool {
		key, err := s.keys.own(toChange(k))
		if err != nil {
			s.b.Fail(fmt.Errorf("table %s: a stored key doesn't fit its type any more: %w", s.name, err))
		}
		c := s.cache[key]
		if c == nil {
			c = &cell[C, V]{key: key, there: true, stored: true}
			s.decode(v, &c.value)
		}
		if c.there {
			more = f(c)
		}
		return more
	})
	if err != nil {
		s.b.Fail(fmt.Errorf("table %s: scan the store: %w", s.name, err))
	}
	for _, c := range fresh {
		if more && c.there {
			more = f(c)
		}
	}
}

// bodyError is an error that ends a body by a panic where the method has no result for it; the agent's on_error decides.
type bodyError = task.Abort

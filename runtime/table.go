package faust

import (
	"errors"
	"iter"

	"github.com/faustgen/faustgen/runtime/store"
)

// Table is a handle on a table: the field of a struct with //faust:tables. The generated code binds it to the task it is used in, whose
// goroutine alone may use it: so there is nothing to lock. What it holds is this task's share of the keys.
//
// A store that fails ends the body at that call (deferred functions run), and the task stops before anything of the event is committed;
// so no method returns an error.
type Table[K comparable, V any] struct{ t *table[K, V] }

// table is the state behind a Table; it implements task.Table and queryable.
type table[K comparable, V any] struct {
	*cells[K, V]
	key    *KeyCodec[K]
	prefix []byte // of the keys in the store
}

// BindTable binds a handle. It is for generated code only.
func BindTable[K comparable, V any](b *Binder, name string, key *KeyCodec[K], value *ValueCodec[V]) Table[K, V] {
	spec := b.task.plan.table(name)
	t := &table[K, V]{key: key, prefix: b.task.tablePrefix(name, kindData)}
	t.cells = newCells[K, V](b.task, name, value, b.task.storeOf(spec), t)
	b.task.addTable(name, t, t)
	return Table[K, V]{t}
}

// Get returns the key's value, the zero value if there is none. Slices and maps in it are read-only: change them through Update.
func (t Table[K, V]) Get(k K) V {
	v, _ := t.t.get(t.t.normal(k))
	return v
}

// Lookup is Get that tells whether the key exists.
func (t Table[K, V]) Lookup(k K) (V, bool) { return t.t.get(t.t.normal(k)) }

// Set gives the key a value. The table keeps a copy that shares nothing with v.
func (t Table[K, V]) Set(k K, v V) { t.t.set(t.t.normal(k), v) }

// Update calls f with the key's value, the zero value if there is none, and keeps what f makes of it. f must not change this table.
func (t Table[K, V]) Update(k K, f func(*V)) { t.t.update(t.t.normal(k), f) }

// Delete removes the key, if it exists.
func (t Table[K, V]) Delete(k K) { t.t.delete(t.t.normal(k)) }

// All returns every key and value, in no particular order. Set and Delete are allowed meanwhile; no key comes twice, new ones may come.
// It reads the whole table: it is not for each event.
func (t Table[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		t.t.each(t.t.prefix, t.t.toChange, func(c *cell[K, V]) bool { return yield(c.key, c.value) })
	}
}

// Len is the number of keys in this task. The first call reads the whole table, the others cost nothing.
func (t Table[K, V]) Len() int {
	if t.t.count < 0 {
		n := 0
		t.t.each(t.t.prefix, t.t.toChange, func(*cell[K, V]) bool { n++; return true })
		t.t.count = n
	}
	return t.t.count
}

func (t *table[K, V]) normal(k K) K {
	if t.key.Normal != nil {
		return t.key.Normal(k)
	}
	return k
}

// The keySpace of a plain table: the changelog has the key's bytes, the store the same behind the table's prefix.

func (t *table[K, V]) appendChange(dst []byte, k K) ([]byte, error) { return t.key.Append(dst, k) }
func (t *table[K, V]) appendStore(dst, change []byte) []byte {
	return append(append(dst, t.prefix...), change...)
}
func (t *table[K, V]) own(change []byte) (K, error)     { return t.key.Decode(change) }
func (t *table[K, V]) placed(change []byte) []byte      { return change }
func (t *table[K, V]) index([]byte, bool, *store.Batch) {}
func (t *table[K, V]) born(K)                           {}
func (t *table[K, V]) toChange(storeKey []byte) []byte  { return storeKey[len(t.prefix):] }

// Restore implements task.Table.
func (t *table[K, V]) Restore(key, value []byte, changes *store.Batch) error {
	if key == nil {
		return errors.New("a changelog record without a key; the topic has been written to by something else")
	}
	t.storeKey = t.appendStore(t.storeKey[:0], key)
	if value == nil {
		changes.Delete(t.storeKey)
	} else {
		changes.Put(t.storeKey, value)
	}
	return nil
}

// Load implements task.Table.
func (t *table[K, V]) Load() error { return t.loaded(t.prefix) }

// Flush implements task.Table.
func (t *table[K, V]) Flush(add func(key, value []byte), changes *store.Batch) error {
	return t.flush(add, changes)
}

// Value implements task.Table.
func (t *table[K, V]) Value(key []byte) ([]byte, error) { return t.holds(key) }

// Committed implements task.Table.
func (t *table[K, V]) Committed() { t.committed() }

// Dirty implements task.Table.
func (t *table[K, V]) Dirty() int { return len(t.dirty) }

// query implements queryable.
func (t *table[K, V]) query(key []byte, _ *queryTime, emit func(queryRow) error) error {
	if key != nil {
		k, err := t.key.Decode(key)
		if err != nil {
			return err
		}
		c := t.find(k, false)
		if c == nil || !c.there {
			return nil
		}
		return t.emit(c, emit)
	}
	var err error
	t.each(t.prefix, t.toChange, func(c *cell[K, V]) bool {
		err = t.emit(c, emit)
		return err == nil
	})
	return err
}

func (t *table[K, V]) emit(c *cell[K, V], emit func(queryRow) error) error {
	key, err := t.key.AppendJSON(nil, c.key)
	if err != nil {
		return err
	}
	value, err := t.value.Append(nil, &c.value)
	if err != nil {
		return err
	}
	return emit(queryRow{Key: key, Value: value})
}

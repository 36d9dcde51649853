package faust

import (
	"iter"
	"time"
)

// WindowTable is a table that keeps a value for each key and window of time: the field of a struct with //faust:tables that also has
// //faust:tumbling or //faust:hopping. Its own methods concern the current event's time, like Current; At, Now and Delta choose another
// one. Where no event is current (timers, close handlers, batches) only At and Now may be used; the others fail the body.
//
// A write goes to every window that holds the time and still takes events: a window takes events until the stream time has reached its
// end and grace=. An event that is too late for a window is counted, and not written to it. A read takes the newest window that holds the
// time; it sees a window until the stream time has reached its end and expires=.
type WindowTable[K comparable, V any] struct{ t *windowTable[K, V] }

// WindowView is a WindowTable at one time. It is valid as long as the event that is current.
type WindowView[K comparable, V any] struct {
	t  *windowTable[K, V]
	at int64 // ms
}

// BindWindowTable binds a handle. It is for generated code only.
func BindWindowTable[K comparable, V any](b *Binder, name string, key *KeyCodec[K], value *ValueCodec[V]) WindowTable[K, V] {
	return WindowTable[K, V]{newWindowTable(b, name, key, value)}
}

// At returns the table at a time of one's choice.
func (t WindowTable[K, V]) At(at time.Time) WindowView[K, V] {
	return WindowView[K, V]{t.t, at.UnixMilli()}
}

// Now returns the table at the time of the wall clock.
func (t WindowTable[K, V]) Now() WindowView[K, V] { return t.At(time.Now()) }

// Current returns the table at the current event's time, as this table has it.
func (t WindowTable[K, V]) Current() WindowView[K, V] { return WindowView[K, V]{t.t, t.t.current()} }

// Delta returns the table at the current event's time less d.
func (t WindowTable[K, V]) Delta(d time.Duration) WindowView[K, V] {
	return WindowView[K, V]{t.t, t.t.current() - d.Milliseconds()}
}

// Get is Get of Current.
func (t WindowTable[K, V]) Get(k K) V { return t.Current().Get(k) }

// Lookup is Lookup of Current.
func (t WindowTable[K, V]) Lookup(k K) (V, bool) { return t.Current().Lookup(k) }

// Set is Set of Current.
func (t WindowTable[K, V]) Set(k K, v V) { t.Current().Set(k, v) }

// Update is Update of Current.
func (t WindowTable[K, V]) Update(k K, f func(*V)) { t.Current().Update(k, f) }

// Delete is Delete of Current.
func (t WindowTable[K, V]) Delete(k K) { t.Current().Delete(k) }

// All is All of Current.
func (t WindowTable[K, V]) All() iter.Seq2[K, V] { return t.Current().All() }

// Len is Len of Current.
func (t WindowTable[K, V]) Len() int { return t.Current().Len() }

// Windows returns the windows that are retained for a key and their values, the oldest first.
func (t WindowTable[K, V]) Windows(k K) iter.Seq2[Window, V] {
	return func(yield func(Window, V) bool) {
		k := t.t.normal(k)
		for _, start := range t.t.retained() {
			if v, ok := t.t.get(windowKey[K]{k, start}); ok && !yield(windowAt(start, t.t.w.size), v) {
				return
			}
		}
	}
}

// Get returns the key's value in the newest window that holds the view's time, the zero value if there is none.
func (v WindowView[K, V]) Get(k K) V {
	value, _ := v.Lookup(k)
	return value
}

// Lookup is Get that tells whether the window has the key.
func (v WindowView[K, V]) Lookup(k K) (value V, ok bool) {
	start, ok := v.t.readable(v.at)
	if !ok {
		return value, false
	}
	return v.t.get(windowKey[K]{v.t.normal(k), start})
}

// Set gives the key a value in every window that holds the view's time and takes events.
func (v WindowView[K, V]) Set(k K, value V) {
	k = v.t.normal(k)
	v.t.open(v.at, func(start int64) { v.t.set(windowKey[K]{k, start}, value) })
}

// Update calls f once for every window that holds the view's time and takes events, with the key's value there: so f must have no other
// effect, and is not called for an event that is too late.
func (v WindowView[K, V]) Update(k K, f func(*V)) {
	k = v.t.normal(k)
	v.t.open(v.at, func(start int64) { v.t.update(windowKey[K]{k, start}, f) })
}

// Delete removes the key from every window that holds the view's time and takes events.
func (v WindowView[K, V]) Delete(k K) {
	k = v.t.normal(k)
	v.t.open(v.at, func(start int64) { v.t.delete(windowKey[K]{k, start}) })
}

// All returns the keys and values of the newest window that holds the view's time, in no particular order.
func (v WindowView[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if start, ok := v.t.readable(v.at); ok {
			v.t.eachIn(start, func(c *cell[windowKey[K], V]) bool { return yield(c.key.key, c.value) })
		}
	}
}

// Len is the number of keys that All returns. It reads the whole window.
func (v WindowView[K, V]) Len() int {
	n := 0
	for range v.All() {
		n++
	}
	return n
}

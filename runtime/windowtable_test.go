package faust

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/store"
)

// closed is one call of a close handler.
type closed struct {
	start int64
	key   string
	value int
}

// windowKit is a kit with one windowed table and its close handler.
type windowKit struct {
	*kit
	table WindowTable[string, int]
	calls []closed
}

func newWindowKit(t *testing.T, st store.Store, spec *WindowSpec, most int) *windowKit {
	k := &windowKit{kit: newKit(t, st, spec)}
	key := codec.StringKey[string]()
	k.table = BindWindowTable(k.binder, "counts", &key, intValue())
	k.binder.closer = &k.b.plan.spec.Closers[0]
	OnClose(k.binder, k.table, func(_ context.Context, w Window, key string, v int) error {
		k.calls = append(k.calls, closed{w.Start.UnixMilli(), key, v})
		return nil
	})
	k.table.t.most = most
	return k
}

func (k *windowKit) pulse() {
	k.t.Helper()
	k.b.hasEvent = false
	if err := k.table.t.due(); err != nil {
		k.t.Fatal(err)
	}
}

// windowModel is what a windowed table must hold, by start and key.
type windowModel struct {
	spec   *WindowSpec
	now    int64
	values map[int64]map[string]int
	done   map[int64]bool // closed
}

func (m *windowModel) clone() *windowModel {
	c := *m
	c.values, c.done = map[int64]map[string]int{}, maps.Clone(m.done)
	for s, v := range m.values {
		c.values[s] = maps.Clone(v)
	}
	return &c
}

func (m *windowModel) end(start int64) int64 { return start + m.spec.Size.Milliseconds() }

// open are the windows that hold a time and take events, by trying every start.
func (m *windowModel) open(at int64) (starts []int64) {
	for s := int64(0); s <= at; s += m.spec.Step.Milliseconds() {
		if at < m.end(s) && m.end(s)+m.spec.Grace.Milliseconds() > m.now {
			starts = append(starts, s)
		}
	}
	return starts
}

// pulse closes and expires, and returns the calls in their order.
func (m *windowModel) pulse() (calls []closed) {
	for s, keys := range m.values {
		if !m.done[s] && m.end(s)+m.spec.Grace.Milliseconds() <= m.now {
			m.done[s] = true
			for k, v := range keys {
				calls = append(calls, closed{s, k, v})
			}
		}
		if m.end(s)+m.spec.Expires.Milliseconds() <= m.now {
			delete(m.values, s)
		}
	}
	slices.SortFunc(calls, func(a, b closed) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key)) })
	return calls
}

// Windows hold what the rules say, close once and in order, and expire, whatever is late, undone, committed, evicted, restarted or restored.
func TestWindowsAgainstModel(t *testing.T) {
	const ms = time.Millisecond
	for name, spec := range map[string]*WindowSpec{
		"tumbling":          {Size: 10 * ms, Step: 10 * ms, Grace: 5 * ms, Expires: 25 * ms},
		"tumbling, no time": {Size: 10 * ms, Step: 10 * ms},
		"hopping":           {Size: 20 * ms, Step: 7 * ms, Grace: 3 * ms, Expires: 3 * ms},
	} {
		for seed := range uint64(25) {
			for _, most := range []int{cacheMax, 2} {
				t.Run(fmt.Sprintf("%s, seed %d, cache %d", name, seed, most), func(t *testing.T) { windowsAgainstModel(t, spec, seed, most) })
			}
		}
	}
}

func windowsAgainstModel(t *testing.T, spec *WindowSpec, seed uint64, most int) {
	random := rand.New(rand.NewPCG(seed, 5))
	k := newWindowKit(t, store.NewMemory(), spec, most)
	k.load()
	m := &windowModel{spec: spec, now: -1, values: map[int64]map[string]int{}, done: map[int64]bool{}}
	committed := m.clone()
	failed := errors.New("no")
	at := int64(5)
	for step := range 250 {
		switch random.IntN(10) {
		case 0:
			k.commit()
			committed = m.clone()
		case 1:
			changes, disk := k.changes, k.store
			if random.IntN(3) == 0 {
				k = newWindowKit(t, store.NewMemory(), spec, most)
				k.replay(changes)
			} else {
				k = newWindowKit(t, disk, spec, most)
				k.load()
			}
			k.changes = changes
			m = committed.clone()
		case 2:
			k.calls = nil
			want := m.pulse()
			if k.pulse(); !slices.Equal(k.calls, want) {
				t.Fatalf("step %d, at %d: closed %v, want %v", step, m.now, k.calls, want)
			}
		default:
			at += random.Int64N(4)
			event := max(at-random.Int64N(30)*random.Int64N(2), 0)
			k.at(event)
			m.now = max(m.now, event) // before the body, and whatever becomes of it
			before := m.clone()
			fail := random.IntN(4) == 0
			if err := k.event(true, func() error { return windowEvent(random, k, m, event, fail, failed) }); err != nil {
				t.Fatal(err)
			}
			if fail {
				m = before
			}
		}
		compareWindows(t, step, k, m)
	}
}

func windowEvent(random *rand.Rand, k *windowKit, m *windowModel, event int64, fail bool, failed error) error {
	for range random.IntN(2) + 1 {
		key := fmt.Sprint("k", random.IntN(3))
		switch random.IntN(6) {
		case 0:
			k.table.Set(key, 7)
			for _, s := range m.open(event) {
				m.put(s, key, 7)
			}
		case 1:
			k.table.Delete(key)
			for _, s := range m.open(event) {
				delete(m.values[s], key)
			}
		default:
			k.table.Update(key, func(n *int) { *n++ })
			for _, s := range m.open(event) {
				m.put(s, key, m.values[s][key]+1)
			}
		}
	}
	if fail {
		return failed
	}
	return nil
}

func (m *windowModel) put(start int64, key string, v int) {
	if m.values[start] == nil {
		m.values[start] = map[string]int{}
	}
	m.values[start][key] = v
}

// compareWindows reads everything that is retained.
func compareWindows(t *testing.T, step int, k *windowKit, m *windowModel) {
	t.Helper()
	retained := func(s int64) bool { return m.end(s)+m.spec.Expires.Milliseconds() > m.now }
	for i := range 3 {
		key := fmt.Sprint("k", i)
		want := map[int64]int{}
		for s, keys := range m.values {
			if v, ok := keys[key]; ok && retained(s) {
				want[s] = v
			}
		}
		got := map[int64]int{}
		last := int64(-1)
		for w, v := range k.table.Windows(key) {
			if got[w.Start.UnixMilli()] = v; w.Start.UnixMilli() <= last {
				t.Fatalf("step %d: windows out of order", step)
			}
			last = w.Start.UnixMilli()
		}
		if !maps.Equal(got, want) {
			t.Fatalf("step %d, at %d: %s has %v, want %v", step, m.now, key, got, want)
		}
	}
	for s, keys := range m.values {
		view := k.table.At(time.UnixMilli(m.end(s) - 1))
		newest := (m.end(s) - 1) / m.spec.Step.Milliseconds() * m.spec.Step.Milliseconds()
		if newest != s || !retained(s) {
			continue
		}
		if got := maps.Collect(view.All()); !maps.Equal(got, keys) || view.Len() != len(keys) {
			t.Fatalf("step %d: the window of %d has %v, want %v", step, s, got, keys)
		}
	}
}

// Every window that has expired leaves the store: its values and what they are found by.
func TestExpiryLeavesNothing(t *testing.T) {
	for _, most := range []int{cacheMax, 1} {
		k := newWindowKit(t, store.NewMemory(), &WindowSpec{Size: 10 * time.Millisecond, Step: 10 * time.Millisecond}, most)
		k.load()
		for i := range int64(50) {
			k.at(i * 3)
			k.table.Set(fmt.Sprint("k", i%5), 1)
			if i%7 == 0 {
				k.commit()
			}
			k.pulse()
		}
		k.at(10_000)
		k.pulse()
		k.commit()
		var left []string
		if err := k.store.Scan([]byte("counts"), nil, func(key, _ []byte) bool {
			left = append(left, fmt.Sprintf("%q", key))
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if len(left) != 1 || len(k.table.t.starts) > 0 { // the meta entry
			t.Errorf("left in the store: %v; windows: %v", left, k.table.t.starts)
		}
		state := map[string]string{}
		for _, c := range k.changes {
			if c[1] == nil {
				delete(state, string(c[0]))
			} else {
				state[string(c[0])] = string(c[1])
			}
		}
		if len(state) != 1 {
			t.Errorf("left in the changelog: %q", slices.Collect(maps.Keys(state)))
		}
	}
}

// Where no event is current, only At and Now may be used; the others fail the body, not the worker.
func TestNoEventIsCurrent(t *testing.T) {
	k := newWindowKit(t, store.NewMemory(), &WindowSpec{Size: 10 * time.Millisecond, Step: 10 * time.Millisecond}, cacheMax)
	k.load()
	k.b.hasEvent = false
	for name, f := range map[string]func(){
		"Get":    func() { k.table.Get("a") },
		"Update": func() { k.table.Update("a", func(*int) {}) },
		"Delta":  func() { k.table.Delta(time.Second) },
	} {
		if err := k.event(true, func() error { f(); return errors.New("not reached") }); err != nil {
			t.Errorf("%s, skipped: %v", name, err)
		}
		if err := k.event(false, func() error { f(); return nil }); err == nil {
			t.Errorf("%s succeeded", name)
		}
	}
	if err := k.event(false, func() error { k.table.Now().Set("a", 1); return nil }); err != nil {
		t.Error(err)
	}
	if err := k.event(false, func() error { k.table.At(time.UnixMilli(-5)).Set("a", 1); return nil }); err == nil {
		t.Error("a window before 1970 was written")
	}
	if _, ok := k.table.At(time.UnixMilli(-5)).Lookup("a"); ok {
		t.Error("a window before 1970 was read")
	}
}

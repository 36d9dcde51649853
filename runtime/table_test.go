package faust

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/store"
)

func bindTable[K comparable, V any](k *kit, key KeyCodec[K], value *ValueCodec[V]) Table[K, V] {
	return BindTable(k.binder, "counts", &key, value)
}

// A table behaves as a map does, whatever fails, is undone, committed, evicted, restarted or restored.
func TestTableIsAMap(t *testing.T) {
	for seed := range uint64(40) {
		for _, most := range []int{cacheMax, 3} {
			t.Run(fmt.Sprintf("seed %d, cache %d", seed, most), func(t *testing.T) { tableIsAMap(t, seed, most) })
		}
	}
}

func tableIsAMap(t *testing.T, seed uint64, most int) {
	random := rand.New(rand.NewPCG(seed, 7))
	k := newKit(t, store.NewMemory(), nil)
	table := bindTable(k, codec.StringKey[string](), listValue())
	k.load()
	table.t.most = most
	model, committed := map[string][]int{}, map[string][]int{}
	clone := func(m map[string][]int) map[string][]int {
		c := map[string][]int{}
		for k, v := range m {
			c[k] = slices.Clone(v)
		}
		return c
	}
	failed := errors.New("no")
	for step := range 300 {
		switch random.IntN(12) {
		case 0:
			k.commit()
			committed = clone(model)
		case 1: // a crash, and the same disk
			changes := k.changes
			k = newKit(t, k.store, nil)
			if random.IntN(3) == 0 { // or none
				k = newKit(t, store.NewMemory(), nil)
				table = bindTable(k, codec.StringKey[string](), listValue())
				k.replay(changes)
			} else {
				table = bindTable(k, codec.StringKey[string](), listValue())
				k.load()
			}
			k.changes = changes
			table.t.most = most
			model = clone(committed)
		default:
			before := clone(model)
			var want error
			err := k.event(true, func() error {
				for range random.IntN(4) + 1 {
					changeBoth(random, table, model)
				}
				if random.IntN(3) == 0 {
					want = failed
				}
				return want
			})
			if err != nil {
				t.Fatal(err)
			}
			if want != nil {
				model = before
			}
		}
		key := fmt.Sprint("k", random.IntN(8))
		if v, ok := table.Lookup(key); ok != (model[key] != nil) || !slices.Equal(v, model[key]) {
			t.Fatalf("step %d: %s is %v (%v), want %v", step, key, v, ok, model[key])
		}
		if random.IntN(4) == 0 {
			if n := table.Len(); n != len(model) {
				t.Fatalf("step %d: %d keys, want %d", step, n, len(model))
			}
		}
		all := maps.Collect(table.All())
		if len(all) != len(model) || len(model) > 0 && !reflect.DeepEqual(all, model) {
			t.Fatalf("step %d: all are %v, want %v", step, all, model)
		}
	}
}

// changeBoth makes one change, the same in the table and in the model, and then spoils what the caller still holds of it.
func changeBoth(random *rand.Rand, table Table[string, []int], model map[string][]int) {
	key := fmt.Sprint("k", random.IntN(8))
	switch random.IntN(5) {
	case 0:
		v := []int{random.IntN(10)}
		table.Set(key, v)
		model[key] = []int{v[0]}
		v[0] = 99
	case 1:
		table.Delete(key)
		delete(model, key)
	case 2: // delete during All
		for k := range table.All() {
			if k >= key {
				table.Delete(k)
				delete(model, k)
			}
		}
	default:
		n := random.IntN(10)
		grow := func(v *[]int) {
			if *v = append(*v, n); len(*v) > 3 {
				(*v)[0], *v = n, (*v)[:2] // writes to what an older copy may share
			}
		}
		table.Update(key, grow)
		v := model[key]
		grow(&v)
		model[key] = v
	}
}

// What is yielded while the table changes: every key at most once, and all that stay.
func TestAllWhileItChanges(t *testing.T) {
	for _, most := range []int{cacheMax, 2} {
		k := newKit(t, store.NewMemory(), nil)
		table := bindTable(k, codec.StringKey[string](), intValue())
		k.load()
		table.t.most = most
		for i := range 20 {
			table.Set(fmt.Sprint("old", i), i)
		}
		k.commit()
		seen := map[string]int{}
		for key := range table.All() {
			seen[key]++
			table.Set("new"+key, 1)
			table.Set(key, 5)
			if len(seen) == 5 {
				table.Delete("old3")
				table.Set("old3", 7)
			}
			if len(seen) > 200 {
				t.Fatal("All goes on for ever")
			}
			if strings.HasPrefix(key, "newnew") {
				break
			}
		}
		for key, n := range seen {
			if n > 1 {
				t.Errorf("%s came %d times", key, n)
			}
		}
	}
}

func TestTimeKeysInOtherZones(t *testing.T) {
	k := newKit(t, store.NewMemory(), nil)
	key := codec.TimeKey()
	table := bindTable(k, key, intValue())
	k.load()
	now := time.Now()
	table.Update(now, func(n *int) { *n++ })
	table.Update(now.In(time.FixedZone("east", 3600)), func(n *int) { *n++ })
	k.commit()
	if n := table.Get(now.UTC().Round(0)); n != 2 || table.Len() != 1 {
		t.Errorf("the time has %d, there are %d keys", n, table.Len())
	}
}

// A value that can't be encoded fails its event, and not the commit; under skip it leaves the table as it was.
func TestValueWithoutEncoding(t *testing.T) {
	for name, f := range map[string]func(Table[string, []int]){
		"set":    func(table Table[string, []int]) { table.Set("a", []int{13}) },
		"update": func(table Table[string, []int]) { table.Update("a", func(v *[]int) { *v = append(*v, 13) }) },
		"new":    func(table Table[string, []int]) { table.Set("b", []int{13}) },
	} {
		for _, skip := range []bool{false, true} {
			k := newKit(t, store.NewMemory(), nil)
			table := bindTable(k, codec.StringKey[string](), listValue())
			k.load()
			table.Set("a", []int{1})
			err := k.event(skip, func() error { f(table); return nil })
			if !skip {
				if !errors.Is(err, errUnlucky) {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			k.commit()
			if got := maps.Collect(table.All()); err != nil || len(got) != 1 || !slices.Equal(got["a"], []int{1}) {
				t.Errorf("%s, skipped: the table has %v, %v", name, got, err)
			}
		}
	}
}

// A panic in Update's function that the body recovers leaves the table usable, and what it holds is what is committed.
func TestUpdatePanics(t *testing.T) {
	k := newKit(t, store.NewMemory(), nil)
	table := bindTable(k, codec.StringKey[string](), intValue())
	k.load()
	table.Set("a", 1)
	k.commit()
	err := k.event(false, func() error {
		func() {
			defer func() { _ = recover() }()
			table.Update("a", func(n *int) { *n = 5; panic("no") })
		}()
		func() {
			defer func() { _ = recover() }()
			table.Update("new", func(n *int) { *n = 5; panic("no") })
		}()
		table.Update("b", func(n *int) { *n++ })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	k.commit()
	again := newKit(t, k.store, nil)
	stored := bindTable(again, codec.StringKey[string](), intValue())
	again.load()
	if got, want := maps.Collect(stored.All()), maps.Collect(table.All()); !maps.Equal(got, want) || got["b"] != 1 {
		t.Errorf("the store has %v, the table %v", got, want)
	}
	if _, ok := table.Lookup("new"); ok {
		t.Error("a key exists whose Update did not end")
	}
}

func TestUpdateInsideUpdate(t *testing.T) {
	k := newKit(t, store.NewMemory(), nil)
	table := bindTable(k, codec.StringKey[string](), intValue())
	k.load()
	err := k.event(true, func() error {
		table.Update("a", func(*int) { table.Update("b", func(*int) {}) })
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "Update inside an Update") {
		t.Errorf("it ended with %v", err)
	}
}

// An empty key is a key: in the table, in its text form, and in a query.
func TestEmptyKey(t *testing.T) {
	k := newKit(t, store.NewMemory(), nil)
	key := codec.StringKey[string]()
	table := bindTable(k, key, intValue())
	k.load()
	table.Set("", 1)
	table.Set("a", 2)
	b, err := KeyText(&key)("")
	if err != nil || b == nil {
		t.Fatalf("the text form of an empty key: %v, %v", b, err)
	}
	var rows []string
	if err := table.t.query(b, nil, func(r queryRow) error { rows = append(rows, string(r.Key)); return nil }); err != nil || !slices.Equal(rows, []string{`""`}) {
		t.Errorf("a query for the empty key gives %v, %v", rows, err)
	}
}

// A key of another partition stops the commit, with a way out for whoever wrote it.
func TestForeignKey(t *testing.T) {
	for _, timer := range []bool{false, true} {
		k := newKit(t, store.NewMemory(), nil)
		table := bindTable(k, codec.StringKey[string](), intValue())
		k.load()
		k.b.component.partitions = 8
		want := "agent Agent reads in by another key: add group_by="
		if timer {
			k.b.component.agents, want = nil, "timer"
		}
		for i := range 8 {
			table.Set(fmt.Sprint(i), 1)
		}
		var batch store.Batch
		if err := table.t.Flush(func(_, _ []byte) {}, &batch); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the commit ended with %v", err)
		}
	}
}

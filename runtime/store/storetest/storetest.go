// Package storetest holds the laws of store.Store as tests, for the stores of this project and anyone else's.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB, dir string) store.Store { return mystore.Open(dir) })
//	}
//
// Run needs no more than a store that forgets; RunDurable asks in addition that what was applied is there after Close and Open.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"sort"
	"strconv"
	"sync"
	"testing"

	"github.com/faustgen/faustgen/runtime/store"
)

// Open opens the store in dir, which is empty at first; a store in memory has no use for dir.
type Open func(t testing.TB, dir string) store.Store

// Run tests that what open returns behaves as a store.Store.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"put, get, delete", putGetDelete},
		{"get appends to dst and gives a copy", getAppends},
		{"of two changes of one key the later counts", laterCounts},
		{"an empty value is a value", emptyValue},
		{"long keys and values", longOnes},
		{"keys and values out of bounds change nothing", outOfBounds},
		{"scan goes in order of bytes", scanOrder},
		{"scan keeps to prefix and from", scanBounds},
		{"scan stops when told", scanStops},
		{"scan is a snapshot", scanSnapshot},
		{"scan while another applies", scanWhileApplying},
		{"a batch larger than a transaction", largeBatch},
		{"a batch is used again", batchReuse},
		{"many appliers, each with its keys", manyAppliers},
		{"as a sorted map, at random", againstModel},
		{"delete prefix", deletePrefix},
		{"size", sizeGrows},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			c.test(t, s)
			if err := s.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
		})
	}
	t.Run("after close", func(t *testing.T) { afterClose(t, open(t, t.TempDir())) })
}

// RunDurable tests what Run does and that the store keeps its content over Close and Open.
func RunDurable(t *testing.T, open Open) {
	Run(t, open)
	t.Run("reopen", func(t *testing.T) { reopen(t, open) })
	t.Run("reopen many times", func(t *testing.T) { reopenOften(t, open) })
}

func apply(t testing.TB, s store.Store, fill func(*store.Batch)) {
	t.Helper()
	var b store.Batch
	fill(&b)
	if err := s.Apply(&b); err != nil {
		t.Fatalf("apply %d changes: %v", b.Len(), err)
	}
}

func put(t testing.TB, s store.Store, pairs ...string) {
	t.Helper()
	apply(t, s, func(b *store.Batch) {
		for i := 0; i < len(pairs); i += 2 {
			b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
		}
	})
}

// wantGet checks that key has the value.
func wantGet(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	got, ok, err := s.Get(nil, []byte(key))
	if err != nil || !ok || string(got) != value {
		t.Fatalf("get %.40q = %.40q, %v, %v; want %.40q", key, got, ok, err, value)
	}
}

// wantNone checks that key is not there.
func wantNone(t testing.TB, s store.Store, key string) {
	t.Helper()
	got, ok, err := s.Get([]byte("dst"), []byte(key))
	if err != nil || ok || string(got) != "dst" {
		t.Fatalf("get %.40q = %.40q, %v, %v; want no such key, and dst untouched", key, got, ok, err)
	}
}

// wantScan checks what a scan returns, as key=value. from "" is nil.
func wantScan(t testing.TB, s store.Store, prefix, from string, want ...string) {
	t.Helper()
	var start []byte
	if from != "" {
		start = []byte(from)
	}
	var got []string
	err := s.Scan([]byte(prefix), start, func(key, value []byte) bool {
		got = append(got, string(key)+"="+string(value))
		return true
	})
	if err != nil {
		t.Fatalf("scan %q from %q: %v", prefix, from, err)
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Fatalf("scan %q from %q\n got %q\nwant %q", prefix, from, got, want)
	}
}

func putGetDelete(t *testing.T, s store.Store) {
	wantNone(t, s, "ann")
	put(t, s, "ann", "1", "bob", "2")
	wantGet(t, s, "ann", "1")
	wantGet(t, s, "bob", "2")
	wantNone(t, s, "an")
	wantNone(t, s, "anna")
	wantNone(t, s, "")
	put(t, s, "ann", "a longer one than before")
	wantGet(t, s, "ann", "a longer one than before")
	put(t, s, "ann", "s")
	wantGet(t, s, "ann", "s")
	apply(t, s, func(b *store.Batch) { b.Delete([]byte("ann")); b.Delete([]byte("never there")) })
	wantNone(t, s, "ann")
	wantGet(t, s, "bob", "2")
	put(t, s, "ann", "back")
	wantGet(t, s, "ann", "back")
	apply(t, s, func(*store.Batch) {})
}

func getAppends(t *testing.T, s store.Store) {
	put(t, s, "k", "value")
	got, ok, err := s.Get([]byte("before "), []byte("k"))
	if string(got) != "before value" || !ok || err != nil {
		t.Fatalf("get = %q, %v, %v; want dst and the value", got, ok, err)
	}
	kept := string(got)
	put(t, s, "k", "VALUE")
	apply(t, s, func(b *store.Batch) { b.Delete([]byte("k")) })
	if string(got) != kept {
		t.Fatalf("the bytes that get returned became %q", got)
	}
	got[0] = 'X'
	put(t, s, "k", "value")
	mine, _, _ := s.Get(nil, []byte("k"))
	mine[0] = 'X'
	wantGet(t, s, "k", "value")
}

func laterCounts(t *testing.T, s store.Store) {
	apply(t, s, func(b *store.Batch) {
		b.Put([]byte("a"), []byte("1"))
		b.Put([]byte("b"), []byte("1"))
		b.Delete([]byte("a"))
		b.Put([]byte("b"), []byte("2"))
		b.Delete([]byte("c"))
		b.Put([]byte("c"), []byte("3"))
	})
	wantNone(t, s, "a")
	wantScan(t, s, "", "", "b=2", "c=3")
}

func emptyValue(t *testing.T, s store.Store) {
	apply(t, s, func(b *store.Batch) {
		b.Put([]byte("empty"), []byte{})
		b.Put([]byte("nil"), nil)
	})
	wantGet(t, s, "empty", "")
	wantGet(t, s, "nil", "")
	wantScan(t, s, "", "", "empty=", "nil=")
	put(t, s, "empty", "full")
	wantGet(t, s, "empty", "full")
	put(t, s, "empty", "")
	wantGet(t, s, "empty", "")
}

func longOnes(t *testing.T, s store.Store) {
	key := string(bytes.Repeat([]byte("k"), store.MaxKey))
	value := string(bytes.Repeat([]byte("v"), 3<<20))
	put(t, s, key, value, "after", "1")
	wantGet(t, s, key, value)
	wantGet(t, s, "after", "1")
	put(t, s, key, "short")
	wantGet(t, s, key, "short")
}

func outOfBounds(t *testing.T, s store.Store) {
	for name, bad := range map[string]func(*store.Batch){
		"no key":        func(b *store.Batch) { b.Put(nil, []byte("v")) },
		"delete no key": func(b *store.Batch) { b.Delete([]byte{}) },
		"long key":      func(b *store.Batch) { b.Put(make([]byte, store.MaxKey+1), nil) },
		"long value":    func(b *store.Batch) { b.Put([]byte("k"), make([]byte, store.MaxValue+1)) },
	} {
		var b store.Batch
		b.Put([]byte("good"), []byte("1"))
		bad(&b)
		if err := s.Apply(&b); !errors.Is(err, store.ErrKey) {
			t.Errorf("%s: apply returned %v, want ErrKey", name, err)
		}
		wantNone(t, s, "good")
	}
}

func scanOrder(t *testing.T, s store.Store) {
	keys := []string{"\x00", "\x00\x00", "\x00\xff", "a", "a\x00", "a\x00b", "aa", "a\xff", "b", "\xfe\xff", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff"}
	for _, i := range rand.New(rand.NewSource(1)).Perm(len(keys)) {
		put(t, s, keys[i], strconv.Itoa(i))
	}
	var all []string
	for i, key := range keys {
		wantGet(t, s, key, strconv.Itoa(i))
		all = append(all, key+"="+strconv.Itoa(i))
	}
	wantScan(t, s, "", "", all...)
	wantScan(t, s, "\x00", "", all[:3]...)
	wantScan(t, s, "a", "", all[3:8]...)
	wantScan(t, s, "a\x00", "", all[4:6]...)
	wantScan(t, s, "\xff", "", all[10:]...)
	wantScan(t, s, "\xff\xff", "", all[12:]...)
	wantScan(t, s, "\xff", "\xff\x00\x01", all[12:]...)
}

func scanBounds(t *testing.T, s store.Store) {
	wantScan(t, s, "", "")
	put(t, s, "a1", "1", "b1", "2", "b2", "3", "b22", "4", "c", "5")
	wantScan(t, s, "b", "", "b1=2", "b2=3", "b22=4")
	wantScan(t, s, "b", "b2", "b2=3", "b22=4")
	wantScan(t, s, "b", "b2\x00", "b22=4")
	wantScan(t, s, "b", "a", "b1=2", "b2=3", "b22=4")
	wantScan(t, s, "b", "b", "b1=2", "b2=3", "b22=4")
	wantScan(t, s, "b", "c")
	wantScan(t, s, "b", "b3")
	wantScan(t, s, "", "b3", "c=5")
	wantScan(t, s, "bb", "")
	wantScan(t, s, "b22", "", "b22=4")
	wantScan(t, s, "d", "")
	apply(t, s, func(b *store.Batch) { b.Delete([]byte("b1")); b.Delete([]byte("b22")) })
	wantScan(t, s, "b", "", "b2=3")
}

func scanStops(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "2", "c", "3")
	calls := 0
	if err := s.Scan(nil, nil, func(key, _ []byte) bool { calls++; return string(key) != "b" }); err != nil || calls != 2 {
		t.Fatalf("f was called %d times, %v; want twice", calls, err)
	}
}

func scanSnapshot(t *testing.T, s store.Store) {
	put(t, s, "a", "1", "b", "1", "c", "1", "d", "1")
	var got []string
	err := s.Scan(nil, nil, func(key, value []byte) bool {
		got = append(got, string(key)+"="+string(value))
		if len(got) > 1 {
			return true
		}
		put(t, s, "a", "2", "b", "22", "bb", "2", "e", "2")
		apply(t, s, func(b *store.Batch) { b.Delete([]byte("c")) })
		put(t, s, "b", "333")
		wantGet(t, s, "b", "333")
		wantNone(t, s, "c")
		// A scan inside a scan has a snapshot of its own.
		wantScan(t, s, "", "", "a=2", "b=333", "bb=2", "d=1", "e=2")
		put(t, s, "d", "4")
		return true
	})
	if want := "[a=1 b=1 c=1 d=1]"; err != nil || fmt.Sprint(got) != want {
		t.Fatalf("scan saw %v, %v; want %s", got, err, want)
	}
	wantScan(t, s, "", "", "a=2", "b=333", "bb=2", "d=4", "e=2")
}

// scanWhileApplying writes generations of all keys, each in one batch: a scan must see one generation only.
func scanWhileApplying(t *testing.T, s store.Store) {
	const keys, generations = 600, 60
	write := func(generation int) error {
		var b store.Batch
		for i := range keys {
			b.Put(fmt.Appendf(nil, "key-%04d", i), strconv.AppendInt(nil, int64(generation), 10))
		}
		// One key more in every generation, so that the order changes too.
		b.Put(fmt.Appendf(nil, "key-%04d-%d", generation*7%keys, generation), strconv.AppendInt(nil, int64(generation), 10))
		if generation > 0 {
			b.Delete(fmt.Appendf(nil, "key-%04d-%d", (generation-1)*7%keys, generation-1))
		}
		return s.Apply(&b)
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	written := make(chan error, 1)
	wg.Go(func() {
		for generation := 1; generation < generations; generation++ {
			if err := write(generation); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	})
	latest := 0
	for done := false; !done; {
		select {
		case err := <-written:
			if err != nil {
				t.Fatalf("apply: %v", err)
			}
			done = true
		default:
		}
		seen, generation, last := 0, -1, ""
		err := s.Scan([]byte("key-"), nil, func(key, value []byte) bool {
			g, _ := strconv.Atoi(string(value))
			if generation >= 0 && g != generation || string(key) <= last {
				t.Errorf("key %q of generation %d after %q of %d", key, g, last, generation)
				return false
			}
			seen, generation, last = seen+1, g, string(key)
			return true
		})
		if err != nil || seen != keys+1 || generation < latest {
			t.Fatalf("scan saw %d keys of generation %d after %d, %v; want %d", seen, generation, latest, err, keys+1)
		}
		latest = generation
	}
	wg.Wait()
	if latest != generations-1 {
		t.Fatalf("the last scan saw generation %d, want %d", latest, generations-1)
	}
}

func largeBatch(t *testing.T, s store.Store) {
	const keys = 60_000
	value := bytes.Repeat([]byte("x"), 100)
	apply(t, s, func(b *store.Batch) {
		for i := range keys {
			b.Put(fmt.Appendf(nil, "k%06d", i), value)
		}
		b.Put([]byte("offset"), []byte("1"))
	})
	count := func() (n int) {
		if err := s.Scan([]byte("k"), nil, func(_, v []byte) bool { n++; return bytes.Equal(v, value) }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != keys {
		t.Fatalf("%d keys, want %d", n, keys)
	}
	wantGet(t, s, "offset", "1")
	apply(t, s, func(b *store.Batch) {
		for i := range keys {
			if i%3 != 0 {
				b.Delete(fmt.Appendf(nil, "k%06d", i))
			}
		}
	})
	if n := count(); n != keys/3 {
		t.Fatalf("%d keys after deleting two of three, want %d", n, keys/3)
	}
	wantNone(t, s, "k000001")
	wantGet(t, s, "k000003", string(value))
}

func batchReuse(t *testing.T, s store.Store) {
	var b store.Batch
	key, value := []byte("key-0"), []byte("value-0")
	for i := range 10 {
		b.Reset()
		if b.Len() != 0 || b.Bytes() != 0 {
			t.Fatalf("after Reset: %d changes, %d bytes", b.Len(), b.Bytes())
		}
		key[4], value[6] = byte('0'+i), byte('0'+i)
		b.Put(key, value)
		key[4], value[6] = '?', '?' // the batch has copied them
		if b.Len() != 1 || b.Bytes() != 12 {
			t.Fatalf("%d changes, %d bytes; want 1, 12", b.Len(), b.Bytes())
		}
		if err := s.Apply(&b); err != nil {
			t.Fatal(err)
		}
	}
	b.Reset()
	b.Put([]byte("zzzzz"), []byte("overwrites the arena"))
	for i := range 10 {
		wantGet(t, s, fmt.Sprintf("key-%d", i), fmt.Sprintf("value-%d", i))
	}
	wantNone(t, s, "zzzzz")
}

func manyAppliers(t *testing.T, s store.Store) {
	const appliers, rounds = 4, 25
	var wg sync.WaitGroup
	for a := range appliers {
		wg.Go(func() {
			var b store.Batch
			key := fmt.Appendf(nil, "count-%d", a)
			for round := 1; round <= rounds; round++ {
				b.Reset()
				b.Put(key, strconv.AppendInt(nil, int64(round), 10))
				if err := s.Apply(&b); err != nil {
					t.Errorf("applier %d: %v", a, err)
					return
				}
				// One's own batch is seen as soon as Apply returns, whatever others do.
				if got, _, err := s.Get(nil, key); err != nil || string(got) != strconv.Itoa(round) {
					t.Errorf("applier %d reads %q, %v after writing %d", a, got, err, round)
					return
				}
			}
		})
	}
	wg.Wait()
	for a := range appliers {
		wantGet(t, s, fmt.Sprintf("count-%d", a), strconv.Itoa(rounds))
	}
}

// againstModel compares with a plain map through random batches and scans.
func againstModel(t *testing.T, s store.Store) {
	const seed = 7
	rnd := rand.New(rand.NewSource(seed))
	model := map[string]string{}
	key := func() string { return fmt.Sprintf("%c%d", 'a'+rune(rnd.Intn(4)), rnd.Intn(1500)) }
	for step := range 120 {
		var b store.Batch
		deletions := rnd.Intn(4) // of four; some steps mostly delete
		for range rnd.Intn(200) {
			k := key()
			if rnd.Intn(4) < deletions {
				b.Delete([]byte(k))
				delete(model, k)
				continue
			}
			v := fmt.Sprintf("%0*d", rnd.Intn(12), step)
			b.Put([]byte(k), []byte(v))
			model[k] = v
		}
		if err := s.Apply(&b); err != nil {
			t.Fatal(err)
		}
		if rnd.Intn(3) > 0 {
			continue
		}
		prefix, from := "", ""
		if rnd.Intn(2) == 0 {
			prefix = key()[:1+rnd.Intn(2)]
		}
		if rnd.Intn(2) == 0 {
			from = key()
		}
		wantScan(t, s, prefix, from, modelScan(model, prefix, from)...)
	}
	for range 500 {
		k := key()
		if v, ok := model[k]; ok {
			wantGet(t, s, k, v)
		} else {
			wantNone(t, s, k)
		}
	}
}

func modelScan(model map[string]string, prefix, from string) []string {
	var keys []string
	for k := range model {
		if len(k) >= len(prefix) && k[:len(prefix)] == prefix && k >= from {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	for i, k := range keys {
		keys[i] = k + "=" + model[k]
	}
	return keys
}

func deletePrefix(t *testing.T, s store.Store) {
	apply(t, s, func(b *store.Batch) {
		for i := range 10_000 {
			b.Put(fmt.Appendf(nil, "t1/%05d", i), []byte("v"))
		}
	})
	put(t, s, "t1", "kept", "t10", "kept", "t0/9", "kept")
	if n, err := store.DeletePrefix(t.Context(), s, []byte("t1/")); n != 10_000 || err != nil {
		t.Fatalf("deleted %d, %v; want 10000", n, err)
	}
	wantScan(t, s, "", "", "t0/9=kept", "t1=kept", "t10=kept")
	if n, err := store.DeletePrefix(t.Context(), s, []byte("t1/")); n != 0 || err != nil {
		t.Fatalf("deleted %d, %v; want none left", n, err)
	}
	if _, err := store.DeletePrefix(t.Context(), s, nil); err == nil {
		t.Fatal("an empty prefix must be refused")
	}
	wantGet(t, s, "t1", "kept")
}

func sizeGrows(t *testing.T, s store.Store) {
	before := s.Size()
	apply(t, s, func(b *store.Batch) {
		for i := range 1000 {
			b.Put(fmt.Appendf(nil, "k%04d", i), bytes.Repeat([]byte("v"), 1000))
		}
	})
	if grown := s.Size() - before; grown < 1<<19 || grown > 64<<20 {
		t.Fatalf("a megabyte of values made the size grow by %d", grown)
	}
}

func afterClose(t *testing.T, s store.Store) {
	put(t, s, "a", "1")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	if got, ok, err := s.Get(nil, []byte("a")); !errors.Is(err, store.ErrClosed) || ok || got != nil {
		t.Errorf("get = %q, %v, %v; want ErrClosed", got, ok, err)
	}
	if err := s.Scan(nil, nil, func(_, _ []byte) bool { t.Error("scan called f"); return false }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("scan: %v, want ErrClosed", err)
	}
	var b store.Batch
	b.Put([]byte("a"), nil)
	if err := s.Apply(&b); !errors.Is(err, store.ErrClosed) {
		t.Errorf("apply: %v, want ErrClosed", err)
	}
	if n := s.Size(); n != 0 {
		t.Errorf("size %d, want 0", n)
	}
}

func reopen(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "a", "1", "b", "2", "c", "")
	apply(t, s, func(b *store.Batch) { b.Delete([]byte("b")) })
	large := string(bytes.Repeat([]byte("x"), 2<<20))
	put(t, s, "large", large)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	wantGet(t, s, "large", large)
	apply(t, s, func(b *store.Batch) { b.Delete([]byte("large")) })
	wantScan(t, s, "", "", "a=1", "c=")
	wantNone(t, s, "b")
	put(t, s, "a", "2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	wantScan(t, s, "", "", "a=2", "c=")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func reopenOften(t *testing.T, open Open) {
	dir := t.TempDir()
	for round := range 5 {
		s := open(t, dir)
		n := 0
		err := s.Scan([]byte("k"), nil, func(_, value []byte) bool {
			n++
			return string(value) == strconv.Itoa(round-1)
		})
		if err != nil || n != round*100 {
			t.Fatalf("round %d: %d keys, %v; want %d, all of the round before", round, n, err, round*100)
		}
		apply(t, s, func(b *store.Batch) {
			for i := range (round + 1) * 100 {
				b.Put(fmt.Appendf(nil, "k%d", i), strconv.AppendInt(nil, int64(round), 10))
			}
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

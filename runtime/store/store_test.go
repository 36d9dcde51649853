package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/faustgen/faustgen/runtime/store"
	"github.com/faustgen/faustgen/runtime/store/storetest"
)

func openMemory(testing.TB, string) store.Store { return store.NewMemory() }

func TestMemory(t *testing.T) { storetest.Run(t, openMemory) }

func BenchmarkMemory(b *testing.B) { storetest.Benchmark(b, openMemory) }

func TestBatchAllocatesNothingWhenUsedAgain(t *testing.T) {
	var b store.Batch
	key, value := []byte("some key"), []byte("some value")
	fill := func() {
		b.Reset()
		for range 100 {
			b.Put(key, value)
			b.Delete(key)
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
		t.Errorf("filling a batch again allocates %v times", n)
	}
}

func TestMemoryGetAndOverwriteAllocateNothing(t *testing.T) {
	s := store.NewMemory()
	var b store.Batch
	for i := range 100 {
		b.Put(fmt.Appendf(nil, "key-%03d", i), []byte("12345678"))
	}
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
	key, dst := []byte("key-050"), make([]byte, 0, 16)
	step := func() {
		if _, ok, _ := s.Get(dst, key); !ok {
			t.Error("no such key")
		}
		if err := s.Apply(&b); err != nil {
			t.Error(err)
		}
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("get and overwrite allocate %v times", n)
	}
}

func TestBatchEntries(t *testing.T) {
	var b store.Batch
	b.Put([]byte("a"), []byte("1"))
	b.Delete([]byte("b"))
	b.Put([]byte("c"), nil)
	want := []string{`"a" "1" false`, `"b" "" true`, `"c" "" false`}
	for i := range b.Len() {
		key, value, deletion := b.Entry(i)
		if got := fmt.Sprintf("%q %q %v", key, value, deletion); got != want[i] {
			t.Errorf("entry %d is %s, want %s", i, got, want[i])
		}
		if deletion != (value == nil) && i != 2 {
			t.Errorf("entry %d: value %v, deletion %v", i, value, deletion)
		}
	}
	if b.Len() != 3 || b.Bytes() != 4 {
		t.Errorf("%d changes, %d bytes; want 3, 4", b.Len(), b.Bytes())
	}
}

func TestDeletePrefixStopsWithItsContext(t *testing.T) {
	s := store.NewMemory()
	var b store.Batch
	b.Put([]byte("p1"), nil)
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := store.DeletePrefix(ctx, s, []byte("p")); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("deleted %d, %v; want none, canceled", n, err)
	}
}

// A table that is written and expired but never scanned must not pile up changes for its index.
func TestMemoryForgetsWhatWasDeleted(t *testing.T) {
	s := store.NewMemory()
	var b store.Batch
	empty := s.Size()
	for round := range 50 {
		b.Reset()
		for i := range 500 {
			b.Put(fmt.Appendf(nil, "%d-%d", round, i), []byte("v"))
		}
		if err := s.Apply(&b); err != nil {
			t.Fatal(err)
		}
		if n, err := store.DeletePrefix(t.Context(), s, fmt.Appendf(nil, "%d-", round)); n != 500 || err != nil {
			t.Fatalf("round %d: deleted %d, %v", round, n, err)
		}
	}
	if got := s.Size(); got != empty {
		t.Errorf("an empty store says it takes %d bytes", got)
	}
}

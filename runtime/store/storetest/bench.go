package storetest

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/faustgen/faustgen/runtime/store"
)

// Benchmark measures Get and Apply over tables of 10,000 and 1,000,000 keys of 16 bytes with values of 8.
func Benchmark(b *testing.B, open Open) {
	for _, keys := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			s := open(b, b.TempDir())
			var batch store.Batch
			key, value := make([]byte, 16), make([]byte, 8)
			for i := range keys {
				batch.Put(benchKey(key, i), value)
			}
			if err := s.Apply(&batch); err != nil {
				b.Fatal(err)
			}
			b.Run("get", func(b *testing.B) { benchGet(b, s, keys) })
			b.Run("apply/10000", func(b *testing.B) { benchApply(b, s, keys, 10_000) })
			b.Run("apply/100", func(b *testing.B) { benchApply(b, s, keys, 100) })
			b.Run("scan", func(b *testing.B) { benchScan(b, s) })
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// benchKey spreads i over the key space, so that neighbours in time are none in the store.
func benchKey(key []byte, i int) []byte {
	copy(key, "\x01t\x00\x00")
	binary.BigEndian.PutUint64(key[4:], uint64(i)*0x9e3779b97f4a7c15)
	return key
}

func benchGet(b *testing.B, s store.Store, keys int) {
	key, dst := make([]byte, 16), make([]byte, 0, 64)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % keys
		value, ok, err := s.Get(dst[:0], benchKey(key, i))
		if err != nil || !ok || len(value) != 8 {
			b.Fatalf("get key %d: %v %v", i, ok, err)
		}
	}
}

// benchApply counts one operation per entry, not per batch.
func benchApply(b *testing.B, s store.Store, keys, size int) {
	var batch store.Batch
	key, value := make([]byte, 16), make([]byte, 8)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 7919) % keys
		binary.BigEndian.PutUint64(value, uint64(i))
		batch.Put(benchKey(key, i), value)
		if batch.Len() == size {
			if err := s.Apply(&batch); err != nil {
				b.Fatal(err)
			}
			batch.Reset()
		}
	}
}

// benchScan counts one operation per key seen.
func benchScan(b *testing.B, s store.Store) {
	b.ReportAllocs()
	seen := 0
	for seen < b.N {
		err := s.Scan([]byte("\x01t"), nil, func(_, _ []byte) bool {
			seen++
			return seen < b.N
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

package faust

import (
	"context"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/store"
)

// name is a value whose string may alias a fetch buffer.
type name struct{ text string }

func nameValue() *ValueCodec[name] {
	return &ValueCodec[name]{Name: "text", Flat: true, Clone: func(v *name) { v.text = strings.Clone(v.text) },
		Append: func(dst []byte, v *name) ([]byte, error) { return append(dst, v.text...), nil },
		Decode: func(_ *codec.Reader, b []byte, v *name) error { v.text = string(b); return nil },
	}
}

// What an agent with borrow puts into a table, keys too, is the table's own: the fetch buffer is used again before the commit.
func TestBorrowedStringsAreCopiedIntoTables(t *testing.T) {
	k := newKit(t, store.NewMemory(), nil)
	table := bindTable(k, codec.StringKey[string](), nameValue())
	k.load()
	k.b.borrowing = true
	buffer := []byte("setupd")
	set, update := unsafe.String(&buffer[0], 3), unsafe.String(&buffer[3], 3)
	if err := k.event(false, func() error {
		table.Set(set, name{set})
		table.Update(update, func(n *name) { n.text = update })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "######")
	k.commit()
	again := newKit(t, k.store, nil)
	stored := bindTable(again, codec.StringKey[string](), nameValue())
	again.load()
	for _, key := range []string{"set", "upd"} {
		if got := table.Get(key).text; got != key {
			t.Errorf("%s is %q", key, got)
		}
		if got := stored.Get(key).text; got != key {
			t.Errorf("%s is stored as %q", key, got)
		}
	}
}

// The strings of a batch are copied even with borrow: the batch outlives the fetch buffer. One by one they are borrowed.
func TestBatchesDoNotBorrow(t *testing.T) {
	for loop, run := range map[string]func(*Stream[name]){
		"All": func(s *Stream[name]) {
			for range s.All() {
			}
		},
		"Batches": func(s *Stream[name]) {
			for range s.Batches(2, time.Millisecond) {
			}
		},
	} {
		doc, borrowed := []byte(`"word"`), 0
		c := nameValue()
		c.Decode = func(r *codec.Reader, _ []byte, v *name) error {
			r.Reset(doc)
			r.String(&v.text)
			if unsafe.StringData(v.text) == &doc[1] {
				borrowed++
			}
			return r.Finish()
		}
		if _, err := runLoop(t, 4, "fail", func(b *Binder) Step {
			return ValueLoop(b, c, func(_ context.Context, s *Stream[name]) error { run(s); return nil }, Borrow[name]())
		}); err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"All": 4, "Batches": 0}[loop]; borrowed != want {
			t.Errorf("%s: %d of 4 values alias their buffer, want %d", loop, borrowed, want)
		}
	}
}

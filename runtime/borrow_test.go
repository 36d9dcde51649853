package faust

import (
	"strings"
	"testing"
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

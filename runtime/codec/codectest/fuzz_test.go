package codectest

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// FuzzDecode decodes a document into each kind of record, and compares with encoding/json.
func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for i, k := range kinds {
		for range 5 {
			own, twin := k.new()
			fill(r, reflect.ValueOf(twin).Elem(), 2)
			if doc, err := own.MarshalJSON(); err == nil {
				f.Add(uint8(i), doc)
			}
		}
		f.Add(uint8(i), []byte(`{"value":1,"left":{"value":2},"kids":[{}],"i":1.5,"tags":["a",null],"qi":"12","qs":"\"x\"","qp":"null"}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, doc []byte) {
		if !differs(doc) {
			checkDecode(t, kinds[int(which)%len(kinds)], doc)
		}
	})
}

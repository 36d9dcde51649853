package codectest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"

	"github.com/faustgen/faustgen/runtime/codec/codectest/plain"
)

// record is what every generated codec has.
type record interface {
	AppendJSON([]byte) ([]byte, error)
	SizeJSON() int
	MarshalJSON() ([]byte, error)
	DecodeJSON([]byte) error
	BorrowJSON([]byte) error
	UnmarshalJSON([]byte) error
	Reset()
}

// kind is a record together with its twin, which encoding/json reads and writes by reflection.
type kind struct {
	name string
	new  func() (own record, twin any) // twin is the same memory as own
}

func pair[R, P any, PR interface {
	*R
	record
}](name string) kind {
	return kind{name: name, new: func() (record, any) {
		r := new(R)
		return PR(r), (*P)(unsafe.Pointer(r))
	}}
}

var kinds = []kind{
	pair[Order, plain.Order]("Order"),
	pair[Power, plain.Power]("Power"),
	pair[Customer, plain.Customer]("Customer"),
	pair[Kinds, plain.Kinds]("Kinds"),
	pair[Options, plain.Options]("Options"),
	pair[Embeds, plain.Embeds]("Embeds"),
	pair[Tree, plain.Tree]("Tree"),
}

func kindOf(t testing.TB, name string) kind {
	t.Helper()
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	t.Fatalf("no kind %s", name)
	return kind{}
}

// The twins share memory, so their fields must be the same ones.
func TestTwinsHaveTheSameFields(t *testing.T) {
	for _, k := range kinds {
		own, twin := k.new()
		if a, b := shape(reflect.TypeOf(own).Elem(), nil), shape(reflect.TypeOf(twin).Elem(), nil); a != b {
			t.Errorf("%s is\n%s\nits twin is\n%s", k.name, a, b)
		}
	}
}

func shape(t reflect.Type, above []reflect.Type) string {
	for _, a := range above {
		if a == t {
			return "recursive"
		}
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Struct:
		s := ""
		for f := range t.Fields() {
			s += fmt.Sprintf("%s %s `%s`\n", f.Name, shape(f.Type, above), f.Tag)
		}
		return s
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return fmt.Sprint(t.Kind(), shape(t.Elem(), above))
	case reflect.Map:
		return "map" + shape(t.Key(), above) + shape(t.Elem(), above)
	}
	return t.Kind().String()
}

// standard is encoding/json's encoding of v without HTML escapes.
func standard(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// checkDecode decodes doc both ways and compares what comes out, and what that encodes to.
func checkDecode(t testing.TB, k kind, doc []byte) {
	t.Helper()
	own, twin := k.new()
	_, want := k.new()
	before := bytes.Clone(doc)
	wantErr, err := json.Unmarshal(doc, want), own.DecodeJSON(doc)
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%s: %s\n  error %v\n  encoding/json %v", k.name, excerpt(doc), err, wantErr)
		return
	}
	if !bytes.Equal(doc, before) {
		t.Errorf("%s: %s was changed", k.name, excerpt(before))
	}
	if err != nil {
		return
	}
	if !same(twin, want) {
		t.Errorf("%s: %s\n%s", k.name, excerpt(doc), difference(twin, want))
		return
	}
	borrowed, borrowedTwin := k.new()
	if err := borrowed.BorrowJSON(doc); err != nil || !same(borrowedTwin, want) {
		t.Errorf("%s: %s borrowed: %v\n%s", k.name, excerpt(doc), err, difference(borrowedTwin, want))
	}
	checkEncode(t, k, own, want)
}

// same compares two records. Keys that are times in a zone of their own differ by the address of the zone, hence the second look.
func same(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	if k, ok := a.(*plain.Kinds); ok && len(k.ByTime) > 0 {
		x, err := standard(a)
		y, err2 := standard(b)
		return err == nil && err2 == nil && bytes.Equal(x, y)
	}
	return false
}

// difference is where the JSON of two values begins to differ.
func difference(a, b any) string {
	x, _ := standard(a)
	y, _ := standard(b)
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	from := max(0, i-30)
	return fmt.Sprintf("  is            %q\n  encoding/json %q", x[from:min(len(x), i+60)], y[from:min(len(y), i+60)])
}

// checkEncode encodes a value both ways.
func checkEncode(t testing.TB, k kind, own record, twin any) {
	t.Helper()
	want, wantErr := standard(twin)
	got, err := own.AppendJSON([]byte("before"))
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%s: %+v\n  error %v\n  encoding/json %v", k.name, twin, err, wantErr)
		return
	}
	if err == nil && string(got) != "before"+string(want) {
		t.Errorf("%s: is\n%s\nencoding/json\n%s", k.name, got, want)
	}
}

func excerpt(doc []byte) string {
	if len(doc) > 300 {
		return fmt.Sprintf("%q…(%d)", doc[:300], len(doc))
	}
	return fmt.Sprintf("%q", doc)
}

// fill sets v to something random.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> r.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(randomFloat(r))
	case reflect.String:
		v.SetString(randomText(r))
	case reflect.Interface:
		v.Set(reflect.ValueOf(randomText(r)))
	case reflect.Slice:
		if n := r.IntN(5) - 1; n >= 0 && depth < 6 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(r, v.Index(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), depth+1)
		}
	case reflect.Map:
		if n := r.IntN(5) - 1; n >= 0 && depth < 6 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(r, key, depth+1)
				fill(r, elem, depth+1)
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Pointer:
		if r.IntN(3) > 0 && depth < 6 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), depth+1)
		}
	case reflect.Struct:
		fillStruct(r, v, depth)
	}
}

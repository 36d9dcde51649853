package codec

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
)

func TestAppendIntegers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		n := int64(r.Uint64()) >> r.IntN(64)
		if got := AppendInt(nil, n); string(got) != encoded(n) {
			t.Fatalf("%d is %s", n, got)
		}
		if got := AppendInt(nil, int8(n)); string(got) != encoded(int8(n)) {
			t.Fatalf("%d is %s", int8(n), got)
		}
		if got := AppendUint(nil, uint64(n)); string(got) != encoded(uint64(n)) {
			t.Fatalf("%d is %s", uint64(n), got)
		}
	}
}

// Bytes are base64, or an array of numbers; null is nil.
func TestBytes(t *testing.T) {
	for _, doc := range []string{`"aGVsbG8="`, `""`, `"AP8="`, `"-_-_"`, `"aGVsbG8"`, `"a"`, `"aGVs\nbG8="`, `[1,2]`, `[]`, `[256]`, `[-1]`, `[1,]`, `null`, `1`, `{}`, `"AP8="x`} {
		var want, got []byte
		wantErr := json.Unmarshal([]byte(doc), &want)
		var r Reader
		r.Reset([]byte(doc))
		r.Bytes(&got)
		if err := r.Finish(); (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, %v; encoding/json says %#v, %v", doc, got, err, want, wantErr)
		}
		if wantErr == nil {
			if b := AppendBytes(nil, want); string(b) != encoded(want) {
				t.Errorf("%v is %s", want, b)
			}
		}
	}
}

// The keys of maps come in encoding/json's order, and strings without an allocation.
func TestMapKeys(t *testing.T) {
	m := map[accountID]int{"b": 1, "a": 2, "": 3, "é": 4, "B": 5}
	keys := StringKeys(m)
	if !slices.Equal(keys.Sorted, []string{"", "B", "a", "b", "é"}) {
		t.Errorf("%q", keys.Sorted)
	}
	keys.Free()
	if n := testing.AllocsPerRun(100, func() { StringKeys(m).Free() }); n > 0 && !raced {
		t.Errorf("the keys of a map cost %v allocations", n)
	}
	if keys := NumberKeys(map[int8]bool{2: true, 10: true, -1: true, 1: true, -10: true}); !slices.Equal(keys, []int8{-1, -10, 1, 10, 2}) {
		t.Errorf("%v", keys)
	}
	if b := AppendNumberKey(nil, uint8(200)); string(b) != `"200":` {
		t.Errorf("%s", b)
	}
	text, err := TextKeys(map[netip.Addr]int{netip.MustParseAddr("10.0.0.2"): 1, netip.MustParseAddr("10.0.0.10"): 1})
	if err != nil || len(text) != 2 || text[0].Text != "10.0.0.10" || text[1].Key != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("%v, %v", text, err)
	}
}

// Names of members are read as map keys.
func TestNumberKeys(t *testing.T) {
	for doc, want := range map[string]int{`{"12":1}`: 12, `{"-7":1}`: -7, `{"\u0031":1}`: 1, `{"x":1}`: 0, `{"300":1}`: 0, `{"1.0":1}`: 0, `{"":1}`: 0, `{" 1":1}`: 0} {
		var r Reader
		r.Reset([]byte(doc))
		r.Object()
		r.Member()
		k := NumberKey[int8](&r)
		r.Skip()
		r.Member()
		if err := r.Finish(); (err == nil) != (want != 0) || err == nil && int(k) != want {
			t.Errorf("%s is %d, %v", doc, k, err)
		}
		var std map[int8]int
		if err := json.Unmarshal([]byte(doc), &std); (err == nil) != (want != 0) {
			t.Errorf("%s: encoding/json says %v", doc, err)
		}
	}
	var r Reader
	r.Reset([]byte(`{"10.0.0.300":1}`))
	r.Object()
	r.Member()
	var a netip.Addr
	if TextKeyInto(&r, &a); r.Err() == nil {
		t.Error("10.0.0.300 is an address")
	}
}

func TestSmallHelpers(t *testing.T) {
	if b := Comma([]byte("{")); string(b) != "{" {
		t.Errorf("%s", b)
	}
	if b := Comma([]byte(`{"a":1`)); string(b) != `{"a":1,` {
		t.Errorf("%s", b)
	}
	if b := AppendQuotedString(nil, "a\"b"); string(b) != encoded(encoded("a\"b")) {
		t.Errorf("%s", b)
	}
	if !IsZero(&point{}) || IsZero(&point{X: 1}) || !IsZero(new([2]int)) || IsZero(&[]int{}) {
		t.Error("IsZero is not reflect's")
	}
	if at := MustTime("2006-01-02", "2024-05-06"); at.Format("20060102") != "20240506" {
		t.Error(at)
	}
	defer func() {
		if recover() == nil {
			t.Error("a bad default is taken")
		}
	}()
	MustTime("2006", "x")
}

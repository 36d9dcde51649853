package foreign

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
)

// loud has methods of its own for its JSON.
type loud string

var errQuiet = errors.New("too quiet")

func (l loud) MarshalJSON() ([]byte, error) {
	if l == "" {
		return nil, errQuiet
	}
	return []byte(` { "said" : "` + strings.ToUpper(string(l)) + `" } `), nil
}

func (l *loud) UnmarshalJSON(b []byte) error {
	var v struct{ Said string }
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.Said == "" {
		return errQuiet
	}
	*l = loud(strings.ToLower(v.Said))
	return nil
}

// check writes a value behind other text, compares, and reads it back.
func check[T any](t *testing.T, v T, want string) {
	t.Helper()
	b, err := Append([]byte("x"), &v)
	if err != nil || string(b) != "x"+want {
		t.Errorf("%T is %s, %v, not %s", v, b, err, want)
		return
	}
	var r codec.Reader
	var back T
	r.Reset([]byte(" " + want + " "))
	if Read(&r, &back); r.Finish() != nil {
		t.Errorf("%T %s: %v", v, want, r.Err())
		return
	}
	if again, err := Append(nil, &back); err != nil || string(again) != want {
		t.Errorf("%T came back as %s, %v", v, again, err)
	}
}

func TestForeignTypes(t *testing.T) {
	check(t, any(map[string]any{"b": []any{1.5, "<&>", nil, true}, "a": map[string]any{}}), `{"a":{},"b":[1.5,"<&>",null,true]}`)
	check(t, any(nil), "null")
	check(t, loud("hey"), `{"said":"HEY"}`)
	check(t, big.NewInt(12345678901234), "12345678901234")
	check(t, json.RawMessage(`{"z":1,"a":[2]}`), `{"z":1,"a":[2]}`)
	check(t, json.Number("1.50"), "1.50")
	check(t, url.URL{Scheme: "https", Host: "example.com"}, `{"Scheme":"https","Opaque":"","User":null,"Host":"example.com","Path":"","Fragment":"","RawQuery":"","RawPath":"","RawFragment":"","ForceQuery":false,"OmitHost":false}`)
	check(t, struct{ T time.Time }{time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}, `{"T":"2024-01-02T03:04:05Z"}`)
}

func TestForeignErrors(t *testing.T) {
	quiet := loud("")
	if b, err := Append([]byte("x"), &quiet); !errors.Is(err, errQuiet) || string(b) != "x" {
		t.Errorf("%s, %v", b, err)
	}
	nan := any(math.NaN())
	if _, err := Append(nil, &nan); err == nil {
		t.Error("NaN is written")
	}
	for doc, want := range map[string]string{
		`{"said":""}`: "decode a foreign.loud: too quiet",
		`{"said":`:    "expected a value",
		`{"said":"x"`: "expected a comma or the end of the object",
		``:            "expected a value",
		`nope`:        "expected null",
	} {
		var r codec.Reader
		v := loud("before")
		r.Reset([]byte(doc))
		if Read(&r, &v); r.Finish() == nil || !strings.Contains(r.Err().Error(), want) || v != "before" {
			t.Errorf("%s: %v, and the value is %q", doc, r.Err(), v)
		}
	}
}

// Nothing that was read aliases the document.
func TestForeignCopies(t *testing.T) {
	doc := []byte(`{"a":"text","b":["more"]}`)
	r := codec.NewReader(codec.Borrow)
	r.Reset(doc)
	var v any
	Read(r, &v)
	var rawMessage json.RawMessage
	r.Reset(doc)
	Read(r, &rawMessage)
	for i := range doc {
		doc[i] = '#'
	}
	if b, err := Append(nil, &v); err != nil || string(b) != `{"a":"text","b":["more"]}` {
		t.Errorf("%s, %v", b, err)
	}
	if string(rawMessage) != `{"a":"text","b":["more"]}` {
		t.Errorf("%s", rawMessage)
	}
}

func TestEmpty(t *testing.T) {
	var none, full any = nil, 0
	list, text, zero, one := []int{}, "", 0.0, 1.0
	if !Empty(&none) || Empty(&full) || !Empty(&list) || !Empty(&text) || !Empty(&zero) || Empty(&one) || Empty(&struct{}{}) || !Empty(&[0]int{}) || Empty(&[1]int{}) {
		t.Error("Empty is not omitempty")
	}
}

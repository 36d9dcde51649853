package codectest

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
)

// Fields that are absent or null have their defaults; any other value replaces it.
func TestDefaults(t *testing.T) {
	three, four := 3, 4
	all := Defaults{S: "red, or blue", I: 7, F: 0.5, B: true, D: 90 * time.Second, P: &three, T: "x", At: time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)}
	for doc, change := range map[string]func(*Defaults){
		`{}`:                               func(*Defaults) {},
		`{"i":null,"s":null,"at":null}`:    func(*Defaults) {},
		`{"unknown":1}`:                    func(*Defaults) {},
		`{"i":0,"s":"","b":false,"f":0}`:   func(d *Defaults) { d.I, d.S, d.B, d.F = 0, "", false, 0 },
		`{"p":null}`:                       func(d *Defaults) { d.P = nil },
		`{ "p" : 4 , "d" : 1 , "t":"y" } `: func(d *Defaults) { d.P, d.D, d.T = &four, 1, "y" },
	} {
		want := all
		change(&want)
		var got Defaults
		if err := got.DecodeJSON([]byte(doc)); err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		a, _ := got.MarshalJSON()
		b, _ := want.MarshalJSON()
		if string(a) != string(b) {
			t.Errorf("%s is\n%s\nwant\n%s", doc, a, b)
		}
	}
	var first, second Defaults
	if err := errors.Join(first.DecodeJSON([]byte(`{}`)), second.DecodeJSON([]byte(`{}`))); err != nil || first.P == second.P {
		t.Errorf("two records share a default's pointer, %v", err)
	}
	var d Defaults
	if err := d.DecodeJSON([]byte(`null`)); err != nil || d.I != 0 {
		t.Errorf("a null is %+v, %v: it has no fields to be absent", d, err)
	}
}

// Times with a layout or an epoch are written and read in that form.
func TestTimes(t *testing.T) {
	at := time.Date(2006, 12, 16, 17, 24, 5, 123_456_000, time.UTC)
	v := Times{Day: at.Truncate(time.Second), Sec: at, Milli: &at, Micros: at}
	const want = `{"day":"16/12/2006 17:24:05","sec":1166289845,"milli":1166289845123,"micros":1166289845123456,"own":{}}`
	b, err := v.MarshalJSON()
	if err != nil || string(b) != want {
		t.Fatalf("%s, %v", b, err)
	}
	var back Times
	if err := back.DecodeJSON(b); err != nil || back.Day != v.Day || back.Sec != at.Truncate(time.Second) || *back.Milli != at.Truncate(time.Millisecond) || back.Micros != at {
		t.Errorf("%+v, %v", back, err)
	}
	if err := back.DecodeJSON([]byte(`{"micros":1.5,"milli":null,"sec":1700000000.25,"day":null}`)); err != nil || back.Milli != nil || back.Sec.UnixMilli() != 1700000000250 || !back.Day.IsZero() {
		t.Errorf("%+v, %v", back, err)
	}
	for doc, want := range map[string]string{
		`{"day":"2006-12-16"}`: `json: day: expected a time as "02/01/2006 15:04:05", found "\"2006-12-16\"}" (at byte 7)`,
		`{"sec":"1"}`:          `json: sec: expected a number, found "\"1\"}" (at byte 7)`,
	} {
		if err := back.DecodeJSON([]byte(doc)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", doc, err)
		}
	}
	v.Milli = new(time.Time)
	*v.Milli = time.Unix(math.MaxInt64/2, 0)
	if b, err := v.MarshalJSON(); err == nil || !strings.HasPrefix(err.Error(), "json: milli: ") {
		t.Errorf("%s, %v", b, err)
	}
}

// What has no JSON is an error with its place.
func TestEncodeErrors(t *testing.T) {
	c := Customer{Orders: []Order{{}, {Price: math.NaN()}}}
	_, err := c.AppendJSON(nil)
	var failed *codec.EncodeError
	if !errors.As(err, &failed) || failed.Path != "orders[1].price" {
		t.Errorf("%v", err)
	}
	if _, err = (Order{TS: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}).MarshalJSON(); err == nil || !strings.HasPrefix(err.Error(), "json: ts: the year is outside") {
		t.Errorf("%v", err)
	}
	if _, err = (Kinds{Any: make(chan int)}).MarshalJSON(); err == nil || !strings.HasPrefix(err.Error(), "json: any: ") {
		t.Errorf("%v", err)
	}
	if _, err = (Kinds{Matrix: [][]float64{{0}, {0, math.Inf(1)}}}).MarshalJSON(); err == nil || !strings.HasPrefix(err.Error(), "json: matrix[1][1]: ") {
		t.Errorf("%v", err)
	}
}

// Errors of decoding say where, in every kind of field.
func TestDecodeErrors(t *testing.T) {
	var k Kinds
	for doc, want := range map[string]string{
		`{"i8":300}`:                 "json: i8: expected an integer of 8 bits,",
		`{"matrix":[[1],[2,"x"]]}`:   "json: matrix[1][1]: expected a number,",
		`{"lists":{"a":[1,true]}}`:   "json: lists.a[1]: expected an integer,",
		`{"by_uint":{"70000":true}}`: "json: by_uint.70000: expected an integer of 16 bits as the name before it,",
		`{"ip":"10.0.0"}`:            "json: ip: decode a netip.Addr: ",
		`{"ptrs":[{"level":1.5}]}`:   "json: ptrs[0].level: expected an integer,",
		`{"data":"?"}`:               "json: data: expected bytes in base64,",
		`{"t":"yesterday"}`:          "json: t: expected an RFC 3339 time such as 2006-01-02T15:04:05Z,",
		`{"arr":[1,2,3,4,x]}`:        "json: arr[4]: expected a value,",
	} {
		if err := k.DecodeJSON([]byte(doc)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// Other libraries give the same JSON: encoding/json calls the methods, and escapes <, > and & on top.
func TestStandardLibraryCallsTheMethods(t *testing.T) {
	o := Order{AccountID: "<a>", Amount: 3}
	b, err := json.Marshal(map[string]any{"order": o, "pointer": &o})
	if err != nil || strings.Count(string(b), `"account_id":"\u003ca\u003e"`) != 2 {
		t.Fatalf("%s, %v", b, err)
	}
	var back struct{ Order, Pointer *Order }
	if err := json.Unmarshal(b, &back); err != nil || *back.Order != o || *back.Pointer != o {
		t.Errorf("%+v, %v", back, err)
	}
}

// A borrowed record aliases its document, a decoded one does not.
func TestBorrow(t *testing.T) {
	doc := []byte(`{"account_id":"ann","product_id":"p\n"}`)
	var copied, borrowed Order
	if err := errors.Join(copied.DecodeJSON(doc), borrowed.BorrowJSON(doc)); err != nil {
		t.Fatal(err)
	}
	doc[15] = 'X'
	if copied.AccountID != "ann" || borrowed.AccountID != "Xnn" || borrowed.ProductID != "p\n" {
		t.Errorf("%+v %+v", copied, borrowed)
	}
}

// The budget of the hot path: decoding flat records without copies, and encoding into a reused buffer, allocate nothing.
func TestAllocations(t *testing.T) {
	orders, docs := benchOrders()
	customers, customerDocs := benchCustomers()
	var o Order
	var dst []byte
	r := codec.NewReader(codec.Slab)
	for _, test := range []struct {
		name string
		most float64
		do   func() error
	}{
		{"borrow an order", 0, func() error { return o.BorrowJSON(docs[0]) }},
		{"borrow a spaced order", 0, func() error { return o.BorrowJSON(spacedOrder) }},
		{"copy an order", 2, func() error { return o.DecodeJSON(docs[0]) }},
		{"read an order into a slab", 0.02, func() error {
			r.Reset(docs[0])
			faustDecodeOrder(r, &o)
			return r.Finish()
		}},
		{"append an order", 0, func() (err error) {
			dst, err = orders[0].AppendJSON(dst[:0])
			return err
		}},
		{"append a customer with maps", 0, func() (err error) {
			dst, err = customers[0].AppendJSON(dst[:0])
			return err
		}},
		{"read a customer into a slab", 12, func() error {
			var c Customer
			r.Reset(customerDocs[0])
			faustDecodeCustomer(r, &c)
			return r.Finish()
		}},
	} {
		n := testing.AllocsPerRun(500, func() {
			if err := test.do(); err != nil {
				t.Fatal(err)
			}
		})
		if n > test.most && !raced {
			t.Errorf("to %s takes %v allocations, not %v", test.name, n, test.most)
		}
	}
}

var spacedOrder = []byte(`{ "amount": 3, "account_id": "ann", "unknown": {"a": [1, 2, "x"]}, "price": 1.25, "ts": "2024-01-02T03:04:05.5Z" }`)

// The hint is near: records without long escapes need no second allocation.
func TestSizeJSON(t *testing.T) {
	orders, _ := benchOrders()
	for _, o := range orders {
		b, err := o.AppendJSON(nil)
		if err != nil || o.SizeJSON() < len(b) || o.SizeJSON() > 2*len(b) {
			t.Errorf("%d bytes, the hint is %d, %v", len(b), o.SizeJSON(), err)
		}
	}
}

package codectest

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/faustgen/faustgen/runtime/codec/codectest/plain"
)

// foldedNames are the documents of the list whose names differ from the fields' in upper and lower case, see TestDifferences.
var foldedNames = map[string]bool{"key_case_both": true, "key_kelvin_fold": true}

// The list holds documents for Order, Power, Customer and Kinds, good and bad. Each is read as encoding/json reads it.
func TestDocuments(t *testing.T) {
	f, err := os.Open("testdata/documents.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, count := bufio.NewScanner(f), 0
	for lines.Scan() {
		parts := strings.SplitN(lines.Text(), " ", 3)
		doc, err := strconv.Unquote(parts[2])
		if err != nil {
			t.Fatalf("line %d: %v", count+1, err)
		}
		count++
		if !foldedNames[parts[1]] {
			t.Run(parts[0]+"/"+parts[1], func(t *testing.T) { checkDecode(t, kindOf(t, parts[0]), []byte(doc)) })
		}
	}
	if lines.Err() != nil || count < 150 {
		t.Errorf("%d documents, %v", count, lines.Err())
	}
}

// Unknown members are checked to the same depth, and as strictly, as encoding/json checks them.
func TestDeepDocuments(t *testing.T) {
	order := kindOf(t, "Order")
	nest := func(open, middle, end string, levels int) []byte {
		return []byte(`{"z":` + strings.Repeat(open, levels) + middle + strings.Repeat(end, levels) + `,"amount":3}`)
	}
	for _, doc := range [][]byte{
		nest("[", "", "]", 9999), nest("[", "", "]", 10000), nest(`{"a":`, "1", "}", 9999), nest(`{"a":`, "1", "}", 10000), nest("[{\"a\":", "null", "}]", 4999),
		[]byte(`{"z":` + strings.Repeat("[", 100000)), []byte(strings.Repeat(`{"z":`, 9999)),
	} {
		checkDecode(t, order, doc)
	}
	tree := kindOf(t, "Tree")
	for _, levels := range []int{1, 100, 9999, 10000, 10001} {
		checkTree(t, tree, strings.Repeat(`{"left":`, levels)+"null"+strings.Repeat("}", levels))
		checkTree(t, tree, strings.Repeat(`{"value":1,"left":`, levels)+"null"+strings.Repeat("}", levels))
	}
}

// checkTree compares only whether a document is taken: DeepEqual of such depth is slow.
func checkTree(t *testing.T, k kind, doc string) {
	t.Helper()
	own, _ := k.new()
	var want plain.Tree
	wantErr, err := json.Unmarshal([]byte(doc), &want), own.DecodeJSON([]byte(doc))
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%.40s…(%d): %v; encoding/json says %v", doc, len(doc), err, wantErr)
	}
}

// Truncated anywhere, a document is an error; so is one with more text behind it.
func TestTruncatedDocuments(t *testing.T) {
	for _, k := range kinds {
		own, _ := k.new()
		doc, err := own.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range [][]byte{doc, spaced(doc)} {
			doc = []byte(strings.TrimSpace(string(doc)))
			for i := range doc {
				if err := own.DecodeJSON(doc[:i]); err == nil {
					t.Errorf("%s: %s is taken", k.name, doc[:i])
				}
			}
			for _, more := range []string{"}", "x", ",", "{}", "\x00", "\v"} {
				if err := own.DecodeJSON(append(doc[:len(doc):len(doc)], more...)); err == nil {
					t.Errorf("%s: %q behind the document is taken", k.name, more)
				}
			}
		}
	}
}

// Where a generated codec differs from encoding/json on purpose; docs/json.md says why.
func TestDifferences(t *testing.T) {
	for _, test := range []struct {
		why, kind, doc string
		own, standard  string // what the document encodes to again, "" for an error
	}{
		{"names are compared as they are", "Order", `{"AMOUNT":3}`,
			`{"account_id":"","product_id":"","amount":0,"price":0,"ts":"0001-01-01T00:00:00Z"}`,
			`{"account_id":"","product_id":"","amount":3,"price":0,"ts":"0001-01-01T00:00:00Z"}`},
		{"a repeated object is read anew", "Customer", `{"address":{"city":"Bern"},"address":{"zip":"3000"}}`,
			`{"id":"","name":"","email":"","address":{"street":"","city":"","zip":"3000","country":"","lat":0,"lon":0},"tags":null,"orders":null,"attrs":null,"optional":null,"nested":null}`,
			`{"id":"","name":"","email":"","address":{"street":"","city":"Bern","zip":"3000","country":"","lat":0,"lon":0},"tags":null,"orders":null,"attrs":null,"optional":null,"nested":null}`},
		{"a repeated map is read anew", "Customer", `{"attrs":{"a":"1"},"attrs":{"b":"2"}}`,
			`{"id":"","name":"","email":"","address":{"street":"","city":"","zip":"","country":"","lat":0,"lon":0},"tags":null,"orders":null,"attrs":{"b":"2"},"optional":null,"nested":null}`,
			`{"id":"","name":"","email":"","address":{"street":"","city":"","zip":"","country":"","lat":0,"lon":0},"tags":null,"orders":null,"attrs":{"a":"1","b":"2"},"optional":null,"nested":null}`},
		{"elements of a repeated array are read anew", "Tree", `{"value":0,"kids":[{"value":7}],"kids":[{}]}`,
			`{"value":0,"kids":[{"value":0}]}`, `{"value":0,"kids":[{"value":7}]}`},
		{"a pointer is followed anew", "Tree", `{"left":{"value":7},"left":{}}`,
			`{"value":0,"left":{"value":0}}`, `{"value":0,"left":{"value":7}}`},
		{"numbers in quotes are JSON numbers", "Options", `{"qi":"007"}`, ``,
			`{"t":"0001-01-01T00:00:00Z","sure":"","qi":"7","qf":"0","qb":"false","qs":"\"\"","qp":null}`},
	} {
		k := kindOf(t, test.kind)
		own, _ := k.new()
		_, twin := k.new()
		got, want := "", ""
		if own.DecodeJSON([]byte(test.doc)) == nil {
			b, err := own.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if json.Unmarshal([]byte(test.doc), twin) == nil {
			b, err := standard(twin)
			if err != nil {
				t.Fatal(err)
			}
			want = string(b)
		}
		if got != test.own {
			t.Errorf("%s: %s is\n%s", test.why, test.doc, got)
		}
		if want != test.standard {
			t.Errorf("%s: encoding/json makes of %s\n%s", test.why, test.doc, want)
		}
	}
}

// Decoding begins with the zero record: nothing of an earlier document survives. A null is the zero record as well.
func TestDecodeResets(t *testing.T) {
	var o Order
	if err := o.DecodeJSON([]byte(`{"account_id":"a","amount":3}`)); err != nil || o.AccountID != "a" {
		t.Fatal(o, err)
	}
	if err := o.DecodeJSON([]byte(`{"product_id":"p"}`)); err != nil || o != (Order{ProductID: "p"}) {
		t.Error(o, err)
	}
	if err := o.UnmarshalJSON([]byte(`null`)); err != nil || o != (Order{}) {
		t.Error(o, err)
	}
	o.Amount = 3
	if o.Reset(); o != (Order{}) {
		t.Error(o)
	}
	var c Customer
	if err := c.DecodeJSON([]byte(`{"tags":["a","b"],"nested":{"x":{"level":1}}}`)); err != nil {
		t.Fatal(err)
	}
	tags := c.Tags
	if err := c.DecodeJSON([]byte(`{"tags":["c"]}`)); err != nil || len(c.Tags) != 1 || c.Nested != nil || tags[0] != "a" {
		t.Error(c, tags, err)
	}
}

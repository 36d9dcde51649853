package schema

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// shop is a good application, filled in by hand.
func shop() *Package {
	str := &Type{Kind: String, Go: "string", Comparable: true}
	i64 := &Type{Kind: Int64, Go: "int64", Comparable: true}
	order := &Type{Kind: Struct, Pkg: "x/shop", Name: "Order", Record: "x/shop.Order", Go: "Order", Comparable: true}
	p := &Package{
		Path: "x/shop", Name: "shop", Dir: "/x/shop", Module: "x", App: &App{ID: "shop", Pos: Pos{"shop.go", 3, 1}},
		Records: []*Record{{Key: order.Record, Type: order, Declared: true, Marked: true, Fields: []*Field{
			{Go: "Account", JSON: "account", Type: str, Codec: "own"}, {Go: "Amount", JSON: "amount", Type: i64, Codec: "own", Rules: []Rule{{"gte", "1"}}},
		}}},
		Topics: &Topics{Name: "Topics", Fields: []*Topic{{Go: "Orders", Name: "orders", Key: str, Value: order, Partitions: 4, KeyCodec: "text", Pos: Pos{"shop.go", 20, 2}}}},
		Tables: []*Tables{{Name: "Tables", Fields: []*Table{
			{Go: "Totals", Name: "totals", Key: str, Value: i64, Store: "badger"},
			{Go: "Hourly", Name: "hourly", Key: str, Value: i64, Window: &Window{Kind: "tumbling", Size: time.Hour, Step: time.Hour, Grace: time.Minute, GraceSet: true}},
		}}},
		Agents:  []*Agent{{Func: Func{Go: "Count", Name: "count", Handles: []Handle{{"Tables", true}}}, Topics: []string{"orders"}, TopicPos: []Pos{{"shop.go", 40, 15}}, Shape: PerValue, Value: order, OnError: "fail"}},
		Closers: []*Closer{{Func: Func{Go: "Report", Name: "report"}, Arg: "Tables.Hourly", Key: str, Value: i64, OnError: "fail"}},
	}
	Resolve(p)
	return p
}

func TestCheckGood(t *testing.T) {
	if found := Check([]*Package{shop()}); len(found) > 0 {
		t.Errorf("a good package has %v", found)
	}
}

func TestResolve(t *testing.T) {
	p := shop()
	if p.Topics.Fields[0].Codec != "json" || p.Closers[0].Tables != "Tables" || p.Closers[0].Table != "Hourly" || p.Tables[0].Fields[1].Window.Expires != time.Minute {
		t.Errorf("resolved to %+v %+v %+v", p.Topics.Fields[0], p.Closers[0], p.Tables[0].Fields[1].Window)
	}
	p.App.Codec, p.Topics.Fields[0].Codec = "text", ""
	if Resolve(p); p.Topics.Fields[0].Codec != "text" {
		t.Error("a topic does not take the application's codec")
	}
	p.Records[0].Codec, p.Topics.Fields[0].Codec = "json", ""
	if Resolve(p); p.Topics.Fields[0].Codec != "json" {
		t.Error("a topic does not prefer its record's codec to the application's")
	}
	p.Topics.Fields[0].KeyCodec = "be"
	if Resolve(p); p.Tables[0].Fields[0].KeyCodec != "be" {
		t.Error("a table does not take the key codec of the topic that its agent reads")
	}
	p.Agents[0].GroupBy = &GroupBy{By: "Account", Key: p.Topics.Fields[0].Key}
	if Resolve(p); p.Tables[0].Fields[0].KeyCodec != "text" {
		t.Error("a table behind a group_by does not have text keys")
	}
}

func TestRecursiveRecords(t *testing.T) {
	p := shop()
	r := p.Records[0]
	r.Fields = append(r.Fields, &Field{Go: "Parts", JSON: "parts", Codec: "own", Type: &Type{Kind: Slice, Go: "[]Order", Elem: &Type{Kind: Pointer, Go: "*Order", Elem: r.Type}}})
	if Resolve(p); !r.Recursive {
		t.Error("a record that holds itself is not recursive")
	}
	if found := Check([]*Package{p}); len(found) > 0 {
		t.Errorf("a recursive record has %v", found)
	}
}

// TestCheckIsIndependentOfOrder: all findings at once, sorted, whatever the order of declarations.
func TestCheckIsIndependentOfOrder(t *testing.T) {
	broken := func() *Package {
		p := shop()
		p.Agents = append(p.Agents, &Agent{Func: Func{Go: "Show", Name: "show", Pos: Pos{"shop.go", 60, 6}}, Topics: []string{"order"}, TopicPos: []Pos{{"shop.go", 59, 15}}, Value: p.Agents[0].Value, Shape: PerValue})
		p.Topics.Fields = append(p.Topics.Fields, &Topic{Go: "Bad", Name: "a/b", Key: &Type{Kind: Float64, Go: "float64"}, Value: p.Agents[0].Value, KeyCodec: "text", NamePos: Pos{"shop.go", 21, 16}, Pos: Pos{"shop.go", 22, 2}})
		p.Tables[0].Fields[1].Window.Step = 2 * time.Hour
		Resolve(p)
		return p
	}
	a := broken()
	b := broken()
	slices.Reverse(b.Agents)
	slices.Reverse(b.Topics.Fields)
	slices.Reverse(b.Tables[0].Fields)
	x, y := Check([]*Package{a}), Check([]*Package{b})
	if !reflect.DeepEqual(x, y) || len(x) != 4 {
		t.Errorf("one order finds\n%v\nanother\n%v", x, y)
	}
	if !slices.IsSortedFunc(x, func(a, b Diagnostic) int { return a.Pos.Compare(b.Pos) }) {
		t.Errorf("not sorted: %v", x)
	}
}

func TestDiagnosticFormat(t *testing.T) {
	d := Diagnostic{Pos: Pos{"orders/orders.go", 14, 2}, Rule: "F012", Text: "field Price has type chan int, which has no encoding", Hint: "see " + At(0), Related: []Pos{{"orders/types.go", 3, 1}}}
	if got, want := d.String(), "orders/orders.go:14:2: F012: field Price has type chan int, which has no encoding; see orders/types.go:3:1"; got != want {
		t.Errorf("String is %q, want %q", got, want)
	}
	got := d.Format(func(p Pos) string {
		p.File = strings.TrimPrefix(p.File, "orders/")
		return p.String()
	})
	if want := "orders.go:14:2: F012: field Price has type chan int, which has no encoding; see types.go:3:1"; got != want {
		t.Errorf("Format is %q, want %q", got, want)
	}
	if twice := Sort([]Diagnostic{d, d}); len(twice) != 1 {
		t.Errorf("what is said twice is printed %d times", len(twice))
	}
}

// TestRulesAreDocumented: each rule has a section in docs/rules.md and a golden case that shows its message, and no message has a rule
// that is not in the table.
func TestRulesAreDocumented(t *testing.T) {
	docs, err := os.ReadFile(filepath.FromSlash("../docs/rules.md"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := filepath.Glob(filepath.FromSlash("../golden/cases/diag_*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("there are no cases: %v", err)
	}
	var all strings.Builder
	for _, name := range cases {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, stderr, _ := strings.Cut(string(text), "-- want/stderr --")
		all.WriteString(stderr)
	}
	known := map[string]bool{}
	for _, r := range Rules {
		known[r.ID] = true
		if !strings.Contains(string(docs), "\n## "+r.ID+": "+r.Title+"\n") {
			t.Errorf("docs/rules.md has no section %q", r.ID+": "+r.Title)
		}
		if !strings.Contains(all.String(), ": "+r.ID+": ") {
			t.Errorf("no golden case shows %s", r.ID)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^[^ ]+:\d+:\d+: (\w+): `).FindAllStringSubmatch(all.String(), -1) {
		if !known[m[1]] {
			t.Errorf("a message has the rule %s, which is not in the table", m[1])
		}
	}
}

func TestSchemaIsJSON(t *testing.T) {
	text, err := json.Marshal(shop())
	if err != nil {
		t.Fatal(err)
	}
	var back Package
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if err != nil || string(again) != string(text) {
		t.Errorf("the schema does not survive JSON:\n%s\n%s", text, again)
	}
}

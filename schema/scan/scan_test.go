package scan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/schema"
)

// runtimeStub declares what scans look at, so that tests need not compile the runtime.
const runtimeStub = `package faust
import ("iter"; "time")
type Topic[K, V any] struct{}
type Table[K comparable, V any] struct{}
type WindowTable[K comparable, V any] struct{}
type Stream[V any] struct{}
func (*Stream[V]) All() iter.Seq[V] { return nil }
type Event[K, V any] struct { Key K; Value V }
type Events[K, V any] struct{}
type Window struct { Start, End time.Time }
`

// newModule writes a module case.test of the given files, and beside it the stub of the runtime.
func newModule(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, content string) {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("stub/go.mod", "module github.com/faustgen/faustgen\n\ngo 1.26\n")
	write("stub/runtime/faust.go", runtimeStub)
	write("case/go.mod", "module case.test\n\ngo 1.26\n\nrequire github.com/faustgen/faustgen v0.0.0\n\nreplace github.com/faustgen/faustgen => ../stub\n")
	for name, content := range files {
		write("case/"+name, content)
	}
	return filepath.Join(root, "case")
}

// env keeps the go command away from the network and from the user's workspace.
func env() []string { return append(os.Environ(), "GOPROXY=off", "GOFLAGS=-mod=mod", "GOWORK=off") }

func load(t *testing.T, dir string, patterns ...string) *Result {
	t.Helper()
	result, err := Load(patterns, Options{Dir: dir, Env: env()})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// good fails the test if there are diagnostics, and returns the package of that path.
func good(t *testing.T, r *Result, path string) *schema.Package {
	t.Helper()
	for _, d := range append(r.Diagnostics, schema.Check(r.Packages)...) {
		t.Error(d)
	}
	for _, p := range r.Packages {
		if p.Path == path {
			return p
		}
	}
	t.Fatalf("there is no package %s", path)
	return nil
}

const header = `// Package shop counts orders. It does so for tests.
//
//faust:app shop version=2 partitions=4
package shop

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

var _ time.Time
`

const handles = `
//faust:record time=At
type Order struct {
	ID      OrderID ` + "`json:\"id\" validate:\"required,gte=1\"`" + `
	Account *Account ` + "`json:\"account,omitempty\"`" + `
	At      time.Time ` + "`json:\"at\" faust:\"epoch=ms\"`" + `
}

type OrderID int64

type Account struct { Name string }

//faust:topics
type Topics struct {
	//faust:topic orders replicas=3 retention=7d compact compression=lz4
	Orders faust.Topic[string, Order]
	// Alerts are texts.
	//
	//faust:topic codec=text retention=forever
	AlertTexts faust.Topic[string, string]
	Lists      faust.Topic[string, []string]
	Theirs     faust.Topic[int64, Order] //faust:topic theirs external partitions=4 key_codec=be
}

//faust:tables partitions=4
type Tables struct {
	Totals faust.Table[string, int64]
	//faust:table sums store=memory
	//faust:hopping 1h step=5m grace=1m expires=1d time=Order.At idle=10s
	Sums faust.WindowTable[string, float64]
}
`

// records are the handles without an agent that would read them.
var records = strings.Replace(handles, " time=Order.At", "", 1)

const functions = `
//faust:agent orders group_by=Account.Name on_error=skip borrow
func PerValue(ctx context.Context, o Order, out *Topics, t *Tables) error { return nil }

//faust:agent orders group_by=half name=halves
func PerEvent(ctx context.Context, ev faust.Event[OrderID, Order]) error { return nil }

//faust:agent orders
func LoopValues(ctx context.Context, s *faust.Stream[Order]) error { return nil }

//faust:agent theirs
func LoopEvents(ctx context.Context, s *faust.Events[int64, Order]) error { return nil }

//faust:agent orders sink=alert_texts
func One(ctx context.Context, o Order) (string, error) { return "", nil }

//faust:agent orders sink=alert_texts
func Maybe(ctx context.Context, o Order) (*string, error) { return nil, nil }

//faust:agent orders sink=alert_texts
func Many(ctx context.Context, o Order) ([]string, error) { return nil, nil }

//faust:agent orders sink=lists
func Whole(ctx context.Context, o Order) ([]string, error) { return nil, nil }

type Enricher struct{}

//faust:agent orders
func (e *Enricher) Enrich(ctx context.Context, o Order) error { return nil }

//faust:provide
func NewEnricher(ctx context.Context) (*Enricher, error) { return nil, nil }

func (e *Enricher) Close() error { return nil }

func half(o Order) (OrderID, bool) { return o.ID / 2, true }

//faust:on_window_close Tables.Sums
func Closed(ctx context.Context, w faust.Window, key string, sum float64, t *Tables, out *Topics) error { return nil }

//faust:timer 1m30s
func Tick(ctx context.Context, t *Tables) error { return nil }

//faust:task
func Start(ctx context.Context, out *Topics) error { return nil }

//faust:command load
func Load(ctx context.Context, args []string, out *Topics) error { return nil }
`

func TestApplication(t *testing.T) {
	dir := newModule(t, map[string]string{"shop/shop.go": header + handles, "shop/functions.go": "package shop\n" + strings.SplitN(header, "package shop", 2)[1] + functions})
	p := good(t, load(t, dir, "./..."), "case.test/shop")
	if p.App.ID != "shop" || p.App.Version != 2 || p.App.Partitions != 4 || p.App.Doc != "Package shop counts orders." || p.Module != "case.test" || p.Name != "shop" {
		t.Errorf("the application is %+v", p.App)
	}
	if got := p.App.Pos; got != (schema.Pos{File: "shop/shop.go", Line: 3, Col: 1}) {
		t.Errorf("the application stands at %v", got)
	}
	topics := p.Topics.Fields
	if o := topics[0]; o.Name != "orders" || o.Replicas != 3 || o.Retention != 7*24*time.Hour || !o.Compact || o.Compression != "lz4" || o.Codec != "json" || o.Key.Kind != schema.String || o.Value.Record != "case.test/shop.Order" {
		t.Errorf("topic orders is %+v", o)
	}
	if a := topics[1]; a.Name != "alert_texts" || a.Retention != -1 || a.Codec != "text" || a.Doc != "Alerts are texts." {
		t.Errorf("topic alert_texts is %+v", a)
	}
	if th := topics[3]; !th.External || th.Partitions != 4 || th.KeyCodec != "be" {
		t.Errorf("the directive behind a field gives %+v", th)
	}
	tables := p.Tables[0]
	if tables.Partitions != 4 || tables.Fields[0].Store != "badger" || tables.Fields[1].Store != "memory" {
		t.Errorf("the tables are %+v", tables)
	}
	w := tables.Fields[1].Window
	if w.Kind != "hopping" || w.Size != time.Hour || w.Step != 5*time.Minute || w.Grace != time.Minute || w.Expires != 24*time.Hour || w.Idle != 10*time.Second || w.TimeRecord != "Order" || w.TimeField != "At" {
		t.Errorf("the window is %+v", w)
	}
	checkFunctions(t, p)
	checkRecords(t, p)
}

func checkFunctions(t *testing.T, p *schema.Package) {
	t.Helper()
	agents := map[string]*schema.Agent{}
	for _, a := range p.Agents {
		agents[a.Name] = a
	}
	for name, want := range map[string][3]string{
		"per_value": {schema.PerValue, "", ""}, "halves": {schema.PerEvent, "", ""}, "loop_values": {schema.LoopValues, "", ""}, "loop_events": {schema.LoopEvents, "", ""},
		"one": {schema.PerValue, schema.OneResult, "string"}, "maybe": {schema.PerValue, schema.PointerResult, "string"}, "many": {schema.PerValue, schema.SliceResult, "string"},
		"whole": {schema.PerValue, schema.OneResult, "[]string"}, "enricher_enrich": {schema.PerValue, "", ""},
	} {
		a := agents[name]
		if a == nil {
			t.Errorf("there is no agent %s", name)
			continue
		}
		result := ""
		if a.ResultType != nil {
			result = a.ResultType.Go
		}
		if got := [3]string{a.Shape, a.Result, result}; got != want {
			t.Errorf("agent %s is %q, want %q", name, got, want)
		}
	}
	v := agents["per_value"]
	if v.OnError != "skip" || !v.Borrow || !slices.Equal(v.Handles, []schema.Handle{{Struct: "Topics"}, {Struct: "Tables", Tables: true}}) {
		t.Errorf("agent per_value is %+v", v)
	}
	if g := v.GroupBy; !slices.Equal(g.Path, []string{"Account", "Name"}) || !slices.Equal(g.PathPointers, []bool{true}) || g.KeyPointer || g.Key.Kind != schema.String {
		t.Errorf("group_by=Account.Name is %+v", g)
	}
	if g := agents["halves"].GroupBy; g.Func != "half" || !g.OK || g.Key.Name != "OrderID" {
		t.Errorf("group_by=half is %+v", g)
	}
	if e := agents["enricher_enrich"]; e.Recv != "Enricher" || !e.RecvPtr {
		t.Errorf("the method is %+v", e)
	}
	if pr := p.Providers[0]; pr.Type != "Enricher" || !pr.Closer {
		t.Errorf("the provider is %+v", pr)
	}
	if c := p.Closers[0]; c.Tables != "Tables" || c.Table != "Sums" || len(c.Handles) != 2 {
		t.Errorf("the close handler is %+v", c)
	}
	if p.Timers[0].Every != 90*time.Second || p.Tasks[0].Go != "Start" || p.Commands[0].Command != "load" {
		t.Errorf("timer %+v, task %+v, command %+v", p.Timers[0], p.Tasks[0], p.Commands[0])
	}
	if _, ok := p.Declared["half"]; !ok {
		t.Error("the user's identifiers lack half")
	}
}

func checkRecords(t *testing.T, p *schema.Package) {
	t.Helper()
	if len(p.Records) != 1 || len(p.Reached) != 1 || p.Reached[0].Key != "case.test/shop.Account" || p.Reached[0].Declared {
		t.Fatalf("records are %v, reached are %v", p.Records, p.Reached)
	}
	r := p.Records[0]
	if !r.Declared || r.Time != "At" || len(r.Source) != 3 {
		t.Errorf("the record is %+v", r)
	}
	id, account, at := r.Fields[0], r.Fields[1], r.Fields[2]
	if !id.Required || !slices.Equal(id.Rules, []schema.Rule{{Name: "gte", Arg: "1"}}) || id.Type.Kind != schema.Int64 || id.Type.Name != "OrderID" || id.Pos.Line != 17 || id.Pos.Col != 2 {
		t.Errorf("field ID is %+v", id)
	}
	if !account.OmitEmpty || account.Type.Kind != schema.Pointer || account.Type.Elem.Record != "case.test/shop.Account" {
		t.Errorf("field Account is %+v", account)
	}
	if at.Epoch != "ms" || at.Type.Kind != schema.Time || at.Codec != "own" {
		t.Errorf("field At is %+v", at)
	}
}

// TestOwnOutputIsHidden: what faustgen wrote before, stale or broken, changes nothing, and using it before it exists is no mistake.
func TestOwnOutputIsHidden(t *testing.T) {
	use := "package shop\n\nfunc use() { Faust().Run(nil); b, _ := Order{}.AppendJSON(nil); _ = b; NewClient(nil, \"\") }\n"
	dir := newModule(t, map[string]string{"shop/shop.go": header + records, "shop/use.go": use})
	first := dump(t, good(t, load(t, dir, "./..."), "case.test/shop"))
	for _, stale := range []string{
		Header + "\n\npackage shop\n\nfunc (o Order) MarshalJSON() ([]byte, error) { return nil, o.Gone }\n\nfunc Faust() {}\n\ntype Order struct{}\n",
		Header + "\n\npackage shop\n\n<<<<<<< HEAD\n",
		"package shop\n\nfunc Faust() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "shop", GenFile), []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, good(t, load(t, dir, "./shop"), "case.test/shop")); got != first {
			t.Errorf("with %q before, the schema is\n%s\nwant\n%s", stale, got, first)
		}
	}
}

func dump(t *testing.T, p *schema.Package) string {
	t.Helper()
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOtherPackages: a record of another package is the same whether its package is scanned too, comes from export data, or has been generated.
func TestOtherPackages(t *testing.T) {
	model := `// Package model holds records.
package model

import "time"

// Order is a purchase.
//
//faust:record time=At
type Order struct {
	// At is when.
	At   time.Time ` + "`json:\"at\"`" + `
	Line Line      ` + "`json:\"line\" validate:\"required\"`" + `
	Base
}

type Line struct { Count int; hidden }

type hidden struct { Deep string }

// Base is embedded.
type Base struct { ID string }

// Page is generic.
type Page[T any] struct { Items []T }
`
	generated := Header + `

package model

func (o Order) MarshalJSON() ([]byte, error) { return nil, nil }
func (o Order) SizeJSON() int { return 0 }
func (o *Order) UnmarshalJSON(b []byte) error { return nil }
func (o *Order) DecodeJSON(b []byte) error { return nil }
func (o *Order) BorrowJSON(b []byte) error { return nil }
`
	shop := strings.Replace(header, "import (", "import (\n\t\"case.test/model\"", 1) + `
//faust:topics
type Topics struct {
	Orders faust.Topic[string, model.Order]
	Pages  faust.Topic[string, model.Page[model.Line]]
}

//faust:agent orders group_by=ID
func Count(ctx context.Context, o model.Order) error { return nil }
`
	dir := newModule(t, map[string]string{"model/model.go": model, "shop/shop.go": shop})
	all := load(t, dir, "./...")
	together := dump(t, good(t, all, "case.test/shop"))
	if got := dump(t, good(t, load(t, dir, "./shop"), "case.test/shop")); got != together {
		t.Errorf("from export data the schema is\n%s\nwant\n%s", got, together)
	}
	if err := os.WriteFile(filepath.Join(dir, "model", GenFile), []byte(generated), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := dump(t, good(t, load(t, dir, "./shop"), "case.test/shop")); got != together {
		t.Errorf("with generated methods the schema is\n%s\nwant\n%s", got, together)
	}
	p := good(t, all, "case.test/shop")
	var keys []string
	for _, r := range p.Reached {
		keys = append(keys, r.Key)
	}
	if want := []string{"case.test/model.Line", "case.test/model.Order", "case.test/model.Page[case.test/model.Line]"}; !slices.Equal(keys, want) {
		t.Errorf("reached are %q, want %q", keys, want)
	}
	order := p.Record("case.test/model.Order")
	if order.Declared || !order.Marked || order.Time != "At" || order.Doc != "Order is a purchase." || order.Fields[0].Doc != "At is when." || order.Fields[0].Pos.Col != 2 {
		t.Errorf("the record of the other package is %+v", order)
	}
	if deep := p.Record("case.test/model.Line").Fields[1]; deep.Go != "Deep" || len(deep.Path) != 0 {
		t.Errorf("what is promoted from an unexported struct of another package is %+v", deep)
	}
	if base := order.Fields[2]; base.Go != "ID" || !slices.Equal(base.Path, []string{"Base"}) {
		t.Errorf("the promoted field is %+v", base)
	}
	if g := p.Agents[0].GroupBy; !slices.Equal(g.Path, []string{"Base", "ID"}) || !slices.Equal(g.PathPointers, []bool{false}) {
		t.Errorf("group_by of a promoted field is %+v", g)
	}
}

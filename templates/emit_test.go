package templates

import (
	"bytes"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/schema"
)

const ordersPath = "example.com/shop/orders"

var (
	stringType = &schema.Type{Kind: schema.String, Go: "string", Comparable: true}
	int64Type  = &schema.Type{Kind: schema.Int64, Go: "int64", Comparable: true}
	timeType   = &schema.Type{Kind: schema.Time, Go: "time.Time", Comparable: true}
	metaType   = &schema.Type{Kind: schema.Struct, Pkg: ordersPath, Name: "Meta", Record: ordersPath + ".Meta", Go: "Meta"}
	orderType  = &schema.Type{Kind: schema.Struct, Pkg: ordersPath, Name: "Order", Record: ordersPath + ".Order", Go: "Order"}
)

func pointerTo(t *schema.Type) *schema.Type {
	return &schema.Type{Kind: schema.Pointer, Elem: t, Go: "*" + t.Go}
}

// ordersPackage is an application with one of nearly everything.
func ordersPackage() *schema.Package {
	tables := []schema.Handle{{Struct: "Tables", Tables: true}}
	topics := []schema.Handle{{Struct: "Topics"}}
	return &schema.Package{
		Path: ordersPath, Name: "orders", Module: "example.com/shop",
		App: &schema.App{ID: "orders", Version: 2},
		Records: []*schema.Record{{
			Key: orderType.Record, Type: orderType, Declared: true,
			Fields: []*schema.Field{{Go: "AccountID", JSON: "account_id", Type: stringType}, {Go: "Meta", JSON: "meta", Type: pointerTo(metaType)}},
			Source: []schema.Source{{Name: "AccountID", Type: stringType}, {Name: "Meta", Type: pointerTo(metaType)}},
		}},
		Reached: []*schema.Record{{
			Key: metaType.Record, Type: metaType,
			Fields: []*schema.Field{{Go: "At", JSON: "at", Type: timeType}, {Go: "Owner", JSON: "owner", Type: pointerTo(stringType)}},
			Source: []schema.Source{{Name: "At", Type: timeType}, {Name: "Owner", Type: pointerTo(stringType)}},
		}},
		Topics: &schema.Topics{Name: "Topics", Fields: []*schema.Topic{
			{Go: "Orders", Name: "orders", Key: stringType, Value: orderType, Partitions: 4, Codec: "json", KeyCodec: "text", Retention: -1},
			{Go: "Counts", Name: "counts", Key: stringType, Value: int64Type, Codec: "json", KeyCodec: "text", Retention: 36 * time.Hour},
		}},
		Tables: []*schema.Tables{{Name: "Tables", Fields: []*schema.Table{
			{Go: "OrderCount", Name: "order_count", Key: stringType, Value: int64Type, Store: "badger", KeyCodec: "text", Doc: "OrderCount counts."},
			{Go: "Hourly", Name: "hourly", Key: stringType, Value: int64Type, Store: "memory", KeyCodec: "text", Window: &schema.Window{
				Kind: "tumbling", Size: time.Hour, Step: time.Hour, Grace: 5 * time.Minute, Expires: 24 * time.Hour, TimeRecord: "Order", TimeField: "Meta.At"}},
		}}},
		Agents: []*schema.Agent{
			{Func: schema.Func{Go: "CountOrders", Name: "count_orders", Handles: tables}, Topics: []string{"orders"}, Shape: schema.LoopValues, Value: orderType, OnError: "fail",
				GroupBy: &schema.GroupBy{By: "Meta.Owner", Path: []string{"Meta", "Owner"}, PathPointers: []bool{true}, KeyPointer: true, Key: stringType}},
			{Func: schema.Func{Go: "Check", Recv: "Checker", RecvPtr: true, Name: "checker_check"}, Topics: []string{"orders"}, Shape: schema.PerEvent, Key: stringType, Value: orderType,
				Result: schema.SliceResult, ResultType: int64Type, Sink: "counts", OnError: "skip", Borrow: true},
		},
		Closers:   []*schema.Closer{{Func: schema.Func{Go: "Report", Name: "report", Handles: topics}, Tables: "Tables", Table: "Hourly", OnError: "fail", Key: stringType, Value: int64Type}},
		Timers:    []*schema.Timer{{Func: schema.Func{Go: "Tick", Name: "tick"}, Every: 90 * time.Second}},
		Tasks:     []*schema.Task{{Func: schema.Func{Go: "Seed", Name: "seed", Handles: topics}}},
		Commands:  []*schema.Command{{Func: schema.Func{Go: "Load", Name: "load", Handles: topics}, Command: "load-file"}},
		Providers: []*schema.Provide{{Func: schema.Func{Go: "NewChecker", Name: "new_checker"}, Type: "Checker"}},
		Declared:  map[string]schema.Pos{"Order": {}, "Topics": {}, "Tables": {}, "CountOrders": {}},
	}
}

func emitted(t *testing.T, pkg *schema.Package) string {
	t.Helper()
	files, err := Emit(pkg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), FileName, files[0].Content, parser.SkipObjectResolution); err != nil {
		t.Fatal(err)
	}
	return string(files[0].Content)
}

func mustContain(t *testing.T, source string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(source, part) {
			t.Errorf("the generated file lacks\n%s\nit is\n%s", part, source)
			return
		}
	}
}

func TestEmitApplication(t *testing.T) {
	source := emitted(t, ordersPackage())
	if !strings.HasPrefix(source, Header+"\n\npackage orders\n") {
		t.Errorf("begins with %q", source[:60])
	}
	mustContain(t, source,
		"const _ = faust.Generated1",
		"func Faust() *faust.App {",
		"func NewClient(ctx context.Context, broker string, opts ...faust.Option) (*Topics, func() error, error) {",
		"type Queries struct {\n\t// OrderCount counts.\n\tOrderCount faust.Query[string, int64]\n\tHourly     faust.WindowQuery[string, int64]\n}",
		"Retention:     -1,",
		"Retention:     36 * time.Hour,",
		"Every: 90 * time.Second,",
		"if v.Meta == nil || v.Meta.Owner == nil {\n\t\t\treturn k, false\n\t\t}\n\t\treturn *v.Meta.Owner, true",
		"faust.TimeBy(\"Order.Meta.At\", faustTimeOrderMetaAt)",
		"func faustTimeOrderMetaAt(v *Order) time.Time {\n\tif v.Meta == nil {\n\t\treturn time.Time{}\n\t}\n\treturn v.Meta.At\n}",
		"p := faust.Provided[*Checker](b, \"Checker\")",
		"for i := range r {\n\t\t\tif err := sink.Send(ctx, &r[i]); err != nil {",
		"faust.Borrow[Order]()",
		"faust.OnClose(b, t.Hourly, func(ctx context.Context, w faust.Window, k string, v int64) error {\n\t\treturn Report(ctx, w, k, v, out)\n\t})",
		"func faustBindTick(_ *faust.Binder) func(context.Context) error {\n\treturn Tick\n}",
		"Name: \"load-file\",",
		"return badger.Open(dir, badger.Options{})",
	)
}

func TestEmitIsIndependentOfOrder(t *testing.T) {
	one, other := ordersPackage(), ordersPackage()
	slices.Reverse(other.Agents)
	other.Tables = append(other.Tables, &schema.Tables{Name: "Aaa"})
	one.Tables = append([]*schema.Tables{{Name: "Aaa"}}, one.Tables...)
	if a, b := emitted(t, one), emitted(t, other); a != b {
		t.Errorf("the order of declarations shows:\n%s\n\n%s", a, b)
	}
}

func TestEmitWorker(t *testing.T) {
	for _, c := range []struct{ name, path, worker, file, want string }{
		{"orders", "example.com/shop/orders", "", "cmd/orders/main.go", "cli.Main(orders.Faust())"},
		{"orders", "example.com/shop/orders", "../../bin/", "../../bin/main.go", "cli.Main(orders.Faust())"},
		{"cli", "example.com/shop/cli", "", "cmd/orders/main.go", "faustcli.Main(cli.Faust())"},
		{"faust", "example.com/shop/faust", "", "cmd/orders/main.go", "cli.Main(faust.Faust())"},
		{"string", "example.com/shop/string", "", "cmd/orders/main.go", "cli.Main(stringapp.Faust())"},
		{"shop", "example.com/go-shop", "", "cmd/orders/main.go", `shop "example.com/go-shop"`},
	} {
		pkg := ordersPackage()
		pkg.Name, pkg.Path, pkg.App.Worker = c.name, c.path, c.worker
		files, err := Emit(pkg)
		if err != nil {
			t.Fatal(err)
		}
		if files[1].Path != c.file {
			t.Errorf("%s: worker in %s, want %s", c.path, files[1].Path, c.file)
		}
		if !bytes.HasPrefix(files[1].Content, []byte(Header+"\n\n// Command orders is")) {
			t.Errorf("%s: worker begins with %s", c.path, files[1].Content)
		}
		mustContain(t, string(files[1].Content), c.want)
	}
}

func TestEmitMain(t *testing.T) {
	pkg := ordersPackage()
	pkg.Name = "main"
	files, err := Emit(pkg)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v; want one", len(files), err)
	}
	mustContain(t, string(files[0].Content), "func main() {\n\tcli.Main(Faust())\n}")
}

func TestEmitAvoidsTheUsersNames(t *testing.T) {
	pkg := ordersPackage()
	for _, name := range []string{"t", "out", "ctx", "b", "v", "codec", "context", "faustBindCountOrders"} {
		pkg.Declared[name] = schema.Pos{}
	}
	source := emitted(t, pkg)
	mustContain(t, source,
		`contextpkg "context"`,
		"func faustBindCountOrders2(b2 *faust.Binder) faust.Step {\n\tt2 := faust.Once(b2, faustBindTables)",
		"func(ctx2 contextpkg.Context, s *faust.Stream[Order]) error {\n\t\treturn CountOrders(ctx2, s, t2)\n\t}",
	)
}

func TestEmitNothing(t *testing.T) {
	files, err := Emit(&schema.Package{Path: "example.com/x", Name: "x"})
	if err != nil || len(files) != 0 {
		t.Errorf("%d files, %v; want none", len(files), err)
	}
}

func TestQueriesOfTwoStructsWithEqualFields(t *testing.T) {
	pkg := ordersPackage()
	pkg.Tables = append(pkg.Tables, &schema.Tables{Name: "Other", Fields: []*schema.Table{
		{Go: "orderCount", Name: "other_count", Key: stringType, Value: int64Type, Store: "badger", KeyCodec: "text"}}})
	mustContain(t, emitted(t, pkg), "TablesOrderCount faust.Query", "OtherOrderCount ")
}

func TestHelpersNeverShareAName(t *testing.T) {
	n := newNames(&schema.Package{Declared: map[string]schema.Pos{"faustBindX": {}}})
	got := []string{n.helper("Bind", "TFoo"), n.helper("Bind", "T.Foo"), n.helper("Bind", "tFoo"), n.helper("Bind", "TFoo"), n.helper("Bind", "X")}
	want := []string{"faustBindTFoo", "faustBindTFoo2", "faustBindTFoo3", "faustBindTFoo", "faustBindX2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func BenchmarkEmit(b *testing.B) {
	pkg := ordersPackage()
	for b.Loop() {
		if _, err := Emit(pkg); err != nil {
			b.Fatal(err)
		}
	}
}

func TestGroupByOfPointerValues(t *testing.T) {
	pkg := ordersPackage()
	pkg.Topics.Fields[0].Value = pointerTo(orderType)
	pkg.Agents = pkg.Agents[:1]
	pkg.Agents[0].Value = pointerTo(orderType)
	pkg.Agents[0].GroupBy = &schema.GroupBy{By: "AccountID", Path: []string{"AccountID"}, Key: stringType}
	mustContain(t, emitted(t, pkg),
		"func(v **Order) (k string, ok bool) {\n\t\tif *v == nil {\n\t\t\treturn k, false\n\t\t}\n\t\treturn (*v).AccountID, true",
		"func faustTimeOrderMetaAt(v **Order) time.Time {\n\tif *v == nil || (*v).Meta == nil {")
}

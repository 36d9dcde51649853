package scan

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faustgen/faustgen/schema"
)

func TestTypes(t *testing.T) {
	src := `package kinds

import (
	"encoding/json"
	"net/netip"
	"time"
)

type Tree []Tree
type Color string
type Digit byte
type Tags []string
type Own struct{ n int }
func (Own) MarshalJSON() ([]byte, error) { return nil, nil }
type Text struct{ n int }
func (Text) MarshalText() ([]byte, error) { return nil, nil }
func (*Text) UnmarshalText([]byte) error { return nil }
type Alias = Color
type Pair[A, B any] struct { First A; Second B }
type Node struct { Next *Node; Kids []Node }

//faust:record
type All struct {
	Bool bool; Int int; U8 uint8; F32 float32; Str string; Bytes []byte; Time time.Time; Wait time.Duration
	Ptr *int; Slice []Color; Array [3]int; Map map[Color]int; ByTime map[time.Time]int; ByText map[Text]int
	Color Color; Alias Alias; Tags Tags; Pair Pair[string, Node]; Node *Node
	Any any; Raw json.RawMessage; Addr netip.Addr; Month time.Month; Own Own; Text Text; Tree Tree; Anon struct{ X int }; Digits []Digit; Deep map[string][]any
	inner chan int
	Skipped chan int ` + "`json:\"-\"`" + `
	Tagged  chan int ` + "`faust:\"-\"`" + `
}
`
	p := good(t, load(t, newModule(t, map[string]string{"kinds/kinds.go": src}), "./kinds"), "case.test/kinds")
	got := map[string]*schema.Field{}
	var names []string
	for _, f := range p.Records[0].Fields {
		got[f.Go] = f
		names = append(names, f.Go)
	}
	want := map[string][2]string{
		"Bool": {"bool", "own"}, "Int": {"int", "own"}, "U8": {"uint8", "own"}, "F32": {"float32", "own"}, "Str": {"string", "own"}, "Bytes": {"bytes", "own"},
		"Time": {"time", "own"}, "Wait": {"duration", "own"}, "Ptr": {"pointer", "own"}, "Slice": {"slice", "own"}, "Array": {"array", "own"}, "Map": {"map", "own"},
		"ByTime": {"map", "own"}, "ByText": {"map", "own"}, "Color": {"string", "own"}, "Alias": {"string", "own"}, "Tags": {"slice", "own"}, "Pair": {"record", "own"},
		"Node": {"pointer", "own"}, "Any": {"foreign", "goccy"}, "Raw": {"foreign", "goccy"}, "Addr": {"foreign", "goccy"}, "Month": {"foreign", "goccy"},
		"Own": {"foreign", "goccy"}, "Text": {"foreign", "goccy"}, "Tree": {"slice", "goccy"}, "Anon": {"foreign", "goccy"}, "Digits": {"foreign", "goccy"}, "Deep": {"map", "goccy"},
	}
	if len(names) != len(want) || names[0] != "Bool" {
		t.Errorf("the fields are %q", names)
	}
	for name, w := range want {
		if f := got[name]; f == nil || [2]string{string(f.Type.Kind), f.Codec} != w {
			t.Errorf("field %s is %+v, want %q", name, f, w)
		}
	}
	if n := p.Record("case.test/kinds.Node"); n == nil || !n.Recursive {
		t.Errorf("Node is %+v", n)
	}
	pair := p.Record("case.test/kinds.Pair[string,case.test/kinds.Node]")
	if pair == nil || pair.Fields[1].Type.Record != "case.test/kinds.Node" {
		t.Errorf("Pair is %+v", pair)
	}
	if src := p.Records[0].Source; len(src) != len(want)+3 || src[len(src)-1].Tag != `faust:"-"` {
		t.Errorf("the struct as declared has %d fields", len(src))
	}
}

// TestScanCostsOnlyWhatHasDirectives: packages without one are not loaded, whatever is wrong with them.
func TestScanCostsOnlyWhatHasDirectives(t *testing.T) {
	dir := newModule(t, map[string]string{
		"shop/shop.go":      header + records,
		"broken/broken.go":  "package broken\n\nimport \"nowhere.test/x\"\n\nvar _ = x.Y(\n",
		"testdata/data.go":  "package data\n\n//faust:frobnicate\n",
		"nested/go.mod":     "module nested.test\n",
		"nested/nested.go":  "package nested\n\n//faust:frobnicate\n",
		"_hidden/hidden.go": "package hidden\n\n//faust:frobnicate\n",
		"tagged/tagged.go":  "//go:build never\n\npackage tagged\n\n//faust:frobnicate\n",
	})
	r := load(t, dir, "./...")
	good(t, r, "case.test/shop")
	if len(r.Packages) != 1 {
		t.Errorf("%d packages declare something, want 1", len(r.Packages))
	}
	var dirs []string
	for _, d := range r.Dirs {
		dirs = append(dirs, filepath.Base(d))
	}
	if want := []string{"broken", "shop", "tagged"}; !slices.Equal(dirs, want) {
		t.Errorf("the folders are %q, want %q", dirs, want)
	}
	if r := load(t, dir, "./broken"); len(r.Packages) != 0 {
		t.Error("a package without directives declares something")
	}
}

func TestPatterns(t *testing.T) {
	dir := newModule(t, map[string]string{"shop/shop.go": header + records, "shop/deep/deep.go": "package deep\n\n//faust:record\ntype R struct{ A int }\n"})
	for pattern, want := range map[string][]string{
		".":                         nil,
		"./shop":                    {"case.test/shop"},
		"./shop/...":                {"case.test/shop", "case.test/shop/deep"},
		"case.test/shop/deep":       {"case.test/shop/deep"},
		filepath.Join(dir, "shop"):  {"case.test/shop"},
		"case.test/...":             {"case.test/shop", "case.test/shop/deep"},
		"./shop/deep/../../shop/./": {"case.test/shop"},
	} {
		r, err := Load([]string{pattern}, Options{Dir: dir, Env: env()})
		if want == nil {
			if err == nil {
				t.Errorf("%s: a folder without Go files is no mistake", pattern)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got []string
		for _, p := range r.Packages {
			got = append(got, p.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s gives %q, want %q", pattern, got, want)
		}
	}
	for _, pattern := range []string{"./nowhere", "./nowhere/...", "case.test/nowhere"} {
		if _, err := Load([]string{pattern}, Options{Dir: dir, Env: env()}); err == nil {
			t.Errorf("%s, which does not exist, is no mistake", pattern)
		}
	}
}

// TestModuleNeedsUpdate: when the go command lists nothing, that is a mistake and no empty module, whose files could be removed.
func TestModuleNeedsUpdate(t *testing.T) {
	dir := newModule(t, map[string]string{"shop/shop.go": header + records})
	appendTo := func(name, text string) {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.WriteString(text)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	appendTo("go.mod", "\nrequire other.test v0.1.0\n\nreplace other.test => ./other\n")
	appendTo("../stub/go.mod", "\nrequire other.test v0.2.0\n")
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	appendTo("other/go.mod", "module other.test\n")
	_, err := Load([]string{"./..."}, Options{Dir: dir, Env: append(env(), "GOFLAGS=-mod=readonly")})
	if err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("the error is %v", err)
	}
}

func TestBuildTags(t *testing.T) {
	dir := newModule(t, map[string]string{"shop/shop.go": "package shop\n\n//faust:record\ntype A struct{ X int }\n", "shop/more.go": "//go:build extra\n\npackage shop\n\n//faust:record\ntype B struct{ X int }\n"})
	for tags, want := range map[string]int{"": 1, "extra": 2} {
		r, err := Load([]string{"./..."}, Options{Dir: dir, Tags: tags, Env: env()})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.Packages[0].Records); n != want {
			t.Errorf("with tags %q there are %d records, want %d", tags, n, want)
		}
	}
}

// TestSyntaxError: a file that cannot be parsed is reported at its place, as declarations may be missing because of it.
func TestSyntaxError(t *testing.T) {
	dir := newModule(t, map[string]string{"shop/shop.go": header + records, "shop/broken.go": "package shop\n\nfunc broken( {\n"})
	r := load(t, dir, "./shop")
	if len(r.Diagnostics) == 0 || r.Diagnostics[0].Rule != "F008" || !strings.HasPrefix(r.Diagnostics[0].String(), "shop/broken.go:3:") {
		t.Errorf("the diagnostics are %v", r.Diagnostics)
	}
}

func TestGenerated(t *testing.T) {
	for text, want := range map[string]bool{
		Header: true, Header + "\n\npackage x\n": true, Header + "\r\npackage x": true, "": false, "package x\n": false, Header + " Really.\n": false, "// A line.\n" + Header: false,
	} {
		if got := Generated([]byte(text)); got != want {
			t.Errorf("Generated(%q) = %v", text, got)
		}
	}
}

// TestBrokenDependency: a package of the module that does not compile is read from its source.
func TestBrokenDependency(t *testing.T) {
	dir := newModule(t, map[string]string{
		"model/model.go": "package model\n\n//faust:record\ntype Order struct{ A int }\n\nfunc broken() { undefined() }\n",
		"shop/shop.go":   strings.Replace(header, "import (", "import (\n\t\"case.test/model\"", 1) + "\n//faust:topics\ntype Topics struct { Orders faust.Topic[string, model.Order] }\n\n//faust:task\nfunc T(ctx context.Context) error { return nil }\n",
	})
	p := good(t, load(t, dir, "./shop"), "case.test/shop")
	if r := p.Record("case.test/model.Order"); r == nil || len(r.Fields) != 1 {
		t.Errorf("the record is %+v", r)
	}
	if err := os.Remove(filepath.Join(dir, "model", "model.go")); err != nil {
		t.Fatal(err)
	}
	r := load(t, dir, "./shop")
	if len(r.Diagnostics) == 0 || r.Diagnostics[0].Rule != "F008" {
		t.Errorf("without its package the record's type gives %v", r.Diagnostics)
	}
}

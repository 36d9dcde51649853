package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/schema"
)

// project is a module that replaces the runtime by the few declarations that a scan looks at.
type project struct {
	t   *testing.T
	dir string
}

const stub = `package faust

type Topic[K, V any] struct{}
type Table[K comparable, V any] struct{}
`

const shopSource = `// Package shop counts.
//
//faust:app shop
package shop

import (
	"context"

	faust "github.com/faustgen/faustgen/runtime"
)

//faust:record
type Order struct {
	ID   string
	Tags map[string]any
}

//faust:topics
type Topics struct{ Orders faust.Topic[string, Order] }

//faust:agent orders
func Count(ctx context.Context, o Order) error { return nil }
`

func newProject(t *testing.T) *project {
	t.Helper()
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, dir: filepath.Join(root, "case")}
	p.write("../stub/go.mod", "module github.com/faustgen/faustgen\n\ngo 1.26\n")
	p.write("../stub/runtime/faust.go", stub)
	p.write("go.mod", "module case.test\n\ngo 1.26\n\nrequire github.com/faustgen/faustgen v0.0.0\n\nreplace github.com/faustgen/faustgen => ../stub\n")
	return p
}

func (p *project) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

func (p *project) write(name, content string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.path(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.path(name), []byte(content), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) exists(name string) bool {
	_, err := os.Stat(p.path(name))
	return err == nil
}

// run runs faustgen in the project and wants the exit code.
func (p *project) run(code int, args ...string) (stdout, stderr string) {
	p.t.Helper()
	var out, errs bytes.Buffer
	if got := run(append([]string{"-C", p.dir}, args...), &out, &errs); got != code {
		p.t.Fatalf("faustgen %s exits with %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

func TestGenerateAndCheck(t *testing.T) {
	p := newProject(t)
	p.write("shop/shop.go", shopSource)
	out, _ := p.run(1, "check", "./...")
	for _, want := range []string{"--- /dev/null\n+++ b/shop/faust_gen.go\n", "+++ b/shop/cmd/shop/main.go\n", "+package shop\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("check of a first run lacks %q:\n%s", want, out)
		}
	}
	p.run(0, "./...")
	if out, errs := p.run(0, "check", "./..."); out+errs != "" {
		t.Errorf("check of what is up to date prints %q %q", out, errs)
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(p.path("shop/faust_gen.go"), old, old); err != nil {
		t.Fatal(err)
	}
	p.run(0, "gen", "./...")
	if info, err := os.Stat(p.path("shop/faust_gen.go")); err != nil || !info.ModTime().Equal(old) {
		t.Errorf("an equal file was written anew: %v %v", info.ModTime(), err)
	}
	if info, err := os.Stat(p.path("shop/cmd/shop/main.go")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the worker's main has mode %v: %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(p.path("shop/.faustgen-*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}

	p.write("shop/faust_gen.go", strings.Replace(p.read("shop/faust_gen.go"), "Order", "Ordre", 1))
	if out, errs := p.run(1, "check", "./shop"); !strings.Contains(out, "--- a/shop/faust_gen.go\n+++ b/shop/faust_gen.go\n") || !strings.Contains(errs, "run go generate") {
		t.Errorf("check of a changed byte prints %q %q", out, errs)
	}
	p.run(0, "./shop")
	p.run(0, "check", "./shop")
}

func (p *project) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// TestOrphans: what was generated and is not asked for any more goes, with the worker's folder; what belongs to packages
// that were not looked at, and what was written by hand, stays.
func TestOrphans(t *testing.T) {
	p := newProject(t)
	p.write("shop/shop.go", shopSource)
	p.write("other/other.go", strings.NewReplacer("shop counts", "other counts", "app shop", "app other worker=../workers/other", "package shop", "package other").Replace(shopSource))
	p.run(0, "./...")
	if !p.exists("workers/other/main.go") {
		t.Fatal("the worker is not where worker= says")
	}

	p.write("shop/shop.go", strings.Replace(shopSource, "app shop", "app store", 1))
	if out, _ := p.run(1, "check", "./shop"); !strings.Contains(out, "--- a/shop/cmd/shop/main.go\n+++ /dev/null\n") {
		t.Errorf("check does not show the orphan:\n%s", out)
	}
	p.run(0, "./shop")
	if p.exists("shop/cmd/shop") || !p.exists("shop/cmd/store/main.go") {
		t.Error("the worker did not move with the application's name")
	}

	p.run(0, "./workers/...")
	if !p.exists("workers/other/main.go") {
		t.Error("the worker of a package that was not looked at is gone")
	}
	p.write("shop/shop.go", "package shop\n")
	p.write("other/faust_gen.go", "package other // by hand\n")
	p.write("other/other.go", "package other\n")
	p.run(0, "./...")
	for _, gone := range []string{"shop/faust_gen.go", "shop/cmd", "workers/other"} {
		if p.exists(gone) {
			t.Errorf("%s is still there", gone)
		}
	}
	if !p.exists("other/faust_gen.go") {
		t.Error("a file without the header is gone")
	}
	p.run(0, "check", "./...")
}

// TestHandwrittenMain is never overwritten, and nothing else is written beside it.
func TestHandwrittenMain(t *testing.T) {
	p := newProject(t)
	p.write("shop/shop.go", shopSource)
	p.write("shop/cmd/shop/main.go", "package main\n\nfunc main() {}\n")
	if _, errs := p.run(2, "./..."); !strings.Contains(errs, "worker=<dir>") {
		t.Errorf("the message is %q", errs)
	}
	if p.exists("shop/faust_gen.go") || p.read("shop/cmd/shop/main.go") != "package main\n\nfunc main() {}\n" {
		t.Error("something was written")
	}
}

// TestDiagnostics are printed for all packages at once, with places as seen from the folder that is worked in.
func TestDiagnostics(t *testing.T) {
	p := newProject(t)
	p.write("shop/shop.go", strings.Replace(shopSource, "agent orders", "agent order", 1))
	p.write("good/good.go", "package good\n\n//faust:record\ntype R struct{ A int }\n")
	p.write("bad/bad.go", "package bad\n\n//faust:recrod\ntype R struct{ A int }\n")
	want := "bad/bad.go:3:1: F002: unknown directive //faust:recrod; did you mean //faust:record?\n" +
		"shop/shop.go:21:15: F015: there is no topic order; did you mean orders, declared at shop/shop.go:19:21?\n"
	for _, args := range [][]string{{"./..."}, {"check", "./..."}, {"dump", "./..."}, {"graph", "./..."}} {
		if out, errs := p.run(2, args...); errs != want || out != "" {
			t.Errorf("faustgen %v prints %q and\n%s\nwant\n%s", args, out, errs, want)
		}
	}
	if p.exists("good/faust_gen.go") {
		t.Error("a package was generated beside a broken one")
	}
	var out, errs bytes.Buffer
	if code := run([]string{"-C", p.path("bad")}, &out, &errs); code != 2 || errs.String() != "bad.go:3:1: F002: unknown directive //faust:recrod; did you mean //faust:record?\n" {
		t.Errorf("in the package's folder it exits with %d and prints %s", code, errs.String())
	}
}

func TestDump(t *testing.T) {
	p := newProject(t)
	p.write("shop/shop.go", shopSource)
	out, _ := p.run(0, "dump", "./...")
	var pkgs []*schema.Package
	if err := json.Unmarshal([]byte(out), &pkgs); err != nil {
		t.Fatal(err)
	}
	fields := pkgs[0].Records[0].Fields
	if pkgs[0].App.ID != "shop" || fields[0].Codec != "own" || fields[1].Codec != "goccy" {
		t.Errorf("dump prints %s", out)
	}
	p.write("shop/shop.go", "package shop\n")
	if out, _ := p.run(0, "dump", "./..."); out != "[]\n" {
		t.Errorf("dump of nothing prints %q", out)
	}
}

func TestGraph(t *testing.T) {
	p := newProject(t)
	p.write("shop/shop.go", shopSource)
	if out, _ := p.run(0, "graph", "./shop"); !strings.HasPrefix(out, "flowchart") || !strings.Contains(out, "orders") {
		t.Errorf("graph prints %q", out)
	}
	if out, _ := p.run(0, "graph", "--dot", "./..."); !strings.HasPrefix(out, "digraph") {
		t.Errorf("graph --dot prints %q", out)
	}
	p.write("shop/shop.go", "package shop\n")
	if _, errs := p.run(2, "graph", "./shop"); !strings.Contains(errs, "no application") {
		t.Errorf("graph of nothing prints %q", errs)
	}
}

func TestHelp(t *testing.T) {
	p := newProject(t)
	out, _ := p.run(0, "help", "directives")
	for _, d := range schema.Directives {
		if !strings.Contains(out, d.Usage()+"\n") || !strings.Contains(out, d.Doc) {
			t.Errorf("help directives lacks %s", d.Name)
		}
	}
	if out, _ := p.run(0, "help", "directives", "faust:topic"); !strings.HasPrefix(out, "//faust:topic [name]") || strings.Contains(out, "//faust:agent") {
		t.Errorf("help of one directive prints %q", out)
	}
	if out, _ := p.run(0, "help", "check"); !strings.Contains(out, "faustgen check [packages]") || !strings.Contains(out, "Exit code 0") {
		t.Errorf("help check prints %q", out)
	}
	if out, _ := p.run(0, "help"); !strings.Contains(out, "Available Commands") {
		t.Errorf("help prints %q", out)
	}
	for _, args := range [][]string{{"help", "chekc"}, {"help", "directives", "chekc"}} {
		if _, errs := p.run(2, args...); errs == "" {
			t.Errorf("%v is no mistake", args)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	p := newProject(t)
	for args, want := range map[string]string{
		"chekc":       "unknown command \"chekc\"; did you mean check?",
		"watch":       "does not build it yet",
		"--frobnicat": "unknown flag",
		"./nowhere":   "nowhere",
		"version now": "unknown command",
	} {
		if _, errs := p.run(2, strings.Fields(args)...); !strings.Contains(errs, want) {
			t.Errorf("faustgen %s prints %q, want %q", args, errs, want)
		}
	}
	if out, _ := p.run(0, "version"); !strings.HasPrefix(out, "faustgen ") {
		t.Errorf("version prints %q", out)
	}
}

func TestVersion(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	for _, c := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{commit}}, "faustgen v0.1.0 go1.26.8"},
		{debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{commit}}, "faustgen (devel) 0123456789ab go1.26.8"},
		{debug.BuildInfo{GoVersion: "go1.26.8"}, "faustgen (devel) go1.26.8"},
	} {
		if got := version(&c.info); got != c.want {
			t.Errorf("version is %q, want %q", got, c.want)
		}
	}
}

// Package faustgen_test holds the architecture of the repository as tests: who may import whom, where goroutines are started, and that
// what the documents show exists. ARCHITECTURE.md says why.
package faustgen_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/faustgen/faustgen"

// mayImport is the architecture: for each folder, the folders of this module that its code (tests aside) may import. A new entry is a
// design decision: say why in the commit.
var mayImport = map[string][]string{
	"cmd/faustgen": {"schema", "schema/scan", "templates"},
	"schema":       {},
	"schema/scan":  {"schema"},
	"templates":    {"schema"},

	"runtime": {"runtime/codec", "runtime/store", "runtime/internal/broker", "runtime/internal/group", "runtime/internal/record",
		"runtime/internal/task"},
	"runtime/codec":           {},
	"runtime/codec/foreign":   {"runtime/codec"},
	"runtime/store":           {},
	"runtime/store/badger":    {"runtime/store"},
	"runtime/store/storetest": {"runtime/store"},
	"runtime/devbroker":       {},
	"runtime/fausttest":       {"runtime", "runtime/devbroker", "runtime/codec"},
	"runtime/cli":             {"runtime", "runtime/codec", "runtime/devbroker"},
	"runtime/internal/record": {},
	"runtime/internal/broker": {"runtime/internal/record"},
	"runtime/internal/group":  {"runtime/internal/record"},
	"runtime/internal/task":   {"runtime/internal/record", "runtime/store"},
}

// onlyIn says which folders may import a library that is kept in one place. Tests are free.
var onlyIn = map[string][]string{
	"github.com/segmentio/kafka-go":         {"runtime/internal/broker"},
	"github.com/dgraph-io/badger/v4":        {"runtime/store/badger"},
	"github.com/twmb/franz-go/pkg/kfake":    {"runtime/devbroker"},
	"github.com/goccy/go-json":              {"runtime/codec/foreign"},
	"github.com/dave/jennifer/jen":          {"templates"},
	"golang.org/x/tools/go/packages":        {"schema/scan"},
	"github.com/spf13/cobra":                {"runtime/cli", "cmd/faustgen"},
	"github.com/twmb/franz-go/pkg/kgo":      {"bench", "examples", "runtime/fausttest"}, // consumers that know nothing of ours
	"net/http":                              {"runtime"},
	"github.com/faustgen/faustgen/examples": {"examples", "bench"},
}

// goroutines are the only places with a go statement; everything else starts them through a WaitGroup or an errgroup that it waits for.
var goroutines = []string{"examples/power/show/worker.go", "examples/kafkatest/", "runtime/fausttest/", "runtime/cli/", "runtime/devbroker/"}

// sources calls f for every Go file of ours.
func sources(t *testing.T, f func(name string, file *ast.File, fset *token.FileSet)) {
	t.Helper()
	fset := token.NewFileSet()
	seen := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		seen++
		f(filepath.ToSlash(name), file, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Fatalf("only %d Go files found: the walk is broken", seen)
	}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

func TestImports(t *testing.T) {
	sources(t, func(name string, file *ast.File, fset *token.FileSet) {
		dir := path.Dir(name)
		if isTest(name) {
			return
		}
		allowed, known := mayImport[dir]
		for _, s := range file.Imports {
			imported, _ := strconv.Unquote(s.Path.Value)
			place := fset.Position(s.Pos())
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok && known && !slices.Contains(allowed, ours) {
				t.Errorf("%s: %s may not import %s; see mayImport", place, dir, ours)
			}
			if strings.HasPrefix(dir, "runtime/internal/") && imported == module+"/runtime" {
				t.Errorf("%s: internal packages never import the skin", place)
			}
			for library, dirs := range onlyIn {
				if imported != library && !strings.HasPrefix(imported, library+"/") {
					continue
				}
				if !slices.ContainsFunc(dirs, func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") && d != "runtime" }) {
					t.Errorf("%s: %s is imported by %v only", place, library, dirs)
				}
			}
		}
		if !known && (strings.HasPrefix(dir, "runtime/internal/") || strings.HasPrefix(dir, "schema") || strings.HasPrefix(dir, "templates")) {
			t.Errorf("%s is a folder that mayImport doesn't know", dir)
		}
	})
}

func TestGeneratorAndRuntimeAreApart(t *testing.T) {
	for dir, allowed := range mayImport {
		generator := dir == "templates" || strings.HasPrefix(dir, "schema") || strings.HasPrefix(dir, "cmd/")
		for _, a := range allowed {
			if generator == strings.HasPrefix(a, "runtime") {
				t.Errorf("%s may import %s: the generator and the runtime never import each other", dir, a)
			}
		}
	}
}

func TestGoroutines(t *testing.T) {
	sources(t, func(name string, file *ast.File, fset *token.FileSet) {
		if isTest(name) || slices.ContainsFunc(goroutines, func(p string) bool { return strings.HasPrefix(name, p) }) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: a go statement; start it through something that waits for it, or add the file to goroutines", fset.Position(g.Pos()))
			}
			return true
		})
	})
}

// Long functions and files are a question to the reviewer, not a failure: they are listed with -v.
func TestSizes(t *testing.T) {
	sources(t, func(name string, file *ast.File, fset *token.FileSet) {
		if isTest(name) || path.Base(name) == "faust_gen.go" {
			return
		}
		if n := fset.Position(file.End()).Line; n > 600 {
			t.Logf("%s has %d lines: is it still one thing?", name, n)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line; n > 70 {
				t.Logf("%s: %s has %d lines: does it do one thing?", fset.Position(f.Pos()), f.Name.Name, n)
			}
		}
	})
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

func TestLinks(t *testing.T) {
	links := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if links == 0 {
		t.Error("no link found in any document: the pattern is broken")
	}
}

// TestFoldersAreExplained: ARCHITECTURE.md names every folder that holds a package of the runtime or the generator.
func TestFoldersAreExplained(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for dir := range mayImport {
		if !strings.Contains(string(text), dir) {
			t.Errorf("ARCHITECTURE.md does not mention %s", dir)
		}
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("mayImport has %s, which does not exist", dir)
		}
	}
}

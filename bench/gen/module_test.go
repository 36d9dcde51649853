//go:build unix

package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/bench/internal/proc"
)

func TestModuleHasItsPackagesAndRequiresTheCheckout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "module")
	root := filepath.Join("..", "..")
	if err := writeModule(dir, root, 3); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.go"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%d packages (%v), want 3", len(files), err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Base(filepath.Dir(file)); parsed.Name.Name != want {
			t.Errorf("%s is package %s, want %s", file, parsed.Name.Name, want)
		}
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "//faust:record"); got != recordsPerPackage {
		t.Errorf("a package has %d records, want %d", got, recordsPerPackage)
	}
}

func TestModuleFileReplacesTheCheckout(t *testing.T) {
	const mod = "module github.com/faustgen/faustgen\n\ngo 1.26.0\n\ntool (\n\texample.com/lint\n\texample.com/vet\n)\n\ntool example.com/one\n\nrequire example.com/dep v1.0.0\n"
	got := moduleFile(mod, "/src/faustgen")
	for _, want := range []string{"module example.com/shops\n", "go 1.26.0\n", "require example.com/dep v1.0.0\n",
		"require github.com/faustgen/faustgen v0.0.0\n", "replace github.com/faustgen/faustgen => /src/faustgen\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("go.mod lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "tool") {
		t.Errorf("go.mod still has the checkout's tools:\n%s", got)
	}
}

func TestShowGivesLeastAndMedian(t *testing.T) {
	var all []proc.Usage
	for _, ms := range []int{400, 300, 900} {
		all = append(all, proc.Usage{Wall: time.Duration(ms) * time.Millisecond, CPU: time.Second, PeakRSS: int64(ms) * 1e6})
	}
	if got := show(all); got != "time min 300 ms, median 400 ms; CPU median 1000 ms; peak median 400 MB (3 runs)" {
		t.Errorf("shown as %q", got)
	}
	if got := show(all[:1]); got != "time 400 ms, CPU 1000 ms, peak 400 MB" {
		t.Errorf("one run is shown as %q", got)
	}
}

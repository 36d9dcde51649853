package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/sync/errgroup"

	"github.com/faustgen/faustgen/schema"
	"github.com/faustgen/faustgen/schema/scan"
	"github.com/faustgen/faustgen/templates"
)

// plan is what generating would change: files to write, and files that were generated once and are not any more.
type plan struct {
	root    string
	files   []planned
	orphans []planned // Content is nil
}

// planned is one file that differs from what is on disk.
type planned struct {
	path         string // absolute
	was, content []byte // was is nil if the file does not exist
}

// load scans and checks. Diagnostics are printed to stderr, all of them, and errReported comes back.
func load(s *settings, patterns []string, stderr io.Writer) (*scan.Result, error) {
	result, err := scan.Load(patterns, scan.Options{Dir: s.dir, Tags: s.tags})
	if err != nil {
		return nil, err
	}
	found := schema.Sort(append(result.Diagnostics, schema.Check(result.Packages)...))
	if len(found) == 0 {
		return result, nil
	}
	place := printer(result.Root, s.dir)
	for _, d := range found {
		fmt.Fprintln(stderr, d.Format(place))
	}
	return nil, errReported
}

// newPlan renders all packages and compares with the disk. It writes nothing.
func newPlan(s *settings, patterns []string, stderr io.Writer) (*plan, error) {
	result, err := load(s, patterns, stderr)
	if err != nil {
		return nil, err
	}
	p := &plan{root: result.Root}
	wanted := map[string]bool{}
	emitted, err := emit(result.Packages)
	if err != nil {
		return nil, err
	}
	for i, pkg := range result.Packages {
		for _, f := range emitted[i] {
			file := filepath.Join(pkg.Dir, filepath.FromSlash(f.Path))
			wanted[file] = true
			if err := p.compare(file, f.Content); err != nil {
				return nil, err
			}
		}
	}
	if err := p.findOrphans(result, wanted); err != nil {
		return nil, err
	}
	byPath := func(a, b planned) int { return strings.Compare(a.path, b.path) }
	slices.SortFunc(p.files, byPath)
	slices.SortFunc(p.orphans, byPath)
	return p, nil
}

// emit renders the packages, several at a time: it is most of what a run costs.
func emit(pkgs []*schema.Package) ([][]templates.File, error) {
	emitted := make([][]templates.File, len(pkgs))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, pkg := range pkgs {
		workers.Go(func() (err error) {
			emitted[i], err = templates.Emit(pkg)
			return err
		})
	}
	return emitted, workers.Wait()
}

// compare notes a file whose content on disk is another. A main.go that someone wrote by hand is never overwritten.
func (p *plan) compare(file string, content []byte) error {
	was, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		was = nil
	case err != nil:
		return fmt.Errorf("compare with what was generated before: %w", err)
	case bytes.Equal(was, content):
		return nil
	case filepath.Base(file) != scan.GenFile && !scan.Generated(was):
		return fmt.Errorf("%s was not generated and is left as it is; move it, or give the worker another folder: //faust:app … worker=<dir>", file)
	default:
		was = append([]byte{}, was...) // an empty file is one that exists
	}
	p.files = append(p.files, planned{path: file, was: was, content: content})
	return nil
}

// findOrphans looks for generated files that no declaration asks for any more: in the folders that were scanned, and in the folders where
// their workers are by default.
func (p *plan) findOrphans(result *scan.Result, wanted map[string]bool) error {
	scanned := map[string]bool{}
	candidates := map[string]bool{}
	for _, dir := range result.Dirs {
		scanned[dir] = true
		candidates[filepath.Join(dir, scan.GenFile)] = true
		candidates[filepath.Join(dir, "main.go")] = true
		workers, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "cmd", "*", "main.go"))
		for _, w := range workers {
			candidates[w] = true
		}
	}
	for file := range candidates {
		if wanted[file] {
			continue
		}
		was, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for files that were generated before: %w", err)
		}
		if !scan.Generated(was) {
			continue
		}
		if filepath.Base(file) != scan.GenFile && !abandoned(result.Root, was, scanned) {
			continue
		}
		p.orphans = append(p.orphans, planned{path: file, was: was})
	}
	return nil
}

// escapeGlob takes the meaning out of the signs of a pattern in a folder's name.
func escapeGlob(dir string) string {
	return strings.NewReplacer("[", `\[`, "*", `\*`, "?", `\?`).Replace(dir)
}

// abandoned says whether a generated main.go, which is not wanted, belongs to an application that was scanned just now, or to none that
// exists. The worker of an application that was not scanned stays.
func abandoned(root string, main []byte, scanned map[string]bool) bool {
	f, err := parser.ParseFile(token.NewFileSet(), "main.go", main, parser.ImportsOnly)
	if err != nil {
		return true
	}
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return false
	}
	module := modfile.ModulePath(text)
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil || imported == scan.RuntimePath || strings.HasPrefix(imported, scan.RuntimePath+"/") {
			continue
		}
		if imported != module && !strings.HasPrefix(imported, module+"/") {
			continue
		}
		dir := filepath.Join(root, filepath.FromSlash(strings.TrimPrefix(path.Clean(imported), module)))
		if _, err := os.Stat(dir); err == nil && !scanned[dir] {
			return false
		}
	}
	return true
}

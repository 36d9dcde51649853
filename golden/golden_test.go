// Package golden proves the generator on whole packages. Each file of cases/ is a txtar archive: a comment that says what the case shows,
// the user's files, and below want/ what must come of them:
//
//	-- orders.go --              the user's package, import path case.test/<name of the case>; folders are packages of their own
//	-- run/run.go --             package run with func Run(t *testing.T): what it prints is compared with want/output
//	-- args --                   for a package main: the arguments of one run of the program, printed to want/output as well
//	-- want/faust_gen.go --      every generated file, by its path below the package
//	-- want/output --
//	-- want/stderr --            instead of all these: the diagnostics, exactly
//
// go test ./golden -update writes the want files anew; review the difference. A new case about diagnostics begins with an empty
// want/stderr.
//
// All good cases are one module: loaded once, vetted once, and linked into one test program that runs them all. The bad ones are
// another. Neither needs the network.
package golden

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/faustgen/faustgen/schema"
	"github.com/faustgen/faustgen/schema/scan"
	"github.com/faustgen/faustgen/templates"
)

var update = flag.Bool("update", false, "write the want files of the cases anew")

// Files of a case that are not part of the user's package.
const (
	wantPrefix = "want/"
	wantStderr = "want/stderr"
	wantOutput = "want/output"
	argsFile   = "args"
	runFile    = "run/run.go"
)

// goldenCase is one txtar file.
type goldenCase struct {
	name    string
	file    string
	archive *txtar.Archive
	got     map[string]string // want/… → what came out
}

func (c *goldenCase) find(name string) (string, bool) {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

// bad says whether the case is about diagnostics.
func (c *goldenCase) bad() bool {
	_, ok := c.find(wantStderr)
	return ok
}

// loadCases reads cases/, sorted by name.
func loadCases(t *testing.T) []*goldenCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("cases", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("there are no cases")
	}
	var cases []*goldenCase
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if len(bytes.TrimSpace(archive.Comment)) == 0 {
			t.Errorf("%s does not say what it shows: begin it with a sentence", file)
		}
		cases = append(cases, &goldenCase{name: name, file: file, archive: archive, got: map[string]string{}})
	}
	return cases
}

// TestGood generates, vets, builds and runs the packages that have nothing wrong.
func TestGood(t *testing.T) {
	cases := slices.DeleteFunc(loadCases(t), func(c *goldenCase) bool { return c.bad() })
	dir := newModule(t)
	for _, c := range cases {
		unpack(t, c, filepath.Join(dir, c.name))
	}
	if generate(t, dir, cases) {
		writeRunner(t, dir, cases)
		run(t, dir, cases)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { compare(t, c) })
	}
}

// TestBad compares the diagnostics of the packages that have something wrong.
func TestBad(t *testing.T) {
	cases := slices.DeleteFunc(loadCases(t), func(c *goldenCase) bool { return !c.bad() })
	dir := newModule(t)
	for _, c := range cases {
		unpack(t, c, filepath.Join(dir, c.name))
	}
	_, diagnostics := load(t, dir, "./...")
	for _, c := range cases {
		var stderr strings.Builder
		for _, d := range diagnostics {
			if rest, ok := strings.CutPrefix(d.Pos.File, c.name+"/"); ok {
				d.Pos.File = rest
				stderr.WriteString(d.Format(func(p schema.Pos) string {
					p.File = strings.TrimPrefix(p.File, c.name+"/")
					return p.String()
				}) + "\n")
			}
		}
		c.got[wantStderr] = stderr.String()
		t.Run(c.name, func(t *testing.T) {
			if stderr.Len() == 0 {
				t.Error("there is no diagnostic")
			}
			compare(t, c)
		})
	}
}

// load scans and checks a module, as the command does.
func load(t *testing.T, dir string, patterns ...string) (*scan.Result, []schema.Diagnostic) {
	t.Helper()
	result, err := scan.Load(patterns, scan.Options{Dir: dir, Env: goEnv()})
	if err != nil {
		t.Fatal(err)
	}
	return result, schema.Sort(append(result.Diagnostics, schema.Check(result.Packages)...))
}

// generate emits all good cases and writes the files, and says whether it is worth while to compile them.
func generate(t *testing.T, dir string, cases []*goldenCase) bool {
	t.Helper()
	result, diagnostics := load(t, dir, "./...")
	for _, d := range diagnostics {
		t.Errorf("a good case has a diagnostic: %s", d)
	}
	if len(diagnostics) > 0 {
		return false
	}
	for _, pkg := range result.Packages {
		files, err := templates.Emit(pkg)
		if err != nil {
			t.Error(err)
			return false
		}
		for _, f := range files {
			path := filepath.Join(pkg.Dir, filepath.FromSlash(f.Path))
			writeFile(t, path, f.Content)
			rel, err := filepath.Rel(result.Root, path)
			if err != nil {
				t.Fatal(err)
			}
			name, inside, _ := strings.Cut(filepath.ToSlash(rel), "/")
			for _, c := range cases {
				if c.name == name {
					c.got[wantPrefix+inside] = string(f.Content)
				}
			}
		}
	}
	return true
}

// writeRunner writes the test that runs every case that has a run/run.go, and frames what each prints.
func writeRunner(t *testing.T, dir string, cases []*goldenCase) {
	var imports, calls strings.Builder
	for i, c := range cases {
		if _, ok := c.find(runFile); ok {
			fmt.Fprintf(&imports, "\trun%d %q\n", i, "case.test/"+c.name+"/run")
			fmt.Fprintf(&calls, "\t{%q, run%d.Run},\n", c.name, i)
		}
	}
	source := fmt.Sprintf(`package all

import (
	"fmt"
	"testing"

%s)

var cases = []struct {
	name string
	run  func(*testing.T)
}{
%s}

func TestAll(t *testing.T) {
	for _, c := range cases {
		fmt.Printf("%s%%s\n", c.name)
		t.Run(c.name, c.run)
		fmt.Printf("%s\n")
	}
}
`, imports.String(), calls.String(), frame, frame)
	writeFile(t, filepath.Join(dir, "all", "all_test.go"), []byte(source))
}

// frame begins the line before a case's output, with its name, and is the line after it.
const frame = "\x01case "

// run vets and builds the module, runs every case and keeps what it prints.
func run(t *testing.T, dir string, cases []*goldenCase) {
	t.Helper()
	command(t, dir, "go", "vet", "./...")
	program := filepath.Join(dir, "all.test")
	command(t, dir, "go", "test", "-c", "-vet=off", "-o", program, "./all")
	output := command(t, dir, program, "-test.timeout=2m")
	for _, part := range strings.Split(output, frame) {
		name, text, _ := strings.Cut(part, "\n")
		for _, c := range cases {
			if _, ok := c.find(runFile); ok && c.name == name {
				c.got[wantOutput] = text
			}
		}
	}
	for _, c := range cases {
		args, ok := c.find(argsFile)
		if !ok {
			continue
		}
		program := filepath.Join(dir, c.name+".program")
		command(t, dir, "go", "build", "-o", program, "./"+c.name)
		for line := range strings.Lines(args) {
			c.got[wantOutput] += command(t, dir, program, strings.Fields(line)...)
		}
	}
}

// compare tells what a case wants from what it got, or rewrites the case with -update.
func compare(t *testing.T, c *goldenCase) {
	if *update && !t.Failed() {
		updateCase(t, c)
		return
	}
	for _, f := range c.archive.Files {
		if _, ok := c.got[f.Name]; strings.HasPrefix(f.Name, wantPrefix) && !ok {
			t.Errorf("%s did not come out", f.Name)
		}
	}
	for _, name := range slices.Sorted(keys(c.got)) {
		want, ok := c.find(name)
		switch {
		case !ok:
			t.Errorf("%s came out, but the case does not want it; run go test ./golden -update", name)
		case want != c.got[name]:
			t.Errorf("%s differs at %s; run go test ./golden -update and review", name, firstDifference(want, c.got[name]))
		}
	}
}

// firstDifference quotes the first lines that differ.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d:\n\twant %s\n\tgot  %s", i+1, a, b)
		}
	}
	return "its end"
}

// updateCase writes the case with what it got: the user's files as they were, the want files sorted.
func updateCase(t *testing.T, c *goldenCase) {
	a := &txtar.Archive{Comment: c.archive.Comment}
	for _, f := range c.archive.Files {
		if !strings.HasPrefix(f.Name, wantPrefix) {
			a.Files = append(a.Files, f)
		}
	}
	for _, name := range slices.Sorted(keys(c.got)) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(c.got[name])})
	}
	content := txtar.Format(a)
	if old, err := os.ReadFile(c.file); err == nil && bytes.Equal(old, content) {
		return
	}
	writeFile(t, c.file, content)
}

// unpack writes the user's files of a case.
func unpack(t *testing.T, c *goldenCase, dir string) {
	t.Helper()
	for _, f := range c.archive.Files {
		if !strings.HasPrefix(f.Name, wantPrefix) && f.Name != argsFile {
			writeFile(t, filepath.Join(dir, filepath.FromSlash(f.Name)), f.Data)
		}
	}
}

// command runs a program in the module and returns what it prints. Its error is the test's.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, goEnv()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, stderr.String(), stdout.String())
	}
	return stdout.String()
}

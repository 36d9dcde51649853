package faustgen_test

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/faustgen/faustgen/schema"
	"github.com/faustgen/faustgen/schema/scan"
	"github.com/faustgen/faustgen/templates"
)

// snippet is one Go code block of a document.
type snippet struct {
	doc  string // the document, slashes
	line int    // of the fence
	code string
	file *ast.File // nil for a fragment
}

func (s snippet) String() string { return fmt.Sprintf("%s:%d", s.doc, s.line) }

// TestSnippets: the Go code that the documents show is Go. A block with a package clause is a program: what the generator says of it is
// checked, then it is generated and vetted as a user's module would be. A block with //faust:app opens a package; blocks of the same
// document and package name that follow it belong to it. Any other block is a fragment, marked by a first line `// fragment` where it could
// be taken for more, and has to parse.
func TestSnippets(t *testing.T) {
	dir := snippetModule(t)
	programs, fragments := 0, 0
	folders := map[string]string{} // by document and package name: the folder opened last
	used := map[string]bool{}
	origin := map[string]snippet{} // by file, relative to dir
	for _, s := range snippets(t) {
		if s.file == nil {
			fragments++
			if err := parseFragment(s.code); err != nil {
				t.Errorf("%s: the fragment does not parse, as declarations, statements or fields: %v", s, err)
			}
			continue
		}
		programs++
		if formatted, err := format.Source([]byte(s.code)); err != nil || string(formatted) != s.code {
			t.Errorf("%s: the program is not as gofmt writes it (%v):\n%s", s, err, formatted)
		}
		name := strings.TrimSuffix(s.file.Name.Name, "_test")
		folder := folders[s.doc+" "+name]
		if folder == "" || strings.Contains(s.code, "\n//faust:app ") {
			folder = name
			for n := 2; used[folder]; n++ {
				folder = name + strconv.Itoa(n)
			}
			used[folder] = true
			folders[s.doc+" "+name] = folder
		}
		file := filepath.Join(folder, "line"+strconv.Itoa(s.line)+suffix(s.file))
		origin[file] = s
		write(t, filepath.Join(dir, file), s.code)
	}
	if programs < 8 || fragments < 4 {
		t.Fatalf("only %d programs and %d fragments found in the documents: the search is broken", programs, fragments)
	}
	generateSnippets(t, dir, origin)
	vet := exec.Command("go", "vet", "./...")
	vet.Dir, vet.Env = dir, snippetEnv()
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("go vet of the documents' programs: %v\n%s", err, atOrigin(string(out), origin))
	}
	t.Logf("%d programs vetted, %d fragments parsed", programs, fragments)
}

// snippets are the Go blocks of README.md and of docs/, in order.
func snippets(t *testing.T) []snippet {
	t.Helper()
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []snippet
	for _, doc := range append(append([]string{"README.md"}, docs...), decisions...) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		var code strings.Builder
		from := 0
		for i, line := range strings.Split(string(text), "\n") {
			switch {
			case from == 0 && line == "```go":
				from = i + 1
				code.Reset()
			case from > 0 && line == "```":
				all = append(all, newSnippet(filepath.ToSlash(doc), from, code.String()))
				from = 0
			case from > 0:
				code.WriteString(line + "\n")
			}
		}
		if from > 0 {
			t.Errorf("%s:%d: the code block has no end", doc, from)
		}
	}
	return all
}

// newSnippet decides whether code is a program or a fragment.
func newSnippet(doc string, line int, code string) snippet {
	s := snippet{doc: doc, line: line, code: code}
	if f, err := parser.ParseFile(token.NewFileSet(), "", code, parser.ImportsOnly); err == nil {
		s.file = f
	}
	return s
}

// suffix ends the name of a program's file: tests are files of tests.
func suffix(f *ast.File) string {
	isTest := slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` })
	if isTest {
		return "_test.go"
	}
	return ".go"
}

// parseFragment says why code is neither declarations, nor statements, nor the fields of a struct.
func parseFragment(code string) error {
	var first error
	for _, around := range [][2]string{{"", ""}, {"func _() {\n", "\n}"}, {"type _ struct {\n", "\n}"}} {
		_, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+around[0]+code+around[1], parser.SkipObjectResolution)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// generateSnippets checks what the programs declare, and writes what is generated of it.
func generateSnippets(t *testing.T, dir string, origin map[string]snippet) {
	t.Helper()
	result, err := scan.Load([]string{"./..."}, scan.Options{Dir: dir, Env: snippetEnv()})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range schema.Sort(append(result.Diagnostics, schema.Check(result.Packages)...)) {
		t.Errorf("%s", atOrigin(d.String(), origin))
	}
	if t.Failed() {
		return
	}
	for _, pkg := range result.Packages {
		files, err := templates.Emit(pkg)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if filepath.Base(f.Path) == scan.GenFile { // the workers' main.go are all alike, and not of interest here
				write(t, filepath.Join(pkg.Dir, filepath.FromSlash(f.Path)), string(f.Content))
			}
		}
	}
}

// atOrigin replaces places in the programs' files by places in the documents.
func atOrigin(text string, origin map[string]snippet) string {
	return regexp.MustCompile(`[\w./-]+\.go:\d+`).ReplaceAllStringFunc(text, func(place string) string {
		name, line, _ := strings.Cut(place, ":")
		s, ok := origin[filepath.Clean(name)]
		n, err := strconv.Atoi(line)
		if !ok || err != nil {
			return place
		}
		return fmt.Sprintf("%s:%d", s.doc, s.line+n)
	})
}

var requirement = regexp.MustCompile(`^(?:require )?\s*(\S+\.\S+/\S+ v\S+)`)

// snippetModule makes a module that uses the working tree and exactly its dependencies.
func snippetModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	text := "module example.com\n\ngo 1.26.0\n\nrequire (\n\t" + module + " v0.0.0\n"
	for line := range strings.Lines(string(mod)) {
		if m := requirement.FindStringSubmatch(line); m != nil {
			text += "\t" + m[1] + " // indirect\n"
		}
	}
	text += ")\n\nreplace " + module + " => " + root + "\n"
	// The go command prints folders with their links resolved, so places must be relative to such a one.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), text)
	write(t, filepath.Join(dir, "go.sum"), string(sums))
	return dir
}

func snippetEnv() []string {
	return append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

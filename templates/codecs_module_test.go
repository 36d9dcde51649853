package templates

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/faustgen/faustgen/schema"
	"github.com/faustgen/faustgen/schema/scan"
)

// requirement is a line of go.mod that requires a module, alone or in a block.
var requirement = regexp.MustCompile(`^(?:require )?\s*(\S+\.\S+/\S+ v\S+)`)

// writeModule makes a module of the archive's files that uses the repository's working tree and its dependencies.
func writeModule(t *testing.T, name, archive string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) []byte {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	write := func(path string, content []byte) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var mod strings.Builder
	mod.WriteString("module " + name + "\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/faustgen/faustgen v0.0.0\n")
	for line := range strings.Lines(string(read(filepath.Join(root, "go.mod")))) {
		if m := requirement.FindStringSubmatch(line); m != nil {
			mod.WriteString("\t" + m[1] + " // indirect\n")
		}
	}
	mod.WriteString(")\n\nreplace github.com/faustgen/faustgen => " + root + "\n")
	write("go.mod", []byte(mod.String()))
	write("go.sum", read(filepath.Join(root, "go.sum")))
	for _, f := range txtar.Parse(read(archive)).Files {
		write(f.Name, f.Data)
	}
	return dir
}

// The codecs of every kind of value and key compile, are vetted, and do what the module's own test asks of them. It is one module and
// one build for all kinds.
func TestCodecsOfEveryHandle(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	dir := writeModule(t, "codecs.test", "testdata/codecs.txtar")
	result, err := scan.Load([]string{"./..."}, scan.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append(result.Diagnostics, schema.Check(result.Packages)...) {
		t.Error(d)
	}
	for _, pkg := range result.Packages {
		files, err := Emit(pkg)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			path := filepath.Join(pkg.Dir, filepath.FromSlash(f.Path))
			if strings.HasPrefix(f.Path, "cmd/") {
				continue // linking a worker is not what this test is about
			}
			if err := os.WriteFile(path, f.Content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command("go", "test", "-vet=all", "./codecs")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

package golden

import (
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const repository = "github.com/faustgen/faustgen"

// requirement is a line of go.mod that requires a module, alone or in a block.
var requirement = regexp.MustCompile(`^(?:require )?\s*(\S+\.\S+/\S+ v\S+)`)

// readSources opens what the go command compiles behind this test's back, so that a result in its cache is used only while all of that
// is the same.
func readSources(t *testing.T, root string) {
	t.Helper()
	for _, dir := range []string{"cmd", "runtime"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			_, err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// newModule makes the module case.test, which uses the repository's working tree and exactly its dependencies.
func newModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	readSources(t, root)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("module case.test\n\ngo 1.26.0\n\nrequire (\n\t" + repository + " v0.0.0\n")
	for line := range strings.Lines(string(mod)) {
		if m := requirement.FindStringSubmatch(line); m != nil {
			b.WriteString("\t" + m[1] + " // indirect\n")
		}
	}
	b.WriteString(")\n\nreplace " + repository + " => " + root + "\n")
	// The go command prints folders with their links resolved; so must we, or relative paths don't fit.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "go.mod"), []byte(b.String()))
	writeFile(t, filepath.Join(dir, "go.sum"), sums)
	return dir
}

// goEnv is the environment of the go command and of all programs: no network, no workspace.
func goEnv() []string {
	return append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "GO111MODULE=on")
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

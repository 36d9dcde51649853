package scan

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// finding is what the patterns mean before anything is loaded.
type finding struct {
	load   []string // patterns for the go command
	dirs   []string // absolute folders with Go files that the patterns match
	walked bool     // some came from a pattern with ...
}

// marker matches whatever might be a directive, misspelt ones included.
var marker = regexp.MustCompile(`(?i)/[/*]+[ \t]*faust[ \t]*[:.]`)

// find resolves patterns that name folders by looking at the files there, so that packages without directives are never
// loaded. Other patterns (import paths) are left to the go command.
func find(dir string, patterns []string) (*finding, error) {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	f := &finding{}
	for _, pattern := range patterns {
		if !isLocal(pattern) {
			f.load = append(f.load, pattern)
			continue
		}
		base, all := strings.CutSuffix(pattern, "...")
		if all && base != "" && !strings.HasSuffix(base, "/") || strings.Contains(base, "...") {
			f.load = append(f.load, pattern) // ./cmd... and ./.../x: rare enough for the go command
			continue
		}
		at := filepath.Join(dir, filepath.FromSlash(base))
		if filepath.IsAbs(base) {
			at = filepath.Clean(base)
		}
		if resolved, err := filepath.EvalSymlinks(at); err == nil {
			at = resolved
		}
		if err := f.walk(dir, at, all); err != nil {
			return nil, fmt.Errorf("look for packages in %s: %w", pattern, err)
		}
	}
	slices.Sort(f.load)
	f.load = slices.Compact(f.load)
	slices.Sort(f.dirs)
	f.dirs = slices.Compact(f.dirs)
	return f, nil
}

// isLocal says whether a pattern names folders, by the go command's rule.
func isLocal(pattern string) bool {
	return pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") || filepath.IsAbs(pattern)
}

// walk looks at one folder, or at all below it, and skips what the go command skips.
func (f *finding) walk(dir, at string, all bool) error {
	if !all {
		return f.folder(dir, at, true)
	}
	f.walked = true
	return filepath.WalkDir(at, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case path != at && skipped(path, d.Name()):
			return filepath.SkipDir
		}
		return f.folder(dir, path, false)
	})
}

// skipped says whether ... leaves a folder out.
func skipped(path, name string) bool {
	if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// folder looks at the Go files of one folder. A folder that was named is loaded if it holds none, for the go command's message.
func (f *finding) folder(dir, at string, named bool) error {
	entries, err := os.ReadDir(at)
	if err != nil {
		return err
	}
	hasGo, hasMarker := false, false
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasPrefix(e.Name(), "_") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		hasGo = true
		if hasMarker || e.Name() == GenFile {
			continue
		}
		src, err := os.ReadFile(filepath.Join(at, e.Name()))
		if err != nil {
			return err
		}
		hasMarker = marked(src)
	}
	if hasGo {
		f.dirs = append(f.dirs, at)
	}
	if hasMarker || named && !hasGo {
		f.load = append(f.load, localPattern(dir, at))
	}
	return nil
}

// marked says whether a file may hold a directive.
func marked(src []byte) bool {
	return (bytes.Contains(src, []byte("aust")) || bytes.Contains(src, []byte("AUST"))) && marker.Match(src)
}

// localPattern names a folder for the go command.
func localPattern(dir, at string) string {
	rel, err := filepath.Rel(dir, at)
	if err != nil {
		return at
	}
	rel = filepath.ToSlash(rel)
	if rel == "." || strings.HasPrefix(rel, "../") || rel == ".." {
		return rel
	}
	return "./" + rel
}

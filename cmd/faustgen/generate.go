package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/faustgen/faustgen/schema/scan"
)

func genCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "gen [packages]",
		Short: "write what the packages' directives ask for",
		Long:  "gen writes faust_gen.go beside the code and the worker's main.go, only where bytes differ, and removes what is not asked for any more.\nExit code 0: written, or nothing to do. 2: nothing was written.",
		RunE:  func(cmd *cobra.Command, args []string) error { return generate(s, args, cmd.ErrOrStderr()) },
	}
}

// generate writes what differs. All packages are rendered before the first file is touched.
func generate(s *settings, patterns []string, stderr io.Writer) error {
	p, err := newPlan(s, patterns, stderr)
	if err != nil {
		return err
	}
	for _, f := range p.files {
		if err := write(f); err != nil {
			return err
		}
	}
	for _, f := range p.orphans {
		if err := remove(f.path); err != nil {
			return err
		}
	}
	return nil
}

// write replaces a file as a whole, so that a reader sees the old or the new one, and a failed run leaves the old one.
func write(f planned) error {
	dir := filepath.Dir(f.path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", f.path, err)
	}
	temp, err := os.CreateTemp(dir, ".faustgen-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	_, err = temp.Write(f.content)
	err = errors.Join(err, temp.Chmod(mode(f.path)), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), f.path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, errors.Join(err, os.Remove(temp.Name())))
	}
	return nil
}

// mode is the mode of the file that is replaced, or that of a new file.
func mode(path string) fs.FileMode {
	if info, err := os.Stat(path); err == nil {
		return info.Mode().Perm()
	}
	return 0o644
}

// remove deletes a generated file, and the folder of a worker that is empty without it.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s, which is not generated any more: %w", path, err)
	}
	if filepath.Base(path) == scan.GenFile {
		return nil
	}
	dir := filepath.Dir(path)
	for range 2 {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 0 {
			break
		}
		if err := os.Remove(dir); err != nil {
			return fmt.Errorf("remove the empty folder of a worker: %w", err)
		}
		if dir = filepath.Dir(dir); filepath.Base(dir) != "cmd" {
			break
		}
	}
	return nil
}

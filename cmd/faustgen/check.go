package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
)

func checkCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check [packages]",
		Short: "compare the generated files with what would be generated",
		Long:  "check writes nothing.\nExit code 0: all files are what gen would write. 1: some are not, the difference is printed. 2: it could not be told.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return check(s, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

// check prints a unified diff from what is on disk to what would be generated, missing and orphaned files included.
func check(s *settings, patterns []string, stdout, stderr io.Writer) error {
	p, err := newPlan(s, patterns, stderr)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	for _, f := range append(p.files, p.orphans...) {
		name := f.path
		if rel, err := filepath.Rel(p.root, name); err == nil {
			name = filepath.ToSlash(rel)
		}
		from, to := "a/"+name, "b/"+name
		if f.was == nil {
			from = "/dev/null"
		}
		if f.content == nil {
			to = "/dev/null"
		}
		out.Write(diff.Diff(from, f.was, to, f.content))
	}
	if out.Len() == 0 {
		return nil
	}
	if _, err := stdout.Write(out.Bytes()); err != nil {
		return fmt.Errorf("print the difference: %w", err)
	}
	fmt.Fprintf(stderr, "faustgen: stale generated files: %d; run go generate\n", len(p.files)+len(p.orphans))
	return errStale
}

// Command faustgen generates the code that a package's //faust: directives ask for: codecs of records, typed topics and tables, the
// steps of agents, and the worker's main.
//
// It loads packages, checks what they declare, renders all files in memory, and only then writes those that differ. Packages
// are rendered in parallel and written in order. It keeps no cache.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/faustgen/faustgen/schema"
)

// Exit codes.
const (
	exitDone  = 0
	exitStale = 1 // check: files are not what would be generated
	exitError = 2 // nothing was done
)

// errStale is check's finding; it has been printed.
var errStale = errors.New("generated files are stale")

// errReported says that diagnostics have been printed.
var errReported = errors.New("the declarations have mistakes")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program without the process: its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	switch err := root.Execute(); {
	case err == nil:
		return exitDone
	case errors.Is(err, errStale):
		return exitStale
	case errors.Is(err, errReported):
		return exitError
	default:
		fmt.Fprintf(stderr, "faustgen: %v\n", err)
		return exitError
	}
}

// settings are the flags that all commands share.
type settings struct {
	dir  string
	tags string
}

// rootCommand builds the command line. Without a command, faustgen generates.
func rootCommand() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:           "faustgen [command] [packages]",
		Short:         "faustgen generates stream processing applications from Go packages with //faust: directives",
		Long:          "faustgen generates stream processing applications from Go packages with //faust: directives.\nWithout a command it generates, by default for the package in the current folder.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := unknownCommand(cmd, args); err != nil {
				return err
			}
			return generate(s, args, cmd.ErrOrStderr())
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVarP(&s.dir, "chdir", "C", ".", "the folder to work in")
	root.PersistentFlags().StringVar(&s.tags, "tags", "", "build tags, joined by commas")
	root.SetHelpCommand(helpCommand(root))
	root.AddCommand(genCommand(s), checkCommand(s), dumpCommand(s), graphCommand(s), versionCommand())
	return root
}

// unknownCommand reports a first argument that is meant as a command: a bare word that is no folder and no import path.
func unknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 || strings.ContainsAny(args[0], "./\\") {
		return nil
	}
	var names []string
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	later := map[string]bool{"accept": true, "export": true, "init": true, "watch": true}
	if later[args[0]] {
		return fmt.Errorf("the language has faustgen %s, this version does not build it yet", args[0])
	}
	hint := schema.DidYouMean(args[0], names)
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
		hint = "for the package in that folder write ./" + args[0]
	}
	return fmt.Errorf("unknown command %q; %s", args[0], hint)
}

// printer prints diagnostics with places relative to the folder in which the user works.
func printer(root, dir string) func(schema.Pos) string {
	at, err := filepath.Abs(dir)
	if err == nil {
		at, err = filepath.EvalSymlinks(at)
	}
	return func(p schema.Pos) string {
		if err != nil {
			return p.String()
		}
		if rel, relErr := filepath.Rel(at, filepath.Join(root, filepath.FromSlash(p.File))); relErr == nil {
			p.File = filepath.ToSlash(rel)
		}
		return p.String()
	}
}

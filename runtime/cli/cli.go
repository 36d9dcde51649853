// Package cli is the command line of a worker's binary: what a generated main calls. It turns arguments and environment variables into
// options of package faust, calls it, and prints what comes back. It decides nothing about streams, and an application with a main of its
// own does without it.
//
// Everything runs on the caller's goroutine, but for one that waits for a second signal and ends with Main.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // one line on stderr says what and what to do
	exitUsage  = 2 // the same, about the command line itself
)

// brokerPatience is how long commands other than worker wait for a broker that does not answer.
const brokerPatience = 30 * time.Second

// Main runs the command that the process was called with and exits with 0 when it is done, 1 when it failed, 2 when it was called wrongly.
// It does not return. SIGINT and SIGTERM end the command in an orderly way, a second one exits at once with 1.
func Main(app *faust.App) {
	os.Exit(mainCode(app))
}

func mainCode(app *faust.App) int {
	ctx, stop := untilSignal(context.Background(), os.Exit)
	defer stop()
	return run(ctx, app, &program{
		name: filepath.Base(os.Args[0]), in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv, patience: brokerPatience,
	}, os.Args[1:])
}

// errInterrupted is the cause of the end of a command that was told to stop.
var errInterrupted = errors.New("interrupted")

// untilSignal is a context that the first SIGINT or SIGTERM ends; the second one calls exit with 1. stop gives the signals back.
func untilSignal(parent context.Context, exit func(int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for _, act := range []func(){func() { cancel(errInterrupted) }, func() { exit(exitFailed) }} {
			select {
			case <-signals:
				act()
			case <-done:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		waiting.Wait()
		cancel(nil)
	}
}

// program is one call of the command line, with what it has of the process.
type program struct {
	app      *faust.App
	name     string // of the binary, for messages
	in       io.Reader
	out, err io.Writer
	env      func(string) (string, bool)
	patience time.Duration
}

// usageError is a mistake in the command line or in an environment variable.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// failure is what a command returned, as opposed to what cobra found wrong with its arguments.
type failure struct{ error }

func (e failure) Unwrap() error { return e.error }

// errSilent is a failure that its exit code tells enough about.
var errSilent = errors.New("nothing to print")

// run is the program without the process: its exit code.
func run(ctx context.Context, app *faust.App, p *program, args []string) int {
	p.app = app
	root := p.root()
	root.SetArgs(hideNegatives(root, args))
	called, err := root.ExecuteContextC(ctx)
	var failed failure
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errSilent):
		return exitFailed
	case errors.As(err, &failed) && !errors.As(err, &usage):
		fmt.Fprintf(p.err, "%s: %s\n", p.name, oneLine(err.Error()))
		return exitFailed
	}
	fmt.Fprintf(p.err, "%s: %s; `%s --help` says more\n", p.name, oneLine(shown(err.Error())), called.CommandPath())
	return exitUsage
}

// root builds the command line.
func (p *program) root() *cobra.Command {
	spec := p.app.Spec()
	root := &cobra.Command{
		Use:           p.name,
		Short:         cmp.Or(sentence(spec.Doc), "The worker of "+spec.ID+"."),
		Long:          cmp.Or(strings.TrimSpace(spec.Doc), "The worker of "+spec.ID+".") + "\n\n" + rootHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("no command given; `worker` runs the application")
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usagef("no command %q; did you mean %s?", args[0], strings.Join(near, " or "))
			}
			return usagef("no command %q", args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.applyEnv(cmd) },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(p.in)
	root.SetOut(p.out) // before the completion command is made, which takes it
	root.SetErr(p.err)
	root.AddCommand(p.workerCommand(), p.agentsCommand(), p.topicsCommand(), p.tablesCommand(), p.recordsCommand(), p.sendCommand(),
		p.queryCommand(), p.topologyCommand(), p.lagCommand(), p.resetCommand(), p.brokerCommand(), p.versionCommand())
	for i := range spec.Commands {
		root.AddCommand(p.userCommand(&spec.Commands[i]))
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" { // cobra's own prints its help whatever the argument
			cmd.Args, cmd.RunE = cobra.ArbitraryArgs, p.does(func(_ *cobra.Command, args []string) error {
				return usagef("no shell to complete for in %q; choose bash, zsh, fish or powershell", args)
			})
		}
	}
	showVariables(root)
	return root
}

const rootHelp = `Every flag has an environment variable of its name: --commit-interval is FAUST_COMMIT_INTERVAL. A flag goes before the variable,
the variable before the directive, the directive before the default.
Exit codes: 0 done, 1 failed (one line on stderr says what, and what to do), 2 called wrongly.`

// does makes a command's function of f: what f returns is a failure of the command.
func (p *program) does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		for i := range args {
			args[i] = shown(args[i])
		}
		if err := f(cmd, args); err != nil {
			ended := errors.Is(context.Cause(cmd.Context()), errInterrupted)
			if ended && (errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted)) {
				err = errInterrupted // whatever was waited for
			}
			return failure{err}
		}
		return nil
	}
}

// arguments checks how many there are.
func arguments(args []string, least, most int, want string) error {
	switch {
	case len(args) < least:
		return usagef("an argument is missing; give %s", want)
	case len(args) > most:
		return usagef("argument %q is one too many; give %s", args[most], want)
	}
	return nil
}

// A negative number is a key or a value, but looks like a flag. hideNegatives marks those that stand as arguments, shown takes the mark off.
const negativeMark = "\x00"

var negative = regexp.MustCompile(`^-\.?[0-9]`)

func hideNegatives(root *cobra.Command, args []string) []string {
	out := append([]string{}, args...)
	if len(args) == 0 {
		return out
	}
	called, _, err := root.Find(args[:1])
	if err != nil {
		return out
	}
	for i := 1; i < len(out); i++ {
		if out[i] == "--" {
			break
		}
		if name, ok := strings.CutPrefix(out[i], "--"); ok {
			if f := called.Flags().Lookup(name); f != nil && f.NoOptDefVal == "" {
				i++ // its value
			}
		} else if negative.MatchString(out[i]) {
			out[i] = negativeMark + out[i]
		}
	}
	return out
}

func shown(s string) string { return strings.ReplaceAll(s, negativeMark, "") }

// oneLine is an error's text without line ends, and without the stacks of panics.
func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	var kept []string
	stack := false
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "goroutine ") && strings.HasSuffix(line, "]:"):
			stack = true
		case stack && (strings.HasPrefix(line, "\t") || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t")):
		default:
			stack = false
			if line = strings.TrimSpace(line); line != "" {
				kept = append(kept, strings.TrimPrefix(line, "; "))
			}
		}
	}
	return strings.Join(kept, "; ")
}

// sentence is the first one of a doc comment.
func sentence(doc string) string {
	doc = strings.TrimSpace(doc)
	if first, _, ok := strings.Cut(doc, "\n\n"); ok {
		doc = first
	}
	doc = strings.Join(strings.Fields(doc), " ")
	if end := strings.Index(doc, ". "); end >= 0 {
		return doc[:end+1]
	}
	return doc
}

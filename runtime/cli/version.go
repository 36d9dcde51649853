package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
)

func (p *program) topologyCommand() *cobra.Command {
	var mermaid, dot bool
	cmd := &cobra.Command{
		Use:     "topology",
		Short:   "Show what reads, keeps and writes what",
		Long:    "Show the application's topology as text, as a Mermaid diagram or in Graphviz's DOT. It is known from the declarations; no broker is asked.",
		Example: "  " + p.name + " topology\n  " + p.name + " topology --dot | dot -Tsvg >topology.svg",
		RunE: p.does(func(_ *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			spec := p.app.Spec()
			text := spec.TopologyText
			switch {
			case mermaid && dot:
				return usagef("choose one of --mermaid and --dot")
			case mermaid:
				text = spec.TopologyMermaid
			case dot:
				text = spec.TopologyDOT
			}
			_, err := fmt.Fprintln(p.out, strings.TrimRight(text, "\n"))
			return err
		}),
	}
	cmd.Flags().BoolVar(&mermaid, "mermaid", false, "as a Mermaid diagram")
	cmd.Flags().BoolVar(&dot, "dot", false, "in Graphviz's DOT")
	return cmd
}

// runtimeModule is where the runtime's version is looked up.
const runtimeModule = "github.com/faustgen/faustgen"

type versionRow struct {
	App      string `json:"app"`
	Version  int    `json:"version"`
	Module   string `json:"module,omitempty"`
	Release  string `json:"release,omitempty"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Runtime  string `json:"runtime"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the versions of the application, its module, the runtime and Go",
		Long:    "Show the application's id and version, the module and commit that the binary was built from, and the versions of the faust runtime and Go.",
		Example: "  " + p.name + " version\n  " + p.name + " version --json",
		RunE: p.does(func(_ *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			info, _ := debug.ReadBuildInfo() // without it the module is left out
			v := versions(p.app.Spec(), info)
			if asJSON {
				return printJSON(p.out, v)
			}
			fmt.Fprintf(p.out, "%s version %d\n", v.App, v.Version)
			if v.Module != "" {
				fmt.Fprintf(p.out, "module   %s %s\n", v.Module, v.Release)
			}
			if v.Revision != "" {
				fmt.Fprintf(p.out, "commit   %s %s%s\n", v.Revision, v.Time, map[bool]string{true: " (modified)"}[v.Modified])
			}
			_, err := fmt.Fprintf(p.out, "faust    %s\ngo       %s %s\n", v.Runtime, v.Go, v.Platform)
			return err
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// versions reads what the binary says about itself.
func versions(spec *faust.AppSpec, info *debug.BuildInfo) versionRow {
	v := versionRow{App: spec.ID, Version: max(spec.Version, 1), Runtime: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return v
	}
	v.Module, v.Release = info.Main.Path, cmp.Or(info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	if v.Module == runtimeModule {
		v.Runtime = v.Release
	}
	for _, m := range info.Deps {
		if m.Path != runtimeModule {
			continue
		}
		v.Runtime = cmp.Or(m.Version, "(devel)")
		if m.Replace != nil {
			v.Runtime += " => " + strings.TrimSpace(m.Replace.Path+" "+m.Replace.Version)
		}
	}
	return v
}

// userCommand is a //faust:command of the application.
func (p *program) userCommand(spec *faust.CommandSpec) *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:   spec.Name + " [arguments]",
		Short: cmp.Or(sentence(spec.Doc), "Run "+spec.Func+" of the application."),
		Long: cmp.Or(strings.TrimSpace(spec.Doc), "Run "+spec.Func+" of the application.") + "\n\n" +
			"What it sends is acknowledged when it returns. Arguments that begin with - stand behind --.",
		Example: "  " + p.name + " " + spec.Name + " --broker localhost:9092",
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			opts, err := p.connect(cmd, s, slog.LevelInfo)
			if err != nil {
				return err
			}
			return runRecovered(cmd.Context(), p.app, spec.Name, args, opts)
		}),
	}
	cmd.Flags().SortFlags = false
	s.connection(cmd.Flags(), "")
	return cmd
}

// runRecovered runs a command of the application. A panic of it is logged with its stack and becomes an error.
func runRecovered(ctx context.Context, app *faust.App, name string, args []string, opts []faust.Option) (err error) {
	defer func() {
		if r := recover(); r != nil {
			slog.Error("command panicked", "command", name, "panic", r, "stack", string(debug.Stack()))
			err = errors.Join(err, fmt.Errorf("command %s: panic: %v; the log has the stack", name, r))
		}
	}()
	return app.RunCommand(ctx, name, args, opts...)
}

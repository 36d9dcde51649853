package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/faustgen/faustgen/schema"
)

func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command|directives]",
		Short: "explain a command, or list all directives",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] == "directives" {
				return directives(cmd.OutOrStdout(), args[1:])
			}
			target, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				var names []string
				for _, c := range root.Commands() {
					names = append(names, c.Name())
				}
				word := strings.Join(args, " ")
				return fmt.Errorf("no help for %q; %s", word, schema.DidYouMean(word, append(names, "directives")))
			}
			target.SetOut(cmd.OutOrStdout())
			return target.Help()
		},
	}
}

// directives prints the registry, all of it or the directives that are named.
func directives(out io.Writer, names []string) error {
	var list []*schema.Directive
	for _, name := range names {
		d := schema.Lookup(strings.TrimPrefix(strings.TrimPrefix(name, "//"), "faust:"))
		if d == nil {
			var all []string
			for _, d := range schema.Directives {
				all = append(all, d.Name)
			}
			return fmt.Errorf("there is no directive %q; %s", name, schema.DidYouMean(name, all))
		}
		list = append(list, d)
	}
	if len(names) == 0 {
		for i := range schema.Directives {
			list = append(list, &schema.Directives[i])
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		directive(w, d)
	}
	return w.Flush()
}

// directive prints one directive with its arguments, a line each.
func directive(w io.Writer, d *schema.Directive) {
	var on []string
	for _, n := range d.On {
		on = append(on, string(n))
	}
	fmt.Fprintf(w, "%s\n", d.Usage())
	fmt.Fprintf(w, "    On %s: %s.\n", strings.Join(on, " or "), d.Doc)
	if d.Instead != "" {
		fmt.Fprintf(w, "    Not built yet; %s.\n", d.Instead)
	}
	for _, args := range [][]schema.Argument{d.Words, d.Args} {
		for _, a := range args {
			doc := a.Doc
			if a.Instead != "" {
				doc += " (not built yet; " + a.Instead + ")"
			}
			if len(a.Later) > 0 {
				doc += " (not built yet: " + strings.Join(slices.Sorted(maps.Keys(a.Later)), ", ") + ")"
			}
			fmt.Fprintf(w, "      %s\t%s\n", a.Name, doc)
		}
	}
}

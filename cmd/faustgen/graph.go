package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/faustgen/faustgen/templates"
)

func graphCommand(s *settings) *cobra.Command {
	var dot bool
	c := &cobra.Command{
		Use:   "graph [packages]",
		Short: "print the applications' topology as a diagram",
		Long:  "graph prints a Mermaid flowchart for each application, or a DOT graph with --dot.",
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := load(s, args, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			n := 0
			for _, pkg := range result.Packages {
				if pkg.App == nil {
					continue
				}
				text := templates.NewGraph(pkg).Mermaid()
				if dot {
					text = templates.NewGraph(pkg).DOT()
				}
				if _, err := fmt.Fprint(cmd.OutOrStdout(), text); err != nil {
					return fmt.Errorf("print the graph of %s: %w", pkg.Path, err)
				}
				n++
			}
			if n == 0 {
				return fmt.Errorf("there is no application in these packages; name the folder of one, or ./... for all")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&dot, "dot", false, "print Graphviz' DOT instead of Mermaid")
	return c
}

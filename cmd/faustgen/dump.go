package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/faustgen/faustgen/schema"
)

func dumpCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "dump [packages]",
		Short: "print what the packages declare as JSON",
		Long:  "dump prints a list of packages with their records, topics, tables and functions, with all defaults filled in.\nThe codec of a field is own, or goccy where its type is not one that faustgen writes code for.",
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := load(s, args, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			enc := json.NewEncoder(cmd.OutOrStdout())
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			pkgs := result.Packages
			if pkgs == nil {
				pkgs = []*schema.Package{}
			}
			if err := enc.Encode(pkgs); err != nil {
				return fmt.Errorf("print the schema: %w", err)
			}
			return nil
		},
	}
}

package cli

import (
	"bufio"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
)

func (p *program) queryCommand() *cobra.Command {
	s, now, at, delta := &settings{}, false, "", duration(0)
	cmd := &cobra.Command{
		Use:   "query <table> [key]",
		Short: "Read a table of the running workers",
		Long: `Read a table from whichever workers have it, and print a line of JSON for each key: {"key":…,"value":…}. Values include what is not
committed yet. The key is given in its text form (a record: JSON); a key that is absent prints nothing and exits with 1. Without a key, all
keys are printed, one partition after the other.

A windowed table prints a line for each retained window, in ascending order, with "start" and "end". --now, --at and --delta choose one:
the window of the wall clock, of a time, or of the table's stream time less a duration.`,
		Example: "  " + p.name + " query order_count\n  " + p.name + " query order_count ann\n  " + p.name +
			" query hourly_spend ann --at 2026-03-01T12:00:00Z\n  " + p.name + " query by_number -- -7",
		ValidArgsFunction: p.completeTables,
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			q, err := p.question(cmd, args, now, at, time.Duration(delta))
			if err != nil {
				return err
			}
			opts, err := p.connect(cmd, s, quiet(p.err))
			if err != nil {
				return err
			}
			out, lines := bufio.NewWriter(p.out), 0
			err = p.app.Query(cmd.Context(), q, func(line []byte) error {
				lines++
				_, err := out.Write(append(line[:len(line):len(line)], '\n'))
				return err
			}, opts...)
			if err = errors.Join(err, out.Flush()); err != nil {
				return err
			}
			if lines == 0 && q.Key != nil {
				return errSilent
			}
			return nil
		}),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&now, "now", false, "the window that holds the wall clock's time")
	f.StringVar(&at, "at", "", "the window that holds this `time`: RFC 3339, or ms since 1970")
	f.Var(&delta, "delta", "the window that holds the stream time less this")
	s.connection(f, "")
	return cmd
}

// question makes the request of the command line and checks it, as far as that needs no broker.
func (p *program) question(cmd *cobra.Command, args []string, now bool, at string, delta time.Duration) (faust.QueryRequest, error) {
	q := faust.QueryRequest{Now: now}
	if err := arguments(args, 1, 2, "a table, and a key or none"); err != nil {
		return q, err
	}
	tables := p.app.Spec().Tables
	i := slices.IndexFunc(tables, func(t faust.TableSpec) bool { return t.Name == args[0] })
	if i < 0 {
		return q, usagef("this application has no table %q; it has %s", args[0], p.tableNames())
	}
	q.Table = args[0]
	if len(args) == 2 {
		if _, err := tables[i].ParseKey(args[1]); err != nil {
			return q, usagef("key %q of table %s (%s): %w", args[1], q.Table, tables[i].KeyType, err)
		}
		q.Key = &args[1]
	}
	n := 0
	if now {
		n++
	}
	if cmd.Flags().Changed("at") {
		t, err := parseTime(at)
		if err != nil {
			return q, usagef("--at: %w", err)
		}
		q.At, n = t, n+1
	}
	if cmd.Flags().Changed("delta") {
		q.Delta, n = &delta, n+1
	}
	switch {
	case n > 1:
		return q, usagef("choose one of --now, --at and --delta")
	case n == 1 && tables[i].Window == nil:
		return q, usagef("table %s has no windows to choose from; leave --now, --at and --delta out", q.Table)
	}
	return q, nil
}

func (p *program) completeTopics(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		for _, t := range p.app.Spec().Topics {
			names = append(names, t.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (p *program) completeTables(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		for _, t := range p.app.Spec().Tables {
			names = append(names, t.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

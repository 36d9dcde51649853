package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
)

// within bounds what a command asks of a broker, with a cause that says what to do.
func (p *program) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, p.patience, fmt.Errorf("no answer for %v: start it, or name another with --broker host:port", p.patience))
}

type lagRow struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed"`
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"`
}

func (p *program) lagCommand() *cobra.Command {
	s, asJSON := &settings{}, false
	cmd := &cobra.Command{
		Use:   "lag",
		Short: "Show how far the workers are behind, by partition",
		Long: `Show, for each partition that the application reads, the offset that its group has committed, the end of the partition, and the difference.
Nothing committed yet counts from the partition's first record, where a worker begins. Running workers are committed up to a commit interval
ago. Tables that are being restored from their changelogs at this moment follow, with how far they are.`,
		Example: "  " + p.name + " lag\n  " + p.name + " lag --json --broker kafka-1:9092,kafka-2:9092",
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			opts, err := p.connect(cmd, s, quiet(p.err))
			if err != nil {
				return err
			}
			ctx, cancel := p.within(cmd.Context())
			defer cancel()
			lags, err := p.app.Lag(ctx, opts...)
			if err != nil {
				return err
			}
			restores, err := p.app.Restores(ctx, opts...)
			if err != nil {
				return err
			}
			return p.printLag(lags, restores, asJSON)
		}),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&asJSON, "json", false, "print a JSON array")
	s.connection(f, "")
	return cmd
}

func (p *program) printLag(lags []faust.PartitionLag, restores []faust.Restore, asJSON bool) error {
	all, total := []any{}, int64(0)
	t := table{none: "nothing to read: no agents, or their topics do not exist yet", header: []string{"TOPIC", "PARTITION", "COMMITTED", "END", "LAG"}}
	for _, l := range lags {
		r := lagRow{Topic: l.Topic, Partition: l.Partition, End: l.End, Lag: l.Lag()}
		committed := ""
		if l.Committed >= 0 {
			r.Committed, committed = &l.Committed, strconv.FormatInt(l.Committed, 10)
		}
		all, total = append(all, r), total+r.Lag
		t.rows = append(t.rows, []string{r.Topic, strconv.Itoa(int(r.Partition)), committed, strconv.FormatInt(r.End, 10), strconv.FormatInt(r.Lag, 10)})
	}
	after := fmt.Sprintf("total lag: %d", total)
	for _, r := range restores {
		all = append(all, r)
		after += fmt.Sprintf("\nrestoring table %s of %s: %d of %d (%d%%), %d a second", r.Table, r.Task, r.Records, r.Of, 100*r.Records/max(r.Of, 1), r.PerSecond)
	}
	if asJSON {
		return printJSON(p.out, all)
	}
	t.after = after
	return t.print(p.out)
}

func (p *program) resetCommand() *cobra.Command {
	s, what, yes := &settings{}, faust.ResetTarget{}, false
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Delete local state, committed offsets or internal topics",
		Long: `Delete what the application has kept, so that it begins anew; say at least one of --local, --offsets and --internal-topics. Declared topics
are never deleted. It says what it will delete and asks, unless --yes is given. It refuses while workers run: --local while one uses this
data directory, the others while any is in the group.

--local alone is harmless: the tables are restored from their changelogs. To process everything again from the first record, give all three;
other machines' data directories need their own reset --local.`,
		Example: "  " + p.name + " reset --local\n  " + p.name + " reset --local --offsets --internal-topics --yes",
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			if what == (faust.ResetTarget{}) {
				return usagef("say what to delete: --local, --offsets, --internal-topics")
			}
			return p.reset(cmd, s, what, yes)
		}),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&what.Local, "local", false, "delete the tables' state in the data directory")
	f.BoolVar(&what.Offsets, "offsets", false, "delete the group with its committed offsets: everything is read again")
	f.BoolVar(&what.InternalTopics, "internal-topics", false, "delete the changelogs and repartition topics: the tables begin empty")
	f.BoolVar(&yes, "yes", false, "don't ask")
	s.data(f, p.app.Spec().ID)
	s.connection(f, "")
	return cmd
}

func (p *program) reset(cmd *cobra.Command, s *settings, what faust.ResetTarget, yes bool) error {
	var opts []faust.Option
	var err error
	if what.Offsets || what.InternalTopics {
		opts, err = p.connect(cmd, s, quiet(p.err))
	} else if _, err = p.logger(s, quiet(p.err)); err == nil { // the disk alone needs no broker
		s.broker = ""
		opts, err = p.options(cmd, s)
	}
	if err != nil {
		return err
	}
	ctx, cancel := p.within(cmd.Context())
	defer cancel()
	plan, err := p.app.PlanReset(ctx, what, opts...)
	if err != nil {
		return err
	}
	if len(plan.Parts()) == 0 {
		fmt.Fprintln(p.out, "nothing to delete")
		return nil
	}
	fmt.Fprintln(p.out, "This deletes:")
	for _, part := range plan.Parts() {
		fmt.Fprintln(p.out, "  "+part)
	}
	if note := p.resetNote(what); note != "" {
		fmt.Fprintln(p.out, note)
	}
	if !yes {
		if err := p.confirm(); err != nil {
			return err
		}
	}
	ctx, cancel = p.within(cmd.Context())
	defer cancel()
	if err := plan.Do(ctx); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "deleted")
	return nil
}

// resetNote warns of combinations whose effect may surprise.
func (p *program) resetNote(what faust.ResetTarget) string {
	if len(p.app.Spec().Tables) == 0 {
		return ""
	}
	switch {
	case what.Offsets && !what.InternalTopics:
		return "The tables keep what they hold while all events are read again; add --internal-topics --local to begin with empty ones."
	case what.InternalTopics && !what.Offsets:
		return "The tables begin empty while events already read are not read again; add --offsets to read them."
	case what.InternalTopics && !what.Local:
		return "Local state is left where it is; run reset --local with every worker's data directory."
	}
	return ""
}

// confirm asks, and takes nothing but yes for an answer.
func (p *program) confirm() error {
	fmt.Fprint(p.out, "Go on? [yes/no] ")
	answer, err := bufio.NewReader(p.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w; --yes goes on without asking", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed, so nothing was deleted; answer yes, or give --yes")
}

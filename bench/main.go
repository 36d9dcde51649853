//go:build unix

// Command bench compares faustgen with Kafka Streams: the same two workloads on the same topics of a real Kafka,
// run in turns, every result checked. README.md beside it says what is measured and how.
//
// It is not a test of the machine: worker, broker and driver share its cores, and the page it writes says who used them.
// It owns the broker and one worker at a time, and has ended both when it returns, also after an interrupt.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/faustgen/faustgen/bench/internal/proc"
	"github.com/faustgen/faustgen/bench/internal/report"
)

// full is the number of orders that a comparison needs: in a shorter run Kafka Streams still compiles.
const full = 5_000_000

// settings are the command line.
type settings struct {
	workloads   []string
	peers       []string
	reps, n     int
	commit      time.Duration
	limit       time.Duration
	keep        bool
	crosscheck  bool
	results     string
	minRate     float64
	minCPU      float64
	commandLine string
}

func main() {
	s, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (*settings, error) {
	s := &settings{commandLine: strings.TrimSpace("go run ./bench " + strings.Join(args, " "))}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	names := f.String("workloads", strings.Join(workloadNames(), ","), "comma-separated `names`")
	only := f.String("only", "", "measure one `peer` alone: ours or ks")
	quick := f.Bool("quick", false, "200,000 orders and one repetition: does it work, not how fast is it")
	f.IntVar(&s.reps, "reps", 3, "how often each peer runs each workload")
	f.IntVar(&s.n, "n", full, "orders in the input")
	f.DurationVar(&s.commit, "commit", time.Second, "commit interval of both peers")
	f.DurationVar(&s.limit, "limit", 5*time.Minute, "longest time for one run; what takes longer is killed")
	f.BoolVar(&s.keep, "keep", false, "keep every run's topics, state and log")
	f.BoolVar(&s.crosscheck, "crosscheck", false, "have Kafka Streams count its records and print its own rate beside ours")
	f.StringVar(&s.results, "results", "", "`folder` of the page (default bench/results for a whole comparison, else .bench/results)")
	f.Float64Var(&s.minRate, "min-rate", 0, "fail unless faustgen has this many times Kafka Streams' records per second")
	f.Float64Var(&s.minCPU, "min-cpu", 0, "fail unless Kafka Streams uses this many times faustgen's CPU seconds")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if *quick {
		given := map[string]bool{}
		f.Visit(func(g *flag.Flag) { given[g.Name] = true })
		if !given["n"] {
			s.n = 200_000
		}
		if !given["reps"] {
			s.reps = 1
		}
	}
	switch *only {
	case "":
		s.peers = []string{report.Streams, report.Ours}
	case "ours":
		s.peers = []string{report.Ours}
	case "ks":
		s.peers = []string{report.Streams}
	default:
		return nil, fmt.Errorf("-only %s: it is ours or ks", *only)
	}
	s.workloads = strings.Split(*names, ",")
	for _, name := range s.workloads {
		if _, ok := workloads[name]; !ok {
			return nil, fmt.Errorf("-workloads %s: the workloads are %s", name, strings.Join(workloadNames(), ", "))
		}
	}
	if f.NArg() > 0 || s.reps < 1 || s.n < 1000 {
		return nil, errors.New("it takes flags only, -reps of at least 1 and -n of at least 1000; see -help")
	}
	return s, nil
}

// whole tells whether the figures are worth keeping in the repository.
func (s *settings) whole() bool {
	return s.n >= full && s.reps >= 3 && len(s.peers) == 2 && len(s.workloads) == len(workloads) && !s.crosscheck
}

func run(ctx context.Context, s *settings) (err error) {
	b, err := prepare(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()

	var runs []report.Run
	for rep := 1; rep <= s.reps; rep++ {
		// In turns, and each the first every other time, so that a slow minute of the machine meets both.
		peers := slices.Clone(s.peers)
		if rep%2 == 0 {
			slices.Reverse(peers)
		}
		for _, name := range s.workloads {
			for _, peer := range peers {
				r := b.measure(ctx, name, peer, rep)
				if ctx.Err() != nil {
					return errors.New("interrupted; nothing was written")
				}
				runs = append(runs, r)
				fmt.Println(line(&r))
			}
		}
	}
	if err := b.write(runs); err != nil {
		return err
	}
	return verdict(s, runs)
}

// line is what a run prints when it has ended.
func line(r *report.Run) string {
	head := fmt.Sprintf("%-6s %-13s %d:", r.Workload, r.Peer, r.Rep)
	if r.Interrupted != "" {
		return head + " not measured: " + r.Interrupted
	}
	s := fmt.Sprintf("%s %8.0f records/s, %8.0f with start-up, CPU %6.2f s, broker %5.2f s, other %5.2f s, peak %4.0f MB, %s",
		head, r.Rate(), r.RateFromStart(), r.CPU, r.BrokerCPU, r.OtherCPU, r.PeakMB, r.Check)
	if r.InsideRate > 0 {
		s += fmt.Sprintf(" (its own clock: %.0f records/s)", r.InsideRate)
	}
	return s
}

// verdict is the error of a benchmark with a wrong result, or one below the asked ratios.
func verdict(s *settings, runs []report.Run) error {
	var all []error
	for _, r := range runs {
		if !r.Good() {
			all = append(all, fmt.Errorf("%s, %s, repetition %d: %s%s", r.Workload, r.Peer, r.Rep, r.Interrupted, r.Check))
		}
	}
	ratios := report.Ratios(runs)
	for _, r := range ratios {
		fmt.Printf("%s: %.2f times Kafka Streams' records per second, 1/%.2f of its CPU\n", r.Workload, r.Rate, r.CPU)
		if r.Rate < s.minRate {
			all = append(all, fmt.Errorf("%s: %.2f times the records per second, at least %.2f were asked for", r.Workload, r.Rate, s.minRate))
		}
		if r.CPU < s.minCPU {
			all = append(all, fmt.Errorf("%s: Kafka Streams uses %.2f times the CPU seconds, at least %.2f were asked for", r.Workload, r.CPU, s.minCPU))
		}
	}
	if (s.minRate > 0 || s.minCPU > 0) && len(ratios) < len(s.workloads) {
		all = append(all, errors.New("not every workload could be compared, so -min-rate and -min-cpu are not met"))
	}
	return errors.Join(all...)
}

// write leaves the page and one JSON line per run. It never replaces an earlier page of the same day.
func (b *bench) write(runs []report.Run) error {
	dir := b.settings.results
	switch {
	case dir != "":
	case b.settings.whole():
		dir = filepath.Join(b.root, "bench", "results")
	default:
		dir = filepath.Join(b.scratch, "results")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the results' folder: %w", err)
	}
	now := time.Now()
	name := filepath.Join(dir, now.Format("2006-01-02"))
	for i := 2; exists(name + ".md"); i++ {
		name = filepath.Join(dir, fmt.Sprintf("%s-%d", now.Format("2006-01-02"), i))
	}
	facts := append([]report.Fact{{Name: "time", Value: now.UTC().Format(time.RFC3339)},
		{Name: "command", Value: "`" + b.settings.commandLine + "`"}, {Name: "machine", Value: proc.Machine()}}, b.facts...)
	if err := os.WriteFile(name+".md", []byte(report.Markdown(now, facts, runs)), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	lines, err := report.Lines(runs)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".jsonl", lines, 0o644); err != nil {
		return fmt.Errorf("write the runs: %w", err)
	}
	fmt.Println("written:", name+".md")
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

//go:build unix

// Command gen measures the generator: forty packages of five records each, generated in one run.
// It writes them into a module of their own under .bench, builds faustgen, runs it cold once and warm several times,
// and prints time and peak memory. It starts one process at a time and owns it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/faustgen/faustgen/bench/internal/proc"
)

// outputs are the names of the files that the generator makes, relative to a package.
const outputs = "faust_gen.go"

func main() {
	packages := flag.Int("packages", 40, "how many packages")
	runs := flag.Int("runs", 5, "how many warm runs of each kind")
	limit := flag.Duration("max", 0, "fail when the median of a warm run takes longer; 0 for no limit")
	build := flag.Bool("build", false, "compile what was generated, to show that it is right")
	keep := flag.Bool("keep", false, "keep the module")
	flag.Parse()
	if flag.NArg() > 0 || *packages < 1 || *runs < 1 {
		fmt.Fprintln(os.Stderr, "bench/gen: it takes flags only, -packages and -runs of at least 1; see -help")
		os.Exit(2)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	b := &bench{packages: *packages, runs: *runs, limit: *limit}
	if err := b.run(ctx, *build, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "bench/gen:", err)
		os.Exit(1)
	}
}

type bench struct {
	packages, runs int
	limit          time.Duration // of a median
	dir            string        // of the module, without symbolic links
	log            string
	faustgen       string // the binary
}

func (b *bench) run(ctx context.Context, build, keep bool) (err error) {
	root, err := repository()
	if err != nil {
		return err
	}
	scratch := filepath.Join(root, ".bench")
	b.dir, b.log, b.faustgen = filepath.Join(scratch, "gen"), filepath.Join(scratch, "gen.log"), filepath.Join(scratch, "bin", "faustgen")
	if err := os.RemoveAll(b.dir); err != nil {
		return fmt.Errorf("remove the last module: %w", err)
	}
	if err := writeModule(b.dir, root, b.packages); err != nil {
		return err
	}
	if !keep {
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	}
	if err := goCommand(ctx, root, "build", "-o", b.faustgen, "./cmd/faustgen"); err != nil {
		return err
	}
	fmt.Printf("%d packages of %d records, one run; %s\n", b.packages, recordsPerPackage, proc.Machine())
	cold, err := b.generate(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%-28s %s\n", "first run", show([]proc.Usage{cold}))
	anew, err := b.repeat(ctx, "warm, every file anew", b.removeOutputs)
	if err != nil {
		return err
	}
	same, err := b.repeat(ctx, "warm, nothing to change", func() error { return nil })
	if err != nil {
		return err
	}
	if build {
		if err := goCommand(ctx, b.dir, "build", "./..."); err != nil {
			return err
		}
		fmt.Println("what was generated compiles")
	}
	if slowest := max(anew, same); b.limit > 0 && slowest > b.limit {
		return fmt.Errorf("a warm run takes %s, at most %s were asked for", slowest.Round(time.Millisecond), b.limit)
	}
	return nil
}

// repeat runs the generator several times, each after before, prints them and returns the median of their times.
func (b *bench) repeat(ctx context.Context, name string, before func() error) (time.Duration, error) {
	var all []proc.Usage
	for range b.runs {
		if err := before(); err != nil {
			return 0, err
		}
		u, err := b.generate(ctx)
		if err != nil {
			return 0, err
		}
		all = append(all, u)
	}
	fmt.Printf("%-28s %s\n", name, show(all))
	return median(all, func(u proc.Usage) time.Duration { return u.Wall }), nil
}

// generate runs faustgen once over the module and makes sure that every package has its file.
func (b *bench) generate(ctx context.Context) (proc.Usage, error) {
	p, err := proc.Start(proc.Command{Path: b.faustgen, Args: []string{"./..."}, Dir: b.dir, Log: b.log})
	if err != nil {
		return proc.Usage{}, err
	}
	deadline := time.Now().Add(5 * time.Minute) // the first run may compile the runtime's dependencies
	for !p.Ended() {
		if ctx.Err() != nil || time.Now().After(deadline) {
			p.Kill()
			return proc.Usage{}, fmt.Errorf("faustgen did not end: %w", errors.Join(ctx.Err(), context.DeadlineExceeded))
		}
		time.Sleep(time.Millisecond)
	}
	u := p.Stop(0)
	if u.Exit != "0" {
		return u, fmt.Errorf("faustgen ended with %s:\n%s", u.Exit, p.Tail(20))
	}
	found, err := filepath.Glob(filepath.Join(b.dir, "*", outputs))
	if err == nil && len(found) != b.packages {
		err = fmt.Errorf("faustgen wrote %d of %d files", len(found), b.packages)
	}
	return u, err
}

// removeOutputs deletes what the generator made: its file in every package, and the workers' main programs.
func (b *bench) removeOutputs() error {
	for i := range b.packages {
		at := filepath.Join(b.dir, packageName(i))
		if err := errors.Join(os.Remove(filepath.Join(at, outputs)), os.RemoveAll(filepath.Join(at, "cmd"))); err != nil {
			return fmt.Errorf("remove the outputs of %s: %w", packageName(i), err)
		}
	}
	return nil
}

// show prints least and median of time, CPU and memory; a single run alone.
func show(all []proc.Usage) string {
	wall := func(u proc.Usage) time.Duration { return u.Wall }
	cpu := func(u proc.Usage) time.Duration { return u.CPU }
	peak := func(u proc.Usage) int64 { return u.PeakRSS }
	ms := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
	if len(all) == 1 {
		return fmt.Sprintf("time %s, CPU %s, peak %d MB", ms(all[0].Wall), ms(all[0].CPU), all[0].PeakRSS/1e6)
	}
	return fmt.Sprintf("time min %s, median %s; CPU median %s; peak median %d MB (%d runs)",
		ms(least(all, wall)), ms(median(all, wall)), ms(median(all, cpu)), median(all, peak)/1e6, len(all))
}

func sorted[T time.Duration | int64](all []proc.Usage, f func(proc.Usage) T) []T {
	v := make([]T, 0, len(all))
	for _, u := range all {
		v = append(v, f(u))
	}
	slices.Sort(v)
	return v
}

func least[T time.Duration | int64](all []proc.Usage, f func(proc.Usage) T) T {
	return sorted(all, f)[0]
}

// median is the middle value, the lower one of two.
func median[T time.Duration | int64](all []proc.Usage, f func(proc.Usage) T) T {
	return sorted(all, f)[(len(all)-1)/2]
}

// repository is the folder of the module that the program is run in.
func repository() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", errors.New("there is no go.mod here; run `go run ./bench/gen` at the repository's root")
	}
	return filepath.Dir(mod), nil
}

func goCommand(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

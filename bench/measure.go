//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/faustgen/faustgen/bench/internal/orders"
	"github.com/faustgen/faustgen/bench/internal/proc"
	"github.com/faustgen/faustgen/bench/internal/report"
)

const (
	sampleInterval = 20 * time.Millisecond
	stallLimit     = 60 * time.Second // without any progress, a run is given up
	stopLimit      = 30 * time.Second // for a worker to end after SIGTERM
)

// trial is one run of one worker: its names and where it leaves what.
type trial struct {
	workload, peer   string
	app, out, state  string // application id, output topic of the filter, state on disk
	log              string
	process          *proc.Process
	firstAt, lastAt  time.Time
	repartition      string // found once the worker has made it
	repartitionParts int32
}

// workload says how progress is seen from outside, and how the result is checked. Both see Kafka alone, so they are
// the same for every peer.
type workload struct {
	// sample returns how much of the first effect and of the last is visible, and how much of the last there must be.
	sample func(ctx context.Context, b *bench, t *trial) (first, last, want int64, err error)
	// check compares the result; it returns the records written and report.Exact or what is wrong.
	check func(ctx context.Context, b *bench, t *trial) (int64, string, error)
}

var workloads = map[string]workload{
	"filter": {sample: sampleFilter, check: checkFilter},
	"count":  {sample: sampleCount, check: checkCount},
}

func workloadNames() []string { return []string{"filter", "count"} }

// measure runs one peer once. What goes wrong is in the run, not an error: the others can still be measured.
func (b *bench) measure(ctx context.Context, name, peer string, rep int) report.Run {
	now := time.Now()
	app := fmt.Sprintf("bench-%s-%s-%d", name, strings.ReplaceAll(peer, "kafka-", ""), now.UnixMilli())
	t := &trial{workload: name, peer: peer, app: app, out: app + "-out",
		state: filepath.Join(b.scratch, "state", app), log: filepath.Join(b.scratch, "logs", app+".log")}
	r := report.Run{Date: now.UTC(), Workload: name, Peer: peer, Rep: rep, Records: b.settings.n}
	if err := b.try(ctx, t, &r); err != nil {
		r.Interrupted = err.Error()
	}
	if !b.settings.keep {
		if err := b.clean(t, r.Good()); err != nil {
			fmt.Fprintln(os.Stderr, "bench: clean up after", app+":", err)
		}
	}
	return r
}

// try measures from just before the worker's start to just after its end, then checks the result.
func (b *bench) try(ctx context.Context, t *trial, r *report.Run) (err error) {
	if t.workload == "filter" {
		if err := b.broker.Create(ctx, t.out, orders.Partitions); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(t.state, 0o755); err != nil {
		return fmt.Errorf("make the state's folder: %w", err)
	}
	path, args := b.command(t)
	busy, broker, self := proc.Busy(), proc.CPU(b.broker.PID), proc.Self()
	if t.process, err = proc.Start(proc.Command{Path: path, Args: args, Dir: t.state, Log: t.log}); err != nil {
		return err
	}
	watched := b.watch(ctx, t)
	if watched != nil {
		t.process.Kill()
	}
	used := t.process.Stop(stopLimit)
	r.BrokerCPU = (proc.CPU(b.broker.PID) - broker).Seconds()
	r.DriverCPU = (proc.Self() - self).Seconds()
	r.OtherCPU = (proc.Busy() - busy - used.CPU).Seconds() - r.BrokerCPU - r.DriverCPU
	r.Wall, r.CPU, r.PeakMB = used.Wall.Seconds(), used.CPU.Seconds(), float64(used.PeakRSS)/1e6
	if watched != nil {
		return fmt.Errorf("%w%s", watched, t.lastWords())
	}
	r.StartUp, r.Processing = t.firstAt.Sub(t.process.Began).Seconds(), t.lastAt.Sub(t.firstAt).Seconds()
	// The JVM reports the signal that stopped it, as shells do.
	if !slices.Contains([]string{"0", "143"}, used.Exit) {
		return fmt.Errorf("the worker ended with %s instead of 0 after SIGTERM%s", used.Exit, t.lastWords())
	}
	if b.settings.crosscheck {
		r.InsideRate = insideRate(t.process.Tail(1000), b.settings.n)
	}
	return b.check(ctx, t, r)
}

func (b *bench) check(ctx context.Context, t *trial, r *report.Run) error {
	var err error
	if r.Written, r.Check, err = workloads[t.workload].check(ctx, b, t); err != nil {
		return fmt.Errorf("check the result: %w", err)
	}
	// A worker that stopped in order has committed all it read.
	committed, err := b.broker.Committed(ctx, t.app, b.input, orders.Partitions)
	if err == nil && committed != int64(b.settings.n) && r.Check == report.Exact {
		r.Check = fmt.Sprintf("right, but %d of %d orders are committed after the worker stopped", committed, b.settings.n)
	}
	return err
}

// command is the worker's command line. Only names, the broker and the commit interval differ from the defaults,
// and what README.md lists.
func (b *bench) command(t *trial) (string, []string) {
	if t.peer == report.Ours {
		args := []string{"worker", "--broker", b.broker.Address, "--app-id", t.app, "--datadir", t.state, "--web", "off",
			"--commit-interval", b.settings.commit.String(), "--topic", "orders=" + b.input}
		if t.workload == "filter" {
			args = append(args, "--topic", "large="+t.out)
		}
		return b.binaries[t.workload], args
	}
	args := []string{"-Xmx1g", "-cp", b.classPath, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "StreamsPeer",
		"--workload", t.workload, "--broker", b.broker.Address, "--app", t.app, "--in", b.input, "--out", t.out,
		"--state", t.state, "--threads", "2", "--commit", strconv.FormatInt(b.settings.commit.Milliseconds(), 10)}
	if b.settings.crosscheck {
		args = append(args, "--events", strconv.Itoa(b.settings.n))
	}
	return b.java, args
}

// lastWords is the end of the worker's output, for an error.
func (t *trial) lastWords() string {
	if words := t.process.Tail(8); words != "" {
		return "; its last words:\n" + words
	}
	return ""
}

// watch samples the broker until all is done. firstAt is the last sample without any effect and lastAt the first
// with all of it, so the time between them is never too short.
func (b *bench) watch(ctx context.Context, t *trial) error {
	sample := workloads[t.workload].sample
	before := t.process.Began
	moved, movedAt := int64(-1), before
	for tick := time.NewTicker(sampleInterval); ; {
		asked := time.Now()
		first, last, want, err := sample(ctx, b, t)
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			tick.Stop()
			return ctx.Err()
		case err != nil:
			tick.Stop()
			return err
		case t.firstAt.IsZero() && first > 0:
			t.firstAt = before
		}
		if want > 0 && last >= want {
			tick.Stop()
			t.lastAt = now
			return nil
		}
		if first+last != moved {
			moved, movedAt = first+last, now
		}
		if err := b.hopeless(t, now.Sub(movedAt)); err != nil {
			tick.Stop()
			return fmt.Errorf("%w (%d of %d done)", err, last, want)
		}
		before = asked
		<-tick.C
	}
}

func (b *bench) hopeless(t *trial, idle time.Duration) error {
	switch {
	case t.process.Ended():
		return errors.New("the worker ended before its work was done: exit " + t.process.Stop(0).Exit)
	case idle > stallLimit:
		return fmt.Errorf("no progress for %s", stallLimit)
	case time.Since(t.process.Began) > b.settings.limit:
		return fmt.Errorf("not done within %s", b.settings.limit)
	}
	return nil
}

// sampleFilter: the first and the last effect are the output's first and last record.
func sampleFilter(ctx context.Context, b *bench, t *trial) (first, last, want int64, err error) {
	end, err := b.broker.End(ctx, t.out, orders.Partitions)
	return end, end, int64(b.expected.Forwarded.Records), err
}

// sampleCount: the first effect is the first record in the repartition topic, the last one the commit of its last
// record, before which the changelog holds every count.
func sampleCount(ctx context.Context, b *bench, t *trial) (first, last, want int64, err error) {
	want = int64(b.settings.n)
	if t.repartition == "" {
		topics, err := b.broker.Topics(ctx, t.app+"-")
		if err != nil {
			return 0, 0, want, err
		}
		for topic, parts := range topics {
			if strings.HasSuffix(topic, "-repartition") {
				t.repartition, t.repartitionParts = topic, parts
			}
		}
		if t.repartition == "" {
			return 0, 0, want, nil
		}
	}
	if first, err = b.broker.End(ctx, t.repartition, t.repartitionParts); err != nil || first == 0 {
		return 0, 0, want, err
	}
	last, err = b.broker.Committed(ctx, t.app, t.repartition, t.repartitionParts)
	return first, last, want, err
}

var eventLine = regexp.MustCompile(`(?m)^EVENT (first|last) (\d+)$`)

// insideRate is records per second between a worker's own EVENT lines; 0 if it printed none.
func insideRate(log string, n int) float64 {
	at := map[string]int64{}
	for _, m := range eventLine.FindAllStringSubmatch(log, -1) {
		at[m[1]], _ = strconv.ParseInt(m[2], 10, 64) // the expression admits digits alone
	}
	if at["first"] == 0 || at["last"] <= at["first"] {
		return 0
	}
	return float64(n) * 1000 / float64(at["last"]-at["first"])
}

// clean removes a run's topics, offsets and state. The log of a run that went wrong stays.
func (b *bench) clean(t *trial, good bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	topics, err := b.broker.Topics(ctx, t.app)
	if err != nil {
		return err
	}
	var names []string
	for topic := range topics {
		names = append(names, topic)
	}
	err = errors.Join(b.broker.Delete(ctx, names...), b.broker.DeleteGroup(ctx, t.app), os.RemoveAll(t.state))
	if good {
		err = errors.Join(err, os.Remove(t.log))
	}
	return err
}

//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/faustgen/faustgen/bench/internal/kafka"
	"github.com/faustgen/faustgen/bench/internal/orders"
	"github.com/faustgen/faustgen/bench/internal/report"
)

// bench is a prepared benchmark: broker up, input filled, workers built. One goroutine uses it.
type bench struct {
	settings *settings
	root     string // of the repository
	scratch  string // .bench below it: broker, state, logs, binaries
	broker   *kafka.Broker
	lock     *os.File
	input    string // the topic of the orders
	expected orders.Expected
	facts    []report.Fact

	java, classPath string            // of Kafka Streams' worker
	binaries        map[string]string // ours, by workload
}

// prepare makes everything ready that is not measured. The first time it fetches jars and fills the input, which
// takes minutes; later it takes seconds.
func prepare(ctx context.Context, s *settings) (_ *bench, err error) {
	b := &bench{settings: s, binaries: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.root, err = moduleRoot(); err != nil {
		return nil, err
	}
	b.scratch = filepath.Join(b.root, ".bench")
	for _, dir := range []string{"state", "logs", "bin", "classes"} {
		if err := os.MkdirAll(filepath.Join(b.scratch, dir), 0o755); err != nil {
			return nil, fmt.Errorf("make %s: %w", dir, err)
		}
	}
	if err := b.takeLock(); err != nil {
		return nil, err
	}
	b.fact("Go", runtime.Version())
	for _, peer := range s.peers {
		switch peer {
		case report.Ours:
			err = b.buildOurs(ctx)
		case report.Streams:
			err = b.buildStreams(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	fmt.Println("starting Kafka")
	if b.broker, err = kafka.Start(ctx, b.script(), filepath.Join(b.scratch, "kafka")); err != nil {
		return nil, err
	}
	b.fact("Kafka", fmt.Sprintf("%s, one broker, cluster id %s", b.broker.Version, b.broker.ClusterID))
	b.fact("input", fmt.Sprintf("%d orders in %d partitions, uncompressed; commit interval %s", s.n, orders.Partitions, s.commit))
	if err := b.fillInput(ctx); err != nil {
		return nil, err
	}
	return b, b.warmUp(ctx)
}

// close ends what prepare started. It may be called on a half-prepared bench.
func (b *bench) close() error {
	var err error
	if b.broker != nil {
		err = b.broker.Close()
		b.broker = nil
	}
	if b.lock != nil {
		err = errors.Join(err, b.lock.Close())
		b.lock = nil
	}
	return err
}

func (b *bench) script() string { return filepath.Join(b.root, ".ci", "kafka.sh") }
func (b *bench) fact(name, value string) {
	b.facts = append(b.facts, report.Fact{Name: name, Value: value})
}

// moduleRoot finds the repository above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, "go.mod")) && exists(filepath.Join(at, ".ci", "kafka.sh")) {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not inside the repository; run `go run ./bench` at its root", dir)
		}
	}
}

// takeLock refuses a second benchmark in the same checkout: both would measure each other.
func (b *bench) takeLock() error {
	f, err := os.OpenFile(filepath.Join(b.scratch, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("another benchmark runs in this checkout (%s is locked); wait for it to end: %w", f.Name(), err)
	}
	b.lock = f
	return nil
}

func (b *bench) buildOurs(ctx context.Context) error {
	for _, name := range b.settings.workloads {
		main := "./" + filepath.ToSlash(filepath.Join("bench", name, "cmd", name))
		if !exists(filepath.Join(b.root, main)) {
			return fmt.Errorf("%s is missing: the application is not generated; run `go run ./cmd/faustgen ./bench/...`", main)
		}
		b.binaries[name] = filepath.Join(b.scratch, "bin", name)
		cmd := exec.CommandContext(ctx, "go", "build", "-o", b.binaries[name], main)
		cmd.Dir, cmd.Stdout, cmd.Stderr = b.root, os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build %s: %w", main, err)
		}
	}
	if commit, err := exec.CommandContext(ctx, "git", "-C", b.root, "describe", "--always", "--dirty").Output(); err == nil {
		b.fact("faustgen", "commit "+string(bytes.TrimSpace(commit)))
	}
	return nil
}

func (b *bench) buildStreams(ctx context.Context) error {
	peer := filepath.Join(b.root, "bench", "kafkastreams")
	pom, classes := filepath.Join(peer, "pom.xml"), filepath.Join(b.scratch, "classes")
	if err := kafka.Javac(ctx, b.script(), pom, classes, filepath.Join(peer, "src", "StreamsPeer.java")); err != nil {
		return fmt.Errorf("build Kafka Streams' worker: %w", err)
	}
	libs, err := kafka.Libs(ctx, b.script(), pom)
	if err != nil {
		return err
	}
	b.classPath = classes + string(os.PathListSeparator) + libs
	if b.java, err = exec.LookPath("java"); err != nil {
		return fmt.Errorf("find java: %w", err)
	}
	version, err := exec.CommandContext(ctx, b.java, "-version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ask java for its version: %w", err)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	b.fact("Java", first)
	return nil
}

// fillInput makes the topic of the orders unless it is there and complete, and computes what must come of it.
func (b *bench) fillInput(ctx context.Context) error {
	b.input = fmt.Sprintf("orders-v%d-%d", orders.Version, b.settings.n)
	b.expected = orders.Expect(b.settings.n)
	have, err := b.broker.End(ctx, b.input, orders.Partitions)
	if err != nil {
		return err
	}
	if have == int64(b.settings.n) {
		return nil
	}
	if have > 0 {
		fmt.Printf("%s has %d records instead of %d: it is made anew\n", b.input, have, b.settings.n)
		if err := b.broker.Delete(ctx, b.input); err != nil {
			return err
		}
	}
	// A topic that was made but never filled is as good as a new one.
	existing, err := b.broker.Topics(ctx, b.input)
	if err != nil {
		return err
	}
	if _, ok := existing[b.input]; !ok {
		if err := b.broker.Create(ctx, b.input, orders.Partitions); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := b.broker.Produce(ctx, b.input, inputRecords(b.settings.n)); err != nil {
		return err
	}
	fmt.Printf("%s: %d orders produced in %.1f s\n", b.input, b.settings.n, time.Since(began).Seconds())
	return nil
}

// warmUp writes and reads a topic that nobody measures: a broker that has just started compiles its own code for its
// first million records, and whoever comes first would pay for that.
func (b *bench) warmUp(ctx context.Context) error {
	topic := fmt.Sprintf("warm-up-%d", time.Now().UnixMilli())
	if err := b.broker.Create(ctx, topic, orders.Partitions); err != nil {
		return err
	}
	n, read := min(b.settings.n, 2_000_000), 0
	err := b.broker.Produce(ctx, topic, inputRecords(n))
	if err == nil {
		err = b.broker.Read(ctx, topic, orders.Partitions, func(*kgo.Record) error { read++; return nil })
	}
	if err == nil && read != n {
		err = fmt.Errorf("warm up: %d of %d records came back", read, n)
	}
	return errors.Join(err, b.broker.Delete(context.WithoutCancel(ctx), topic))
}

func inputRecords(n int) iter.Seq[*kgo.Record] {
	return func(yield func(*kgo.Record) bool) {
		for r := range orders.All(n) {
			value := r.AppendJSON(make([]byte, 0, 112))
			if !yield(&kgo.Record{Key: []byte(r.Key), Value: value, Partition: r.Partition, Timestamp: r.Time}) {
				return
			}
		}
	}
}

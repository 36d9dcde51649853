package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/faustgen/faustgen/examples/power"
)

// worker is the worker's process.
type worker struct {
	binary   string
	dir      string
	broker   string // host:port
	embedded bool
	process  *exec.Cmd
	ended    chan error
}

// start starts the worker, on an address that stays the same if it is started again, and waits for its broker.
func (w *worker) start(ctx context.Context) error {
	if w.broker == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		w.broker = l.Addr().String()
		if err := l.Close(); err != nil {
			return err
		}
	}
	broker := w.broker
	if w.embedded {
		broker = "embedded://" + w.broker
	}
	log, err := os.OpenFile(filepath.Join(w.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	w.process = exec.CommandContext(ctx, w.binary, "worker", "--broker", broker, "--datadir", w.dir, "--web", "127.0.0.1:0")
	w.process.Cancel = func() error { return w.process.Process.Signal(syscall.SIGTERM) }
	w.process.WaitDelay = 30 * time.Second
	w.process.Stdout, w.process.Stderr = log, log
	if err := w.process.Start(); err != nil {
		return err
	}
	w.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan<- error) { ended <- p.Wait() }(w.process, w.ended)
	for {
		if c, err := net.DialTimeout("tcp", w.broker, time.Second); err == nil {
			return c.Close()
		}
		select {
		case err := <-w.ended:
			return fmt.Errorf("the worker ended at once: %w\n%s", err, w.logTail())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the worker as an operator would.
func (w *worker) stop() error {
	if w.process == nil {
		return nil
	}
	p := w.process
	w.process = nil
	if err := p.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := <-w.ended; err != nil {
		return fmt.Errorf("the worker did not stop cleanly: %w\n%s", err, w.logTail())
	}
	return nil
}

// kill ends the worker as a failing machine would.
func (w *worker) kill() error {
	if err := w.process.Process.Kill(); err != nil {
		return err
	}
	<-w.ended
	return nil
}

func (w *worker) logTail() string {
	b, _ := os.ReadFile(filepath.Join(w.dir, "log")) // without a log there is nothing to add
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}

// load runs the example's own command in the background.
func (w *worker) load(ctx context.Context, path string) <-chan error {
	args := []string{"load", "--broker", w.broker}
	if path != "" {
		args = append(args, path)
	}
	c := exec.CommandContext(ctx, w.binary, args...)
	done := make(chan error, 1)
	go func() {
		if out, err := c.CombinedOutput(); err != nil {
			done <- fmt.Errorf("load: %w\n%s", err, out)
			return
		}
		done <- nil
	}()
	return done
}

// watch shows the table as it fills until the worker has read everything, and kills the worker once if it has to.
func (w *worker) watch(ctx context.Context, loaded <-chan error, readings int64, kill bool) error {
	ticker := time.NewTicker(300 * time.Millisecond)
	defer ticker.Stop()
	var why error
	for isLoaded := false; ; {
		select {
		case err := <-loaded:
			if err != nil {
				return err
			}
			isLoaded, loaded = true, nil
			continue
		case err := <-w.ended:
			return fmt.Errorf("the worker ended: %w\n%s", err, w.logTail())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), why)
		case <-ticker.C:
		}
		read, err := w.read(ctx)
		if err != nil {
			why = err // not ready yet, or broken: the deadline tells
			continue
		}
		w.show(ctx, read)
		if kill && read > readings/8 {
			fmt.Printf("kill -9 after %d of %d readings; starting again\n", read, readings)
			kill = false
			if err := w.kill(); err != nil {
				return err
			}
			if err := w.start(ctx); err != nil {
				return err
			}
		}
		if isLoaded && read >= readings {
			return nil
		}
	}
}

// read is how many readings the group has committed.
func (w *worker) read(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, w.binary, "lag", "--json", "--broker", w.broker).Output()
	if err != nil {
		return 0, err
	}
	var rows []struct {
		Committed int64 `json:"committed"`
	}
	if err := json.Unmarshal(out, &rows); err != nil {
		return 0, err
	}
	n := int64(0)
	for _, row := range rows {
		n += max(row.Committed, 0)
	}
	return n, nil
}

// show prints the hour that one meter is in.
func (w *worker) show(ctx context.Context, read int64) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, w.binary, "query", "hourly", "house-0/total", "--broker", w.broker).Output()
	rows := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if err != nil || len(rows[0]) == 0 {
		return
	}
	fmt.Printf("%9d readings committed; table hourly, house-0/total, %d windows, the newest %s\n", read, len(rows), rows[len(rows)-1])
}

// consume reads the output topic with a consumer of its own until every hour that has to close has come, or nothing comes any more.
func (w *worker) consume(ctx context.Context, want *expected) (averages, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(w.broker), kgo.ConsumeTopics("averages"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	got := averages{}
	for {
		wait := 10 * time.Second
		if len(got) >= len(want.averages) {
			wait = time.Second // something may come that shouldn't
		}
		pollCtx, cancel := context.WithTimeout(ctx, wait)
		fetches := c.PollFetches(pollCtx)
		cancel()
		if fetches.NumRecords() == 0 {
			return got, ctx.Err()
		}
		var bad error
		fetches.EachRecord(func(r *kgo.Record) {
			var a power.Average
			if err := json.Unmarshal(r.Value, &a); err != nil {
				bad = fmt.Errorf("averages partition %d offset %d: %w", r.Partition, r.Offset, err)
				return
			}
			s := slot{a.Meter, a.Hour.UTC()}
			if old, ok := got[s]; ok && old.Watts != a.Watts {
				bad = fmt.Errorf("two different averages of %s at %s: %v and %v", a.Meter, a.Hour, old.Watts, a.Watts)
			}
			got[s] = a
		})
		if bad != nil {
			return nil, bad
		}
	}
}

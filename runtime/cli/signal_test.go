//go:build !faust_nodev

package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A worker's process ends with 0 on SIGTERM, and another one goes on where it stopped.
func TestTerminate(t *testing.T) {
	dir := t.TempDir()
	start := func(args ...string) (*exec.Cmd, *background) {
		b := &background{stderr: &buffer{}, done: make(chan struct{})}
		cmd := exec.Command(os.Args[0], append([]string{"worker", "--broker", "embedded://127.0.0.1:0", "--datadir", dir, "--web", "127.0.0.1:0"}, args...)...)
		cmd.Env = append(os.Environ(), childVariable+"=1")
		cmd.Stderr = b.stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended already, unless the test failed
		return cmd, b
	}
	want := func(c call, n string) {
		t.Helper()
		eventually(t, func() error {
			if o := c.do(t, "query", "reading_count", "-1"); o.stdout != `{"key":-1,"value":`+n+"}\n" {
				return errors.New(o.stdout + o.stderr)
			}
			return nil
		})
	}
	end := func(cmd *exec.Cmd, b *background) {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v: %s", err, b.stderr)
		}
		if log := b.stderr.String(); !strings.Contains(log, "worker stopped") {
			t.Errorf("the log does not end well: %s", log)
		}
	}

	cmd, b := start()
	c := call{env: map[string]string{"FAUST_BROKER": b.addr(t)}}
	c.do(t, "seed", "4").want(t, exitDone)
	want(c, "4")
	end(cmd, b)

	cmd, b = start()
	c = call{env: map[string]string{"FAUST_BROKER": b.addr(t)}}
	want(c, "4")
	c.do(t, "seed", "2").want(t, exitDone)
	want(c, "6")
	end(cmd, b)
}

// The first signal ends the context, the second one the process.
func TestSecondSignal(t *testing.T) {
	exited := make(chan int, 1)
	ctx, stop := untilSignal(context.Background(), func(code int) { exited <- code })
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}
	select {
	case code := <-exited:
		t.Fatalf("exit %d at the first signal", code)
	default:
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-exited:
		if code != exitFailed {
			t.Errorf("exit code %d at the second signal, want 1", code)
		}
	case <-time.After(30 * time.Second):
		t.Error("the second signal does nothing")
	}
}

package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/cli/clitest"
)

// childVariable makes the test binary be the worker's binary.
const childVariable = "CLI_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		Main(clitest.Faust())
	}
	os.Exit(m.Run())
}

// buffer is an output that can be read while it is written.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// call is one call of the command line, in this process.
type call struct {
	env      map[string]string
	stdin    string
	patience time.Duration
}

// run returns the exit code and what was printed.
func (c call) run(ctx context.Context, stderr *buffer, args ...string) (code int, stdout string) {
	out := &buffer{}
	patience := c.patience
	if patience == 0 {
		patience = 30 * time.Second
	}
	code = run(ctx, clitest.Faust(), &program{
		name: "clitest", in: strings.NewReader(c.stdin), out: out, err: stderr, patience: patience,
		env: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok },
	}, args)
	return code, out.String()
}

// outcome is what a call came to.
type outcome struct {
	code           int
	stdout, stderr string
}

func (c call) do(t *testing.T, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stderr := &buffer{}
	code, stdout := c.run(ctx, stderr, args...)
	return outcome{code, stdout, stderr.String()}
}

// want checks the exit code and that a failure is told in one line that has each of the texts.
func (o outcome) want(t *testing.T, code int, texts ...string) outcome {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d; stderr: %s", o.code, code, o.stderr)
	}
	where := o.stdout
	if code != exitDone {
		where = o.stderr
		if n := strings.Count(where, "\n"); where != "" && (n != 1 || !strings.HasPrefix(where, "clitest: ")) {
			t.Errorf("stderr has %d lines, want one that begins with the program's name:\n%s", n, where)
		}
	}
	for _, text := range texts {
		if !strings.Contains(where, text) {
			t.Errorf("no %q in:\n%s", text, where)
		}
	}
	return o
}

// background is a command that runs until its context ends.
type background struct {
	cancel context.CancelCauseFunc
	stderr *buffer
	done   chan struct{}
	code   int
}

// start runs a command beside the test, and stops it at the end of the test.
func (c call) start(t *testing.T, args ...string) *background {
	t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	b := &background{cancel: cancel, stderr: &buffer{}, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.code, _ = c.run(ctx, b.stderr, args...)
	}()
	t.Cleanup(func() { b.stop() })
	return b
}

// stop ends the command as a signal does, and returns its exit code.
func (b *background) stop() int {
	b.cancel(errInterrupted)
	<-b.done
	return b.code
}

var listening = regexp.MustCompile(`msg="broker listening" addr=(\S+)`)

// addr waits for the line that tells where the broker listens.
func (b *background) addr(t *testing.T) string {
	t.Helper()
	var found string
	eventually(t, func() error {
		select {
		case <-b.done:
			t.Fatalf("the command has ended with %d: %s", b.code, b.stderr)
		default:
		}
		m := listening.FindStringSubmatch(b.stderr.String())
		if m == nil {
			return errors.New("no line `broker listening` in " + b.stderr.String())
		}
		found = m[1]
		return nil
	})
	return found
}

// eventually waits until f has no error.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

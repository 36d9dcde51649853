//go:build kafka

package kafkatest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 60 * time.Second

// app is one example in one test, under names of its own.
type app struct {
	t       *testing.T
	binary  string
	prefix  string // of its topics and its group
	dir     string // of its workers' data directories and logs
	broker  string
	workers []*worker
}

func newApp(t *testing.T, example string) *app {
	t.Helper()
	counts(t)
	name := strings.ToLower(strings.NewReplacer("/", "-", ",", "").Replace(strings.TrimPrefix(t.Name(), "Test")))
	return &app{t: t, binary: filepath.Join(s.dir, "bin", example), prefix: name + ".", dir: t.TempDir(), broker: s.broker}
}

// topic is the name on the broker of a topic.
func (a *app) topic(declared string) string { return a.prefix + declared }

func (a *app) flags() []string { return []string{"--broker", a.broker, "--topic-prefix", a.prefix} }

// worker is one worker's process.
type worker struct {
	app  *app
	name string
	cmd  *exec.Cmd
	log  string // file; grows when the worker is started again
	from int64  // where the log of this run begins
	done chan struct{}
	err  error // after done
}

// start starts a worker with its own data directory. What it was started with before, under the same name, it finds again.
func (a *app) start(name string, flags ...string) *worker {
	a.t.Helper()
	w := &worker{app: a, name: name, log: filepath.Join(a.dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil {
		w.from = info.Size()
	}
	args := append([]string{"worker", "--datadir", a.data(name), "--web", "127.0.0.1:0"}, a.flags()...)
	w.cmd = exec.Command(a.binary, append(args, flags...)...)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if err := w.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	s.mu.Lock()
	s.children[w.cmd] = true
	s.mu.Unlock()
	go func() {
		defer close(w.done)
		w.err = w.cmd.Wait()
		s.mu.Lock()
		delete(s.children, w.cmd)
		s.mu.Unlock()
	}()
	a.workers = append(a.workers, w)
	a.t.Cleanup(w.end)
	return w
}

func (a *app) data(worker string) string { return filepath.Join(a.dir, worker) }

// end kills the worker if it still runs, and shows its log if the test has failed.
func (w *worker) end() {
	if w.running() {
		w.kill()
	}
	if w.app.t.Failed() {
		w.app.t.Logf("the log of %s ends:\n%s", w.name, w.tail(25))
	}
}

func (w *worker) running() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

// stop ends the worker as an operator does. It must exit with 0.
func (w *worker) stop() {
	w.app.t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.app.t.Fatalf("%s has ended already: %v (%v)", w.name, err, w.err)
	}
	select {
	case <-w.done:
	case <-time.After(patience):
		w.app.t.Fatalf("%s does not stop %v after SIGTERM", w.name, patience)
	}
	if w.err != nil {
		w.app.t.Fatalf("%s has not stopped in order: %v", w.name, w.err)
	}
}

// kill ends the worker as a failing machine does.
func (w *worker) kill() {
	w.app.t.Helper()
	if err := w.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		w.app.t.Errorf("kill %s: %v", w.name, err)
	}
	<-w.done
}

// fails waits for the worker to end by itself with exit code 1, and returns the last line of its log: the message.
func (w *worker) fails() string {
	w.app.t.Helper()
	select {
	case <-w.done:
	case <-time.After(patience):
		w.app.t.Fatalf("%s still runs", w.name)
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 1 {
		w.app.t.Errorf("%s ended with exit code %d, want 1", w.name, code)
	}
	return w.tail(1)
}

// logged is what this run of the worker has logged so far.
func (w *worker) logged() string {
	b, err := os.ReadFile(w.log)
	if err != nil {
		w.app.t.Fatal(err)
	}
	return string(b[w.from:])
}

func (w *worker) tail(n int) string {
	b, err := os.ReadFile(w.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// waitFor calls done until it says yes. No worker may end meanwhile, unless it was told to.
func (a *app) waitFor(what string, done func() (ok bool, state any)) {
	a.t.Helper()
	var state any
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		var ok bool
		if ok, state = done(); ok {
			return
		}
		for _, w := range a.workers {
			if !w.running() && w.err != nil && w.cmd.ProcessState.Exited() {
				a.t.Fatalf("%s ended by itself while waiting for %s: %v", w.name, what, w.err)
			}
		}
	}
	a.t.Fatalf("not within %v: %s; at last: %v", patience, what, state)
}

// waitLog waits for a line in the log of this run of the worker.
func (w *worker) waitLog(text string) {
	w.app.t.Helper()
	w.app.waitFor(fmt.Sprintf("%q in the log of %s", text, w.name), func() (bool, any) { return strings.Contains(w.logged(), text), "" })
}

// run runs another of the binary's commands to its end; it must exit with 0.
func (a *app) run(args ...string) string {
	a.t.Helper()
	out, stderr, code := a.try("", args...)
	if code != 0 {
		a.t.Fatalf("%s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return out
}

// send runs the send command with the lines of a file.
func (a *app) send(topic string, lines []string) {
	a.t.Helper()
	if _, stderr, code := a.try(strings.Join(lines, "\n"), "send", topic, "--file", "-"); code != 0 {
		a.t.Fatalf("send %s: exit code %d: %s", topic, code, stderr)
	}
}

// try runs a command to its end.
func (a *app) try(stdin string, args ...string) (stdout, stderr string, code int) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.binary, append(args, a.flags()...)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		a.t.Fatalf("%s: %v", strings.Join(args, " "), errors.Join(err, ctx.Err()))
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// row is a line that query prints.
type row struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
	Start time.Time       `json:"start"`
	End   time.Time       `json:"end"`
}

// query reads a table through the command line. A key that is absent gives no rows.
func (a *app) query(args ...string) []row {
	a.t.Helper()
	out, stderr, code := a.try("", append([]string{"query"}, args...)...)
	if code != 0 && (code != 1 || out != "" || stderr != "") {
		a.t.Fatalf("query %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	var rows []row
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		if line == "" {
			continue
		}
		var r row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			a.t.Fatalf("query %s printed %q: %v", strings.Join(args, " "), line, err)
		}
		r.Start, r.End = r.Start.UTC(), r.End.UTC()
		rows = append(rows, r)
	}
	if (code == 1) != (len(rows) == 0 && len(args) > 1 && !strings.HasPrefix(args[1], "-")) {
		a.t.Fatalf("query %s: exit code %d with %d rows", strings.Join(args, " "), code, len(rows))
	}
	return rows
}

// tableCounts is a table from strings to counts, as query prints it.
func (a *app) tableCounts(table string) map[string]int64 {
	a.t.Helper()
	all := map[string]int64{}
	for _, r := range a.query(table) {
		var n int64
		if err := json.Unmarshal(r.Value, &n); err != nil {
			a.t.Fatalf("table %s, key %s: %v", table, r.Key, err)
		}
		all[r.Key] = n
	}
	return all
}

// ascending checks that windows come by their start.
func ascending(t *testing.T, rows []row) {
	t.Helper()
	if !slices.IsSortedFunc(rows, func(a, b row) int { return a.Start.Compare(b.Start) }) {
		t.Error("the windows that query prints are not in ascending order")
	}
}

//go:build !faust_nodev

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/cli/clitest"
)

const noon = `"2026-03-01T12:00:00Z"`

// What is sent is counted by the worker beside it, and read back over the command line.
func TestSendAndQuery(t *testing.T) {
	worker := call{}.start(t, "worker", "--broker", "embedded://127.0.0.1:0", "--datadir", t.TempDir(), "--web", "127.0.0.1:0", "--commit-interval", "50ms")
	c := call{env: map[string]string{"FAUST_BROKER": worker.addr(t)}}

	c.do(t, "send", "readings", `{"watts":5,"at":`+noon+`}`, "--key", "-7").want(t, exitDone, "sent 1 record to readings\n")
	c.stdin = `{"key":-7,"value":{"watts":6,"at":"2026-03-01T12:59:59Z"}}
{"key":-7,"value":{"watts":7,"at":"2026-03-01T13:00:00Z"},"time":1772370000000}

{"key":8,"value":{"watts":1,"at":` + noon + `}}`
	c.do(t, "send", "readings", "--file", "-").want(t, exitDone, "sent 3 records to readings\n")

	eventually(t, func() error {
		o := c.do(t, "query", "reading_count", "-7")
		if o.code != exitDone || o.stdout != `{"key":-7,"value":3}`+"\n" {
			return fmt.Errorf("meter -7: %+v", o)
		}
		o = c.do(t, "query", "reading_count", "8")
		if o.stdout != `{"key":8,"value":1}`+"\n" {
			return fmt.Errorf("meter 8: %+v", o)
		}
		return nil
	})
	all := c.do(t, "query", "reading_count").want(t, exitDone, `{"key":-7,"value":3}`+"\n", `{"key":8,"value":1}`+"\n")
	if n := strings.Count(all.stdout, "\n"); n != 2 {
		t.Errorf("%d lines, want one for each meter: %s", n, all.stdout)
	}
	if o := c.do(t, "query", "reading_count", "--", "-99"); o.code != exitFailed || o.stdout+o.stderr != "" {
		t.Errorf("an absent key: %+v", o)
	}

	first := `{"key":-7,"value":11,"start":"2026-03-01T12:00:00Z","end":"2026-03-01T13:00:00Z"}` + "\n"
	second := `{"key":-7,"value":7,"start":"2026-03-01T13:00:00Z","end":"2026-03-01T14:00:00Z"}` + "\n"
	for args, want := range map[string]string{
		"":                          first + second,
		"--at 2026-03-01T12:30:00Z": first,
		"--at 1772370000000":        second,
		"--delta 1h":                first,
		"--delta 0s":                second,
	} {
		if o := c.do(t, append([]string{"query", "hourly_watts", "-7"}, strings.Fields(args)...)...); o.stdout != want {
			t.Errorf("query %s: %+v, want %s", args, o, want)
		}
	}
	if o := c.do(t, "query", "hourly_watts", "-7", "--now"); o.code != exitFailed || o.stdout != "" {
		t.Errorf("a window of this year: %+v", o)
	}

	// A tombstone reaches the agent of events.
	c.do(t, "send", "readings", "null", "--key", "8").want(t, exitDone, "sent 1 record")
	eventually(t, func() error {
		if o := c.do(t, "query", "reading_count", "8"); o.code != exitFailed {
			return fmt.Errorf("meter 8 is still there: %+v", o)
		}
		return nil
	})
	if code := worker.stop(); code != exitDone {
		t.Errorf("the worker ended with %d: %s", code, worker.stderr)
	}
}

// A bad line ends the file; the lines before it have been sent, none behind it.
func TestSendStopsAtABadLine(t *testing.T) {
	c := broker(t)
	file := filepath.Join(t.TempDir(), "lines.jsonl")
	lines := `{"key":1,"value":{"watts":1,"at":` + noon + `}}` + "\n\n" + `{"key":1,"value":{"watts":-1,"at":` + noon + `}}` + "\n" + `{"key":1,"value":null}` + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	c.do(t, "send", "readings", "--file", file).want(t, exitFailed, file+", line 3: value: ", "watts: must be at least 0", "; 1 record before it were sent")
	if total := c.total(t); total != 1 {
		t.Errorf("%d records are in the topic, want 1", total)
	}
	c.do(t, "send", "readings", "--file", file+".absent").want(t, exitFailed, "no such file", "--file names a file")
	c.do(t, "send", "readings", `{"watts":-1,"at":`+noon+`}`).want(t, exitFailed, "topic readings (Reading): value: ", "must be at least 0")
	c.do(t, "send", "readings", `{"watts":1,"at":`+noon+`}`, "--key", "one").want(t, exitFailed, `key "one" of topic readings (int64)`)
	if total := c.total(t); total != 1 {
		t.Errorf("%d records are in the topic, want 1", total)
	}
}

// A command of the application sends through a client of its own; its errors and panics are one line.
func TestUserCommand(t *testing.T) {
	c := broker(t)
	c.do(t, "seed", "25").want(t, exitDone)
	if total := c.total(t); total != 25 {
		t.Errorf("%d records are in the topic, want 25", total)
	}
	ctx := context.Background()
	for args, want := range map[string]string{"seed": "clitest: seed: give the number of readings\n", "seed -3": `"-3" is no number of readings`,
		"seed panic": "clitest: command seed: panic: told to panic; the log has the stack\n"} {
		stderr := &buffer{}
		code, _ := c.run(ctx, stderr, strings.Fields(args)...)
		if log := stderr.String(); code != exitFailed || !strings.Contains(log, want) {
			t.Errorf("%s: code %d, %s", args, code, log)
		}
	}
	c.do(t, "seed", "--bogus").want(t, exitUsage, "unknown flag: --bogus")
}

// lag counts from what is committed, reset refuses while a worker runs, asks, and deletes what it said.
func TestLagAndReset(t *testing.T) {
	c := broker(t)
	dir := t.TempDir()
	c.do(t, "lag").want(t, exitDone, "nothing to read")
	c.do(t, "seed", "10").want(t, exitDone)
	if total := c.total(t); total != 10 {
		t.Errorf("lag %d before anything is read, want 10", total)
	}

	worker := c.start(t, "worker", "--datadir", dir, "--web", "off", "--commit-interval", "50ms")
	eventually(t, func() error {
		if total := c.total(t); total != 0 {
			return fmt.Errorf("lag %d: %s", total, worker.stderr)
		}
		return nil
	})
	c.do(t, "reset", "--local", "--datadir", dir, "--yes").want(t, exitFailed, dir, "data directory in use by a running worker", "--datadir")
	c.do(t, "reset", "--offsets", "--yes").want(t, exitFailed, "group clitest has running workers (1, from 127.0.0.1", "stop them first")
	c.do(t, "reset", "--internal-topics", "--yes").want(t, exitFailed, "stop them first")
	if code := worker.stop(); code != exitDone {
		t.Fatalf("the worker ended with %d: %s", code, worker.stderr)
	}

	c.do(t, "lag").want(t, exitDone, "readings", "COMMITTED", "total lag: 0")
	state := filepath.Join(dir, "clitest", "state")
	all := []string{"reset", "--local", "--offsets", "--internal-topics", "--datadir", dir}
	c.stdin = "no\n"
	if o := c.do(t, all...).want(t, exitFailed, "nothing was deleted; answer yes, or give --yes"); !strings.Contains(o.stdout, "local state "+state) ||
		!strings.Contains(o.stdout, "group clitest with the offsets of ") || !strings.Contains(o.stdout, "topic clitest-reading_count-changelog\n") ||
		strings.Contains(o.stdout, "topic readings") {
		t.Errorf("what it would delete: %s", o.stdout)
	}
	if _, err := os.Stat(state); err != nil || c.total(t) != 0 {
		t.Errorf("after no: %v, lag %d", err, c.total(t))
	}
	c.do(t, "reset", "--offsets").want(t, exitFailed, "not confirmed")
	c.stdin = "yes\n"
	c.do(t, all...).want(t, exitDone, "Go on? [yes/no] deleted\n")
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("the state is still there: %v", err)
	}
	if total := c.total(t); total != 10 {
		t.Errorf("lag %d after the offsets are gone, want 10", total)
	}
	c.do(t, append(all, "--yes")...).want(t, exitDone, "nothing to delete")
}

// Combinations that leave tables and offsets apart are warned of.
func TestResetNotes(t *testing.T) {
	c := broker(t)
	dir := t.TempDir()
	c.do(t, "seed", "1").want(t, exitDone)
	c.do(t, "worker", "--datadir", dir, "--web", "off", "--exit-after-idle", "100ms").want(t, exitDone)
	c.do(t, "reset", "--offsets", "--datadir", dir, "--yes").want(t, exitDone, "add --internal-topics --local", "deleted")
	c.do(t, "reset", "--internal-topics", "--datadir", dir, "--yes").want(t, exitDone, "add --offsets", "deleted")
}

// A damaged store can be deleted, without a broker.
func TestResetDamagedState(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "clitest", "state")
	if err := os.MkdirAll(state, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(state, "MANIFEST"), []byte("nothing that a store could read"), 0o600); err != nil {
		t.Fatal(err)
	}
	call{}.do(t, "reset", "--local", "--datadir", dir, "--yes", "--broker", "127.0.0.1:1").want(t, exitDone, "local state "+state+" (1 KiB)", "deleted")
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("the state is still there: %v", err)
	}
}

// Commands give up on a broker that does not answer, and name it and the flag.
func TestBrokerAway(t *testing.T) {
	c := call{patience: 200 * time.Millisecond, env: map[string]string{"FAUST_BROKER": "127.0.0.1:1"}}
	for _, args := range []string{"send readings null", "query reading_count", "lag", "reset --offsets --yes", "seed 1"} {
		ctx := context.Background()
		stderr := &buffer{}
		code, stdout := c.run(ctx, stderr, strings.Fields(args)...)
		last := stderr.String()[strings.LastIndex(strings.TrimSpace(stderr.String()), "\n")+1:]
		if code != exitFailed || stdout != "" || !strings.Contains(last, "127.0.0.1:1: no answer for 200ms: start it, or name another with --broker host:port") {
			t.Errorf("%s: code %d, %q, %s", args, code, stdout, stderr)
		}
	}
}

// Signals end a command that waits, without a message about contexts.
func TestInterruptedWhileWaiting(t *testing.T) {
	c := call{env: map[string]string{"FAUST_BROKER": "127.0.0.1:1"}}
	for _, args := range []string{"lag", "query reading_count", "send readings null"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errInterrupted)
		stderr := &buffer{}
		if code, _ := c.run(ctx, stderr, strings.Fields(args)...); code != exitFailed || stderr.String() != "clitest: interrupted\n" {
			t.Errorf("%s: code %d, %s", args, code, stderr)
		}
	}
	worker := c.start(t, "worker", "--web", "off", "--datadir", t.TempDir())
	eventually(t, func() error {
		if log := worker.stderr.String(); !strings.Contains(log, "waiting for a broker") {
			return fmt.Errorf("the worker does not wait: %s", log)
		}
		return nil
	})
	if code := worker.stop(); code != exitDone {
		t.Errorf("a worker that waits for its broker ended with %d: %s", code, worker.stderr)
	}
}

// An agent that fails or panics ends the worker with one line, the stack of a panic is in the log above it.
func TestWorkerFails(t *testing.T) {
	for word, want := range map[string]string{"fail": "told to fail; nothing of the event was kept", "panic": "panic: told to panic; nothing of the event was kept"} {
		c := broker(t)
		c.do(t, "send", "words", `"`+word+`"`).want(t, exitDone)
		worker := c.start(t, "worker", "--datadir", t.TempDir(), "--web", "off")
		<-worker.done
		lines := strings.Split(strings.TrimSpace(worker.stderr.String()), "\n")
		last := lines[len(lines)-1]
		if worker.code != exitFailed || !strings.HasPrefix(last, "clitest: task words/0: agent hear") || !strings.Contains(last, want) || strings.Contains(last, "goroutine") {
			t.Errorf("%s: code %d, last line %s", word, worker.code, last)
		}
		if stack := strings.Contains(worker.stderr.String(), "clitest.Hear"); stack != (word == "panic") {
			t.Errorf("%s: the log has a stack: %v\n%s", word, stack, worker.stderr)
		}
		if !strings.Contains(worker.stderr.String(), "msg=heard word="+word) {
			t.Errorf("the user's log line is missing: %s", worker.stderr)
		}
	}
}

// The log follows its flags, also what the application itself logs.
func TestLogFormat(t *testing.T) {
	c := broker(t)
	c.do(t, "send", "words", `"red"`).want(t, exitDone)
	stderr := &buffer{}
	code, _ := c.run(context.Background(), stderr, "worker", "--datadir", t.TempDir(), "--web", "off", "--exit-after-idle", "100ms", "--log-format", "json")
	heard := false
	for line := range strings.Lines(stderr.String()) {
		var row struct{ Msg, Word string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		heard = heard || row.Msg == "heard" && row.Word == "red"
	}
	if code != exitDone || !heard {
		t.Errorf("code %d, log: %s", code, stderr)
	}
	stderr = &buffer{}
	if code, _ := c.run(context.Background(), stderr, "worker", "--datadir", t.TempDir(), "--web", "off", "--exit-after-idle", "100ms", "--log-level", "error"); code != exitDone || stderr.String() != "" {
		t.Errorf("code %d, log at level error: %s", code, stderr)
	}
}

// What another process holds is said with the flag that chooses another.
func TestTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // the end of the test
	taken := l.Addr().String()
	c, dir := broker(t), t.TempDir()

	c.do(t, "broker", "--listen", taken, "--datadir", t.TempDir()).want(t, exitFailed, taken, "choose another with --listen")
	stderr := &buffer{}
	if code, _ := c.run(context.Background(), stderr, "worker", "--broker", "embedded://"+taken, "--datadir", t.TempDir()); code != exitFailed ||
		!strings.Contains(stderr.String(), "choose another with --broker embedded://") {
		t.Errorf("embedded broker: code %d, %s", code, stderr)
	}
	if code, _ := c.run(context.Background(), stderr, "worker", "--web", taken, "--datadir", t.TempDir()); code != exitFailed ||
		!strings.Contains(stderr.String(), "choose another --web host:port") {
		t.Errorf("web server: code %d, %s", code, stderr)
	}

	first := c.start(t, "worker", "--datadir", dir, "--web", "off")
	eventually(t, func() error {
		if log := first.stderr.String(); !strings.Contains(log, "worker started") {
			return fmt.Errorf("the first worker has not started: %s", log)
		}
		return nil
	})
	stderr = &buffer{}
	if code, _ := c.run(context.Background(), stderr, "worker", "--datadir", dir, "--web", "off"); code != exitFailed || !strings.Contains(stderr.String(), "--datadir") {
		t.Errorf("data directory: code %d, %s", code, stderr)
	}
}

// The broker alone and the one in a worker keep the same data, one at a time.
func TestBrokerCommand(t *testing.T) {
	dir := t.TempDir()
	alone := call{}.start(t, "broker", "--listen", "127.0.0.1:0", "--datadir", dir)
	c := call{env: map[string]string{"FAUST_BROKER": alone.addr(t)}}
	c.do(t, "seed", "3").want(t, exitDone)
	stderr := &buffer{}
	if code, _ := c.run(context.Background(), stderr, "worker", "--broker", "embedded://127.0.0.1:0", "--datadir", dir); code != exitFailed ||
		!strings.Contains(stderr.String(), "another broker uses it; choose another --datadir") {
		t.Errorf("two brokers on one directory: code %d, %s", code, stderr)
	}
	if code := alone.stop(); code != exitDone {
		t.Errorf("the broker ended with %d: %s", code, alone.stderr)
	}

	worker := call{}.start(t, "worker", "--broker", "embedded://127.0.0.1:0", "--datadir", dir, "--web", "127.0.0.1:0")
	c = call{env: map[string]string{"FAUST_BROKER": "embedded://" + worker.addr(t)}} // stands for its address, too
	eventually(t, func() error {
		if o := c.do(t, "query", "reading_count"); o.stdout != `{"key":-1,"value":3}`+"\n" {
			return fmt.Errorf("query: %+v", o)
		}
		return nil
	})
}

// broker starts a broker in the process and returns calls that use it.
func broker(t *testing.T) call {
	t.Helper()
	b := call{}.start(t, "broker", "--listen", "127.0.0.1:0", "--datadir", t.TempDir())
	return call{env: map[string]string{"FAUST_BROKER": b.addr(t)}}
}

// total is the lag of all partitions.
func (c call) total(t *testing.T) int64 {
	t.Helper()
	o := c.do(t, "lag", "--json")
	var rows []lagRow
	if err := json.Unmarshal([]byte(o.stdout), &rows); err != nil || o.code != exitDone {
		t.Fatalf("lag: %+v: %v", o, err)
	}
	var sum int64
	for _, r := range rows {
		sum += r.Lag
	}
	return sum
}

// A signal ends a file between two lines, and it is said how far it came.
func TestSendIsInterrupted(t *testing.T) {
	c := broker(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	in := &endless{after: 3, then: func() { cancel(errInterrupted) }}
	stderr := &buffer{}
	code := run(ctx, clitest.Faust(), &program{name: "clitest", in: in, out: &buffer{}, err: stderr, patience: time.Minute,
		env: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }}, []string{"send", "readings", "--file", "-"})
	if total := c.total(t); code != exitFailed || stderr.String() != fmt.Sprintf("clitest: interrupted; %d records before it were sent\n", total) {
		t.Errorf("code %d, %d records, %s", code, total, stderr)
	}
}

// endless is a file without an end, that calls then with its after-th block.
type endless struct {
	after int
	then  func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.after--; e.after == 0 {
		e.then()
	}
	const line = `{"value":{"watts":1,"at":` + noon + `}}` + "\n"
	n := 0
	for n+len(line) <= len(p) && n < 10*len(line) {
		n += copy(p[n:], line)
	}
	return n, nil
}

// Topics have other names on this broker, for the worker and for every other command alike.
func TestOtherNames(t *testing.T) {
	c := broker(t)
	c.env["FAUST_TOPIC"], c.env["FAUST_TOPIC_PREFIX"], c.env["FAUST_APP_ID"] = "readings=meters", "test-", "other"
	c.do(t, "seed", "2").want(t, exitDone)
	c.do(t, "send", "readings", `{"watts":1,"at":`+noon+`}`, "--key", "-1").want(t, exitDone, "sent 1 record to readings")
	dir := t.TempDir()
	c.do(t, "worker", "--datadir", dir, "--web", "off", "--exit-after-idle", "100ms").want(t, exitDone)
	c.do(t, "lag").want(t, exitDone, "meters", "test-words", "total lag: 0")
	o := c.do(t, "reset", "--local", "--offsets", "--internal-topics", "--datadir", dir, "--yes")
	o.want(t, exitDone, filepath.Join(dir, "other", "state"), "group test-other", "topic test-other-reading_count-changelog", "deleted")
}

//go:build kafka

package kafkatest

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
	"sync"
	"syscall"
	"testing"
	"time"
)

// tests are all that have to run. A test that holds others is not in the list, those are.
var tests = []string{
	"TestHello",
	"TestColors/shared",
	"TestColors/killed",
	"TestOrders/live",
	"TestOrders/replayed",
	"TestOrders/as_published",
	"TestClicks",
	"TestPower/whole",
	"TestPower/stopped",
	"TestPower/killed",
	"TestPower/wiped",
	"TestPower/retention",
	"TestPower/two_workers",
	"TestBrokerAway",
	"TestRefused/declared_topic",
	"TestRefused/internal_topic",
	"TestRefused/data_directory",
	"TestRefused/port",
}

// suiteLimit ends the whole suite; go test's own limit of ten minutes would leave the broker running.
const suiteLimit = 9 * time.Minute

// retentionCheck is how often Kafka deletes what is too old, in ms. Its own default, five minutes, would outlive the tests.
const retentionCheck = "3000"

// suite is what all tests share.
type suite struct {
	root    string // of the repository
	dir     string // for everything temporary
	broker  string // host:port
	cluster string
	version string

	mu       sync.Mutex
	ran      []string
	children map[*exec.Cmd]bool
}

var s = &suite{children: map[*exec.Cmd]bool{}}

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run())
	}
	os.Exit(s.run(m))
}

func (s *suite) run(m *testing.M) int {
	ctx, cancel := context.WithTimeoutCause(context.Background(), suiteLimit, fmt.Errorf("the suite took longer than %v", suiteLimit))
	defer cancel()
	ctx, unhook := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer unhook()
	if err := s.start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kafkatest:", err)
		s.stop()
		return 1
	}
	code := make(chan int, 1)
	go func() { code <- m.Run() }()
	select {
	case c := <-code:
		s.stop()
		return s.report(c)
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "kafkatest:", context.Cause(ctx))
		s.stop()
		return 1
	}
}

// start brings up Kafka and builds the workers.
func (s *suite) start(ctx context.Context) error {
	wd, err := os.Getwd()
	if err != nil {
		return err
	}
	s.root = filepath.Join(wd, "..", "..")
	if s.dir, err = os.MkdirTemp("", "kafkatest"); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", s.dir+"/bin/", "./examples/hello/cmd/hello", "./examples/colors/cmd/colors",
		"./examples/orders/cmd/orders", "./examples/clicks/cmd/clicks", "./examples/power/cmd/power")
	build.Dir = s.root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the examples: %w\n%s", err, out)
	}
	if s.broker, err = s.kafkaStart(ctx, "0"); err != nil {
		return fmt.Errorf("start Kafka: %w", err)
	}
	if s.cluster, err = s.kafka(ctx, "id"); err != nil {
		return fmt.Errorf("ask Kafka for its cluster id: %w", err)
	}
	if s.version, err = s.kafka(ctx, "version"); err != nil {
		return err
	}
	fmt.Printf("Kafka %s on %s, cluster id %s; retention checked every %s ms instead of 300000, segments of 1 MiB\n", s.version, s.broker, s.cluster,
		retentionCheck)
	return nil
}

// kafkaStart starts the broker, or starts it again on its port, and returns its address.
func (s *suite) kafkaStart(ctx context.Context, port string) (string, error) {
	return s.kafka(ctx, "start", "--port", port, "--heap", "768m",
		"--set", "log.retention.check.interval.ms="+retentionCheck, "--set", "log.initial.task.delay.ms=1000", "--set", "log.segment.bytes=1048576")
}

// kafka runs kafka.sh on the suite's broker and returns the last line that it prints.
func (s *suite) kafka(ctx context.Context, verb string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.root, ".ci", "kafka.sh"), append([]string{verb, "--dir", filepath.Join(s.dir, "kafka")}, args...)...)
	// The broker inherits what the script writes to; a file, unlike a pipe, is not waited for.
	out, err := os.CreateTemp(s.dir, "kafka.sh")
	if err != nil {
		return "", err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kafka.sh %s: %w", verb, err)
	}
	text, err := os.ReadFile(out.Name())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1], err
}

// stop ends everything that has been started.
func (s *suite) stop() {
	s.mu.Lock()
	for c := range s.children {
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			fmt.Fprintln(os.Stderr, "kafkatest: kill a worker:", err)
		}
	}
	s.mu.Unlock()
	if s.dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := s.kafka(ctx, "kill"); err != nil {
		fmt.Fprintln(os.Stderr, "kafkatest: stop Kafka:", err)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, "kafkatest: remove the temporary folder:", err)
	}
}

// report compares the tests that ran with those that have to.
func (s *suite) report(code int) int {
	slices.Sort(s.ran)
	fmt.Printf("ran %d tests on Kafka %s, cluster id %s\n", len(s.ran), s.version, s.cluster)
	for _, name := range s.ran {
		fmt.Println("  ", name)
	}
	if flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.skip").Value.String() != "" {
		fmt.Println("a selection was asked for, so they are not compared with the list of all")
		return code
	}
	for _, name := range tests {
		if !slices.Contains(s.ran, name) {
			fmt.Fprintf(os.Stderr, "kafkatest: %s is in the list of tests, but has not run to its end\n", name)
			code = max(code, 1)
		}
	}
	for i, name := range s.ran {
		if !slices.Contains(tests, name) || i > 0 && name == s.ran[i-1] {
			fmt.Fprintf(os.Stderr, "kafkatest: %s has run, but is not in the list of tests (or ran twice)\n", name)
			code = max(code, 1)
		}
	}
	if len(s.ran) != len(tests) {
		fmt.Fprintf(os.Stderr, "kafkatest: %d tests ran, the list has %d\n", len(s.ran), len(tests))
		code = max(code, 1)
	}
	return code
}

// counts has the test counted when it ends, unless it was skipped.
func counts(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if t.Skipped() {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ran = append(s.ran, t.Name())
	})
}

package filter_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/faustgen/faustgen/bench/filter"
	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/devbroker"
)

// brokerDir, if set, makes the test binary a development broker: so that what it allocates is not counted.
const brokerDir = "FILTER_TEST_BROKER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(brokerDir); dir != "" {
		b, err := devbroker.Start(context.Background(), devbroker.Config{Listen: "127.0.0.1:0", DataDir: dir})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(b.Addr())
		_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started us closes it, or dies
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestMallocs: a million orders with two string fields each pass through fetch, decode, agent, sink and produce at 0.05 allocations each
// at most, the strings' memory included, without borrow.
func TestMallocs(t *testing.T) {
	const n, limit = 1_000_000, 0.05
	addr := startBroker(t)
	ctx := t.Context()
	load(t, addr, n)

	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := filter.Faust().Run(ctx, faust.Broker(addr), faust.DataDir(filepath.Join(t.TempDir(), "data")), faust.Web("off"), faust.Logger(log),
		faust.ExitAfterIdle(500*time.Millisecond))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if lag := committedLag(t, addr, n); lag != 0 {
		t.Fatalf("the worker stopped %d records before the end", lag)
	}
	per := float64(after.Mallocs-before.Mallocs) / n
	t.Logf("%.4f allocations and %.0f bytes a record", per, float64(after.TotalAlloc-before.TotalAlloc)/n)
	if per > limit {
		t.Errorf("%.4f allocations a record, want at most %v", per, limit)
	}
}

func startBroker(t *testing.T) string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), brokerDir+"="+t.TempDir())
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("broker: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error") {
		t.Fatalf("broker: %s %v", line, err)
	}
	return strings.TrimSpace(line)
}

// load creates the topics, which are external, and fills the input.
func load(t *testing.T, addr string, n int) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := kmsg.NewPtrCreateTopicsRequest()
	for _, name := range []string{"orders", "large"} {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 4, 1
		r.Topics = append(r.Topics, topic)
	}
	if _, err := r.RequestWith(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	topics, stop, err := filter.NewClient(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	err = topics.Orders.SendAll(t.Context(), func(yield func(string, filter.Order) bool) {
		for i := range n {
			product := fmt.Sprintf("prod-%08d", i%1000)
			o := filter.Order{AccountID: fmt.Sprintf("acc-%06d", i%9973), ProductID: product, Amount: 1 + i%5, Price: float64(i%10000) / 100,
				At: "2026-03-01T12:00:00Z"}
			if !yield(product, o) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// committedLag is how many records the worker's group has not committed.
func committedLag(t *testing.T, addr string, n int64) int64 {
	t.Helper()
	lags, err := filter.Faust().Lag(t.Context(), faust.Broker(addr))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lags {
		n -= l.Committed
	}
	return n
}

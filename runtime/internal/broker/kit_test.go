package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// logs collects what is logged, for tests that read it.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// cluster is an in-process cluster on 127.0.0.1 and a client of it.
func cluster(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, *Client) {
	t.Helper()
	k, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(2)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k, connect(t, k.ListenAddrs())
}

func connect(t testing.TB, addrs []string) *Client {
	c := Open(Config{Addrs: addrs, Log: slog.New(slog.NewTextHandler(&logs{}, nil))})
	t.Cleanup(c.Close)
	return c
}

// within is a context that ends with the test, and fails it rather than letting it hang.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// start runs a fetcher or producer; the returned stop waits for its end.
func start(t testing.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func tp(topic string, partition int32) record.TopicPartition {
	return record.TopicPartition{Topic: topic, Partition: partition}
}

// build fills a builder with values that name their number.
func build(at record.TopicPartition, kind Compression, from, n int) *record.Builder {
	b := &record.Builder{TopicPartition: at, Compression: kind}
	for i := from; i < from+n; i++ {
		b.Add(fmt.Appendf(nil, "k%d", i), fmt.Appendf(nil, "v%d", i), int64(1700000000000+i), nil, 0, nil)
	}
	return b
}

// send appends builders and waits until all are done. It returns the first error.
func send(ctx context.Context, p *Producer, builders ...*record.Builder) error {
	results := make(chan error, len(builders))
	if err := p.Append(ctx, builders, func(_ *record.Builder, err error) { results <- err }); err != nil {
		return err
	}
	var failed error
	for range builders {
		select {
		case err := <-results:
			failed = errors.Join(failed, err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return failed
}

// values takes batches until it has n values of each partition, releasing them.
func values(ctx context.Context, in <-chan *record.Batch, n int) (map[record.TopicPartition][]string, error) {
	got := make(map[record.TopicPartition][]string)
	for total := 0; total < n; {
		select {
		case b := <-in:
			if b.Err != nil {
				return got, b.Err
			}
			for i := range b.Records {
				got[b.TopicPartition] = append(got[b.TopicPartition], string(b.Records[i].Value))
			}
			total += len(b.Records)
			b.Release()
		case <-ctx.Done():
			return got, fmt.Errorf("%d of %d values: %w", total, n, ctx.Err())
		}
	}
	return got, nil
}

// realBroker is a Kafka to run scenarios on as well, if the environment names one.
func realBroker() string { return os.Getenv("KAFKA_TEST_BROKER") }

// scenario runs a test on kfake, and on a real broker if there is one. topic makes names that are new there.
func scenario(t *testing.T, run func(t *testing.T, c *Client, topic func(string) string)) {
	t.Run("kfake", func(t *testing.T) {
		_, c := cluster(t)
		run(t, c, func(name string) string { return name })
	})
	if addr := realBroker(); addr != "" {
		t.Run("kafka", func(t *testing.T) {
			c := connect(t, []string{addr})
			unique := time.Now().UnixNano()
			run(t, c, func(name string) string { return fmt.Sprintf("%s-%d", name, unique) })
		})
	}
}

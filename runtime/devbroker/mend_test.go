package devbroker

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Environment of the child process of TestKill.
const childDir = "FAUSTGEN_TEST_BROKER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, serveUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveUntilKilled(dir string) error {
	b, err := Start(context.Background(), Config{Listen: freePort, DataDir: dir})
	if err != nil {
		return err
	}
	fmt.Println(b.Addr())
	select {}
}

// A broker in a process of its own, killed as it stands: all that was acknowledged is there again.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child says nothing: %v, %v", err, child.Wait())
	}
	addr = strings.TrimSpace(addr)

	client := connect(t, addr)
	createTopic(t, client, "orders", 1)
	createTopic(t, client, "payments", 2)
	produce(t, client, "orders", "a", "b", "c")
	producer := transactional(t, addr)
	transaction(t, producer, true, "t1", "t2")
	begin(t, producer, "lost1", "lost2") // and no end
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}

	b := start(t, Config{DataDir: dir})
	wantRecords(t, b.Addr(), "orders", "a", "b", "c")
	transaction(t, transactional(t, b.Addr()), true, "t3", "t4")
	wantRecords(t, b.Addr(), "payments", "t1", "t2", "t3", "t4")
}

// transactional returns a producer that always has the same transactional id, and so the same producer id.
func transactional(t *testing.T, addr string) *kgo.Client {
	t.Helper()
	return connect(t, addr, kgo.TransactionalID("one"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
}

// begin begins a transaction and has its records acknowledged, each in partition 0 of payments.
func begin(t *testing.T, producer *kgo.Client, values ...string) {
	t.Helper()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, producer, "payments", values...)
}

func transaction(t *testing.T, producer *kgo.Client, commit bool, values ...string) {
	t.Helper()
	begin(t, producer, values...)
	if err := producer.EndTransaction(t.Context(), kgo.TransactionEndTry(commit)); err != nil {
		t.Fatal(err)
	}
}

// killed copies the files of a running broker: what its directory has when the process is killed at this moment.
func killed(t *testing.T, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

func TestOpenTransactionIsAborted(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir})
	createTopic(t, connect(t, b.Addr()), "payments", 1)
	producer := transactional(t, b.Addr())
	transaction(t, producer, true, "a")
	transaction(t, producer, false, "aborted")
	begin(t, producer, "lost")
	dir = killed(t, dir)

	b = start(t, Config{DataDir: dir})
	wantLastStable(t, b, 5) // a, its marker, aborted, its marker, lost; and the marker of the last
	producer = transactional(t, b.Addr())
	transaction(t, producer, true, "b")
	wantRecords(t, b.Addr(), "payments", "a", "b")

	// Killed again with a transaction open, and once more after the abort: markers are not written twice.
	begin(t, producer, "lost too")
	second := killed(t, dir)
	b = start(t, Config{DataDir: second})
	end := b.Cluster().PartitionInfo("payments", 0).HighWatermark
	dir = killed(t, second)
	b = start(t, Config{DataDir: dir})
	if again := b.Cluster().PartitionInfo("payments", 0).HighWatermark; again != end {
		t.Errorf("the partition ended at %d and ends at %d after another start", end, again)
	}
	transaction(t, transactional(t, b.Addr()), true, "c")
	wantRecords(t, b.Addr(), "payments", "a", "b", "c")
}

func wantLastStable(t *testing.T, b *Broker, above int64) {
	t.Helper()
	info := b.Cluster().PartitionInfo("payments", 0)
	if info.LastStableOffset != info.HighWatermark || info.HighWatermark <= above {
		t.Errorf("last stable offset %d, end %d; want them equal and above %d", info.LastStableOffset, info.HighWatermark, above)
	}
}

// After an orderly Close the transaction goes on. If the broker is killed then, it is aborted, although a snapshot of
// the partition from that Close would fit its files.
func TestOpenTransactionOverClose(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir})
	createTopic(t, connect(t, b.Addr()), "payments", 1)
	producer := transactional(t, b.Addr())
	transaction(t, producer, true, "a")
	begin(t, producer, "open")
	addr := b.Addr()
	stop(t, b)

	b = start(t, Config{Listen: addr, DataDir: dir})
	crashed := killed(t, dir)
	produce(t, producer, "payments", "still open")
	if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	wantRecords(t, b.Addr(), "payments", "a", "open", "still open")

	b = start(t, Config{DataDir: crashed})
	transaction(t, transactional(t, b.Addr()), true, "b")
	wantRecords(t, b.Addr(), "payments", "a", "b")
}

// The kill comes between writing a batch and its index entry: the batch was never acknowledged, and is no committed record.
func TestBatchWithoutIndexEntry(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir})
	createTopic(t, connect(t, b.Addr()), "payments", 1)
	producer := transactional(t, b.Addr())
	transaction(t, producer, true, "a")
	begin(t, producer, "not acknowledged")
	dir = killed(t, dir)
	index := filepath.Join(dir, "partitions", "payments-0", "0.idx")
	info, err := os.Stat(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(index, info.Size()-indexEntrySize); err != nil {
		t.Fatal(err)
	}

	b = start(t, Config{DataDir: dir})
	transaction(t, transactional(t, b.Addr()), true, "b")
	wantRecords(t, b.Addr(), "payments", "a", "b")
}

// Half a batch at the end of a segment is what a full disk or a power failure leaves.
func TestHalfABatch(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir})
	createTopic(t, connect(t, b.Addr()), "payments", 1)
	producer := transactional(t, b.Addr())
	transaction(t, producer, true, "a")
	begin(t, producer, "lost", "half")
	dir = killed(t, dir)
	segment := filepath.Join(dir, "partitions", "payments-0", "0.dat")
	info, err := os.Stat(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segment, info.Size()-10); err != nil {
		t.Fatal(err)
	}

	b = start(t, Config{DataDir: dir})
	transaction(t, transactional(t, b.Addr()), true, "b")
	wantRecords(t, b.Addr(), "payments", "a", "b")
}

// Several brokers lead one partition each: every marker must reach the right one.
func TestOpenTransactionOverBrokers(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir, Brokers: 3})
	createTopic(t, connect(t, b.Addr()), "payments", 6)
	producer := transactional(t, b.Addr())
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(6) {
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: "payments", Partition: p, Value: []byte("lost")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	dir = killed(t, dir)
	for _, brokers := range []int{3, 1} {
		b = start(t, Config{DataDir: killed(t, dir), Brokers: brokers})
		for _, info := range b.Cluster().PartitionInfos("payments") {
			if info.HighWatermark != 2 || info.LastStableOffset != 2 {
				t.Errorf("%d brokers: partition %d ends at %d, stable to %d; want 2, a record and its marker",
					brokers, info.Partition, info.HighWatermark, info.LastStableOffset)
			}
		}
	}
}

// Clients that come while the broker repairs itself wait, and find it repaired.
func TestNobodyIsServedBeforeTheGateOpens(t *testing.T) {
	network := Virtual()
	l, err := network.Listen("tcp", freePort)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(l, slog.New(slog.DiscardHandler))
	accepted := make(chan error, 1)
	go func() {
		conn, err := g.Accept()
		if err == nil {
			err = conn.Close()
		}
		accepted <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := network.DialContext(ctx, "tcp", l.Addr().String()); err == nil {
		t.Fatal("a client got in")
	}
	select {
	case err := <-accepted:
		t.Fatalf("accept returned before the gate was open: %v", err)
	default:
	}
	g.open()
	if _, err := network.DialContext(t.Context(), "tcp", l.Addr().String()); err != nil {
		t.Fatalf("a client is kept out after the gate is open: %v", err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Accept(); err == nil {
		t.Error("accept after close")
	}
}

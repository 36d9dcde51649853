package devbroker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const freePort = "127.0.0.1:0"

func start(t testing.TB, c Config) *Broker {
	t.Helper()
	if c.Listen == "" && c.ListenFn == nil {
		c.Listen = freePort
	}
	b, err := Start(t.Context(), c)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { stop(t, b) })
	return b
}

func stop(t testing.TB, b *Broker) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func connect(t testing.TB, addr string, o ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.MetadataMinAge(20 * time.Millisecond), kgo.DisableClientMetrics()}, o...)...)
	if err != nil {
		t.Fatalf("client: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(t testing.TB, client *kgo.Client, topic string, partitions int32, settings ...string) {
	t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, partitions, -1
	for i := 0; i < len(settings); i += 2 {
		setting := kmsg.NewCreateTopicsRequestTopicConfig()
		setting.Name, setting.Value = settings[i], &settings[i+1]
		rt.Configs = append(rt.Configs, setting)
	}
	request.Topics = append(request.Topics, rt)
	response, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("create topic %s: %v", topic, err)
	}
}

func produce(t testing.TB, client *kgo.Client, topic string, values ...string) {
	t.Helper()
	for _, value := range values {
		record := &kgo.Record{Topic: topic, Key: []byte("key"), Value: []byte(value)}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatalf("produce %s: %v", value, err)
		}
	}
}

// wantRecords reads the topic from its beginning, as a read_committed consumer, until it has seen the last value.
func wantRecords(t testing.TB, addr, topic string, want ...string) {
	t.Helper()
	client := connect(t, addr, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	for len(got) == 0 || got[len(got)-1] != want[len(want)-1] {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("fetch %s: %v; so far %q, want %q", topic, err, got, want)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("topic %s has %q, want %q", topic, got, want)
	}
}

func commitOffset(t testing.TB, b *Broker, client *kgo.Client, group, topic string, offset int64) {
	t.Helper()
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.Generation = group, -1
	rt, rp := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	rt.Topic, rt.TopicID, rp.Offset = topic, b.Cluster().TopicInfo(topic).TopicID, offset
	rt.Partitions = append(rt.Partitions, rp)
	request.Topics = append(request.Topics, rt)
	response, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("commit offset: %v", err)
	}
}

func wantOffset(t testing.TB, b *Broker, client *kgo.Client, group, topic string, want int64) {
	t.Helper()
	request := kmsg.NewPtrOffsetFetchRequest()
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = group
	rt := kmsg.NewOffsetFetchRequestGroupTopic()
	rt.Topic, rt.TopicID, rt.Partitions = topic, b.Cluster().TopicInfo(topic).TopicID, []int32{0}
	asked.Topics = append(asked.Topics, rt)
	request.Groups = append(request.Groups, asked)
	response, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatalf("fetch offset: %v", err)
	}
	if got := response.Groups[0].Topics[0].Partitions[0].Offset; got != want {
		t.Fatalf("committed offset of %s is %d, want %d", group, got, want)
	}
}

// setting returns what the broker says about a topic's setting.
func setting(t testing.TB, client *kgo.Client, topic, name string) string {
	t.Helper()
	request := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatalf("describe %s: %v", topic, err)
	}
	for _, c := range response.Resources[0].Configs {
		if c.Name == name && c.Value != nil {
			return *c.Value
		}
	}
	return ""
}

func TestGoesOnWhereItStopped(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir})
	client := connect(t, b.Addr())
	createTopic(t, client, "orders", 1, "cleanup.policy", "compact", "min.compaction.lag.ms", "3600000")
	produce(t, client, "orders", "a", "b", "c")
	commitOffset(t, b, client, "group", "orders", 2)
	first := b.Addr()
	stop(t, b)

	b = start(t, Config{DataDir: dir})
	if b.Addr() == first {
		t.Logf("the same port %s by chance", first)
	}
	client = connect(t, b.Addr())
	wantOffset(t, b, client, "group", "orders", 2)
	if got := setting(t, client, "orders", "min.compaction.lag.ms"); got != "3600000" {
		t.Errorf("min.compaction.lag.ms is %q, want 3600000", got)
	}
	produce(t, client, "orders", "d")
	wantRecords(t, b.Addr(), "orders", "a", "b", "c", "d")
	stop(t, b)

	b = start(t, Config{DataDir: dir, Brokers: 3})
	wantRecords(t, b.Addr(), "orders", "a", "b", "c", "d")
	stop(t, b)
	b = start(t, Config{DataDir: dir})
	wantRecords(t, b.Addr(), "orders", "a", "b", "c", "d")
}

func TestWithoutDirectoryForgets(t *testing.T) {
	b := start(t, Config{})
	client := connect(t, b.Addr(), kgo.UnknownTopicRetries(1))
	createTopic(t, client, "orders", -1)
	if n := len(b.Cluster().PartitionInfos("orders")); n != DefaultPartitions {
		t.Errorf("a topic created without a number has %d partitions, want %d", n, DefaultPartitions)
	}
	stop(t, b)
	b = start(t, Config{})
	if b.Cluster().TopicInfo("orders") != nil {
		t.Error("the topic is still there")
	}
}

func TestUnknownTopicIsNotCreated(t *testing.T) {
	b := start(t, Config{})
	client := connect(t, b.Addr(), kgo.UnknownTopicRetries(1), kgo.AllowAutoTopicCreation())
	err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "nobody made this", Value: []byte("v")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) && !errors.Is(err, kerr.InvalidTopicException) {
		t.Errorf("produce: %v, want an unknown topic", err)
	}
}

func TestPortTaken(t *testing.T) {
	b := start(t, Config{})
	_, err := Start(t.Context(), Config{Listen: b.Addr()})
	if err == nil {
		t.Fatal("two brokers on one port")
	}
	for _, part := range []string{b.Addr(), "another program uses the port", "--broker embedded://127.0.0.1:PORT"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	b := start(t, Config{DataDir: dir})
	_, err := Start(t.Context(), Config{Listen: freePort, DataDir: dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "a directory of its own") {
		t.Fatalf("start: %v; want ErrInUse with the directory and the remedy", err)
	}
	stop(t, b)
	stop(t, start(t, Config{DataDir: dir}))
}

func TestAddressesThatCannotBe(t *testing.T) {
	for listen, want := range map[string]string{
		"9092":            "write host:port",
		"127.0.0.1:http":  "not a number",
		"127.0.0.1:99999": "not a number",
		"0.0.0.0:9092":    "cannot reach it",
		"[::]:9092":       "cannot reach it",
		":9092":           "cannot reach it",
		"192.0.2.1:9092":  "choose another address", // an address for documentation, of no machine
	} {
		_, err := Start(t.Context(), Config{Listen: listen})
		if err == nil || !strings.Contains(err.Error(), listen) || !strings.Contains(err.Error(), want) {
			t.Errorf("listen on %s: %v; want the address and %q", listen, err, want)
		}
	}
}

func TestDirectoryThatCannotBe(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Config{Listen: freePort, DataDir: file})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("start on a file: %v; want its name", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/meta.json", []byte("no json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Start(t.Context(), Config{Listen: freePort, DataDir: dir}); err == nil || !strings.Contains(err.Error(), "meta.json") {
		t.Errorf("start on damaged files: %v; want the file", err)
	}
	if err := os.Remove(dir + "/meta.json"); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DataDir: dir}) // the lock was given back
}

func TestLogsItsAddress(t *testing.T) {
	var text strings.Builder
	b := start(t, Config{Log: slog.New(slog.NewTextHandler(&text, nil))})
	if want := `msg="broker listening" addr=` + b.Addr() + "\n"; !strings.Contains(text.String(), want) {
		t.Errorf("log %q does not have %q", text.String(), want)
	}
	if host, port, err := net.SplitHostPort(b.Addr()); err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("address %s: %v", b.Addr(), err)
	}
}

// What is not Kafka is turned away, without an allocation of the size it seems to announce and without an end.
func TestStrayClients(t *testing.T) {
	b := start(t, Config{})
	for name, bytes := range map[string]string{
		"a browser":         "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"an unknown kind":   "\x00\x00\x00\x0a\x7f\x00\x00\x00\x00\x00\x00\x01\xff\xff",
		"a request too big": "\x7f\x00\x00\x00\x00\x12",
		"one too small":     "\x00\x00\x00\x02\x00\x12",
	} {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := io.WriteString(conn, bytes); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// The end of the connection, not a timeout, ends this read.
		if answer, err := io.ReadAll(conn); len(answer) > 0 {
			t.Errorf("%s got %q, %v", name, answer, err)
		}
		_ = conn.Close() // nothing is left to say
	}
	client := connect(t, b.Addr())
	createTopic(t, client, "orders", 1)
	produce(t, client, "orders", "a")
	wantRecords(t, b.Addr(), "orders", "a")
}

// The guard sees the same requests however the bytes are cut.
func TestGuardFollowsRequestsInPieces(t *testing.T) {
	stream := "\x00\x00\x00\x0c\x00\x12\x00\x00\x00\x00\x00\x01\xff\xffab" + "\x00\x00\x00\x08\x00\x03\x00\x00\x00\x00\x00\x02"
	for size := 1; size <= len(stream); size++ {
		var c guarded
		for at := 0; at < len(stream); at += size {
			if err := c.check([]byte(stream[at:min(at+size, len(stream))])); err != nil {
				t.Fatalf("pieces of %d: %v", size, err)
			}
		}
		if c.have != 0 || c.left != 0 {
			t.Errorf("pieces of %d: ends in the middle of a request", size)
		}
		if err := c.check([]byte("HTTP/1")); !errors.Is(err, errNotKafka) {
			t.Errorf("pieces of %d: what follows is taken for Kafka: %v", size, err)
		}
	}
}

func TestVirtualNetworkInBubble(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		synctest.Test(t, func(t *testing.T) {
			network := Virtual()
			b := start(t, Config{Brokers: 3, ListenFn: network.Listen, DataDir: dir})
			if b.Addr() != "localhost:9092" {
				t.Errorf("address %s", b.Addr())
			}
			client := connect(t, b.Addr(), kgo.Dialer(network.DialContext), kgo.ConsumeTopics("orders"),
				kgo.ConsumerGroup("group"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			if round == 0 {
				createTopic(t, client, "orders", 6, "cleanup.policy", "compact", "retention.ms", "1000")
			}
			for i := range 12 {
				r := &kgo.Record{Topic: "orders", Key: []byte("one key"), Value: fmt.Appendf(nil, "%d-%d", round, i)}
				if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			time.Sleep(3 * time.Hour)
			if time.Since(began) != 3*time.Hour {
				t.Error("time is not virtual")
			}
			// Neither compaction nor retention has taken any of them; the second round reads on from the committed offset.
			for n := 0; n < 12; {
				fetches := client.PollFetches(t.Context())
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				fetches.EachRecord(func(r *kgo.Record) {
					if want := fmt.Sprintf("%d-%d", round, n); string(r.Value) != want {
						t.Errorf("record %s, want %s", r.Value, want)
					}
					n++
				})
			}
			if err := client.CommitUncommittedOffsets(t.Context()); err != nil {
				t.Fatal(err)
			}
			client.Close()
			stop(t, b)
		})
	}
}

func TestVirtualNetwork(t *testing.T) {
	n := Virtual()
	var seen []string
	for range 2 {
		l, err := n.Listen("tcp", freePort)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, l.Addr().String())
		if _, err := n.Listen("tcp", l.Addr().String()); err == nil {
			t.Errorf("two listeners on %s", l.Addr())
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen[0] == seen[1] {
		t.Errorf("port 0 gave %s twice", seen[0])
	}
	var op *net.OpError
	if _, err := n.DialContext(t.Context(), "tcp", "localhost:1"); !errors.As(err, &op) {
		t.Errorf("dial where nobody listens: %v, want a net.OpError", err)
	}
}

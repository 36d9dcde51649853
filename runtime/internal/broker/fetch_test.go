package broker

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// filled is a cluster whose topic "t" has n records in each of its partitions, in batches of each.
func filled(t testing.TB, partitions int32, n, each int, opts ...kfake.Opt) (*kfake.Cluster, *Client) {
	t.Helper()
	k, c := cluster(t, append(opts, kfake.SeedTopics(partitions, "t"))...)
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	stop := start(t, p.Run)
	for i := 0; i < n; i += each { // one after the other, or they would be merged
		var builders []*record.Builder
		for number := range partitions {
			builders = append(builders, build(tp("t", number), record.None, i, each))
		}
		if err := send(within(t), p, builders...); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	return k, c
}

// Under every fault that passes, each record arrives once and in order.
func TestFetchFaultsThatPass(t *testing.T) {
	fetch := []kmsg.Key{kmsg.Fetch}
	for name, fault := range map[string]func(k *kfake.Cluster){
		"not leader": func(k *kfake.Cluster) { k.Fault(kfake.Fault{Keys: fetch, Err: kerr.NotLeaderForPartition, Count: 3}) },
		"one partition": func(k *kfake.Cluster) {
			k.Fault(kfake.Fault{Keys: fetch, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: 4})
		},
		"unknown topic": func(k *kfake.Cluster) { k.Fault(kfake.Fault{Keys: fetch, Err: kerr.UnknownTopicOrPartition, Count: 2}) },
		"whole request": func(k *kfake.Cluster) {
			k.Fault(kfake.Fault{Keys: fetch, TopLevel: true, Err: kerr.UnknownServerError, Count: 2})
		},
		"broken storage": func(k *kfake.Cluster) { k.Fault(kfake.Fault{Keys: fetch, Err: kerr.KafkaStorageError, Count: 2}) },
		"connection lost": func(k *kfake.Cluster) {
			k.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("lost"), true })
		},
		"leaders move": func(k *kfake.Cluster) {
			var n atomic.Int32
			k.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
				k.KeepControl()
				if n.Add(1)%4 == 0 && n.Load() < 20 {
					go k.ShufflePartitionLeaders()
				}
				return nil, nil, false
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 400
			k, c := filled(t, 3, n, 20)
			fault(k)
			f := c.NewFetcher(FetchConfig{PartitionMaxBytes: 2000, MaxWait: 50 * time.Millisecond})
			start(t, f.Run)
			in := make(chan *record.Batch, 6)
			for number := range int32(3) {
				f.Add(tp("t", number), 0, in)
			}
			next := make(map[record.TopicPartition]int64)
			for got := 0; got < 3*n; {
				b := <-in
				if b.Err != nil {
					t.Fatal(b.Err)
				}
				for i := range b.Records {
					if b.Records[i].Offset != next[b.TopicPartition] {
						t.Fatalf("%v: offset %d where %d was due", b.TopicPartition, b.Records[i].Offset, next[b.TopicPartition])
					}
					next[b.TopicPartition]++
					got++
				}
				b.Release()
			}
		})
	}
}

// Errors that don't pass end the partition with one error batch; the others go on.
func TestFetchFaultsThatStay(t *testing.T) {
	k, c := filled(t, 3, 10, 10)
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Partitions: []int32{1}, Err: kerr.TopicAuthorizationFailed})
	f := c.NewFetcher(FetchConfig{MaxWait: 20 * time.Millisecond})
	start(t, f.Run)
	in, fine := make(chan *record.Batch, 4), make(chan *record.Batch, 2)
	f.Add(tp("t", 0), 99, in)
	f.Add(tp("t", 1), 0, in)
	f.Add(tp("t", 2), 0, fine)
	want := map[record.TopicPartition]error{tp("t", 0): ErrOffsetOutOfRange, tp("t", 1): ErrDenied}
	for range 2 {
		b := <-in
		if !errors.Is(b.Err, want[b.TopicPartition]) || !strings.Contains(b.Err.Error(), `"t"`) || len(b.Records) != 0 {
			t.Errorf("%v: %v", b.TopicPartition, b.Err)
		}
		b.Release()
	}
	if got, err := values(within(t), fine, 10); err != nil {
		t.Errorf("%d values: %v", len(got), err)
	}
	left := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.parts)
	}
	for ctx := within(t); left() != 1; { // the partition goes right after its error batch
		select {
		case <-ctx.Done():
			t.Fatalf("%d partitions are still fetched, want one", left())
		case <-time.After(time.Millisecond):
		}
	}
}

// A damaged batch is delivered as an error after the records before it.
func TestFetchDamagedBatch(t *testing.T) {
	k, c := filled(t, 1, 20, 10)
	k.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		good, bad := stored(build(tp("t", 0), 0, 0, 10), 0, noProducer, 0), stored(build(tp("t", 0), 0, 10, 10), 10, noProducer, 0)
		bad[len(bad)-1] ^= 1
		response := r.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = "t"
		part := kmsg.NewFetchResponseTopicPartition()
		part.HighWatermark, part.RecordBatches = 20, slices.Concat(good, bad)
		topic.Partitions = append(topic.Partitions, part)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	f := c.NewFetcher(FetchConfig{})
	start(t, f.Run)
	in := make(chan *record.Batch, 2)
	f.Add(tp("t", 0), 0, in)
	b := <-in
	if len(b.Records) != 10 || b.Next != 10 || b.End != 20 || b.Err != nil {
		t.Errorf("before the damage: %d records, next %d, end %d, error %v", len(b.Records), b.Next, b.End, b.Err)
	}
	b.Release()
	if b = <-in; !errors.Is(b.Err, ErrDamaged) || !strings.Contains(b.Err.Error(), "offset 10") {
		t.Errorf("damage is told as %v", b.Err)
	}
}

// A partition with two unreleased batches is left out, and asked for again at once when one is released.
func TestFetchBackPressure(t *testing.T) {
	_, c := filled(t, 2, 100, 1)
	f := c.NewFetcher(FetchConfig{PartitionMaxBytes: 1, MaxWait: 20 * time.Millisecond})
	start(t, f.Run)
	slow, fast := make(chan *record.Batch, 100), make(chan *record.Batch, 2)
	f.Add(tp("t", 0), 0, slow)
	f.Add(tp("t", 1), 0, fast)
	if _, err := values(within(t), fast, 100); err != nil {
		t.Fatal(err)
	}
	first, second := <-slow, <-slow
	if len(slow) != 0 {
		t.Fatalf("%d batches more than two", len(slow))
	}
	for _, b := range []*record.Batch{first, second} {
		at := b.Records[0].Offset
		if string(b.Records[0].Value) != "v"+string(rune('0'+at)) {
			t.Errorf("offset %d holds %s after other fetches", at, b.Records[0].Value)
		}
		b.Release()
	}
	if got, err := values(within(t), slow, 98); err != nil {
		t.Errorf("%d values: %v", len(got), err)
	}
}

// After Remove nothing of the partition is delivered, also when a delivery was blocked; added again it starts where it is told to.
func TestFetchRemove(t *testing.T) {
	_, c := filled(t, 2, 50, 1)
	f := c.NewFetcher(FetchConfig{PartitionMaxBytes: 1, MaxWait: 20 * time.Millisecond})
	start(t, f.Run)
	blocked := make(chan *record.Batch)
	for range 20 {
		f.Add(tp("t", 0), 0, blocked)
		b := <-blocked
		if b.Next > 1 {
			t.Fatalf("started at %d", b.Next)
		}
		f.Remove(tp("t", 0))
		select {
		case late := <-blocked:
			t.Fatalf("delivered after Remove: next %d", late.Next)
		default:
		}
		b.Release()
	}
	in := make(chan *record.Batch, 2)
	f.Add(tp("t", 0), 40, in)
	got, err := values(within(t), in, 10)
	if err != nil || got[tp("t", 0)][0] != "v40" {
		t.Errorf("%v, error %v", got, err)
	}
}

// One record larger than every limit is fetched all the same.
func TestFetchHugeRecord(t *testing.T) {
	_, c := cluster(t)
	ctx := within(t)
	if err := c.CreateTopics(ctx, []NewTopic{{Name: "t", Partitions: 1, Replicas: 1, Config: map[string]string{"max.message.bytes": "20000000"}}}); err != nil {
		t.Fatal(err)
	}
	p := c.NewProducer(ProduceConfig{Idempotent: true, MaxRequestBytes: 1000})
	start(t, p.Run)
	b := &record.Builder{TopicPartition: tp("t", 0)}
	b.Add(nil, make([]byte, 5<<20), 1, nil, 0, nil)
	if err := send(ctx, p, b, build(tp("t", 0), 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	f := c.NewFetcher(FetchConfig{MaxBytes: 1000, PartitionMaxBytes: 1000})
	start(t, f.Run)
	in := make(chan *record.Batch, 2)
	f.Add(tp("t", 0), 0, in)
	got, err := values(ctx, in, 2)
	if err != nil || len(got[tp("t", 0)][0]) != 5<<20 || got[tp("t", 0)][1] != "v0" {
		t.Errorf("%d values, error %v", len(got[tp("t", 0)]), err)
	}
}

// A topic that doesn't exist is waited for, and given up after a while; both in virtual time.
func TestFetchUnknownTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := virtual(t, 1)
		f := c.NewFetcher(FetchConfig{})
		stop := start(t, f.Run)
		in, late := make(chan *record.Batch, 2), make(chan *record.Batch, 2)
		at := time.Now()
		f.Add(tp("never", 0), 0, in)
		f.Add(tp("late", 0), 0, late)
		time.Sleep(3 * time.Second)
		if err := c.CreateTopics(t.Context(), []NewTopic{{Name: "late", Partitions: 1, Replicas: 1}}); err != nil {
			t.Fatal(err)
		}
		if b := <-late; b.Err != nil || time.Since(at) > 5*time.Second {
			t.Errorf("topic created later: %v after %v", b.Err, time.Since(at))
		}
		b := <-in
		if !errors.Is(b.Err, ErrUnknownTopic) || !strings.Contains(b.Err.Error(), `create topic "never"`) {
			t.Errorf("error %v", b.Err)
		}
		if waited := time.Since(at); waited < unknownTopicWait || waited > unknownTopicWait+5*time.Second {
			t.Errorf("given up after %v", waited)
		}
		stop()
		c.Close()
	})
}

// While one partition is quiet and polled for, a busy one is not held up; when both are quiet the broker is asked seldom.
func TestFetchQuietPartitionDelaysNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := virtual(t, 1)
		ctx := t.Context()
		if err := c.CreateTopics(ctx, []NewTopic{{Name: "t", Partitions: 3, Replicas: 1}}); err != nil {
			t.Fatal(err)
		}
		p := c.NewProducer(ProduceConfig{Idempotent: true})
		stopProducer := start(t, p.Run)
		f := c.NewFetcher(FetchConfig{MaxWait: 5 * time.Second})
		stop := start(t, f.Run)
		busy, quiet := make(chan *record.Batch, 2), make(chan *record.Batch, 4)
		f.Add(tp("t", 1), 0, quiet)
		(<-quiet).Release()
		time.Sleep(time.Second) // the poll is out
		f.Add(tp("t", 0), 0, busy)
		at := time.Now()
		(<-busy).Release()
		if waited := time.Since(at); waited > shortWait {
			t.Errorf("first answer after %v", waited)
		}
		for i := range 20 {
			if err := send(ctx, p, build(tp("t", 0), 0, i, 1)); err != nil {
				t.Fatal(err)
			}
			at := time.Now()
			(<-busy).Release()
			if waited := time.Since(at); waited > 2*shortWait {
				t.Errorf("record %d came after %v", i, waited)
			}
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		var requests atomic.Int32
		k.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			k.KeepControl()
			requests.Add(1)
			return nil, nil, false
		})
		time.Sleep(time.Minute)
		if n := requests.Load(); n > 14 {
			t.Errorf("%d requests in a quiet minute, want one per 5 s", n)
		}
		stop()
		stopProducer()
		c.Close()
	})
}

// read_committed leaves aborted transactions out and goes past control batches without records.
func TestFetchReadCommitted(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	k.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if r.(*kmsg.FetchRequest).IsolationLevel != 1 {
			t.Error("not asked for committed records")
		}
		response := r.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = "t"
		part := kmsg.NewFetchResponseTopicPartition()
		id := producerID{7, 0}
		part.HighWatermark = 6
		part.RecordBatches = slices.Concat(stored(build(tp("t", 0), 0, 0, 2), 0, id, attrTransactional), marker(2, id, false),
			stored(build(tp("t", 0), 0, 0, 2), 3, id, attrTransactional), marker(5, id, false))
		for _, first := range []int64{3, 0} { // in any order
			part.AbortedTransactions = append(part.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: 7, FirstOffset: first})
		}
		topic.Partitions = append(topic.Partitions, part)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
	f := c.NewFetcher(FetchConfig{ReadCommitted: true})
	start(t, f.Run)
	in := make(chan *record.Batch, 2)
	f.Add(tp("t", 0), 0, in)
	if b := <-in; len(b.Records) != 0 || b.Next != 6 || b.End != 6 || b.Err != nil {
		t.Errorf("%d records, next %d, end %d, error %v", len(b.Records), b.Next, b.End, b.Err)
	}
}

// A response that ends too early is an error, wherever it is cut; what was whole is delivered.
func TestFetchTornResponse(t *testing.T) {
	k, c := filled(t, 1, 10, 10)
	f := c.NewFetcher(FetchConfig{})
	in := make(chan *record.Batch, 1)
	b := &fetchBroker{f: f, node: k.LeaderFor("t", 0), outage: outage{log: c.log}}
	b.wake.L = &f.mu
	part := &fetchPart{place: place{TopicPartition: tp("t", 0)}, out: in, gone: make(chan struct{})}
	b.addLocked(part)
	l := lane{b: b, request: fetchRequest{parts: []*fetchPart{part}, from: []int64{0}}}
	request := appendFetch(apiFetch.begin(nil, "test"), &f.config, 0, &l.request)
	x := &exchange{api: apiFetch, node: b.node, request: end(request)}
	if err := c.run(within(t), x); err != nil {
		t.Fatal(err)
	}
	a := &answer{pool: &f.answers}
	a.refs.Store(1)
	for cut := range x.response {
		if err := l.read(within(t), a, x.response[:cut]); err == nil {
			t.Fatalf("cut at %d of %d is not noticed", cut, len(x.response))
		}
	}
	if len(in) != 0 {
		t.Fatal("a part of a batch was delivered")
	}
	if err := l.read(within(t), a, x.response); err != nil || len((<-in).Records) != 10 {
		t.Errorf("the whole response: %v", err)
	}
}

// virtual is a cluster on an in-memory network and a client of it, for synctest bubbles. The test closes the client.
func virtual(t *testing.T, brokers int) (*Client, *kfake.Cluster) {
	var network kfake.VirtualNetwork
	ports := make([]int, brokers)
	for i := range ports {
		ports[i] = 9092 + i
	}
	k, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.Ports(ports...), kfake.ListenFn(network.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return Open(Config{Addrs: k.ListenAddrs(), Dial: network.DialContext, Log: slog.New(slog.NewTextHandler(&logs{}, nil))}), k
}

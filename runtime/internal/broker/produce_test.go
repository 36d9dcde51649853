package broker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// Under every fault that passes, what was appended is stored once and in order, although requests overlap.
func TestProduceFaultsThatPass(t *testing.T) {
	produce := []kmsg.Key{kmsg.Produce}
	for name, fault := range map[string]func(k *kfake.Cluster){
		"not leader": func(k *kfake.Cluster) {
			k.Fault(kfake.Fault{Keys: produce, Err: kerr.NotLeaderForPartition, Count: 3})
		},
		"one partition of a request": func(k *kfake.Cluster) {
			k.Fault(kfake.Fault{Keys: produce, Partitions: []int32{1}, Err: kerr.NotEnoughReplicas, Count: 2})
		},
		"stored, but timed out": func(k *kfake.Cluster) {
			k.Fault(kfake.Fault{Keys: produce, Err: kerr.RequestTimedOut, Count: 3})
		},
		"unknown server error": func(k *kfake.Cluster) {
			k.Fault(kfake.Fault{Keys: produce, Err: kerr.UnknownServerError, Count: 2})
		},
		"connection lost": func(k *kfake.Cluster) {
			k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("lost"), true })
		},
		"leader moves": func(k *kfake.Cluster) {
			var n atomic.Int32
			k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				k.KeepControl()
				if n.Add(1) == 3 {
					go k.ShufflePartitionLeaders()
				}
				return nil, nil, false
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, c := cluster(t, kfake.SeedTopics(3, "t"))
			ctx := within(t)
			p := c.NewProducer(ProduceConfig{Idempotent: true})
			start(t, p.Run)
			if err := send(ctx, p, build(tp("t", 0), 0, 0, 1), build(tp("t", 1), 0, 0, 1), build(tp("t", 2), 0, 0, 1)); err != nil {
				t.Fatal(err)
			}
			fault(k)
			want := []string{"v0"}
			var builders []*record.Builder
			for i := range 30 {
				for n := range int32(3) {
					builders = append(builders, build(tp("t", n), record.Snappy, 1+i*10, 10))
				}
				for j := range 10 {
					want = append(want, "v"+strconv.Itoa(1+i*10+j))
				}
			}
			if err := send(ctx, p, builders...); err != nil {
				t.Fatal(err)
			}
			for _, b := range builders {
				if b.Offset < 1 {
					t.Errorf("%v: offset %d", b.TopicPartition, b.Offset)
				}
			}
			check(t, c, want, tp("t", 0), tp("t", 1), tp("t", 2))
		})
	}
}

// check reads partitions from the start and compares their values.
func check(t *testing.T, c *Client, want []string, tps ...record.TopicPartition) {
	t.Helper()
	f := c.NewFetcher(FetchConfig{})
	start(t, f.Run)
	in := make(chan *record.Batch, 2*len(tps))
	for _, at := range tps {
		f.Add(at, 0, in)
	}
	got, err := values(within(t), in, len(want)*len(tps))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range tps {
		if !slices.Equal(got[at], want) {
			t.Errorf("%v holds %d values, want %d in order: %v", at, len(got[at]), len(want), got[at])
		}
	}
	ends, err := c.ListOffsets(within(t), tps, Latest)
	if err != nil {
		t.Fatal(err)
	}
	for at, end := range ends {
		if end != int64(len(want)) {
			t.Errorf("%v ends at %d, want %d", at, end, len(want))
		}
	}
}

// Errors that don't pass come with the topic and a remedy, and what is appended afterwards is stored.
func TestProduceFaultsThatStay(t *testing.T) {
	for _, c := range []struct {
		fault *kerr.Error
		is    error
		text  string
	}{
		{kerr.MessageTooLarge, ErrTooLarge, "raise max.message.bytes"},
		{kerr.RecordListTooLarge, ErrTooLarge, "raise max.message.bytes"},
		{kerr.TopicAuthorizationFailed, ErrDenied, "grant this user"},
		{kerr.InvalidTimestamp, codeInvalidTimestamp, "message.timestamp"},
		{kerr.PolicyViolation, codePolicy, "policy"},
	} {
		t.Run(c.fault.Message, func(t *testing.T) {
			k, client := cluster(t, kfake.SeedTopics(1, "orders"))
			ctx := within(t)
			p := client.NewProducer(ProduceConfig{Idempotent: true})
			start(t, p.Run)
			if err := send(ctx, p, build(tp("orders", 0), 0, 0, 5)); err != nil {
				t.Fatal(err)
			}
			k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: c.fault})
			err := send(ctx, p, build(tp("orders", 0), 0, 100, 5))
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), `"orders"`) {
				t.Errorf("error %v", err)
			}
			if err := send(ctx, p, build(tp("orders", 0), 0, 5, 5)); err != nil {
				t.Fatal(err)
			}
			check(t, client, []string{"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"}, tp("orders", 0))
		})
	}
}

// A broker that forgot the producer gets a new id, and nothing is lost or doubled.
func TestProduceSequenceLost(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping} {
		t.Run(code.Message, func(t *testing.T) {
			k, c := cluster(t, kfake.SeedTopics(2, "t"))
			ctx := within(t)
			p := c.NewProducer(ProduceConfig{Idempotent: true})
			start(t, p.Run)
			ids := make(map[string]bool)
			var mu sync.Mutex
			k.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
				k.KeepControl()
				mu.Lock()
				defer mu.Unlock()
				for _, topic := range r.(*kmsg.ProduceRequest).Topics {
					for _, part := range topic.Partitions {
						ids[string(part.Records[batchProducer:batchSequence])] = true
					}
				}
				return nil, nil, false
			})
			if err := send(ctx, p, build(tp("t", 0), 0, 0, 5), build(tp("t", 1), 0, 0, 5)); err != nil {
				t.Fatal(err)
			}
			k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{0}, Err: code})
			if err := send(ctx, p, build(tp("t", 0), 0, 5, 5), build(tp("t", 0), 0, 10, 5), build(tp("t", 1), 0, 5, 10)); err != nil {
				t.Fatal(err)
			}
			var want []string
			for i := range 15 {
				want = append(want, "v"+strconv.Itoa(i))
			}
			check(t, c, want, tp("t", 0), tp("t", 1))
			if len(ids) != 2 {
				t.Errorf("%d producer ids were used, want one for each partition", len(ids))
			}
		})
	}
}

// Small builders that wait for the same partition go as one batch, and each learns its own offset.
func TestProduceMerges(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	ctx := within(t)
	var batches atomic.Int32
	k.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		batches.Add(1)
		return nil, nil, false
	})
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	var builders []*record.Builder
	var want []string
	for i := range 100 { // before Run, so that all of them wait
		kind := record.LZ4
		if i >= 60 {
			kind = record.None
		}
		builders = append(builders, build(tp("t", 0), kind, i*7, 7))
		for j := range 7 {
			want = append(want, "v"+strconv.Itoa(i*7+j))
		}
	}
	results := make(chan error, len(builders))
	if err := p.Append(ctx, builders, func(_ *record.Builder, err error) { results <- err }); err != nil {
		t.Fatal(err)
	}
	start(t, p.Run)
	for i, b := range builders {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
		if b.Offset != int64(7*i) {
			t.Errorf("builder %d is at offset %d", i, b.Offset)
		}
	}
	if n := batches.Load(); n != 2 {
		t.Errorf("sent as %d batches, want one for each compression", n)
	}
	check(t, c, want, tp("t", 0))
}

// What the broker refuses of a merged batch is found by sending its parts alone.
func TestProduceMergedIsRefused(t *testing.T) {
	_, c := cluster(t)
	ctx := within(t)
	settings := map[string]string{"max.message.bytes": "2000"}
	if err := c.CreateTopics(ctx, []NewTopic{{Name: "t", Partitions: 1, Replicas: 1, Config: settings}}); err != nil {
		t.Fatal(err)
	}
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	var builders []*record.Builder
	for _, n := range []int{50, 50, 200, 50, 50} { // the one in the middle is too large by itself
		builders = append(builders, build(tp("t", 0), record.None, 100, n))
	}
	var mu sync.Mutex
	failed := make(map[*record.Builder]error)
	done := make(chan struct{}, len(builders))
	err := p.Append(ctx, builders, func(b *record.Builder, err error) {
		mu.Lock()
		failed[b] = err
		mu.Unlock()
		done <- struct{}{}
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, p.Run)
	for range builders {
		<-done
	}
	for i, want := range []int64{0, 50, -1, 100, 150} {
		if b := builders[i]; b.Offset != want || errors.Is(failed[b], ErrTooLarge) != (want == -1) {
			t.Errorf("builder %d: offset %d, error %v", i, b.Offset, failed[b])
		}
	}
}

// A merged batch reads like the batches it was made of.
func TestMergeKeepsRecords(t *testing.T) {
	one, two, three := new(record.Builder), new(record.Builder), new(record.Builder)
	one.Add([]byte("k"), []byte("v"), 5000, nil, 0, []record.Header{{Name: "h", Value: []byte("x")}})
	two.Add(nil, nil, 4000, nil, 0, nil) // before the first one's time
	two.Add([]byte{}, bytes.Repeat([]byte("long"), 1000), 1<<41, nil, 0, nil)
	for i := range 300 { // offset deltas of two bytes
		three.Add(nil, []byte{byte(i)}, int64(6000+i), nil, 0, nil)
	}
	x := framed{entries: []entry{{builder: one}, {builder: two}, {builder: three}}}
	var merged, apart memory
	var d decoder
	if _, _, err := d.decode(&merged, stored(new(frame).builder(&x), 10, noProducer, 0), 0, nil); err != nil {
		t.Fatal(err)
	}
	log := slices.Concat(stored(one, 10, noProducer, 0), stored(two, 11, noProducer, 0), stored(three, 13, noProducer, 0))
	if _, _, err := d.decode(&apart, log, 0, nil); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(merged.records, apart.records) {
		t.Errorf("%d records merged, %d apart, or not the same", len(merged.records), len(apart.records))
	}
}

// A batch acknowledged as a repetition counts as stored, without its offset.
func TestProduceDuplicateSequence(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	start(t, p.Run)
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.DuplicateSequenceNumber})
	b := build(tp("t", 0), 0, 0, 5)
	if err := send(within(t), p, b); err != nil || b.Offset != -1 {
		t.Errorf("offset %d, error %v", b.Offset, err)
	}
}

// Without the right to number batches nothing is sent, and the error says what to allow.
func TestProduceIdempotenceDenied(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, TopLevel: true, Err: kerr.ClusterAuthorizationFailed})
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	start(t, p.Run)
	if err := send(within(t), p, build(tp("t", 0), 0, 7, 1), build(tp("t", 0), 0, 8, 1)); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "allow IdempotentWrite") {
		t.Errorf("error %v", err)
	}
	if err := send(within(t), p, build(tp("t", 0), 0, 0, 1)); err != nil {
		t.Errorf("once it is allowed: %v", err)
	}
	check(t, c, []string{"v0"}, tp("t", 0))
}

func TestProduceWithoutIdempotence(t *testing.T) {
	_, c := cluster(t, kfake.SeedTopics(1, "t"))
	p := c.NewProducer(ProduceConfig{})
	start(t, p.Run)
	if err := send(within(t), p, build(tp("t", 0), 0, 0, 2), build(tp("t", 0), 0, 2, 1)); err != nil {
		t.Fatal(err)
	}
	check(t, c, []string{"v0", "v1", "v2"}, tp("t", 0))
}

// Append blocks at MaxBufferedBytes, goes on when acknowledgements come, and takes nothing when its context ends.
func TestProduceBackPressure(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	ctx := within(t)
	release := make(chan struct{})
	k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.SleepControl(func() { <-release })
		k.DropControl()
		return nil, nil, false
	})
	first, second, third := build(tp("t", 0), 0, 0, 100), build(tp("t", 0), 0, 100, 100), build(tp("t", 0), 0, 200, 100)
	p := c.NewProducer(ProduceConfig{Idempotent: true, MaxBufferedBytes: len(first.Records) + 10})
	start(t, p.Run)
	var done atomic.Int32
	count := func(_ *record.Builder, err error) {
		if err != nil {
			t.Error(err)
		}
		done.Add(1)
	}
	if err := p.Append(ctx, []*record.Builder{first}, count); err != nil { // larger than nothing: taken at once
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := p.Append(short, []*record.Builder{second}, count); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("append over the limit: %v", err)
	}
	if done.Load() != 0 {
		t.Fatal("done before the acknowledgement")
	}
	close(release)
	for _, b := range []*record.Builder{second, third} {
		if err := p.Append(ctx, []*record.Builder{b}, count); err != nil {
			t.Fatal(err)
		}
	}
	if err := send(ctx, p, build(tp("t", 0), 0, 300, 1)); err != nil {
		t.Fatal(err)
	}
	if n := done.Load(); n != 3 {
		t.Errorf("%d builders done, want 3", n)
	}
}

// When Run ends every builder is given back, and Append refuses more.
func TestProduceStop(t *testing.T) {
	_, c := cluster(t)
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	stop := start(t, p.Run)
	var errs []error
	builders := []*record.Builder{build(tp("nowhere", 0), 0, 0, 1), build(tp("nowhere", 1), 0, 0, 1)}
	if err := p.Append(within(t), builders, func(_ *record.Builder, err error) { errs = append(errs, err) }); err != nil {
		t.Fatal(err)
	}
	stop()
	if len(errs) != 2 || !errors.Is(errs[0], ErrClosed) || !errors.Is(errs[1], ErrClosed) {
		t.Errorf("given back with %v", errs)
	}
	if err := p.Append(within(t), builders, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("append afterwards: %v", err)
	}
}

func TestProduceEmptyBuilder(t *testing.T) {
	_, c := cluster(t)
	p := c.NewProducer(ProduceConfig{})
	start(t, p.Run)
	if err := send(within(t), p, &record.Builder{TopicPartition: tp("t", 0)}); err != nil {
		t.Error(err)
	}
}

// A broker that is away is told once, and once when it is back.
func TestProduceOutageIsLoggedOnce(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	var log logs
	c := Open(Config{Addrs: k.ListenAddrs(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	t.Cleanup(c.Close)
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	start(t, p.Run)
	var n atomic.Int32
	k.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		if n.Add(1) <= 4 {
			return nil, errors.New("away"), true
		}
		return nil, nil, false
	})
	if err := send(within(t), p, build(tp("t", 0), 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if away, back := log.count("producing to broker 0 waits"), log.count("producing to broker 0 goes on"); away != 1 || back != 1 {
		t.Errorf("told %d times that it is away, %d times that it is back", away, back)
	}
}

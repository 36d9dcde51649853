package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// Everything works on an in-memory network in virtual time, over an hour in which a broker goes and comes back, and nothing is left behind.
func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, k := virtual(t, 3)
		ctx := t.Context()
		if err := c.WaitReady(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.CreateTopics(ctx, []NewTopic{{Name: "t", Partitions: 6, Replicas: 1}}); err != nil {
			t.Fatal(err)
		}
		p := c.NewProducer(ProduceConfig{Idempotent: true})
		stopProducer := start(t, p.Run)
		f := c.NewFetcher(FetchConfig{})
		stopFetcher := start(t, f.Run)
		in := make(chan *record.Batch, 12)
		for n := range int32(6) {
			f.Add(tp("t", n), 0, in)
		}
		joined, err := c.JoinGroup(ctx, joinAs("g", "i-1", "x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.SyncGroup(ctx, "g", joined.Generation, joined.Member, "i-1", []Assignment{{joined.Member, nil}}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for minute := range 60 {
			var builders []*record.Builder
			for n := range int32(6) {
				builders = append(builders, build(tp("t", n), record.LZ4, minute, 1))
			}
			if minute == 20 {
				k.ShufflePartitionLeaders()
			}
			if err := send(ctx, p, builders...); err != nil {
				t.Fatal(err)
			}
			if got, err := values(ctx, in, 6); err != nil || len(got) != 6 {
				t.Fatalf("minute %d: %v, %v", minute, got, err)
			}
			for range 12 {
				if err := c.Heartbeat(ctx, "g", joined.Generation, joined.Member, "i-1"); err != nil {
					t.Fatalf("minute %d: %v", minute, err)
				}
				time.Sleep(5 * time.Second)
			}
			if err := c.OffsetCommit(ctx, "g", joined.Generation, joined.Member, "i-1", map[record.TopicPartition]Committed{tp("t", 0): {Offset: int64(minute)}}); err != nil {
				t.Fatal(err)
			}
		}
		if passed := time.Since(began); passed < time.Hour || passed > 61*time.Minute {
			t.Errorf("an hour took %v", passed)
		}
		stopFetcher()
		stopProducer()
		c.Close() // synctest fails the test if a goroutine is left
	})
}

// A broker that is away at the start is waited for, and told of now and then only.
func TestWaitReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network kfake.VirtualNetwork
		var log logs
		c := Open(Config{Addrs: []string{"127.0.0.1:9092"}, Dial: network.DialContext, Log: slog.New(slog.NewTextHandler(&log, nil))})
		defer c.Close()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.WaitReady(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "127.0.0.1:9092") {
			t.Errorf("no broker: %v", err)
		}
		time.AfterFunc(time.Minute, func() {
			k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(k.Close)
		})
		at := time.Now()
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(at); waited < time.Minute || waited > time.Minute+2*time.Second {
			t.Errorf("waited %v", waited)
		}
		if n := log.count("waiting for a broker"); n < 6 || n > 8 {
			t.Errorf("told %d times in a minute, want once in 10 s", n)
		}
		if n := log.count("broker answers"); n != 1 {
			t.Errorf("told %d times that it answers", n)
		}
		// The brokers' addresses are known at once, not at the Transport's next look.
		at = time.Now()
		if _, err := c.OffsetFetch(t.Context(), "g", nil); err != nil || time.Since(at) > time.Second {
			t.Errorf("first call: %v after %v", err, time.Since(at))
		}
	})
}

// Close ends calls in flight, and later ones at once.
func TestClose(t *testing.T) {
	k, c := cluster(t)
	var asked sync.WaitGroup
	asked.Add(1)
	k.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked.Done()
		return nil, nil, true // no answer
	})
	var calls sync.WaitGroup
	calls.Go(func() {
		if _, err := c.JoinGroup(within(t), joinAs("g", "", "x")); !errors.Is(err, ErrClosed) {
			t.Errorf("call in flight: %v", err)
		}
	})
	asked.Wait()
	c.Close()
	calls.Wait()
	if err := c.Ping(within(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("call after Close: %v", err)
	}
	p, f := c.NewProducer(ProduceConfig{}), c.NewFetcher(FetchConfig{})
	if err := errors.Join(p.Run(within(t)), f.Run(within(t))); err != nil {
		t.Errorf("running after Close: %v", err)
	}
}

// A partition that moves to a broker the client has never seen is found there.
func TestNewBroker(t *testing.T) {
	k, c := cluster(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	ctx := within(t)
	p := c.NewProducer(ProduceConfig{Idempotent: true})
	start(t, p.Run)
	if err := send(ctx, p, build(tp("t", 0), 0, 0, 5)); err != nil {
		t.Fatal(err)
	}
	node, _, err := k.AddNode(-1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.MoveTopicPartition("t", 0, node); err != nil {
		t.Fatal(err)
	}
	if err := send(ctx, p, build(tp("t", 0), 0, 5, 5)); err != nil {
		t.Fatal(err)
	}
	check(t, c, []string{"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9"}, tp("t", 0))
}

// When the configured address is gone the other brokers are asked.
func TestBootstrapBrokerGone(t *testing.T) {
	k, _ := cluster(t, kfake.NumBrokers(3))
	var dead atomic.Bool
	first := k.ListenAddrs()[0]
	c := Open(Config{Addrs: []string{first}, Log: slog.New(slog.NewTextHandler(&logs{}, nil)),
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dead.Load() && addr == first {
				return nil, errors.New("no route to host")
			}
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, addr)
			return mortal{conn, &dead, addr == first}, err
		}})
	t.Cleanup(c.Close)
	if err := c.Ping(within(t)); err != nil {
		t.Fatal(err)
	}
	dead.Store(true)
	for range 3 {
		if err := c.Ping(within(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// mortal is a connection that breaks when its broker dies.
type mortal struct {
	net.Conn
	dead *atomic.Bool
	may  bool
}

func (m mortal) Write(b []byte) (int, error) {
	if m.may && m.dead.Load() {
		return 0, net.ErrClosed
	}
	return m.Conn.Write(b)
}

func TestSASL(t *testing.T) {
	k, _ := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ann", "secret"))
	open := func(password string) *Client {
		c := Open(Config{Addrs: k.ListenAddrs(), SASL: plain.Mechanism{Username: "ann", Password: password}, Log: slog.New(slog.NewTextHandler(&logs{}, nil))})
		t.Cleanup(c.Close)
		return c
	}
	if err := open("secret").WaitReady(within(t)); err != nil {
		t.Error(err)
	}
	k.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) { // as Kafka answers a wrong password
		k.KeepControl()
		response := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		response.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return response, nil, true
	})
	if err := open("wrong").WaitReady(within(t)); !errors.Is(err, kafka.SASLAuthenticationFailed) {
		t.Errorf("wrong password: %v", err)
	}
}

func TestCode(t *testing.T) {
	for _, c := range []struct {
		code Code
		is   []error
	}{
		{codeRebalance, []error{ErrRebalance}},
		{codeIllegalGeneration, []error{ErrFenced}},
		{codeUnknownMember, []error{ErrFenced}},
		{codeFencedInstance, []error{ErrFenced}},
		{codeTopicDenied, []error{ErrDenied}},
		{codeGroupDenied, []error{ErrDenied}},
		{codeTooLarge, []error{ErrTooLarge}},
		{codeListTooLarge, []error{ErrTooLarge}},
		{codeUnknownTopic, []error{ErrUnknownTopic}},
		{codeOffsetOutOfRange, []error{ErrOffsetOutOfRange}},
		{codeNotLeader, nil},
	} {
		all := []error{ErrRebalance, ErrFenced, ErrDenied, ErrTooLarge, ErrUnknownTopic, ErrOffsetOutOfRange, ErrGroupNotEmpty, ErrDamaged, ErrClosed}
		for _, err := range all {
			if got, want := errors.Is(c.code, err), slices.Contains(c.is, err); got != want {
				t.Errorf("%v is %v: %v, want %v", c.code, err, got, want)
			}
		}
	}
	for code, want := range map[Code]string{codeNotLeader: "not leader for partition (code 6)", codeUnstableOffset: "unstable offset commit (code 88)", 999: "kafka error (code 999)"} {
		if got := code.Error(); !strings.EqualFold(got, want) {
			t.Errorf("code %d is called %q, want %q", int16(code), got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	if backoff(0) != 20*time.Millisecond || backoff(1) != 40*time.Millisecond || backoff(20) != time.Second || backoff(-1) != backoff(0) {
		t.Errorf("back-offs %v %v %v %v", backoff(0), backoff(1), backoff(20), backoff(-1))
	}
}

package broker

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

func TestOffsets(t *testing.T) {
	scenario(t, func(t *testing.T, c *Client, topic func(string) string) {
		ctx, a, b, group := within(t), topic("a"), topic("b"), topic("group")
		if err := c.CreateTopics(ctx, []NewTopic{{Name: a, Partitions: 2, Replicas: 1}, {Name: b, Partitions: 1, Replicas: 1}}); err != nil {
			t.Fatal(err)
		}
		tps := []record.TopicPartition{tp(b, 0), tp(a, 1), tp(a, 0)}
		stored := map[record.TopicPartition]Committed{tp(a, 1): {7, "seven"}, tp(b, 0): {0, ""}}
		if err := c.OffsetCommit(ctx, group, -1, "", "", stored); err != nil {
			t.Fatal(err)
		}
		got, err := c.OffsetFetch(ctx, group, tps)
		want := maps.Clone(stored)
		want[tp(a, 0)] = Committed{Offset: -1}
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("stored %v, %v; want %v", got, err, want)
		}
		if got, err := c.OffsetFetch(ctx, group, nil); err != nil || !maps.Equal(got, stored) {
			t.Errorf("all: %v, %v", got, err)
		}
		if err := c.DeleteOffsets(ctx, group, []record.TopicPartition{tp(a, 1)}); err != nil {
			t.Error(err)
		}
		if got, err := c.OffsetFetch(ctx, group, tps); err != nil || got[tp(a, 1)].Offset != -1 || got[tp(b, 0)].Offset != 0 {
			t.Errorf("after deletion: %v, %v", got, err)
		}
		if got, err := c.OffsetFetch(ctx, topic("nobody"), tps); err != nil || len(got) != 3 || got[tp(a, 0)].Offset != -1 {
			t.Errorf("unknown group: %v, %v", got, err)
		}

		p := c.NewProducer(ProduceConfig{Idempotent: true})
		start(t, p.Run)
		if err := send(ctx, p, build(tp(a, 0), 0, 0, 10), build(tp(a, 1), 0, 0, 3)); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteRecords(ctx, map[record.TopicPartition]int64{tp(a, 0): 4, tp(a, 1): -1}); err != nil {
			t.Fatal(err)
		}
		for at, want := range map[int64]map[record.TopicPartition]int64{
			Earliest:      {tp(a, 0): 4, tp(a, 1): 3, tp(b, 0): 0},
			Latest:        {tp(a, 0): 10, tp(a, 1): 3, tp(b, 0): 0},
			1700000000006: {tp(a, 0): 6, tp(a, 1): -1, tp(b, 0): -1},
		} {
			if got, err := c.ListOffsets(ctx, tps, at); err != nil || !maps.Equal(got, want) {
				t.Errorf("offsets at %d: %v, %v; want %v", at, got, err, want)
			}
		}
		f := c.NewFetcher(FetchConfig{})
		start(t, f.Run)
		in := make(chan *record.Batch, 2)
		f.Add(tp(a, 0), 2, in)
		if batch := <-in; !errors.Is(batch.Err, ErrOffsetOutOfRange) {
			t.Errorf("fetching a deleted offset: %v", batch.Err)
		}
	})
}

// While a transaction with offsets of the group is open, OffsetFetch waits; leaders that moved are asked again.
func TestOffsetsRetry(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(4, "t"))
	ctx := within(t)
	tps := []record.TopicPartition{tp("t", 0), tp("t", 1), tp("t", 2), tp("t", 3)}
	h := k.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.UnstableOffsetCommit, Count: 2},
		kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.NotCoordinator, Count: 1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Partitions: []int32{2}, Err: kerr.NotLeaderForPartition, Count: 2},
		kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteRecords}, Partitions: []int32{1}, Err: kerr.RequestTimedOut, Count: 1},
	)
	if err := c.OffsetCommit(ctx, "g", -1, "", "", map[record.TopicPartition]Committed{tp("t", 0): {Offset: 3}}); err != nil {
		t.Error(err)
	}
	if got, err := c.OffsetFetch(ctx, "g", tps); err != nil || got[tp("t", 0)].Offset != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := c.ListOffsets(ctx, tps, Latest); err != nil || len(got) != 4 {
		t.Errorf("%v, %v", got, err)
	}
	if err := c.DeleteRecords(ctx, map[record.TopicPartition]int64{tp("t", 1): 0}); err != nil {
		t.Error(err)
	}
	if n := h.Hits(); n != 6 {
		t.Errorf("%d faults were met, want all 6", n)
	}
}

func TestOffsetsDenied(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.GroupAuthorizationFailed, Count: 1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.TopicAuthorizationFailed, Count: 1})
	err := c.OffsetCommit(within(t), "g", -1, "", "", map[record.TopicPartition]Committed{tp("t", 0): {Offset: 3}})
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), `group "g"`) {
		t.Errorf("commit: %v", err)
	}
	_, err = c.ListOffsets(within(t), []record.TopicPartition{tp("t", 0)}, Latest)
	if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), `topic "t"`) {
		t.Errorf("list: %v", err)
	}
}

package broker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

func joinAs(group, instance, metadata string) JoinRequest {
	return JoinRequest{Group: group, Instance: instance, ProtocolType: "faust", Protocol: "faust-1", Metadata: []byte(metadata),
		SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second}
}

// Two members form a generation, learn of each other's metadata, get what the leader assigned, and part again.
func TestGroup(t *testing.T) {
	scenario(t, func(t *testing.T, c *Client, name func(string) string) {
		ctx, group := within(t), name("group")
		first, err := c.JoinGroup(ctx, joinAs(group, "", "one"))
		if err != nil {
			t.Fatal(err)
		}
		if first.Member == "" || first.Leader != first.Member || first.Protocol != "faust-1" || len(first.Members) != 1 ||
			string(first.Members[0].Metadata) != "one" || first.Members[0].ID != first.Member {
			t.Fatalf("first join: %+v", first)
		}
		mine, err := c.SyncGroup(ctx, group, first.Generation, first.Member, "", []Assignment{{first.Member, []byte("all")}})
		if err != nil || string(mine) != "all" {
			t.Fatalf("first sync: %q, %v", mine, err)
		}
		if err := c.Heartbeat(ctx, group, first.Generation, first.Member, ""); err != nil {
			t.Fatal(err)
		}

		var second JoinResponse
		var joining sync.WaitGroup
		joining.Go(func() {
			var err error
			if second, err = c.JoinGroup(ctx, joinAs(group, "", "two")); err != nil {
				t.Error(err)
			}
		})
		// The heartbeat tells of the second member while its join is waiting.
		for err = nil; err == nil; err = c.Heartbeat(ctx, group, first.Generation, first.Member, "") {
			time.Sleep(time.Millisecond)
		}
		if !errors.Is(err, ErrRebalance) || errors.Is(err, ErrFenced) {
			t.Fatalf("heartbeat during a rebalance: %v", err)
		}
		again := joinAs(group, "", "one again")
		again.Member = first.Member
		rejoined, err := c.JoinGroup(ctx, again)
		joining.Wait()
		if err != nil || rejoined.Generation != first.Generation+1 || second.Generation != rejoined.Generation {
			t.Fatalf("second generation: %+v and %+v, %v", rejoined, second, err)
		}
		if len(rejoined.Members)+len(second.Members) != 2 {
			t.Errorf("the leader alone learns the members: %+v and %+v", rejoined, second)
		}
		leader, follower := rejoined, second
		if second.Leader == second.Member {
			leader, follower = second, rejoined
		}
		joining.Go(func() {
			got, err := c.SyncGroup(ctx, group, follower.Generation, follower.Member, "", nil)
			if err != nil || string(got) != "half" {
				t.Errorf("follower got %q, %v", got, err)
			}
		})
		got, err := c.SyncGroup(ctx, group, leader.Generation, leader.Member, "",
			[]Assignment{{leader.Member, []byte("other half")}, {follower.Member, []byte("half")}})
		if err != nil || string(got) != "other half" {
			t.Errorf("leader got %q, %v", got, err)
		}
		joining.Wait()

		described, err := c.DescribeGroup(ctx, group)
		if err != nil || described.State != "Stable" || len(described.Members) != 2 || described.Members[0].ClientID != "faust" ||
			len(described.Members[0].Metadata) == 0 || len(described.Members[0].Assignment) == 0 || described.Members[0].Host == "" {
			t.Errorf("described: %+v, %v", described, err)
		}
		if err := c.DeleteGroup(ctx, group); !errors.Is(err, ErrGroupNotEmpty) {
			t.Errorf("deleting a group in use: %v", err)
		}
		for _, member := range []string{leader.Member, follower.Member, follower.Member} { // the last one is gone: no error
			if err := c.LeaveGroup(ctx, group, member, ""); err != nil {
				t.Error(err)
			}
		}
		if err := c.Heartbeat(ctx, group, leader.Generation, leader.Member, ""); !errors.Is(err, ErrFenced) {
			t.Errorf("heartbeat after leaving: %v", err)
		}
		for range 2 { // the second time it does not exist: no error
			if err := c.DeleteGroup(ctx, group); err != nil {
				t.Error(err)
			}
		}
		if described, err := c.DescribeGroup(ctx, group); err != nil || described.State != "Dead" || len(described.Members) != 0 {
			t.Errorf("after its end: %+v, %v", described, err)
		}
	})
}

// An instance that comes back takes its place over; the process that had it is fenced.
func TestGroupStaticMember(t *testing.T) {
	scenario(t, func(t *testing.T, c *Client, name func(string) string) {
		ctx, group := within(t), name("static")
		old, err := c.JoinGroup(ctx, joinAs(group, "i-1", "x"))
		if err != nil || len(old.Members) != 1 || old.Members[0].Instance != "i-1" {
			t.Fatalf("%+v, %v", old, err)
		}
		if _, err := c.SyncGroup(ctx, group, old.Generation, old.Member, "i-1", []Assignment{{old.Member, []byte("all")}}); err != nil {
			t.Fatal(err)
		}
		back, err := c.JoinGroup(ctx, joinAs(group, "i-1", "x"))
		if err != nil || back.Generation != old.Generation || back.Member == old.Member {
			t.Fatalf("back as %+v, was %+v, %v", back, old, err)
		}
		mine, err := c.SyncGroup(ctx, group, back.Generation, back.Member, "i-1", nil)
		if err != nil || string(mine) != "all" {
			t.Errorf("assignment after coming back: %q, %v", mine, err)
		}
		if err := c.Heartbeat(ctx, group, old.Generation, old.Member, "i-1"); !errors.Is(err, ErrFenced) {
			t.Errorf("heartbeat of the old process: %v", err)
		}
		offsets := map[record.TopicPartition]Committed{tp(group, 0): {Offset: 1}}
		if err := c.CreateTopics(ctx, []NewTopic{{Name: group, Partitions: 1, Replicas: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := c.OffsetCommit(ctx, group, old.Generation, old.Member, "i-1", offsets); !errors.Is(err, ErrFenced) {
			t.Errorf("commit of the old process: %v", err)
		}
		if err := c.OffsetCommit(ctx, group, back.Generation, back.Member, "i-1", offsets); err != nil {
			t.Error(err)
		}
		if err := c.OffsetCommit(ctx, group, back.Generation+7, back.Member, "i-1", offsets); !errors.Is(err, ErrFenced) {
			t.Errorf("commit in another generation: %v", err)
		}
		if err := c.LeaveGroup(ctx, group, back.Member, "i-1"); err != nil {
			t.Error(err)
		}
	})
}

// A member whose id is not known any more is fenced when it joins or syncs.
func TestGroupUnknownMember(t *testing.T) {
	_, c := cluster(t)
	q := joinAs("g", "", "x")
	q.Member = "faust-gone"
	if _, err := c.JoinGroup(within(t), q); !errors.Is(err, ErrFenced) {
		t.Errorf("join: %v", err)
	}
	if _, err := c.SyncGroup(within(t), "g", 3, "faust-gone", "", nil); !errors.Is(err, ErrFenced) {
		t.Errorf("sync: %v", err)
	}
}

// The coordinator is looked for again when it moves, and waited for while it loads.
func TestGroupCoordinatorMoves(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress} {
		t.Run(code.Message, func(t *testing.T) {
			k, c := cluster(t)
			ctx := within(t)
			joined, err := c.JoinGroup(ctx, joinAs("g", "", "x"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.SyncGroup(ctx, "g", joined.Generation, joined.Member, "", []Assignment{{joined.Member, nil}}); err != nil {
				t.Fatal(err)
			}
			var finds atomic.Int32
			k.ControlKey(int16(kmsg.FindCoordinator), func(kmsg.Request) (kmsg.Response, error, bool) {
				k.KeepControl()
				finds.Add(1)
				return nil, nil, false
			})
			k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: code, Count: 2})
			for range 3 {
				if err := c.Heartbeat(ctx, "g", joined.Generation, joined.Member, ""); err != nil {
					t.Error(err)
				}
			}
			if n := finds.Load(); n != 2 {
				t.Errorf("the coordinator was looked for %d times, want once after each error", n)
			}
		})
	}
}

// A join that waits for other members ends with its context, at once.
func TestGroupJoinEndsWithContext(t *testing.T) {
	k, c := cluster(t)
	ctx, cancel := context.WithCancel(within(t))
	k.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel()
		return nil, nil, true // no answer
	})
	if _, err := c.JoinGroup(ctx, joinAs("g", "", "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

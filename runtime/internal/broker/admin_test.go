package broker

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestTopics(t *testing.T) {
	scenario(t, func(t *testing.T, c *Client, topic func(string) string) {
		ctx, a, b := within(t), topic("a"), topic("b")
		want := []NewTopic{
			{Name: a, Partitions: 3, Replicas: 1, Config: map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"}},
			{Name: b, Partitions: -1, Replicas: -1},
		}
		for range 2 { // the second time they exist: no error
			if err := c.CreateTopics(ctx, want); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.Topics(ctx, a, b, topic("absent"))
		if err != nil || len(got) != 2 {
			t.Fatalf("%v, %v", got, err)
		}
		if i := got[a]; i.Partitions != 3 || i.Replicas != 1 || i.Internal || i.Config["cleanup.policy"] != "compact" || i.Config["retention.ms"] != "-1" {
			t.Errorf("first topic: %+v", i)
		}
		if i := got[b]; i.Partitions < 1 || i.Replicas < 1 || i.Config["cleanup.policy"] != "delete" {
			t.Errorf("second topic, with the broker's defaults: %+v", i)
		}
		if all, err := c.Topics(ctx); err != nil || all[a].Partitions != 3 || all[a].Config != nil {
			t.Errorf("all topics: %+v, %v", all[a], err)
		}
		for range 2 { // the second time they don't exist: no error
			if err := c.DeleteTopics(ctx, a, b); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := c.Topics(ctx, a, b); err != nil || len(got) != 0 {
			t.Errorf("after deletion: %v, %v", got, err)
		}
		err = c.CreateTopics(ctx, []NewTopic{{Name: topic("none"), Partitions: 0, Replicas: 1}})
		if err == nil || !strings.Contains(err.Error(), `create topic "none`) {
			t.Errorf("no partitions: %v", err)
		}
	})
}

func TestTopicsRetry(t *testing.T) {
	k, c := cluster(t)
	h := k.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.NotController},
		kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Err: kerr.NotLeaderForPartition, Count: 2}, // a broker that has not heard of the topic
		kfake.Fault{Keys: []kmsg.Key{kmsg.DeleteTopics}, Err: kerr.RequestTimedOut},
	)
	if err := c.CreateTopics(within(t), []NewTopic{{Name: "t", Partitions: 2, Replicas: 1}}); err != nil {
		t.Error(err)
	}
	if err := c.DeleteTopics(within(t), "t"); err != nil {
		t.Error(err)
	}
	if n := h.Hits(); n != 4 {
		t.Errorf("%d faults were met, want all 4", n)
	}
}

func TestTopicsDenied(t *testing.T) {
	k, c := cluster(t, kfake.SeedTopics(1, "t"))
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Err: kerr.PolicyViolation})
	if err := c.CreateTopics(within(t), []NewTopic{{Name: "x", Partitions: 1, Replicas: 1}}); !errors.Is(err, codePolicy) || !strings.Contains(err.Error(), "policy") {
		t.Errorf("create: %v", err)
	}
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed})
	if _, err := c.Topics(within(t), "t"); !errors.Is(err, ErrDenied) {
		t.Errorf("describe: %v", err)
	}
}

func TestClusterID(t *testing.T) {
	_, c := cluster(t, kfake.ClusterID("the-cluster"))
	if id, err := c.ClusterID(within(t)); id != "the-cluster" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

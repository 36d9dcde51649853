//go:build kafka

package kafkatest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// client is a Kafka client that knows nothing of the examples.
func client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(s.broker), kgo.DisableClientMetrics()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// ends are the offsets at which a topic's partitions end, or begin with first.
func ends(t *testing.T, topic string, first bool) map[int32]int64 {
	t.Helper()
	c := client(t)
	defer c.Close()
	meta := kmsg.NewPtrMetadataRequest()
	metaTopic := kmsg.NewMetadataRequestTopic()
	metaTopic.Topic = kmsg.StringPtr(topic)
	meta.Topics = append(meta.Topics, metaTopic)
	described, err := meta.RequestWith(bounded(t), c)
	if err != nil {
		t.Fatalf("describe topic %s: %v", topic, err)
	}
	list := kmsg.NewPtrListOffsetsRequest()
	listTopic := kmsg.NewListOffsetsRequestTopic()
	listTopic.Topic = topic
	for _, p := range described.Topics[0].Partitions {
		lp := kmsg.NewListOffsetsRequestTopicPartition()
		lp.Partition, lp.Timestamp = p.Partition, -1
		if first {
			lp.Timestamp = -2
		}
		listTopic.Partitions = append(listTopic.Partitions, lp)
	}
	all := map[int32]int64{}
	if len(listTopic.Partitions) == 0 {
		return all // not created yet
	}
	list.Topics = append(list.Topics, listTopic)
	listed, err := list.RequestWith(bounded(t), c)
	if err != nil {
		t.Fatalf("list the offsets of %s: %v", topic, err)
	}
	for _, p := range listed.Topics[0].Partitions {
		if p.ErrorCode != 0 {
			t.Fatalf("list the offsets of %s partition %d: error code %d", topic, p.Partition, p.ErrorCode)
		}
		all[p.Partition] = p.Offset
	}
	return all
}

// read returns everything that a topic holds, by partition, then offset.
func read(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	first := ends(t, topic, true)
	for p, end := range ends(t, topic, false) {
		if end > first[p] {
			from[p], left[p] = kgo.NewOffset().At(first[p]), end
		}
	}
	if len(left) == 0 {
		return nil
	}
	c := client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	defer c.Close()
	ctx := bounded(t)
	var all []*kgo.Record
	for len(left) > 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v; still to come: %v", topic, err, left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			all = append(all, r)
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return all
}

// committed are the offsets that a group has committed for a topic.
func committed(t *testing.T, group, topic string) map[int32]int64 {
	t.Helper()
	c := client(t)
	defer c.Close()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(bounded(t), c)
	if err != nil {
		t.Fatalf("fetch the offsets of group %s: %v", group, err)
	}
	all := map[int32]int64{}
	for _, g := range resp.Groups {
		for _, tp := range g.Topics {
			if tp.Topic != topic {
				continue
			}
			for _, p := range tp.Partitions {
				all[p.Partition] = p.Offset
			}
		}
	}
	return all
}

// produce sends records and waits for their acknowledgement.
func produce(t *testing.T, records ...*kgo.Record) {
	t.Helper()
	c := client(t, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(1<<20))
	defer c.Close()
	if err := c.ProduceSync(bounded(t), records...).FirstErr(); err != nil {
		t.Fatalf("produce to %s: %v", records[0].Topic, err)
	}
}

// createTopic creates a topic with settings given as name and value in turn.
func createTopic(t *testing.T, topic string, partitions int32, settings ...string) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, partitions, 1
	for i := 0; i+1 < len(settings); i += 2 {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = settings[i], kmsg.StringPtr(settings[i+1])
		rt.Configs = append(rt.Configs, c)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(bounded(t), client(t))
	if err == nil && resp.Topics[0].ErrorCode != 0 {
		err = fmt.Errorf("error code %d", resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("create topic %s: %v", topic, err)
	}
}

func sum(offsets map[int32]int64) int64 {
	n := int64(0)
	for _, o := range offsets {
		n += max(o, 0)
	}
	return n
}

// caughtUp waits until the example's group has committed everything in a topic, which must hold total records.
func (a *app) caughtUp(group, topic string, total int64) {
	a.t.Helper()
	a.waitFor(fmt.Sprintf("%d records of %s to be committed", total, topic), func() (bool, any) {
		n := sum(committed(a.t, group, topic))
		return n >= total, fmt.Sprint(n, " are committed")
	})
}

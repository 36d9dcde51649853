// Package kafka gives the benchmark its broker: a real Kafka started through .ci/kafka.sh, its topics and offsets.
// It is not the product's client: it talks to the broker with franz-go, so a fault of ours cannot hide itself.
// A Broker is used by one goroutine; franz-go's own end in Close.
package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// nodeID is the id that .ci/kafka.sh gives its only node; every request goes to it directly.
const nodeID = 1

// Broker is a running Kafka. Address, PID, ClusterID and Version are read-only.
type Broker struct {
	Address, ClusterID, Version string
	PID                         int

	script, dir string
	client      *kgo.Client
}

// Start runs the broker whose data lie in dir on a free port, or joins the one that runs there already.
// It returns when the broker answers, which takes about five seconds, a minute when its jars must be fetched first.
func Start(ctx context.Context, script, dir string) (*Broker, error) {
	b := &Broker{script: script, dir: dir}
	// An interrupted start may have left the broker running.
	fail := func(err error) (*Broker, error) { return nil, errors.Join(err, b.Close()) }
	var err error
	// Deleted topics give their disk back before the next run begins, not a minute later.
	if b.Address, err = b.run(ctx, "start", "--port", "0", "--set", "log.segment.delete.delay.ms=1000"); err != nil {
		return fail(err)
	}
	if b.ClusterID, err = b.run(ctx, "id"); err != nil {
		return fail(err)
	}
	pid, err := b.run(ctx, "pid")
	if err != nil {
		return fail(err)
	}
	if b.PID, err = strconv.Atoi(pid); err != nil {
		return fail(fmt.Errorf("read the broker's process id: %w", err))
	}
	if b.Version, err = Version(ctx, script); err != nil {
		return fail(err)
	}
	b.client, err = kgo.NewClient(kgo.SeedBrokers(b.Address), kgo.MaxVersions(kversion.V3_6_0()))
	if err != nil {
		return fail(fmt.Errorf("make a client for %s: %w", b.Address, err))
	}
	if err := b.client.Ping(ctx); err != nil {
		return fail(fmt.Errorf("reach the broker at %s: %w", b.Address, err))
	}
	return b, nil
}

// Close stops the broker; its data stay. It takes a second or two.
func (b *Broker) Close() error {
	if b.client != nil {
		b.client.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	_, err := b.run(ctx, "stop")
	return err
}

// Version is the release that the script starts.
func Version(ctx context.Context, script string) (string, error) {
	return output(ctx, script, "version")
}

// Libs returns the Java class path of a pom's jars, which are fetched once.
func Libs(ctx context.Context, script, pom string) (string, error) {
	return output(ctx, script, "libs", "--pom", pom)
}

// Javac compiles Java sources with a pom's jars into the directory classes.
func Javac(ctx context.Context, script, pom, classes string, sources ...string) error {
	_, err := output(ctx, script, append([]string{"javac", "--pom", pom, "--", "-d", classes, "-Xlint:all,-processing", "-proc:none"}, sources...)...)
	return err
}

func (b *Broker) run(ctx context.Context, verb string, args ...string) (string, error) {
	return output(ctx, b.script, append([]string{verb, "--dir", b.dir}, args...)...)
}

func output(ctx context.Context, script string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, script, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w", script, strings.Join(args, " "), errors.Join(err, ctx.Err()))
	}
	return strings.TrimSpace(out.String()), nil
}

func (b *Broker) ask(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return b.client.Broker(nodeID).RetriableRequest(ctx, req)
}

// Create makes a topic that time never empties: the records carry event times long past.
func (b *Broker) Create(ctx context.Context, topic string, partitions int32) error {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, partitions, 1
	forever := kmsg.NewCreateTopicsRequestTopicConfig()
	forever.Name, forever.Value = "retention.ms", kmsg.StringPtr("-1")
	t.Configs = append(t.Configs, forever)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 30_000, append(req.Topics, t)
	resp, err := b.ask(ctx, req)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	for _, t := range resp.(*kmsg.CreateTopicsResponse).Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}

// Delete removes topics; one that is not there is no error.
func (b *Broker) Delete(ctx context.Context, topics ...string) error {
	if len(topics) == 0 {
		return nil
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis, req.TopicNames = 30_000, topics
	for _, topic := range topics {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := b.ask(ctx, req)
	if err != nil {
		return fmt.Errorf("delete topics %v: %w", topics, err)
	}
	for _, t := range resp.(*kmsg.DeleteTopicsResponse).Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", *t.Topic, err)
		}
	}
	return nil
}

// DeleteGroup forgets a group's offsets. A group that is not there is no error, and neither is one that still has
// members: Kafka Streams does not leave when it stops, and every run has a group of its own.
func (b *Broker) DeleteGroup(ctx context.Context, group string) error {
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{group}
	resp, err := b.ask(ctx, req)
	if err != nil {
		return fmt.Errorf("delete group %s: %w", group, err)
	}
	for _, g := range resp.(*kmsg.DeleteGroupsResponse).Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) && !errors.Is(err, kerr.NonEmptyGroup) {
			return fmt.Errorf("delete group %s: %w", group, err)
		}
	}
	return nil
}

// Topics returns the topics whose name begins with prefix, with their partition counts.
func (b *Broker) Topics(ctx context.Context, prefix string) (map[string]int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = nil // all of them
	resp, err := b.ask(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	found := map[string]int32{}
	for _, t := range resp.(*kmsg.MetadataResponse).Topics {
		if t.Topic != nil && strings.HasPrefix(*t.Topic, prefix) {
			found[*t.Topic] = int32(len(t.Partitions))
		}
	}
	return found, nil
}

// Ends returns the end offset of every partition of a topic; a topic that is not there (yet) is empty.
func (b *Broker) Ends(ctx context.Context, topic string, partitions int32) ([]int64, error) {
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	for p := range partitions {
		latest := kmsg.NewListOffsetsRequestTopicPartition()
		latest.Partition, latest.Timestamp, latest.CurrentLeaderEpoch = p, -1, -1
		t.Partitions = append(t.Partitions, latest)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.Topics = -1, append(req.Topics, t)
	resp, err := b.ask(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("list the end offsets of %s: %w", topic, err)
	}
	ends := make([]int64, partitions)
	for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			switch {
			case err == nil:
				ends[p.Partition] = max(p.Offset, 0)
			case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.NotLeaderForPartition):
			default:
				return nil, fmt.Errorf("list the end offset of %s/%d: %w", topic, p.Partition, err)
			}
		}
	}
	return ends, nil
}

// End is the number of records ever written to the topic, over its partitions.
func (b *Broker) End(ctx context.Context, topic string, partitions int32) (int64, error) {
	ends, err := b.Ends(ctx, topic, partitions)
	return sum(ends), err
}

// Committed is the sum of the offsets that the group has committed for the topic. Its first answer may be long in
// coming: the coordinator loads, or is only just being made; until then it is 0.
func (b *Broker) Committed(ctx context.Context, group, topic string, partitions int32) (int64, error) {
	t := kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic = topic
	for p := range partitions {
		t.Partitions = append(t.Partitions, p)
	}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, g.Topics = group, append(g.Topics, t)
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Groups = append(req.Groups, g)
	resp, err := b.ask(ctx, req)
	if err != nil {
		return 0, fmt.Errorf("fetch the offsets of group %s: %w", group, err)
	}
	var total int64
	for _, g := range resp.(*kmsg.OffsetFetchResponse).Groups {
		if g.ErrorCode != 0 {
			continue
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				total += max(p.Offset, 0)
			}
		}
	}
	return total, nil
}

func sum(s []int64) (total int64) {
	for _, v := range s {
		total += v
	}
	return total
}

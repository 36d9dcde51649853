package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// topicMeta is what the cluster says of one topic.
type topicMeta struct {
	code       Code
	internal   bool
	partitions []partitionMeta // by partition number
}

type partitionMeta struct {
	code     Code
	leader   int32
	replicas int
}

// metadataTimeout is short, as this is how one learns that a broker is gone.
const metadataTimeout = 10 * time.Second

// metadata asks a broker for topics: all if topics is nil, none if it is empty. It keeps the list of brokers up to date.
func (c *Client) metadata(ctx context.Context, topics []string) (map[string]topicMeta, error) {
	b := apiMetadata.begin(nil, c.clientID)
	if topics == nil {
		b = putInt32(b, -1)
	} else {
		b = putInt32(b, int32(len(topics)))
		for _, name := range topics {
			b = putString(b, name)
		}
	}
	b = putBool(b, false) // allow_auto_topic_creation
	b = putBool(b, false) // include_cluster_authorized_operations
	b = putBool(b, false) // include_topic_authorized_operations

	x := &exchange{api: apiMetadata, node: anyNode, request: end(b), timeout: metadataTimeout}
	err := c.run(ctx, x)
	if err != nil {
		// The addresses of the configuration may be down while others of the cluster are up.
		c.mu.Lock()
		known := slices.Collect(maps.Keys(c.brokers))
		c.mu.Unlock()
		for _, id := range known {
			if err == nil || ctx.Err() != nil {
				break
			}
			x = &exchange{api: apiMetadata, node: id, request: b, timeout: metadataTimeout}
			err = c.run(ctx, x)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.readMetadata(ctx, x.response)
}

func (c *Client) readMetadata(ctx context.Context, response []byte) (map[string]topicMeta, error) {
	r := reader{b: response}
	r.int32() // throttle_time_ms
	brokers := make(map[int32]string)
	for range r.count() {
		id := r.int32()
		brokers[id] = fmt.Sprintf("%s:%d", r.string(), r.int32())
		r.raw() // rack
	}
	clusterID, controller := r.string(), r.int32()
	found := make(map[string]topicMeta)
	for range r.count() {
		t := topicMeta{code: r.code()}
		name := r.string()
		t.internal = r.bool()
		for range r.count() {
			p := partitionMeta{code: r.code()}
			number := int(r.int32())
			p.leader = r.int32()
			r.int32() // leader_epoch
			before := len(r.b)
			r.int32s()
			p.replicas = (before - len(r.b) - 4) / 4
			r.int32s() // isr_nodes
			r.int32s() // offline_replicas
			if number < 0 || number > 1<<20 {
				r.bad = true
				break
			}
			for len(t.partitions) <= number {
				t.partitions = append(t.partitions, partitionMeta{code: codeUnknownTopic, leader: anyNode})
			}
			t.partitions[number] = p
		}
		r.int32() // topic_authorized_operations
		found[name] = t
	}
	if r.bad {
		return nil, fmt.Errorf("metadata: response cut short: %w", errFinal)
	}

	c.mu.Lock()
	changed := !maps.Equal(c.brokers, brokers)
	c.brokers, c.controller, c.clusterID = brokers, controller, clusterID
	c.mu.Unlock()
	if changed && c.enter() {
		c.wake(ctx)
		c.calls.Done()
	}
	return found, nil
}

// unknownTopicWait is how long a topic that the cluster doesn't know is waited for: it may just be being created.
const unknownTopicWait = 10 * time.Second

// place is where one partition is served: the state of looking for its leader. Whoever holds the partition guards it.
type place struct {
	record.TopicPartition
	tries   int       // failures since the last success
	due     time.Time // not looked for before
	missing time.Time // since when the cluster denies its existence
}

// failed puts the next look off.
func (p *place) failed(now time.Time) {
	p.due = now.Add(backoff(p.tries))
	p.tries++
}

func (p *place) succeeded() { p.tries, p.missing = 0, time.Time{} }

// verdict is what a look for a partition's leader brought: a broker id, an error that won't pass, or neither: look again later.
type verdict struct {
	node  int32
	final error
	why   error // of looking again
}

// locate looks for the leaders of the places in one metadata request. Only the caller touches the places meanwhile.
func (c *Client) locate(ctx context.Context, places []*place) []verdict {
	topics := make([]string, 0, len(places))
	for _, p := range places {
		topics = append(topics, p.Topic)
	}
	slices.Sort(topics)
	found, err := c.metadata(ctx, slices.Compact(topics))
	now := time.Now()
	verdicts := make([]verdict, len(places))
	for i, p := range places {
		if err != nil {
			verdicts[i] = verdict{node: anyNode, why: err}
		} else {
			verdicts[i] = p.judge(found[p.Topic], now)
		}
		if verdicts[i].why != nil {
			p.failed(now)
		}
	}
	return verdicts
}

// judge decides from what the cluster says of the partition's topic.
func (p *place) judge(t topicMeta, now time.Time) verdict {
	code, leader := t.code, anyNode
	switch {
	case code != 0:
	case int(p.Partition) >= len(t.partitions) || p.Partition < 0:
		code = codeUnknownTopic
	default:
		code, leader = t.partitions[p.Partition].code, t.partitions[p.Partition].leader
		if leader >= 0 {
			code = 0 // other codes tell of replicas that are down
		} else if code == 0 {
			code = codeLeaderUnavailable
		}
	}
	switch {
	case code == 0:
		p.missing = time.Time{}
		return verdict{node: leader}
	case code == codeUnknownTopic:
		if p.missing.IsZero() {
			p.missing = now
		}
		if now.Sub(p.missing) >= unknownTopicWait {
			return verdict{node: anyNode, final: fmt.Errorf("partition %d of topic %q: %w%s", p.Partition, p.Topic, code, code.remedy(p.Topic))}
		}
	case !code.passing():
		return verdict{node: anyNode, final: fmt.Errorf("partition %d of topic %q: %w%s", p.Partition, p.Topic, code, code.remedy(p.Topic))}
	}
	return verdict{node: anyNode, why: fmt.Errorf("partition %d of topic %q: %w", p.Partition, p.Topic, code)}
}

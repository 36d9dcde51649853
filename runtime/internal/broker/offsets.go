package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// What ListOffsets can be asked for, besides a time in ms since 1970.
const (
	Earliest int64 = -2
	Latest   int64 = -1
)

// Committed is what a group stored for a partition.
type Committed struct {
	Offset   int64 // -1 if nothing is stored
	Metadata string
}

// ListOffsets asks the leaders for the first offset of each partition (Earliest), the one after the last record (Latest, open transactions
// included) or the first one not older than a time (-1 if there is none). It costs a metadata request and one per leader, and is repeated
// until ctx ends when leaders are away.
func (c *Client) ListOffsets(ctx context.Context, tps []record.TopicPartition, at int64) (map[record.TopicPartition]int64, error) {
	found := make(map[record.TopicPartition]int64, len(tps))
	err := c.onLeaders(ctx, "list offsets", tps, func(ctx context.Context, node int32, tps []record.TopicPartition) (map[record.TopicPartition]Code, error) {
		b := apiListOffsets.begin(nil, c.clientID)
		b = putInt32(b, -1) // replica_id
		b = putInt8(b, 0)   // isolation_level: read uncommitted
		b = putPartitions(b, tps, func(b []byte, tp record.TopicPartition) []byte {
			b = putInt32(b, -1) // current_leader_epoch
			return putInt64(b, at)
		})
		x := &exchange{api: apiListOffsets, node: node, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return nil, err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		codes := r.partitions(func(tp record.TopicPartition) Code {
			code := r.code()
			r.int64() // timestamp
			if offset := r.int64(); code == 0 {
				found[tp] = offset
			}
			r.int32() // leader_epoch
			return code
		})
		return codes, r.error()
	})
	return found, err
}

// OffsetFetch reads what a group has stored for partitions, or for all when tps is nil. It waits while a transaction that stores offsets
// of the group is open.
func (c *Client) OffsetFetch(ctx context.Context, group string, tps []record.TopicPartition) (map[record.TopicPartition]Committed, error) {
	var found map[record.TopicPartition]Committed
	err := c.coordinate(ctx, group, "offset fetch", func(ctx context.Context, node int32) (err error) {
		found, err = c.offsetFetch(ctx, node, group, tps)
		return err
	})
	return found, err
}

func (c *Client) offsetFetch(ctx context.Context, node int32, group string, tps []record.TopicPartition) (map[record.TopicPartition]Committed, error) {
	b := apiOffsetFetch.begin(nil, c.clientID)
	b = putCompact(b, group)
	if tps == nil {
		b = append(b, 0) // null
	} else {
		sorted, topics := byTopic(tps)
		b = putCompactLen(b, topics)
		for i := 0; i < len(sorted); {
			n := sameTopic(sorted, i)
			b = putCompact(b, sorted[i].Topic)
			b = putCompactLen(b, n-i)
			for ; i < n; i++ {
				b = putInt32(b, sorted[i].Partition)
			}
			b = append(b, 0) // tags
		}
	}
	b = putBool(b, true) // require_stable
	b = append(b, 0)     // tags
	x := &exchange{api: apiOffsetFetch, node: node, request: end(b)}
	if err := c.run(ctx, x); err != nil {
		return nil, err
	}
	found := make(map[record.TopicPartition]Committed, len(tps))
	var failed error
	r := reader{b: x.response}
	r.int32() // throttle_time_ms
	for range r.compactCount() {
		topic := r.compact()
		for range r.compactCount() {
			tp := record.TopicPartition{Topic: topic, Partition: r.int32()}
			committed := Committed{Offset: r.int64()}
			r.int32() // leader_epoch
			committed.Metadata = r.compact()
			if code := r.code(); code != 0 {
				failed = fmt.Errorf("partition %d of topic %q: %w", tp.Partition, tp.Topic, code)
			}
			r.tags()
			found[tp] = committed
		}
		r.tags()
	}
	switch code := r.code(); {
	case code == codeGroupUnknown: // some brokers say so, others say that nothing is stored
		for _, tp := range tps {
			found[tp] = Committed{Offset: -1}
		}
	case code != 0:
		return nil, code
	}
	return found, cmp.Or(r.error(), failed)
}

// OffsetCommit stores offsets for a group. generation, member and instance are those of the last join ("" for no instance); a generation
// of -1 and no member store from outside of a group that has no members. It returns ErrRebalance or ErrFenced when the group went on.
func (c *Client) OffsetCommit(ctx context.Context, group string, generation int32, member, instance string, offsets map[record.TopicPartition]Committed) error {
	if len(offsets) == 0 {
		return nil
	}
	tps := make([]record.TopicPartition, 0, len(offsets))
	for tp := range offsets {
		tps = append(tps, tp)
	}
	return c.coordinate(ctx, group, "offset commit", func(ctx context.Context, node int32) error {
		b := apiOffsetCommit.begin(nil, c.clientID)
		b = putString(b, group)
		b = putInt32(b, generation)
		b = putString(b, member)
		b = putOptional(b, instance)
		b = putPartitions(b, tps, func(b []byte, tp record.TopicPartition) []byte {
			b = putInt64(b, offsets[tp].Offset)
			b = putInt32(b, -1) // committed_leader_epoch
			return putString(b, offsets[tp].Metadata)
		})
		x := &exchange{api: apiOffsetCommit, node: node, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		codes := r.partitions(func(record.TopicPartition) Code { return r.code() })
		return cmp.Or(r.error(), worst(codes))
	})
}

// worst is an error that tells of one partition, and preferably of one that won't pass; nil when all went well.
func worst(codes map[record.TopicPartition]Code) error {
	var found error
	for tp, code := range codes {
		if code == 0 || found != nil && code.passing() {
			continue
		}
		found = fmt.Errorf("partition %d of topic %q: %w%s", tp.Partition, tp.Topic, code, code.remedy(tp.Topic))
	}
	return found
}

// onLeaders sends requests to the leaders of partitions until each of them has answered with code 0, one has answered with a code that
// won't pass, or ctx ends. send returns the codes by partition.
func (c *Client) onLeaders(ctx context.Context, doing string, tps []record.TopicPartition,
	send func(ctx context.Context, node int32, tps []record.TopicPartition) (map[record.TopicPartition]Code, error)) error {
	left := make([]*place, len(tps))
	for i, tp := range tps {
		left[i] = &place{TopicPartition: tp}
	}
	if len(left) == 0 {
		return nil
	}
	return c.retry(ctx, doing, func(ctx context.Context) error {
		var failed error
		nodes := make(map[int32][]record.TopicPartition)
		for i, v := range c.locate(ctx, left) {
			switch {
			case v.final != nil:
				return lasting{v.final}
			case v.why != nil:
				failed = v.why
			default:
				nodes[v.node] = append(nodes[v.node], left[i].TopicPartition)
			}
		}
		for node, tps := range nodes {
			codes, err := send(ctx, node, tps)
			if err != nil {
				failed = err
				continue
			}
			left = slices.DeleteFunc(left, func(p *place) bool {
				code, ok := codes[p.TopicPartition]
				return ok && code == 0
			})
			if err := worst(codes); err != nil {
				if final(err) {
					return err
				}
				failed = err
			}
		}
		if failed == nil && len(left) > 0 {
			failed = errors.New("no answer about some partitions")
		}
		return failed
	})
}

// byTopic is tps sorted, and the number of topics.
func byTopic(tps []record.TopicPartition) (sorted []record.TopicPartition, topics int) {
	sorted = slices.Clone(tps)
	slices.SortFunc(sorted, func(a, b record.TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	for i := 0; i < len(sorted); i = sameTopic(sorted, i) {
		topics++
	}
	return sorted, topics
}

// sameTopic is where the run of partitions of one topic ends that starts at i.
func sameTopic(sorted []record.TopicPartition, i int) int {
	n := i + 1
	for n < len(sorted) && sorted[n].Topic == sorted[i].Topic {
		n++
	}
	return n
}

// putPartitions writes the array of topics, each an array of partitions, that most requests have; each writes what follows the index.
func putPartitions(b []byte, tps []record.TopicPartition, each func([]byte, record.TopicPartition) []byte) []byte {
	sorted, topics := byTopic(tps)
	b = putInt32(b, int32(topics))
	for i := 0; i < len(sorted); {
		n := sameTopic(sorted, i)
		b = putString(b, sorted[i].Topic)
		b = putInt32(b, int32(n-i))
		for ; i < n; i++ {
			b = putInt32(b, sorted[i].Partition)
			b = each(b, sorted[i])
		}
	}
	return b
}

// partitions reads what putPartitions' answer looks like; each reads what follows the index.
func (r *reader) partitions(each func(record.TopicPartition) Code) map[record.TopicPartition]Code {
	codes := make(map[record.TopicPartition]Code)
	for range r.count() {
		topic := r.string()
		for range r.count() {
			tp := record.TopicPartition{Topic: topic, Partition: r.int32()}
			codes[tp] = each(tp)
		}
	}
	return codes
}

// error tells of a response that ended too early.
func (r *reader) error() error {
	if r.bad {
		return fmt.Errorf("response cut short: %w", errFinal)
	}
	return nil
}

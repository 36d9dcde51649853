package broker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// TopicInfo is what the cluster has under a topic's name.
type TopicInfo struct {
	Partitions int32
	Replicas   int
	Config     map[string]string // settings in force, defaults included; nil when all topics were asked for
	Internal   bool
}

// NewTopic is a topic to be created. Partitions and Replicas of -1 take the broker's default.
type NewTopic struct {
	Name       string
	Partitions int32
	Replicas   int
	Config     map[string]string
}

// Topics describes topics; those that the cluster doesn't have are not in the map. Without names it describes all of them, without Config.
func (c *Client) Topics(ctx context.Context, names ...string) (map[string]TopicInfo, error) {
	infos := make(map[string]TopicInfo)
	err := c.retry(ctx, "describe topics", func(ctx context.Context) error {
		clear(infos)
		found, err := c.metadata(ctx, names)
		if err != nil {
			return err
		}
		for name, t := range found {
			switch {
			case t.code == codeUnknownTopic:
				continue
			case t.code != 0:
				return fmt.Errorf("topic %q: %w%s", name, t.code, t.code.remedy(name))
			}
			info := TopicInfo{Partitions: int32(len(t.partitions)), Internal: t.internal}
			if len(t.partitions) > 0 {
				info.Replicas = t.partitions[0].replicas
			}
			infos[name] = info
		}
		if len(names) == 0 || len(infos) == 0 {
			return nil
		}
		return c.configs(ctx, infos)
	})
	if err != nil {
		return nil, err
	}
	return infos, nil
}

// configs fills the settings in. A topic deleted meanwhile is taken out.
func (c *Client) configs(ctx context.Context, infos map[string]TopicInfo) error {
	const topicResource = 2
	b := apiDescribeConfigs.begin(nil, c.clientID)
	b = putInt32(b, int32(len(infos)))
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		b = putInt8(b, topicResource)
		b = putString(b, name)
		b = putInt32(b, -1) // all settings
	}
	b = putBool(b, false) // include_synonyms
	x := &exchange{api: apiDescribeConfigs, node: anyNode, request: end(b)}
	if err := c.run(ctx, x); err != nil {
		return err
	}
	r := reader{b: x.response}
	r.int32() // throttle_time_ms
	for range r.count() {
		code := r.code()
		r.raw()  // error_message
		r.int8() // resource_type
		name := r.string()
		config := make(map[string]string)
		for range r.count() {
			key, value := r.string(), r.string()
			r.bool() // read_only
			r.int8() // config_source
			r.bool() // is_sensitive
			for range r.count() {
				r.raw()
				r.raw()
				r.int8()
			}
			config[key] = value
		}
		switch info, ok := infos[name]; {
		case code == codeUnknownTopic:
			delete(infos, name)
		case code != 0:
			return fmt.Errorf("settings of topic %q: %w%s", name, code, code.remedy(name))
		case ok:
			info.Config = config
			infos[name] = info
		}
	}
	return r.error()
}

// CreateTopics creates topics and waits until their partitions' leaders answer. A topic that exists is left as it is, without an error.
func (c *Client) CreateTopics(ctx context.Context, topics []NewTopic) error {
	if len(topics) == 0 {
		return nil
	}
	err := c.onController(ctx, "create topics", func(ctx context.Context, node int32) error {
		b := apiCreateTopics.begin(nil, c.clientID)
		b = putInt32(b, int32(len(topics)))
		for _, t := range topics {
			b = putString(b, t.Name)
			b = putInt32(b, t.Partitions)
			b = putInt16(b, int16(t.Replicas))
			b = putInt32(b, 0) // assignments
			b = putInt32(b, int32(len(t.Config)))
			for _, key := range slices.Sorted(maps.Keys(t.Config)) {
				b = putString(b, key)
				b = putString(b, t.Config[key])
			}
		}
		b = putInt32(b, int32(adminTimeout.Milliseconds()))
		b = putBool(b, false) // validate_only
		x := &exchange{api: apiCreateTopics, node: node, request: end(b), timeout: adminTimeout + 5*time.Second}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		return x.perTopic("create", true, codeTopicExists)
	})
	if err != nil {
		return err
	}
	return c.waitTopics(ctx, topics)
}

const adminTimeout = 30 * time.Second

// perTopic reads the answers that have a code, and perhaps a text, for each topic. fine is a code that is no error.
func (x *exchange) perTopic(doing string, texts bool, fine Code) error {
	r := reader{b: x.response}
	r.int32() // throttle_time_ms
	var failed error
	for range r.count() {
		name, code, text := r.string(), r.code(), ""
		if texts {
			text = r.string()
		}
		if code == 0 || code == fine || failed != nil && code.passing() {
			continue
		}
		if text != "" {
			text = " (" + text + ")"
		}
		failed = fmt.Errorf("%s topic %q: %w%s%s", doing, name, code, text, code.remedy(name))
	}
	return cmp.Or(r.error(), failed)
}

// waitTopics waits until the leaders of all partitions of topics answer; a broker may learn of a new topic a second later.
func (c *Client) waitTopics(ctx context.Context, topics []NewTopic) error {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	var tps []record.TopicPartition
	err := c.retry(ctx, "wait for new topics", func(ctx context.Context) error {
		tps = tps[:0]
		found, err := c.metadata(ctx, names)
		if err != nil {
			return err
		}
		for _, name := range names {
			t, ok := found[name]
			if !ok || t.code != 0 || len(t.partitions) == 0 {
				return fmt.Errorf("topic %q: %w", name, cmp.Or(t.code, codeUnknownTopic))
			}
			for n := range t.partitions {
				tps = append(tps, record.TopicPartition{Topic: name, Partition: int32(n)})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = c.ListOffsets(ctx, tps, Latest)
	return err
}

// DeleteTopics deletes topics with all their records. A topic that does not exist is no error.
func (c *Client) DeleteTopics(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	return c.onController(ctx, "delete topics", func(ctx context.Context, node int32) error {
		b := apiDeleteTopics.begin(nil, c.clientID)
		b = putInt32(b, int32(len(names)))
		for _, name := range names {
			b = putString(b, name)
		}
		b = putInt32(b, int32(adminTimeout.Milliseconds()))
		x := &exchange{api: apiDeleteTopics, node: node, request: end(b), timeout: adminTimeout + 5*time.Second}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		return x.perTopic("delete", false, codeUnknownTopic)
	})
}

// onController runs f against the controller, or a broker that forwards to it, until it succeeds, fails for good or ctx ends.
func (c *Client) onController(ctx context.Context, doing string, f func(ctx context.Context, node int32) error) error {
	return c.retry(ctx, doing, func(ctx context.Context) error {
		if err := c.Ping(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		node := c.controller
		c.mu.Unlock()
		return f(ctx, node)
	})
}

// DeleteRecords deletes the records before the given offsets; -1 stands for all there are.
func (c *Client) DeleteRecords(ctx context.Context, before map[record.TopicPartition]int64) error {
	tps := slices.Collect(maps.Keys(before))
	return c.onLeaders(ctx, "delete records", tps, func(ctx context.Context, node int32, tps []record.TopicPartition) (map[record.TopicPartition]Code, error) {
		b := apiDeleteRecords.begin(nil, c.clientID)
		b = putPartitions(b, tps, func(b []byte, tp record.TopicPartition) []byte { return putInt64(b, before[tp]) })
		b = putInt32(b, int32(adminTimeout.Milliseconds()))
		x := &exchange{api: apiDeleteRecords, node: node, request: end(b), timeout: adminTimeout + 5*time.Second}
		if err := c.run(ctx, x); err != nil {
			return nil, err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		codes := r.partitions(func(record.TopicPartition) Code {
			r.int64() // low_watermark
			return r.code()
		})
		return codes, r.error()
	})
}

// Group is a group as its coordinator sees it.
type Group struct {
	State   string // Empty, PreparingRebalance, CompletingRebalance, Stable, or Dead for one that does not exist
	Members []GroupMember
}

// GroupMember is one member of a group.
type GroupMember struct {
	ID, Instance, ClientID, Host string
	Metadata, Assignment         []byte
}

// DescribeGroup asks for a group's members and what they are assigned.
func (c *Client) DescribeGroup(ctx context.Context, group string) (Group, error) {
	var g Group
	err := c.coordinate(ctx, group, "describe", func(ctx context.Context, node int32) error {
		b := apiDescribeGroups.begin(nil, c.clientID)
		b = putInt32(b, 1)
		b = putString(b, group)
		b = putBool(b, false) // include_authorized_operations
		x := &exchange{api: apiDescribeGroups, node: node, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		if r.count() != 1 {
			return fmt.Errorf("one group was asked for: %w", errFinal)
		}
		code := r.code()
		r.raw() // group_id
		g = Group{State: r.string()}
		r.raw() // protocol_type
		r.raw() // protocol_data
		for range r.count() {
			g.Members = append(g.Members, GroupMember{ID: r.string(), Instance: r.string(), ClientID: r.string(), Host: r.string(),
				Metadata: r.copied(), Assignment: r.copied()})
		}
		if code != 0 {
			return code
		}
		return r.error()
	})
	return g, err
}

// DeleteGroup deletes a group without members, with its offsets; ErrGroupNotEmpty if it has some. One that does not exist is no error.
func (c *Client) DeleteGroup(ctx context.Context, group string) error {
	return c.coordinate(ctx, group, "delete", func(ctx context.Context, node int32) error {
		b := apiDeleteGroups.begin(nil, c.clientID)
		b = putInt32(b, 1)
		b = putString(b, group)
		x := &exchange{api: apiDeleteGroups, node: node, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		for range r.count() {
			r.raw() // group_id
			if code := r.code(); code != 0 && code != codeGroupUnknown {
				return code
			}
		}
		return r.error()
	})
}

// DeleteOffsets makes a group without members forget what it stored for partitions.
func (c *Client) DeleteOffsets(ctx context.Context, group string, tps []record.TopicPartition) error {
	if len(tps) == 0 {
		return nil
	}
	return c.coordinate(ctx, group, "delete offsets", func(ctx context.Context, node int32) error {
		b := apiOffsetDelete.begin(nil, c.clientID)
		b = putString(b, group)
		b = putPartitions(b, tps, func(b []byte, _ record.TopicPartition) []byte { return b })
		x := &exchange{api: apiOffsetDelete, node: node, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		if code := r.code(); code != 0 {
			if code == codeGroupUnknown {
				return nil
			}
			return code
		}
		r.int32() // throttle_time_ms
		codes := r.partitions(func(record.TopicPartition) Code { return r.code() })
		return cmp.Or(r.error(), worst(codes))
	})
}

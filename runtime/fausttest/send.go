package fausttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Send sends a record to a topic that the application declares, from outside of it, with a client that is not faust's. It exists on the
// broker when the next method of d begins its work.
//
// key and value are encoded as the topic has them, by way of their JSON, and values are validated. A nil key is no key, a nil value a
// tombstone. A []byte or json.RawMessage is sent as it is: so one sends what is broken. Topics that don't exist yet, because no worker
// has run, are created.
//
// The record's time is now unless faust.Time says otherwise, whatever the record says of itself.
func (d *Driver) Send(topic string, key, value any, opts ...faust.SendOption) {
	d.t.Helper()
	use, ok := d.topics[topic]
	if !ok {
		use, ok = d.topics[d.actual(topic)]
	}
	if !ok {
		d.fatal("send to %s: no such topic; this application has %s", topic, strings.Join(d.topicNames(), ", "))
	}
	if err := d.create(use); err != nil {
		d.fatal("%v", err)
	}
	r := &kgo.Record{Topic: use.Name, Partition: -1}
	var err error
	if r.Key, err = encodeKey(use.Spec, key); err != nil {
		d.fatal("send to %s: key %v: %v", topic, key, err)
	}
	if r.Value, err = encodeValue(use.Spec, value); err != nil {
		d.fatal("send to %s: value %v: %v", topic, value, err)
	}
	headers, at, partition := faust.Chosen(opts...)
	for _, h := range headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
	}
	r.Timestamp = at
	d.produce(r, partition)
}

// produce hands a record to the client; flush waits for it.
func (d *Driver) produce(r *kgo.Record, partition int32) {
	d.t.Helper()
	if d.producer == nil {
		d.producer = d.client(kgo.RecordPartitioner(chosenPartitioner{kgo.StickyKeyPartitioner(nil)}), kgo.ProducerLinger(0),
			kgo.MaxBufferedRecords(1<<20))
	}
	r.Partition = partition
	d.sent++
	d.producer.Produce(d.t.Context(), r, func(r *kgo.Record, err error) {
		if err != nil {
			d.t.Errorf("fausttest: send to %s: %v", r.Topic, err)
		}
	})
}

// flush returns when everything sent has been acknowledged.
func (d *Driver) flush() {
	d.t.Helper()
	if d.sent == 0 {
		return
	}
	d.sent = 0
	ctx, cancel := d.bounded()
	defer cancel()
	if err := d.producer.Flush(ctx); err != nil {
		d.fatal("what was sent is not acknowledged: %v", err)
	}
}

// chosenPartitioner takes the record's own partition if it has one, else the one that Java's client would take.
type chosenPartitioner struct{ byKey kgo.Partitioner }

func (p chosenPartitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &chosenTopic{p.byKey.ForTopic(topic)}
}

type chosenTopic struct{ kgo.TopicPartitioner }

func (p *chosenTopic) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.TopicPartitioner.RequiresConsistency(r)
}

func (p *chosenTopic) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.TopicPartitioner.Partition(r, n)
}

// actual is the name on the broker of a declared topic.
func (d *Driver) actual(topic string) string {
	for name, u := range d.topics {
		if u.Spec != nil && u.Spec.Name == topic {
			return name
		}
	}
	return topic
}

func (d *Driver) topicNames() []string {
	var names []string
	for name := range d.topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func encodeKey(spec *faust.TopicSpec, key any) ([]byte, error) {
	if b, raw := rawBytes(key); raw || spec == nil {
		return b, onlyRaw(raw)
	}
	text, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	return spec.EncodeKeyJSON(text)
}

func encodeValue(spec *faust.TopicSpec, value any) ([]byte, error) {
	if b, raw := rawBytes(value); raw || spec == nil {
		return b, onlyRaw(raw)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	b, _, err := spec.EncodeValue(text)
	return b, err
}

// rawBytes are the bytes of what is sent as it is.
func rawBytes(v any) (b []byte, raw bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case []byte:
		return notNil(v), true
	case json.RawMessage:
		return notNil(v), true
	}
	return nil, false
}

// notNil keeps an empty slice from becoming a null.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func onlyRaw(raw bool) error {
	if raw {
		return nil
	}
	return fmt.Errorf("the topic is the application's own, so its records are sent as they are: give bytes")
}

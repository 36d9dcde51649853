package faust

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// Topic is a handle on a topic: the field of a struct with //faust:topics. The generated code binds it; the zero Topic can't be used.
//
// In the body of an agent, a close handler, or a timer that takes tables, a send is buffered: it goes out at the end of the batch in
// hand, and is acknowledged by the commit of the task; the handle belongs to that task's goroutine. In a worker's timers, tasks and
// commands a send is buffered too, goes out within 2 ms, and is acknowledged before the function returns or at Flush; in a client it is
// acknowledged when the call returns. There, several goroutines may use the handle at once.
type Topic[K, V any] struct{ h *topicHandle[K, V] }

type topicHandle[K, V any] struct {
	name       string
	partitions int32
	key        *KeyCodec[K]
	value      *ValueCodec[V]

	task *bound // one of these two
	out  *task.Output
	send *sender

	keyBytes, valueBytes []byte // scratch of the task's goroutine
	headers              []record.Header
	plan                 *topicPlan
	oldest               int64 // the topic keeps records from this time on, ms; as of when the task began
	next                 int32 // the partition of the next record without a key
}

// BindTopic binds a handle. It is for generated code only.
func BindTopic[K, V any](b *Binder, name string, key *KeyCodec[K], value *ValueCodec[V]) Topic[K, V] {
	h := &topicHandle[K, V]{name: name, key: key, value: value, task: b.task, send: b.send, partitions: b.plan.partitions(b.plan.actual(name))}
	if b.task != nil {
		h.out = b.task.Output(b.plan.actual(name), h.partitions, b.plan.compression(name))
		if h.plan = b.plan.topics[b.plan.actual(name)]; h.plan.keeps > 0 {
			h.oldest = time.Now().Add(-h.plan.keeps).UnixMilli()
		}
	}
	return Topic[K, V]{h}
}

// SendOption is a choice for one record.
type SendOption struct {
	header    *record.Header
	time      time.Time
	partition int32
	set       sendField
}

type sendField uint8

const (
	setHeader sendField = iota + 1
	setTime
	setPartition
)

// Header adds a header to the record. Names may repeat. A nil value is sent as null.
func Header(name string, value []byte) SendOption {
	return SendOption{set: setHeader, header: &record.Header{Name: name, Value: value}}
}

// Time sets the record's time, to the millisecond. The default is the time of the event that is current, the window's end less 1 ms in
// a close handler, and now elsewhere.
func Time(t time.Time) SendOption { return SendOption{set: setTime, time: t} }

// Partition sets the record's partition. The default follows from the key as in Java's client (murmur2); records without a key take the
// partitions in turn.
func Partition(n int32) SendOption { return SendOption{set: setPartition, partition: n} }

// Send sends a value under a key. See Topic for when it is acknowledged. It fails if key or value have no encoding, or the partition
// does not exist; outside a task also if the record could not be delivered.
func (t Topic[K, V]) Send(ctx context.Context, key K, value V, opts ...SendOption) error {
	return t.h.put(ctx, &key, &value, opts)
}

// SendValue sends a value without a key.
func (t Topic[K, V]) SendValue(ctx context.Context, value V, opts ...SendOption) error {
	return t.h.put(ctx, nil, &value, opts)
}

// Delete sends a tombstone: a null value, which removes the key from a compacted topic.
func (t Topic[K, V]) Delete(ctx context.Context, key K, opts ...SendOption) error {
	return t.h.put(ctx, &key, nil, opts)
}

// SendAll sends every pair of the sequence, many at a time, and returns when all are acknowledged, or with the first error. It is for
// clients, tasks and commands; in the body of an agent it is a loop of Send.
func (t Topic[K, V]) SendAll(ctx context.Context, pairs iter.Seq2[K, V]) error {
	if t.h == nil {
		return errUnbound
	}
	if t.h.task != nil {
		for k, v := range pairs {
			if err := t.h.put(ctx, &k, &v, nil); err != nil {
				return err
			}
		}
		return nil
	}
	for k, v := range pairs {
		if err := t.h.buffer(ctx, &k, &v, nil); err != nil {
			return errors.Join(err, t.h.send.flush(ctx))
		}
	}
	return t.h.send.flush(ctx)
}

var errUnbound = errors.New("this topic handle is not bound; take the topics struct as a parameter of a function with a //faust: directive, or use NewClient")

func (h *topicHandle[K, V]) put(ctx context.Context, key *K, value *V, opts []SendOption) error {
	if h == nil {
		return errUnbound
	}
	if h.task == nil {
		if err := h.buffer(ctx, key, value, opts); err != nil || !h.send.sync {
			return err
		}
		return h.send.flush(ctx)
	}
	var err error
	var k, v []byte
	if k, h.keyBytes, err = encodeKey(h.key, h.keyBytes, key); err != nil {
		return fmt.Errorf("send to %s: key: %w", h.name, err)
	}
	if v, h.valueBytes, err = encodeValue(h.value, h.valueBytes, value); err != nil {
		return fmt.Errorf("send to %s: %w", h.name, err)
	}
	at, partition := h.task.now, int32(-1)
	h.headers = h.headers[:0]
	if len(opts) > 0 {
		at, partition = h.choose(opts, at, &h.headers)
	}
	if at < 0 {
		return h.tooEarly(at)
	}
	if partition, err = place(h.name, k, partition, h.partitions, &h.next); err != nil {
		return err
	}
	h.add(partition, k, v, at, nil, 0, h.headers)
	return nil
}

// add hands a record to the task's output.
func (h *topicHandle[K, V]) add(partition int32, key, value []byte, at int64, raw []byte, rawCount int32, headers []record.Header) {
	if at < h.oldest {
		h.plan.warnOld(h.task.logger(), at)
	}
	h.out.Add(partition, key, value, at, raw, rawCount, headers)
}

// buffer is put outside a task.
func (h *topicHandle[K, V]) buffer(ctx context.Context, key *K, value *V, opts []SendOption) error {
	k, _, err := encodeKey(h.key, nil, key)
	if err != nil {
		return fmt.Errorf("send to %s: key: %w", h.name, err)
	}
	v, _, err := encodeValue(h.value, nil, value)
	if err != nil {
		return fmt.Errorf("send to %s: %w", h.name, err)
	}
	var headers []record.Header
	at, partition := h.choose(opts, time.Now().UnixMilli(), &headers)
	if at < 0 {
		return h.tooEarly(at)
	}
	return h.send.add(ctx, h.send.plan.actual(h.name), k, v, at, partition, headers)
}

// tooEarly refuses a record that no agent would take, and no Java client would send.
func (h *topicHandle[K, V]) tooEarly(at int64) error {
	return fmt.Errorf("send to %s: the time %s is before 1970; is what faust.Time got set?", h.name, time.UnixMilli(at).UTC().Format(time.RFC3339))
}

func (h *topicHandle[K, V]) choose(opts []SendOption, at int64, headers *[]record.Header) (int64, int32) {
	partition := int32(-1)
	for i := range opts {
		switch o := &opts[i]; o.set {
		case setHeader:
			*headers = append(*headers, *o.header)
		case setTime:
			at = o.time.UnixMilli()
		case setPartition:
			partition = o.partition
		}
	}
	return at, partition
}

// place finds the partition of a record among n: the chosen one, the key's, or the next in turn, which it moves on.
func place(topic string, key []byte, chosen, n int32, turn *int32) (int32, error) {
	switch {
	case chosen >= n:
		return 0, fmt.Errorf("send to %s: partition %d does not exist, the topic has %d", topic, chosen, n)
	case chosen >= 0:
		return chosen, nil
	case key != nil:
		return record.Partition(key, n), nil
	}
	*turn = (*turn + 1) % n
	return *turn, nil
}

func encodeKey[K any](c *KeyCodec[K], scratch []byte, key *K) (k, buf []byte, err error) {
	if key == nil {
		return nil, scratch, nil
	}
	if scratch == nil {
		scratch = []byte{} // an empty key is not a null one
	}
	buf, err = c.Append(scratch[:0], *key)
	return buf, buf, err
}

func encodeValue[V any](c *ValueCodec[V], scratch []byte, value *V) (v, buf []byte, err error) {
	if value == nil {
		return nil, scratch, nil
	}
	if scratch == nil {
		scratch = []byte{}
	}
	buf, err = c.Append(scratch[:0], value)
	return buf, buf, err
}

// Sink sends an agent's results on. It is for generated code only.
type Sink[R any] struct {
	h      *topicHandle[struct{}, R]
	result R // a place of our own for what Send encodes, so that an agent's result may stay on its stack
}

// BindSink binds an agent's sink. It is for generated code only.
func BindSink[R any](b *Binder, topic string, value *ValueCodec[R]) *Sink[R] {
	t := BindTopic[struct{}](b, topic, nil, value)
	return &Sink[R]{h: t.h}
}

// Send sends a result with the key, the headers and the time of the event that is current.
func (s *Sink[R]) Send(_ context.Context, result *R) error {
	h := s.h
	s.result = *result
	v, buf, err := encodeValue(h.value, h.valueBytes, &s.result)
	if err != nil {
		return fmt.Errorf("sink %s: %w", h.name, err)
	}
	h.valueBytes = buf
	r := h.task.record
	partition, err := place(h.name, r.Key, -1, h.partitions, &h.next)
	if err != nil {
		return err
	}
	raw, count := r.Headers, r.HeaderCount
	if h.task.timed { // without what the runtime itself wrote there
		raw, count = userHeaders(h.task, r)
	}
	h.add(partition, r.Key, v, h.task.now, raw, count, nil)
	return nil
}

// userHeaders are a record's headers without the TimeHeader.
func userHeaders(b *bound, r *record.Record) ([]byte, int32) {
	b.headers = b.headers[:0]
	count := int32(0)
	for h := r.Headers; len(h) > 0; {
		name, value, rest, ok := record.NextHeader(h)
		if !ok {
			break
		}
		h = rest
		if string(name) != task.TimeHeader {
			b.headers = record.AppendHeader(b.headers, string(name), value)
			count++
		}
	}
	return b.headers, count
}

// KeyText, KeyFromJSON, KeyToJSON and ValueFromJSON make the untyped functions of a TopicSpec or TableSpec. They are for generated code
// only.
func KeyText[K any](c *KeyCodec[K]) func(string) ([]byte, error) {
	return func(text string) ([]byte, error) {
		k, err := c.Parse(text)
		if err != nil {
			return nil, err
		}
		return c.Append([]byte{}, k) // an empty key is not a null one
	}
}

// KeyFromJSON is described at KeyText.
func KeyFromJSON[K any](c *KeyCodec[K], json *ValueCodec[K]) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		var k K
		if err := json.Decode(codec.NewReader(codec.Copy), b, &k); err != nil {
			return nil, err
		}
		return c.Append([]byte{}, k)
	}
}

// KeyToJSON is described at KeyText.
func KeyToJSON[K any](c *KeyCodec[K]) func(dst, key []byte) ([]byte, error) {
	return func(dst, key []byte) ([]byte, error) {
		k, err := c.Decode(key)
		if err != nil {
			return dst, err
		}
		return c.AppendJSON(dst, k)
	}
}

// ValueFromJSON is described at KeyText. The value is validated.
func ValueFromJSON[V any](json, topic *ValueCodec[V]) func([]byte) ([]byte, time.Time, error) {
	return func(b []byte) ([]byte, time.Time, error) {
		var v V
		if err := json.Decode(codec.NewReader(codec.Copy), b, &v); err != nil {
			return nil, time.Time{}, err
		}
		if json.Validate != nil {
			if err := json.Validate(&v); err != nil {
				return nil, time.Time{}, err
			}
		}
		var at time.Time
		if json.Time != nil {
			if at = json.Time(&v); at.IsZero() || at.UnixMilli() < 0 { // what an agent would refuse
				return nil, time.Time{}, errors.New("the event time is missing or before 1970; set the record's time= field")
			}
		}
		out, err := topic.Append([]byte{}, &v)
		return out, at, err
	}
}

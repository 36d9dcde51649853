package broker

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// encode writes the request (version 8).
func (f *frame) encode(p *Producer, zip *deflater) {
	out := apiProduce.begin(f.out[:0], p.c.clientID)
	out = putOptional(out, "") // transactional_id
	out = putInt16(out, -1)    // acks: all in-sync replicas
	out = putInt32(out, int32(p.config.Timeout.Milliseconds()))
	topics, at := int32(0), len(out)
	out = putInt32(out, 0)
	for i := 0; i < len(f.batches); {
		topic := f.batches[i].part.Topic
		n := i + 1
		for n < len(f.batches) && f.batches[n].part.Topic == topic {
			n++
		}
		topics++
		out = putString(out, topic)
		out = putInt32(out, int32(n-i))
		for ; i < n; i++ {
			x := &f.batches[i]
			out = putInt32(out, x.part.Partition)
			size := len(out)
			out = putInt32(out, 0)
			out = appendBatch(out, f.builder(x), x.id, x.sequence, 0, zip)
			binary.BigEndian.PutUint32(out[size:], uint32(len(out)-size-4))
		}
	}
	binary.BigEndian.PutUint32(out[at:], uint32(topics))
	f.out = end(out)
}

// appendBatch writes one record batch; attributes has the transactional bit or nothing. Records that compression makes no shorter are
// stored as they are.
func appendBatch(out []byte, r *record.Builder, id producerID, sequence int32, attributes int16, zip *deflater) []byte {
	start := len(out)
	out = putInt64(out, 0) // base_offset, set by the broker
	out = putInt32(out, 0) // length
	out = putInt32(out, -1)
	out = putInt8(out, 2) // magic
	out = putInt32(out, 0)
	out = putInt16(out, 0)
	out = putInt32(out, r.Count-1)
	out = putInt64(out, r.BaseTime)
	out = putInt64(out, r.MaxTime)
	out = putInt64(out, id.id)
	out = putInt16(out, id.epoch)
	out = putInt32(out, sequence)
	out = putInt32(out, r.Count)
	kind, body := r.Compression, len(out)
	if kind != record.None {
		if zipped, err := zip.appendTo(out, kind, r.Records); err == nil && len(zipped)-body < len(r.Records) {
			out = zipped
		} else {
			out, kind = out[:body], record.None
		}
	}
	if kind == record.None {
		out = append(out, r.Records...)
	}
	batch := out[start:]
	binary.BigEndian.PutUint32(batch[batchLength:], uint32(len(batch)-batchLength-4))
	binary.BigEndian.PutUint16(batch[batchAttributes:], uint16(attributes)|uint16(kind))
	binary.BigEndian.PutUint32(batch[batchCRC:], crc32.Checksum(batch[batchAttributes:], castagnoli))
	return out
}

// mergeMax bounds what several builders of one partition become together. A request takes one batch per partition, so many small builders
// would otherwise wait for one round trip each.
const mergeMax = 256 << 10

// nextLocked is the partition's next batch; caller holds Producer.mu.
func (part *producePart) nextLocked() framed {
	waiting := part.queue[part.sent:]
	n := 1
	switch {
	case part.repeat > 0:
		n = part.repeat
	case part.alone == 0:
		for size := waiting[0].size; n < len(waiting); n++ {
			size += waiting[n].size
			if size > mergeMax || waiting[n].builder.Compression != waiting[0].builder.Compression {
				break
			}
		}
	}
	x := framed{part: part, entries: waiting[:n:n], again: part.repeat > 0}
	for i := range x.entries {
		x.size += x.entries[i].size
		x.count += x.entries[i].builder.Count
	}
	return x
}

// takenLocked notes that a batch was framed.
func (part *producePart) takenLocked(x *framed) {
	part.sent += len(x.entries)
	part.repeat = 0
	part.alone = max(part.alone-len(x.entries), 0)
}

// builder is the batch's records as one builder.
func (f *frame) builder(x *framed) *record.Builder {
	first := x.entries[0].builder
	if len(x.entries) == 1 {
		return first
	}
	whole := &record.Builder{TopicPartition: first.TopicPartition, Compression: first.Compression, BaseTime: first.BaseTime, MaxTime: first.MaxTime}
	f.merged = f.merged[:0]
	for i := range x.entries {
		b := x.entries[i].builder
		f.merged = appendShifted(f.merged, b, b.BaseTime-whole.BaseTime, int64(whole.Count))
		whole.Count += b.Count
		whole.MaxTime = max(whole.MaxTime, b.MaxTime)
	}
	whole.Records = f.merged
	return whole
}

// appendShifted appends a builder's records with other time and offset deltas; the rest of each record stays as it is.
func appendShifted(dst []byte, b *record.Builder, time, offset int64) []byte {
	for rest := b.Records; len(rest) > 0; {
		size, w := varint(rest)
		if w == 0 || size < recordMin-1 || size > int64(len(rest)-w) {
			panic(fmt.Sprintf("builder of partition %d of topic %q holds a record that it did not encode", b.Partition, b.Topic))
		}
		body := rest[w : w+int(size)]
		rest = rest[w+int(size):]
		timeDelta, timeWidth := varint(body[1:])
		offsetDelta, offsetWidth := varint(body[1+timeWidth:])
		tail := body[1+timeWidth+offsetWidth:]

		var head [1 + 2*binary.MaxVarintLen64]byte // attributes first: none
		n := 1 + binary.PutVarint(head[1:], timeDelta+time)
		n += binary.PutVarint(head[n:], offsetDelta+offset)
		dst = binary.AppendVarint(dst, int64(n+len(tail)))
		dst = append(dst, head[:n]...)
		dst = append(dst, tail...)
	}
	return dst
}

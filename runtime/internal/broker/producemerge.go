package broker

import (
	"encoding/binary"
	"fmt"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

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

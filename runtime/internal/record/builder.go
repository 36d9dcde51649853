package record

import "encoding/binary"

// Header is one header of a record to be sent.
type Header struct {
	Name  string
	Value []byte // nil is sent as a null value
}

// Compression is how a batch's records are compressed, in Kafka's numbering.
type Compression int8

// The compressions of the record batch format.
const (
	None Compression = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

var compressions = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

// String is the name that Kafka's settings use.
func (c Compression) String() string {
	if c < 0 || int(c) >= len(compressions) {
		return "unknown compression"
	}
	return compressions[c]
}

// Builder encodes records for one partition as the records section of a record batch of format 2
// (https://kafka.apache.org/documentation/#recordbatch): what a task fills and the producer sends.
// It is used by one goroutine at a time.
type Builder struct {
	TopicPartition

	// Compression is what the producer applies when it sends the batch; Reset keeps it.
	Compression Compression

	// Records is the records section, not compressed.
	Records []byte
	Count   int32
	// BaseTime is the first record's time, MaxTime the largest, ms since 1970.
	BaseTime, MaxTime int64

	// Offset is the offset of the first record, set by the producer when the broker has acknowledged the batch; -1 before.
	Offset int64

	head []byte // scratch for one record's body
}

// Add appends a record. A nil key or value is a null one. raw holds headers that are forwarded as they are (Record.Headers, rawCount
// of them), headers those that are added to them. Nothing is kept of the arguments. It allocates only to grow its buffers.
func (b *Builder) Add(key, value []byte, time int64, raw []byte, rawCount int32, headers []Header) {
	if b.Count == 0 {
		b.BaseTime, b.MaxTime, b.Offset = time, time, -1
	}
	b.MaxTime = max(b.MaxTime, time)

	h := append(b.head[:0], 0) // attributes
	h = binary.AppendVarint(h, time-b.BaseTime)
	h = binary.AppendVarint(h, int64(b.Count))
	if key == nil {
		h = binary.AppendVarint(h, -1)
	} else {
		h = binary.AppendVarint(h, int64(len(key)))
		h = append(h, key...)
	}
	if value == nil {
		h = binary.AppendVarint(h, -1)
	} else {
		h = binary.AppendVarint(h, int64(len(value)))
	}
	b.head = h

	tail := varintLen(int64(rawCount)+int64(len(headers))) + len(raw)
	for i := range headers {
		tail += headerLen(&headers[i])
	}
	b.Records = binary.AppendVarint(b.Records, int64(len(h)+len(value)+tail))
	b.Records = append(b.Records, h...)
	b.Records = append(b.Records, value...)
	b.Records = binary.AppendVarint(b.Records, int64(rawCount)+int64(len(headers)))
	b.Records = append(b.Records, raw...)
	for i := range headers {
		b.Records = AppendHeader(b.Records, headers[i].Name, headers[i].Value)
	}
	b.Count++
}

// Mark is a place in a Builder to go back to.
type Mark struct {
	size              int
	count             int32
	baseTime, maxTime int64
}

// Mark tells where the builder stands.
func (b *Builder) Mark() Mark { return Mark{len(b.Records), b.Count, b.BaseTime, b.MaxTime} }

// Rewind drops the records added after the mark was taken.
func (b *Builder) Rewind(m Mark) {
	b.Records, b.Count, b.BaseTime, b.MaxTime = b.Records[:m.size], m.count, m.baseTime, m.maxTime
}

// Reset empties the builder and keeps its buffers.
func (b *Builder) Reset() { b.Records, b.Count, b.Offset = b.Records[:0], 0, -1 }

// AppendHeader appends one header in the form of Record.Headers.
func AppendHeader(dst []byte, name string, value []byte) []byte {
	dst = binary.AppendVarint(dst, int64(len(name)))
	dst = append(dst, name...)
	if value == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(value)))
	return append(dst, value...)
}

// NextHeader takes the first header off headers. ok is false when there is none left, or when what is left is damaged.
// name and value are views into headers; value is nil for a null value.
func NextHeader(headers []byte) (name, value, rest []byte, ok bool) {
	n, w := binary.Varint(headers)
	if w <= 0 || n < 0 || n > int64(len(headers)-w) {
		return nil, nil, nil, false
	}
	name, rest = headers[w:w+int(n)], headers[w+int(n):]
	n, w = binary.Varint(rest)
	if w <= 0 || n < -1 || n > int64(len(rest)-w) {
		return nil, nil, nil, false
	}
	if n == -1 {
		return name, nil, rest[w:], true
	}
	return name, rest[w : w+int(n) : w+int(n)], rest[w+int(n):], true
}

// LastHeader returns the value of the last header of a name; nil if there is none, it is null, or the headers are damaged.
func LastHeader(headers []byte, name string) (last []byte) {
	for len(headers) > 0 {
		n, value, rest, ok := NextHeader(headers)
		if !ok {
			return nil
		}
		if headers = rest; string(n) == name {
			last = value
		}
	}
	return last
}

func headerLen(h *Header) int {
	n := varintLen(int64(len(h.Name))) + len(h.Name)
	if h.Value == nil {
		return n + 1
	}
	return n + varintLen(int64(len(h.Value))) + len(h.Value)
}

func varintLen(v int64) int {
	u := uint64(v)<<1 ^ uint64(v>>63)
	n := 1
	for u >= 0x80 {
		u >>= 7
		n++
	}
	return n
}

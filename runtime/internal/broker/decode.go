package broker

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// The header of a record batch of format 2 (https://kafka.apache.org/documentation/#recordbatch), as byte positions.
const (
	batchLength     = 8  // int32, of what follows it
	batchMagic      = 16 // int8
	batchCRC        = 17 // uint32, CRC-32C of what follows it
	batchAttributes = 21 // int16
	batchLastDelta  = 23 // int32
	batchBaseTime   = 27 // int64
	batchMaxTime    = 35 // int64
	batchProducer   = 43 // int64
	batchEpoch      = 51 // int16
	batchSequence   = 53 // int32
	batchCount      = 57 // int32
	batchHeader     = 61

	attrCompression   = 0x07
	attrAppendTime    = 0x08 // the time is the broker's, one for the whole batch
	attrTransactional = 0x10
	attrControl       = 0x20

	// recordMin is the shortest record: seven fields of one byte.
	recordMin = 7
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// aborted is one aborted transaction as a fetch response lists it: what producer wrote from first on is to be skipped, up to its abort marker.
type aborted struct {
	producer, first int64
}

// memory is what the records of one delivered batch live in, besides the response's buffer.
type memory struct {
	records []record.Record

	slabs      [][]byte // decompressed bytes
	slab, used int      // the first slab with room, and how much of it is taken
}

// empty makes the memory ready for other records. It is false when it has become so big that it is better let go.
func (m *memory) empty() bool {
	total := 0
	for _, slab := range m.slabs {
		total += len(slab)
	}
	m.records, m.slab, m.used = m.records[:0], 0, 0
	return total <= 16<<20 && cap(m.records) <= 1<<17
}

// decoder turns the record batches of a fetch response into records. It is used by one goroutine at a time.
type decoder struct {
	committed bool // skip aborted transactions
	inflate   inflater
	active    map[int64]bool // producers with an aborted transaction at the place where the decoder is
}

// decode appends to m the records of data from offset from on. next is the offset to go on from, which is past control batches and gaps.
// views says that records point into data. On an error the records before the damage are in m and next is the damaged batch's offset.
func (d *decoder) decode(m *memory, data []byte, from int64, aborts []aborted) (next int64, views bool, err error) {
	next = from
	clear(d.active)
	for len(data) >= batchMagic+1 {
		base := int64(binary.BigEndian.Uint64(data))
		size := int64(int32(binary.BigEndian.Uint32(data[batchLength:]))) + batchLength + 4
		if magic := data[batchMagic]; magic != 2 {
			return next, views, fmt.Errorf("offset %d has message format %d, only format 2 can be read (Kafka 0.11 or newer); "+
				"let the topic's old segments expire or rewrite them: %w", base, magic, ErrDamaged)
		}
		if size < batchHeader || base < 0 {
			return next, views, fmt.Errorf("record batch at offset %d of %d bytes: %w", base, size, ErrDamaged)
		}
		if size > int64(len(data)) {
			break // the broker cuts the last batch at the limit of the request
		}
		batch := data[:size:size]
		data = data[size:]
		if sum := crc32.Checksum(batch[batchAttributes:], castagnoli); sum != binary.BigEndian.Uint32(batch[batchCRC:]) {
			return next, views, fmt.Errorf("record batch at offset %d: checksum %08x, computed %08x: %w",
				base, binary.BigEndian.Uint32(batch[batchCRC:]), sum, ErrDamaged)
		}
		last := base + int64(int32(binary.BigEndian.Uint32(batch[batchLastDelta:])))
		if last < base {
			return next, views, fmt.Errorf("record batch at offset %d ends at %d: %w", base, last, ErrDamaged)
		}
		if last < next {
			continue // wholly before what was asked for
		}
		var skip bool
		if skip, aborts = d.skip(batch, last, aborts); !skip {
			inside, err := d.batch(m, batch, base, last, from)
			views = views || inside
			if err != nil {
				return next, views, err
			}
		}
		next = last + 1
	}
	return next, views, nil
}

// skip tells batches without records for the user: control batches, and those of aborted transactions. aborts is sorted by first offset.
func (d *decoder) skip(batch []byte, last int64, aborts []aborted) (bool, []aborted) {
	attributes := binary.BigEndian.Uint16(batch[batchAttributes:])
	if d.committed {
		for len(aborts) > 0 && aborts[0].first <= last {
			if d.active == nil {
				d.active = make(map[int64]bool)
			}
			d.active[aborts[0].producer] = true
			aborts = aborts[1:]
		}
	}
	producer := int64(binary.BigEndian.Uint64(batch[batchProducer:]))
	if attributes&attrControl != 0 {
		if d.active[producer] && abortMarker(batch[batchHeader:]) {
			delete(d.active, producer)
		}
		return true, aborts
	}
	return d.committed && attributes&attrTransactional != 0 && d.active[producer], aborts
}

// abortMarker reads a control record's key: int16 version, int16 type, where type 0 is an abort.
func abortMarker(records []byte) bool {
	var r record.Record
	if _, ok := readRecord(&r, records, 0, 0); !ok || len(r.Key) < 4 {
		return false
	}
	return binary.BigEndian.Uint16(r.Key[2:]) == 0
}

// batch appends the records of one record batch. inside says that they point into batch.
func (d *decoder) batch(m *memory, batch []byte, base, last, from int64) (inside bool, err error) {
	attributes := binary.BigEndian.Uint16(batch[batchAttributes:])
	count := int(int32(binary.BigEndian.Uint32(batch[batchCount:])))
	body := batch[batchHeader:]
	if kind := Compression(attributes & attrCompression); kind == record.None {
		inside = true
	} else if body, err = d.inflate.into(m, kind, body); err != nil {
		return false, fmt.Errorf("record batch at offset %d: %s: %w: %w", base, kind, err, ErrDamaged)
	}
	if count < 0 || count > len(body)/recordMin {
		return inside, fmt.Errorf("record batch at offset %d: %d records in %d bytes: %w", base, count, len(body), ErrDamaged)
	}
	start := len(m.records)
	if free := cap(m.records) - start; free < count {
		grown := make([]record.Record, start, max(start+count, 2*cap(m.records)))
		copy(grown, m.records)
		m.records = grown
	}
	records := m.records[start : start+count]
	baseTime := int64(binary.BigEndian.Uint64(batch[batchBaseTime:]))
	rest, n, kept := body, 0, 0
	for ; n < count; n++ {
		r := &records[kept]
		var ok bool
		if rest, ok = readRecord(r, rest, base, baseTime); !ok || r.Offset > last || r.Offset < base {
			return inside, fmt.Errorf("record %d of the batch at offset %d: %w", n, base, ErrDamaged)
		}
		if r.Offset >= from {
			kept++
		}
	}
	if attributes&attrAppendTime != 0 {
		maxTime := int64(binary.BigEndian.Uint64(batch[batchMaxTime:]))
		for i := range records[:kept] {
			records[i].Time = maxTime
		}
	}
	m.records = m.records[:start+kept]
	return inside, nil
}

// readRecord takes one record off b. Its slices are views with no room behind them, so that an append copies.
func readRecord(r *record.Record, b []byte, base, baseTime int64) (rest []byte, ok bool) {
	size, w := varint(b)
	if w == 0 || size < recordMin-1 || size > int64(len(b)-w) {
		return nil, false
	}
	b, rest = b[w:w+int(size)], b[w+int(size):]

	b = b[1:] // attributes, none defined
	delta, w := varint(b)
	if w == 0 {
		return nil, false
	}
	r.Time, b = baseTime+delta, b[w:]
	if delta, w = varint(b); w == 0 {
		return nil, false
	}
	r.Offset, b = base+delta, b[w:]

	n, w := varint(b)
	switch {
	case w == 0 || n < -1 || n > int64(len(b)-w):
		return nil, false
	case n < 0:
		r.Key, b = nil, b[w:]
	default:
		r.Key, b = b[w:w+int(n):w+int(n)], b[w+int(n):]
	}
	n, w = varint(b)
	switch {
	case w == 0 || n < -1 || n > int64(len(b)-w):
		return nil, false
	case n < 0:
		r.Value, b = nil, b[w:]
	default:
		r.Value, b = b[w:w+int(n):w+int(n)], b[w+int(n):]
	}
	n, w = varint(b)
	if w == 0 || n < 0 || n > int64(len(b)) {
		return nil, false
	}
	r.HeaderCount, r.Headers = int32(n), b[w:len(b):len(b)]
	return rest, true
}

// varint is binary.Varint for the short numbers that records are full of. A width of 0 means damage.
func varint(b []byte) (int64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return int64(b[0]>>1) ^ -int64(b[0]&1), 1
	}
	if len(b) > 1 && b[1] < 0x80 {
		u := uint64(b[0]&0x7f) | uint64(b[1])<<7
		return int64(u>>1) ^ -int64(u&1), 2
	}
	v, w := binary.Varint(b)
	return v, max(w, 0)
}

package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/pierrec/lz4/v4"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// stored is a batch as it stands in a partition's log at base.
func stored(b *record.Builder, base int64, id producerID, attributes int16) []byte {
	out := appendBatch(nil, b, id, 0, attributes, new(deflater))
	binary.BigEndian.PutUint64(out, uint64(base))
	return out
}

// marker is the control batch that ends a transaction.
func marker(base int64, id producerID, commit bool) []byte {
	b := new(record.Builder)
	b.Add([]byte{0, 0, 0, map[bool]byte{true: 1}[commit]}, []byte{0, 0, 0, 0, 0, 0}, 0, nil, 0, nil)
	return stored(b, base, id, attrTransactional|attrControl)
}

// resum sets a batch's checksum right after a change.
func resum(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[batchCRC:], crc32.Checksum(batch[batchAttributes:], castagnoli))
	return batch
}

func offsets(m *memory) []int64 {
	got := []int64{}
	for i := range m.records {
		got = append(got, m.records[i].Offset)
	}
	return got
}

func TestDecodeRoundTrip(t *testing.T) {
	long := bytes.Repeat([]byte("a long value, which compresses well; "), 20000) // longer than an LZ4 block
	noise := make([]byte, 300<<10)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	records := []record.Record{
		{Key: []byte("k"), Value: []byte("v"), Time: 1000},
		{Key: nil, Value: []byte("no key"), Time: 900},
		{Key: []byte("tombstone"), Value: nil, Time: 1 << 40},
		{Key: []byte{}, Value: []byte{}, Time: 0},
		{Key: []byte("headers"), Value: long, Time: 1001, HeaderCount: 2,
			Headers: record.AppendHeader(record.AppendHeader(nil, "a", []byte("1")), "b", nil)},
		{Key: []byte("noise"), Value: noise, Time: 1002},
	}
	for kind := record.None; kind <= record.Zstd; kind++ {
		t.Run(kind.String(), func(t *testing.T) {
			b := &record.Builder{Compression: kind}
			for _, r := range records {
				b.Add(r.Key, r.Value, r.Time, r.Headers, r.HeaderCount, nil)
			}
			raw := stored(b, 70, noProducer, 0)
			if got := Compression(binary.BigEndian.Uint16(raw[batchAttributes:])); got != kind {
				t.Fatalf("batch is marked %v", got)
			}
			var m memory
			next, views, err := new(decoder).decode(&m, raw, 0, nil)
			if err != nil || next != 76 || views != (kind == record.None) {
				t.Fatalf("next %d, views %v, error %v", next, views, err)
			}
			for i, want := range records {
				got := m.records[i]
				want.Offset = int64(70 + i)
				if !bytes.Equal(got.Key, want.Key) || !bytes.Equal(got.Value, want.Value) || !bytes.Equal(got.Headers, want.Headers) ||
					(got.Key == nil) != (want.Key == nil) || (got.Value == nil) != (want.Value == nil) ||
					got.Time != want.Time || got.Offset != want.Offset || got.HeaderCount != want.HeaderCount {
					t.Errorf("record %d came back as %.100v", i, got)
				}
			}
		})
	}
}

// The other producers' forms of compression are read too.
func TestDecodeForeignCompression(t *testing.T) {
	plain := build(tp("t", 0), record.None, 0, 5000)
	frame := func(options ...lz4.Option) []byte {
		var b bytes.Buffer
		w := lz4.NewWriter(&b)
		if err := w.Apply(options...); err != nil {
			t.Fatal(err)
		}
		w.Write(plain.Records)
		w.Close()
		return b.Bytes()
	}
	xerialFramed := append(bytes.Clone(xerial), 0, 0, 0, 1, 0, 0, 0, 1)
	for part := range slices.Chunk(plain.Records, 32<<10) {
		block := snappy.Encode(nil, part)
		xerialFramed = append(binary.BigEndian.AppendUint32(xerialFramed, uint32(len(block))), block...)
	}
	for name, c := range map[string]struct {
		kind Compression
		body []byte
	}{
		"lz4 64 KiB blocks":              {record.LZ4, frame(lz4.BlockSizeOption(lz4.Block64Kb))},
		"lz4 content and block checksum": {record.LZ4, frame(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(true), lz4.BlockChecksumOption(true))},
		"lz4 content size":               {record.LZ4, frame(lz4.SizeOption(uint64(len(plain.Records))), lz4.BlockSizeOption(lz4.Block256Kb))},
		"lz4 two frames":                 {record.LZ4, nil},
		"snappy xerial":                  {record.Snappy, xerialFramed},
		"snappy block":                   {record.Snappy, snappy.Encode(nil, plain.Records)},
	} {
		t.Run(name, func(t *testing.T) {
			if c.body == nil {
				half := len(plain.Records) / 2
				c.body, _ = new(deflater).appendTo(nil, record.LZ4, plain.Records[:half])
				c.body, _ = new(deflater).appendTo(c.body, record.LZ4, plain.Records[half:])
			}
			raw := stored(plain, 0, noProducer, 0)
			raw = append(raw[:batchHeader], c.body...)
			binary.BigEndian.PutUint32(raw[batchLength:], uint32(len(raw)-12))
			raw[batchAttributes+1] = byte(c.kind)
			var m memory
			next, _, err := new(decoder).decode(&m, resum(raw), 0, nil)
			if err != nil || next != 5000 || len(m.records) != 5000 || string(m.records[4999].Value) != "v4999" {
				t.Fatalf("next %d, %d records, error %v", next, len(m.records), err)
			}
		})
	}
}

// What we write is read by others too, who check what unlz4 skips: the frame's header and its end.
func TestLZ4FramesAreComplete(t *testing.T) {
	for _, size := range []int{0, 1, lz4Block - 1, lz4Block, lz4Block + 1, 3*lz4Block + 100} {
		plain := bytes.Repeat([]byte("a value that repeats; "), size/22+1)[:size]
		for i := range plain[:size/2] { // the first half compresses badly
			plain[i] ^= byte(i * i >> 7)
		}
		frame, err := new(deflater).appendTo(nil, record.LZ4, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(lz4.NewReader(bytes.NewReader(frame)))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}

// Compressed batches of one answer share a slab; records of earlier ones stay whole when it grows.
func TestDecodeManyCompressedBatches(t *testing.T) {
	var raw []byte
	for i := range 50 {
		raw = append(raw, stored(build(tp("t", 0), record.LZ4, i*1000, 1000), int64(i*1000), noProducer, 0)...)
	}
	var d decoder
	m := new(memory)
	for range 3 {
		m.empty()
		if next, _, err := d.decode(m, raw, 0, nil); err != nil || next != 50000 {
			t.Fatalf("next %d, error %v", next, err)
		}
		for i := range m.records {
			if r := &m.records[i]; string(r.Value) != fmt.Sprintf("v%d", i) || r.Offset != int64(i) {
				t.Fatalf("record %d is %s at %d", i, r.Value, r.Offset)
			}
		}
	}
}

func TestDecodeOffsets(t *testing.T) {
	first, second := stored(build(tp("t", 0), 0, 0, 10), 100, noProducer, 0), stored(build(tp("t", 0), 0, 10, 10), 110, noProducer, 0)
	compacted := stored(build(tp("t", 0), 0, 0, 3), 120, noProducer, 0)
	binary.BigEndian.PutUint32(compacted[batchLastDelta:], 29) // its later records were compacted away
	resum(compacted)
	empty := stored(new(record.Builder), 150, noProducer, 0)
	binary.BigEndian.PutUint32(empty[batchLastDelta:], 4)
	resum(empty)
	all := slices.Concat(first, second, compacted, empty)
	for name, c := range map[string]struct {
		data  []byte
		from  int64
		want  []int64
		next  int64
		fails bool
	}{
		"records below the asked offset are dropped": {first, 107, []int64{107, 108, 109}, 110, false},
		"a batch wholly below it, too":               {slices.Concat(first, second), 118, []int64{118, 119}, 120, false},
		"what is cut off comes again":                {slices.Concat(first, second[:len(second)-1]), 109, []int64{109}, 110, false},
		"the header is cut off":                      {slices.Concat(first, second[:20]), 109, []int64{109}, 110, false},
		"compacted batches":                          {slices.Concat(compacted, empty), 121, []int64{121, 122}, 155, false},
		"an empty batch advances":                    {empty, 150, []int64{}, 155, false},
		"nothing":                                    {nil, 42, []int64{}, 42, false},
		"past the end":                               {all, 155, []int64{}, 155, false},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			next, _, err := new(decoder).decode(&m, c.data, c.from, nil)
			if got := offsets(&m); !slices.Equal(got, c.want) || next != c.next || err != nil {
				t.Errorf("offsets %v, next %d, error %v; want %v, next %d", got, next, err, c.want, c.next)
			}
		})
	}
}

func TestDecodeAppendTime(t *testing.T) {
	raw := stored(build(tp("t", 0), 0, 0, 2), 0, noProducer, attrAppendTime)
	binary.BigEndian.PutUint64(raw[batchMaxTime:], 77)
	var m memory
	if _, _, err := new(decoder).decode(&m, resum(raw), 0, nil); err != nil || m.records[0].Time != 77 || m.records[1].Time != 77 {
		t.Fatalf("times %v, error %v", m.records, err)
	}
}

// Aborted transactions are left out, and only they: interleaved producers, one that aborts and commits in turn, records without a transaction.
func TestDecodeAborted(t *testing.T) {
	a, b := producerID{7, 0}, producerID{8, 0}
	log := slices.Concat(
		stored(build(tp("t", 0), 0, 0, 2), 0, a, attrTransactional),           // 0 1: aborted
		stored(build(tp("t", 0), 0, 0, 2), 2, b, attrTransactional),           // 2 3: committed
		stored(build(tp("t", 0), 0, 0, 1), 4, noProducer, 0),                  // 4: no transaction
		stored(build(tp("t", 0), record.LZ4, 0, 40), 5, a, attrTransactional), // 5-44: aborted
		marker(45, a, false),
		marker(46, b, true),
		stored(build(tp("t", 0), 0, 0, 2), 47, a, attrTransactional), // 47 48: committed
		marker(49, a, true),
		stored(build(tp("t", 0), 0, 0, 1), 50, a, attrTransactional), // 50: aborted
		stored(build(tp("t", 0), 0, 0, 1), 51, a, 0),                 // 51: the same producer outside of a transaction
		marker(52, a, false),
	)
	aborts := []aborted{{7, 0}, {7, 50}}
	for _, committed := range []bool{true, false} {
		var m memory
		d := decoder{committed: committed}
		next, _, err := d.decode(&m, log, 0, aborts)
		want := []int64{2, 3, 4, 47, 48, 51}
		if !committed {
			want = append([]int64{0, 1, 2, 3, 4}, seq(5, 45)...)
			want = append(want, 47, 48, 50, 51)
		}
		if got := offsets(&m); !slices.Equal(got, want) || next != 53 || err != nil {
			t.Errorf("committed %v: offsets %v, next %d, error %v", committed, got, next, err)
		}
	}
}

func seq(from, to int64) (s []int64) {
	for ; from < to; from++ {
		s = append(s, from)
	}
	return s
}

func TestDecodeDamage(t *testing.T) {
	good := stored(build(tp("t", 0), 0, 0, 3), 10, noProducer, 0)
	change := func(at int, to byte, sum bool) []byte {
		b := stored(build(tp("t", 0), 0, 3, 3), 13, noProducer, 0)
		b[at] = to
		if sum {
			resum(b)
		}
		return slices.Concat(good, b)
	}
	for name, data := range map[string][]byte{
		"checksum":             change(batchHeader+3, 99, false),
		"old format":           change(batchMagic, 1, true),
		"too short":            change(batchLength+3, 10, true),
		"unknown compression":  change(batchAttributes+1, 7, true),
		"not compressed":       change(batchAttributes+1, byte(record.Zstd), true),
		"too many records":     change(batchCount+3, 4, true),
		"countless records":    change(batchCount, 0x7f, true),
		"negative count":       change(batchCount, 0xff, true),
		"ends before it began": change(batchLastDelta, 0xff, true),
		"record length":        change(batchHeader, 0x7e, true),
		"key length":           change(batchHeader+4, 0x7e, true),
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			next, _, err := new(decoder).decode(&m, data, 0, nil)
			if !errors.Is(err, ErrDamaged) || next != 13 || len(m.records) != 3 {
				t.Errorf("next %d, %d records, error %v", next, len(m.records), err)
			}
		})
	}
}

// Whatever the bytes are, the decoder ends without a panic, in ascending offsets, and does not go back.
func FuzzDecode(f *testing.F) {
	for kind := record.None; kind <= record.Zstd; kind++ {
		f.Add(stored(build(tp("t", 0), kind, 0, 20), 5, noProducer, 0), uint16(0), byte(0), int64(0))
		f.Add(stored(build(tp("t", 0), kind, 0, 20), 5, producerID{7, 0}, attrTransactional), uint16(70), byte(3), int64(9))
	}
	f.Add(slices.Concat(stored(build(tp("t", 0), 0, 0, 2), 0, producerID{7, 0}, attrTransactional), marker(2, producerID{7, 0}, false)), uint16(12), byte(1), int64(1))
	f.Fuzz(func(t *testing.T, data []byte, at uint16, flip byte, from int64) {
		data = bytes.Clone(data)
		if len(data) > 0 {
			data[int(at)%len(data)] ^= flip
		}
		if len(data) >= batchHeader { // so that what is behind the checksum is reached
			if size := int64(binary.BigEndian.Uint32(data[batchLength:])) + 12; size >= batchHeader && size <= int64(len(data)) {
				resum(data[:size])
			}
		}
		var m memory
		d := decoder{committed: at%2 == 0}
		next, _, err := d.decode(&m, data, from, []aborted{{7, 0}})
		if next < from {
			t.Fatalf("went back from %d to %d (error %v)", from, next, err)
		}
		for i := range m.records {
			if r := &m.records[i]; r.Offset < from || r.Offset >= next {
				t.Fatalf("record at %d is outside of %d to %d", r.Offset, from, next)
			}
		}
	})
}

// Every truncation and every single flipped bit of a batch is noticed or harmless, in each compression.
func TestDecodeEveryFlip(t *testing.T) {
	for kind := record.None; kind <= record.Zstd; kind++ {
		raw := stored(build(tp("t", 0), kind, 0, 12), 5, noProducer, 0)
		d := new(decoder)
		for cut := range raw {
			m := new(memory)
			if next, _, err := d.decode(m, raw[:cut], 0, nil); len(m.records) != 0 || next != 0 || err != nil {
				t.Fatalf("%v cut at %d: %d records, next %d, error %v", kind, cut, len(m.records), next, err)
			}
		}
		for bit := range 8 * len(raw) {
			m := new(memory)
			damaged := bytes.Clone(raw)
			damaged[bit/8] ^= 1 << (bit % 8)
			_, _, err := d.decode(m, damaged, 0, nil)
			if bit/8 >= batchCRC && !errors.Is(err, ErrDamaged) {
				t.Fatalf("%v bit %d flipped: error %v", kind, bit, err)
			}
			resum(damaged)
			d.decode(m, damaged, 0, nil) // must not panic behind the checksum either
		}
	}
}

func TestDecodeAllocatesPerBatchOnly(t *testing.T) {
	for _, kind := range []Compression{record.None, record.Snappy, record.LZ4, record.Zstd} {
		raw := stored(build(tp("t", 0), kind, 0, 1000), 0, noProducer, 0)
		var m memory
		var d decoder
		if n := testing.AllocsPerRun(20, func() {
			m.empty()
			d.decode(&m, raw, 0, nil)
		}); n > 4 {
			t.Errorf("%v: decoding 1000 records allocates %v times", kind, n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	value := []byte(`{"order_id":"8c1f00d2","account_id":4711,"amount":3,"price":12.5,"currency":"EUR","ts":1700000000000,"x":"abcdef"}`)
	for kind := record.None; kind <= record.Zstd; kind++ {
		b.Run(kind.String(), func(b *testing.B) {
			var raw []byte
			const n = 10240
			for i := range n / 128 {
				x := &record.Builder{Compression: kind}
				for j := range 128 {
					x.Add(nil, append(value[:20:20], fmt.Sprintf("%08d%s", i*j, value[28:])...), 1700000000000, nil, 0, nil)
				}
				raw = append(raw, stored(x, int64(i*128), noProducer, 0)...)
			}
			var m memory
			var d decoder
			b.ReportAllocs()
			for b.Loop() {
				m.empty()
				if next, _, err := d.decode(&m, raw, 0, nil); next != n || err != nil {
					b.Fatal(next, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}

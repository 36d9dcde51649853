package record

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// decoded is one record as read back from a Builder's records section.
type decoded struct {
	key, value []byte
	time       int64
	headers    []Header
}

// decode reads a records section, as https://kafka.apache.org/documentation/#record describes it.
func decode(t *testing.T, b *Builder) []decoded {
	t.Helper()
	var all []decoded
	left := b.Records
	varint := func(from *[]byte) int64 {
		v, n := binary.Varint(*from)
		if n <= 0 {
			t.Fatalf("record %d is cut short", len(all))
		}
		*from = (*from)[n:]
		return v
	}
	field := func(from *[]byte) []byte {
		n := varint(from)
		if n < 0 {
			return nil
		}
		f := (*from)[:n:n]
		*from = (*from)[n:]
		return f
	}
	for len(left) > 0 {
		size := varint(&left)
		body := left[:size]
		left = left[size:]
		if body[0] != 0 {
			t.Fatalf("record %d has attributes %d", len(all), body[0])
		}
		body = body[1:]
		d := decoded{time: b.BaseTime + varint(&body)}
		if delta := varint(&body); delta != int64(len(all)) {
			t.Fatalf("record %d has offset delta %d", len(all), delta)
		}
		d.key, d.value = field(&body), field(&body)
		n := varint(&body)
		for range n {
			name, value, rest, ok := NextHeader(body)
			if !ok {
				t.Fatalf("record %d: a header is damaged", len(all))
			}
			d.headers = append(d.headers, Header{string(name), value})
			body = rest
		}
		if len(body) > 0 {
			t.Fatalf("record %d has %d bytes too many", len(all), len(body))
		}
		all = append(all, d)
	}
	if int(b.Count) != len(all) {
		t.Fatalf("Count is %d, there are %d records", b.Count, len(all))
	}
	return all
}

func sameBytes(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func TestBuilderRoundTrip(t *testing.T) {
	raw := AppendHeader(AppendHeader(nil, "forwarded", []byte("x")), "null", nil)
	long := bytes.Repeat([]byte("v"), 70_000)
	want := []decoded{
		{[]byte("k"), []byte("v"), 1000, nil},
		{nil, []byte("no key"), 900, nil},        // earlier than the first: a negative delta
		{[]byte{}, []byte{}, 2000, nil},          // empty is not null
		{[]byte("tombstone"), nil, 1 << 45, nil}, // far ahead
		{[]byte("h"), long, 0, []Header{{"forwarded", []byte("x")}, {"null", nil}, {"own", []byte{}}, {"", []byte("nameless")}, {"own", nil}}},
	}
	b := &Builder{TopicPartition: TopicPartition{"t", 3}, Offset: 99}
	for _, r := range want {
		if r.headers == nil {
			b.Add(r.key, r.value, r.time, nil, 0, nil)
		} else {
			b.Add(r.key, r.value, r.time, raw, 2, r.headers[2:])
		}
	}
	if b.Offset != -1 || b.BaseTime != 1000 || b.MaxTime != 1<<45 {
		t.Errorf("offset %d, base time %d, max time %d", b.Offset, b.BaseTime, b.MaxTime)
	}
	got := decode(t, b)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if !sameBytes(g.key, w.key) || !sameBytes(g.value, w.value) || g.time != w.time || len(g.headers) != len(w.headers) {
			t.Errorf("record %d is %.80v, want %.80v", i, g, w)
			continue
		}
		for j, h := range w.headers {
			if g.headers[j].Name != h.Name || !sameBytes(g.headers[j].Value, h.Value) {
				t.Errorf("record %d, header %d is %v, want %v", i, j, g.headers[j], h)
			}
		}
	}
}

// What was added after a mark is gone after Rewind, as if it had never been there; also the first record's time.
func TestBuilderRewind(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var kept, plain Builder
		add := func(b *Builder, i int, at int64) {
			b.Add([]byte(strconv.Itoa(i)), []byte("v"), at, nil, 0, []Header{{"h", []byte("x")}})
		}
		for i := range random.IntN(8) {
			at := random.Int64N(1000)
			undone := kept.Mark()
			for j := range random.IntN(3) {
				add(&kept, 100+j, random.Int64N(5000))
			}
			kept.Rewind(undone)
			add(&kept, i, at)
			add(&plain, i, at)
		}
		if !bytes.Equal(kept.Records, plain.Records) || kept.Count != plain.Count || kept.BaseTime != plain.BaseTime || kept.MaxTime != plain.MaxTime {
			t.Fatalf("after rewinding: %+v\nwithout what was undone: %+v", kept, plain)
		}
	}
}

func TestBuilderReset(t *testing.T) {
	b := &Builder{Compression: Zstd}
	b.Add(nil, []byte("old"), 5, nil, 0, nil)
	b.Offset = 17
	b.Reset()
	b.Add(nil, []byte("new"), 7, nil, 0, nil)
	got := decode(t, b)
	if len(got) != 1 || string(got[0].value) != "new" || got[0].time != 7 || b.MaxTime != 7 || b.Offset != -1 || b.Compression != Zstd {
		t.Errorf("after Reset: %+v, offset %d, compression %v", got, b.Offset, b.Compression)
	}
}

func TestBuilderDoesNotAllocate(t *testing.T) {
	b := &Builder{}
	key, value, headers := []byte("key"), []byte("value"), []Header{{"h", []byte("x")}}
	step := func() {
		b.Reset()
		for range 100 {
			b.Add(key, value, 5, nil, 0, headers)
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("100 records allocate %v times", n)
	}
}

// NextHeader stops at damage: it neither panics nor reads beyond the end.
func FuzzNextHeader(f *testing.F) {
	f.Add(AppendHeader(AppendHeader(nil, "a", nil), "b", []byte("c")))
	f.Add([]byte{2, 'a', 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		left := b
		for len(left) > 0 {
			name, value, rest, ok := NextHeader(left)
			if !ok {
				return
			}
			if len(rest) >= len(left) {
				t.Fatalf("no progress at %x", left)
			}
			again = AppendHeader(again[:0], string(name), value)
			n, v, _, ok := NextHeader(again)
			if !ok || !bytes.Equal(n, name) || !sameBytes(v, value) {
				t.Fatalf("%q=%q read back as %q=%q", name, value, n, v)
			}
			left = rest
		}
	})
}

func TestCompressionNames(t *testing.T) {
	for c, want := range map[Compression]string{None: "none", Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", Zstd: "zstd", 5: "unknown compression", -1: "unknown compression"} {
		if got := c.String(); got != want {
			t.Errorf("compression %d is called %q, want %q", int8(c), got, want)
		}
	}
}

// The hashes come from Java's client; the file's first line says what its columns are.
func TestMurmur2(t *testing.T) {
	text, err := os.ReadFile("testdata/murmur2.txt")
	if err != nil {
		t.Fatal(err)
	}
	counts := []int32{1, 3, 4, 8, 12, 100}
	checked := map[string]int{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		kind, hash := f[0], number(t, f[2])
		key, err := hex.DecodeString(strings.TrimPrefix(f[1], "-"))
		if err != nil || len(f) != 3+len(counts) {
			t.Fatalf("%s: %v", line, err)
		}
		if got := Murmur2(key); int32(got) != hash {
			t.Errorf("%s %x: hash %d, want %d", kind, key, int32(got), hash)
		}
		for i, n := range counts {
			if got, want := Partition(key, n), number(t, f[3+i]); got != want {
				t.Errorf("%s %x: partition %d of %d, want %d", kind, key, got, n, want)
			}
		}
		checked[kind]++
	}
	for _, kind := range []string{"utf8", "bytes", "int32", "int64"} {
		if checked[kind] == 0 {
			t.Errorf("no case of kind %s", kind)
		}
	}
}

func number(t *testing.T, text string) int32 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

func TestReleaseOnce(t *testing.T) {
	b := &Batch{Records: make([]Record, 1)}
	n := 0
	b.OnRelease(func() { n++ })
	b.Release()
	b.Release()
	if n != 1 || b.Records != nil {
		t.Errorf("released %d times, records %v", n, b.Records)
	}
}

func TestLastHeader(t *testing.T) {
	h := AppendHeader(AppendHeader(AppendHeader(nil, "a", []byte("1")), "b", nil), "a", []byte("2"))
	if got := LastHeader(h, "a"); string(got) != "2" {
		t.Errorf("a is %q, want the last of two", got)
	}
	for what, got := range map[string][]byte{"null": LastHeader(h, "b"), "absent": LastHeader(h, "c"), "damaged": LastHeader(h[:len(h)-1], "a")} {
		if got != nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

package broker

import "encoding/binary"

// This file has the primitive types of the Kafka protocol, both ways. Big endian; lengths are int16 for strings and int32 for bytes and arrays
// in classic messages, and unsigned varints of length+1 in flexible ones (the "compact" types).

func putInt8(b []byte, v int8) []byte   { return append(b, byte(v)) }
func putInt16(b []byte, v int16) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) }
func putInt32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }
func putInt64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

func putBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func putString(b []byte, s string) []byte { return append(putInt16(b, int16(len(s))), s...) }

// putOptional writes "" as a null string.
func putOptional(b []byte, s string) []byte {
	if s == "" {
		return putInt16(b, -1)
	}
	return putString(b, s)
}

func putBytes(b, v []byte) []byte { return append(putInt32(b, int32(len(v))), v...) }

func putCompact(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))+1), s...)
}

func putCompactLen(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)+1) }

// reader takes values off a response. After the first value that isn't there everything reads as zero and bad is set:
// callers look at it once, at the end.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) int8() int8 {
	if v := r.take(1); v != nil {
		return int8(v[0])
	}
	return 0
}

func (r *reader) bool() bool { return r.int8() != 0 }

func (r *reader) int16() int16 {
	if v := r.take(2); v != nil {
		return int16(binary.BigEndian.Uint16(v))
	}
	return 0
}

func (r *reader) code() Code { return Code(r.int16()) }

func (r *reader) int32() int32 {
	if v := r.take(4); v != nil {
		return int32(binary.BigEndian.Uint32(v))
	}
	return 0
}

func (r *reader) int64() int64 {
	if v := r.take(8); v != nil {
		return int64(binary.BigEndian.Uint64(v))
	}
	return 0
}

// raw is a string as a view.
func (r *reader) raw() []byte {
	n := int(r.int16())
	if n < 0 {
		return nil
	}
	return r.take(n)
}

func (r *reader) string() string { return string(r.raw()) }

// bytes is a view, nil for null.
func (r *reader) bytes() []byte {
	n := int(r.int32())
	if n < 0 {
		return nil
	}
	return r.take(n)
}

// copied is bytes that outlive the response's buffer.
func (r *reader) copied() []byte {
	v := r.bytes()
	if v == nil {
		return nil
	}
	return append([]byte{}, v...)
}

// count is an array's length, 0 for null. No element is shorter than one byte, so a longer array than what is left is damage.
func (r *reader) count() int {
	n := int(r.int32())
	if n > len(r.b) {
		r.bad, r.b = true, nil
	}
	if n < 0 || r.bad {
		return 0
	}
	return n
}

func (r *reader) int32s() {
	for range r.count() {
		r.int32()
	}
}

func (r *reader) uvarint() int {
	v, w := binary.Uvarint(r.b)
	if w <= 0 || v > 1<<31 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[w:]
	return int(v)
}

func (r *reader) compact() string {
	n := r.uvarint()
	if n <= 1 {
		return ""
	}
	return string(r.take(n - 1))
}

func (r *reader) compactCount() int {
	n := r.uvarint() - 1
	if n > len(r.b) {
		r.bad, r.b = true, nil
	}
	if n < 0 || r.bad {
		return 0
	}
	return n
}

// tags skips the tagged fields that end each structure of a flexible message.
func (r *reader) tags() {
	n := r.uvarint()
	for range n {
		if r.bad {
			return
		}
		r.uvarint()
		r.take(r.uvarint())
	}
}

package codec

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

type (
	signed interface {
		~int | ~int8 | ~int16 | ~int32 | ~int64
	}
	unsigned interface {
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
	}
)

// StringKey is the codec of keys that are strings: their bytes as they are.
func StringKey[T ~string]() Key[T] {
	return Key[T]{
		Append:     func(dst []byte, k T) ([]byte, error) { return append(dst, k...), nil },
		Decode:     func(b []byte) (T, error) { return T(b), nil },
		AppendJSON: func(dst []byte, k T) ([]byte, error) { return AppendString(dst, k), nil },
		Parse:      func(text string) (T, error) { return T(text), nil },
	}
}

// BytesKey is the codec of keys that are byte slices: the bytes as they are; in JSON, base64.
func BytesKey[T ~[]byte]() Key[T] {
	return Key[T]{
		Append:     func(dst []byte, k T) ([]byte, error) { return append(dst, k...), nil },
		Decode:     func(b []byte) (T, error) { return append(T{}, b...), nil },
		AppendJSON: func(dst []byte, k T) ([]byte, error) { return AppendBytes(dst, k), nil },
		Parse:      func(text string) (T, error) { return T(text), nil },
	}
}

// ArrayKey is the codec of keys that are byte arrays: the bytes as they are; in JSON an array of numbers, as encoding/json has it.
// view returns the array as a slice. The text form is the bytes themselves, or twice as many hexadecimal digits.
func ArrayKey[T any](view func(*T) []byte) Key[T] {
	decode := func(b []byte) (k T, err error) {
		if into := view(&k); len(b) != len(into) {
			return k, fmt.Errorf("a key of %d bytes, but its type has %d; check who writes the topic", len(b), len(into))
		} else {
			copy(into, b)
		}
		return k, nil
	}
	return Key[T]{
		Append: func(dst []byte, k T) ([]byte, error) { return append(dst, view(&k)...), nil },
		Decode: decode,
		AppendJSON: func(dst []byte, k T) ([]byte, error) {
			dst = append(dst, '[')
			for i, c := range view(&k) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = AppendUint(dst, c)
			}
			return append(dst, ']'), nil
		},
		Parse: func(text string) (T, error) {
			var zero T
			if b, err := hex.DecodeString(text); err == nil && len(b) == len(view(&zero)) {
				return decode(b)
			}
			return decode([]byte(text))
		},
	}
}

// IntKey is the codec of keys that are signed integers: decimal text without leading zeros.
func IntKey[T signed]() Key[T] { return numberKey[T]() }

// UintKey is the codec of keys that are unsigned integers: decimal text without leading zeros.
func UintKey[T unsigned]() Key[T] { return numberKey[T]() }

func numberKey[T interface{ signed | unsigned }]() Key[T] {
	write := func(dst []byte, k T) ([]byte, error) { return appendNumber(dst, k), nil }
	return Key[T]{
		Append: write,
		Decode: func(b []byte) (T, error) {
			k, err := parseNumber[T](string(b))
			var canonical [20]byte
			if err != nil || string(appendNumber(canonical[:0], k)) != string(b) {
				// Another spelling of the number would be another key: other bytes give another partition.
				return k, fmt.Errorf("the key %q is not an integer of %d bits in its shortest text", b, unsafe.Sizeof(k)*8)
			}
			return k, nil
		},
		AppendJSON: write,
		Parse: func(text string) (T, error) {
			k, err := parseNumber[T](text)
			if err != nil {
				return k, fmt.Errorf("the key %q is not an integer of %d bits", text, unsafe.Sizeof(k)*8)
			}
			return k, nil
		},
	}
}

// BoolKey is the codec of keys that are bools: true or false.
func BoolKey[T ~bool]() Key[T] {
	parse := func(text string) (T, error) {
		switch text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, fmt.Errorf("the key %q is neither true nor false", text)
	}
	write := func(dst []byte, k T) ([]byte, error) { return AppendBool(dst, k), nil }
	return Key[T]{Append: write, Decode: func(b []byte) (T, error) { return parse(string(b)) }, AppendJSON: write, Parse: parse}
}

// TimeKey is the codec of keys that are times: RFC 3339 in UTC, with as many digits of the second as they need. Keys that are read are in UTC.
func TimeKey() Key[time.Time] {
	parse := func(text string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return t, fmt.Errorf("the key %q is not an RFC 3339 time such as 2006-01-02T15:04:05Z: %w", text, err)
		}
		return t.UTC(), nil
	}
	return Key[time.Time]{
		Append:     func(dst []byte, k time.Time) ([]byte, error) { return appendTime(dst, k.UTC()) },
		Decode:     func(b []byte) (time.Time, error) { return parse(string(b)) },
		AppendJSON: func(dst []byte, k time.Time) ([]byte, error) { return AppendTime(dst, k.UTC()) },
		Parse:      parse,
		Normal:     func(k time.Time) time.Time { return k.Round(0).UTC() }, // Round drops the monotonic clock, which == compares too
	}
}

// BigEndian is key_codec=be of integers: 8 bytes as Java's Long serializer writes them for types of 64 bits, else 4 bytes as its Integer
// serializer does. Unsigned types have the same bits. Text and JSON forms are those of IntKey.
func BigEndian[T interface{ signed | unsigned }]() Key[T] {
	k := numberKey[T]()
	var zero T
	wide := unsafe.Sizeof(zero) == 8 || strconv.IntSize == 32 && isInt[T]()
	k.Append = func(dst []byte, k T) ([]byte, error) {
		if wide {
			return binary.BigEndian.AppendUint64(dst, uint64(k)), nil
		}
		return binary.BigEndian.AppendUint32(dst, uint32(k)), nil
	}
	k.Decode = func(b []byte) (T, error) {
		var k T
		switch {
		case wide && len(b) == 8:
			n := binary.BigEndian.Uint64(b)
			if k = T(n); uint64(k) == n {
				return k, nil
			}
		case !wide && len(b) == 4:
			n := binary.BigEndian.Uint32(b)
			if k = T(n); uint32(k) == n {
				return k, nil
			}
		}
		size := 4
		if wide {
			size = 8
		}
		return k, fmt.Errorf("a key of %d bytes (%x) is no big-endian integer of %d bytes for %T; check key_codec= against who writes the topic", len(b), b, size, k)
	}
	return k
}

// isInt tells int and uint, which are written as 64 bits on every machine, from int32 and uint32 where they have the same size.
func isInt[T interface{ signed | unsigned }]() bool {
	var zero T
	switch any(zero).(type) {
	case int, uint:
		return true
	}
	return false
}

// JSONKey is the codec of keys that are records: their compact JSON. utc, if not nil, moves the key's times to UTC, so that equal
// instants are equal keys and equal bytes.
func JSONKey[K any](write func(dst []byte, k *K) ([]byte, error), read func(r *Reader, k *K), utc func(k *K)) Key[K] {
	encode := func(dst []byte, k K) ([]byte, error) {
		if utc != nil {
			utc(&k)
		}
		return write(dst, &k)
	}
	decode := func(b []byte) (k K, err error) {
		r := readers.Get().(*Reader)
		defer readers.Put(r)
		r.Reset(b)
		read(r, &k)
		if err = r.Finish(); err == nil && utc != nil {
			utc(&k)
		}
		return k, err
	}
	key := Key[K]{
		Append:     encode,
		Decode:     decode,
		AppendJSON: encode,
		Parse:      func(text string) (K, error) { return decode([]byte(text)) },
	}
	if utc != nil {
		// Through the bytes, since a field's layout or epoch may write less of a time than it holds.
		key.Normal = func(k K) K {
			b, err := encode(nil, k)
			if err != nil {
				return k // whoever writes the key hears of it
			}
			if own, err := decode(b); err == nil {
				return own
			}
			return k
		}
	}
	return key
}

// readers serve JSONKey, whose decoders have no Reader of their own: one on the stack would escape through read.
var readers = sync.Pool{New: func() any { return NewReader(Copy) }}

// Text is codec=text of a type that has a text form as a key: the same bytes, as a value.
func Text[V any](key Key[V], flat, fails bool) Value[V] {
	return Value[V]{
		Name:   "text",
		Append: func(dst []byte, v *V) ([]byte, error) { return key.Append(dst, *v) },
		Decode: func(_ *Reader, b []byte, v *V) (err error) {
			*v, err = key.Decode(b)
			return err
		},
		Flat:  flat,
		Fails: fails,
	}
}

// StringValue is codec=text and codec=raw of strings: the bytes as they are.
func StringValue[V ~string](name string) Value[V] {
	return Value[V]{
		Name:   name,
		Append: func(dst []byte, v *V) ([]byte, error) { return append(dst, *v...), nil },
		Decode: func(r *Reader, b []byte, v *V) error {
			*v = V(r.keep(b, true))
			return nil
		},
		Flat:  true,
		Clone: func(v *V) { *v = V(string([]byte(*v))) },
	}
}

// BytesValue is codec=text and codec=raw of byte slices: the bytes as they are, in a slice of their own.
func BytesValue[V ~[]byte](name string) Value[V] {
	return Value[V]{
		Name:   name,
		Append: func(dst []byte, v *V) ([]byte, error) { return append(dst, *v...), nil },
		Decode: func(_ *Reader, b []byte, v *V) error {
			*v = append(V{}, b...)
			return nil
		},
	}
}

// TextKey is the codec of keys with a MarshalText and an UnmarshalText: that text; in JSON, in quotes.
func TextKey[T encoding.TextMarshaler, P interface {
	*T
	encoding.TextUnmarshaler
}]() Key[T] {
	text := func(k T) ([]byte, error) {
		b, err := k.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("the text of the key %v: %w", k, err)
		}
		return b, nil
	}
	decode := func(b []byte) (k T, err error) {
		if err = P(&k).UnmarshalText(b); err != nil {
			err = fmt.Errorf("the key %q is no %T: %w", b, k, err)
		}
		return k, err
	}
	return Key[T]{
		Append: func(dst []byte, k T) ([]byte, error) {
			b, err := text(k)
			return append(dst, b...), err
		},
		Decode: func(b []byte) (T, error) { return decode(bytes.Clone(b)) },
		AppendJSON: func(dst []byte, k T) ([]byte, error) {
			b, err := text(k)
			return AppendString(dst, string(b)), err
		},
		Parse: func(text string) (T, error) { return decode([]byte(text)) },
	}
}

// FloatText is the form of a float for codec=text: decimal text as in JSON.
func FloatText[T ~float32 | ~float64]() Key[T] {
	var zero T
	size := int(unsafe.Sizeof(zero)) * 8
	write := func(dst []byte, k T) ([]byte, error) { return appendFloat(dst, float64(k), size) }
	parse := func(text string) (T, error) {
		f, err := strconv.ParseFloat(text, size)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return 0, fmt.Errorf("%q is not a number", text)
		}
		return T(f), nil
	}
	return Key[T]{
		Append:     write,
		Decode:     func(b []byte) (T, error) { return parse(string(b)) },
		AppendJSON: write,
		Parse:      parse,
	}
}

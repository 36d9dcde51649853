package codec

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// AppendString appends s in quotes. Quotes, backslashes, control characters and the line separators U+2028 and U+2029 are escaped;
// <, > and & are not. Bytes that are not UTF-8 become \ufffd, as in encoding/json.
func AppendString[T ~string](dst []byte, s T) []byte {
	dst = append(dst, '"')
	b := unsafe.Slice(unsafe.StringData(string(s)), len(s))
	if i := plain(b, 0); i < len(b) {
		return append(escapeText(dst, b, i), '"')
	}
	dst = append(dst, b...)
	return append(dst, '"')
}

// escapeText appends b, whose first i bytes need nothing.
func escapeText(dst, b []byte, i int) []byte {
	from := 0
	for i < len(b) {
		c := b[i]
		if c >= utf8.RuneSelf {
			n, size := utf8.DecodeRune(b[i:])
			switch {
			case n == utf8.RuneError && size == 1:
				dst = append(append(dst, b[from:i]...), `\ufffd`...)
				from = i + 1
			case n == '\u2028' || n == '\u2029':
				dst = append(append(dst, b[from:i]...), `\u202`...)
				dst = append(dst, hexDigits[n&0xf])
				from = i + size
			}
			i = plain(b, i+size)
			continue
		}
		dst = append(dst, b[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
		from = i + 1
		i = plain(b, from)
	}
	return append(dst, b[from:]...)
}

const hexDigits = "0123456789abcdef"

// AppendBool appends true or false.
func AppendBool[T ~bool](dst []byte, b T) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// AppendInt appends n.
func AppendInt[T ~int | ~int8 | ~int16 | ~int32 | ~int64](dst []byte, n T) []byte {
	if n >= 0 {
		return appendUint(dst, uint64(n))
	}
	return appendUint(append(dst, '-'), -uint64(n))
}

// AppendUint appends n.
func AppendUint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, n T) []byte {
	return appendUint(dst, uint64(n))
}

// appendUint is strconv.AppendUint for the short numbers that most are.
func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n < 10:
		return append(dst, byte('0'+n))
	case n < 100:
		return append(dst, byte('0'+n/10), byte('0'+n%10))
	case n < 1000:
		return append(dst, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
	}
	return strconv.AppendUint(dst, n, 10)
}

// AppendFloat64 appends f in encoding/json's format. It fails for what JSON cannot write: NaN and the infinities.
func AppendFloat64[T ~float64](dst []byte, f T) ([]byte, error) {
	if out, ok := appendDecimal(dst, float64(f)); ok {
		return out, nil
	}
	return appendFloat(dst, float64(f), 64)
}

// AppendFloat32 is AppendFloat64 for float32.
func AppendFloat32[T ~float32](dst []byte, f T) ([]byte, error) {
	return appendFloat(dst, float64(f), 32)
}

// appendDecimal writes the numbers that people write: integers and up to six decimals, with 15 digits at most. No two decimals of that
// length are the same float64, so one that gives f back is the shortest.
func appendDecimal(dst []byte, f float64) ([]byte, bool) {
	a := math.Abs(f)
	if !(a < 1e9) || f == 0 { // also NaN; zero may have a sign
		return dst, false
	}
	n, digits := uint64(a*1e3+0.5), 3
	if float64(n)/1e3 != a {
		if n, digits = uint64(a*1e6+0.5), 6; n >= 1e15 || float64(n)/1e6 != a {
			return dst, false
		}
	}
	if f < 0 {
		dst = append(dst, '-')
	}
	if digits == 3 {
		return appendThousandths(appendUint(dst, n/1e3), n%1e3), true
	}
	dst = appendUint(dst, n/1e6)
	return appendFraction(dst, n%1e6, digits), true // not 0, or three digits would have done
}

// appendThousandths is appendFraction for the three digits of nearly all decimals; nothing if they are 0.
func appendThousandths(dst []byte, n uint64) []byte {
	a, b, c := byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10)
	switch {
	case c != '0':
		return append(dst, '.', a, b, c)
	case b != '0':
		return append(dst, '.', a, b)
	case a != '0':
		return append(dst, '.', a)
	}
	return dst
}

func appendFloat(dst []byte, f float64, size int) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("%v has no form in JSON; check the number before it is sent or stored", f)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (size == 64 && (a < 1e-6 || a >= 1e21) || size == 32 && (float32(a) < 1e-6 || float32(a) >= 1e21)) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, size)
	if n := len(dst); format == 'e' && n >= 4 && string(dst[n-4:n-1]) == "e-0" {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, nil
}

// AppendBytes appends b as base64 in quotes, and null if it is nil.
func AppendBytes[T ~[]byte](dst []byte, b T) []byte {
	if b == nil {
		return append(dst, "null"...)
	}
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(dst, '"')
}

// Bytes reads base64 in quotes, or an array of numbers. The result never aliases the document.
func (r *Reader) Bytes(p *[]byte) {
	switch r.peek() {
	case '"':
		from := r.pos
		text, _, ok := r.text()
		if !ok {
			return
		}
		b := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(b, text)
		if err != nil {
			r.fail(from, "bytes in base64")
			return
		}
		*p = b[:n]
	case '[':
		if b := []byte{}; r.Array() {
			for r.Elem() {
				r.Uint8(Grow(&b))
			}
			*p = b
		}
	default:
		if r.null("bytes in base64"); r.err == nil {
			*p = nil
		}
	}
}

// Quote wraps the value that was appended to dst since from in a string, as json's string option asks for.
func Quote(dst []byte, from int) []byte {
	return AppendString(dst[:from], string(dst[from:]))
}

// Comma appends the comma before a member, unless it is the first of its object.
func Comma(dst []byte) []byte {
	if dst[len(dst)-1] == '{' {
		return dst
	}
	return append(dst, ',')
}

// Keys is the sorted keys of a map, to be walked and given back with Free.
type Keys struct{ Sorted []string }

var keysPool = sync.Pool{New: func() any { return new(Keys) }}

// StringKeys returns the keys of m in the order of their bytes. It allocates nothing once enough of them were freed.
func StringKeys[K ~string, V any](m map[K]V) *Keys {
	keys := keysPool.Get().(*Keys)
	for k := range m {
		keys.Sorted = append(keys.Sorted, string(k))
	}
	if len(keys.Sorted) > 1 {
		slices.Sort(keys.Sorted)
	}
	return keys
}

// Free gives the keys back; they must not be used afterwards.
func (k *Keys) Free() {
	clear(k.Sorted)
	k.Sorted = k.Sorted[:0]
	keysPool.Put(k)
}

// NumberKeys returns the keys of m in the order of their decimal texts, which is encoding/json's.
func NumberKeys[K ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int {
		var x, y [20]byte
		return strings.Compare(string(appendNumber(x[:0], a)), string(appendNumber(y[:0], b)))
	})
	return keys
}

func appendNumber[K ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, k K) []byte {
	if k < 0 {
		return strconv.AppendInt(dst, int64(k), 10)
	}
	return strconv.AppendUint(dst, uint64(k), 10)
}

// AppendNumberKey appends an integer as the name of a member, with its colon.
func AppendNumberKey[K ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](dst []byte, k K) []byte {
	return append(appendNumber(append(dst, '"'), k), '"', ':')
}

// NumberKey reads the name that Member found as an integer of K; text that is none, or is out of range, is an error.
func NumberKey[K ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](r *Reader) K {
	k, err := parseNumber[K](string(r.name))
	if err != nil {
		r.fail(r.pos, "an integer of "+strconv.Itoa(int(unsafe.Sizeof(k))*8)+" bits as the name before it")
	}
	return k
}

// parseNumber reads a decimal integer of K.
func parseNumber[K ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](text string) (K, error) {
	var zero K
	size := int(unsafe.Sizeof(zero)) * 8
	if zero-1 < 0 {
		n, err := strconv.ParseInt(text, 10, size)
		return K(n), err
	}
	n, err := strconv.ParseUint(text, 10, size)
	return K(n), err
}

// AppendQuotedString appends s as json's string option has it: its JSON in quotes again.
func AppendQuotedString[T ~string](dst []byte, s T) []byte {
	return AppendString(dst, string(AppendString(nil, s)))
}

// CloseQuote appends the quote behind a quoted number whose append gave dst and err.
func CloseQuote(dst []byte, err error) ([]byte, error) { return append(dst, '"'), err }

// IsZero says that *v is its type's zero value, by reflection: for types that Go cannot compare.
func IsZero[T any](v *T) bool { return reflect.ValueOf(v).Elem().IsZero() }

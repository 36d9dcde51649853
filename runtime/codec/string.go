package codec

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Eight bytes at a time: lows has the lowest bit of each byte set, highs the highest.
const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, by its highest bit, each byte of w that is a quote, a backslash, a control character or not ASCII. The lowest mark is
// exact; those above it may be wrong, because the subtractions borrow.
func special(w uint64) uint64 {
	quote, slash := w^(lows*'"'), w^(lows*'\\')
	return ((quote - lows) | (slash - lows) | (w - lows*' ') | w) & highs
}

// plain returns the index of the first byte from i on that special would mark, or len(b).
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + lowestByte(m)
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// String reads a string.
func (r *Reader) String(p *string) {
	if r.pos >= len(r.buf) || r.buf[r.pos] != '"' {
		if r.peek() != '"' {
			r.null("a string")
			return
		}
	}
	if b, aliased, ok := r.text(); ok {
		*p = r.keep(b, aliased)
	}
}

// text reads the string whose opening quote is the next byte. The bytes alias the document (aliased) or the scratch space.
func (r *Reader) text() (b []byte, aliased, ok bool) {
	from := r.pos + 1
	i := plain(r.buf, from)
	if i < len(r.buf) && r.buf[i] == '"' {
		r.pos = i + 1
		return r.buf[from:i], true, true
	}
	return r.textSlow(from, i)
}

// textSlow goes on behind the first byte that is not plain: it looks for the end of the string, and unescapes it if it must.
func (r *Reader) textSlow(from, i int) (b []byte, aliased, ok bool) {
	for escaped := false; ; {
		if i = plain(r.buf, i); i >= len(r.buf) {
			r.fail(len(r.buf), "the end of a string")
			return nil, false, false
		}
		switch c := r.buf[i]; {
		case c == '"':
			r.pos = i + 1
			if raw := r.buf[from:i]; !escaped && utf8.Valid(raw) {
				return raw, true, true
			}
			r.scratch = unescape(r.scratch[:0], r.buf[from:i])
			return r.scratch, false, true
		case c < ' ':
			r.fail(i, "a string without control characters")
			return nil, false, false
		case c == '\\':
			n := escape(r.buf[i:])
			if n == 0 {
				r.fail(i, "an escape such as \\n or \\u00e9")
				return nil, false, false
			}
			escaped = true
			i += n
		default:
			i++
		}
	}
}

// escape is the length of the escape sequence that b begins with, 0 if it is none.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var n rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		n = n<<4 | rune(c)
	}
	return n, true
}

// unescape appends the text that raw stands for; its escapes are known to be well formed. Bytes that are not UTF-8 and halves of
// surrogate pairs become U+FFFD.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '\\' && raw[i+1] == 'u':
			n, _ := hex4(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(n) {
				low := rune(utf8.RuneError)
				if i+6 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					low, _ = hex4(raw[i+2:])
				}
				if n = utf16.DecodeRune(n, low); n != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, n)
		case c == '\\':
			dst = append(dst, unescaped[raw[i+1]])
			i += 2
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			n, size := utf8.DecodeRune(raw[i:])
			dst = utf8.AppendRune(dst, n)
			i += size
		}
	}
	return dst
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// keep makes a string of b as the policy says.
func (r *Reader) keep(b []byte, aliased bool) string {
	switch {
	case len(b) == 0:
		return ""
	case r.strings == Copy:
		return string(b)
	case r.strings == Borrow && aliased && (r.outer == nil || unsafe.SliceData(r.buf) != unsafe.SliceData(r.quote)):
		// What is inside a quoted value with escapes aliases the Reader's own space, which the next one overwrites.
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return r.slabbed(b)
}

// slabbed copies b behind the strings that the current chunk holds. Bytes once handed out are never written again.
func (r *Reader) slabbed(b []byte) string {
	if len(b) > cap(r.slab) {
		if len(b) > slabLargest {
			return string(b)
		}
		// Chunks begin small: many a Reader reads one document, and one string of it that has escapes.
		r.chunk = min(max(2*r.chunk, slabLargest), slabSize)
		r.slab = make([]byte, 0, r.chunk)
	}
	s := append(r.slab, b...)
	r.slab = s[len(s):]
	return unsafe.String(unsafe.SliceData(s), len(s))
}

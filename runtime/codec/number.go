package codec

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// lowestByte is the index of the lowest marked byte of a non-zero mask.
func lowestByte(mask uint64) int { return bits.TrailingZeros64(mask) >> 3 }

// Int reads an integer; a fraction, an exponent or a number out of range is an error.
func (r *Reader) Int(p *int) {
	if n, ok := r.signed(strconv.IntSize); ok {
		*p = int(n)
	}
}

// Int8 is Int for int8.
func (r *Reader) Int8(p *int8) {
	if n, ok := r.signed(8); ok {
		*p = int8(n)
	}
}

// Int16 is Int for int16.
func (r *Reader) Int16(p *int16) {
	if n, ok := r.signed(16); ok {
		*p = int16(n)
	}
}

// Int32 is Int for int32.
func (r *Reader) Int32(p *int32) {
	if n, ok := r.signed(32); ok {
		*p = int32(n)
	}
}

// Int64 is Int for int64.
func (r *Reader) Int64(p *int64) {
	if n, ok := r.signed(64); ok {
		*p = n
	}
}

// Uint is Int for uint; a minus is an error.
func (r *Reader) Uint(p *uint) {
	if n, ok := r.unsigned(strconv.IntSize); ok {
		*p = uint(n)
	}
}

// Uint8 is Uint for uint8.
func (r *Reader) Uint8(p *uint8) {
	if n, ok := r.unsigned(8); ok {
		*p = uint8(n)
	}
}

// Uint16 is Uint for uint16.
func (r *Reader) Uint16(p *uint16) {
	if n, ok := r.unsigned(16); ok {
		*p = uint16(n)
	}
}

// Uint32 is Uint for uint32.
func (r *Reader) Uint32(p *uint32) {
	if n, ok := r.unsigned(32); ok {
		*p = uint32(n)
	}
}

// Uint64 is Uint for uint64.
func (r *Reader) Uint64(p *uint64) {
	if n, ok := r.unsigned(64); ok {
		*p = n
	}
}

// signed reads an integer of that many bits; not ok after a null or an error.
func (r *Reader) signed(size uint) (int64, bool) {
	c := r.peek()
	from := r.pos
	if c == '-' {
		r.pos++
	}
	u, ok := r.digits(from, "an integer")
	if !ok {
		return 0, false
	}
	limit := uint64(1) << (size - 1)
	if c == '-' {
		if u <= limit {
			return -int64(u), true
		}
	} else if u < limit {
		return int64(u), true
	}
	r.failRange(from, "an integer", size)
	return 0, false
}

// unsigned reads an integer of that many bits, without a sign; not ok after a null or an error.
func (r *Reader) unsigned(size uint) (uint64, bool) {
	r.peek()
	from := r.pos
	u, ok := r.digits(from, "an unsigned integer")
	if ok && size < 64 && u>>size != 0 {
		r.failRange(from, "an unsigned integer", size)
		return 0, false
	}
	return u, ok
}

// digits reads the digits of an integer that began at from, perhaps with a minus.
func (r *Reader) digits(from int, want string) (uint64, bool) {
	b, i := r.buf, r.pos
	first := i
	var u uint64
	for ; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		// Nineteen digits always fit.
		if i-first >= 19 && (u > math.MaxUint64/10 || u*10 > math.MaxUint64-uint64(d)) {
			r.failRange(from, want, 64)
			return 0, false
		}
		u = u*10 + uint64(d)
	}
	switch {
	case i == first:
		if first == from {
			r.null(want)
		} else {
			r.fail(from, want)
		}
		return 0, false
	case b[first] == '0' && i > first+1:
		r.fail(from, want+" without leading zeros")
		return 0, false
	case i < len(b) && (b[i] == '.' || b[i] == 'e' || b[i] == 'E'):
		r.fail(from, want)
		return 0, false
	}
	r.pos = i
	return u, true
}

//go:noinline
func (r *Reader) failRange(at int, want string, size uint) {
	r.fail(at, want+" of "+strconv.Itoa(int(size))+" bits")
}

// number is a JSON number in parts: mantissa × 10^exp, exact if digits ≤ 19.
type number struct {
	end      int
	negative bool
	integer  bool // neither a fraction nor an exponent
	mantissa uint64
	digits   int // of the mantissa, leading zeros included
	exp      int
}

// scanNumber reads the number at b[i:] by JSON's grammar.
func scanNumber(b []byte, i int) (n number, ok bool) {
	if i < len(b) && b[i] == '-' {
		n.negative = true
		i++
	}
	first := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		n.mantissa = n.mantissa*10 + uint64(b[i]-'0')
	}
	n.digits, n.integer = i-first, true
	if n.digits == 0 || n.digits > 1 && b[first] == '0' {
		return n, false
	}
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			n.mantissa = n.mantissa*10 + uint64(b[i]-'0')
		}
		if i == point {
			return n, false
		}
		n.digits += i - point
		n.exp, n.integer = point-i, false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		n.integer = false
		negative := i < len(b) && b[i] == '-'
		if negative || i < len(b) && b[i] == '+' {
			i++
		}
		first, e := i, 0
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			if e < 1e6 {
				e = e*10 + int(b[i]-'0')
			}
		}
		if i == first {
			return n, false
		}
		if negative {
			e = -e
		}
		n.exp += e
	}
	n.end = i
	return n, true
}

// Float64 reads a number; one out of range is an error.
func (r *Reader) Float64(p *float64) {
	if f, end, ok := decimal(r.buf, r.pos); ok {
		*p = f
		r.pos = end
		return
	}
	n, ok := r.number()
	if !ok {
		return
	}
	f, ok := n.float64()
	if !ok {
		if f, ok = r.parseFloat(n, 64); ok {
			*p = f
		}
		return
	}
	*p = f
	r.pos = n.end
}

// decimal reads a number without an exponent at b[i:], as nearly all are. Not ok says nothing.
func decimal(b []byte, i int) (f float64, end int, ok bool) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	first := i
	var m uint64
	for ; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		m = m*10 + uint64(d)
	}
	digits, exp := i-first, 0
	if digits == 0 || digits > 1 && b[first] == '0' {
		return 0, 0, false
	}
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for ; i < len(b); i++ {
			d := b[i] - '0'
			if d > 9 {
				break
			}
			m = m*10 + uint64(d)
		}
		if exp = point - i; exp == 0 {
			return 0, 0, false
		}
		digits -= exp
	}
	switch {
	case digits > 19 || i < len(b) && b[i]|0x20 == 'e':
		return 0, 0, false
	case m <= 1<<53:
		// The mantissa and the power of ten, 10^19 at most, are exact, so one division rounds correctly.
		if f = float64(m); exp < 0 {
			f /= powers64[-exp]
		}
	default:
		if f, ok = nearest(m, exp); !ok {
			return 0, 0, false
		}
	}
	if negative {
		f = -f
	}
	return f, i, true
}

// float64 is the float64 nearest to n, if that can be told without strconv.
func (n *number) float64() (float64, bool) {
	if n.digits > 19 {
		return 0, false
	}
	var f float64
	if n.mantissa <= 1<<53 && -22 <= n.exp && n.exp <= 22 {
		// Both the mantissa and the power of ten are exact, so one operation rounds correctly.
		f = float64(n.mantissa)
		if n.exp < 0 {
			f /= powers64[-n.exp]
		} else {
			f *= powers64[n.exp]
		}
	} else {
		var ok bool
		if f, ok = nearest(n.mantissa, n.exp); !ok {
			return 0, false
		}
	}
	if n.negative {
		f = -f
	}
	return f, true
}

// Float32 reads a number, rounded once; one out of range is an error.
func (r *Reader) Float32(p *float32) {
	if n, ok := r.number(); ok {
		if n.digits <= 19 && n.mantissa <= 1<<24 && -10 <= n.exp && n.exp <= 10 {
			f := float32(n.mantissa)
			if n.exp < 0 {
				f /= float32(powers64[-n.exp])
			} else {
				f *= float32(powers64[n.exp])
			}
			if n.negative {
				f = -f
			}
			*p = f
			r.pos = n.end
		} else if f, ok := r.parseFloat(n, 32); ok {
			*p = float32(f)
		}
	}
}

// number scans a number without moving behind it; not ok after a null or an error.
func (r *Reader) number() (number, bool) {
	r.peek()
	n, ok := scanNumber(r.buf, r.pos)
	if !ok {
		r.null("a number")
	}
	return n, ok
}

func (r *Reader) parseFloat(n number, size int) (float64, bool) {
	text := r.buf[r.pos:n.end]
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), size)
	if err != nil {
		r.failRange(r.pos, "a number", uint(size))
		return 0, false
	}
	r.pos = n.end
	return f, true
}

// powers64 are the powers of ten that a float64 holds exactly; the first eleven of them fit a float32.
var powers64 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

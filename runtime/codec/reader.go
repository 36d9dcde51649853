package codec

import (
	"unsafe"
)

// MaxDepth is how deep objects and arrays may nest in a document; deeper ones are an error, as in encoding/json.
const MaxDepth = 10000

// Strings says where the strings that a Reader returns have their bytes.
type Strings uint8

// The policies. Strings that had escapes or invalid UTF-8 never alias the document, whatever the policy.
const (
	Copy   Strings = iota // each string has its own allocation
	Slab                  // strings share chunks of up to 4 KiB that the Reader allocates and never reuses
	Borrow                // strings alias the document, and are valid only as long as its bytes are unchanged
)

// slabSize is the size of a chunk of the Slab policy, after smaller ones; strings longer than slabLargest get an allocation of their own,
// so that a chunk kept alive by one string costs little.
const (
	slabSize    = 4096
	slabLargest = slabSize / 4
)

// Reader reads one JSON document after another. Its methods read the value at the current position; the first error sticks: from then
// on every method does nothing, so generated code asks once, at the end. A null leaves the target of a scalar as it is.
//
// The zero Reader is ready for Reset and copies strings. A Reader belongs to one goroutine.
type Reader struct {
	buf     []byte
	pos     int
	name    []byte // of the member read last; may alias buf or scratch
	err     error
	depth   int
	strings Strings
	slab    []byte // unused rest of the current chunk, len 0
	chunk   int    // the size of the current chunk
	scratch []byte // unescaped text
	quote   []byte // unescaped text of the quoted value
	outer   []byte // the document while buf is the inside of a quoted value
	after   int    // the position behind that quoted value
}

// NewReader returns a Reader with a policy for strings.
func NewReader(s Strings) *Reader { return &Reader{strings: s} }

// Reset starts a new document. The Reader keeps doc until the next Reset, and never changes it.
func (r *Reader) Reset(doc []byte) {
	r.buf, r.pos, r.err, r.depth, r.outer = doc, 0, nil, 0, nil
}

// Policy sets where the strings of the following values have their bytes.
func (r *Reader) Policy(s Strings) { r.strings = s }

// Err is the first error since Reset: a *SyntaxError, or what a foreign type's own decoder returned, with its place.
func (r *Reader) Err() error { return r.err }

// Finish checks that nothing but white space follows the value that was read, and returns Err.
func (r *Reader) Finish() error {
	if r.err == nil && r.pos < len(r.buf) {
		if r.space(); r.pos < len(r.buf) {
			r.fail(r.pos, "the end of the document")
		}
	}
	return r.err
}

// space moves to the next byte that is not white space.
func (r *Reader) space() {
	for r.pos < len(r.buf) {
		switch r.buf[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek moves to the next byte that is not white space and returns it; 0 at the end. A zero byte in the document is no token either.
func (r *Reader) peek() byte {
	if r.pos < len(r.buf) {
		if c := r.buf[r.pos]; c > ' ' {
			return c
		}
		r.space()
		if r.pos < len(r.buf) {
			return r.buf[r.pos]
		}
	}
	return 0
}

// Null reads a null if the next value is one. Anything else is left to be read.
func (r *Reader) Null() bool {
	if r.peek() == 'n' {
		return r.literal("null")
	}
	return false
}

// null reads a null where a value of another kind was expected; anything else is the error that want names.
func (r *Reader) null(want string) {
	if r.peek() == 'n' {
		r.literal("null")
		return
	}
	r.fail(r.pos, want)
}

// literal reads the whole of true, false or null, whose first byte is the next one.
func (r *Reader) literal(s string) bool {
	if n := r.pos + len(s); n <= len(r.buf) && string(r.buf[r.pos:n]) == s {
		r.pos = n
		return true
	}
	r.fail(r.pos, s)
	return false
}

// Object enters an object: true if one begins here. A null is read and gives false, as does an error.
func (r *Reader) Object() bool {
	if r.peek() != '{' {
		r.null("an object")
		return false
	}
	return r.enter()
}

// Array enters an array: true if one begins here. A null is read and gives false, as does an error.
func (r *Reader) Array() bool {
	if r.peek() != '[' {
		r.null("an array")
		return false
	}
	return r.enter()
}

func (r *Reader) enter() bool {
	if r.depth++; r.depth > MaxDepth {
		r.fail(r.pos, "less than 10,000 levels")
		return false
	}
	r.pos++
	return true
}

// Try reads s if the document goes on with exactly these bytes: the name of the next member as AppendJSON writes it, with the comma
// before and the colon after it. It is the fast path: whatever does not match is left to Member.
func (r *Reader) Try(s string) bool {
	if n := r.pos + len(s); n <= len(r.buf) && string(r.buf[r.pos:n]) == s {
		r.pos = n
		return true
	}
	return false
}

// End leaves an object if its closing brace is the very next byte.
func (r *Reader) End() bool {
	if r.pos < len(r.buf) && r.buf[r.pos] == '}' {
		r.pos++
		r.depth--
		return true
	}
	return false
}

// Member goes to the next member of the object and reads its name; false at the end of the object, which is read too, or on an error.
func (r *Reader) Member() bool {
	// No value ends with a brace that opens, so the byte before tells the first member from the others.
	first := r.buf[r.pos-1] == '{'
	switch c := r.peek(); {
	case c == '}':
		r.pos++
		r.depth--
		return false
	case first:
	case c == ',':
		r.pos++
		r.space()
	default:
		r.fail(r.pos, "a comma or the end of the object")
		return false
	}
	if r.peek() != '"' {
		r.fail(r.pos, "the name of a member")
		return false
	}
	name, _, ok := r.text()
	if !ok {
		return false
	}
	r.name = name
	if r.peek() != ':' {
		r.fail(r.pos, "a colon")
		return false
	}
	r.pos++
	return true
}

// Name is the name of the member that Member found. Its bytes are valid until the next value is read.
func (r *Reader) Name() []byte { return r.name }

// Key is Name as a string that may be kept as the strings of values may.
func (r *Reader) Key() string {
	return r.keep(r.name, len(r.scratch) == 0 || unsafe.SliceData(r.name) != unsafe.SliceData(r.scratch))
}

// Elem goes to the next element of the array; false at its end, which is read too, or on an error.
func (r *Reader) Elem() bool {
	first := r.buf[r.pos-1] == '['
	switch c := r.peek(); {
	case c == ']':
		r.pos++
		r.depth--
		return false
	case first:
		return r.err == nil // after an error the position is the end, and the byte before it anything
	case c == ',':
		r.pos++
		return true
	}
	r.fail(r.pos, "a comma or the end of the array")
	return false
}

// Grow appends a zero element to *s and returns its address, which is valid until the next Grow.
func Grow[S ~[]E, E any](s *S) *E {
	if cap(*s) == 0 {
		*s = make(S, 1, 4)
		return &(*s)[0]
	}
	var zero E
	*s = append(*s, zero)
	return &(*s)[len(*s)-1]
}

// Bool reads true or false.
func (r *Reader) Bool(p *bool) {
	switch r.peek() {
	case 't':
		if r.literal("true") {
			*p = true
		}
	case 'f':
		if r.literal("false") {
			*p = false
		}
	default:
		r.null("true or false")
	}
}

// Quoted enters a value that json's string option wraps in a string: true if one begins here. The caller then reads the value inside
// and calls Unquote. A null, bare or in quotes, is read and gives false.
func (r *Reader) Quoted() bool {
	if r.peek() != '"' {
		r.null("a value in quotes")
		return false
	}
	text, aliased, ok := r.text()
	if !ok || string(text) == "null" {
		return false
	}
	if !aliased {
		// The value inside may be a string with escapes, which needs the scratch space for itself.
		r.quote = append(r.quote[:0], text...)
		text = r.quote
	}
	r.outer, r.after = r.buf, r.pos
	r.buf, r.pos = text, 0
	if len(text) == 0 || text[0] <= ' ' {
		r.fail(0, "a value in quotes")
		r.Unquote()
		return false
	}
	return true
}

// Unquote leaves the value that Quoted entered.
func (r *Reader) Unquote() {
	if r.err == nil && r.pos < len(r.buf) {
		r.fail(r.pos, "the end of the quoted value")
	}
	if r.outer == nil {
		return
	}
	r.buf, r.pos, r.outer = r.outer, r.after, nil
	if r.err != nil {
		r.pos = len(r.buf)
	}
}

package codec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// SyntaxError is a document that cannot be read into its record: broken JSON, or a value of the wrong kind or out of range.
type SyntaxError struct {
	Offset int    // in bytes from the start of the document
	Path   string // the place as orders[3].price; "" for the document itself
	Want   string // what was expected there
	Got    string // what is there
}

// Error says where what was expected, and what was found.
func (e *SyntaxError) Error() string {
	place := "the document"
	if e.Path != "" {
		place = e.Path
	}
	return fmt.Sprintf("json: %s: expected %s, found %s (at byte %d)", place, e.Want, e.Got, e.Offset)
}

// fail notes the first error and moves to the end, where nothing is left to be read. It is the cold path: only here the place in the
// document is worked out, by reading it once more.
//
//go:noinline
func (r *Reader) fail(at int, want string) {
	if r.err == nil {
		doc, offset := r.buf, at
		if r.outer != nil {
			doc, offset = r.outer, r.after
		}
		r.err = &SyntaxError{Offset: offset, Path: pathAt(doc, offset), Want: want, Got: excerpt(r.buf, at)}
	}
	r.pos = len(r.buf)
}

// Fail notes err, of a value that a decoder other than the Reader has read, with the place of the value, which ends at the position.
func (r *Reader) Fail(err error) {
	if r.err == nil && err != nil {
		at := min(r.pos, len(r.buf))
		if path := pathAt(r.buf, at); path != "" {
			err = fmt.Errorf("json: %s: %w", path, err)
		}
		r.err = err
	}
	r.pos = len(r.buf)
}

// excerpt is the beginning of what stands at offset at.
func excerpt(doc []byte, at int) string {
	const most = 24
	if at >= len(doc) {
		return "the end"
	}
	rest := doc[at:]
	if len(rest) <= most {
		return strconv.Quote(string(rest))
	}
	return strconv.Quote(string(rest[:most])) + "…"
}

// level is one open object or array on the way to a place.
type level struct {
	array bool
	index int
	name  string
	value bool // the colon of the current member was seen
}

// pathAt reads doc up to offset and names the value there. The document may be broken at and behind offset, not before.
func pathAt(doc []byte, offset int) string {
	var levels []level
	for i := 0; i < offset && i < len(doc); i++ {
		top := len(levels) - 1
		switch doc[i] {
		case '{':
			levels = append(levels, level{})
		case '[':
			levels = append(levels, level{array: true})
		case '}', ']':
			if top >= 0 {
				levels = levels[:top]
			}
		case ',':
			if top >= 0 {
				levels[top].index++
				levels[top].value = false
			}
		case ':':
			if top >= 0 {
				levels[top].value = true
			}
		case '"':
			end := i + 1
			for end < len(doc) && doc[end] != '"' {
				if doc[end] == '\\' {
					end++
				}
				end++
			}
			if top >= 0 && !levels[top].array && !levels[top].value && end < offset {
				levels[top].name = string(doc[i+1 : end])
			}
			i = end
		}
	}
	var path strings.Builder
	for _, l := range levels {
		switch {
		case l.array:
			fmt.Fprintf(&path, "[%d]", l.index)
		case l.value:
			if path.Len() > 0 {
				path.WriteByte('.')
			}
			path.WriteString(l.name)
		}
	}
	return path.String()
}

// EncodeError is a value that has no encoding, with its place in the record.
type EncodeError struct {
	Path string // the place as orders[3].price
	Err  error
}

// Error says where what went wrong.
func (e *EncodeError) Error() string { return "json: " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *EncodeError) Unwrap() error { return e.Err }

// At says that err happened in the member called name.
func At(name string, err error) error { return place(name, err) }

// AtIndex says that err happened in element i.
func AtIndex(i int, err error) error { return place("["+strconv.Itoa(i)+"]", err) }

func place(outer string, err error) error {
	var inner *EncodeError
	if !errors.As(err, &inner) || inner != err {
		return &EncodeError{Path: outer, Err: err}
	}
	if strings.HasPrefix(inner.Path, "[") {
		return &EncodeError{Path: outer + inner.Path, Err: inner.Err}
	}
	return &EncodeError{Path: outer + "." + inner.Path, Err: inner.Err}
}

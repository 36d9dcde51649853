package codec

// Skip reads one value of any kind and forgets it. It is as strict as reading it: a document that is not JSON is an error wherever the
// fault stands.
func (r *Reader) Skip() {
	switch r.peek() {
	case '"':
		r.skipString()
	case 't':
		r.literal("true")
	case 'f':
		r.literal("false")
	case 'n':
		r.literal("null")
	case '{', '[':
		r.skipNested()
	default:
		r.skipNumber()
	}
}

// skipNested is Skip for an object or an array. It does not recurse, so that a hostile document costs no stack.
func (r *Reader) skipNested() {
	depth := 0
	var inside [MaxDepth/64 + 1]uint64 // a bit per level: 1 for an object

	for {
		switch r.peek() {
		case '{', '[':
			object := r.buf[r.pos] == '{'
			if !r.enter() {
				return
			}
			depth++
			setBit(&inside, depth, object)
			if object && r.Member() || !object && r.Elem() {
				continue
			}
			depth--
		case '"':
			r.skipString()
		case 't':
			r.literal("true")
		case 'f':
			r.literal("false")
		case 'n':
			r.literal("null")
		default:
			r.skipNumber()
		}
		// A value has ended: leave every object and array that ends with it.
		for depth > 0 && r.err == nil {
			if object := inside[depth/64]>>(depth%64)&1 == 1; object && r.Member() || !object && r.Elem() {
				break
			}
			depth--
		}
		if depth == 0 || r.err != nil {
			return
		}
	}
}

func setBit(bits *[MaxDepth/64 + 1]uint64, i int, on bool) {
	bits[i/64] &^= 1 << (i % 64)
	if on {
		bits[i/64] |= 1 << (i % 64)
	}
}

// skipString checks the string whose opening quote is the next byte. Text that is not UTF-8 is no error, as it is none when it is read.
func (r *Reader) skipString() {
	for i := r.pos + 1; ; {
		if i = plain(r.buf, i); i >= len(r.buf) {
			r.fail(len(r.buf), "the end of a string")
			return
		}
		switch c := r.buf[i]; {
		case c == '"':
			r.pos = i + 1
			return
		case c < ' ':
			r.fail(i, "a string without control characters")
			return
		case c == '\\':
			n := escape(r.buf[i:])
			if n == 0 {
				r.fail(i, "an escape such as \\n or \\u00e9")
				return
			}
			i += n
		default:
			i++
		}
	}
}

// skipNumber checks a number; anything else is no value.
func (r *Reader) skipNumber() {
	n, ok := scanNumber(r.buf, r.pos)
	if !ok {
		r.fail(r.pos, "a value")
		return
	}
	r.pos = n.end
}

// Raw reads one value of any kind and returns its bytes, which alias the document; nil after an error.
func (r *Reader) Raw() []byte {
	r.peek()
	from := r.pos
	if r.Skip(); r.err != nil {
		return nil
	}
	return r.buf[from:r.pos:r.pos]
}

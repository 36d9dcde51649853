package schema

import (
	"strconv"
	"strings"
)

// ID names the type without ambiguity: two types are identical exactly if their IDs are equal.
func (t *Type) ID() string {
	if t == nil {
		return ""
	}
	if t.Name != "" {
		id := t.Pkg + "." + t.Name
		if len(t.Args) > 0 {
			args := make([]string, len(t.Args))
			for i, a := range t.Args {
				args[i] = a.ID()
			}
			id += "[" + strings.Join(args, ",") + "]"
		}
		return id
	}
	switch t.Kind {
	case Pointer:
		return "*" + t.Elem.ID()
	case Slice:
		return "[]" + t.Elem.ID()
	case Array:
		return "[" + strconv.FormatInt(t.Len, 10) + "]" + t.Elem.ID()
	case Map:
		return "map[" + t.Key.ID() + "]" + t.Elem.ID()
	case Bytes:
		return "[]uint8"
	case Time:
		return "time.Time"
	case Duration:
		return "time.Duration"
	case Struct:
		return t.Record
	case Foreign, Invalid:
		return t.Go
	}
	return string(t.Kind)
}

// Same says that t and u are the same type.
func (t *Type) Same(u *Type) bool { return t.ID() == u.ID() }

// String is the type as the user writes it.
func (t *Type) String() string {
	if t == nil {
		return "nothing"
	}
	return t.Go
}

// IsInt says that t is an integer of any size, a duration included.
func (t *Type) IsInt() bool { return t.IsSigned() || t.IsUnsigned() }

// IsSigned says that t is a signed integer of any size, a duration included.
func (t *Type) IsSigned() bool {
	switch t.Kind {
	case Int, Int8, Int16, Int32, Int64, Duration:
		return true
	}
	return false
}

// IsUnsigned says that t is an unsigned integer of any size.
func (t *Type) IsUnsigned() bool {
	switch t.Kind {
	case Uint, Uint8, Uint16, Uint32, Uint64:
		return true
	}
	return false
}

// IsFloat says that t is a floating-point number.
func (t *Type) IsFloat() bool { return t.Kind == Float32 || t.Kind == Float64 }

// HasLength says that len means something for t: strings, slices, arrays and maps.
func (t *Type) HasLength() bool {
	switch t.Kind {
	case String, Bytes, Slice, Array, Map:
		return true
	}
	return false
}

// Bits is the size of a number; int and uint count as 64, as they are written by the same codecs on every machine.
func (t *Type) Bits() int {
	switch t.Kind {
	case Int8, Uint8:
		return 8
	case Int16, Uint16:
		return 16
	case Int32, Uint32, Float32:
		return 32
	}
	return 64
}

// Deref is the type a pointer leads to, or t itself.
func (t *Type) Deref() *Type {
	for t != nil && t.Kind == Pointer {
		t = t.Elem
	}
	return t
}

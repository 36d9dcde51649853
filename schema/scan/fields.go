package scan

import (
	"cmp"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// jsonField is one member of a struct's JSON object, by the rules of encoding/json.
type jsonField struct {
	name   string
	tagged bool // the json tag names it
	omitEmpty, omitZero,
	quoted bool
	index []int
	path  []*types.Var // the embedded fields that lead to it
	v     *types.Var
	owner *types.Struct
	tag   reflect.StructTag
}

// level is a struct whose fields are looked at, with the embedded fields that lead to it.
type level struct {
	st    *types.Struct
	typ   string // the struct's type, by which it is recognised; the same struct twice on one level hides itself
	index []int
	path  []*types.Var
}

// jsonFields returns the fields that encoding/json would write, in its order: own fields first seen, embedded structs flattened,
// of several fields of one name the least nested, then the tagged one, else none.
func jsonFields(t types.Type, st *types.Struct) []*jsonField {
	var fields []*jsonField
	next := []level{{st: st, typ: types.TypeString(t, nil)}}
	var count, nextCount map[string]int
	visited := map[string]bool{}
	for len(next) > 0 {
		current := next
		next = nil
		count, nextCount = nextCount, map[string]int{}
		for _, at := range current {
			if visited[at.typ] {
				continue
			}
			visited[at.typ] = true
			for i := range at.st.NumFields() {
				f, inner := member(at, i)
				if f == nil {
					continue
				}
				if inner == nil {
					fields = append(fields, f)
					if count[at.typ] > 1 {
						fields = append(fields, f) // a second one of the name, so that the two hide each other
					}
					continue
				}
				if nextCount[inner.typ]++; nextCount[inner.typ] == 1 {
					next = append(next, *inner)
				}
			}
		}
	}
	return dominant(fields)
}

// member looks at field i of a struct: nil if it has no place in JSON, with a level if it is an embedded struct to flatten.
func member(at level, i int) (*jsonField, *level) {
	v := at.st.Field(i)
	typ := types.Unalias(v.Type())
	if ptr, ok := typ.(*types.Pointer); ok {
		typ = types.Unalias(ptr.Elem())
	}
	inner, isStruct := typ.Underlying().(*types.Struct)
	if !v.Exported() && (!v.Embedded() || !isStruct) {
		return nil, nil
	}
	tag := reflect.StructTag(at.st.Tag(i))
	text := tag.Get("json")
	if text == "-" || faustSkips(tag) {
		return nil, nil
	}
	name, options, _ := strings.Cut(text, ",")
	if !validName(name) {
		name = ""
	}
	index := append(slices.Clone(at.index), i)
	if name == "" && v.Embedded() && isStruct {
		return &jsonField{}, &level{st: inner, typ: types.TypeString(typ, nil), index: index, path: append(slices.Clone(at.path), v)}
	}
	f := &jsonField{name: cmp.Or(name, v.Name()), tagged: name != "", index: index, path: at.path, v: v, owner: at.st, tag: tag}
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			f.quoted = quotable(v.Type())
		}
	}
	return f, nil
}

// faustSkips says whether a faust tag leaves the field out.
func faustSkips(tag reflect.StructTag) bool {
	word, _, _ := strings.Cut(tag.Get("faust"), ",")
	return word == "-"
}

// quotable says whether the option string means something for a type: numbers, strings, bools and pointers to them.
func quotable(t types.Type) bool {
	t = types.Unalias(t)
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&(types.IsBoolean|types.IsInteger|types.IsFloat|types.IsString) != 0
}

// validName says whether a json tag names a field; other names are ignored by encoding/json.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// dominant keeps of each name the field that Go's rules for embedded fields select, and restores the order of declaration.
func dominant(fields []*jsonField) []*jsonField {
	slices.SortStableFunc(fields, func(a, b *jsonField) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), compareTagged(a, b), slices.Compare(a.index, b.index))
	})
	var out []*jsonField
	for i := 0; i < len(fields); {
		n := i + 1
		for n < len(fields) && fields[n].name == fields[i].name {
			n++
		}
		if n == i+1 || len(fields[i].index) != len(fields[i+1].index) || fields[i].tagged != fields[i+1].tagged {
			out = append(out, fields[i])
		}
		i = n
	}
	slices.SortFunc(out, func(a, b *jsonField) int { return slices.Compare(a.index, b.index) })
	return out
}

// compareTagged puts tagged fields first.
func compareTagged(a, b *jsonField) int {
	switch {
	case a.tagged == b.tagged:
		return 0
	case a.tagged:
		return -1
	}
	return 1
}

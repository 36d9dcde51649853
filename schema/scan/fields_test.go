package scan

import (
	"bytes"
	"encoding/json"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"testing"
)

// fieldCases are filled so that no member is empty and no embedded pointer nil.
var fieldCases = []any{
	plainCase{A: 1, F: 1, G: 1, c: 1}, embedCase{inner: inner{w: 1}}, shadowCase{}, conflictCase, taggedWinsCase{}, deepCase{}, namedEmbedCase{Level2: &Level2{}}, pointerCase{Inner: &Inner{}, P: new(int)},
	notStructCase{ID: "x"}, twiceCase, recursiveCase{Recursive: &Recursive{}}, sameStructCase{}, emptyCase{}, hiddenNameCase{}, stringCase{B: new(bool), E: map[string]int{"x": 1}},
}

// mirror is a type of this program as the type checker would have it.
type mirror map[reflect.Type]types.Type

func (m mirror) of(t reflect.Type) types.Type {
	if known := m[t]; known != nil {
		return known
	}
	if t.Name() != "" && t.PkgPath() != "" {
		pkg := types.NewPackage(t.PkgPath(), "scan")
		named := types.NewNamed(types.NewTypeName(token.NoPos, pkg, t.Name(), nil), nil, nil)
		m[t] = named
		named.SetUnderlying(m.shape(t))
		return named
	}
	return m.shape(t)
}

func (m mirror) shape(t reflect.Type) types.Type {
	switch t.Kind() {
	case reflect.Struct:
		var fields []*types.Var
		var tags []string
		for f := range t.Fields() {
			pkg := types.NewPackage("scan", "scan")
			fields = append(fields, types.NewField(token.NoPos, pkg, f.Name, m.of(f.Type), f.Anonymous))
			tags = append(tags, string(f.Tag))
		}
		return types.NewStruct(fields, tags)
	case reflect.Pointer:
		return types.NewPointer(m.of(t.Elem()))
	case reflect.Slice:
		return types.NewSlice(m.of(t.Elem()))
	case reflect.Map:
		return types.NewMap(m.of(t.Key()), m.of(t.Elem()))
	case reflect.Bool:
		return types.Typ[types.Bool]
	case reflect.String:
		return types.Typ[types.String]
	}
	return types.Typ[types.Int]
}

// fieldsOf is jsonFields of a value's type.
func fieldsOf(v any) []*jsonField {
	t := mirror{}.of(reflect.TypeOf(v))
	return jsonFields(t, t.Underlying().(*types.Struct))
}

// TestFieldsAsEncodingJSON compares the members and their order with what encoding/json writes.
func TestFieldsAsEncodingJSON(t *testing.T) {
	for _, v := range fieldCases {
		var got []string
		for _, f := range fieldsOf(v) {
			got = append(got, f.name)
		}
		if want := members(t, v); !slices.Equal(got, want) {
			t.Errorf("%T has the members %q, encoding/json writes %q", v, got, want)
		}
	}
}

// members are the names of a document's members in their order.
func members(t *testing.T, v any) []string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	dec := json.NewDecoder(bytes.NewReader(text))
	depth := 0
	for expectName := true; ; {
		token, err := dec.Token()
		if err != nil {
			return names
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
			expectName = depth == 1
		default:
			if name, ok := token.(string); ok && depth == 1 && expectName {
				names = append(names, name)
				expectName = false
			} else if depth == 1 {
				expectName = true
			}
		}
	}
}

func TestFieldOptions(t *testing.T) {
	var quoted []bool
	for _, f := range fieldsOf(stringCase{}) {
		quoted = append(quoted, f.quoted)
	}
	if want := []bool{true, true, false, true, false}; !slices.Equal(quoted, want) {
		t.Errorf("quoted fields are %v, want %v", quoted, want)
	}
	for _, f := range fieldsOf(plainCase{}) {
		if f.omitEmpty != (f.v.Name() == "F" || f.v.Name() == "G") {
			t.Errorf("field %s: omitempty is %v", f.v.Name(), f.omitEmpty)
		}
	}
}

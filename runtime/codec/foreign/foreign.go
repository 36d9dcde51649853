// Package foreign writes and reads the values inside records whose types are not the module's own: any, types with a MarshalJSON or
// MarshalText of their own, structs of other modules. It does so by reflection, with goccy/go-json. It is a package of its own so that
// programs without such types do not link that library. It is for generated code only.
package foreign

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-json"

	"github.com/faustgen/faustgen/runtime/codec"
)

// Append appends the JSON of *v. It allocates, and fails as encoding/json does: for a failing MarshalJSON, NaN, a channel.
func Append[T any](dst []byte, v *T) ([]byte, error) {
	b, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	if err != nil {
		return dst, fmt.Errorf("encode a %T: %w", *v, err)
	}
	return append(dst, b...), nil
}

// Read reads the next value into *v, which begins as its zero value. Strings never alias the document.
func Read[T any](r *codec.Reader, v *T) {
	raw := r.Raw()
	if raw == nil {
		return
	}
	var fresh T
	if err := json.Unmarshal(raw, &fresh); err != nil {
		r.Fail(fmt.Errorf("decode a %T: %w", *v, err))
		return
	}
	*v = fresh
}

// Empty says that json's omitempty leaves *v out: false, 0, a nil pointer or interface, and anything of length 0.
func Empty[T any](v *T) bool {
	x := reflect.ValueOf(v).Elem()
	switch x.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return x.Len() == 0
	case reflect.Struct:
		return false
	}
	return x.IsZero()
}

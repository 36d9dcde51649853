package codec

import (
	"encoding"
	"fmt"
	"slices"
	"strings"
)

// TextKeyed is a map's key with its text.
type TextKeyed[K any] struct {
	Text string
	Key  K
}

// TextKeys returns the keys of m in the order of their texts. It fails when a key's MarshalText does.
func TextKeys[K interface {
	comparable
	encoding.TextMarshaler
}, V any](m map[K]V) ([]TextKeyed[K], error) {
	keys := make([]TextKeyed[K], 0, len(m))
	for k := range m {
		text, err := k.MarshalText()
		if err != nil {
			return nil, fmt.Errorf("the text of the key %v: %w", k, err)
		}
		keys = append(keys, TextKeyed[K]{Text: string(text), Key: k})
	}
	slices.SortFunc(keys, func(a, b TextKeyed[K]) int { return strings.Compare(a.Text, b.Text) })
	return keys, nil
}

// TextKeyInto reads the name that Member found by the key's UnmarshalText; its error is the Reader's.
func TextKeyInto(r *Reader, k encoding.TextUnmarshaler) {
	if err := k.UnmarshalText(r.name); err != nil {
		r.Fail(fmt.Errorf("the name %q: %w", r.name, err))
	}
}

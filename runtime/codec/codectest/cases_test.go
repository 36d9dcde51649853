package codectest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// fieldNames are the names of all kinds' fields.
var fieldNames = map[string]bool{}

func init() {
	for _, k := range kinds {
		own, _ := k.new()
		addNames(reflect.TypeOf(own), map[reflect.Type]bool{})
	}
}

func addNames(t reflect.Type, seen map[reflect.Type]bool) {
	for t.Kind() != reflect.Struct {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return
		}
	}
	if seen[t] {
		return
	}
	seen[t] = true
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		fieldNames[name] = true
		addNames(f.Type, seen)
	}
}

// misspelt says that a name is a field's but for upper and lower case.
func misspelt(name string) bool {
	if fieldNames[name] {
		return false
	}
	for field := range fieldNames {
		if strings.EqualFold(field, name) {
			return true
		}
	}
	return false
}

// quotedFields are the fields with json's string option.
var quotedFields = map[string]bool{"qi": true, "qu": true, "qf": true, "qb": true, "qs": true, "qp": true}

// differs says that a document has a name twice in one object, a name in other letters than its field, or a quoted value that is no JSON:
// there the codecs differ from encoding/json on purpose, and docs/json.md says how.
func differs(doc []byte) bool {
	d := json.NewDecoder(bytes.NewReader(doc))
	var seen []map[string]bool // nil for an array
	name, field := false, ""
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		switch token {
		case json.Delim('{'):
			seen, name = append(seen, map[string]bool{}), true
			continue
		case json.Delim('['):
			seen, name = append(seen, nil), false
			continue
		case json.Delim('}'), json.Delim(']'):
			seen = seen[:len(seen)-1]
		default:
			if text, ok := token.(string); ok && name && len(seen) > 0 {
				folded := strings.ToLower(text)
				if seen[len(seen)-1][folded] || misspelt(text) {
					return true
				}
				seen[len(seen)-1][folded] = true
				name, field = false, text
				continue
			} else if ok && quotedFields[field] && !json.Valid([]byte(text)) {
				return true
			}
		}
		name = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

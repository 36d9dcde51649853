package codectest

import (
	"bytes"
	"encoding/json"
	"strings"
)

// differs says that a document has a name twice in one object, or a name in other letters than its field: there encoding/json differs
// on purpose, and docs/json.md says how.
func differs(doc []byte) bool {
	d := json.NewDecoder(bytes.NewReader(doc))
	var seen []map[string]bool // nil for an array
	name := false
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
				if seen[len(seen)-1][folded] {
					return true
				}
				seen[len(seen)-1][folded] = true
				name = false
				continue
			}
		}
		name = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

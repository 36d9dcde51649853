package codec

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Violation is one rule that a record breaks.
type Violation struct {
	Path string // the place as orders[3].price, by the JSON names; "" for the record itself
	Rule string // as in the tag: gte=1
	Text string // the rule in words: must be at least 1
	Is   string // what is there
}

// String is the violation in one line, such as: price: must be at least 1 (gte=1), is 0.
func (v Violation) String() string {
	var b strings.Builder
	if v.Path != "" {
		b.WriteString(v.Path + ": ")
	}
	b.WriteString(v.Text)
	if v.Rule != "" {
		b.WriteString(" (" + v.Rule + ")")
	}
	if v.Is != "" {
		b.WriteString(", " + v.Is)
	}
	return b.String()
}

// ValidationError is every rule that a record breaks, in the order of its fields.
type ValidationError struct {
	Violations []Violation
}

// Error is all violations in one line.
func (e *ValidationError) Error() string {
	texts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		texts[i] = v.String()
	}
	return "validate: " + strings.Join(texts, "; ")
}

// Invalid is a *ValidationError of vs, nil if there are none.
func Invalid(vs []Violation) error {
	if len(vs) == 0 {
		return nil
	}
	return &ValidationError{Violations: vs}
}

// Violate adds a violation. is is the value that broke the rule: of strings, slices and maps under a rule for their length (length is
// true) the length is told.
func Violate(vs []Violation, path, rule, text string, is any, length bool) []Violation {
	return append(vs, Violation{Path: path, Rule: rule, Text: text, Is: describe(is, length)})
}

// Missing adds the violation of required.
func Missing(vs []Violation, path string) []Violation {
	return append(vs, Violation{Path: path, Rule: "required", Text: "must be given"})
}

// Within puts outer before the paths of vs, which a nested record has added.
func Within(vs []Violation, outer string) {
	for i, v := range vs {
		switch {
		case v.Path == "":
			vs[i].Path = outer
		case v.Path[0] == '[':
			vs[i].Path = outer + v.Path
		default:
			vs[i].Path = outer + "." + v.Path
		}
	}
}

// WithinIndex puts [i] before the paths of vs.
func WithinIndex(vs []Violation, i int) {
	if len(vs) > 0 {
		Within(vs, fmt.Sprintf("[%d]", i))
	}
}

// WithinKey puts [key] before the paths of vs.
func WithinKey(vs []Violation, key any) {
	if len(vs) > 0 {
		Within(vs, fmt.Sprintf("[%v]", key))
	}
}

// SortByPath puts the violations within a map, whose order is random, into the order of their paths.
func SortByPath(vs []Violation) {
	if len(vs) > 1 {
		slices.SortStableFunc(vs, func(a, b Violation) int { return strings.Compare(a.Path, b.Path) })
	}
}

// describe says what a value is, in few characters.
func describe(is any, length bool) string {
	v := reflect.ValueOf(is)
	switch v.Kind() {
	case reflect.String:
		if length {
			return fmt.Sprintf("has %d", utf8.RuneCountInString(v.String()))
		}
		text := []rune(v.String())
		if len(text) > 40 {
			return fmt.Sprintf("is %q…", string(text[:40]))
		}
		return fmt.Sprintf("is %q", v.String())
	case reflect.Slice, reflect.Map, reflect.Array:
		return fmt.Sprintf("has %d", v.Len())
	}
	return fmt.Sprintf("is %v", is)
}

package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Diagnostic is one thing that is wrong with a declaration: where, which rule, what, and what to do about it.
type Diagnostic struct {
	Pos  Pos
	Rule string // F001 and so on, see Rules
	// Text and Hint may name further places: At(0) stands for Related[0]. A diagnostic without a hint is printed without one.
	Text, Hint string
	Related    []Pos
}

// atMark is the first of the private code points that stand for places in texts, so that a program may print all
// places of a diagnostic relative to a folder of its choice.
const atMark = '\uE000'

// At is what stands for Related[i] in the texts of a Diagnostic.
func At(i int) string { return string(rune(atMark + i)) }

// String prints the diagnostic as file:line:col: rule: what; what to do.
func (d Diagnostic) String() string { return d.Format(Pos.String) }

// Format is String with places printed by place.
func (d Diagnostic) Format(place func(Pos) string) string {
	s := fmt.Sprintf("%s: %s: %s", place(d.Pos), d.Rule, d.Text)
	if d.Hint != "" {
		s += "; " + d.Hint
	}
	for i, p := range d.Related {
		s = strings.ReplaceAll(s, At(i), place(p))
	}
	return s
}

// String prints the place as file:line:col.
func (p Pos) String() string {
	if p.File == "" {
		return "-"
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// IsZero says that p is no place.
func (p Pos) IsZero() bool { return p == Pos{} }

// Compare orders places by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Sort orders diagnostics by place, rule and text, and drops those that say the same twice.
func Sort(ds []Diagnostic) []Diagnostic {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(a.Pos.Compare(b.Pos), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(ds, func(a, b Diagnostic) bool { return a.String() == b.String() })
}

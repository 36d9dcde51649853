package schema

import (
	"strconv"
	"strings"
	"time"
)

// Node is what a directive may stand on.
type Node string

// The nodes.
const (
	OnPackage   Node = "the package comment"
	OnStruct    Node = "a struct type"
	OnInterface Node = "an interface type"
	OnType      Node = "a type that is no struct" // nothing may stand here
	OnField     Node = "a struct field"
	OnFunc      Node = "a function"
	OnMethod    Node = "a method"
	OnOther     Node = "a constant, variable or import" // nothing may stand here
	OnNothing   Node = "no declaration"                 // a comment that belongs to none
)

// ValueKind is what the text of an argument must be.
type ValueKind string

// The kinds of values.
const (
	Word      ValueKind = "name"
	Words     ValueKind = "name[,name]"
	Number    ValueKind = "n"
	Length    ValueKind = "duration" // a Go duration in which d stands for 24 h
	Choice    ValueKind = "choice"
	Flag      ValueKind = "flag"
	CodecName ValueKind = "codec"
)

// Argument is one argument of a directive.
type Argument struct {
	Name     string
	Kind     ValueKind
	Doc      string
	Required bool
	Values   []string          // of a Choice; of a Length, words that are accepted besides
	Min, Max int               // of a Number; Min also of a Length, in milliseconds
	Later    map[string]string // values of the language that this version does not build, with what to use instead
	Instead  string            // not empty: this version does not build the argument; what to use instead
}

// Directive is one directive of the language: how it is written, where it may stand, and what it means.
type Directive struct {
	Name    string
	On      []Node
	Words   []Argument // by position
	Args    []Argument // by name
	Doc     string
	Instead string // not empty: this version does not build the directive; what to use instead
}

// Arg returns the argument of that name, nil if the directive has none.
func (d *Directive) Arg(name string) *Argument {
	for _, list := range [][]Argument{d.Words, d.Args} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// Usage is the directive as one writes it, with its arguments.
func (d *Directive) Usage() string {
	var s strings.Builder
	s.WriteString("//faust:" + d.Name)
	for _, a := range d.Words {
		if a.Required {
			s.WriteString(" <" + a.Name + ">")
		} else {
			s.WriteString(" [" + a.Name + "]")
		}
	}
	for _, a := range d.Args {
		text := a.Name
		if a.Kind != Flag {
			text += "=" + a.value()
		}
		if !a.Required {
			text = "[" + text + "]"
		}
		s.WriteString(" " + text)
	}
	return s.String()
}

// value is the argument's value as the usage line shows it.
func (a *Argument) value() string {
	switch {
	case a.Kind == Choice, a.Kind == CodecName:
		return strings.Join(a.Values, "|")
	case a.Kind == Length && len(a.Values) > 0:
		return "duration|" + strings.Join(a.Values, "|")
	}
	return string(a.Kind)
}

// stands says whether the directive may stand on a node.
func (d *Directive) stands(on Node) bool {
	for _, n := range d.On {
		if n == on {
			return true
		}
	}
	return false
}

// Use is a directive as it stands in a source file, checked against the registry: what it holds is valid.
type Use struct {
	*Directive
	Pos    Pos
	values map[string]Value
}

// Value is one argument as written, with its place.
type Value struct {
	Text string
	Pos  Pos
}

// Has says whether the argument is given and valid.
func (u *Use) Has(name string) bool {
	_, ok := u.values[name]
	return ok
}

// Text is the argument's text, "" if it is not given.
func (u *Use) Text(name string) string { return u.values[name].Text }

// At is the argument's place, the directive's own if it is not given.
func (u *Use) At(name string) Pos {
	if v, ok := u.values[name]; ok {
		return v.Pos
	}
	return u.Pos
}

// Int is the number given, 0 if none is.
func (u *Use) Int(name string) int {
	n, _ := strconv.Atoi(u.values[name].Text)
	return n
}

// Duration is the duration given, 0 if none is or if it is one of the argument's words.
func (u *Use) Duration(name string) time.Duration {
	d, _ := ParseDuration(u.values[name].Text)
	return d
}

// List returns the names of an argument that are joined by commas, each with its place.
func (u *Use) List(name string) []Value {
	v, ok := u.values[name]
	if !ok {
		return nil
	}
	var out []Value
	at := v.Pos
	for _, part := range strings.Split(v.Text, ",") {
		out = append(out, Value{Text: part, Pos: at})
		at.Col += len(part) + 1
	}
	return out
}

// Lookup returns the directive of that name, nil if the language has none.
func Lookup(name string) *Directive {
	for i := range Directives {
		if Directives[i].Name == name {
			return &Directives[i]
		}
	}
	return nil
}

// ParseDuration reads a Go duration in which d, a day of 24 h, may come first: 90s, 1h30m, 7d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, &durationError{s}
	}
	total := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || total+d < total {
		return 0, &durationError{s}
	}
	return total + d, nil
}

// durationError says that a text is no duration.
type durationError struct{ text string }

func (e *durationError) Error() string { return strconv.Quote(e.text) + " is no duration" }

package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// TypeError is the Reason of an Invalid type that the type checker has rejected; it is reported when it is read.
const TypeError = "type error"

// unencodable is the part of a type that has no encoding, nil if all of it has. Records are looked at by themselves.
func unencodable(t *Type) *Type {
	switch {
	case t == nil:
		return nil
	case t.Kind == Invalid:
		return t
	case t.Kind == Map && !mapKey(t.Key):
		return t.Key
	}
	return unencodable(t.Elem)
}

// mapKey says whether a type can be the name of a JSON member.
func mapKey(t *Type) bool { return t.Kind == String || t.IsInt() || t.Text }

// part names the part of a type that is to blame, if it is not all of it.
func part(t, bad *Type) string {
	switch {
	case bad.Reason != "" && bad.Reason != "no encoding":
		return ": " + bad.Go + " is " + bad.Reason
	case t == bad:
		return ""
	case bad.Kind != Invalid:
		return ": " + bad.Go + " is no key of a map in JSON"
	}
	return " because of " + bad.Go
}

// each calls f for every field of every record that generated code encodes.
func (c *checker) each(f func(*Record, *Field)) {
	for _, list := range [][]*Record{c.Records, c.Reached} {
		for _, r := range list {
			for _, field := range r.Fields {
				f(r, field)
			}
		}
	}
}

// fields checks that every field of every record has an encoding.
func (c *checker) fields() {
	c.each(func(r *Record, f *Field) {
		bad := unencodable(f.Type)
		if bad == nil || bad.Reason == TypeError {
			return
		}
		hint := "use a value type or tag it `json:\"-\"`"
		if bad.Kind == Invalid && strings.HasPrefix(bad.Reason, "an interface") {
			hint = "use a concrete type or any, or tag it `json:\"-\"`"
		}
		c.report(f.Pos, "F012", nil, hint, "field %s has type %s, which has no encoding%s", f.Go, f.Type, part(f.Type, bad))
	})
}

// validation checks that the rules of validate tags fit their fields.
func (c *checker) validation() {
	c.each(func(r *Record, f *Field) {
		for _, rule := range f.Rules {
			if what, hint := rule.fits(f.Type.Deref()); what != "" {
				c.report(f.TagPos, "F028", nil, hint, "field %s: %s", f.Go, what)
			}
		}
	})
}

// fits says what is wrong with a rule on a type, and what to do; empty if nothing is.
func (r Rule) fits(t *Type) (what, hint string) {
	var err error
	switch {
	case r.Name == "oneof" && t.Kind == String:
		return "", ""
	case r.Name == "oneof" && t.IsInt() && t.Kind != Duration:
		for _, word := range SplitOneOf(r.Arg) {
			if ParseInt(t, word) != nil {
				return fmt.Sprintf("%q of oneof is no %s", word, t), "list numbers, separated by spaces"
			}
		}
		return "", ""
	case r.Name == "oneof":
		return fmt.Sprintf("the rule oneof does not fit the type %s", t), "use it on strings and integers"
	case (r.Name == "eq" || r.Name == "ne") && t.Kind == String:
		return "", ""
	case (r.Name == "eq" || r.Name == "ne") && t.Kind == Bool:
		_, err = strconv.ParseBool(r.Arg)
	case t.Kind == Duration:
		if _, err = ParseDuration(r.Arg); err != nil {
			_, err = strconv.ParseInt(r.Arg, 10, 64)
		}
	case t.IsInt():
		err = ParseInt(t, r.Arg)
	case t.IsFloat():
		err = parseFloat(r.Arg, 64)
	case t.HasLength():
		_, err = strconv.ParseUint(r.Arg, 10, 31)
		if err != nil {
			return fmt.Sprintf("%s=%s is no length", r.Name, r.Arg), "write a whole number"
		}
	default:
		return fmt.Sprintf("the rule %s does not fit the type %s", r.Name, t), "use it on numbers, strings, slices and maps"
	}
	if err != nil {
		return fmt.Sprintf("%q of %s is no %s", r.Arg, r.Name, t), "write a value of the field's type"
	}
	return "", ""
}

// defaults checks that default values are values of their fields.
func (c *checker) defaults() {
	c.each(func(r *Record, f *Field) {
		if !f.HasDefault {
			return
		}
		t := f.Type.Deref()
		if !hasDefault(t) {
			c.report(f.TagPos, "F034", nil, "set it in the agent instead", "field %s: a %s has no default= in a tag", f.Go, f.Type)
			return
		}
		if err := parseDefault(t, f); err != nil {
			c.report(f.TagPos, "F034", nil, "write a value of the field's type", "field %s: default=%s is no %s", f.Go, f.Default, f.Type)
		}
	})
}

// hasDefault says whether a tag can hold a value of a type.
func hasDefault(t *Type) bool {
	return t.Kind == Bool || t.Kind == String || t.Kind == Time || t.IsInt() || t.IsFloat()
}

// parseDefault reads the default of a field as generated code will.
func parseDefault(t *Type, f *Field) error {
	var err error
	switch {
	case t.Kind == Bool:
		if f.Default != "true" && f.Default != "false" {
			err = strconv.ErrSyntax
		}
	case t.Kind == Duration:
		if _, err = ParseDuration(f.Default); err != nil {
			_, err = strconv.ParseInt(f.Default, 10, 64)
		}
	case t.IsInt():
		err = ParseInt(t, f.Default)
	case t.IsFloat():
		err = parseFloat(f.Default, t.Bits())
	case t.Kind == Time && f.Epoch != "":
		_, err = strconv.ParseInt(f.Default, 10, 64)
	case t.Kind == Time && f.Layout != "":
		_, err = time.Parse(f.Layout, f.Default)
	case t.Kind == Time:
		_, err = time.Parse(time.RFC3339Nano, f.Default)
	}
	return err
}

// parseFloat reads a number that JSON has too: neither infinite nor NaN.
func parseFloat(s string, bits int) error {
	v, err := strconv.ParseFloat(s, bits)
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		return strconv.ErrSyntax
	}
	return err
}

// times checks layout= and epoch= of fields, and time= of records.
func (c *checker) times() {
	c.each(func(r *Record, f *Field) {
		if f.Layout == "" && f.Epoch == "" {
			return
		}
		name := "layout"
		if f.Epoch != "" {
			name = "epoch"
		}
		switch {
		case f.Layout != "" && f.Epoch != "":
			c.report(f.TagPos, "F029", nil, "keep one of them", "field %s has both layout= and epoch=", f.Go)
		case f.Type.Deref().Kind != Time:
			c.report(f.TagPos, "F029", nil, "use it on a time.Time", "field %s has %s= and type %s", f.Go, name, f.Type)
		case f.Layout != "" && !isLayout(f.Layout):
			c.report(f.TagPos, "F029", nil, "write it as Go's time package does: 02/01/2006 15:04:05", "field %s: layout=%s names no part of a time", f.Go, f.Layout)
		}
	})
	for _, list := range [][]*Record{c.Records, c.Reached} {
		for _, r := range list {
			if r.Time != "" {
				c.timeField(r.TimePos, r, r.Time)
			}
			if r.Codec != "" && r.Codec != "json" {
				c.report(r.CodecPos, "F036", nil, "remove it", "codec=%s does not fit the record %s, which has fields", r.Codec, r.Type)
			}
		}
	}
}

// isLayout says whether a layout shows any of a time: two times far apart must look different.
func isLayout(layout string) bool {
	a := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	b := time.Date(2017, 11, 23, 8, 39, 41, 7e8, time.UTC)
	return a.Format(layout) != b.Format(layout)
}

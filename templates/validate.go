package templates

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// hasRules says that t, or a record within it, has validation rules.
func (c *codecs) hasRules(t *schema.Type) bool {
	return c.reaches(t, func(t *schema.Type) bool {
		r := c.records[t.Record]
		if t.Kind != schema.Struct || r == nil {
			return false
		}
		for _, f := range r.Fields {
			if f.Required || len(f.Rules) > 0 {
				return true
			}
		}
		return false
	})
}

// validator is the func(v *T) error of a value codec.
func (c *codecs) validator(u unit) *jen.Statement {
	v := c.local("v")
	return jen.Func().Params(jen.Id(v).Op("*").Add(goType(u.typ))).Error().Block(
		jen.Return(codecName("Invalid").Call(c.fn("Validate", u).Call(jen.Id(v), jen.Nil()))))
}

// validateFunc emits faustValidateX: it adds every rule that a value breaks to vs, with paths that begin at the value.
func (c *codecs) validateFunc(fn *function) jen.Code {
	b := &validateBody{c: c, v: c.local("v"), vs: c.local("vs"), n: c.local("n")}
	t, v := fn.unit.typ, b.v
	switch t.Kind {
	case schema.Struct:
		b.record(c.records[t.Record])
	case schema.Pointer:
		b.lines = []jen.Code{jen.If(jen.Op("*").Id(v).Op("!=").Nil()).Block(jen.Return(c.fn("Validate", unit{typ: t.Elem}).Call(jen.Op("*").Id(v), jen.Id(b.vs))))}
	case schema.Map:
		b.mapping(t)
	default:
		i := c.local("i")
		list, indexed := jen.Op("*").Id(v), jen.Parens(jen.Op("*").Id(v))
		if t.Kind == schema.Array {
			list, indexed = jen.Id(v), jen.Id(v)
		}
		b.lines = []jen.Code{jen.For(jen.Id(i).Op(":=").Range().Add(list)).Block(
			jen.Id(b.n).Op(":=").Len(jen.Id(b.vs)),
			b.nested(t.Elem, in(indexed.Index(jen.Id(i)))),
			codecName("WithinIndex").Call(b.since(), jen.Id(i)),
		)}
	}
	return jen.Commentf("%s adds the rules that v breaks to vs.", fn.name).Line().
		Func().Id(fn.name).Params(jen.Id(v).Op("*").Add(goType(t)), jen.Id(b.vs).Index().Add(codecName("Violation"))).Index().Add(codecName("Violation")).
		Block(append(b.lines, jen.Return(jen.Id(b.vs)))...)
}

// validateBody collects the statements of one validateFunc.
type validateBody struct {
	c        *codecs
	v, vs, n string
	counted  bool // n is declared
	lines    []jen.Code
}

// since is the violations that were added since n was set.
func (b *validateBody) since() *jen.Statement {
	return jen.Id(b.vs).Index(jen.Id(b.n), jen.Empty())
}

// nested validates a value whose type has rules of its own.
func (b *validateBody) nested(t *schema.Type, p place) jen.Code {
	return jen.Id(b.vs).Op("=").Add(b.c.fn("Validate", unit{typ: t})).Call(p.ptr(), jen.Id(b.vs))
}

func (b *validateBody) record(r *schema.Record) {
	for _, f := range r.Fields {
		p, pointers := b.c.fieldPlace(b.v, f)
		lines := b.field(f, p)
		if exists := notNil(pointers); exists != nil && len(lines) > 0 {
			lines = []jen.Code{jen.If(exists).Block(lines...)}
		}
		b.lines = append(b.lines, lines...)
	}
}

// field is the checks of one field.
func (b *validateBody) field(f *schema.Field, p place) []jen.Code {
	t, value := f.Type, p
	var nils []*jen.Statement
	for t.Kind == schema.Pointer {
		nils = append(nils, value.val().Op("!=").Nil())
		t, value = t.Elem, place{jen.Op("*").Add(value.val()), value.val()}
	}
	var rules []jen.Code
	for _, rule := range f.Rules {
		if check := b.rule(f, rule, t, value); check != nil {
			rules = append(rules, check)
		}
	}
	if f.Required && len(nils) > 0 {
		nils = nils[1:] // the pointer itself is there if it is not missing
	}
	if len(rules) > 0 && len(nils) > 0 {
		all := nils[0]
		for _, check := range nils[1:] {
			all = all.Op("&&").Add(check)
		}
		rules = []jen.Code{jen.If(all).Block(rules...)}
	}
	lines := rules
	if f.Required {
		// What is missing is told once: the other rules are about a value that is there.
		missing := jen.If(b.missing(f.Type, p)).Block(jen.Id(b.vs).Op("=").Add(codecName("Missing")).Call(jen.Id(b.vs), jen.Lit(f.JSON)))
		if len(rules) > 0 {
			missing.Else().Block(rules...)
		}
		lines = []jen.Code{missing}
	}
	if b.c.hasRules(f.Type) {
		set := jen.Id(b.n).Op(":=").Len(jen.Id(b.vs))
		if b.counted {
			set = jen.Id(b.n).Op("=").Len(jen.Id(b.vs))
		}
		if len(f.Path) == 0 {
			b.counted = true
		}
		lines = append(lines, set, b.nested(f.Type, p), codecName("Within").Call(b.since(), jen.Lit(f.JSON)))
	}
	return lines
}

// missing is the condition under which a required field is not given: it is its type's zero value; of slices and maps, nil.
func (b *validateBody) missing(t *schema.Type, p place) *jen.Statement {
	switch t.Kind {
	case schema.Bool:
		return jen.Op("!").Add(p.val())
	case schema.String:
		return p.val().Op("==").Lit("")
	case schema.Pointer, schema.Slice, schema.Map, schema.Bytes:
		return p.val().Op("==").Nil()
	case schema.Time:
		return p.val().Dot("IsZero").Call()
	}
	if t.IsInt() || t.IsFloat() {
		return p.val().Op("==").Lit(0)
	}
	return codecName("IsZero").Call(p.ptr())
}

// rule is the check of one rule for a value of type t, nil if every value keeps it.
func (b *validateBody) rule(f *schema.Field, rule schema.Rule, t *schema.Type, p place) jen.Code {
	cond, text := b.broken(rule, t, p)
	if cond == nil {
		return nil
	}
	full := rule.Name + "=" + rule.Arg
	length := t.HasLength() && rule.Name != "oneof" && !(t.Kind == schema.String && (rule.Name == "eq" || rule.Name == "ne"))
	return jen.If(cond).Block(jen.Id(b.vs).Op("=").Add(codecName("Violate")).Call(
		jen.Id(b.vs), jen.Lit(f.JSON), jen.Lit(full), raw(text), p.val(), jen.Lit(length)))
}

// comparisons are the rules that compare: the operator of the broken rule, and the words for numbers and for lengths.
var comparisons = map[string]struct{ op, number, length string }{
	"gte": {"<", "must be at least %s", "must have at least %s %s"},
	"min": {"<", "must be at least %s", "must have at least %s %s"},
	"lte": {">", "must be at most %s", "must have at most %s %s"},
	"max": {">", "must be at most %s", "must have at most %s %s"},
	"gt":  {"<=", "must be more than %s", "must have more than %s %s"},
	"lt":  {">=", "must be less than %s", "must have less than %s %s"},
	"len": {"!=", "must be %s", "must have %s %s"},
	"eq":  {"!=", "must be %s", "must have %s %s"},
	"ne":  {"==", "must not be %s", "must not have %s %s"},
}

// broken is the condition under which a rule is broken, and what it asks for in words.
func (b *validateBody) broken(rule schema.Rule, t *schema.Type, p place) (*jen.Statement, string) {
	if rule.Name == "oneof" {
		return b.noneOf(schema.SplitOneOf(rule.Arg), t, p)
	}
	cmp, known := comparisons[rule.Name]
	if !known {
		return nil, ""
	}
	equal := rule.Name == "eq" || rule.Name == "ne"
	switch {
	case t.Kind == schema.String && equal:
		return p.val().Op(cmp.op).Lit(rule.Arg), fmt.Sprintf(cmp.number, strconv.Quote(rule.Arg))
	case t.Kind == schema.Bool && equal:
		value := p.val()
		if (rule.Arg == "true") == (rule.Name == "eq") {
			value = jen.Op("!").Add(value)
		}
		return value, fmt.Sprintf(cmp.number, rule.Arg)
	case t.Kind == schema.String:
		return b.compare(jen.Qual("unicode/utf8", "RuneCountInString").Call(asString(t, p)), cmp.op, rule.Arg, true), lengthText(cmp.length, rule.Arg, "character")
	case t.Kind == schema.Bytes:
		return b.compare(jen.Len(p.val()), cmp.op, rule.Arg, true), lengthText(cmp.length, rule.Arg, "byte")
	case t.HasLength():
		return b.compare(jen.Len(p.val()), cmp.op, rule.Arg, true), lengthText(cmp.length, rule.Arg, "element")
	case t.Kind == schema.Duration:
		if d, err := schema.ParseDuration(rule.Arg); err == nil {
			return p.val().Op(cmp.op).Add(durationLiteral(d)), fmt.Sprintf(cmp.number, rule.Arg)
		}
		return b.compare(p.val(), cmp.op, rule.Arg, false), fmt.Sprintf(cmp.number, rule.Arg)
	case t.IsInt() || t.IsFloat():
		return b.compare(p.val(), cmp.op, rule.Arg, t.IsUnsigned()), fmt.Sprintf(cmp.number, rule.Arg)
	}
	return nil, ""
}

// compare is value op arg, nil if that is never true because value is not negative.
func (b *validateBody) compare(value *jen.Statement, op, arg string, unsigned bool) *jen.Statement {
	if unsigned && op == "<" && strings.Trim(arg, "0") == "" {
		return nil
	}
	return value.Op(op).Op(number(arg))
}

// number is a number of a tag as Go has it: decimal, though leading zeros would make it octal.
func number(text string) string {
	text = strings.TrimPrefix(text, "+")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return strconv.FormatUint(n, 10)
	}
	return text
}

// noneOf is the condition that a value is none of the words.
func (b *validateBody) noneOf(words []string, t *schema.Type, p place) (*jen.Statement, string) {
	if t.Kind != schema.String && !t.IsInt() && !t.IsFloat() || len(words) == 0 {
		return nil, ""
	}
	cond := &jen.Statement{}
	for i, word := range words {
		if i > 0 {
			cond.Op("&&")
		}
		cond.Add(p.val()).Op("!=")
		if t.Kind == schema.String {
			cond.Lit(word)
		} else {
			cond.Op(number(word))
		}
	}
	return cond, "must be one of " + strings.Join(words, ", ")
}

// mapping validates the elements of a map.
func (b *validateBody) mapping(t *schema.Type) {
	k, e := b.c.local("k"), b.c.local("e")
	first := b.c.local("first")
	b.lines = []jen.Code{
		jen.Id(first).Op(":=").Len(jen.Id(b.vs)),
		jen.For(jen.List(jen.Id(k), jen.Id(e)).Op(":=").Range().Op("*").Id(b.v)).Block(
			jen.Id(b.n).Op(":=").Len(jen.Id(b.vs)),
			b.nested(t.Elem, in(jen.Id(e))),
			codecName("WithinKey").Call(b.since(), jen.Id(k)),
		),
		codecName("SortByPath").Call(jen.Id(b.vs).Index(jen.Id(first), jen.Empty())),
	}
}

// lengthText is a rule for a length in words.
func lengthText(format, arg, what string) string {
	if arg != "1" {
		what += "s"
	}
	return fmt.Sprintf(format, arg, what)
}

// asString is a value of a string type as a string.
func asString(t *schema.Type, p place) *jen.Statement {
	if t.Name == "" {
		return p.val()
	}
	return jen.String().Call(p.val())
}

// durationLiteral is a duration in its largest whole unit; negative ones in nanoseconds.
func durationLiteral(d time.Duration) *jen.Statement {
	if d <= 0 {
		return jen.Lit(int(d))
	}
	return duration(d)
}

// durationCode is a default= of a duration: a Go duration, or nanoseconds.
func durationCode(text string) *jen.Statement {
	if d, err := schema.ParseDuration(text); err == nil {
		return durationLiteral(d)
	}
	return jen.Op(number(text))
}

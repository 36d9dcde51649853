package templates

import (
	"strconv"
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// place is where a value is: as a value and as its address.
type place struct{ value, address *jen.Statement }

// in is the place of a value that can be addressed.
func in(value *jen.Statement) place { return place{value, jen.Op("&").Add(value.Clone())} }

// at is the place that a pointer leads to.
func at(pointer *jen.Statement) place { return place{jen.Op("*").Add(pointer.Clone()), pointer} }

func (p place) val() *jen.Statement { return p.value.Clone() }
func (p place) ptr() *jen.Statement { return p.address.Clone() }

// methods emits what a declared record has for everyone: its JSON methods, and before them what makes the compiler say that the file
// is stale.
func (c *codecs) methods(r *schema.Record) []jen.Code {
	u := unit{typ: r.Type}
	name := r.Type.Name
	v, dst, b, rd := c.local("v"), c.local("dst"), c.local("b"), c.local("r")
	value, pointer := jen.Id(v).Id(name), jen.Id(v).Op("*").Id(name)
	appended := jen.Return(c.write(u, in(jen.Id(v))))
	if !c.fails(u) {
		appended = jen.Return(c.write(u, in(jen.Id(v))), jen.Nil())
	}
	decode := func(policy ...jen.Code) []jen.Code {
		lines := []jen.Code{jen.Var().Id(rd).Add(codecName("Reader"))}
		lines = append(lines, policy...)
		return append(lines,
			jen.Id(rd).Dot("Reset").Call(jen.Id(b)),
			jen.Op("*").Id(v).Op("=").Add(goType(r.Type)).Values(),
			c.fn("Decode", u).Call(jen.Op("&").Id(rd), jen.Id(v)),
			jen.Return(jen.Id(rd).Dot("Finish").Call()),
		)
	}
	bytes := jen.Index().Byte()
	method := func(receiver *jen.Statement, name string, params, results []jen.Code, lines ...jen.Code) jen.Code {
		return jen.Func().Params(receiver.Clone()).Id(name).Params(params...).Params(results...).Block(lines...)
	}
	in, out := []jen.Code{jen.Id(b).Index().Byte()}, []jen.Code{bytes, jen.Error()}
	fails := "."
	if c.fails(u) {
		fails = ". It fails for what has no JSON: NaN, infinities, times that RFC 3339 cannot write."
		if c.hasForeign(r.Type) {
			fails = ". It fails for what has no JSON: NaN, times that RFC 3339 cannot write, a value whose own MarshalJSON fails."
		}
	}
	var codes []jen.Code
	if tripwire := c.tripwire(r); tripwire != nil {
		codes = append(codes, jen.Comment("If this does not compile, "+name+" has changed since the file was generated: run go generate."), tripwire)
	}
	return append(codes,
		jen.Comment("AppendJSON appends v as compact JSON"+fails),
		method(value, "AppendJSON", []jen.Code{jen.Id(dst).Index().Byte()}, out, appended),
		jen.Comment("SizeJSON is about how many bytes AppendJSON appends: a hint for the buffer, not a bound."),
		method(value, "SizeJSON", nil, []jen.Code{jen.Int()}, jen.Return(c.fn("Size", u).Call(jen.Op("&").Id(v)))),
		jen.Comment("MarshalJSON returns what AppendJSON appends."),
		method(value, "MarshalJSON", nil, out, jen.Return(jen.Id(v).Dot("AppendJSON").Call(jen.Make(bytes.Clone(), jen.Lit(0), jen.Id(v).Dot("SizeJSON").Call())))),
		jen.Comment("DecodeJSON reads the document b into v, whose earlier content is gone. Nothing of v aliases b."),
		method(pointer, "DecodeJSON", in, []jen.Code{jen.Error()}, decode()...),
		jen.Comment("BorrowJSON is DecodeJSON with strings that alias b: they are valid only as long as b is not changed."),
		method(pointer, "BorrowJSON", in, []jen.Code{jen.Error()}, decode(jen.Id(rd).Dot("Policy").Call(codecName("Borrow")))...),
		jen.Comment("UnmarshalJSON is DecodeJSON."),
		method(pointer, "UnmarshalJSON", in, []jen.Code{jen.Error()}, jen.Return(jen.Id(v).Dot("DecodeJSON").Call(jen.Id(b)))),
		jen.Comment("Reset makes v the zero "+name+"."),
		method(pointer, "Reset", nil, nil, jen.Op("*").Id(v).Op("=").Add(goType(r.Type)).Values()),
	)
}

// tripwire is an assignment that compiles only while the struct has the fields it had; nil if its source cannot be repeated.
func (c *codecs) tripwire(r *schema.Record) jen.Code {
	if len(r.Source) == 0 && len(r.Fields) > 0 {
		return nil
	}
	fields := make([]jen.Code, 0, len(r.Source))
	for _, s := range r.Source {
		field := &jen.Statement{}
		if !s.Embedded {
			field.Id(s.Name)
		}
		field.Add(goType(s.Type))
		if s.Tag != "" {
			field.Add(tag(s.Tag))
		}
		fields = append(fields, field)
	}
	v := c.local("v")
	return jen.Var().Id("_").Op("=").Func().Params(jen.Id(v).Id(r.Type.Name)).Struct(fields...).Block(jen.Return(jen.Id(v)))
}

// timeOf is the func(v *T) time.Time of a record's time=, a field that is always there.
func (c *codecs) timeOf(r *schema.Record) *jen.Statement {
	v := c.local("v")
	at := in(jen.Id(v).Dot(r.Time))
	for _, f := range r.Fields {
		if f.Go == r.Time {
			at, _ = c.fieldPlace(v, f)
		}
	}
	return jen.Func().Params(jen.Id(v).Op("*").Add(goType(r.Type))).Qual("time", "Time").Block(jen.Return(at.val()))
}

// fieldPlace is where a field of the record at v is, and the embedded pointers that lead to it.
func (c *codecs) fieldPlace(v string, f *schema.Field) (p place, pointers []embedded) {
	x := jen.Id(v)
	for i, name := range f.Path {
		x = x.Clone().Dot(name)
		if i < len(f.PathPointers) && f.PathPointers[i] {
			pointers = append(pointers, embedded{x.Clone(), f.Path[:i+1]})
		}
	}
	return in(x.Clone().Dot(f.Go)), pointers
}

// embedded is an embedded pointer on the way to a field.
type embedded struct {
	value *jen.Statement
	path  []string
}

// notNil is the condition under which a field behind embedded pointers exists; nil if it always does.
func notNil(pointers []embedded) *jen.Statement {
	var cond *jen.Statement
	for _, p := range pointers {
		check := p.value.Clone().Op("!=").Nil()
		if cond == nil {
			cond = check
		} else {
			cond = cond.Op("&&").Add(check)
		}
	}
	return cond
}

// embeddedType is the type that the embedded pointer at path leads to.
func (c *codecs) embeddedType(r *schema.Record, path []string) *schema.Type {
	var t *schema.Type
	for _, name := range path {
		if r == nil {
			return nil
		}
		t = nil
		for _, s := range r.Source {
			if s.Name == name {
				t = s.Type.Deref()
			}
		}
		if t == nil {
			return nil
		}
		r = c.records[t.Record]
	}
	return t
}

// recordSpecs is the []faust.RecordSpec of the package's records, those of other packages that it uses included; nil if there are none.
func (c *codecs) recordSpecs() *jen.Statement {
	var rows []jen.Code
	for _, r := range c.all() {
		if !r.Declared && !r.Marked { // a part of a record, which has no directive of its own
			continue
		}
		var spec literal
		spec.text("Name", r.Type.Name)
		spec.text("Doc", r.Doc)
		var fields []jen.Code
		for _, f := range r.Fields {
			var field literal
			field.text("Go", strings.Join(append(append([]string(nil), f.Path...), f.Go), "."))
			field.text("JSON", f.JSON)
			field.text("Type", f.Type.Go)
			field.text("Rules", ruleText(f))
			fields = append(fields, jen.Values(field.fields...))
		}
		if len(fields) > 0 {
			spec.set("Fields", jen.Index().Add(faust("FieldSpec")).Add(multi(fields...)))
		}
		rows = append(rows, multi(spec.fields...))
	}
	if len(rows) == 0 {
		return nil
	}
	return jen.Index().Add(faust("RecordSpec")).Add(multi(rows...))
}

// ruleText is a field's rules as in its tags.
func ruleText(f *schema.Field) string {
	var words []string
	if f.Required {
		words = append(words, "required")
	}
	for _, r := range f.Rules {
		word := r.Name
		if r.Arg != "" {
			word += "=" + r.Arg
		}
		words = append(words, word)
	}
	if f.HasDefault {
		words = append(words, "default="+f.Default)
	}
	return strings.Join(words, ",")
}

// perSecond is how many units of an epoch make a second.
func perSecond(epoch string) jen.Code {
	switch epoch {
	case "ms":
		return jen.Lit(1000)
	case "us":
		return jen.Id("1_000_000")
	}
	return jen.Lit(1)
}

// defaultValue is a field's default as an expression of its type without the pointer.
func defaultValue(f *schema.Field) (jen.Code, *schema.Type) {
	t := f.Type.Deref()
	switch {
	case t.Kind == schema.Bool:
		on, _ := strconv.ParseBool(f.Default)
		return jen.Lit(on), t
	case t.Kind == schema.String:
		return jen.Lit(f.Default), t
	case t.Kind == schema.Duration:
		return durationCode(f.Default), t
	default:
		return jen.Id(number(f.Default)), t
	}
}

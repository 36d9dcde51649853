package templates

import (
	"strconv"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// write is the expression that appends the value at p to dst. It yields ([]byte, error) if u can fail, else []byte.
func (c *codecs) write(u unit, p place) *jen.Statement {
	dst := jen.Id(c.local("dst"))
	if u.quoted && !isUnit(u.typ) {
		return c.writeQuoted(u, p)
	}
	switch u.typ.Kind {
	case schema.Bool:
		return codecName("AppendBool").Call(dst, p.val())
	case schema.String:
		return codecName("AppendString").Call(dst, p.val())
	case schema.Bytes:
		return codecName("AppendBytes").Call(dst, p.val())
	case schema.Float32:
		return codecName("AppendFloat32").Call(dst, p.val())
	case schema.Float64:
		return codecName("AppendFloat64").Call(dst, p.val())
	case schema.Time:
		switch {
		case u.epoch != "":
			return codecName("AppendTimeEpoch").Call(dst, p.val(), perSecond(u.epoch))
		case u.layout != "":
			return codecName("AppendTimeLayout").Call(dst, p.val(), jen.Lit(u.layout))
		}
		return codecName("AppendTime").Call(dst, p.val())
	case schema.Foreign, schema.Invalid:
		return jen.Qual(foreignPath, "Append").Call(dst, p.ptr())
	}
	if isUnit(u.typ) {
		return c.fn("Append", u).Call(dst, p.ptr())
	}
	if u.typ.IsUnsigned() {
		return codecName("AppendUint").Call(dst, p.val())
	}
	return codecName("AppendInt").Call(dst, p.val())
}

// writeQuoted is write for json's string option.
func (c *codecs) writeQuoted(u unit, p place) *jen.Statement {
	dst := jen.Id(c.local("dst"))
	name := "AppendInt"
	switch {
	case u.typ.Kind == schema.String:
		return codecName("AppendQuotedString").Call(dst, p.val())
	case u.typ.IsFloat():
		// The result and the error of the inner call are the arguments of the outer one.
		return codecName("CloseQuote").Call(codecName("Append"+exported(string(u.typ.Kind))).Call(jen.Append(dst, jen.LitRune('"')), p.val()))
	case u.typ.Kind == schema.Bool:
		name = "AppendBool"
	case u.typ.IsUnsigned():
		name = "AppendUint"
	}
	return jen.Append(codecName(name).Call(jen.Append(dst, jen.LitRune('"')), p.val()), jen.LitRune('"'))
}

// appendFunc emits faustAppendX: a unit's JSON, one level deep.
func (c *codecs) appendFunc(fn *function) jen.Code {
	u := fn.unit
	dst, v := c.local("dst"), c.local("v")
	b := &appendBody{c: c, dst: dst, v: v, err: c.local("err"), fails: c.fails(u)}
	switch u.typ.Kind {
	case schema.Struct:
		b.record(c.records[u.typ.Record])
	case schema.Pointer:
		b.nullIf(jen.Op("*").Id(v).Op("==").Nil())
		b.tail(u.of(u.typ.Elem), at(jen.Op("*").Id(v)))
	case schema.Slice:
		b.nullIf(jen.Op("*").Id(v).Op("==").Nil())
		b.elements(u, jen.Op("*").Id(v), jen.Parens(jen.Op("*").Id(v)))
	case schema.Array:
		b.elements(u, jen.Id(v), jen.Id(v))
	case schema.Map:
		b.nullIf(jen.Op("*").Id(v).Op("==").Nil())
		b.mapping(u)
	}
	results := jen.Index().Byte()
	if b.fails {
		results = jen.Params(jen.Index().Byte(), jen.Error())
		if b.usesErr {
			b.lines = append([]jen.Code{jen.Var().Id(b.err).Error()}, b.lines...)
		}
	}
	return jen.Commentf("%s appends the JSON of v.", fn.name).Line().
		Func().Id(fn.name).Params(jen.Id(dst).Index().Byte(), jen.Id(v).Op("*").Add(goType(u.typ))).Add(results).Block(b.lines...)
}

// appendBody collects the statements of one appendFunc.
type appendBody struct {
	c              *codecs
	dst, v, err    string
	fails, usesErr bool
	lines          []jen.Code
}

func (b *appendBody) add(lines ...jen.Code) { b.lines = append(b.lines, lines...) }

// set is dst = append(dst, what).
func (b *appendBody) set(what jen.Code) jen.Code {
	return jen.Id(b.dst).Op("=").Append(jen.Id(b.dst), what)
}

// done is a return of the finished expression.
func (b *appendBody) done(x *jen.Statement) jen.Code {
	if b.fails {
		return jen.Return(x, jen.Nil())
	}
	return jen.Return(x)
}

func (b *appendBody) nullIf(cond *jen.Statement) {
	b.add(jen.If(cond).Block(b.done(jen.Append(jen.Id(b.dst), jen.Lit("null").Op("...")))))
}

// value appends one value; place is the error with its place in the record.
func (b *appendBody) value(u unit, p place, place func(err *jen.Statement) jen.Code) jen.Code {
	x := b.c.write(u, p)
	if !b.c.fails(u) {
		return jen.Id(b.dst).Op("=").Add(x)
	}
	b.usesErr = true
	return jen.If(jen.List(jen.Id(b.dst), jen.Id(b.err)).Op("=").Add(x), jen.Id(b.err).Op("!=").Nil()).Block(
		jen.Return(jen.Id(b.dst), place(jen.Id(b.err))))
}

// tail returns the encoding of one value, which is all of the unit.
func (b *appendBody) tail(u unit, p place) {
	x := b.c.write(u, p)
	if b.fails && !b.c.fails(u) {
		b.add(jen.Return(x, jen.Nil()))
		return
	}
	b.add(jen.Return(x))
}

// record appends an object, field by field.
func (b *appendBody) record(r *schema.Record) {
	open := "{" // what the next certain member has before its name
	if r == nil || len(r.Fields) == 0 {
		b.add(b.done(jen.Append(jen.Id(b.dst), jen.Lit("{}").Op("..."))))
		return
	}
	begun := false // dst holds the brace
	for _, f := range r.Fields {
		p, pointers := b.c.fieldPlace(b.v, f)
		u := fieldUnit(f)
		name := strconv.Quote(f.JSON) + ":"
		value := b.value(u, p, func(err *jen.Statement) jen.Code { return codecName("At").Call(jen.Lit(f.JSON), err) })
		cond := b.c.present(f, p)
		if exists := notNil(pointers); exists != nil && cond != nil {
			cond = exists.Op("&&").Add(cond)
		} else if exists != nil {
			cond = exists
		}
		switch {
		case cond == nil && open != "":
			b.add(b.set(jen.Add(raw(open+name)).Op("...")), value)
			open, begun = ",", true
		case cond == nil:
			b.add(jen.Id(b.dst).Op("=").Append(codecName("Comma").Call(jen.Id(b.dst)), jen.Add(raw(name)).Op("...")), value)
			open = ","
		case open == ",":
			b.add(jen.If(cond).Block(b.set(jen.Add(raw(open+name)).Op("...")), value))
		default:
			if !begun {
				b.add(b.set(jen.LitRune('{')))
				begun, open = true, ""
			}
			b.add(jen.If(cond).Block(jen.Id(b.dst).Op("=").Append(codecName("Comma").Call(jen.Id(b.dst)), jen.Add(raw(name)).Op("...")), value))
		}
	}
	b.add(b.done(jen.Append(jen.Id(b.dst), jen.LitRune('}'))))
}

// present is the condition under which a field is written; nil if it always is.
func (c *codecs) present(f *schema.Field, p place) *jen.Statement {
	t := f.Type
	var conds []*jen.Statement
	if f.OmitEmpty {
		switch {
		case t.Kind == schema.Array && t.Len == 0:
			conds = append(conds, jen.False())
		case t.Kind == schema.Array, t.Kind == schema.Struct, t.Kind == schema.Time:
			// Never empty, by encoding/json's definition.
		case t.Kind == schema.Foreign || t.Kind == schema.Invalid:
			conds = append(conds, jen.Op("!").Qual(foreignPath, "Empty").Call(p.ptr()))
		default:
			conds = append(conds, notZero(t, p))
		}
	}
	if f.OmitZero {
		switch {
		case f.IsZeroMethod && t.Kind == schema.Pointer:
			conds = append(conds, p.val().Op("!=").Nil(), jen.Op("!").Add(p.val()).Dot("IsZero").Call())
		case f.IsZeroMethod || t.Kind == schema.Time:
			conds = append(conds, jen.Op("!").Add(p.val()).Dot("IsZero").Call())
		case t.Kind == schema.Struct || t.Kind == schema.Array || t.Kind == schema.Foreign || t.Kind == schema.Invalid:
			conds = append(conds, jen.Op("!").Add(codecName("IsZero")).Call(p.ptr()))
		case t.Kind == schema.Slice || t.Kind == schema.Map || t.Kind == schema.Bytes:
			conds = append(conds, p.val().Op("!=").Nil())
		default:
			conds = append(conds, notZero(t, p))
		}
	}
	var all *jen.Statement
	for _, cond := range conds {
		if all == nil {
			all = cond
		} else {
			all = all.Op("&&").Add(cond)
		}
	}
	return all
}

// notZero is the condition that a value is not empty: not 0, "", false or nil, and of slices and maps that they hold something.
func notZero(t *schema.Type, p place) *jen.Statement {
	switch t.Kind {
	case schema.Bool:
		return p.val()
	case schema.String:
		return p.val().Op("!=").Lit("")
	case schema.Bytes, schema.Slice, schema.Map:
		return jen.Len(p.val()).Op(">").Lit(0)
	case schema.Pointer:
		return p.val().Op("!=").Nil()
	}
	return p.val().Op("!=").Lit(0)
}

// elements appends an array; list is what is ranged over and indexed is the same with an index behind it.
func (b *appendBody) elements(u unit, list, indexed *jen.Statement) {
	i := b.c.local("i")
	b.add(
		b.set(jen.LitRune('[')),
		jen.For(jen.Id(i).Op(":=").Range().Add(list)).Block(
			jen.If(jen.Id(i).Op(">").Lit(0)).Block(b.set(jen.LitRune(','))),
			b.value(u.of(u.typ.Elem), in(indexed.Clone().Index(jen.Id(i))), func(err *jen.Statement) jen.Code {
				return codecName("AtIndex").Call(jen.Id(i), err)
			}),
		),
		b.done(jen.Append(jen.Id(b.dst), jen.LitRune(']'))),
	)
}

// mapping appends a map as an object, its members in the order of their names.
func (b *appendBody) mapping(u unit) {
	c, t := b.c, u.typ
	i, k, e, keys := c.local("i"), c.local("k"), c.local("e"), c.local("keys")
	key := jen.Id(k)
	var text *jen.Statement // the key as a string, for errors
	var list *jen.Statement
	var name jen.Code
	var after []jen.Code
	switch {
	case t.Key.Kind == schema.String:
		text, list = jen.Id(k), jen.Id(keys).Dot("Sorted")
		if t.Key.Name != "" {
			key = goType(t.Key).Call(jen.Id(k))
		}
		b.add(jen.Id(keys).Op(":=").Add(codecName("StringKeys")).Call(jen.Op("*").Id(b.v)))
		name = jen.Id(b.dst).Op("=").Append(codecName("AppendString").Call(jen.Id(b.dst), jen.Id(k)), jen.LitRune(':'))
		after = []jen.Code{jen.Id(keys).Dot("Free").Call()}
	case t.Key.IsInt():
		text, list = jen.Qual("fmt", "Sprint").Call(jen.Id(k)), jen.Id(keys)
		b.add(jen.Id(keys).Op(":=").Add(codecName("NumberKeys")).Call(jen.Op("*").Id(b.v)))
		name = jen.Id(b.dst).Op("=").Add(codecName("AppendNumberKey")).Call(jen.Id(b.dst), jen.Id(k))
	default:
		text, list, key = jen.Id(k).Dot("Text"), jen.Id(keys), jen.Id(k).Dot("Key")
		b.add(jen.List(jen.Id(keys), jen.Id(b.err)).Op(":=").Add(codecName("TextKeys")).Call(jen.Op("*").Id(b.v)),
			jen.If(jen.Id(b.err).Op("!=").Nil()).Block(jen.Return(jen.Id(b.dst), jen.Id(b.err))))
		name = jen.Id(b.dst).Op("=").Append(codecName("AppendString").Call(jen.Id(b.dst), jen.Id(k).Dot("Text")), jen.LitRune(':'))
	}
	value := b.value(u.of(t.Elem), in(jen.Id(e)), func(err *jen.Statement) jen.Code { return codecName("At").Call(text, err) })
	b.usesErr = b.usesErr && !textKeyed(t) // TextKeys has declared the error that the elements set
	b.add(
		b.set(jen.LitRune('{')),
		jen.For(jen.List(jen.Id(i), jen.Id(k)).Op(":=").Range().Add(list)).Block(
			jen.If(jen.Id(i).Op(">").Lit(0)).Block(b.set(jen.LitRune(','))),
			name,
			jen.Id(e).Op(":=").Parens(jen.Op("*").Id(b.v)).Index(key),
			value,
		),
	)
	b.add(after...)
	b.add(b.done(jen.Append(jen.Id(b.dst), jen.LitRune('}'))))
}

// sizeFunc emits faustSizeX: about how long a unit's JSON is.
func (c *codecs) sizeFunc(fn *function) jen.Code {
	u, v, n := fn.unit, c.local("v"), c.local("n")
	t := u.typ
	var lines []jen.Code
	sum := func(fixed int, terms []*jen.Statement) *jen.Statement {
		s := jen.Lit(fixed)
		for _, term := range terms {
			s.Op("+").Add(term)
		}
		return s
	}
	switch t.Kind {
	case schema.Struct:
		total, terms := 2, []*jen.Statement(nil)
		for _, f := range c.fieldsOf(t) {
			p, pointers := c.fieldPlace(v, f)
			fixed, term := c.size(fieldUnit(f), p)
			total += fixed + len(f.JSON) + 4
			if exists := notNil(pointers); term != nil && exists != nil {
				lines = append(lines, jen.If(exists).Block(jen.Id(n).Op("+=").Add(term)))
			} else if term != nil {
				terms = append(terms, term)
			}
		}
		if len(lines) == 0 {
			lines = []jen.Code{jen.Return(sum(total, terms))}
			break
		}
		lines = append([]jen.Code{jen.Id(n).Op(":=").Add(sum(total, terms))}, append(lines, jen.Return(jen.Id(n)))...)
	case schema.Pointer:
		fixed, term := c.size(u.of(t.Elem), at(jen.Op("*").Id(v)))
		if term == nil {
			lines = []jen.Code{jen.Return(jen.Lit(fixed))}
			break
		}
		lines = []jen.Code{
			jen.If(jen.Op("*").Id(v).Op("==").Nil()).Block(jen.Return(jen.Lit(len("null")))),
			jen.Return(sum(fixed, []*jen.Statement{term})),
		}
	case schema.Map:
		// Walking a map costs more than a buffer that grows once.
		fixed, _ := c.size(u.of(t.Elem), in(jen.Id(v)))
		lines = []jen.Code{jen.Return(jen.Lit(2).Op("+").Len(jen.Op("*").Id(v)).Op("*").Lit(fixed + 20))}
	default:
		i := c.local("i")
		list, indexed := jen.Op("*").Id(v), jen.Parens(jen.Op("*").Id(v))
		if t.Kind == schema.Array {
			list, indexed = jen.Id(v), jen.Id(v)
		}
		fixed, term := c.size(u.of(t.Elem), in(indexed.Clone().Index(jen.Id(i))))
		if term == nil {
			lines = []jen.Code{jen.Return(jen.Lit(2).Op("+").Len(list).Op("*").Lit(fixed + 1))}
			break
		}
		lines = []jen.Code{
			jen.Id(n).Op(":=").Lit(2),
			jen.For(jen.Id(i).Op(":=").Range().Add(list)).Block(jen.Id(n).Op("+=").Add(sum(fixed+1, []*jen.Statement{term}))),
			jen.Return(jen.Id(n)),
		}
	}
	return jen.Commentf("%s is about the length of v's JSON.", fn.name).Line().
		Func().Id(fn.name).Params(jen.Id(sizeParam(lines, v)).Op("*").Add(goType(t))).Int().Block(lines...)
}

// sizeParam is v, or _ if no line mentions it.
func sizeParam(lines []jen.Code, v string) string {
	if len(lines) == 1 {
		if s := jen.Func().Id("f").Params().Int().Block(lines...).GoString(); !mentions(s, v) {
			return "_"
		}
	}
	return v
}

// size is about how long a value's JSON is: a number, and an expression for what depends on the value, nil if nothing does.
func (c *codecs) size(u unit, p place) (int, *jen.Statement) {
	switch u.typ.Kind {
	case schema.Bool:
		return 5, nil
	case schema.String:
		return 2, jen.Len(p.val())
	case schema.Bytes:
		return 2, jen.Len(p.val()).Op("*").Lit(4).Op("/").Lit(3)
	case schema.Int8, schema.Uint8:
		return 4, nil
	case schema.Time:
		return 32, nil
	case schema.Float32, schema.Float64, schema.Duration:
		return 16, nil
	case schema.Foreign, schema.Invalid:
		return 32, nil
	}
	if isUnit(u.typ) {
		return 0, c.fn("Size", u).Call(p.ptr())
	}
	return 11, nil
}

// fieldsOf are the fields of a struct's record.
func (c *codecs) fieldsOf(t *schema.Type) []*schema.Field {
	if r := c.records[t.Record]; r != nil {
		return r.Fields
	}
	return nil
}

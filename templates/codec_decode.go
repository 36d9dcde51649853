package templates

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// read is the statement that reads the next value into p.
func (c *codecs) read(u unit, p place) jen.Code {
	r := jen.Id(c.local("r"))
	t := u.typ
	if u.quoted && !isUnit(t) {
		inner := u
		inner.quoted = false
		return jen.If(r.Clone().Dot("Quoted").Call()).Block(c.read(inner, p), r.Clone().Dot("Unquote").Call())
	}
	if isUnit(t) {
		return c.fn("Decode", u).Call(r, p.ptr())
	}
	method, arg := exported(string(t.Kind)), p.ptr()
	base := jen.Id(string(t.Kind))
	switch t.Kind {
	case schema.Foreign, schema.Invalid:
		return jen.Qual(foreignPath, "Read").Call(r, p.ptr())
	case schema.Duration:
		return r.Dot("Int64").Call(jen.Parens(jen.Op("*").Int64()).Call(arg))
	case schema.Bytes:
		base = jen.Index().Byte()
	}
	if t.Name != "" && t.Kind != schema.Time {
		arg = jen.Parens(jen.Op("*").Add(base)).Call(arg)
	}
	switch {
	case u.epoch != "":
		return r.Dot("TimeEpoch").Call(arg, perSecond(u.epoch))
	case u.layout != "":
		return r.Dot("TimeLayout").Call(arg, jen.Lit(u.layout))
	}
	return r.Dot(method).Call(arg)
}

// decodeFunc emits faustDecodeX: it reads one JSON value at the reader's position, one level deep.
func (c *codecs) decodeFunc(fn *function) jen.Code {
	u := fn.unit
	t := u.typ
	r, v := c.local("r"), c.local("v")
	var lines []jen.Code
	star := jen.Op("*").Id(v)
	switch t.Kind {
	case schema.Struct:
		lines = c.decodeRecord(c.records[t.Record], t)
	case schema.Pointer:
		p := c.local("p")
		lines = []jen.Code{jen.Op("*").Id(v).Op("=").Nil()}
		fill := []jen.Code{jen.Id(p).Op(":=").New(goType(t.Elem))}
		inner := u.of(t.Elem)
		if u.quoted && !isUnit(t.Elem) {
			inner.quoted = false
			fill = append(fill, c.read(inner, at(jen.Id(p))), jen.Id(r).Dot("Unquote").Call(), star.Clone().Op("=").Id(p))
			lines = append(lines, jen.If(jen.Id(r).Dot("Quoted").Call()).Block(fill...))
			break
		}
		fill = append(fill, c.read(inner, at(jen.Id(p))), star.Clone().Op("=").Id(p))
		lines = append(lines, jen.If(jen.Op("!").Id(r).Dot("Null").Call()).Block(fill...))
	case schema.Slice:
		lines = []jen.Code{
			star.Clone().Op("=").Nil(),
			jen.If(jen.Op("!").Id(r).Dot("Array").Call()).Block(jen.Return()),
			star.Clone().Op("=").Add(goType(t)).Values(),
			jen.For(jen.Id(r).Dot("Elem").Call()).Block(c.read(u.of(t.Elem), at(codecName("Grow").Call(jen.Id(v))))),
		}
	case schema.Array:
		i := c.local("i")
		lines = []jen.Code{
			jen.If(jen.Op("!").Id(r).Dot("Array").Call()).Block(jen.Return()),
			star.Clone().Op("=").Add(goType(t)).Values(),
			jen.For(jen.Id(i).Op(":=").Lit(0), jen.Id(r).Dot("Elem").Call(), jen.Id(i).Op("++")).Block(
				jen.If(jen.Id(i).Op("<").Len(jen.Id(v))).Block(
					c.read(u.of(t.Elem), in(jen.Id(v).Index(jen.Id(i)))),
				).Else().Block(jen.Id(r).Dot("Skip").Call()),
			),
		}
	case schema.Map:
		lines = c.decodeMap(u)
	}
	return jen.Commentf("%s reads the value at r's position into v.", fn.name).Line().
		Func().Id(fn.name).Params(jen.Id(r).Op("*").Add(codecName("Reader")), jen.Id(v).Op("*").Add(goType(t))).Block(lines...)
}

// decodeMap reads an object into a new map.
func (c *codecs) decodeMap(u unit) []jen.Code {
	t := u.typ
	r, v, m, k, e := c.local("r"), c.local("v"), c.local("m"), c.local("k"), c.local("e")
	var name []jen.Code
	switch {
	case t.Key.Kind == schema.String:
		key := jen.Id(r).Dot("Key").Call()
		if t.Key.Name != "" {
			key = goType(t.Key).Call(key)
		}
		name = []jen.Code{jen.Id(k).Op(":=").Add(key)}
	case t.Key.IsInt():
		name = []jen.Code{jen.Id(k).Op(":=").Add(codecName("NumberKey")).Types(goType(t.Key)).Call(jen.Id(r))}
	default:
		name = []jen.Code{jen.Var().Id(k).Add(goType(t.Key)), codecName("TextKeyInto").Call(jen.Id(r), jen.Op("&").Id(k))}
	}
	body := append(name,
		jen.Var().Id(e).Add(goType(t.Elem)),
		c.read(u.of(t.Elem), in(jen.Id(e))),
		jen.Id(m).Index(jen.Id(k)).Op("=").Id(e),
	)
	return []jen.Code{
		jen.Op("*").Id(v).Op("=").Nil(),
		jen.If(jen.Op("!").Id(r).Dot("Object").Call()).Block(jen.Return()),
		jen.Id(m).Op(":=").Add(goType(t)).Values(),
		jen.For(jen.Id(r).Dot("Member").Call()).Block(body...),
		jen.Op("*").Id(v).Op("=").Id(m),
	}
}

// decodeRecord reads an object: first member by member in the order of AppendJSON, without white space, then whatever is left in any
// order. The second part alone is correct; the first is why it is fast.
func (c *codecs) decodeRecord(record *schema.Record, t *schema.Type) []jen.Code {
	r, v := c.local("r"), c.local("v")
	lines := []jen.Code{
		jen.If(jen.Op("!").Id(r).Dot("Object").Call()).Block(jen.Return()),
		jen.Op("*").Id(v).Op("=").Add(goType(t)).Values(),
	}
	if record == nil {
		return append(lines, jen.For(jen.Id(r).Dot("Member").Call()).Block(jen.Id(r).Dot("Skip").Call()))
	}
	var cases []jen.Code
	var fast []jen.Code
	for i, f := range record.Fields {
		p, pointers := c.fieldPlace(v, f)
		if f.HasDefault {
			lines = append(lines, c.setDefault(record, f, p, pointers)...)
		}
		member := func() []jen.Code {
			return append(c.makeEmbedded(record, pointers), c.read(fieldUnit(f), p))
		}
		if i == 0 {
			fast = append(fast, member()...)
		} else {
			fast = append(fast, jen.If(jen.Id(r).Dot("Try").Call(raw(","+strconv.Quote(f.JSON)+":"))).Block(member()...))
		}
		cases = append(cases, jen.Case(jen.Lit(f.JSON)).Block(member()...))
	}
	cases = append(cases, jen.Default().Block(jen.Id(r).Dot("Skip").Call()))
	if len(record.Fields) == 0 {
		return append(lines, jen.For(jen.Id(r).Dot("Member").Call()).Block(jen.Id(r).Dot("Skip").Call()))
	}
	// A comma is right only behind a member, so the first one opens the way for the others.
	fast = append(fast, jen.If(jen.Id(r).Dot("End").Call()).Block(jen.Return()))
	return append(lines,
		jen.If(jen.Id(r).Dot("Try").Call(raw(strconv.Quote(record.Fields[0].JSON)+":"))).Block(fast...),
		jen.For(jen.Id(r).Dot("Member").Call()).Block(jen.Switch(jen.String().Call(jen.Id(r).Dot("Name").Call())).Block(cases...)),
	)
}

// makeEmbedded allocates the embedded structs on the way to a field, as its presence in a document asks for.
func (c *codecs) makeEmbedded(record *schema.Record, pointers []embedded) []jen.Code {
	var lines []jen.Code
	for _, p := range pointers {
		t := c.embeddedType(record, p.path)
		made := jen.New(jen.Id(p.path[len(p.path)-1]))
		if t != nil {
			made = jen.New(goType(t))
		}
		lines = append(lines, jen.If(p.value.Clone().Op("==").Nil()).Block(p.value.Clone().Op("=").Add(made)))
	}
	return lines
}

// setDefault gives a field the value it has unless the document has another.
func (c *codecs) setDefault(record *schema.Record, f *schema.Field, p place, pointers []embedded) []jen.Code {
	lines := c.makeEmbedded(record, pointers)
	value, t := defaultValue(f)
	target := p.val()
	if t.Kind == schema.Time {
		// Text that is read like a document's: it was checked with the tag.
		parsed := jen.Qual("time", "RFC3339Nano")
		if f.Layout != "" {
			parsed = jen.Lit(f.Layout)
		}
		value = codecName("MustTime").Call(parsed, jen.Lit(f.Default))
	}
	for pointer := f.Type; pointer.Kind == schema.Pointer; pointer = pointer.Elem {
		lines = append(lines, target.Clone().Op("=").New(goType(pointer.Elem)))
		target = jen.Op("*").Add(target)
	}
	return append(lines, target.Clone().Op("=").Add(value))
}

// mentions says that Go source uses an identifier.
func mentions(source, name string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, parser.SkipObjectResolution)
	if err != nil {
		return true
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return true
	})
	return found
}

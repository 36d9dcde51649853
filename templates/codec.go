package templates

import (
	"cmp"
	"go/scanner"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

const foreignPath = codecPath + "/foreign"

// codecs emits the codecs of a package: the methods of its records, the functions below them, and one variable for every pair of a
// type and a codec that a handle asks for. Only what is asked for is emitted.
//
// The functions belong to units: a unit is a record, or a pointer, slice, array or map, so that every function is one level deep.
type codecs struct {
	pkg     *schema.Package
	records map[string]*schema.Record // by Record.Key
	locals  *names
	taken   map[string]bool   // package-level names given out here
	titles  map[string]string // unit → the part of its functions' names that tells it apart
	funcs   map[string]*function
	pending []*function
	vars    map[string]*variable
}

// function is one generated function of a unit.
type function struct {
	kind string // Append, Decode, …
	name string
	unit unit
	code jen.Code
}

// variable is a value or key codec.
type variable struct {
	name string
	code jen.Code
}

// unit is a type together with what a field's tags say of its encoding, since that reaches into pointers and slices.
type unit struct {
	typ    *schema.Type
	layout string
	epoch  string
	quoted bool
}

// id tells a unit apart from all others.
func (u unit) id() string {
	return u.typ.ID() + "|" + u.layout + "|" + u.epoch + "|" + strconv.FormatBool(u.quoted)
}

// of is the unit of a part of u's type.
func (u unit) of(t *schema.Type) unit {
	u.typ = t
	return u
}

// fieldUnit is the unit of a field.
func fieldUnit(f *schema.Field) unit {
	return unit{typ: f.Type, layout: f.Layout, epoch: f.Epoch, quoted: f.Quoted}
}

func newCodecs(pkg *schema.Package) *codecs {
	c := &codecs{
		pkg:     pkg,
		records: map[string]*schema.Record{},
		locals:  newNames(pkg),
		taken:   map[string]bool{},
		titles:  map[string]string{},
		funcs:   map[string]*function{},
		vars:    map[string]*variable{},
	}
	for _, r := range c.all() {
		c.records[r.Key] = r
	}
	for _, r := range c.all() {
		c.title(unit{typ: r.Type})
	}
	return c
}

// all returns the records in the order in which they are emitted.
func (c *codecs) all() []*schema.Record {
	byKey := func(a, b *schema.Record) int { return cmp.Compare(a.Key, b.Key) }
	return append(slices.SortedFunc(slices.Values(c.pkg.Records), byKey), slices.SortedFunc(slices.Values(c.pkg.Reached), byKey)...)
}

// isUnit says that values of t are written and read by functions of their own.
func isUnit(t *schema.Type) bool {
	switch t.Kind {
	case schema.Struct, schema.Pointer, schema.Slice, schema.Array, schema.Map:
		return true
	}
	return false
}

// title is the part of a unit's function names that tells it apart: Order, OrderSlice, OtherpkgOrder.
func (c *codecs) title(u unit) string {
	if title, ok := c.titles[u.id()]; ok {
		return title
	}
	want := c.typeTitle(u.typ)
	switch {
	case u.quoted:
		want = "Quoted" + want
	case u.epoch != "":
		want += "Epoch" + exported(u.epoch)
	case u.layout != "":
		want += "Layout"
	}
	title := c.free("title ", want)
	c.titles[u.id()] = title
	return title
}

// free returns want, or want with a number behind it, so that prefix+name is taken but once and not declared by the user.
func (c *codecs) free(prefix, want string) string {
	name := want
	for i := 2; ; i++ {
		_, declared := c.pkg.Declared[prefix+name]
		if !declared && !c.taken[prefix+name] {
			c.taken[prefix+name] = true
			return name
		}
		name = want + strconv.Itoa(i)
	}
}

// typeTitle is a type in letters and digits.
func (c *codecs) typeTitle(t *schema.Type) string {
	if t.Name != "" {
		title := exported(t.Name)
		if t.Pkg != c.pkg.Path && t.Pkg != "time" {
			title = exported(letters(path.Base(t.Pkg))) + title
		}
		for _, a := range t.Args {
			title += c.typeTitle(a)
		}
		return title
	}
	switch t.Kind {
	case schema.Pointer:
		return c.typeTitle(t.Elem) + "Pointer"
	case schema.Slice:
		return c.typeTitle(t.Elem) + "Slice"
	case schema.Array:
		return c.typeTitle(t.Elem) + "Array" + strconv.FormatInt(t.Len, 10)
	case schema.Map:
		return c.typeTitle(t.Elem) + "By" + c.typeTitle(t.Key)
	case schema.Foreign, schema.Invalid:
		return exported(letters(t.Go))
	}
	return exported(string(t.Kind))
}

// letters keeps what an identifier may hold.
func letters(s string) string {
	var b strings.Builder
	for _, r := range s {
		if token.IsIdentifier("x" + string(r)) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fn names the function of that kind for u and sees to it that it is emitted.
func (c *codecs) fn(kind string, u unit) *jen.Statement {
	id := kind + " " + u.id()
	f, ok := c.funcs[id]
	if !ok {
		f = &function{kind: kind, unit: u, name: c.free("", "faust"+kind+c.title(u))}
		c.funcs[id] = f
		c.pending = append(c.pending, f)
	}
	return jen.Id(f.name)
}

// local is the name of a variable in a generated function.
func (c *codecs) local(name string) string { return c.locals.local(name) }

// codec is a name of package codec.
func codecName(name string) *jen.Statement { return jen.Qual(codecPath, name) }

// functionKinds is the order of a unit's functions in the file.
var functionKinds = []string{"Append", "Size", "Decode", "Validate", "Clone", "UTC"}

// Emit writes all records' code and the variables that Value and Key have named so far.
func (c *codecs) Emit(f *jen.File) {
	methods := map[string][]jen.Code{}
	for _, r := range c.all() {
		if r.Declared {
			methods[unit{typ: r.Type}.id()] = c.methods(r)
		}
	}
	for len(c.pending) > 0 {
		next := c.pending[0]
		c.pending = c.pending[1:]
		next.code = c.body(next)
	}
	for _, r := range c.all() {
		id := unit{typ: r.Type}.id()
		for _, code := range methods[id] {
			f.Add(code)
		}
		for _, kind := range functionKinds {
			if fn, ok := c.funcs[kind+" "+id]; ok {
				f.Add(fn.code)
				fn.code = nil
			}
		}
	}
	// What remains are the units below the records, by name.
	var rest []*function
	for _, fn := range c.funcs {
		if fn.code != nil {
			rest = append(rest, fn)
		}
	}
	slices.SortFunc(rest, func(a, b *function) int { return cmp.Compare(a.name, b.name) })
	for _, fn := range rest {
		f.Add(fn.code)
	}
	variables := make([]*variable, 0, len(c.vars))
	for _, v := range c.vars {
		variables = append(variables, v)
	}
	slices.SortFunc(variables, func(a, b *variable) int { return cmp.Compare(a.name, b.name) })
	for _, v := range variables {
		f.Add(v.code)
	}
}

// body emits one function.
func (c *codecs) body(fn *function) jen.Code {
	switch fn.kind {
	case "Append":
		return c.appendFunc(fn)
	case "Size":
		return c.sizeFunc(fn)
	case "Decode":
		return c.decodeFunc(fn)
	case "Validate":
		return c.validateFunc(fn)
	case "Clone":
		return c.cloneFunc(fn)
	default:
		return c.utcFunc(fn)
	}
}

// Value is the variable of type faust.ValueCodec[t] for one of the codecs json, text and raw.
func (c *codecs) Value(t *schema.Type, name string) *jen.Statement {
	if name == "" {
		name = "json"
	}
	id := "value " + name + " " + t.ID()
	v, ok := c.vars[id]
	if !ok {
		u := unit{typ: t}
		v = &variable{name: c.free("", "faust"+c.title(u)+exported(suffixes[name]))}
		c.vars[id] = v
		code := c.jsonCodec(u)
		if name != "json" {
			code = c.textCodec(t, name)
		}
		v.code = jen.Var().Id(v.name).Op("=").Add(code)
	}
	return jen.Id(v.name)
}

var suffixes = map[string]string{"json": "JSON", "text": "Text", "raw": "Raw"}

// jsonCodec is codec=json of a type.
func (c *codecs) jsonCodec(u unit) *jen.Statement {
	t, goT := u.typ, goType(u.typ)
	r, b, v := c.local("r"), c.local("b"), c.local("v")
	var fields literal
	fields.set("Name", jen.Lit("json"))
	fields.set("Append", c.appendClosure(u))
	fields.set("Decode", jen.Func().Params(jen.Id(r).Op("*").Add(codecName("Reader")), jen.Id(b).Index().Byte(), jen.Id(v).Op("*").Add(goT.Clone())).Error().Block(
		jen.Id(r).Dot("Reset").Call(jen.Id(b)),
		c.read(u, at(jen.Id(v))),
		jen.Return(jen.Id(r).Dot("Finish").Call()),
	))
	if c.hasRules(t) {
		fields.set("Validate", c.validator(u))
	}
	if record := c.records[t.Record]; t.Kind == schema.Struct && record != nil && record.Time != "" {
		fields.set("Time", c.timeOf(record))
	}
	fields.bool("Flat", c.flat(t))
	fields.bool("Fails", c.fails(u))
	if c.hasStrings(t) {
		var clone *jen.Statement
		if isUnit(t) {
			clone = c.fn("Clone", u)
		} else {
			clone = jen.Func().Params(jen.Id(v).Op("*").Add(goT.Clone())).Block(jen.Op("*").Id(v).Op("=").Add(cloneString(t, jen.Op("*").Id(v))))
		}
		fields.set("Clone", clone)
	}
	return faust("ValueCodec").Types(goT.Clone()).Add(multi(fields.fields...))
}

// appendClosure is a func(dst []byte, v *T) ([]byte, error).
func (c *codecs) appendClosure(u unit) *jen.Statement {
	if isUnit(u.typ) && c.fails(u) {
		return c.fn("Append", u)
	}
	dst, v := c.local("dst"), c.local("v")
	result := c.write(u, at(jen.Id(v)))
	if !c.fails(u) {
		result = jen.List(result, jen.Nil())
	}
	return jen.Func().Params(jen.Id(dst).Index().Byte(), jen.Id(v).Op("*").Add(goType(u.typ))).Params(jen.Index().Byte(), jen.Error()).Block(jen.Return(result))
}

// textCodec is codec=text or raw: the bytes of strings and byte slices as they are, of other types the text they have as keys.
func (c *codecs) textCodec(t *schema.Type, name string) *jen.Statement {
	switch t.Kind {
	case schema.String:
		return codecName("StringValue").Types(goType(t)).Call(jen.Lit(name))
	case schema.Bytes:
		return codecName("BytesValue").Types(goType(t)).Call(jen.Lit(name))
	case schema.Float32, schema.Float64:
		return codecName("Text").Call(codecName("FloatText").Types(goType(t)).Call(), jen.True(), jen.True())
	}
	return codecName("Text").Call(c.keyCodec(t, "text"), jen.Lit(c.flat(t)), jen.Lit(c.fails(unit{typ: t})))
}

// Key is the variable of type faust.KeyCodec[t] for one of the key codecs text and be.
func (c *codecs) Key(t *schema.Type, name string) *jen.Statement {
	suffix := "Key"
	if name == "be" {
		suffix = "BEKey"
	}
	id := suffix + " " + t.ID()
	v, ok := c.vars[id]
	if !ok {
		v = &variable{name: c.free("", "faust"+c.title(unit{typ: t})+suffix)}
		c.vars[id] = v
		v.code = jen.Var().Id(v.name).Op("=").Add(c.keyCodec(t, name))
	}
	return jen.Id(v.name)
}

func (c *codecs) keyCodec(t *schema.Type, name string) *jen.Statement {
	k := c.local("k")
	switch {
	case name == "be" && t.IsInt():
		return codecName("BigEndian").Types(goType(t)).Call()
	case t.Kind == schema.String:
		return codecName("StringKey").Types(goType(t)).Call()
	case t.Kind == schema.Bytes:
		return codecName("BytesKey").Types(goType(t)).Call()
	case t.Kind == schema.Array && t.Elem.Kind == schema.Uint8 && t.Elem.Name == "":
		return codecName("ArrayKey").Call(jen.Func().Params(jen.Id(k).Op("*").Add(goType(t))).Index().Byte().Block(jen.Return(jen.Id(k).Index(jen.Op(":")))))
	case t.IsSigned():
		return codecName("IntKey").Types(goType(t)).Call()
	case t.IsUnsigned():
		return codecName("UintKey").Types(goType(t)).Call()
	case t.Kind == schema.Bool:
		return codecName("BoolKey").Types(goType(t)).Call()
	case t.Kind == schema.Time:
		return codecName("TimeKey").Call()
	case t.Kind == schema.Foreign && t.Text:
		return codecName("TextKey").Types(goType(t), jen.Op("*").Add(goType(t))).Call()
	}
	u := unit{typ: t}
	read := c.readFunc(u)
	utc := jen.Nil()
	if c.hasTimes(t) {
		utc = c.fn("UTC", u)
	}
	return codecName("JSONKey").Call(c.appendClosure(u), read, utc)
}

// readFunc is a func(r *codec.Reader, v *T).
func (c *codecs) readFunc(u unit) *jen.Statement {
	if isUnit(u.typ) {
		return c.fn("Decode", u)
	}
	r, v := c.local("r"), c.local("v")
	return jen.Func().Params(jen.Id(r).Op("*").Add(codecName("Reader")), jen.Id(v).Op("*").Add(goType(u.typ))).Block(c.read(u, at(jen.Id(v))))
}

// goType is a type as Go source. It never returns the same statement twice.
func goType(t *schema.Type) *jen.Statement {
	if t.Name != "" && t.Pkg != "" {
		s := jen.Qual(t.Pkg, t.Name)
		if len(t.Args) > 0 {
			args := make([]jen.Code, len(t.Args))
			for i, a := range t.Args {
				args[i] = goType(a)
			}
			s = s.Types(args...)
		}
		return s
	}
	switch t.Kind {
	case schema.Bytes:
		return jen.Index().Byte()
	case schema.Time:
		return jen.Qual("time", "Time")
	case schema.Duration:
		return jen.Qual("time", "Duration")
	case schema.Pointer:
		return jen.Op("*").Add(goType(t.Elem))
	case schema.Slice:
		return jen.Index().Add(goType(t.Elem))
	case schema.Array:
		return jen.Index(jen.Lit(int(t.Len))).Add(goType(t.Elem))
	case schema.Map:
		return jen.Map(goType(t.Key)).Add(goType(t.Elem))
	case schema.Foreign, schema.Invalid:
		return goSource(t)
	case schema.Struct:
		return jen.Id(t.Go)
	}
	return jen.Id(string(t.Kind))
}

// goSource is a type without a name of its own, from its Go source: the packages it names are imported as this file imports them.
func goSource(t *schema.Type) *jen.Statement {
	imports := map[string]string{}
	for _, p := range t.Imports {
		imports[path.Base(p)] = p
	}
	var s scanner.Scanner
	src := []byte(t.Go)
	s.Init(token.NewFileSet().AddFile("", -1, len(src)), src, nil, 0)
	out := &jen.Statement{}
	for pos, tok, lit := s.Scan(); tok != token.EOF; pos, tok, lit = s.Scan() {
		switch {
		case tok == token.SEMICOLON && lit == "\n":
		case tok == token.IDENT && imports[lit] != "" && int(pos)+len(lit)-1 < len(src) && src[int(pos)+len(lit)-1] == '.':
			s.Scan()
			_, _, name := s.Scan()
			out.Qual(imports[lit], name)
		case lit != "":
			out.Op(lit)
		default:
			out.Op(tok.String())
		}
	}
	return out
}

// tag is a struct tag as a literal.
func tag(s string) jen.Code {
	if strconv.CanBackquote(s) {
		return jen.Op("`" + s + "`")
	}
	return jen.Lit(s)
}

// raw is a string literal that shows quotes within it as they are, where it can.
func raw(s string) jen.Code {
	if strings.Contains(s, `"`) {
		return tag(s)
	}
	return jen.Lit(s)
}

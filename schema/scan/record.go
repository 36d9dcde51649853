package scan

import (
	"go/ast"
	"go/types"
	"reflect"
	"strings"

	"github.com/faustgen/faustgen/schema"
)

// reach returns the key of a struct's record, and reads the record when it is met for the first time.
func (p *pkgReader) reach(t *types.Named, st *types.Struct, typ *schema.Type) string {
	key := typ.ID()
	if p.records[key] != nil || p.printing {
		return key
	}
	obj := t.Obj()
	decl := p.sourceOf(obj.Pkg().Path()).types[obj.Name()]
	r := &schema.Record{Key: key, Pos: p.pos(obj.Pos())}
	if decl != nil {
		r.Pos, r.Doc = p.pos(decl.spec.Name.Pos()), docText(decl.doc)
	}
	p.records[key] = r // before its fields: it may reach itself
	rtype := *typ
	rtype.Kind, rtype.Record = schema.Struct, key
	r.Type = &rtype
	use := decl.recordUse(p.loader)
	if use != nil {
		r.Marked = true
		r.Declared = obj.Pkg().Path() == p.pkg.PkgPath && t.TypeArgs().Len() == 0
		r.Codec, r.Time, r.TimePos = use.Text("codec"), use.Text("time"), use.At("time")
		r.CodecPos = use.At("codec")
	}
	b := recordReader{pkgReader: p, out: r, named: t, st: st, decl: decl}
	b.source()
	b.fields()
	b.methods()
	return key
}

// recordReader reads one struct.
type recordReader struct {
	*pkgReader
	out   *schema.Record
	named *types.Named
	st    *types.Struct
	decl  *typeDecl
}

// source notes the struct as it is declared, and reports fields whose types the type checker rejected.
func (b *recordReader) source() {
	for i := range b.st.NumFields() {
		v := b.st.Field(i)
		b.out.Source = append(b.out.Source, schema.Source{Name: v.Name(), Type: b.shallow(v.Type()), Tag: b.st.Tag(i), Embedded: v.Embedded()})
		if v.Embedded() {
			b.embedded(v)
		}
		b.tagShape(v, i)
	}
}

// shallow is typ for a type that is only to be printed: fields that are not encoded reach no records.
func (b *recordReader) shallow(t types.Type) *schema.Type {
	before := b.printing
	b.printing = true
	defer func() { b.printing = before }()
	return b.typ(t)
}

// fields reads the members of the JSON object.
func (b *recordReader) fields() {
	own := map[string]*jsonField{}
	for i := range b.st.NumFields() {
		f, inner := member(level{st: b.st}, i)
		if f == nil || inner != nil || !f.tagged {
			continue // of a tagged and an untagged field the tagged one wins
		}
		if before := own[f.name]; before != nil {
			b.report(b.fieldPos(f.v), "F031", "give one of them another name on the wire", "fields %s (%s) and %s of %s are both %q in JSON, so neither would be written",
				before.v.Name(), schema.At(0), f.v.Name(), b.out.Type, f.name)
			b.relate(b.fieldPos(before.v))
		}
		own[f.name] = f
	}
	for _, f := range jsonFields(b.named, b.st) {
		b.out.Fields = append(b.out.Fields, b.field(f))
	}
}

// field turns one member into the schema's.
func (b *recordReader) field(f *jsonField) *schema.Field {
	out := &schema.Field{
		Go: f.v.Name(), JSON: f.name, OmitEmpty: f.omitEmpty, OmitZero: f.omitZero, Quoted: f.quoted, Pos: b.fieldPos(f.v), Codec: "own",
	}
	out.Path, out.PathPointers = b.steps(f.path)
	decl, at := b.declOf(f.v)
	out.TagPos = out.Pos
	if decl != nil {
		out.Doc = docText(decl.Doc)
		if decl.Tag != nil {
			out.TagPos = b.pos(decl.Tag.Pos())
		}
	}
	if invalid(f.v.Type()) {
		b.rejected(at, "field "+out.Go, out.Pos)
	}
	out.Type = b.typ(f.v.Type())
	out.IsZeroMethod = f.omitZero && hasIsZero(f.v.Type())
	if usesForeign(out.Type) {
		out.Codec = "goccy"
	}
	b.tags(f, out)
	b.nameable(f, out)
	return out
}

// steps are the names of embedded fields that lead to a promoted one, and whether each is a pointer. Those that only their own package
// may name are left out: Go promotes what is in them.
func (p *pkgReader) steps(path []*types.Var) (names []string, pointers []bool) {
	for _, v := range path {
		if !v.Exported() && v.Pkg() != p.pkg.Types {
			continue
		}
		_, ptr := types.Unalias(v.Type()).(*types.Pointer)
		names, pointers = append(names, v.Name()), append(pointers, ptr)
	}
	return names, pointers
}

// tags reads the validate and faust tags. Mistakes are reported where the field is declared. Fields that are promoted from other
// modules have tags that were not written for us.
func (b *recordReader) tags(f *jsonField, out *schema.Field) {
	if f.v.Pkg() == nil || !b.ours(f.v.Pkg().Path()) {
		return
	}
	var wrong []schema.Diagnostic
	if text, ok := f.tag.Lookup("validate"); ok && text != "" && text != "-" {
		out.Required, out.Rules, wrong = schema.ParseValidate(text)
	}
	tag, bad := schema.ParseFieldTag(f.tag.Get("faust"))
	out.Layout, out.Epoch, out.Default, out.HasDefault = tag.Layout, tag.Epoch, tag.Default, tag.HasDefault
	for _, d := range append(wrong, bad...) {
		d.Pos, d.Text = out.TagPos, "field "+out.Go+": "+d.Text
		b.found = append(b.found, d)
	}
}

// jsonOptions are the options of a json tag.
var jsonOptions = []string{"omitempty", "omitzero", "string"}

// tagShape reports a tag that reflect cannot read, and options of the json tag that are misspelt.
func (b *recordReader) tagShape(v *types.Var, i int) {
	text := b.st.Tag(i)
	if text == "" {
		return
	}
	for _, key := range []string{"json", "faust", "validate"} {
		if _, ok := reflect.StructTag(text).Lookup(key); !ok && hasKey(text, key) {
			b.report(b.tagPos(v), "F031", "write "+key+`:"…", with one space between tags`, "the tag of field %s cannot be read: %s", v.Name(), text)
		}
	}
	for _, key := range []string{"faust", "validate"} {
		if value := reflect.StructTag(text).Get(key); !v.Exported() && !v.Embedded() && value != "" && value != "-" {
			b.report(b.tagPos(v), "F031", "export the field, or remove the tag", "field %s is not exported and not in JSON, so its %s tag says nothing", v.Name(), key)
		}
	}
	_, options, _ := strings.Cut(reflect.StructTag(text).Get("json"), ",")
	for o := range strings.SplitSeq(options, ",") {
		near := schema.Nearest(strings.TrimSpace(o), jsonOptions)
		if o != "" && near != "" && near != o {
			b.report(b.tagPos(v), "F031", "did you mean "+near+"?", "the json tag of field %s has no option %q", v.Name(), o)
		}
	}
}

// hasKey says whether a tag's text holds key: where a key of a tag may stand.
func hasKey(tag, key string) bool {
	i := strings.Index(tag, key+":")
	return i == 0 || i > 0 && (tag[i-1] == ' ' || tag[i-1] == '"' || tag[i-1] == ',')
}

// embedded checks an embedded field: a Record whose methods a struct without a directive would inherit, and a type whose own
// MarshalJSON would speak for the whole struct.
func (b *recordReader) embedded(v *types.Var) {
	typ := types.Unalias(v.Type())
	if ptr, ok := typ.(*types.Pointer); ok {
		typ = types.Unalias(ptr.Elem())
		b.unexportedPointer(v, typ)
	}
	named, ok := typ.(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return
	}
	if m := marshals(named); m != nil && b.out.Marked && !(b.ours(named.Obj().Pkg().Path()) && b.marked(named)) {
		b.report(b.fieldPos(v), "F026", "give the field a name", "%s embeds %s, whose %s would speak for the whole record", b.out.Type, types.TypeString(named, b.qualify), m.Name())
		return
	}
	path := named.Obj().Pkg().Path()
	if b.out.Marked || !b.ours(path) || named.TypeArgs().Len() > 0 {
		return
	}
	if b.marked(named) {
		b.report(b.out.Pos, "F032", "put //faust:record above "+b.out.Type.Name+", or give the field a name",
			"%s embeds the record %s and would inherit its MarshalJSON, so its own fields would be lost", b.out.Type, types.TypeString(named, b.qualify))
	}
}

// embedders reports structs of the package that no record reaches and that would inherit the methods of a Record they embed: whoever
// hands one to encoding/json loses its other fields.
func (p *pkgReader) embedders() {
	scope := p.pkg.Types.Scope()
	for _, name := range scope.Names() {
		obj, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || obj.IsAlias() {
			continue
		}
		named, ok := obj.Type().(*types.Named)
		if !ok || named.TypeParams().Len() > 0 || p.marked(named) || marshals(named) != nil || p.records[obj.Pkg().Path()+"."+name] != nil {
			continue
		}
		if st, ok := named.Underlying().(*types.Struct); ok && st.NumFields() > 1 {
			typ := &schema.Type{Go: name, Name: name, Pkg: obj.Pkg().Path()}
			b := recordReader{pkgReader: p, out: &schema.Record{Pos: p.pos(obj.Pos()), Type: typ}, named: named, st: st}
			b.inherits()
		}
	}
}

// inherits reports the one Record that a struct embeds. Of two that are embedded neither's methods are inherited.
func (b *recordReader) inherits() {
	var records []*types.Var
	for v := range b.st.Fields() {
		named, ok := types.Unalias(v.Type()).(*types.Named)
		if ptr, isPtr := types.Unalias(v.Type()).(*types.Pointer); isPtr {
			named, ok = types.Unalias(ptr.Elem()).(*types.Named)
		}
		if ok && v.Embedded() && named.Obj().Pkg() != nil && b.ours(named.Obj().Pkg().Path()) && b.marked(named) {
			records = append(records, v)
		}
	}
	if len(records) == 1 {
		b.embedded(records[0])
	}
}

// unexportedPointer reports an embedded pointer that no decoder can set.
func (b *recordReader) unexportedPointer(v *types.Var, elem types.Type) {
	if _, isStruct := elem.Underlying().(*types.Struct); isStruct && !v.Exported() {
		b.report(b.fieldPos(v), "F012", "embed the struct itself", "field %s of %s is an embedded pointer to an unexported struct, which no decoder can set", v.Name(), b.out.Type)
	}
}

// ourMethods are what generated code adds to a record.
var ourMethods = []string{"AppendJSON", "SizeJSON", "MarshalJSON", "DecodeJSON", "BorrowJSON", "Reset", "UnmarshalJSON"}

// methods reports methods and fields of a declared record that have a name of ours.
func (b *recordReader) methods() {
	if !b.out.Declared {
		return
	}
	for _, name := range ourMethods {
		for m := range b.named.Methods() {
			if m.Name() == name {
				b.report(b.pos(m.Pos()), "F026", "remove the method, or remove //faust:record and let the type speak for itself", "record %s has a method %s of its own, which faustgen generates", b.out.Type, name)
			}
		}
		for i := range b.st.NumFields() {
			if v := b.st.Field(i); v.Name() == name {
				b.report(b.fieldPos(v), "F026", `rename the field, and keep its name on the wire by the json tag`, "field %s of record %s has the name of a method that faustgen generates", name, b.out.Type)
			}
		}
	}
}

// nameable reports a type of another package that generated code would have to name and cannot.
func (b *recordReader) nameable(f *jsonField, out *schema.Field) {
	t := out.Type
	for t != nil && t.Name == "" && t.Elem != nil {
		t = t.Elem
	}
	if t != nil && t.Name != "" && t.Pkg != "" && t.Pkg != b.pkg.PkgPath && !ast.IsExported(t.Name) && t.Kind != schema.Invalid {
		b.report(out.Pos, "F012", "export the type", "field %s of %s has the unexported type %s of another package", out.Go, b.out.Type, t)
	}
}

// declOf finds the declaration of a field in the sources of its package.
func (b *recordReader) declOf(v *types.Var) (*ast.Field, ast.Node) {
	if v.Pkg() == nil || !b.ours(v.Pkg().Path()) {
		return nil, nil
	}
	at := b.fset.PositionFor(v.Origin().Pos(), false)
	f := b.sourceOf(v.Pkg().Path()).fields[fieldKey{at.Filename, at.Line, v.Name()}]
	if f == nil {
		return nil, nil
	}
	return f, f
}

// fieldPos is the place of a field's name.
func (b *recordReader) fieldPos(v *types.Var) schema.Pos {
	if f, _ := b.declOf(v); f != nil {
		for _, id := range f.Names {
			if id.Name == v.Name() {
				return b.pos(id.Pos())
			}
		}
		return b.pos(f.Type.Pos())
	}
	return b.pos(v.Pos())
}

// tagPos is the place of a field's tag.
func (b *recordReader) tagPos(v *types.Var) schema.Pos {
	if f, _ := b.declOf(v); f != nil && f.Tag != nil {
		return b.pos(f.Tag.Pos())
	}
	return b.fieldPos(v)
}

// hasIsZero says whether omitzero asks the type itself.
func hasIsZero(t types.Type) bool {
	obj, _, _ := types.LookupFieldOrMethod(t, true, nil, "IsZero")
	m, ok := obj.(*types.Func)
	if !ok || m.Signature().Params().Len() != 0 || m.Signature().Results().Len() != 1 {
		return false
	}
	basic, ok := m.Signature().Results().At(0).Type().(*types.Basic)
	return ok && basic.Kind() == types.Bool
}

// usesForeign says whether any part of a type is left to goccy. Keys of maps are not: those that are no strings or integers write their
// own text.
func usesForeign(t *schema.Type) bool {
	return t != nil && (t.Kind == schema.Foreign || usesForeign(t.Elem))
}

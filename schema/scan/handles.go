package scan

import (
	"go/ast"
	"go/types"

	"github.com/faustgen/faustgen/schema"
)

// runtimeType says which generic type of the runtime t is an instance of: "Topic", "Table", "Stream"; "" if of none.
func runtimeType(t types.Type) (name string, args []types.Type) {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != RuntimePath {
		return "", nil
	}
	for i := range named.TypeArgs().Len() {
		args = append(args, named.TypeArgs().At(i))
	}
	return named.Obj().Name(), args
}

// handle is one field of a handle struct.
type handle struct {
	name string
	kind string // Topic, Table or WindowTable
	key  types.Type
	val  types.Type
	uses []*schema.Use
	node *ast.Field
	pos  schema.Pos
}

// handleFields reads the fields of a handle struct whose types must be among kinds.
func (p *pkgReader) handleFields(s *structDecl, kinds ...string) []handle {
	var out []handle
	for _, f := range s.node.Fields.List {
		t := p.pkg.TypesInfo.TypeOf(f.Type)
		if len(f.Names) == 0 {
			p.report(p.pos(f.Type.Pos()), "F010", "name the field", "the handle struct %s embeds a field", s.spec.Name.Name)
			continue
		}
		if t == nil || invalid(t) {
			p.rejected(f, "field "+f.Names[0].Name, p.pos(f.Names[0].Pos()))
			continue
		}
		kind, args := runtimeType(t)
		for _, id := range f.Names {
			if !p.fits(s, id, t, kind, kinds) || len(args) != 2 {
				continue
			}
			out = append(out, handle{name: id.Name, kind: kind, key: args[0], val: args[1], uses: s.fields[f], node: f, pos: p.pos(id.Pos())})
		}
	}
	return out
}

// fits says whether a field has a name and its type is one of kinds, and reports it if not.
func (p *pkgReader) fits(s *structDecl, id *ast.Ident, t types.Type, kind string, kinds []string) bool {
	if id.Name == "_" {
		p.report(p.pos(id.Pos()), "F010", "name the field", "the handle struct %s has a field without a name", s.spec.Name.Name)
		return false
	}
	for _, k := range kinds {
		if k == kind {
			return true
		}
	}
	hint := "it holds fields faust.Topic[K, V] only"
	if s.use.Name == "tables" {
		hint = "it holds fields faust.Table[K, V] and faust.WindowTable[K, V] only"
	}
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		if k, _ := runtimeType(ptr.Elem()); k != "" {
			hint = "write faust." + k + " without the *"
		}
	}
	p.report(p.pos(id.Pos()), "F010", hint, "field %s of the //faust:%s struct %s has type %s", id.Name, s.use.Name, s.spec.Name.Name, types.TypeString(t, p.qualify))
	return false
}

// topics reads the //faust:topics struct.
func (p *pkgReader) topics(s *structDecl, t *types.Named) {
	at := p.pos(s.spec.Name.Pos())
	if p.out.Topics != nil {
		p.report(at, "F010", "move its fields there", "%s is a second //faust:topics struct, the first is %s (%s)", t.Obj().Name(), p.out.Topics.Name, schema.At(0))
		p.relate(p.out.Topics.Pos)
		return
	}
	p.out.Topics = &schema.Topics{Name: t.Obj().Name(), Pos: at, Fields: []*schema.Topic{}}
	for _, h := range p.handleFields(s, "Topic") {
		out := &schema.Topic{Go: h.name, Name: schema.SnakeCase(h.name), Key: p.typ(h.key), Value: p.typ(h.val), Doc: docText(h.node.Doc),
			KeyCodec: "text", Pos: h.pos, NamePos: h.pos, PartitionsPos: h.pos, CodecPos: h.pos, KeyCodecPos: h.pos}
		for _, u := range h.uses {
			if u.Name != "topic" {
				p.report(u.Pos, "F003", "it belongs to a field of a //faust:tables struct", "//faust:%s stands on the topic %s", u.Name, h.name)
				continue
			}
			settings(out, u)
		}
		p.out.Topics.Fields = append(p.out.Topics.Fields, out)
	}
}

// settings takes what //faust:topic says.
func settings(t *schema.Topic, u *schema.Use) {
	if u.Has("name") {
		t.Name = u.Text("name")
	}
	t.Partitions, t.Replicas = u.Int("partitions"), u.Int("replicas")
	t.Retention = u.Duration("retention")
	if u.Text("retention") == "forever" {
		t.Retention = -1
	}
	t.Compact, t.External = u.Has("compact"), u.Has("external")
	t.Codec, t.Compression = u.Text("codec"), u.Text("compression")
	if u.Has("key_codec") {
		t.KeyCodec = u.Text("key_codec")
	}
	t.NamePos, t.PartitionsPos, t.CodecPos, t.KeyCodecPos = u.At("name"), u.At("partitions"), u.At("codec"), u.At("key_codec")
}

// tables reads a //faust:tables struct.
func (p *pkgReader) tables(s *structDecl, t *types.Named) {
	out := &schema.Tables{Name: t.Obj().Name(), Partitions: s.use.Int("partitions"), Pos: p.pos(s.spec.Name.Pos()), Fields: []*schema.Table{},
		PartitionsPos: s.use.At("partitions")}
	for _, h := range p.handleFields(s, "Table", "WindowTable") {
		table := &schema.Table{Go: h.name, Name: schema.SnakeCase(h.name), Key: p.typ(h.key), Value: p.typ(h.val), Store: "badger", KeyCodec: "text",
			Doc: docText(h.node.Doc), Pos: h.pos, NamePos: h.pos}
		for _, u := range h.uses {
			p.tableUse(table, h, u)
		}
		if h.kind == "WindowTable" && table.Window == nil && !p.windowFailed(h) {
			p.report(h.pos, "F011", "put //faust:tumbling <size> or //faust:hopping <size> step=<step> above it", "the windowed table %s does not say its windows", h.name)
		}
		out.Fields = append(out.Fields, table)
	}
	p.out.Tables = append(p.out.Tables, out)
}

// windowFailed says whether a field has a directive that was rejected when it was read, so that its absence is no news.
func (p *pkgReader) windowFailed(h handle) bool {
	from, to := p.pos(h.node.Pos()), p.pos(h.node.End())
	if h.node.Doc != nil {
		from = p.pos(h.node.Doc.Pos())
	}
	if h.node.Comment != nil {
		to = p.pos(h.node.Comment.End())
	}
	for _, d := range p.found {
		if d.Pos.File == from.File && from.Line <= d.Pos.Line && d.Pos.Line <= to.Line {
			return true
		}
	}
	return false
}

// tableUse takes one directive of a table.
func (p *pkgReader) tableUse(t *schema.Table, h handle, u *schema.Use) {
	switch u.Name {
	case "table":
		if u.Has("name") {
			t.Name = u.Text("name")
		}
		if u.Has("store") {
			t.Store = u.Text("store")
		}
		t.NamePos = u.At("name")
	case "tumbling", "hopping":
		switch {
		case h.kind != "WindowTable":
			p.report(u.Pos, "F011", "make it a faust.WindowTable[K, V], or remove the directive", "//faust:%s stands on %s, which is a faust.Table", u.Name, h.name)
		case t.Window != nil:
			p.report(u.Pos, "F004", "keep one of them", "//faust:%s and //faust:%s (%s) cannot stand on one table", u.Name, t.Window.Kind, schema.At(0))
			p.relate(t.Window.Pos)
		default:
			t.Window = window(u)
		}
	default:
		p.report(u.Pos, "F003", "it belongs to a field of the //faust:topics struct", "//faust:%s stands on the table %s", u.Name, h.name)
	}
}

// window takes what a window directive says; what it leaves out is completed by schema.Resolve.
func window(u *schema.Use) *schema.Window {
	w := &schema.Window{Kind: u.Name, Size: u.Duration("size"), Step: u.Duration("step"), Grace: u.Duration("grace"), GraceSet: u.Has("grace"),
		Expires: u.Duration("expires"), ExpiresSet: u.Has("expires"), Idle: u.Duration("idle"), Pos: u.Pos,
		SizePos: u.At("size"), StepPos: u.At("step"), ExpiresPos: u.At("expires"), TimePos: u.At("time"), IdlePos: u.At("idle"), IdleSet: u.Has("idle")}
	if !u.Has("step") { // tumbling, or reported
		w.Step = w.Size
	}
	w.Time = u.Text("time")
	return w
}

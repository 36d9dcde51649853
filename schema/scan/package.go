package scan

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/faustgen/faustgen/schema"
)

// pkgReader reads one package.
type pkgReader struct {
	*loader
	pkg      *packages.Package
	out      *schema.Package
	decls    *declared
	handles  map[string]bool // names of the handle structs; true for tables
	records  map[string]*schema.Record
	building map[*types.Named]bool // defined types that are no structs, while they are read
	inside   map[types.Object]int  // generic types, while that many of their instances are read inside one another
	printing bool                  // types are read only to be printed: they reach no records
}

// readPackage reads the declarations of a package, nil if it has none.
func (l *loader) readPackage(pkg *packages.Package) *schema.Package {
	l.syntaxErrors(pkg)
	before := len(l.found)
	decls := l.attach(pkg.Syntax)
	l.testFiles(pkg.Dir)
	if decls.app == nil && len(decls.structs) == 0 && len(decls.funcs) == 0 && len(l.found) == before {
		return nil
	}
	p := &pkgReader{
		loader: l, pkg: pkg, decls: decls, handles: map[string]bool{}, records: map[string]*schema.Record{}, building: map[*types.Named]bool{}, inside: map[types.Object]int{},
		out: &schema.Package{Path: pkg.PkgPath, Name: pkg.Name, Dir: pkg.Dir, Declared: map[string]schema.Pos{}},
	}
	if pkg.Module == nil {
		pkg.Module = &packages.Module{Path: pkg.PkgPath, Dir: pkg.Dir}
	}
	p.out.Module = pkg.Module.Path
	for _, name := range pkg.Types.Scope().Names() {
		p.out.Declared[name] = p.pos(pkg.Types.Scope().Lookup(name).Pos())
	}
	p.app()
	for _, s := range decls.structs {
		p.handles[s.spec.Name.Name] = s.use.Name == "tables"
		if s.use.Name == "record" {
			delete(p.handles, s.spec.Name.Name)
		}
	}
	for _, s := range decls.structs {
		p.structure(s)
	}
	for _, f := range decls.funcs {
		p.function(f)
	}
	p.embedders()
	p.finish()
	return p.out
}

// syntaxErrors reports what the parser could not read: declarations may be missing because of it.
func (l *loader) syntaxErrors(pkg *packages.Package) {
	for _, e := range pkg.Errors {
		if e.Kind == packages.ParseError {
			if at, ok := l.parsePos(e.Pos); ok {
				l.report(at, "F008", "", "%s", e.Msg)
			}
		}
	}
}

// app reads //faust:app.
func (p *pkgReader) app() {
	u := p.decls.app
	if u == nil {
		return
	}
	p.out.App = &schema.App{
		ID: u.Text("id"), Version: u.Int("version"), Worker: u.Text("worker"), Guarantee: u.Text("guarantee"), Partitions: u.Int("partitions"),
		Codec: u.Text("codec"), Doc: firstSentence(p.decls.appDoc), Pos: u.Pos, IDPos: u.At("id"), WorkerPos: u.At("worker"), CodecPos: u.At("codec"),
	}
}

// firstSentence is the beginning of a doc comment up to its first full stop.
func firstSentence(doc string) string {
	doc, _, _ = strings.Cut(doc, "\n\n")
	doc = strings.Join(strings.Fields(doc), " ")
	if first, _, ok := strings.Cut(doc, ". "); ok {
		return first + "."
	}
	return doc
}

// structure reads a struct with a directive.
func (p *pkgReader) structure(s *structDecl) {
	obj, ok := p.pkg.TypesInfo.Defs[s.spec.Name].(*types.TypeName)
	if !ok {
		return // declared twice: the type checker says so, and the first one is read
	}
	named, ok := obj.Type().(*types.Named)
	if !ok {
		return
	}
	switch {
	case s.use.Name == "record" && named.TypeParams().Len() > 0:
		return // its instances are records
	case s.use.Name == "record":
		p.typ(named)
	case named.TypeParams().Len() > 0:
		p.report(p.pos(s.spec.Name.Pos()), "F010", "remove the type parameters", "the handle struct %s is generic", obj.Name())
	case s.use.Name == "topics":
		p.topics(s, named)
	case s.use.Name == "tables":
		p.tables(s, named)
	}
}

// finish sorts what was read, divides records into declared and reached ones, and completes what depends on several declarations.
func (p *pkgReader) finish() {
	for _, r := range p.records {
		if r.Declared {
			p.out.Records = append(p.out.Records, r)
		} else {
			p.out.Reached = append(p.out.Reached, r)
		}
	}
	byKey := func(a, b *schema.Record) int { return strings.Compare(a.Key, b.Key) }
	slices.SortFunc(p.out.Records, byKey)
	slices.SortFunc(p.out.Reached, byKey)
	byPlace := func(a, b schema.Pos) int { return a.Compare(b) }
	slices.SortStableFunc(p.out.Tables, func(a, b *schema.Tables) int { return byPlace(a.Pos, b.Pos) })
	schema.Resolve(p.out)
}

// rejected reports the type checker's own message for a type that a declaration needs, if it can be found inside node.
func (p *pkgReader) rejected(node ast.Node, what string, at schema.Pos) {
	found := false
	if node != nil {
		for _, e := range p.pkg.TypeErrors {
			if node.Pos() <= e.Pos && e.Pos <= node.End() {
				p.report(p.pos(e.Pos), "F008", "mend it: a //faust: declaration depends on it", "%s", e.Msg)
				found = true
			}
		}
	}
	if !found {
		p.report(at, "F008", "run go vet to see what is wrong with it", "the type of %s does not type-check", what)
	}
}

package scan

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/faustgen/faustgen/schema"
)

// declared is what the directives of a package stand on.
type declared struct {
	app     *schema.Use
	appDoc  string
	structs []*structDecl
	funcs   []*funcDecl
}

// structDecl is a struct type with its directive, and its fields with theirs.
type structDecl struct {
	use    *schema.Use // record, topics or tables; nil if only fields have directives
	spec   *ast.TypeSpec
	node   *ast.StructType
	doc    *ast.CommentGroup
	fields map[*ast.Field][]*schema.Use
}

// funcDecl is a function with its directive.
type funcDecl struct {
	use  *schema.Use
	decl *ast.FuncDecl
}

// attacher reads the directives of one package's files and finds what they stand on.
type attacher struct {
	*loader
	out  *declared
	seen map[*ast.CommentGroup]bool
}

// attach collects the directives of the files. A comment that looks like a directive and stands on nothing is reported.
func (l *loader) attach(files []*ast.File) *declared {
	a := &attacher{loader: l, out: &declared{}, seen: map[*ast.CommentGroup]bool{}}
	for _, f := range files {
		a.file(f)
	}
	return a.out
}

func (a *attacher) file(f *ast.File) {
	for _, u := range a.uses(f.Doc, schema.OnPackage) {
		if a.out.app != nil {
			a.report(u.Pos, "F004", "an application is one package with one //faust:app", "//faust:app is given twice, first at %s", schema.At(0))
			a.relate(a.out.app.Pos)
			continue
		}
		a.out.app, a.out.appDoc = u, docText(f.Doc)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			a.function(d)
		case *ast.GenDecl:
			a.general(d)
		}
	}
	for _, c := range f.Comments {
		a.uses(c, schema.OnNothing) // whatever was not seen above
	}
}

// uses reads the directives of one comment, once.
func (a *attacher) uses(c *ast.CommentGroup, on schema.Node) []*schema.Use {
	if c == nil || a.seen[c] {
		return nil
	}
	a.seen[c] = true
	var out []*schema.Use
	for _, line := range c.List {
		u, wrong := schema.ParseDirective(line.Text, a.pos(line.Slash), on)
		a.found = append(a.found, wrong...)
		if u == nil {
			continue
		}
		if before := sameName(out, u.Name); before != nil {
			a.report(u.Pos, "F004", "keep one of them", "//faust:%s is given twice, first at %s", u.Name, schema.At(0))
			a.relate(before.Pos)
			continue
		}
		out = append(out, u)
	}
	return out
}

func sameName(uses []*schema.Use, name string) *schema.Use {
	for _, u := range uses {
		if u.Name == name {
			return u
		}
	}
	return nil
}

// only reports all but the first of directives that exclude each other, and returns the first.
func (a *attacher) only(uses []*schema.Use) *schema.Use {
	if len(uses) == 0 {
		return nil
	}
	for _, u := range uses[1:] {
		a.report(u.Pos, "F004", "declare one for each", "//faust:%s and //faust:%s (%s) cannot stand on one declaration", u.Name, uses[0].Name, schema.At(0))
		a.relate(uses[0].Pos)
	}
	return uses[0]
}

func (a *attacher) function(d *ast.FuncDecl) {
	on := schema.OnFunc
	if d.Recv != nil {
		on = schema.OnMethod
	}
	if u := a.only(a.uses(d.Doc, on)); u != nil {
		a.out.funcs = append(a.out.funcs, &funcDecl{use: u, decl: d})
	}
}

func (a *attacher) general(d *ast.GenDecl) {
	if d.Tok != token.TYPE {
		a.uses(d.Doc, schema.OnOther)
		return
	}
	if d.Lparen.IsValid() {
		a.uses(d.Doc, schema.OnNothing) // the comment of a group belongs to no type of it
	}
	for _, spec := range d.Specs {
		ts := spec.(*ast.TypeSpec)
		doc := ts.Doc
		if doc == nil && !d.Lparen.IsValid() {
			doc = d.Doc
		}
		switch t := ts.Type.(type) {
		case *ast.StructType:
			if ts.Assign.IsValid() {
				a.uses(doc, schema.OnType)
				continue
			}
			a.structure(ts, t, doc)
		case *ast.InterfaceType:
			a.uses(doc, schema.OnInterface)
		default:
			a.uses(doc, schema.OnType)
		}
	}
}

func (a *attacher) structure(ts *ast.TypeSpec, node *ast.StructType, doc *ast.CommentGroup) {
	s := &structDecl{use: a.only(a.uses(doc, schema.OnStruct)), spec: ts, node: node, doc: doc, fields: map[*ast.Field][]*schema.Use{}}
	for _, f := range node.Fields.List {
		uses := a.uses(f.Doc, schema.OnField)
		for _, u := range a.uses(f.Comment, schema.OnField) {
			if before := sameName(uses, u.Name); before != nil {
				a.report(u.Pos, "F004", "keep one of them", "//faust:%s is given twice, first at %s", u.Name, schema.At(0))
				a.relate(before.Pos)
				continue
			}
			uses = append(uses, u)
		}
		if len(uses) > 0 {
			s.fields[f] = uses
		}
	}
	if s.use == nil || s.use.Name == "record" {
		a.strayFields(s)
	}
	if s.use != nil {
		a.out.structs = append(a.out.structs, s)
	}
}

// strayFields reports directives on the fields of a struct that holds no handles.
func (a *attacher) strayFields(s *structDecl) {
	for _, f := range s.node.Fields.List {
		for _, u := range s.fields[f] {
			of := "//faust:tables"
			if u.Name == "topic" {
				of = "//faust:topics"
			}
			a.report(u.Pos, "F003", "put "+of+" above type "+s.spec.Name.Name, "//faust:%s stands in the struct %s, which holds no handles", u.Name, s.spec.Name.Name)
		}
	}
}

// testFiles reports directives in the _test.go files of a folder: they are not part of the package, so nothing would come of them.
func (l *loader) testFiles(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		name := filepath.Join(dir, e.Name())
		src, err := os.ReadFile(name)
		if err != nil || !marked(src) {
			continue
		}
		f, _ := parser.ParseFile(l.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if f == nil {
			continue
		}
		for _, c := range f.Comments {
			for _, line := range c.List {
				if d, ok := ast.ParseDirective(line.Slash, line.Text); ok && d.Tool == "faust" {
					l.report(l.pos(line.Slash), "F003", "declare it in a file whose name does not end in _test.go", "//faust:%s stands in a test file", d.Name)
				}
			}
		}
	}
}

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

// source is the syntax of a package's type declarations. Export data knows neither comments nor columns, so
// records of other packages are looked up here; with the same result whether their package is scanned in the same run or not.
type source struct {
	types  map[string]*typeDecl
	fields map[fieldKey]*ast.Field
}

// fieldKey finds a field of a struct by what export data tells of it: no columns.
type fieldKey struct {
	file string
	line int
	name string
}

// typeDecl is a type declaration with what its comments say.
type typeDecl struct {
	spec *ast.TypeSpec
	doc  *ast.CommentGroup // above the type, or above a declaration that holds only this type
}

// newSource indexes the type declarations of parsed files.
func newSource(fset *token.FileSet, files []*ast.File) *source {
	s := &source{types: map[string]*typeDecl{}, fields: map[fieldKey]*ast.Field{}}
	for _, f := range files {
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				ts := spec.(*ast.TypeSpec)
				doc := ts.Doc
				if doc == nil && !gen.Lparen.IsValid() {
					doc = gen.Doc
				}
				if s.types[ts.Name.Name] == nil {
					s.types[ts.Name.Name] = &typeDecl{spec: ts, doc: doc}
				}
				s.index(fset, ts)
			}
		}
	}
	return s
}

// sourceOf returns the syntax of a package of the module, parsing its files if it was not loaded.
func (p *pkgReader) sourceOf(path string) *source {
	if s, ok := p.sources[path]; ok {
		return s
	}
	dir := p.dirOf(path)
	var files []*ast.File
	entries, _ := os.ReadDir(dir) // a folder that cannot be read has no docs and no directives; the type checker reports it
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == GenFile {
			continue
		}
		if f, _ := parser.ParseFile(p.fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution); f != nil {
			files = append(files, f)
		}
	}
	s := newSource(p.fset, files)
	p.sources[path] = s
	return s
}

// dirOf is the folder of a package of the module.
func (p *pkgReader) dirOf(path string) string {
	return filepath.Join(p.pkg.Module.Dir, filepath.FromSlash(strings.TrimPrefix(path, p.pkg.Module.Path)))
}

// ours says whether an import path belongs to the module of the package being read: by its path, and by there being no
// other module on the way to its folder.
func (p *pkgReader) ours(path string) bool {
	if path == p.pkg.PkgPath {
		return true
	}
	if p.pkg.Module == nil {
		return false
	}
	key := p.pkg.Module.Path + " " + path
	is, known := p.inModule[key]
	if !known {
		is = (path == p.pkg.Module.Path || strings.HasPrefix(path, p.pkg.Module.Path+"/")) && moduleRoot(p.dirOf(path)) == p.pkg.Module.Dir
		p.inModule[key] = is
	}
	return is
}

// recordUse is the //faust:record of a type declaration, nil if it has none. Its mistakes are reported where it is declared.
func (d *typeDecl) recordUse(l *loader) *schema.Use {
	if d == nil || d.doc == nil {
		return nil
	}
	if _, ok := d.spec.Type.(*ast.StructType); !ok {
		return nil
	}
	for _, c := range d.doc.List {
		if u, _ := schema.ParseDirective(c.Text, l.pos(c.Slash), schema.OnStruct); u != nil && u.Name == "record" {
			return u
		}
	}
	return nil
}

// index notes the fields of a struct by their places.
func (s *source) index(fset *token.FileSet, ts *ast.TypeSpec) {
	st, ok := ts.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range st.Fields.List {
		names := f.Names
		if len(names) == 0 {
			names = []*ast.Ident{embeddedName(f.Type)}
		}
		for _, id := range names {
			if id != nil {
				at := fset.PositionFor(id.Pos(), false)
				s.fields[fieldKey{at.Filename, at.Line, id.Name}] = f
			}
		}
	}
}

// embeddedName is the identifier that names an embedded field.
func embeddedName(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.StarExpr:
		return embeddedName(e.X)
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return embeddedName(e.X)
	case *ast.IndexListExpr:
		return embeddedName(e.X)
	}
	return nil
}

// docText is a comment as text without its directives.
func docText(c *ast.CommentGroup) string { return strings.TrimSpace(c.Text()) }

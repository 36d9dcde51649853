package templates

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// importNames are the names of the packages that generated code uses on its own account.
var importNames = map[string]string{
	runtimePath: "faust",
	codecPath:   "codec",
	storePath:   "store",
	badgerPath:  "badger",
	cliPath:     "cli",
	foreignPath: "foreign",
}

// newFile is an empty file of a package. imports are names of further packages, and overrule those that are known.
func newFile(pkgPath, pkgName string, imports map[string]string) *jen.File {
	f := jen.NewFilePathName(pkgPath, pkgName)
	f.NoFormat = true
	f.HeaderComment(Header)
	for _, known := range []map[string]string{importNames, imports} {
		for at, name := range known {
			if name == path.Base(at) {
				f.ImportName(at, name)
			} else {
				f.ImportAlias(at, name)
			}
		}
	}
	return f
}

// packageNames are the names of the packages whose types the declarations of pkg name. For a package that is not among them an alias is
// written, which is always right.
func packageNames(pkg *schema.Package) map[string]string {
	known := map[string]string{}
	seen := map[*schema.Type]bool{}
	var visit func(t *schema.Type)
	visit = func(t *schema.Type) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		if t.Pkg != "" && t.Pkg != pkg.Path {
			if name, _, ok := strings.Cut(t.Go, "."+t.Name); ok && token.IsIdentifier(name) {
				known[t.Pkg] = name
			}
		}
		visit(t.Key)
		visit(t.Elem)
		for _, arg := range t.Args {
			visit(arg)
		}
	}
	for _, r := range slices.Concat(pkg.Records, pkg.Reached) {
		visit(r.Type)
		for _, f := range r.Fields {
			visit(f.Type)
		}
		for _, s := range r.Source {
			visit(s.Type)
		}
	}
	if pkg.Topics != nil {
		for _, t := range pkg.Topics.Fields {
			visit(t.Key)
			visit(t.Value)
		}
	}
	for _, s := range pkg.Tables {
		for _, t := range s.Fields {
			visit(t.Key)
			visit(t.Value)
		}
	}
	for _, a := range pkg.Agents {
		visit(a.Key)
		visit(a.Value)
		visit(a.ResultType)
	}
	return known
}

// render builds a file and lays it out. If a package is imported under a name that the user's package declares, or that a variable
// of the generated code has, the file is built again with other names for those imports.
func render(pkg *schema.Package, build func(imports map[string]string) (*jen.File, error)) ([]byte, error) {
	imports := packageNames(pkg)
	for {
		f, err := build(imports)
		if err != nil {
			return nil, err
		}
		var raw bytes.Buffer
		if err := f.Render(&raw); err != nil {
			return nil, err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, FileName, raw.Bytes(), parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("what was generated is no Go, please report it with the package's declarations: %w in %q", err, errorLine(err, raw.String()))
		}
		renamed := renameImports(file, pkg.Declared)
		if len(renamed) == 0 {
			return layOut(fset, file, raw.Bytes(), pkg.Module)
		}
		maps.Copy(imports, renamed)
	}
}

// errorLine is the line of a source that the parser's first error is about.
func errorLine(err error, source string) string {
	lines := strings.Split(source, "\n")
	if list, ok := errors.AsType[scanner.ErrorList](err); ok && len(list) > 0 && list[0].Pos.Line <= len(lines) {
		return strings.TrimSpace(lines[list[0].Pos.Line-1])
	}
	return ""
}

// renameImports finds a free name for every import whose name is declared in the package or hidden by a variable.
func renameImports(file *ast.File, declared map[string]schema.Pos) map[string]string {
	used := map[string]bool{}
	for name := range declared {
		used[name] = true
	}
	addDeclared(file, used)
	names := make([]string, len(file.Imports))
	taken := maps.Clone(used)
	for i, spec := range file.Imports {
		names[i] = importName(spec)
		taken[names[i]] = true
	}
	renamed := map[string]string{}
	for i, spec := range file.Imports {
		if !used[names[i]] {
			continue
		}
		base := strings.TrimRight(names[i], "0123456789") + "pkg"
		free := base
		for n := 2; taken[free]; n++ {
			free = base + strconv.Itoa(n)
		}
		taken[free] = true
		renamed[importPath(spec)] = free
	}
	return renamed
}

// importPath is the path of an import.
func importPath(spec *ast.ImportSpec) string { return strings.Trim(spec.Path.Value, `"`) }

// importName is the name under which the file knows an import.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	return path.Base(importPath(spec))
}

// addDeclared adds every identifier that the file declares, at package level or inside a function. Struct fields don't count.
func addDeclared(file *ast.File, used map[string]bool) {
	add := func(idents ...*ast.Ident) {
		for _, id := range idents {
			used[id.Name] = true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				add(n.Name)
			} else {
				add(n.Recv.List[0].Names...)
			}
		case *ast.FuncType:
			for _, list := range []*ast.FieldList{n.Params, n.Results} {
				if list == nil {
					continue
				}
				for _, field := range list.List {
					add(field.Names...)
				}
			}
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				addExprs(used, n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				addExprs(used, n.Key, n.Value)
			}
		}
		return true
	})
}

func addExprs(used map[string]bool, exprs ...ast.Expr) {
	for _, x := range exprs {
		if id, ok := x.(*ast.Ident); ok {
			used[id.Name] = true
		}
	}
}

// layOut puts a blank line between declarations and between the standard library's imports and the others, then formats.
func layOut(fset *token.FileSet, file *ast.File, raw []byte, module string) ([]byte, error) {
	var out bytes.Buffer
	last := 0
	for _, decl := range file.Decls {
		start := fset.Position(declStart(decl)).Offset
		out.Write(raw[last:start])
		if start > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\n\n")) {
			out.WriteByte('\n')
		}
		last = start
		if gen, ok := decl.(*ast.GenDecl); ok && gen.Tok == token.IMPORT {
			writeImports(&out, gen, module)
			last = fset.Position(gen.End()).Offset
		}
	}
	out.Write(raw[last:])
	source, err := format.Source(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%w in\n%s", err, out.Bytes())
	}
	return source, nil
}

func declStart(decl ast.Decl) token.Pos {
	switch d := decl.(type) {
	case *ast.GenDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	case *ast.FuncDecl:
		if d.Doc != nil {
			return d.Doc.Pos()
		}
	}
	return decl.Pos()
}

// writeImports writes an import declaration in two groups: the standard library, then the rest. Only the standard library has import
// paths without a dot in their first element, and the user's own module if its path has none.
func writeImports(out *bytes.Buffer, gen *ast.GenDecl, module string) {
	own, _, _ := strings.Cut(module, "/")
	var groups [2][]string
	for _, s := range gen.Specs {
		spec := s.(*ast.ImportSpec)
		line := spec.Path.Value
		if spec.Name != nil {
			line = spec.Name.Name + " " + line
		}
		first, _, _ := strings.Cut(importPath(spec), "/")
		group := 0
		if strings.Contains(first, ".") || first == own {
			group = 1
		}
		groups[group] = append(groups[group], line)
	}
	if len(gen.Specs) == 1 {
		out.WriteString("import " + append(groups[0], groups[1]...)[0])
		return
	}
	out.WriteString("import (\n")
	for i, group := range groups {
		if i > 0 && len(group) > 0 && len(groups[0]) > 0 {
			out.WriteByte('\n')
		}
		slices.SortFunc(group, compareImports)
		out.WriteString(strings.Join(group, "\n") + "\n")
	}
	out.WriteString(")")
}

// compareImports orders import lines by path, as gofmt does.
func compareImports(a, b string) int {
	return strings.Compare(a[strings.IndexByte(a, '"'):], b[strings.IndexByte(b, '"'):])
}

package scan

import (
	"cmp"
	"go/ast"
	"go/types"

	"github.com/faustgen/faustgen/schema"
)

// signature is a function with a directive, as the type checker sees it, while its parameters are taken one by one.
type signature struct {
	p      *pkgReader
	use    *schema.Use
	decl   *ast.FuncDecl
	sig    *types.Signature
	nodes  []ast.Expr // the type of each parameter
	places []schema.Pos
	next   int // the parameter that is taken next
	failed bool
}

// function reads one function with a directive.
func (p *pkgReader) function(f *funcDecl) {
	obj, ok := p.pkg.TypesInfo.Defs[f.decl.Name].(*types.Func)
	if !ok {
		return
	}
	s := &signature{p: p, use: f.use, decl: f.decl, sig: obj.Signature()}
	if obj.Name() == "_" {
		s.fail(p.pos(f.decl.Name.Pos()), "give it a name", "a function that is called has no name")
		return
	}
	for _, field := range f.decl.Type.Params.List {
		for range max(1, len(field.Names)) {
			s.nodes = append(s.nodes, field.Type)
			s.places = append(s.places, p.pos(field.Pos()))
		}
	}
	if s.rejected() {
		return
	}
	if s.sig.TypeParams().Len() > 0 || s.sig.Variadic() {
		s.fail(p.pos(f.decl.Name.Pos()), "write it without", "%s is generic or takes a variable number of arguments", f.decl.Name.Name)
		return
	}
	switch f.use.Name {
	case "agent":
		s.agent()
	case "on_window_close":
		s.closer()
	case "timer":
		s.timer()
	case "task":
		if fn, ok := s.plain(); ok {
			p.out.Tasks = append(p.out.Tasks, &schema.Task{Func: fn})
		}
	case "command":
		s.command()
	case "provide":
		s.provide()
	}
}

// rejected reports parameters and results whose types the type checker rejected.
func (s *signature) rejected() bool {
	bad := false
	for _, tuple := range []*types.Tuple{s.sig.Params(), s.sig.Results()} {
		for v := range tuple.Variables() {
			bad = bad || invalid(v.Type())
		}
	}
	if bad {
		s.p.rejected(s.decl.Type, "a parameter of "+s.decl.Name.Name, s.p.pos(s.decl.Name.Pos()))
	}
	return bad
}

func (s *signature) fail(at schema.Pos, hint, format string, args ...any) {
	s.failed = true
	s.p.report(at, "F014", hint, format, args...)
}

// want is the shape of function a directive stands on, for hints.
func (s *signature) want() string {
	switch s.use.Name {
	case "agent":
		return "write func(ctx context.Context, v V, …handles) error, with V, faust.Event[K, V], *faust.Stream[V] or *faust.Events[K, V]"
	case "on_window_close":
		return "write func(ctx context.Context, w faust.Window, key K, value V, …handles) error"
	case "command":
		return "write func(ctx context.Context, args []string, …handles) error"
	case "provide":
		return "write func(ctx context.Context) (*T, error)"
	}
	return "write func(ctx context.Context, …handles) error"
}

// take returns the next parameter's type, nil if there is none.
func (s *signature) take() (types.Type, schema.Pos) {
	if s.next >= s.sig.Params().Len() {
		return nil, s.p.pos(s.decl.Type.Params.Closing)
	}
	s.next++
	return s.sig.Params().At(s.next - 1).Type(), s.places[s.next-1]
}

// context takes the first parameter.
func (s *signature) context() bool {
	t, at := s.take()
	if t == nil || types.TypeString(t, nil) != "context.Context" {
		s.fail(at, s.want(), "the first parameter of %s must be a context.Context%s", s.decl.Name.Name, not(s.p, t))
		return false
	}
	return true
}

// not says what stands in the place of what was expected.
func not(p *pkgReader, t types.Type) string {
	if t == nil {
		return ", there is none"
	}
	return ", not " + types.TypeString(t, p.qualify)
}

// handles takes the remaining parameters.
func (s *signature) handles() []schema.Handle {
	var out []schema.Handle
	for s.next < s.sig.Params().Len() {
		t, at := s.take()
		h, ok := s.handle(t)
		if !ok {
			hint := "take pointers to the topics and tables structs, and anything else through the receiver: //faust:provide"
			if _, plain := s.p.handles[typeName(t)]; plain {
				hint = "write *" + typeName(t)
			}
			s.fail(at, hint, "parameter %d of %s is no handle: %s", s.next, s.decl.Name.Name, types.TypeString(t, s.p.qualify))
			continue
		}
		for _, before := range out {
			switch {
			case before == h:
				s.failed = true
				s.p.report(at, "F017", "take it once", "%s takes *%s twice", s.decl.Name.Name, h.Struct)
			case before.Tables && h.Tables:
				s.failed = true
				s.p.report(at, "F017", "put the tables into one struct, or divide the function", "%s takes two structs of tables, %s and %s, and each is partitioned by itself", s.decl.Name.Name, before.Struct, h.Struct)
			}
		}
		out = append(out, h)
	}
	return out
}

// handle says which handle struct of the package a parameter points to.
func (s *signature) handle(t types.Type) (schema.Handle, bool) {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return schema.Handle{}, false
	}
	named, ok := types.Unalias(ptr.Elem()).(*types.Named)
	if !ok || named.Obj().Pkg() != s.p.pkg.Types {
		return schema.Handle{}, false
	}
	tables, ok := s.p.handles[named.Obj().Name()]
	return schema.Handle{Struct: named.Obj().Name(), Tables: tables}, ok
}

// typeName is the name of a defined type, "" for others.
func typeName(t types.Type) string {
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// onlyError checks that the result is an error and nothing else.
func (s *signature) onlyError() {
	r := s.sig.Results()
	if r.Len() != 1 || !isError(r.At(0).Type()) {
		s.fail(s.resultPos(), s.want(), "%s must return error", s.decl.Name.Name)
	}
}

func (s *signature) resultPos() schema.Pos {
	if s.decl.Type.Results != nil {
		return s.p.pos(s.decl.Type.Results.Pos())
	}
	return s.p.pos(s.decl.Name.Pos())
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// describe is what all functions have in common.
func (s *signature) describe(handles []schema.Handle) schema.Func {
	f := schema.Func{Go: s.decl.Name.Name, Name: schema.SnakeCase(s.decl.Name.Name), Handles: handles, Doc: docText(s.decl.Doc), Pos: s.p.pos(s.decl.Name.Pos())}
	if recv := s.sig.Recv(); recv != nil {
		t := recv.Type()
		if ptr, ok := t.(*types.Pointer); ok {
			t, f.RecvPtr = ptr.Elem(), true
		}
		f.Recv = typeName(t)
		f.Name = schema.SnakeCase(f.Recv) + "_" + f.Name
	}
	return f
}

// plain reads func(ctx, …handles) error.
func (s *signature) plain() (schema.Func, bool) {
	if !s.context() {
		return schema.Func{}, false
	}
	handles := s.handles()
	s.onlyError()
	return s.describe(handles), !s.failed
}

func (s *signature) timer() {
	fn, ok := s.plain()
	if !ok || !s.use.Has("interval") {
		return
	}
	every := s.use.Duration("interval")
	if every <= 0 {
		s.p.report(s.use.At("interval"), "F006", "write a positive duration", "the interval of %s is %s", fn.Go, every)
		return
	}
	s.p.out.Timers = append(s.p.out.Timers, &schema.Timer{Func: fn, Every: every})
}

func (s *signature) command() {
	if !s.context() {
		return
	}
	t, at := s.take()
	if t == nil || types.TypeString(t, nil) != "[]string" {
		s.fail(at, s.want(), "the second parameter of the command %s must be its arguments, []string%s", s.decl.Name.Name, not(s.p, t))
		return
	}
	handles := s.handles()
	s.onlyError()
	if names := schema.TablesOf(handles); len(names) > 0 {
		s.failed = true
		s.p.report(s.p.pos(s.decl.Name.Pos()), "F017", "read tables by NewQueries, change them in an agent", "the command %s takes *%s, but a command belongs to no task and has no tables", s.decl.Name.Name, names[0])
	}
	if !s.failed && s.use.Has("name") {
		s.p.out.Commands = append(s.p.out.Commands, &schema.Command{Func: s.describe(handles), Command: s.use.Text("name"), NamePos: s.use.At("name")})
	}
}

func (s *signature) provide() {
	if !s.context() {
		return
	}
	r := s.sig.Results()
	if s.next < s.sig.Params().Len() || r.Len() != 2 || !isError(r.At(1).Type()) {
		s.fail(s.p.pos(s.decl.Name.Pos()), s.want(), "%s has not the shape of a function that provides something", s.decl.Name.Name)
		return
	}
	ptr, _ := types.Unalias(r.At(0).Type()).(*types.Pointer)
	var named *types.Named
	if ptr != nil {
		named, _ = types.Unalias(ptr.Elem()).(*types.Named)
	}
	if named == nil || named.Obj().Pkg() != s.p.pkg.Types || named.TypeArgs().Len() > 0 {
		s.fail(s.resultPos(), s.want(), "%s must return a pointer to a type of this package%s", s.decl.Name.Name, not(s.p, r.At(0).Type()))
		return
	}
	s.p.out.Providers = append(s.p.out.Providers, &schema.Provide{Func: s.describe(nil), Type: named.Obj().Name(), Closer: hasClose(ptr)})
}

// hasClose says whether a type has Close() error.
func hasClose(t types.Type) bool {
	obj, _, _ := types.LookupFieldOrMethod(t, true, nil, "Close")
	m, ok := obj.(*types.Func)
	return ok && m.Signature().Params().Len() == 0 && m.Signature().Results().Len() == 1 && isError(m.Signature().Results().At(0).Type())
}

func (s *signature) closer() {
	if !s.context() {
		return
	}
	t, at := s.take()
	if name, _ := runtimeType(orNil(t)); name != "Window" {
		s.fail(at, s.want(), "the second parameter of %s must be a faust.Window%s", s.decl.Name.Name, not(s.p, t))
		return
	}
	c := &schema.Closer{OnError: cmp.Or(s.use.Text("on_error"), "fail"), ArgPos: s.use.At("table")}
	for i, into := range []**schema.Type{&c.Key, &c.Value} {
		t, at := s.take()
		if t == nil {
			s.fail(at, s.want(), "%s lacks its %s parameter, the table's %s", s.decl.Name.Name, []string{"third", "fourth"}[i], []string{"key", "value"}[i])
			return
		}
		*into = s.p.typ(t)
	}
	handles := s.handles()
	s.onlyError()
	if s.failed || !s.use.Has("table") {
		return
	}
	c.Func = s.describe(handles)
	c.Arg = s.use.Text("table")
	s.p.out.Closers = append(s.p.out.Closers, c)
}

// orNil makes a missing type one that is none of the runtime's.
func orNil(t types.Type) types.Type {
	if t == nil {
		return types.Typ[types.Invalid]
	}
	return t
}

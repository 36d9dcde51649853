package scan

import (
	"fmt"
	"go/types"
	"reflect"
	"strings"

	"github.com/faustgen/faustgen/schema"
)

// groupBy reads group_by=, a field, a path of fields or a function.
func (s *signature) groupBy(a *schema.Agent, value types.Type) bool {
	by, at := s.use.Text("group_by"), s.use.At("group_by")
	g := &schema.GroupBy{By: by, Pos: at}
	obj := s.p.pkg.Types.Scope().Lookup(by)
	fn, isFunc := obj.(*types.Func)
	field := findField(value, by, s.p.pkg.Types)
	switch {
	case isFunc && field != nil:
		s.p.report(at, "F018", "rename one of them", "group_by=%s is both the field %s.%s (%s) and the function %s (%s)", by,
			types.TypeString(value, s.p.qualify), by, schema.At(0), by, schema.At(1))
		s.p.relate(s.p.pos(field.Pos()), s.p.pos(fn.Pos()))
		return false
	case isFunc:
		a.GroupBy = g
		return s.groupFunc(g, fn, value)
	}
	a.GroupBy = g
	return s.groupPath(g, value)
}

// groupFunc checks func(V) K or func(V) (K, bool).
func (s *signature) groupFunc(g *schema.GroupBy, fn *types.Func, value types.Type) bool {
	sig := fn.Signature()
	v := types.TypeString(value, s.p.qualify)
	r := sig.Results()
	ok := sig.Params().Len() == 1 && !sig.Variadic() && sig.TypeParams().Len() == 0 && types.Identical(sig.Params().At(0).Type(), value) &&
		(r.Len() == 1 || r.Len() == 2 && isBool(r.At(1).Type()))
	if ok && r.Len() == 1 && isError(r.At(0).Type()) {
		ok = false
	}
	if !ok {
		s.p.report(g.Pos, "F018", fmt.Sprintf("write func %s(v %s) K or func %s(v %s) (K, bool)", g.By, v, g.By, v), "group_by=%s: the function (%s) does not take %s and return a key", g.By, schema.At(0), v)
		s.p.relate(s.p.pos(fn.Pos()))
		return false
	}
	key := r.At(0).Type()
	if invalid(key) {
		s.p.report(g.Pos, "F008", "run go vet to see what is wrong with it", "the result of %s does not type-check", g.By)
		return false
	}
	g.Func, g.OK, g.Key = g.By, r.Len() == 2, s.p.typ(key)
	return true
}

func isBool(t types.Type) bool {
	basic, ok := types.Unalias(t).(*types.Basic)
	return ok && basic.Kind() == types.Bool
}

// groupPath follows the fields to the key, through pointers.
func (s *signature) groupPath(g *schema.GroupBy, value types.Type) bool {
	t := types.Unalias(value)
	col := g.Pos
	steps := strings.Split(g.By, ".")
	for i, name := range steps {
		struc := t
		if ptr, ok := t.(*types.Pointer); ok {
			struc = types.Unalias(ptr.Elem())
		}
		if _, ok := struc.Underlying().(*types.Struct); !ok {
			s.notStruct(col, steps, i, struc)
			return false
		}
		v, path, tag, ok := s.fieldPath(struc, name)
		if !ok {
			s.noField(col, struc, name)
			return false
		}
		if tag.Get("json") == "-" || faustSkips(tag) || !v.Exported() && !v.Embedded() {
			s.p.report(col, "F018", "group by a field that is sent, or by a function", "field %s (%s) of %s is not on the wire, so it would be empty in every event", name, schema.At(0), types.TypeString(struc, s.p.qualify))
			s.p.relate(s.p.pos(v.Pos()))
			return false
		}
		if invalid(v.Type()) {
			s.p.rejected(nil, "field "+name, col)
			return false
		}
		names, pointers := s.p.steps(path)
		g.Path, g.PathPointers = append(g.Path, names...), append(g.PathPointers, pointers...)
		t = types.Unalias(v.Type())
		_, ptr := t.(*types.Pointer)
		g.Path = append(g.Path, name)
		if i < len(steps)-1 {
			g.PathPointers = append(g.PathPointers, ptr)
		} else if ptr {
			g.KeyPointer = true
			t = types.Unalias(t.(*types.Pointer).Elem())
		}
		col.Col += len(name) + 1
	}
	g.Key = s.p.typ(t)
	return true
}

// fieldPath finds a field with its tag, and the embedded fields that lead to it.
func (s *signature) fieldPath(struc types.Type, name string) (v *types.Var, path []*types.Var, tag reflect.StructTag, ok bool) {
	obj, index, _ := types.LookupFieldOrMethod(struc, true, s.p.pkg.Types, name)
	if v, ok = obj.(*types.Var); !ok {
		return nil, nil, "", false
	}
	at := struc
	for n, i := range index {
		if ptr, ok := types.Unalias(at).(*types.Pointer); ok {
			at = ptr.Elem()
		}
		st := at.Underlying().(*types.Struct)
		tag = reflect.StructTag(st.Tag(i))
		if n < len(index)-1 {
			path = append(path, st.Field(i))
			at = st.Field(i).Type()
		}
	}
	return v, path, tag, true
}

// findField is the field of a struct type of that name, nil if there is none.
func findField(t types.Type, name string, pkg *types.Package) *types.Var {
	obj, _, _ := types.LookupFieldOrMethod(t, true, pkg, name)
	v, _ := obj.(*types.Var)
	return v
}

// notStruct reports a path that goes on behind something that has no fields.
func (s *signature) notStruct(at schema.Pos, steps []string, i int, t types.Type) {
	if i == 0 {
		s.p.report(at, "F018", "write a function func(v "+types.TypeString(t, s.p.qualify)+") K and name it", "group_by=%s: %s is no struct and there is no function %s", steps[0], types.TypeString(t, s.p.qualify), steps[0])
		return
	}
	s.p.report(at, "F018", "end the path at "+steps[i-1]+", or name a function", "group_by: %s is a %s, which has no fields", strings.Join(steps[:i], "."), types.TypeString(t, s.p.qualify))
}

// noField reports a field that does not exist, with the nearest one: by its Go name, its name on the wire, or as a function.
func (s *signature) noField(at schema.Pos, struc types.Type, name string) {
	typ := types.TypeString(struc, s.p.qualify)
	st := struc.Underlying().(*types.Struct)
	names := map[string]*types.Var{}
	var candidates []string
	for _, f := range jsonFields(struc, st) {
		names[f.v.Name()] = f.v
		candidates = append(candidates, f.v.Name())
		if f.name == name {
			s.p.report(at, "F018", "write the Go name, "+f.v.Name()+", declared at "+schema.At(0), "%s has no field %s", typ, name)
			s.p.relate(s.p.pos(f.v.Pos()))
			return
		}
	}
	if near := schema.Nearest(name, candidates); near != "" {
		s.p.report(at, "F018", "did you mean "+near+", declared at "+schema.At(0)+"?", "%s has no field %s", typ, name)
		s.p.relate(s.p.pos(names[near].Pos()))
		return
	}
	var funcs []string
	scope := s.p.pkg.Types.Scope()
	for _, n := range scope.Names() {
		if _, ok := scope.Lookup(n).(*types.Func); ok {
			funcs = append(funcs, n)
		}
	}
	if near := schema.Nearest(name, funcs); near != "" {
		s.p.report(at, "F018", "did you mean the function "+near+", declared at "+schema.At(0)+"?", "%s has no field %s", typ, name)
		s.p.relate(s.p.pos(scope.Lookup(near).Pos()))
		return
	}
	s.p.report(at, "F018", schema.DidYouMean(name, candidates)+", or write a function func("+typ+") K", "%s has no field %s", typ, name)
}

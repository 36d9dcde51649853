package scan

import (
	"go/types"
	"strings"

	"github.com/faustgen/faustgen/schema"
)

// typ turns a Go type into the schema's, and notes the structs it reaches.
func (p *pkgReader) typ(t types.Type) *schema.Type {
	t = types.Unalias(t)
	out := &schema.Type{Go: types.TypeString(t, p.qualify), Comparable: types.Comparable(t)}
	if named, ok := t.(*types.Named); ok {
		p.named(named, out)
		return out
	}
	p.shape(t, out)
	return out
}

// qualify prints the package of a type as the user does.
func (p *pkgReader) qualify(pkg *types.Package) string {
	if pkg == p.pkg.Types || pkg.Path() == p.pkg.PkgPath {
		return ""
	}
	return pkg.Name()
}

// maxInside is how many instances of one generic type may be reached through one another.
const maxInside = 8

// named fills in a defined type.
func (p *pkgReader) named(t *types.Named, out *schema.Type) {
	obj := t.Obj()
	out.Name = obj.Name()
	if obj.Pkg() != nil {
		out.Pkg = obj.Pkg().Path()
	}
	switch out.Pkg + "." + out.Name {
	case "time.Time":
		out.Kind, out.Pkg, out.Name, out.Text = schema.Time, "", "", true
		return
	case "time.Duration":
		out.Kind, out.Pkg, out.Name = schema.Duration, "", ""
		return
	}
	for i := range t.TypeArgs().Len() {
		out.Args = append(out.Args, p.typ(t.TypeArgs().At(i)))
	}
	if t.TypeArgs().Len() > 0 {
		// G[T] may hold G[[]T], which holds G[[][]T], and so on: Go takes it as long as nobody unfolds it.
		if p.inside[obj] == maxInside {
			out.Kind, out.Reason = schema.Invalid, "a generic type that holds itself with ever new arguments"
			return
		}
		p.inside[obj]++
		defer func() { p.inside[obj]-- }()
	}
	out.Text = valueMethod(t, "MarshalText") && hasMethod(t, "UnmarshalText") != nil
	switch t.Underlying().(type) {
	case *types.Interface, *types.Chan, *types.Signature:
		p.shape(t.Underlying(), out)
		return
	}
	if basic, ok := t.Underlying().(*types.Basic); ok && basic.Kind() == types.Invalid {
		p.shape(basic, out)
		return
	}
	switch {
	case obj.Pkg() == nil || !p.ours(obj.Pkg().Path()):
		out.Kind, out.Reason = schema.Foreign, "a type of another module"
	case marshals(t) != nil && !p.marked(t): // a marked one is a mistake, and reported as such
		out.Kind, out.Reason = schema.Foreign, "a type with its own "+marshals(t).Name()
	case p.building[t]:
		out.Kind, out.Reason = schema.Foreign, "a type that holds itself and is no struct"
	default:
		if st, ok := t.Underlying().(*types.Struct); ok {
			out.Kind, out.Record = schema.Struct, p.reach(t, st, out)
			return
		}
		p.building[t] = true
		p.shape(t.Underlying(), out)
		delete(p.building, t)
	}
}

// marked says whether a type of the module has //faust:record.
func (p *pkgReader) marked(t *types.Named) bool {
	return p.sourceOf(t.Obj().Pkg().Path()).types[t.Obj().Name()].recordUse(p.loader) != nil
}

// kinds are the basic types that have an encoding.
var kinds = map[types.BasicKind]schema.Kind{
	types.Bool: schema.Bool, types.String: schema.String, types.Float32: schema.Float32, types.Float64: schema.Float64,
	types.Int: schema.Int, types.Int8: schema.Int8, types.Int16: schema.Int16, types.Int32: schema.Int32, types.Int64: schema.Int64,
	types.Uint: schema.Uint, types.Uint8: schema.Uint8, types.Uint16: schema.Uint16, types.Uint32: schema.Uint32, types.Uint64: schema.Uint64,
}

// shape fills in what a type is made of.
func (p *pkgReader) shape(t types.Type, out *schema.Type) {
	switch t := t.(type) {
	case *types.Basic:
		kind, ok := kinds[t.Kind()]
		switch {
		case ok:
			out.Kind = kind
		case t.Kind() == types.Invalid:
			out.Kind, out.Reason = schema.Invalid, typeError
		default:
			out.Kind, out.Reason = schema.Invalid, "no encoding"
		}
	case *types.Pointer:
		out.Kind, out.Elem = schema.Pointer, p.typ(t.Elem())
	case *types.Slice:
		p.slice(t, out)
	case *types.Array:
		out.Kind, out.Elem, out.Len = schema.Array, p.typ(t.Elem()), t.Len()
	case *types.Map:
		out.Kind, out.Key, out.Elem = schema.Map, p.typ(t.Key()), p.typ(t.Elem())
	case *types.Interface:
		if t.NumMethods() == 0 && t.NumEmbeddeds() == 0 {
			out.Kind, out.Reason = schema.Foreign, "an interface"
		} else {
			out.Kind, out.Reason = schema.Invalid, "an interface with methods, which cannot be decoded"
		}
	case *types.Struct:
		out.Kind, out.Reason = schema.Foreign, "a struct without a name"
	default:
		out.Kind, out.Reason = schema.Invalid, "no encoding"
	}
	p.need(t, out)
}

// need notes what packages a type without a name refers to, for those that are printed as they stand.
func (p *pkgReader) need(t types.Type, out *schema.Type) {
	if out.Name != "" || (out.Kind != schema.Foreign && out.Kind != schema.Invalid) {
		return
	}
	seen := map[string]bool{}
	types.TypeString(t, func(pkg *types.Package) string {
		if pkg.Path() != p.pkg.PkgPath && !seen[pkg.Path()] {
			seen[pkg.Path()] = true
			out.Imports = append(out.Imports, pkg.Path())
		}
		return pkg.Name()
	})
}

// slice tells bytes from other slices: encoding/json writes every slice whose elements are bytes as base64.
func (p *pkgReader) slice(t *types.Slice, out *schema.Type) {
	elem := types.Unalias(t.Elem())
	if basic, ok := elem.Underlying().(*types.Basic); ok && basic.Kind() == types.Uint8 {
		if elem != basic {
			out.Kind, out.Reason = schema.Foreign, "a slice of a defined byte type"
			return
		}
		out.Kind = schema.Bytes
		return
	}
	out.Kind, out.Elem = schema.Slice, p.typ(t.Elem())
}

// typeError is the Reason of a type that the type checker has rejected; scan reports those itself.
const typeError = schema.TypeError

// marshals returns the method by which a type writes or reads its own JSON, nil if it has none but ours.
func marshals(t *types.Named) *types.Func {
	for _, name := range []string{"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"} {
		if m := hasMethod(t, name); m != nil {
			return m
		}
	}
	return nil
}

// hasMethod finds a method of *T by its name, promoted ones included. What faustgen has generated is no method to the scan: in the
// package that is read it is hidden, in export data it is told by what else there is.
func hasMethod(t *types.Named, name string) *types.Func {
	obj, _, _ := types.LookupFieldOrMethod(types.NewPointer(t), true, nil, name)
	m, ok := obj.(*types.Func)
	if !ok {
		return nil
	}
	if recv := m.Signature().Recv(); recv != nil && (strings.HasSuffix(name, "JSON")) && generatedOn(recv.Type()) {
		return nil
	}
	return m
}

// valueMethod says whether a value of the type has the method, not only its address: keys of maps have none.
func valueMethod(t *types.Named, name string) bool {
	obj, _, _ := types.LookupFieldOrMethod(t, false, nil, name)
	_, ok := obj.(*types.Func)
	return ok
}

// generatedOn says whether the methods of a receiver are ours: nothing else has DecodeJSON, BorrowJSON and SizeJSON at once.
func generatedOn(recv types.Type) bool {
	if ptr, ok := recv.(*types.Pointer); ok {
		recv = ptr.Elem()
	}
	named, ok := recv.(*types.Named)
	if !ok {
		return false
	}
	n := 0
	for m := range named.Origin().Methods() {
		switch m.Name() {
		case "DecodeJSON", "BorrowJSON", "SizeJSON":
			n++
		}
	}
	return n == 3
}

// invalid says whether a type was rejected by the type checker anywhere in it.
func invalid(t types.Type) bool { return invalidIn(t, map[types.Type]bool{}) }

func invalidIn(t types.Type, seen map[types.Type]bool) bool {
	t = types.Unalias(t)
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t := t.(type) {
	case *types.Basic:
		return t.Kind() == types.Invalid
	case *types.Pointer:
		return invalidIn(t.Elem(), seen)
	case *types.Slice:
		return invalidIn(t.Elem(), seen)
	case *types.Array:
		return invalidIn(t.Elem(), seen)
	case *types.Map:
		return invalidIn(t.Key(), seen) || invalidIn(t.Elem(), seen)
	case *types.Named:
		for i := range t.TypeArgs().Len() {
			if invalidIn(t.TypeArgs().At(i), seen) {
				return true
			}
		}
		basic, ok := t.Underlying().(*types.Basic)
		return ok && basic.Kind() == types.Invalid
	}
	return false
}

package templates

import (
	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// reaches says whether found holds for t or for anything that is encoded with it. A recursive type is looked at once.
func (c *codecs) reaches(t *schema.Type, found func(*schema.Type) bool) bool {
	return c.reachesUnit(unit{typ: t}, func(u unit) bool { return found(u.typ) }, map[string]bool{})
}

func (c *codecs) reachesUnit(u unit, found func(unit) bool, seen map[string]bool) bool {
	if u.typ == nil {
		return false
	}
	// The kind belongs to it: where a type that is no struct holds itself, the inner one is foreign.
	id := string(u.typ.Kind) + " " + u.id()
	if seen[id] {
		return false
	}
	seen[id] = true
	if found(u) {
		return true
	}
	switch u.typ.Kind {
	case schema.Pointer, schema.Slice, schema.Array:
		return c.reachesUnit(u.of(u.typ.Elem), found, seen)
	case schema.Map:
		return c.reachesUnit(u.of(u.typ.Key), found, seen) || c.reachesUnit(u.of(u.typ.Elem), found, seen)
	case schema.Struct:
		for _, f := range c.fieldsOf(u.typ) {
			if c.reachesUnit(fieldUnit(f), found, seen) {
				return true
			}
		}
	}
	return false
}

// fails says that appending some value of u fails.
func (c *codecs) fails(u unit) bool {
	return c.reachesUnit(u, func(u unit) bool {
		switch u.typ.Kind {
		case schema.Float32, schema.Float64, schema.Foreign, schema.Invalid:
			return true
		case schema.Time:
			return u.layout == ""
		case schema.Map:
			return textKeyed(u.typ)
		}
		return false
	}, map[string]bool{})
}

// textKeyed says that a map's keys are written by their MarshalText.
func textKeyed(t *schema.Type) bool { return t.Key.Kind != schema.String && !t.Key.IsInt() }

// hasForeign says that a part of t is encoded by another codec.
func (c *codecs) hasForeign(t *schema.Type) bool {
	return c.reaches(t, func(t *schema.Type) bool { return t.Kind == schema.Foreign || t.Kind == schema.Invalid })
}

// hasStrings says that a decoded t can hold strings that alias the document.
func (c *codecs) hasStrings(t *schema.Type) bool {
	return c.reaches(t, func(t *schema.Type) bool { return t.Kind == schema.String })
}

// hasTimes says that t holds times, which as parts of a key are told apart by their zone unless they are moved to UTC.
func (c *codecs) hasTimes(t *schema.Type) bool {
	return c.reaches(t, func(t *schema.Type) bool { return t.Kind == schema.Time })
}

// flat says that a copy of a t shares nothing that can be changed.
func (c *codecs) flat(t *schema.Type) bool { return c.flatType(t, map[string]bool{}) }

func (c *codecs) flatType(t *schema.Type, seen map[string]bool) bool {
	switch t.Kind {
	case schema.Bytes, schema.Pointer, schema.Slice, schema.Map, schema.Foreign, schema.Invalid:
		return false
	case schema.Array:
		return c.flatType(t.Elem, seen)
	case schema.Struct:
		r := c.records[t.Record]
		if r == nil || seen[r.Key] {
			return r != nil
		}
		seen[r.Key] = true
		// Fields that are not encoded count as well.
		for _, s := range r.Source {
			if !c.flatType(s.Type, seen) {
				return false
			}
		}
		for _, f := range r.Fields {
			if !c.flatType(f.Type, seen) {
				return false
			}
		}
	}
	return true
}

// cloneString is a string of type t with bytes of its own.
func cloneString(t *schema.Type, value *jen.Statement) *jen.Statement {
	if t.Name == "" {
		return jen.Qual("strings", "Clone").Call(value)
	}
	return goType(t).Call(jen.Qual("strings", "Clone").Call(jen.String().Call(value)))
}

// cloneFunc emits faustCloneX: it gives every string of a value bytes of its own.
func (c *codecs) cloneFunc(fn *function) jen.Code {
	walk := &walker{c: c, kind: "Clone", has: c.hasStrings, leaf: func(t *schema.Type, p place) jen.Code {
		return p.val().Op("=").Add(cloneString(t, p.val()))
	}}
	return jen.Commentf("%s makes the strings of v independent of the document they were read from.", fn.name).Line().Add(walk.function(fn))
}

// utcFunc emits faustUTCX: it moves every time of a key to UTC.
func (c *codecs) utcFunc(fn *function) jen.Code {
	walk := &walker{c: c, kind: "UTC", has: c.hasTimes, leaf: func(t *schema.Type, p place) jen.Code {
		return p.val().Op("=").Add(p.val()).Dot("UTC").Call()
	}}
	return jen.Commentf("%s moves the times of v to UTC.", fn.name).Line().Add(walk.function(fn))
}

// walker emits functions that do something to all leaves of one kind that a value holds.
type walker struct {
	c    *codecs
	kind string
	has  func(*schema.Type) bool
	leaf func(t *schema.Type, p place) jen.Code
}

// step is what is done to the value at p; t has leaves.
func (w *walker) step(t *schema.Type, p place) jen.Code {
	if isUnit(t) {
		return w.c.fn(w.kind, unit{typ: t}).Call(p.ptr())
	}
	return w.leaf(t, p)
}

func (w *walker) function(fn *function) jen.Code {
	c, t := w.c, fn.unit.typ
	v := c.local("v")
	var lines []jen.Code
	switch t.Kind {
	case schema.Struct:
		for _, f := range c.fieldsOf(t) {
			if !w.has(f.Type) {
				continue
			}
			p, pointers := c.fieldPlace(v, f)
			if exists := notNil(pointers); exists != nil {
				lines = append(lines, jen.If(exists).Block(w.step(f.Type, p)))
			} else {
				lines = append(lines, w.step(f.Type, p))
			}
		}
	case schema.Pointer:
		lines = []jen.Code{jen.If(jen.Op("*").Id(v).Op("!=").Nil()).Block(w.step(t.Elem, place{
			jen.Op("**").Id(v), jen.Op("*").Id(v)}))}
	case schema.Map:
		lines = w.mapping(t, v)
	default:
		i := c.local("i")
		list, indexed := jen.Op("*").Id(v), jen.Parens(jen.Op("*").Id(v))
		if t.Kind == schema.Array {
			list, indexed = jen.Id(v), jen.Id(v)
		}
		lines = []jen.Code{jen.For(jen.Id(i).Op(":=").Range().Add(list)).Block(w.step(t.Elem, in(indexed.Index(jen.Id(i)))))}
	}
	return jen.Func().Id(fn.name).Params(jen.Id(v).Op("*").Add(goType(t))).Block(lines...)
}

// mapping builds the map anew, since its keys may be leaves too.
func (w *walker) mapping(t *schema.Type, v string) []jen.Code {
	m, k, e := w.c.local("m"), w.c.local("k"), w.c.local("e")
	var body []jen.Code
	if w.has(t.Key) {
		body = append(body, w.step(t.Key, in(jen.Id(k))))
	}
	if w.has(t.Elem) {
		body = append(body, w.step(t.Elem, in(jen.Id(e))))
	}
	body = append(body, jen.Id(m).Index(jen.Id(k)).Op("=").Id(e))
	return []jen.Code{
		jen.If(jen.Op("*").Id(v).Op("==").Nil()).Block(jen.Return()),
		jen.Id(m).Op(":=").Make(goType(t), jen.Len(jen.Op("*").Id(v))),
		jen.For(jen.List(jen.Id(k), jen.Id(e)).Op(":=").Range().Op("*").Id(v)).Block(body...),
		jen.Op("*").Id(v).Op("=").Id(m),
	}
}

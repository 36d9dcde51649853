package templates

import (
	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// groupKeyCodec is how the keys of repartition topics are written, and so those of the tables behind them.
const groupKeyCodec = "text"

// repartition emits the step before an agent's repartition topic: it decodes a record, takes its key and forwards it.
func (e *emitter) repartition(f *jen.File, a *schema.Agent) {
	b := e.names.local("b")
	args := []jen.Code{
		jen.Id(b),
		jen.Op("&").Add(e.agentValue(a)),
		jen.Op("&").Add(e.Key(a.GroupBy.Key, groupKeyCodec)),
		e.groupKey(a),
	}
	args = append(args, e.times(a)...)
	if a.GroupBy.Func == "" { // nothing keeps the value: its bytes are forwarded, and its key is copied
		args = append(args, faust("Borrow").Types(goType(a.Value)).Call())
	}
	f.Func().Id(e.names.helper("Repartition", declaration(&a.Func))).Params(jen.Id(b).Op("*").Add(faust("Binder"))).Add(faust("Step")).Block(
		jen.Return(faust("GroupByStep").Call(args...)),
	)
}

// groupKey is the function that takes the group key out of a value; false: the value has none and is skipped.
func (e *emitter) groupKey(a *schema.Agent) *jen.Statement {
	v, g := e.names.local("v"), a.GroupBy
	param := jen.Id(v).Op("*").Add(goType(a.Value))
	if g.Func != "" {
		call := jen.Id(g.Func).Call(jen.Op("*").Id(v))
		if !g.OK {
			call = jen.List(call, jen.True())
		}
		return jen.Func().Params(param).Params(goType(g.Key), jen.Bool()).Block(jen.Return(call))
	}
	field, nils := start(v, a.Value)
	for i, name := range g.Path {
		field = field.Clone().Dot(name)
		if i < len(g.PathPointers) && g.PathPointers[i] {
			nils = or(nils, field.Clone().Op("==").Nil())
		}
	}
	if g.KeyPointer {
		nils = or(nils, field.Clone().Op("==").Nil())
		field = jen.Op("*").Add(field)
	}
	if nils == nil {
		return jen.Func().Params(param).Params(goType(g.Key), jen.Bool()).Block(jen.Return(field, jen.True()))
	}
	k, ok := e.names.local("k"), e.names.local("ok")
	return jen.Func().Params(param).Params(jen.Id(k).Add(goType(g.Key)), jen.Id(ok).Bool()).Block(
		jen.If(nils).Block(jen.Return(jen.Id(k), jen.False())),
		jen.Return(field, jen.True()),
	)
}

// start is the record that the pointer v leads to, as the beginning of a path of fields, and the condition under which there is none:
// the value itself may be a pointer.
func start(v string, t *schema.Type) (field, nils *jen.Statement) {
	field = jen.Id(v)
	for ; t.Kind == schema.Pointer; t = t.Elem {
		nils = or(nils, jen.Op("*").Add(field.Clone()).Op("==").Nil())
		field = jen.Parens(jen.Op("*").Add(field))
	}
	return field, nils
}

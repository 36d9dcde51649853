package templates

import (
	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// agents emits one function per agent that binds it to a task, and before it the one that binds its repartitioning.
func (e *emitter) agents(f *jen.File) {
	for _, a := range e.pkg.Agents {
		if a.GroupBy != nil {
			e.repartition(f, a)
		}
		p := e.params(&a.Func, "ctx", eventName[a.Shape])
		statements := p.bindings()
		var sink string
		if a.Sink != "" {
			sink = e.names.local("sink")
			statements = append(statements, jen.Id(sink).Op(":=").Add(faust("BindSink")).Call(
				jen.Id(p.b), jen.Lit(a.Sink), jen.Op("&").Add(e.sinkValue(a))))
		}
		f.Func().Id(e.names.helper("Bind", declaration(&a.Func))).Params(p.binder()).Add(faust("Step")).Block(
			append(statements, jen.Return(e.step(a, p, sink)))...)
	}
}

// eventName is how the second parameter is called in each shape.
var eventName = map[string]string{
	schema.PerValue:   "v",
	schema.PerEvent:   "ev",
	schema.LoopValues: "s",
	schema.LoopEvents: "s",
}

// step is the call that makes an agent's step of its function.
func (e *emitter) step(a *schema.Agent, p *params, sink string) *jen.Statement {
	value := goType(a.Value)
	var makes string
	var in *jen.Statement
	args := []jen.Code{jen.Id(p.b)}
	switch a.Shape {
	case schema.PerValue:
		makes, in = "ValueStep", value
	case schema.PerEvent:
		makes, in = "EventStep", faust("Event").Types(goType(a.Key), value)
	case schema.LoopValues:
		makes, in = "ValueLoop", jen.Op("*").Add(faust("Stream")).Types(value)
	case schema.LoopEvents:
		makes, in = "EventLoop", jen.Op("*").Add(faust("Events")).Types(goType(a.Key), value)
	}
	if a.Key != nil && (a.Shape == schema.PerEvent || a.Shape == schema.LoopEvents) {
		args = append(args, jen.Op("&").Add(e.agentKey(a)))
	}
	args = append(args, jen.Op("&").Add(e.agentValue(a)))

	parameters := jen.Params(jen.Id(p.fixed[0]).Qual("context", "Context"), jen.Id(p.fixed[1]).Add(in))
	if sink == "" {
		args = append(args, p.function(parameters, jen.Error()))
	} else {
		args = append(args, jen.Func().Add(parameters).Error().BlockFunc(func(g *jen.Group) { e.send(g, a, p, sink) }))
	}
	args = append(args, e.times(a)...)
	if a.Borrow {
		args = append(args, faust("Borrow").Types(goType(a.Value)).Call())
	}
	return faust(makes).Call(args...)
}

// send emits the body that hands an agent's result to its sink.
func (e *emitter) send(g *jen.Group, a *schema.Agent, p *params, sink string) {
	ctx := jen.Id(p.fixed[0])
	r, err := e.names.local("r"), e.names.local("err")
	g.List(jen.Id(r), jen.Id(err)).Op(":=").Add(p.call())
	switch a.Result {
	case schema.PointerResult:
		g.If(jen.Id(err).Op("!=").Nil().Op("||").Id(r).Op("==").Nil()).Block(jen.Return(jen.Id(err)))
		g.Return(jen.Id(sink).Dot("Send").Call(ctx, jen.Id(r)))
	case schema.SliceResult:
		i := e.names.local("i")
		g.If(jen.Id(err).Op("!=").Nil()).Block(jen.Return(jen.Id(err)))
		g.For(jen.Id(i).Op(":=").Range().Id(r)).Block(
			jen.If(jen.Id(err).Op(":=").Id(sink).Dot("Send").Call(ctx, jen.Op("&").Id(r).Index(jen.Id(i))), jen.Id(err).Op("!=").Nil()).Block(
				jen.Return(jen.Id(err))))
		g.Return(jen.Nil())
	default:
		g.If(jen.Id(err).Op("!=").Nil()).Block(jen.Return(jen.Id(err)))
		g.Return(jen.Id(sink).Dot("Send").Call(ctx, jen.Op("&").Id(r)))
	}
}

// agentValue is the codec of the values that an agent reads. All its topics have the same; a repartition topic carries the bytes on.
func (e *emitter) agentValue(a *schema.Agent) *jen.Statement {
	return e.Value(a.Value, e.topicOf(a).Codec)
}

// agentKey is the codec of the keys that an agent's body sees.
func (e *emitter) agentKey(a *schema.Agent) *jen.Statement {
	if a.GroupBy != nil {
		return e.Key(a.Key, groupKeyCodec)
	}
	return e.Key(a.Key, e.topicOf(a).KeyCodec)
}

func (e *emitter) sinkValue(a *schema.Agent) *jen.Statement {
	name := "json"
	if t := e.pkg.Topic(a.Sink); t != nil {
		name = t.Codec
	}
	return e.Value(a.ResultType, name)
}

// topicOf is the first topic that an agent reads.
func (e *emitter) topicOf(a *schema.Agent) *schema.Topic {
	for _, name := range a.Topics {
		if t := e.pkg.Topic(name); t != nil {
			return t
		}
	}
	return &schema.Topic{Codec: "json", KeyCodec: groupKeyCodec}
}

// agentSpec is an agent as data.
func (e *emitter) agentSpec(a *schema.Agent) *literal {
	l := new(literal)
	l.text("Name", a.Name)
	l.text("Func", declaration(&a.Func))
	l.text("Doc", a.Doc)
	l.texts("Topics", a.Topics)
	l.texts("Tables", schema.TablesOf(a.Handles))
	l.bool("UsesTopics", a.Sink != "" || usesTopics(&a.Func))
	l.text("Sink", a.Sink)
	l.text("Shape", a.Shape)
	l.text("OnError", a.OnError)
	if a.GroupBy != nil {
		l.text("GroupBy", a.GroupBy.By)
		l.text("GroupKeyType", a.GroupBy.Key.Go)
		l.set("Repartition", jen.Id(e.names.helper("Repartition", declaration(&a.Func))))
	}
	l.set("Bind", jen.Id(e.names.helper("Bind", declaration(&a.Func))))
	return l
}

// usesTopics says whether a function takes the topics struct.
func usesTopics(fn *schema.Func) bool {
	for _, h := range fn.Handles {
		if !h.Tables {
			return true
		}
	}
	return false
}

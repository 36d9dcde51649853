package templates

import (
	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// topics emits the function that binds the topics struct to a task or client.
func (e *emitter) topics(f *jen.File) {
	s := e.pkg.Topics
	if s == nil {
		return
	}
	b := e.names.local("b")
	fields := make([]jen.Code, 0, len(s.Fields))
	for _, t := range s.Fields {
		fields = append(fields, jen.Id(t.Go).Op(":").Add(faust("BindTopic").Call(
			jen.Id(b), jen.Lit(t.Name), jen.Op("&").Add(e.Key(t.Key, t.KeyCodec)), jen.Op("&").Add(e.Value(t.Value, t.Codec)))))
	}
	f.Func().Id(e.names.helper("Bind", s.Name)).Params(jen.Id(b).Op("*").Add(faust("Binder"))).Op("*").Id(s.Name).Block(
		jen.Return(jen.Op("&").Id(s.Name).Add(multi(fields...))),
	)
}

// client emits NewClient, the typed producer for other services.
func (e *emitter) client(f *jen.File) {
	if e.pkg.Topics == nil {
		return
	}
	ctx, broker, opts, b, stop, err := e.names.local("ctx"), e.names.local("broker"), e.names.local("opts"), e.names.local("b"), e.names.local("stop"), e.names.local("err")
	f.Commentf("NewClient returns the topics of %s for a program that is not its worker. A Send is acknowledged when it returns.", e.pkg.App.ID)
	f.Comment("The function that comes with them sends what is still buffered and closes the connections; call it once, at the end.")
	f.Func().Id("NewClient").Params(
		jen.Id(ctx).Qual("context", "Context"), jen.Id(broker).String(), jen.Id(opts).Op("...").Add(faust("Option")),
	).Params(jen.Op("*").Id(e.pkg.Topics.Name), jen.Func().Params().Error(), jen.Error()).Block(
		jen.List(jen.Id(b), jen.Id(stop), jen.Id(err)).Op(":=").Add(faust("OpenClient")).Call(
			jen.Id(ctx), jen.Id(e.names.helper("Spec", "")).Call(), jen.Id(broker), jen.Id(opts).Op("...")),
		jen.If(jen.Id(err).Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Nil(), jen.Id(err))),
		jen.Return(jen.Id(e.names.helper("Bind", e.pkg.Topics.Name)).Call(jen.Id(b)), jen.Id(stop), jen.Nil()),
	)
}

// topicSpec is a topic as data.
func (e *emitter) topicSpec(t *schema.Topic) *literal {
	key := jen.Op("&").Add(e.Key(t.Key, t.KeyCodec))
	l := new(literal)
	l.text("Field", t.Go)
	l.text("Name", t.Name)
	l.int("Partitions", t.Partitions)
	l.int("Replicas", t.Replicas)
	if t.Retention != 0 {
		l.set("Retention", duration(t.Retention))
	}
	l.bool("Compact", t.Compact)
	l.bool("External", t.External)
	l.text("Compression", t.Compression)
	l.text("KeyType", t.Key.Go)
	l.text("ValueType", t.Value.Go)
	l.text("KeyCodec", t.KeyCodec)
	l.text("ValueCodec", t.Codec)
	l.text("Doc", t.Doc)
	l.set("EncodeKey", faust("KeyText").Call(key))
	l.set("EncodeKeyJSON", faust("KeyFromJSON").Call(key.Clone(), jen.Op("&").Add(e.Value(t.Key, "json"))))
	l.set("EncodeValue", faust("ValueFromJSON").Call(
		jen.Op("&").Add(e.Value(t.Value, "json")), jen.Op("&").Add(e.Value(t.Value, t.Codec))))
	return l
}

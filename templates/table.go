package templates

import (
	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// tables emits for every struct of tables the function that binds it to a task.
func (e *emitter) tables(f *jen.File) {
	b := e.names.local("b")
	for _, s := range e.pkg.Tables {
		fields := make([]jen.Code, 0, len(s.Fields))
		for _, t := range s.Fields {
			bind := "BindTable"
			if t.Window != nil {
				bind = "BindWindowTable"
			}
			fields = append(fields, jen.Id(t.Go).Op(":").Add(faust(bind).Call(jen.Id(b), jen.Lit(t.Name), e.tableKey(t), e.tableValue(t))))
		}
		f.Func().Id(e.names.helper("Bind", s.Name)).Params(jen.Id(b).Op("*").Add(faust("Binder"))).Op("*").Id(s.Name).Block(
			jen.Return(jen.Op("&").Id(s.Name).Add(multi(fields...))),
		)
	}
}

// tableKey and tableValue point to the codecs of a table. The values of tables are always JSON: their bytes are ours alone.
func (e *emitter) tableKey(t *schema.Table) *jen.Statement {
	return jen.Op("&").Add(e.Key(t.Key, t.KeyCodec))
}

func (e *emitter) tableValue(t *schema.Table) *jen.Statement {
	return jen.Op("&").Add(e.Value(t.Value, "json"))
}

// tableSpec is a table as data.
func (e *emitter) tableSpec(s *schema.Tables, t *schema.Table) *literal {
	l := new(literal)
	l.text("Struct", s.Name)
	l.text("Field", t.Go)
	l.text("Name", t.Name)
	l.int("Partitions", s.Partitions)
	l.bool("Memory", t.Store == "memory")
	l.text("KeyType", t.Key.Go)
	l.text("ValueType", t.Value.Go)
	l.text("Doc", t.Doc)
	if t.Window != nil {
		l.set("Window", windowSpec(t.Window))
	}
	l.set("ParseKey", faust("KeyText").Call(e.tableKey(t)))
	l.set("KeyJSON", faust("KeyToJSON").Call(e.tableKey(t)))
	return l
}

// query is one field of the generated struct Queries.
type query struct {
	name  string
	table *schema.Table
}

// queryFields names a field for every table: as its own field is called, with its struct's name before it if two are called the same.
func (e *emitter) queryFields() []query {
	count := map[string]int{}
	for _, s := range e.pkg.Tables {
		for _, t := range s.Fields {
			count[exported(t.Go)]++
		}
	}
	var fields []query
	for _, s := range e.pkg.Tables {
		for _, t := range s.Fields {
			name := exported(t.Go)
			if count[name] > 1 {
				name = exported(s.Name) + name
			}
			fields = append(fields, query{name, t})
		}
	}
	return fields
}

// queries emits Queries and NewQueries, the tables as other programs read them.
func (e *emitter) queries(f *jen.File) {
	fields := e.queryFields()
	if len(fields) == 0 {
		return
	}
	c := e.names.local("c")
	var declared, bound []jen.Code
	for _, q := range fields {
		accessor := "Query"
		if q.table.Window != nil {
			accessor = "WindowQuery"
		}
		field := jen.Id(q.name).Add(faust(accessor)).Index(jen.List(goType(q.table.Key), goType(q.table.Value)))
		if q.table.Doc != "" {
			declared = append(declared, comment(q.table.Doc))
		}
		declared = append(declared, field)
		bound = append(bound, jen.Id(q.name).Op(":").Add(faust("New"+accessor).Call(
			jen.Id(c), jen.Lit(q.table.Name), e.tableKey(q.table), e.tableValue(q.table))))
	}
	f.Commentf("Queries reads the tables of a running %s from outside: each question goes to the worker that owns the key.", e.pkg.App.ID)
	f.Type().Id("Queries").Struct(declared...)

	ctx, broker, opts, stop, err := e.names.local("ctx"), e.names.local("broker"), e.names.local("opts"), e.names.local("stop"), e.names.local("err")
	f.Comment("NewQueries finds the workers through the broker. The function that comes with the queries closes the connections; call it once, at the end.")
	f.Func().Id("NewQueries").Params(
		jen.Id(ctx).Qual("context", "Context"), jen.Id(broker).String(), jen.Id(opts).Op("...").Add(faust("Option")),
	).Params(jen.Op("*").Id("Queries"), jen.Func().Params().Error(), jen.Error()).Block(
		jen.List(jen.Id(c), jen.Id(stop), jen.Id(err)).Op(":=").Add(faust("OpenQueries")).Call(
			jen.Id(ctx), jen.Id(e.names.helper("Spec", "")).Call(), jen.Id(broker), jen.Id(opts).Op("...")),
		jen.If(jen.Id(err).Op("!=").Nil()).Block(jen.Return(jen.Nil(), jen.Nil(), jen.Id(err))),
		jen.Return(jen.Op("&").Id("Queries").Add(multi(bound...)), jen.Id(stop), jen.Nil()),
	)
}

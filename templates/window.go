package templates

import (
	"strings"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// windowSpec is a window as data.
func windowSpec(w *schema.Window) *jen.Statement {
	l := new(literal)
	l.text("Kind", w.Kind)
	l.set("Size", duration(w.Size))
	l.set("Step", duration(w.Step))
	if w.Grace != 0 {
		l.set("Grace", duration(w.Grace))
	}
	if w.Expires != 0 {
		l.set("Expires", duration(w.Expires))
	}
	if w.Idle != 0 {
		l.set("Idle", duration(w.Idle))
	}
	l.text("TimeBy", timeBy(w))
	return jen.Op("&").Add(faust("WindowSpec")).Values(l.fields...)
}

// timeBy is the name of a window's time= as the directive has it, "" if it has none.
func timeBy(w *schema.Window) string {
	if w.TimeRecord == "" {
		return ""
	}
	return w.TimeRecord + "." + w.TimeField
}

// closers emits for every on_window_close function the one that registers it with its table.
func (e *emitter) closers(f *jen.File) {
	for _, c := range e.pkg.Closers {
		table := e.closed(c)
		if table == nil {
			continue
		}
		p := e.params(&c.Func, "ctx", "w", "k", "v")
		ctx, w, k, v := p.fixed[0], p.fixed[1], p.fixed[2], p.fixed[3]
		own := p.handle(schema.Handle{Struct: c.Tables, Tables: true})
		call := p.function(jen.Params(
			jen.Id(ctx).Qual("context", "Context"), jen.Id(w).Add(faust("Window")), jen.Id(k).Add(goType(c.Key)), jen.Id(v).Add(goType(c.Value))),
			jen.Error())
		f.Func().Id(e.names.helper("Bind", declaration(&c.Func))).Params(p.binder()).Block(append(p.bindings(),
			faust("OnClose").Call(jen.Id(p.b), jen.Id(own).Dot(c.Table), call))...)
	}
}

// closed is the table whose windows a function is called for.
func (e *emitter) closed(c *schema.Closer) *schema.Table { return tableField(e.pkg, c.Tables, c.Table) }

// tableField finds a table by its struct and field, nil if there is none.
func tableField(pkg *schema.Package, tables, field string) *schema.Table {
	s := pkg.TablesStruct(tables)
	if s == nil {
		return nil
	}
	for _, t := range s.Fields {
		if t.Go == field {
			return t
		}
	}
	return nil
}

// closerSpec is an on_window_close function as data.
func (e *emitter) closerSpec(c *schema.Closer) *literal {
	l := new(literal)
	l.text("Name", c.Name)
	l.text("Func", declaration(&c.Func))
	l.text("Doc", c.Doc)
	l.text("Struct", c.Tables)
	if table := e.closed(c); table != nil {
		l.text("Table", table.Name)
	}
	l.text("OnError", c.OnError)
	l.set("Bind", jen.Id(e.names.helper("Bind", declaration(&c.Func))))
	return l
}

// times are the options of an agent's step that give its windowed tables their own event time, one for each time= that names the
// record which the agent reads.
func (e *emitter) times(a *schema.Agent) []jen.Code {
	var options []jen.Code
	for _, w := range e.timedWindows(a) {
		options = append(options, faust("TimeBy").Call(jen.Lit(timeBy(w)), jen.Id(e.names.helper("Time", timeBy(w)))))
	}
	return options
}

// timedWindows are the windows among an agent's tables whose time= names the record it reads, one for each such time=.
func (e *emitter) timedWindows(a *schema.Agent) []*schema.Window {
	var windows []*schema.Window
	seen := map[string]bool{}
	for _, name := range schema.TablesOf(a.Handles) {
		s := e.pkg.TablesStruct(name)
		if s == nil {
			continue
		}
		for _, t := range s.Fields {
			if t.Window != nil && !seen[timeBy(t.Window)] && isRecord(a.Value.Deref(), t.Window.TimeRecord) {
				seen[timeBy(t.Window)] = true
				windows = append(windows, t.Window)
			}
		}
	}
	return windows
}

// timeFields emits the functions that times refers to, one for each time=.
func (e *emitter) timeFields(f *jen.File) {
	seen := map[string]bool{}
	v := e.names.local("v")
	for _, a := range e.pkg.Agents {
		for _, w := range e.timedWindows(a) {
			if seen[timeBy(w)] {
				continue
			}
			seen[timeBy(w)] = true
			f.Func().Id(e.names.helper("Time", timeBy(w))).Params(jen.Id(v).Op("*").Add(goType(a.Value))).Qual("time", "Time").
				BlockFunc(func(g *jen.Group) { e.timeField(g, v, a.Value, w.TimeField) })
		}
	}
}

// isRecord says whether t is the record that time= calls by name: Record, or package.Record for one of another package.
func isRecord(t *schema.Type, name string) bool {
	if name == "" || t.Kind != schema.Struct {
		return false
	}
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		name = name[at+1:]
	}
	return t.Name == name
}

// timeField returns the time at path below v. Behind a nil on the way there is none: the runtime treats such an event as invalid.
func (e *emitter) timeField(g *jen.Group, v string, t *schema.Type, path string) {
	field, nils := start(v, t)
	t = t.Deref()
	elements := strings.Split(path, ".")
	for i, name := range elements {
		field = field.Clone().Dot(name)
		source := e.source(t, name)
		if source == nil {
			break
		}
		t = source
		if t.Kind == schema.Pointer {
			nils = or(nils, field.Clone().Op("==").Nil())
			t = t.Elem
			if i == len(elements)-1 {
				field = jen.Op("*").Add(field)
			}
		}
	}
	if nils != nil {
		g.If(nils).Block(jen.Return(jen.Qual("time", "Time").Values()))
	}
	g.Return(field)
}

// source is the type of a field of a struct as the user declared it, nil if it is promoted or unknown.
func (e *emitter) source(t *schema.Type, field string) *schema.Type {
	r := e.pkg.Record(t.Record)
	if r == nil {
		return nil
	}
	for _, s := range r.Source {
		if s.Name == field {
			return s.Type
		}
	}
	return nil
}

// or joins two conditions, of which the first may be none.
func or(a, b *jen.Statement) *jen.Statement {
	if a == nil {
		return b
	}
	return a.Op("||").Add(b)
}

package templates

import (
	"path"
	"strings"
	"time"

	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// app emits Faust, and in a package main the function main.
func (e *emitter) app(f *jen.File) {
	f.Commentf("Faust is the application %s, to be run by its worker or by a main of one's own.", e.pkg.App.ID)
	f.Func().Id("Faust").Params().Op("*").Add(faust("App")).Block(
		jen.Return(faust("NewApp").Call(jen.Id(e.names.helper("Spec", "")).Call())))
	if e.pkg.Name == "main" {
		f.Func().Id("main").Params().Block(jen.Qual(cliPath, "Main").Call(jen.Id("Faust").Call()))
	}
}

// emitWorker writes the worker's main.go.
func emitWorker(pkg *schema.Package) ([]byte, error) {
	worker := &schema.Package{Path: path.Join(pkg.Path, pkg.WorkerDir()), Name: "main", Module: pkg.Module}
	return render(worker, func(imports map[string]string) (*jen.File, error) {
		f := newFile(worker.Path, "main", imports)
		f.PackageComment("Command " + pkg.App.ID + " is the worker of package " + pkg.Name + ".")
		switch {
		case pkg.Name == "cli":
			f.ImportName(pkg.Path, pkg.Name)
			f.ImportAlias(cliPath, "faustcli")
		case jen.IsReservedWord(pkg.Name) || pkg.Name == "init":
			f.ImportAlias(pkg.Path, pkg.Name+"app")
		case strings.HasSuffix(pkg.Path, "/"+pkg.Name):
			f.ImportName(pkg.Path, pkg.Name)
		default:
			f.ImportAlias(pkg.Path, pkg.Name)
		}
		f.Func().Id("main").Params().Block(jen.Qual(cliPath, "Main").Call(jen.Qual(pkg.Path, "Faust").Call()))
		return f, nil
	})
}

// spec emits the application as data.
func (e *emitter) spec(f *jen.File) {
	app := e.pkg.App
	l := new(literal)
	l.text("ID", app.ID)
	l.int("Version", app.Version)
	l.text("Guarantee", app.Guarantee)
	l.int("Partitions", app.Partitions)
	l.text("Doc", app.Doc)
	if e.pkg.Topics != nil {
		l.slice("Topics", "TopicSpec", literals(e.pkg.Topics.Fields, e.topicSpec))
	}
	var tables []*literal
	disk := false
	for _, s := range e.pkg.Tables {
		for _, t := range s.Fields {
			tables = append(tables, e.tableSpec(s, t))
			disk = disk || t.Store != "memory"
		}
	}
	l.slice("Tables", "TableSpec", tables)
	l.slice("Agents", "AgentSpec", literals(e.pkg.Agents, e.agentSpec))
	l.slice("Closers", "CloserSpec", literals(e.pkg.Closers, e.closerSpec))
	l.slice("Timers", "TimerSpec", literals(e.pkg.Timers, e.timerSpec))
	l.slice("Tasks", "TaskSpec", literals(e.pkg.Tasks, e.taskSpec))
	l.slice("Commands", "CommandSpec", literals(e.pkg.Commands, e.commandSpec))
	l.slice("Providers", "ProviderSpec", literals(e.pkg.Providers, e.providerSpec))
	if records := e.recordSpecs(); records != nil {
		l.set("Records", records)
	}
	if disk {
		dir := e.names.local("dir")
		l.set("OpenStore", jen.Func().Params(jen.Id(dir).String()).Params(jen.Qual(storePath, "Store"), jen.Error()).Block(
			jen.Return(jen.Qual(badgerPath, "Open").Call(jen.Id(dir), jen.Qual(badgerPath, "Options").Values()))))
	}
	for _, form := range []string{"Text", "Mermaid", "DOT"} {
		l.set("Topology"+form, jen.Id(e.names.helper("Topology", form)))
	}
	f.Func().Id(e.names.helper("Spec", "")).Params().Add(faust("AppSpec")).Block(
		jen.Return(faust("AppSpec").Add(multi(l.fields...))))
}

// topology emits the application's graph as the worker prints it.
func (e *emitter) topology(f *jen.File) {
	g := NewGraph(e.pkg)
	f.Const().Id(e.names.helper("Topology", "Text")).Op("=").Add(rawString(g.Text()))
	f.Const().Id(e.names.helper("Topology", "Mermaid")).Op("=").Add(rawString(g.Mermaid()))
	f.Const().Id(e.names.helper("Topology", "DOT")).Op("=").Add(rawString(g.DOT()))
}

func literals[T any](all []T, spec func(T) *literal) []*literal {
	rows := make([]*literal, 0, len(all))
	for _, v := range all {
		rows = append(rows, spec(v))
	}
	return rows
}

// timers emits for every timer the function that binds it.
func (e *emitter) timers(f *jen.File) {
	for _, t := range e.pkg.Timers {
		e.bind(f, &t.Func, false)
	}
}

// tasks emits for every task the function that binds it.
func (e *emitter) tasks(f *jen.File) {
	for _, t := range e.pkg.Tasks {
		e.bind(f, &t.Func, false)
	}
}

// commands emits for every command the function that binds it.
func (e *emitter) commands(f *jen.File) {
	for _, c := range e.pkg.Commands {
		e.bind(f, &c.Func, true)
	}
}

// bind emits the function that returns fn without its handles. Commands have arguments too.
func (e *emitter) bind(f *jen.File, fn *schema.Func, args bool) {
	fixed := []string{"ctx"}
	if args {
		fixed = append(fixed, "args")
	}
	p := e.params(fn, fixed...)
	named, types := []jen.Code{jen.Id(p.fixed[0]).Qual("context", "Context")}, []jen.Code{jen.Qual("context", "Context")}
	if args {
		named = append(named, jen.Id(p.fixed[1]).Index().String())
		types = append(types, jen.Index().String())
	}
	binder := p.binder()
	statements := p.bindings()
	if len(statements) == 0 {
		binder = unbound()
	}
	f.Func().Id(e.names.helper("Bind", declaration(fn))).Params(binder).Func().Params(types...).Error().Block(
		append(statements, jen.Return(p.function(jen.Params(named...), jen.Error())))...)
}

// funcSpec are the fields that all functions have in common.
func (e *emitter) funcSpec(fn *schema.Func) *literal {
	l := new(literal)
	l.text("Name", fn.Name)
	l.text("Func", declaration(fn))
	l.text("Doc", fn.Doc)
	return l
}

func (e *emitter) timerSpec(t *schema.Timer) *literal {
	l := e.funcSpec(&t.Func)
	l.set("Every", duration(t.Every))
	l.texts("Tables", schema.TablesOf(t.Handles))
	l.set("Bind", jen.Id(e.names.helper("Bind", declaration(&t.Func))))
	return l
}

func (e *emitter) taskSpec(t *schema.Task) *literal {
	l := e.funcSpec(&t.Func)
	l.texts("Tables", schema.TablesOf(t.Handles))
	l.set("Bind", jen.Id(e.names.helper("Bind", declaration(&t.Func))))
	return l
}

func (e *emitter) commandSpec(c *schema.Command) *literal {
	l := e.funcSpec(&c.Func)
	// A command is known by the name in its directive.
	l.fields[0] = jen.Id("Name").Op(":").Lit(c.Command)
	l.set("Bind", jen.Id(e.names.helper("Bind", declaration(&c.Func))))
	return l
}

func (e *emitter) providerSpec(v *schema.Provide) *literal {
	ctx := e.names.local("ctx")
	l := new(literal)
	l.text("Type", v.Type)
	l.text("Func", v.Go)
	l.set("New", jen.Func().Params(jen.Id(ctx).Qual("context", "Context")).Params(jen.Any(), jen.Error()).Block(
		jen.Return(jen.Id(v.Go).Call(jen.Id(ctx)))))
	return l
}

// comment is a doc comment of one or more lines.
func comment(text string) *jen.Statement {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	s := jen.Comment("// " + lines[0])
	for _, line := range lines[1:] {
		s = s.Line().Comment(strings.TrimRight("// "+line, " "))
	}
	return s
}

// rawString is a string of several lines, as a raw literal where Go has one for it.
func rawString(text string) *jen.Statement {
	if strings.ContainsAny(text, "`\r\x00") || !strings.Contains(text, "\n") {
		return jen.Lit(text)
	}
	return jen.Id("`" + text + "`")
}

// duration is d as a Go expression in its largest unit: 5 * time.Minute.
func duration(d time.Duration) *jen.Statement {
	if d <= 0 {
		return jen.Lit(int(d))
	}
	units := []struct {
		size time.Duration
		name string
	}{
		{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"},
		{time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"}, {time.Nanosecond, "Nanosecond"},
	}
	for _, unit := range units {
		if d%unit.size != 0 {
			continue
		}
		if d == unit.size {
			return jen.Qual("time", unit.name)
		}
		return jen.Lit(int(d/unit.size)).Op("*").Qual("time", unit.name)
	}
	return jen.Lit(int(d))
}

package templates

import (
	"github.com/dave/jennifer/jen"
	"github.com/faustgen/faustgen/schema"
)

// params is what one of the user's functions is called with: the fixed parameters of its kind, then the handles.
type params struct {
	e       *emitter
	fn      *schema.Func
	b       string   // the binder's variable
	fixed   []string // the fixed parameters' names
	recv    string   // the variable that holds the receiver of a method
	handles []boundHandle
}

// boundHandle is a struct of handles and the variable that holds it.
type boundHandle struct {
	schema.Handle
	variable string
}

// params prepares the call of fn with the fixed parameters.
func (e *emitter) params(fn *schema.Func, fixed ...string) *params {
	p := &params{e: e, fn: fn, b: e.names.local("b")}
	for _, name := range fixed {
		p.fixed = append(p.fixed, e.names.local(name))
	}
	if fn.Recv != "" {
		p.recv = e.names.local("p")
	}
	for _, h := range fn.Handles {
		p.handle(h)
	}
	return p
}

// handle is the variable of a struct of handles, which is bound if it was not yet.
func (p *params) handle(h schema.Handle) string {
	want := "out"
	if h.Tables {
		want = "t"
	}
	for _, known := range p.handles {
		if known.Struct == h.Struct {
			return known.variable
		}
		if known.Tables && h.Tables {
			want += "s"
		}
	}
	variable := p.e.names.local(want)
	p.handles = append(p.handles, boundHandle{h, variable})
	return variable
}

// binder is the parameter of the function that binds fn.
func (p *params) binder() *jen.Statement {
	return jen.Id(p.b).Op("*").Add(faust("Binder"))
}

// unbound is the parameter of a function that has nothing to bind.
func unbound() *jen.Statement { return jen.Id("_").Op("*").Add(faust("Binder")) }

// bindings are the statements that get the receiver and the handles.
func (p *params) bindings() []jen.Code {
	var statements []jen.Code
	if p.recv != "" {
		statements = append(statements, jen.Id(p.recv).Op(":=").Add(faust("Provided")).Types(jen.Op("*").Id(p.fn.Recv)).Call(jen.Id(p.b), jen.Lit(p.fn.Recv)))
	}
	for _, h := range p.handles {
		statements = append(statements, jen.Id(h.variable).Op(":=").Add(faust("Once")).Call(jen.Id(p.b), jen.Id(p.e.names.helper("Bind", h.Struct))))
	}
	return statements
}

// callee is fn as an expression.
func (p *params) callee() *jen.Statement {
	if p.recv != "" {
		return jen.Id(p.recv).Dot(p.fn.Go)
	}
	return jen.Id(p.fn.Go)
}

// call is the call of fn with the fixed parameters and its handles.
func (p *params) call() *jen.Statement {
	var args []jen.Code
	for _, name := range p.fixed {
		args = append(args, jen.Id(name))
	}
	for _, h := range p.fn.Handles {
		args = append(args, jen.Id(p.handle(h)))
	}
	return p.callee().Call(args...)
}

// function is a function of the fixed parameters alone that calls fn: fn itself if it takes no handles.
func (p *params) function(parameters, result *jen.Statement) *jen.Statement {
	if len(p.fn.Handles) == 0 {
		return p.callee()
	}
	return jen.Func().Add(parameters).Add(result).Block(jen.Return(p.call()))
}

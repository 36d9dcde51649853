package scan

import (
	"cmp"
	"go/types"

	"github.com/faustgen/faustgen/schema"
)

// agent reads a function with //faust:agent.
func (s *signature) agent() {
	if !s.context() || !s.use.Has("topic") {
		return
	}
	a := &schema.Agent{Sink: s.use.Text("sink"), OnError: cmp.Or(s.use.Text("on_error"), "fail"), Borrow: s.use.Has("borrow"), SinkPos: s.use.At("sink")}
	for _, v := range s.use.List("topic") {
		a.Topics, a.TopicPos = append(a.Topics, v.Text), append(a.TopicPos, v.Pos)
	}
	value := s.input(a)
	if value == nil {
		return
	}
	handles := s.handles()
	s.results(a)
	if s.failed {
		return
	}
	a.Func = s.describe(handles)
	a.NamePos = s.use.At("name")
	if s.use.Has("name") {
		a.Name = s.use.Text("name")
	} else {
		a.NamePos = a.Pos
	}
	if s.use.Has("group_by") && !s.groupBy(a, value) {
		return
	}
	s.p.out.Agents = append(s.p.out.Agents, a)
}

// input takes the second parameter, which tells the agent's shape. It returns V.
func (s *signature) input(a *schema.Agent) types.Type {
	t, at := s.take()
	a.InputPos = at
	if t == nil {
		s.fail(at, s.want(), "%s takes no event", s.decl.Name.Name)
		return nil
	}
	elem, pointer := t, false
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		elem, pointer = ptr.Elem(), true
	}
	name, args := runtimeType(elem)
	_, isHandle := s.p.handles[typeName(elem)]
	switch {
	case name == "Stream" && pointer:
		a.Shape = schema.LoopValues
	case name == "Events" && pointer:
		a.Shape, a.Key = schema.LoopEvents, s.p.typ(args[0])
	case name == "Event" && !pointer:
		a.Shape, a.Key = schema.PerEvent, s.p.typ(args[0])
	case name == "Stream" || name == "Events":
		s.fail(at, "write *"+types.TypeString(elem, s.p.qualify), "the second parameter of %s is a faust.%s without a *", s.decl.Name.Name, name)
		return nil
	case name == "Event":
		s.fail(at, "write "+types.TypeString(elem, s.p.qualify), "the second parameter of %s is a pointer to a faust.Event", s.decl.Name.Name)
		return nil
	case isHandle:
		s.fail(at, s.want(), "the second parameter of %s must take its events, not the handle %s", s.decl.Name.Name, types.TypeString(t, s.p.qualify))
		return nil
	default:
		a.Shape, a.Value = schema.PerValue, s.p.typ(t)
		return t
	}
	value := args[len(args)-1]
	a.Value = s.p.typ(value)
	return value
}

// results reads error or (R, error).
func (s *signature) results(a *schema.Agent) {
	r := s.sig.Results()
	loop := a.Shape == schema.LoopValues || a.Shape == schema.LoopEvents
	switch {
	case r.Len() == 1 && isError(r.At(0).Type()):
	case r.Len() == 2 && isError(r.At(1).Type()) && !loop:
		a.ResultPos = s.resultPos()
		a.Result, a.ResultType = s.result(a, r.At(0).Type())
	case r.Len() == 2 && loop:
		s.fail(s.resultPos(), "take one event at a time, or send in the loop", "the loop %s returns a result; only agents that take one event can", s.decl.Name.Name)
	case loop:
		s.fail(s.resultPos(), s.want(), "%s must return error", s.decl.Name.Name)
	default:
		s.fail(s.resultPos(), s.want(), "%s must return error, or (R, error) with sink=", s.decl.Name.Name)
	}
}

// result tells how results become records of the sink: R as it is if that is what the sink holds, else what R points to or lists.
func (s *signature) result(a *schema.Agent, t types.Type) (shape string, of *schema.Type) {
	whole := s.p.typ(t)
	if sink := s.p.out.Topic(a.Sink); sink != nil && sink.Value.Same(whole) {
		return schema.OneResult, whole
	}
	switch u := types.Unalias(t).(type) {
	case *types.Pointer:
		return schema.PointerResult, s.p.typ(u.Elem())
	case *types.Slice:
		if whole.Kind != schema.Bytes {
			return schema.SliceResult, s.p.typ(u.Elem())
		}
	}
	return schema.OneResult, whole
}

package schema

import "time"

// Func is a function or method with a directive.
type Func struct {
	Go      string   `json:"go"`
	Recv    string   `json:"recv,omitempty"` // the receiver's type name, for methods
	RecvPtr bool     `json:"recv_ptr,omitempty"`
	Name    string   `json:"name"`              // the name in the field: snake_case, or name=
	Handles []Handle `json:"handles,omitempty"` // the parameters after the fixed ones, in their order
	Doc     string   `json:"doc,omitempty"`
	Pos     Pos      `json:"pos"`
}

// Handle is a parameter that is a pointer to the topics or to a tables struct.
type Handle struct {
	Struct string `json:"struct"` // the struct's name
	Tables bool   `json:"tables"`
}

// Agent shapes.
const (
	PerValue   = "value"  // func(ctx, v V, …) error
	PerEvent   = "event"  // func(ctx, ev faust.Event[K, V], …) error
	LoopValues = "values" // func(ctx, s *faust.Stream[V], …) error
	LoopEvents = "events" // func(ctx, s *faust.Events[K, V], …) error
)

// Agent result shapes of PerValue and PerEvent.
const (
	NoResult      = ""        // error
	OneResult     = "value"   // (R, error)
	PointerResult = "pointer" // (*R, error)
	SliceResult   = "slice"   // ([]R, error)
)

// Agent is a function that handles the events of its topics.
type Agent struct {
	Func
	Topics     []string `json:"topics"` // topic names, as written
	Shape      string   `json:"shape"`
	Key        *Type    `json:"key,omitempty"` // the K of the signature (event shapes); nil for shapes over values
	Value      *Type    `json:"value"`
	Result     string   `json:"result,omitempty"`
	ResultType *Type    `json:"result_type,omitempty"` // R
	GroupBy    *GroupBy `json:"group_by,omitempty"`
	Sink       string   `json:"sink,omitempty"`
	OnError    string   `json:"on_error"` // fail or skip
	Borrow     bool     `json:"borrow,omitempty"`
	// Places of arguments for diagnostics.
	TopicPos  []Pos `json:"-"`
	SinkPos   Pos   `json:"-"`
	InputPos  Pos   `json:"-"` // the parameter that takes the events
	ResultPos Pos   `json:"-"`
	NamePos   Pos   `json:"-"`
}

// GroupBy is how an agent's input is repartitioned.
type GroupBy struct {
	By   string   `json:"by"`             // as written
	Func string   `json:"func,omitempty"` // a function of the package
	OK   bool     `json:"ok,omitempty"`   // the function returns (K, bool)
	Path []string `json:"path,omitempty"` // or the Go fields that lead to the key
	// PathPointers tells for each element of Path but the last whether a pointer has to be followed; KeyPointer whether the last one is a pointer.
	PathPointers []bool `json:"path_pointers,omitempty"`
	KeyPointer   bool   `json:"key_pointer,omitempty"`
	Key          *Type  `json:"key"` // the group key's type, without the pointer
	Pos          Pos    `json:"-"`
}

// Closer is called when a window of a table has closed.
type Closer struct {
	Func
	Tables  string `json:"tables"` // struct
	Table   string `json:"table"`  // field
	OnError string `json:"on_error"`
	Key     *Type  `json:"key"`
	Value   *Type  `json:"value"`
	Arg     string `json:"-"` // Tables.Field as written; Resolve divides it
	ArgPos  Pos    `json:"-"`
}

// Timer is called at an interval.
type Timer struct {
	Func
	Every time.Duration `json:"every"`
}

// Task runs once per worker.
type Task struct{ Func }

// Command is a sub-command of the worker.
type Command struct {
	Func
	Command string `json:"command"`
	NamePos Pos    `json:"-"`
}

// Provide builds the receiver of agents that are methods.
type Provide struct {
	Func
	Type   string `json:"type"`
	Closer bool   `json:"closer,omitempty"` // *Type has Close() error
}

package faust

import (
	"context"
	"time"

	"github.com/faustgen/faustgen/runtime/codec"
	"github.com/faustgen/faustgen/runtime/store"
)

// Generated1 is what generated files refer to, so that the compiler tells when a file and this runtime don't belong together:
// if it is undefined, run go generate with the faustgen of the same version.
const Generated1 = true

// AppSpec is an application as data: what generated code hands to NewApp. It is for generated code only.
type AppSpec struct {
	ID         string
	Version    int    // 0 and 1 add nothing to names
	Guarantee  string // at_least_once (default) or exactly_once
	Partitions int    // of topics that don't say; 0: 8
	Doc        string

	Topics    []TopicSpec
	Tables    []TableSpec
	Agents    []AgentSpec
	Closers   []CloserSpec
	Timers    []TimerSpec
	Tasks     []TaskSpec
	Commands  []CommandSpec
	Providers []ProviderSpec
	Records   []RecordSpec

	// OpenStore opens the disk store at dir; nil if every table is store=memory.
	OpenStore func(dir string) (store.Store, error)
	// TopologyText, TopologyMermaid and TopologyDOT are what `worker topology` prints.
	TopologyText, TopologyMermaid, TopologyDOT string
}

// TopicSpec is one declared topic.
type TopicSpec struct {
	Field, Name          string
	Partitions, Replicas int           // 0: the application's; the broker's default
	Retention            time.Duration // 0: the broker's default; -1: for ever
	Compact, External    bool
	Compression          string // "", none, gzip, snappy, lz4, zstd
	KeyType, ValueType   string // Go types, for people
	KeyCodec, ValueCodec string
	Doc                  string
	// EncodeKey turns the text form of a key into its bytes; EncodeKeyJSON a JSON value.
	EncodeKey     func(text string) ([]byte, error)
	EncodeKeyJSON func(json []byte) ([]byte, error)
	// EncodeValue checks one JSON value against the record and returns it as the topic's codec writes it, with its event time (zero if it has none).
	EncodeValue func(json []byte) ([]byte, time.Time, error)
}

// TableSpec is one declared table.
type TableSpec struct {
	Struct, Field, Name string
	Partitions          int    // of the struct; 0: as many as the largest external topic its agents read
	Memory              bool   // store=memory
	KeyType, ValueType  string // Go types, for people
	Doc                 string
	Window              *WindowSpec // nil for a plain table
	// ParseKey turns the text form of a key into its bytes; KeyJSON its bytes into JSON.
	ParseKey func(text string) ([]byte, error)
	KeyJSON  func(dst, key []byte) ([]byte, error)
}

// WindowSpec is how a windowed table divides time.
type WindowSpec struct {
	Kind                       string        // tumbling or hopping
	Size, Step, Grace, Expires time.Duration // Step = Size when tumbling
	Idle                       time.Duration // 0: time stands still without records
	// TimeBy names the record field given by time=, "" for the record's event time; see AgentSpec.Times.
	TimeBy string
}

// AgentSpec is one agent.
type AgentSpec struct {
	Name, Func, Doc string
	Topics          []string
	Tables          []string // names of the tables structs it takes (at most one)
	UsesTopics      bool     // it takes the topics struct, or has a sink
	Sink            string
	Shape           string // value, event, values, events
	OnError         string // fail or skip
	GroupBy         string // as written, "" if none
	GroupKeyType    string
	// Repartition binds the step before the repartition topic: decode, extract the key, forward; nil without group_by.
	Repartition func(*Binder) Step
	// Bind binds the agent itself to one task.
	Bind func(*Binder) Step
}

// CloserSpec is one on_window_close function. Bind registers it with its table by OnClose.
type CloserSpec struct {
	Name, Func, Doc string
	Struct, Table   string // the tables struct and the table's name
	OnError         string
	Bind            func(*Binder)
}

// TimerSpec is one timer.
type TimerSpec struct {
	Name, Func, Doc string
	Every           time.Duration
	Tables          []string // names of the tables structs it takes (at most one): then it runs once per task, else once per worker
	Bind            func(*Binder) func(context.Context) error
}

// TaskSpec is a function that runs once per worker, or once per task if it takes tables.
type TaskSpec struct {
	Name, Func, Doc string
	Tables          []string // names of the tables structs it takes (at most one)
	Bind            func(*Binder) func(context.Context) error
}

// CommandSpec is a sub-command of the worker.
type CommandSpec struct {
	Name, Func, Doc string
	Bind            func(*Binder) func(ctx context.Context, args []string) error
}

// ProviderSpec builds the receiver of agents that are methods, once per worker.
type ProviderSpec struct {
	Type, Func string // Type is the name that Provided asks for
	New        func(context.Context) (any, error)
}

// RecordSpec describes a record for people.
type RecordSpec struct {
	Name, Doc string
	Fields    []FieldSpec
}

// FieldSpec is one field of a record.
type FieldSpec struct {
	Go, JSON, Type, Rules string
}

// ValueCodec and KeyCodec are the codecs' names in this package.
type (
	ValueCodec[V any] = codec.Value[V]
	KeyCodec[K any]   = codec.Key[K]
)

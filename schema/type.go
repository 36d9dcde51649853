package schema

// Kind is the shape of a Type. The set is closed: emitters switch over it.
type Kind string

// The kinds.
const (
	Bool     Kind = "bool"
	Int      Kind = "int"
	Int8     Kind = "int8"
	Int16    Kind = "int16"
	Int32    Kind = "int32"
	Int64    Kind = "int64"
	Uint     Kind = "uint"
	Uint8    Kind = "uint8"
	Uint16   Kind = "uint16"
	Uint32   Kind = "uint32"
	Uint64   Kind = "uint64"
	Float32  Kind = "float32"
	Float64  Kind = "float64"
	String   Kind = "string"
	Bytes    Kind = "bytes"    // []byte, base64 in JSON
	Time     Kind = "time"     // time.Time
	Duration Kind = "duration" // time.Duration, integer nanoseconds as in encoding/json
	Pointer  Kind = "pointer"  // Elem
	Slice    Kind = "slice"    // Elem
	Array    Kind = "array"    // Elem, Len
	Map      Kind = "map"      // Key, Elem
	Struct   Kind = "record"   // Record names it
	Foreign  Kind = "foreign"  // any, types with their own MarshalJSON or MarshalText, structs of other modules: goccy/go-json
	Invalid  Kind = "invalid"  // no encoding (channel, function, complex, unsafe pointer) or a type error; Reason says which
)

// Type is a Go type as far as its codec needs it.
type Type struct {
	Kind Kind `json:"kind"`
	// Pkg and Name are set for a defined type (type AccountID string; a struct; a type of another module): the path of its package and its name.
	// Args are its type arguments if it is an instantiated generic type.
	Pkg  string  `json:"pkg,omitempty"`
	Name string  `json:"name,omitempty"`
	Args []*Type `json:"args,omitempty"`

	Key    *Type  `json:"key,omitempty"`
	Elem   *Type  `json:"elem,omitempty"`
	Len    int64  `json:"len,omitempty"`
	Record string `json:"record,omitempty"` // of a Struct: the key of its Record, see Record.Key
	Reason string `json:"reason,omitempty"` // of an Invalid or Foreign type
	// Go is the type as Go source for an Invalid or Foreign type that has no name (interface{}, chan int), and for printing.
	Go string `json:"go"`
	// Imports are the import paths that Go refers to, of a Foreign or Invalid type that has no name.
	Imports []string `json:"imports,omitempty"`
	// Comparable says whether Go can compare values of it (a map key, a table key); Text whether it has MarshalText and UnmarshalText.
	Comparable bool `json:"comparable,omitempty"`
	Text       bool `json:"text,omitempty"`
}

// Record is a struct that has a codec of ours.
type Record struct {
	Key            string   `json:"key"` // package path + "." + name (+ type arguments in brackets)
	Type           *Type    `json:"type"`
	Declared       bool     `json:"declared"`         // it has //faust:record in the package that is generated: exported methods are emitted
	Marked         bool     `json:"marked,omitempty"` // it has //faust:record, in whatever package it is declared
	Codec          string   `json:"codec,omitempty"`
	CodecPos       Pos      `json:"-"`
	Time           string   `json:"time,omitempty"` // the field (path) that holds the event time
	TimePos        Pos      `json:"-"`
	Doc            string   `json:"doc,omitempty"`
	Fields         []*Field `json:"fields"` // in the order of the JSON output (embedded structs' fields promoted by encoding/json's rules)
	Source         []Source `json:"source"` // the struct as declared, for the staleness tripwire
	Pos            Pos      `json:"pos"`
	Recursive      bool     `json:"recursive,omitempty"` // it reaches itself
	ValidateMethod bool     `json:"validate_method,omitempty"`
}

// Source is one field of a struct as the user wrote it.
type Source struct {
	Name     string `json:"name"`
	Type     *Type  `json:"type"`
	Tag      string `json:"tag,omitempty"`
	Embedded bool   `json:"embedded,omitempty"`
}

// Field is one member of a record's JSON object.
type Field struct {
	Go   string   `json:"go"`             // the field's Go name
	Path []string `json:"path,omitempty"` // the embedded fields that lead to it, outermost first; empty for an own field
	// PathPointers tells for each element of Path whether it is an embedded pointer.
	PathPointers []bool `json:"path_pointers,omitempty"`
	JSON         string `json:"json"` // its name on the wire
	Type         *Type  `json:"type"`
	OmitEmpty    bool   `json:"omitempty,omitempty"`
	OmitZero     bool   `json:"omitzero,omitempty"` // json's omitzero
	IsZeroMethod bool   `json:"is_zero_method,omitempty"`
	Quoted       bool   `json:"quoted,omitempty"` // json's ,string
	Layout       string `json:"layout,omitempty"` // faust:"layout=…" of a time
	Epoch        string `json:"epoch,omitempty"`  // s, ms, us of a time
	Default      string `json:"default,omitempty"`
	HasDefault   bool   `json:"has_default,omitempty"`
	Required     bool   `json:"required,omitempty"` // validate:"required"
	Rules        []Rule `json:"rules,omitempty"`    // the other validation rules
	Codec        string `json:"codec"`              // own or goccy
	Doc          string `json:"doc,omitempty"`
	Pos          Pos    `json:"pos"`
	TagPos       Pos    `json:"-"`
}

// Rule is one word of a validate tag, such as gte=1 or oneof=a b.
type Rule struct {
	Name string `json:"name"`
	Arg  string `json:"arg,omitempty"`
}

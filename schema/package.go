// Package schema is what faustgen knows of a user's package: the records, topics, tables and functions that its //faust: directives
// declare. It is plain data that prints as JSON (faustgen dump), with the naming rules and the checks as pure functions over it.
// It holds no go/types and does no I/O: package scan fills it, package templates emits Go from it.
package schema

// Pos is a place in the user's source. The zero Pos is no place.
type Pos struct {
	File string `json:"file"` // relative to the module's root, with slashes
	Line int    `json:"line"`
	Col  int    `json:"col"` // in bytes, from 1
}

// Package is one Go package that declares something, the unit of generation.
type Package struct {
	Path   string `json:"path"` // import path
	Name   string `json:"name"`
	Dir    string `json:"-"` // absolute; never printed or emitted
	Module string `json:"module"`

	App       *App       `json:"app,omitempty"` // nil for a package that only holds records
	Records   []*Record  `json:"records"`       // structs with //faust:record in this package, sorted by name
	Reached   []*Record  `json:"reached"`       // other structs of the module that a record, topic or table of this package reaches
	Topics    *Topics    `json:"topics,omitempty"`
	Tables    []*Tables  `json:"tables,omitempty"`
	Agents    []*Agent   `json:"agents,omitempty"`
	Closers   []*Closer  `json:"closers,omitempty"`
	Timers    []*Timer   `json:"timers,omitempty"`
	Tasks     []*Task    `json:"tasks,omitempty"`
	Commands  []*Command `json:"commands,omitempty"`
	Providers []*Provide `json:"providers,omitempty"`

	// Declared are the package-level identifiers of the user's own files, for collisions with what is generated.
	Declared map[string]Pos `json:"-"`
}

// App is the application that a package's doc comment declares.
type App struct {
	ID         string `json:"id"`
	Version    int    `json:"version,omitempty"` // 0 and 1 add nothing to names
	Worker     string `json:"worker,omitempty"`  // the worker's folder as written, "" for the default
	Guarantee  string `json:"guarantee,omitempty"`
	Partitions int    `json:"partitions,omitempty"`
	Codec      string `json:"codec,omitempty"`
	Doc        string `json:"doc,omitempty"` // the package's doc comment, first sentence
	Pos        Pos    `json:"pos"`

	// IDPos, WorkerPos and CodecPos are the places of the arguments, for diagnostics.
	IDPos     Pos `json:"-"`
	WorkerPos Pos `json:"-"`
	CodecPos  Pos `json:"-"`
}

package schema

import "time"

// Topics is the application's struct of topic handles.
type Topics struct {
	Name   string   `json:"name"`
	Fields []*Topic `json:"fields"`
	Pos    Pos      `json:"pos"`
}

// Topic is a field faust.Topic[K, V].
type Topic struct {
	Go          string        `json:"go"` // field name
	Name        string        `json:"name"`
	Key         *Type         `json:"key"`
	Value       *Type         `json:"value"`
	Partitions  int           `json:"partitions,omitempty"` // 0: the app's, else 8
	Replicas    int           `json:"replicas,omitempty"`   // 0: the broker's default
	Retention   time.Duration `json:"retention,omitempty"`  // 0: the broker's default, -1: forever
	Compact     bool          `json:"compact,omitempty"`
	External    bool          `json:"external,omitempty"`
	Codec       string        `json:"codec"`     // json, raw, text (resolved: the topic's, else the record's, else the app's, else json)
	KeyCodec    string        `json:"key_codec"` // text or be
	Compression string        `json:"compression,omitempty"`
	Doc         string        `json:"doc,omitempty"`
	Pos         Pos           `json:"pos"`
	// NamePos and PartitionsPos are the places of the arguments, for diagnostics; the directive's own place if absent.
	NamePos       Pos `json:"-"`
	PartitionsPos Pos `json:"-"`
	CodecPos      Pos `json:"-"`
	KeyCodecPos   Pos `json:"-"`
}

// Tables is a struct of table handles: one co-partitioned group.
type Tables struct {
	Name       string   `json:"name"`
	Partitions int      `json:"partitions,omitempty"`
	Fields     []*Table `json:"fields"`
	Pos        Pos      `json:"pos"`
	// PartitionsPos is the place of the argument; the directive's own if absent.
	PartitionsPos Pos `json:"-"`
}

// Table is a field faust.Table[K, V] or faust.WindowTable[K, V].
type Table struct {
	Go       string  `json:"go"`
	Name     string  `json:"name"`
	Key      *Type   `json:"key"`
	Value    *Type   `json:"value"`
	Store    string  `json:"store"`     // badger or memory
	KeyCodec string  `json:"key_codec"` // text or be: the codec of the topics its agents read (text behind group_by)
	Window   *Window `json:"window,omitempty"`
	Doc      string  `json:"doc,omitempty"`
	Pos      Pos     `json:"pos"`
	NamePos  Pos     `json:"-"`
}

// Window is how a WindowTable divides time.
type Window struct {
	Kind       string        `json:"kind"` // tumbling or hopping
	Size       time.Duration `json:"size"`
	Step       time.Duration `json:"step"` // = Size when tumbling
	Grace      time.Duration `json:"grace"`
	GraceSet   bool          `json:"grace_set,omitempty"`
	Expires    time.Duration `json:"expires"` // default Grace
	Idle       time.Duration `json:"idle,omitempty"`
	TimeRecord string        `json:"time_record,omitempty"` // time=Record.Field: the record's name
	TimeField  string        `json:"time_field,omitempty"`
	Pos        Pos           `json:"pos"`

	// Time is time= as written; Resolve divides it. The flags and places serve the checks.
	Time       string `json:"-"`
	ExpiresSet bool   `json:"-"`
	IdleSet    bool   `json:"-"`
	SizePos    Pos    `json:"-"`
	StepPos    Pos    `json:"-"`
	ExpiresPos Pos    `json:"-"`
	IdlePos    Pos    `json:"-"`
	TimePos    Pos    `json:"-"`
}

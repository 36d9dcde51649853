package schema

// maxPartitions bounds the partition counts that are taken for meant; Kafka clusters end long before.
const maxPartitions = 100_000

// laterCodecs are the values of codec= that the language has and this version does not build.
var laterCodecs = map[string]string{
	"avro":   "use codec=json",
	"base64": "use codec=json, whose []byte fields are base64",
	"gzip":   "use the topic's compression=gzip",
	"zstd":   "use the topic's compression=zstd",
	"snappy": "use the topic's compression=snappy",
	"lz4":    "use the topic's compression=lz4",
}

// codecArg is codec=, the same wherever it stands.
func codecArg(doc string) Argument {
	return Argument{Name: "codec", Kind: CodecName, Values: []string{"json", "raw", "text"}, Later: laterCodecs, Doc: doc}
}

// laterPolicies are the values of on_error= that this version does not build.
var laterPolicies = map[string]string{
	"retry": "use on_error=fail, which loses nothing and goes on after a restart, or on_error=skip",
	"dlq":   "use on_error=skip, which counts and logs, or send the event to a topic of your own and return nil",
}

var onError = Argument{Name: "on_error", Kind: Choice, Values: []string{"fail", "skip"}, Later: laterPolicies,
	Doc: "what happens when the body fails or panics, after its table changes and sends are undone: fail (default) stops the worker, skip counts and logs"}

var partitionsOf = Argument{Name: "partitions", Kind: Number, Min: 1, Max: maxPartitions}

// windowArgs are the arguments that all windows share.
var windowArgs = []Argument{
	{Name: "grace", Kind: Length, Doc: "how late a record may be and still count; required if the table has an on_window_close, else 0"},
	{Name: "expires", Kind: Length, Doc: "how long after its end a window can be read (default: grace)"},
	{Name: "time", Kind: Word, Doc: "Record.Field, the event time for this table (default: the record's own)"},
	{Name: "idle", Kind: Length, Doc: "when a partition has no lag and no record for so long, its time goes on with the wall clock (default: never)"},
}

// with returns a copy of an argument with another doc line.
func (a Argument) with(doc string) Argument {
	a.Doc = doc
	return a
}

// Directives is the language: parser, checks, suggestions and `faustgen help directives` all read this table.
var Directives = []Directive{
	{Name: "app", On: []Node{OnPackage}, Doc: "makes the package an application",
		Words: []Argument{{Name: "id", Kind: Word, Required: true, Doc: "the consumer group, and the prefix of internal topics"}},
		Args: []Argument{
			{Name: "version", Kind: Number, Min: 1, Max: 1 << 20, Doc: "from 2 on, names carry -v<n>: the application starts anew beside the old one (default 1)"},
			{Name: "worker", Kind: Word, Doc: "the folder of the worker's main.go, relative to the package (default cmd/<id>)"},
			{Name: "guarantee", Kind: Choice, Values: []string{"at_least_once"}, Later: map[string]string{"exactly_once": "use guarantee=at_least_once, the default"}, Doc: "what a crash may do: repeat the last events (at_least_once, default)"},
			partitionsOf.with("of topics that do not say (default 8)"),
			codecArg("of records and topics that do not say (default json)"),
		}},
	{Name: "record", On: []Node{OnStruct}, Doc: "gives a struct a codec of its own",
		Args: []Argument{
			codecArg("how topics write it (default: the application's)"),
			{Name: "time", Kind: Word, Doc: "the field that holds the event time of whatever carries this record (default: the time in Kafka)"},
		}},
	{Name: "topics", On: []Node{OnStruct}, Doc: "marks the struct of topic handles; an application has at most one"},
	{Name: "tables", On: []Node{OnStruct}, Doc: "marks a struct of table handles: one group of tables that are partitioned alike",
		Args: []Argument{partitionsOf.with("of the group (default: that of the largest external topic its agents read)")}},
	{Name: "topic", On: []Node{OnField}, Doc: "settings of a field faust.Topic[K, V]",
		Words: []Argument{{Name: "name", Kind: Word, Doc: "the topic's name (default: the field's in snake_case)"}},
		Args: []Argument{
			partitionsOf.with("if it has to be created (default: the application's, else 8)"),
			{Name: "replicas", Kind: Number, Min: 1, Max: 32767, Doc: "if it has to be created (default: the broker's)"},
			{Name: "retention", Kind: Length, Min: 1, Values: []string{"forever"}, Doc: "how long Kafka keeps records (default: the broker's)"},
			{Name: "compact", Kind: Flag, Doc: "Kafka keeps the newest record of every key"},
			{Name: "external", Kind: Flag, Doc: "belongs to others: never created, only verified"},
			{Name: "pattern", Kind: Word, Instead: "declare one field for each topic", Doc: "reads all topics whose name matches"},
			codecArg("how values are written (default: the record's)"),
			{Name: "key_codec", Kind: Choice, Values: []string{"text", "be"}, Doc: "how keys are written: text (default), or be for Java's Long and Integer serializers"},
			{Name: "compression", Kind: Choice, Values: []string{"none", "gzip", "snappy", "lz4", "zstd"}, Doc: "of what is sent (default: lz4)"},
		}},
	{Name: "table", On: []Node{OnField}, Doc: "settings of a field faust.Table[K, V] or faust.WindowTable[K, V]",
		Words: []Argument{{Name: "name", Kind: Word, Doc: "the table's name (default: the field's in snake_case)"}},
		Args: []Argument{
			{Name: "store", Kind: Choice, Values: []string{"badger", "memory"}, Doc: "where it is kept: on disk (badger, default) or in memory, restored from the changelog at start"},
			{Name: "standbys", Kind: Number, Max: 100, Instead: "leave it out: a task that moves restores its tables from the changelog", Doc: "copies on other workers"},
			{Name: "ttl", Kind: Length, Instead: "use a faust.WindowTable with expires=, or delete in a timer", Doc: "how long an untouched key is kept"},
			{Name: "global", Kind: Flag, Instead: "partition the table by its key, with group_by= where the topic has another", Doc: "the whole table on every worker"},
			{Name: "from", Kind: Word, Instead: "write an agent that sets the table from the topic", Doc: "fills the table from a topic"},
		}},
	{Name: "tumbling", On: []Node{OnField}, Doc: "divides the time of a faust.WindowTable[K, V] into windows that follow each other",
		Words: []Argument{{Name: "size", Kind: Length, Required: true, Doc: "of a window"}}, Args: windowArgs},
	{Name: "hopping", On: []Node{OnField}, Doc: "divides the time of a faust.WindowTable[K, V] into windows that overlap",
		Words: []Argument{{Name: "size", Kind: Length, Required: true, Doc: "of a window"}},
		Args:  append([]Argument{{Name: "step", Kind: Length, Required: true, Doc: "from one window's start to the next, at most the size"}}, windowArgs...)},
	{Name: "sliding", On: []Node{OnField}, Doc: "windows around each record", Instead: "use //faust:hopping with a small step",
		Words: []Argument{{Name: "size", Kind: Length, Required: true, Doc: "of a window"}}, Args: windowArgs},
	{Name: "session", On: []Node{OnField}, Doc: "windows that end after a gap without records", Instead: "use //faust:tumbling",
		Words: []Argument{{Name: "gap", Kind: Length, Required: true, Doc: "that ends a session"}}, Args: windowArgs},
	{Name: "agent", On: []Node{OnFunc, OnMethod}, Doc: "makes a function the handler of one or more topics",
		Words: []Argument{{Name: "topic", Kind: Words, Required: true, Doc: "what it reads, by name; several are joined by commas"}},
		Args: []Argument{
			{Name: "group_by", Kind: Word, Doc: "a field (or path) of the record, or a function of the package, by which events are partitioned anew"},
			{Name: "concurrency", Kind: Number, Min: 1, Max: 1 << 16, Instead: "use more partitions: there is one goroutine per partition", Doc: "events handled at once, in order per key"},
			{Name: "sink", Kind: Word, Doc: "the topic that takes what the function returns"},
			onError,
			{Name: "retries", Kind: Number, Max: 1 << 20, Instead: "use on_error=fail or on_error=skip", Doc: "of on_error=retry, before the event goes to the dead-letter topic"},
			{Name: "borrow", Kind: Flag, Doc: "strings of the input alias the fetch buffer and are valid until the body ends: no copies"},
			{Name: "name", Kind: Word, Doc: "the agent's name (default: the function's in snake_case, for methods type_method)"},
		}},
	{Name: "provide", On: []Node{OnFunc}, Doc: "builds the receiver of agents that are methods, once per worker"},
	{Name: "on_window_close", On: []Node{OnFunc}, Doc: "is called once for every key and window that has closed",
		Words: []Argument{{Name: "table", Kind: Word, Required: true, Doc: "Tables.Field"}}, Args: []Argument{onError}},
	{Name: "timer", On: []Node{OnFunc}, Doc: "is called at an interval: once per task if it takes tables, else once per worker",
		Words: []Argument{{Name: "interval", Kind: Length, Required: true, Doc: "between calls; missed ones are skipped"}},
		Args:  []Argument{leader}},
	{Name: "cron", On: []Node{OnFunc}, Doc: "is called at times of the calendar", Instead: "use //faust:timer with an interval, and look at the clock",
		Words: []Argument{{Name: "spec", Kind: Word, Required: true, Doc: "five fields, quoted"}},
		Args:  []Argument{leader, {Name: "tz", Kind: Word, Doc: "time zone (default UTC)"}}},
	{Name: "task", On: []Node{OnFunc}, Doc: "runs once per worker, from its start", Args: []Argument{leader}},
	{Name: "page", On: []Node{OnFunc}, Doc: "answers HTTP requests", Instead: "use the worker's query command, or NewQueries in a service of your own",
		Words: []Argument{{Name: "method", Kind: Word, Required: true, Doc: "of HTTP"}, {Name: "path", Kind: Word, Required: true, Doc: "which may hold {key}"}},
		Args:  []Argument{{Name: "table", Kind: Word, Doc: "Tables.Field: the request goes to the worker that owns {key}"}}},
	{Name: "command", On: []Node{OnFunc}, Doc: "is a sub-command of the worker",
		Words: []Argument{{Name: "name", Kind: Word, Required: true, Doc: "of the command"}}},
	{Name: "join", On: []Node{OnFunc}, Doc: "joins two topics in a window", Instead: "keep one side in a table and look it up in an agent of the other",
		Words: []Argument{{Name: "left", Kind: Word, Required: true, Doc: "topic"}, {Name: "right", Kind: Word, Required: true, Doc: "topic"}},
		Args: []Argument{{Name: "within", Kind: Length, Doc: "how far the times of a pair may differ"},
			{Name: "kind", Kind: Choice, Values: []string{"inner", "left", "outer"}, Doc: "what happens to records without a match"},
			{Name: "grace", Kind: Length, Doc: "how late a record may be"}}},
	{Name: "union", On: []Node{OnInterface}, Doc: "lets a topic hold one of several records", Instead: "use one topic for each record, or a record with a pointer for each",
		Words: []Argument{{Name: "field=type", Kind: Word, Doc: "the member that tells the records apart"}}},
	{Name: "renamed", On: []Node{OnStruct, OnField}, Doc: "tells the former name of a record, field, topic or table", Instead: `keep the name that is in use: by the json tag, //faust:topic <name> or //faust:table <name>`,
		Args: []Argument{{Name: "from", Kind: Word, Required: true, Doc: "the former name"}}},
}

var leader = Argument{Name: "leader", Kind: Flag, Instead: "leave it out and make the function safe to run on every worker", Doc: "only on one worker of the application"}

package schema

// RuleDoc is one rule of the checks. IDs are stable: a rule that goes leaves a gap.
type RuleDoc struct {
	ID, Title string
}

// Rules are all rules that a Diagnostic may name, in order. docs/rules.md explains each with an example.
var Rules = []RuleDoc{
	{"F001", "a comment that is nearly a directive"},
	{"F002", "an unknown directive"},
	{"F003", "a directive on what it does not belong to"},
	{"F004", "something that is given twice, or that excludes something else"},
	{"F005", "an unknown argument"},
	{"F006", "an argument without a value, or with one it cannot have"},
	{"F007", "something this version does not build yet"},
	{"F008", "a mistake of Go that a declaration depends on"},
	{"F009", "a package that is no application, or whose worker has no place"},
	{"F010", "a struct of handles that holds something else"},
	{"F011", "a table whose type and windows do not fit"},
	{"F012", "a type that has no encoding"},
	{"F013", "windows whose settings contradict each other"},
	{"F014", "a function whose parameters or results are not what its directive needs"},
	{"F015", "a topic that is not declared"},
	{"F016", "topics of one agent that differ"},
	{"F017", "handles that a function cannot take"},
	{"F018", "a group_by that leads to no key"},
	{"F019", "a type that is no key"},
	{"F020", "a key that does not give the task's partition"},
	{"F021", "partition counts that differ within one group of tables"},
	{"F022", "a sink and results that do not fit"},
	{"F023", "an on_window_close that does not fit its table"},
	{"F024", "two things of one name"},
	{"F025", "an identifier that faustgen generates"},
	{"F026", "a method of a record that faustgen generates"},
	{"F027", "an unknown word in a faust tag"},
	{"F028", "a validation rule that is unknown or does not fit"},
	{"F029", "a layout= or epoch= that does not fit"},
	{"F030", "an event time that is none"},
	{"F031", "a tag that cannot be read, or two fields of one name on the wire"},
	{"F032", "a struct that would inherit the methods of a record"},
	{"F033", "a name that Kafka does not take"},
	{"F034", "a default that is no value of its field"},
	{"F035", "a receiver that nothing provides, or that two functions do"},
	{"F036", "a codec that does not fit"},
}

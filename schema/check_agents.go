package schema

import (
	"fmt"
	"strings"
)

// agentNames checks that agents have names of their own.
func (c *checker) agentNames() {
	seen := map[string]*Agent{}
	for _, a := range c.Agents {
		c.kafkaName(a.NamePos, "the agent's name", a.Name)
		if before := seen[a.Name]; before != nil {
			c.report(a.NamePos, "F024", []Pos{before.NamePos}, "give one of them another name: name=<name>", "two agents have the name %s, the other one is %s (%s)", a.Name, before.Go, At(0))
		}
		seen[a.Name] = a
	}
}

// agentTopics checks that the topics of agents exist and agree.
func (c *checker) agentTopics() {
	for _, a := range c.Agents {
		var first *Topic
		for i, name := range a.Topics {
			if contains(a.Topics[:i], name) {
				c.report(a.TopicPos[i], "F004", nil, "name it once", "agent %s reads topic %s twice", a.Go, name)
				continue
			}
			t := c.Topic(name)
			switch {
			case t == nil:
				c.noTopic(a.TopicPos[i], "F015", name)
			case first == nil:
				first = t
			default:
				c.agree(a, a.TopicPos[i], first, t)
			}
		}
	}
}

// noTopic reports a topic that is not declared.
func (c *checker) noTopic(at Pos, rule, name string) {
	if c.Topics == nil {
		c.report(at, rule, nil, "declare it in a //faust:topics struct", "there is no topic %s", name)
		return
	}
	var names []string
	for _, t := range c.Topics.Fields {
		if t.Go == name {
			c.report(at, rule, []Pos{t.Pos}, "write "+t.Name+", the name of that field's topic", "there is no topic %s, but a field (%s)", name, At(0))
			return
		}
		names = append(names, t.Name)
	}
	hint := DidYouMean(name, names)
	if hint == "" {
		hint = "declare it in " + c.Topics.Name
	}
	if near := Nearest(name, names); near != "" {
		c.report(at, rule, []Pos{c.Topic(near).Pos}, "did you mean "+near+", declared at "+At(0)+"?", "there is no topic %s", name)
		return
	}
	c.report(at, rule, nil, hint, "there is no topic %s", name)
}

// agree checks that a further topic of an agent is like its first.
func (c *checker) agree(a *Agent, at Pos, first, t *Topic) {
	differ := func(what string, x, y any) {
		c.report(at, "F016", []Pos{t.Pos, first.Pos}, "write one agent for each topic", "the topics of agent %s differ in their %s: %s (%s) has %v, %s (%s) has %v", a.Go, what, t.Name, At(0), y, first.Name, At(1), x)
	}
	switch {
	case !t.Value.Same(first.Value):
		differ("values", first.Value, t.Value)
	case !t.Key.Same(first.Key):
		differ("keys", first.Key, t.Key)
	case t.Codec != first.Codec:
		differ("codecs", first.Codec, t.Codec)
	case t.KeyCodec != first.KeyCodec:
		differ("key codecs", first.KeyCodec, t.KeyCodec)
	}
}

// agentInputs checks the types in an agent's signature against its topic's.
func (c *checker) agentInputs() {
	for _, a := range c.Agents {
		t := c.Topic(a.Topics[0])
		if t == nil {
			continue
		}
		if !a.Value.Same(t.Value) {
			hint := "take " + c.shape(a, t)
			if a.Value.Kind == Pointer && a.Value.Elem.Same(t.Value) {
				hint = "write " + t.Value.String() + " without the *"
			}
			c.report(a.InputPos, "F014", []Pos{t.Pos}, hint, "%s takes values of type %s, but topic %s (%s) holds %s", a.Go, a.Value, t.Name, At(0), t.Value)
			continue
		}
		key, of := c.eventKey(a)
		if a.Key != nil && key != nil && !a.Key.Same(key) {
			c.report(a.InputPos, "F020", nil, "take "+c.shape(a, t), "%s takes events with keys of type %s, but %s is %s", a.Go, a.Key, of, key)
		}
	}
}

// shape is how an agent of that shape takes the events of a topic.
func (c *checker) shape(a *Agent, t *Topic) string {
	key, _ := c.eventKey(a)
	switch a.Shape {
	case PerEvent:
		return fmt.Sprintf("faust.Event[%s, %s]", key, t.Value)
	case LoopValues:
		return fmt.Sprintf("*faust.Stream[%s]", t.Value)
	case LoopEvents:
		return fmt.Sprintf("*faust.Events[%s, %s]", key, t.Value)
	}
	return t.Value.String()
}

// eventKey is the type of the keys that an agent's events have, and what it is called; nil if its topic is unknown.
func (c *checker) eventKey(a *Agent) (*Type, string) {
	if a.GroupBy != nil {
		return a.GroupBy.Key, "group_by=" + a.GroupBy.By
	}
	if t := c.Topic(a.Topics[0]); t != nil {
		return t.Key, "the key of topic " + t.Name
	}
	return nil, ""
}

// groupKeys checks that what events are grouped by can be a key.
func (c *checker) groupKeys() {
	for _, a := range c.Agents {
		if a.GroupBy != nil {
			c.key(a.GroupBy.Pos, "group_by="+a.GroupBy.By, a.GroupBy.Key, false)
		}
	}
}

// tableKeys checks that an agent's events are partitioned by what its tables have as keys. The bytes of a key decide its partition,
// so types count as one if their bytes are: AccountID, string and []byte, int and int64.
func (c *checker) tableKeys() {
	for _, a := range c.Agents {
		key, of := c.eventKey(a)
		if key == nil || keyForm(key, "text") == "" {
			continue
		}
		codec := "text"
		if t := c.Topic(a.Topics[0]); a.GroupBy == nil && t != nil {
			codec = t.KeyCodec
		}
		for _, name := range TablesOf(a.Handles) {
			ts := c.TablesStruct(name)
			if ts == nil {
				continue
			}
			for _, t := range ts.Fields {
				form := keyForm(t.Key, codec)
				if form == "" || form == keyForm(key, codec) {
					continue
				}
				at, hint := a.Pos, "add a group_by= that gives "+t.Key.String()+", or put the table into a struct of its own"
				if a.GroupBy != nil {
					at, hint = a.GroupBy.Pos, "group by "+t.Key.String()+", or put the table into a struct of its own"
				}
				c.report(at, "F020", []Pos{t.Pos}, hint, "table %s (%s) has keys of type %s, but agent %s gets its events by another: %s is %s", t.Name, At(0), t.Key, a.Go, of, key)
			}
		}
	}
}

// keyForm tells key types apart whose bytes differ. It is empty for what is no key.
func keyForm(t *Type, codec string) string {
	switch {
	case t.IsInt() && codec == "be":
		return fmt.Sprintf("be%d", t.Bits())
	case t.IsInt():
		return "int"
	case t.Kind == Struct:
		return t.Record
	case t.Kind == String, t.Kind == Array, t.Kind == Bytes:
		return "bytes"
	case t.Kind == Bool, t.Kind == Time:
		return string(t.Kind)
	}
	return ""
}

// partitionCounts checks that all topics whose keys meet in one struct of tables have as many partitions.
func (c *checker) partitionCounts() {
	for _, ts := range c.Tables {
		var first *Topic
		for _, a := range c.agentsOf(ts) {
			if a.GroupBy != nil {
				continue
			}
			for i, name := range a.Topics {
				t := c.Topic(name)
				if t == nil || t.External && t.Partitions == 0 {
					continue // the count is the broker's, and compared at start
				}
				n := c.PartitionCount(t)
				switch {
				case ts.Partitions > 0 && n != ts.Partitions:
					c.report(a.TopicPos[i], "F021", []Pos{t.PartitionsPos, ts.PartitionsPos}, "make the counts equal, or add group_by=", "topic %s (%s) has %d partitions, but %s (%s), which %s takes, has %d", name, At(0), n, ts.Name, At(1), a.Go, ts.Partitions)
				case first != nil && n != c.PartitionCount(first):
					c.report(a.TopicPos[i], "F021", []Pos{t.PartitionsPos, first.PartitionsPos}, "make the counts equal, or add group_by=", "topic %s (%s) has %d partitions and topic %s (%s) has %d, but the tables of %s are kept by both", name, At(0), n, first.Name, At(1), c.PartitionCount(first), ts.Name)
				}
				if first == nil {
					first = t
				}
			}
		}
	}
}

// sinks checks results against the topic that takes them.
func (c *checker) sinks() {
	for _, a := range c.Agents {
		switch {
		case a.Sink == "" && a.ResultType == nil:
			continue
		case a.Sink == "":
			c.report(a.ResultPos, "F022", nil, "add sink=<topic>, or return only error", "%s returns %s, but has no sink", a.Go, a.ResultType)
			continue
		case a.ResultType == nil:
			c.report(a.SinkPos, "F022", nil, "return (R, error) from an agent that takes one event, or remove sink= and send", "%s has a sink, but returns nothing for it", a.Go)
			continue
		}
		t := c.Topic(a.Sink)
		if t == nil {
			c.noTopic(a.SinkPos, "F022", a.Sink)
			continue
		}
		if !t.Value.Same(a.ResultType) {
			c.report(a.ResultPos, "F022", []Pos{t.Pos}, "return ("+t.Value.String()+", error)", "%s returns %s, but its sink %s (%s) holds %s", a.Go, a.ResultType, t.Name, At(0), t.Value)
		}
		key, of := c.eventKey(a)
		if key != nil && !key.Same(t.Key) {
			c.report(a.SinkPos, "F022", []Pos{t.Pos}, "a result keeps its event's key: make the types the same, or send to the topic yourself", "sink %s (%s) has keys of type %s, but %s is %s", t.Name, At(0), t.Key, of, key)
			continue
		}
		codec := "text"
		if in := c.Topic(a.Topics[0]); a.GroupBy == nil && in != nil {
			codec = in.KeyCodec
		}
		if key != nil && t.KeyCodec != codec {
			c.report(a.SinkPos, "F022", []Pos{t.Pos}, "a result keeps its event's key: use the same key_codec, or send to the topic yourself", "sink %s (%s) writes keys as %s, but the events of %s have them as %s", t.Name, At(0), t.KeyCodec, a.Go, codec)
		}
	}
}

// methods checks that what agents are methods of is provided, once.
func (c *checker) methods() {
	provided := map[string]*Provide{}
	for _, p := range c.Providers {
		if before := provided[p.Type]; before != nil {
			c.report(p.Pos, "F035", []Pos{before.Pos}, "keep one of them", "*%s is provided twice, by %s and by %s (%s)", p.Type, p.Go, before.Go, At(0))
			continue
		}
		provided[p.Type] = p
	}
	for _, a := range c.Agents {
		if a.Recv != "" && provided[a.Recv] == nil {
			c.report(a.Pos, "F035", nil, fmt.Sprintf("write //faust:provide above a func(ctx context.Context) (*%s, error)", a.Recv), "agent %s is a method of %s, which nothing provides", a.Go, a.Recv)
		}
	}
}

// closers checks what on_window_close handlers belong to.
func (c *checker) closers() {
	for _, f := range c.Closers {
		table := c.closed(f)
		if table == nil {
			continue
		}
		switch w := table.Window; {
		case w == nil:
			c.report(f.ArgPos, "F023", []Pos{table.Pos}, "make it a faust.WindowTable[K, V] with //faust:tumbling or //faust:hopping", "%s (%s) has no windows that could close", f.Arg, At(0))
			continue
		case !w.GraceSet:
			c.report(w.Pos, "F013", []Pos{f.Pos}, "add grace=<how late a record may be>, grace=0s for none", "table %s has an on_window_close, %s (%s), and does not say its grace", table.Go, f.Go, At(0))
		}
		if !f.Key.Same(table.Key) {
			c.report(f.Pos, "F023", []Pos{table.Pos}, "take the key as "+table.Key.String(), "%s takes a key of type %s, but %s (%s) has %s", f.Go, f.Key, f.Arg, At(0), table.Key)
		}
		if !f.Value.Same(table.Value) {
			c.report(f.Pos, "F023", []Pos{table.Pos}, "take the value as "+table.Value.String(), "%s takes a value of type %s, but %s (%s) holds %s", f.Go, f.Value, f.Arg, At(0), table.Value)
		}
		for _, name := range TablesOf(f.Handles) {
			if name != f.Tables {
				c.report(f.Pos, "F017", nil, "take *"+f.Tables+", or send an event to an agent that takes *"+name, "%s is called in a task of %s and has no tables of %s", f.Go, f.Tables, name)
			}
		}
	}
}

// closed is the table of a close handler; an unknown one is reported.
func (c *checker) closed(f *Closer) *Table {
	ts := c.TablesStruct(f.Tables)
	if ts == nil || f.Table == "" {
		var all []string
		for _, ts := range c.Tables {
			for _, t := range ts.Fields {
				full := ts.Name + "." + t.Go
				if t.Go == f.Arg || t.Name == f.Arg {
					c.report(f.ArgPos, "F023", nil, "write "+full, "there is no table %s", f.Arg)
					return nil
				}
				all = append(all, full)
			}
		}
		c.report(f.ArgPos, "F023", nil, DidYouMean(f.Arg, all), "there is no table %s", f.Arg)
		return nil
	}
	var names []string
	for _, t := range ts.Fields {
		if t.Go == f.Table {
			return t
		}
		names = append(names, t.Go)
	}
	at := f.ArgPos
	at.Col += len(f.Tables) + 1
	c.report(at, "F023", []Pos{ts.Pos}, DidYouMean(f.Table, names), "%s (%s) has no table %s", f.Tables, At(0), f.Table)
	return nil
}

// workerCommands are the commands that every worker has.
var workerCommands = []string{"worker", "agents", "topics", "tables", "records", "send", "query", "topology", "lag", "reset", "broker", "completion", "version", "help"}

// commands checks the names of commands.
func (c *checker) commands() {
	seen := map[string]*Command{}
	for _, f := range c.Commands {
		switch before := seen[f.Command]; {
		case contains(workerCommands, f.Command):
			c.report(f.NamePos, "F024", nil, "choose another name", "every worker has a command %s", f.Command)
		case before != nil:
			c.report(f.NamePos, "F024", []Pos{before.NamePos}, "choose another name", "two commands have the name %s, the other one is %s (%s)", f.Command, before.Go, At(0))
		case strings.HasPrefix(f.Command, "-") || !legalName.MatchString(f.Command):
			c.report(f.NamePos, "F006", nil, "use letters, digits and dashes", "%q is no name for a command", f.Command)
		}
		seen[f.Command] = f
	}
}

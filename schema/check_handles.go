package schema

import (
	"strings"
	"time"
)

// topicNames checks the names of topics, against each other and against the application's internal ones.
func (c *checker) topicNames() {
	if c.Topics == nil {
		return
	}
	internal := c.internalNames()
	seen := map[string]*Topic{}
	for _, t := range c.Topics.Fields {
		c.kafkaName(t.NamePos, "the topic name", t.Name)
		if before := seen[t.Name]; before != nil {
			c.report(t.NamePos, "F024", []Pos{before.NamePos}, "declare a topic once", "topic %s is declared twice, by %s and before by %s (%s)", t.Name, t.Go, before.Go, At(0))
			continue
		}
		seen[t.Name] = t
		if what, ok := internal[t.Name]; ok {
			c.report(t.NamePos, "F024", nil, "choose another name", "topic %s has the name of %s", t.Name, what)
		}
		for _, other := range c.Topics.Fields {
			if other != t && seen[other.Name] != nil && other.Name != t.Name && flat(other.Name) == flat(t.Name) {
				c.report(t.NamePos, "F024", []Pos{other.NamePos}, "choose names that differ in more than dots and underscores", "Kafka cannot hold both topic %s and topic %s (%s)", t.Name, other.Name, At(0))
			}
		}
	}
}

// flat is a topic name as Kafka's metrics see it: dots are underscores.
func flat(name string) string { return strings.ReplaceAll(name, ".", "_") }

// internalNames are the topics that belong to the application itself.
func (c *checker) internalNames() map[string]string {
	names := map[string]string{}
	if c.App == nil {
		return names
	}
	for _, a := range c.Agents {
		names[c.App.DeadLetterTopic(a.Name)] = "the dead-letter topic of agent " + a.Go
		if a.GroupBy != nil {
			names[c.App.RepartitionTopic(a.Name)] = "the repartition topic of agent " + a.Go
		}
	}
	for _, ts := range c.Tables {
		for _, t := range ts.Fields {
			names[c.App.ChangelogTopic(t.Name)] = "the changelog of table " + ts.Name + "." + t.Go
		}
	}
	return names
}

// topicCodecs checks keys and values of topics against their codecs.
func (c *checker) topicCodecs() {
	if c.Topics == nil {
		return
	}
	for _, t := range c.Topics.Fields {
		c.key(t.Pos, "topic "+t.Name, t.Key, false)
		c.value(t.Pos, "topic "+t.Name, t.Value)
		if t.KeyCodec == "be" && !bigEndian(t.Key) {
			c.report(t.KeyCodecPos, "F036", nil, "use an integer of 32 or 64 bits, or remove it", "key_codec=be of topic %s does not fit its key %s", t.Name, t.Key)
		}
		at := t.CodecPos
		switch {
		case t.Codec == "raw" && t.Value.Kind != Bytes && t.Value.Kind != String:
			c.report(at, "F036", nil, "use []byte or string as the value, or codec=json", "codec=raw of topic %s does not fit its value %s", t.Name, t.Value)
		case t.Codec == "text" && !hasText(t.Value):
			c.report(at, "F036", nil, "use a string, number, bool or time as the value, or codec=json", "codec=text of topic %s does not fit its value %s", t.Name, t.Value)
		}
	}
}

// bigEndian says whether Java's Long and Integer serializers can hold a key.
func bigEndian(t *Type) bool { return t.IsInt() && t.Bits() >= 32 }

// hasText says whether codec=text can hold a value.
func hasText(t *Type) bool {
	switch t.Kind {
	case String, Bytes, Bool, Time, Float64:
		return true
	}
	return t.IsInt()
}

// key checks the type of a key.
func (c *checker) key(at Pos, of string, t *Type, comparable bool) {
	const hint = "use a string, an integer, a bool, a [N]byte, a time.Time or a record of these"
	switch {
	case t.Kind == Invalid && t.Reason == TypeError:
	case t.Kind == Pointer || t.Kind == Slice || t.Kind == Map || t.Kind == Foreign && !t.Text || t.Kind == Invalid || t.IsFloat() ||
		t.Kind == Array && !(t.Elem.Kind == Uint8 && t.Elem.Name == ""):
		c.report(at, "F019", nil, hint, "the key of %s is %s, which is no key", of, t)
	case t.Kind == Foreign && comparable && !t.Comparable:
		c.report(at, "F019", nil, hint, "the key of %s is %s; table keys must be comparable", of, t)
	case t.Kind == Bytes && comparable:
		c.report(at, "F019", nil, "use a string, which holds any bytes", "the key of %s is %s; table keys must be comparable", of, t)
	case t.Kind == Struct:
		c.recordKey(at, of, t, comparable)
	}
}

// recordKey checks a record that serves as a key.
func (c *checker) recordKey(at Pos, of string, t *Type, comparable bool) {
	r := c.Record(t.Record)
	if comparable && !t.Comparable {
		c.report(at, "F019", nil, "leave slices and maps out of it", "the key of %s is %s; table keys must be comparable", of, t)
		return
	}
	if r == nil || r.Recursive {
		return
	}
	for _, f := range r.Fields {
		leaf := f.Type.Deref()
		if leaf.IsFloat() || leaf.Kind == Foreign {
			c.report(at, "F019", []Pos{f.Pos}, "leave the field out of the key", "the key of %s is %s, whose field %s (%s) has type %s", of, t, f.Go, At(0), f.Type)
			return
		}
		if comparable && f.Type.Kind == Pointer {
			c.report(at, "F019", []Pos{f.Pos}, "make the field a value", "the key of %s is %s, whose field %s (%s) has type %s: two keys would be equal only if they shared the pointer", of, t, f.Go, At(0), f.Type)
			return
		}
		if f.Type.Kind == Struct {
			c.recordKey(at, of, f.Type, comparable)
		}
	}
}

// value checks that the type of a topic's or table's value has an encoding. Fields of records are checked by themselves.
func (c *checker) value(at Pos, of string, t *Type) {
	if bad := unencodable(t); bad != nil && bad.Reason != TypeError {
		c.report(at, "F012", nil, "use a record or another type that has an encoding", "the value of %s is %s, which has no encoding%s", of, t, part(t, bad))
	}
}

// tableNames checks the names of tables; they end up in the names of changelogs.
func (c *checker) tableNames() {
	seen := map[string]*Table{}
	for _, ts := range c.Tables {
		for _, t := range ts.Fields {
			c.kafkaName(t.NamePos, "the table name", t.Name)
			if before := seen[t.Name]; before != nil {
				c.report(t.NamePos, "F024", []Pos{before.NamePos}, "give one of them another name: //faust:table <name>", "two tables have the name %s, the other one is %s (%s)", t.Name, before.Go, At(0))
			}
			seen[t.Name] = t
		}
	}
}

// tableTypes checks keys and values of tables.
func (c *checker) tableTypes() {
	for _, ts := range c.Tables {
		for _, t := range ts.Fields {
			c.key(t.Pos, "table "+t.Name, t.Key, true)
			c.value(t.Pos, "table "+t.Name, t.Value)
		}
	}
}

// tableKeyCodecs reports a struct whose agents read keys in two codecs.
func (c *checker) tableKeyCodecs() {
	for _, ts := range c.Tables {
		first, from := "", ""
		for _, a := range c.agentsOf(ts) {
			codec, of := "text", "behind its group_by"
			if a.GroupBy == nil {
				t := c.Topic(a.Topics[0])
				if t == nil {
					continue
				}
				codec, of = t.KeyCodec, "of topic "+t.Name
			}
			if first == "" {
				first, from = codec, a.Go
			}
			if codec != first {
				c.report(a.Pos, "F036", []Pos{ts.Pos}, "use one key codec for all of them, or divide the struct",
					"the agents of %s (%s) read keys in two codecs: %s as %s %s, %s as %s", ts.Name, At(0), a.Go, codec, of, from, first)
				break
			}
		}
	}
}

// windows checks sizes, steps and ends.
func (c *checker) windows() {
	for _, ts := range c.Tables {
		for _, t := range ts.Fields {
			if t.Window != nil {
				c.window(t, t.Window)
			}
		}
	}
}

func (c *checker) window(t *Table, w *Window) {
	for _, d := range []struct {
		at   Pos
		name string
		d    time.Duration
	}{{w.SizePos, "size", w.Size}, {w.StepPos, "step", w.Step}, {w.ExpiresPos, "expires", w.Expires}, {w.Pos, "grace", w.Grace}, {w.IdlePos, "idle", w.Idle}} {
		if d.d%time.Millisecond != 0 && !(d.name == "step" && w.Kind == "tumbling") {
			c.report(d.at, "F013", nil, "use whole milliseconds, the resolution of Kafka's times", "the %s of the windows of %s is %s", d.name, t.Go, d.d)
		}
	}
	switch {
	case w.Size <= 0:
		c.report(w.SizePos, "F013", nil, "write a positive duration", "the windows of %s have the size %s", t.Go, w.Size)
	case w.Step <= 0:
		c.report(w.StepPos, "F013", nil, "write a positive duration", "the windows of %s have the step %s", t.Go, w.Step)
	case w.Step > w.Size:
		c.report(w.StepPos, "F013", nil, "make the step at most the size, or use //faust:tumbling "+short(w.Size), "the windows of %s have the size %s and the step %s, so records between them would be lost", t.Go, short(w.Size), short(w.Step))
	}
	if w.ExpiresSet && w.Expires < w.Grace {
		c.report(w.ExpiresPos, "F013", nil, "make expires at least "+short(w.Grace), "the windows of %s would expire after %s, before their grace of %s has passed", t.Go, short(w.Expires), short(w.Grace))
	}
	if w.IdleSet && w.Idle <= 0 {
		c.report(w.IdlePos, "F013", nil, "write a positive duration, or leave it out", "idle of %s is %s", t.Go, w.Idle)
	}
}

// short prints a duration as one writes it: 1h, not 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// windowTimes checks time=Record.Field of windows.
func (c *checker) windowTimes() {
	for _, ts := range c.Tables {
		for _, t := range ts.Fields {
			if t.Window == nil || t.Window.Time == "" {
				continue
			}
			w := t.Window
			if w.TimeField == "" {
				c.report(w.TimePos, "F030", nil, "write time=Record.Field", "time=%s of table %s names no field", w.Time, t.Go)
				continue
			}
			r := c.readRecord(ts, w.TimeRecord)
			if r == nil {
				c.report(w.TimePos, "F030", nil, DidYouMean(w.TimeRecord, c.readNames(ts)), "no agent that takes %s reads a record %s", ts.Name, w.TimeRecord)
				continue
			}
			at := w.TimePos
			at.Col += len(w.TimeRecord) + 1
			c.timeField(at, r, w.TimeField)
		}
	}
}

// readRecord is the record of that name among those that the agents of a tables struct read.
func (c *checker) readRecord(ts *Tables, name string) *Record {
	for _, a := range c.agentsOf(ts) {
		if a.Value.Kind == Struct && a.Value.Name == name {
			return c.Record(a.Value.Record)
		}
	}
	return nil
}

func (c *checker) readNames(ts *Tables) []string {
	var names []string
	for _, a := range c.agentsOf(ts) {
		if a.Value.Kind == Struct && !contains(names, a.Value.Name) {
			names = append(names, a.Value.Name)
		}
	}
	return names
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// timeField checks that a field of a record can serve as event time.
func (c *checker) timeField(at Pos, r *Record, name string) {
	var names []string
	for _, f := range r.Fields {
		if f.Type.Kind == Time && !anyTrue(f.PathPointers) {
			names = append(names, f.Go)
		}
		if f.Go != name {
			continue
		}
		if f.Type.Kind != Time || anyTrue(f.PathPointers) {
			c.report(at, "F030", []Pos{f.Pos}, "name a field of type time.Time that is always there", "%s.%s (%s) has type %s and cannot be the event time", r.Type, name, At(0), f.Type)
		}
		return
	}
	c.report(at, "F030", nil, DidYouMean(name, names), "%s has no field %s on the wire", r.Type, name)
}

func anyTrue(list []bool) bool {
	for _, b := range list {
		if b {
			return true
		}
	}
	return false
}

package schema

import (
	"cmp"
	"strings"
)

// Resolve completes what a package's declarations leave to others: codecs, windows' defaults, the key codec of tables, which
// table a close handler belongs to. It is done once, after a package has been read and before it is checked.
func Resolve(p *Package) {
	appCodec := ""
	if p.App != nil {
		appCodec = p.App.Codec
	}
	if p.Topics != nil {
		for _, t := range p.Topics.Fields {
			recordCodec := ""
			if r := p.Record(t.Value.Record); t.Value.Kind == Struct && r != nil {
				recordCodec = r.Codec
			}
			t.Codec = cmp.Or(t.Codec, recordCodec, appCodec, "json")
		}
	}
	for _, ts := range p.Tables {
		codec := p.tableKeyCodec(ts)
		for _, t := range ts.Fields {
			t.KeyCodec = codec
			if t.Window != nil {
				t.Window.resolve()
			}
		}
	}
	for _, c := range p.Closers {
		c.Tables, c.Table, _ = strings.Cut(c.Arg, ".")
	}
	for _, list := range [][]*Record{p.Records, p.Reached} {
		for _, r := range list {
			r.Recursive = p.reaches(r, r.Key, map[string]bool{})
		}
	}
}

// resolve fills in the defaults of a window.
func (w *Window) resolve() {
	if !w.ExpiresSet {
		w.Expires = w.Grace
	}
	w.TimeRecord, w.TimeField, _ = strings.Cut(w.Time, ".")
}

// tableKeyCodec is the key codec of the topics that the struct's agents read, text behind a group_by. Two in one struct are for Check.
func (p *Package) tableKeyCodec(ts *Tables) string {
	for _, a := range p.agentsOf(ts) {
		if a.GroupBy != nil {
			continue
		}
		for _, name := range a.Topics {
			if t := p.Topic(name); t != nil {
				return t.KeyCodec
			}
		}
	}
	return "text"
}

// agentsOf returns the agents that take a tables struct.
func (p *Package) agentsOf(ts *Tables) []*Agent {
	var out []*Agent
	for _, a := range p.Agents {
		for _, name := range TablesOf(a.Handles) {
			if name == ts.Name {
				out = append(out, a)
			}
		}
	}
	return out
}

// reaches says whether a record's fields lead to the record of that key.
func (p *Package) reaches(r *Record, key string, seen map[string]bool) bool {
	if r == nil || seen[r.Key] {
		return false
	}
	seen[r.Key] = true
	for _, f := range r.Fields {
		for _, k := range recordsOf(f.Type) {
			if k == key || p.reaches(p.Record(k), key, seen) {
				return true
			}
		}
	}
	return false
}

// recordsOf returns the keys of the records that a type holds.
func recordsOf(t *Type) []string {
	switch {
	case t == nil:
		return nil
	case t.Kind == Struct:
		return []string{t.Record}
	}
	return append(recordsOf(t.Key), recordsOf(t.Elem)...)
}

// Package sharing is an application for tests: bodies that keep, pass on and change what they have given to their tables.
//
//faust:app sharing
package sharing

import (
	"context"
	"errors"

	faust "github.com/faustgen/faustgen/runtime"
)

// Note is both the input and what the tables hold.
//
//faust:record
type Note struct {
	How    string           `json:"how"`
	Words  []string         `json:"words"`
	Counts map[string]int64 `json:"counts"`
	Next   *Note            `json:"next,omitempty"`
}

// Topics are the input.
//
//faust:topics
type Topics struct {
	//faust:topic notes partitions=1
	Notes faust.Topic[string, Note]
}

// Tables hold what can be shared.
//
//faust:tables
type Tables struct {
	Notes    faust.Table[string, Note]
	Pointers faust.Table[string, *Note]
	//faust:table store=memory
	Lists faust.Table[string, []string]
	//faust:hopping 10s step=5s grace=1h
	Recent faust.WindowTable[string, map[string]int64]
}

var errChanged = errors.New("after all changes")

// Keep gives one note to all tables and keys, and changes it afterwards.
//
//faust:agent notes on_error=skip
func Keep(ctx context.Context, ev faust.Event[string, Note], t *Tables) error {
	k, n := ev.Key, ev.Value
	switch n.How {
	case "set":
		t.Notes.Set(k, n)
		t.Pointers.Set(k, &n)
		t.Lists.Set(k, n.Words)
		t.Recent.Set(k, n.Counts)
	case "update":
		t.Notes.Update(k, func(v *Note) { *v = n })
		t.Pointers.Update(k, func(v **Note) { *v = &n })
		t.Lists.Update(k, func(v *[]string) { *v = n.Words })
		t.Recent.Update(k, func(v *map[string]int64) { *v = n.Counts })
	case "fail": // whatever is changed in place is undone
		t.Notes.Update(k, func(v *Note) { scribble(v) })
		t.Pointers.Update(k, func(v **Note) { scribble(*v) })
		t.Lists.Update(k, func(v *[]string) { (*v)[0] = "changed" })
		t.Recent.Update(k, func(v *map[string]int64) { (*v)["changed"]++ })
		return errChanged
	case "count": // each window's map is its own
		t.Recent.Update(k, func(v *map[string]int64) { (*v)["one"]++ })
		return nil
	}
	scribble(&n)
	return nil
}

func scribble(n *Note) {
	n.Words[0] = "changed"
	n.Counts["changed"] = 1
	n.Next.Words[0] = "changed"
	n.Next = nil
}

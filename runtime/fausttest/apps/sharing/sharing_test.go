package sharing

import (
	"reflect"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

func note(how string) Note {
	return Note{how, []string{"a", "b"}, map[string]int64{"one": 1}, &Note{Words: []string{"c"}}}
}

// A table shares nothing with what a body keeps, with another table, key or window, whichever way it got its value; neither in memory
// nor, after a restart, from its store.
func TestTablesShareNothing(t *testing.T) {
	at := faust.Time(time.Date(2000, 1, 1, 0, 0, 7, 0, time.UTC))
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for _, how := range []string{"set", "update"} {
			d.Send("notes", how, note(how), at)
			d.Send("notes", how, note("fail"), at)
			d.Send("notes", how, note("count"), at)
		}
		for _, end := range []func(){d.Settle, d.Kill, d.Restart} {
			end()
			for _, how := range []string{"set", "update"} {
				same(t, fausttest.Table[string, Note](d, "notes")[how], note(how))
				same(t, *fausttest.Table[string, *Note](d, "pointers")[how], note(how))
				same(t, fausttest.Table[string, []string](d, "lists")[how], note(how).Words)
				windows := fausttest.Windows[string, map[string]int64](d, "recent")
				if len(windows) != 2 {
					t.Errorf("%d windows, want 2", len(windows))
				}
				for _, keys := range windows {
					same(t, keys[how], map[string]int64{"one": 2})
				}
			}
		}
	})
}

func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

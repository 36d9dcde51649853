package failing

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

func table[V any](t *testing.T, d *fausttest.Driver, name string, want map[string]V) {
	t.Helper()
	if got := fausttest.Table[string, V](d, name); !reflect.DeepEqual(got, want) {
		t.Errorf("table %s: got %v, want %v", name, got, want)
	}
}

func applied(d *fausttest.Driver) []string {
	var all []string
	for _, ev := range fausttest.Read[string, int64](d, "applied") {
		all = append(all, fmt.Sprintf("%s%d", ev.Key, ev.Value))
	}
	return all
}

func TestSkipUndoesTheEvent(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for i, end := range []string{"ok", "error", "ok", "panic", "error", "ok"} {
			d.Send("skipping", "a", Change{"a", int64(1) << i, end})
			d.Send("skipping", fmt.Sprint(i), Change{fmt.Sprint("new", i), 1, end})
		}
		last := int64(32)
		check := func() {
			t.Helper()
			one := int64(1)
			table(t, d, "skip_sums", map[string]int64{"a": 1 + 4 + 32, "new0": 1, "new2": 1, "new5": 1})
			table(t, d, "skip_gone", map[string]int64{"a": 32, "new0": 1, "new2": 1, "new5": 1})
			note := Note{[]string{"ok"}, map[string]int64{"ok": 1}, &one}
			table(t, d, "skip_notes", map[string]Note{"a": {[]string{"ok", "ok", "ok"}, map[string]int64{"ok": 37}, &last},
				"new0": note, "new2": note, "new5": note})
			if got, want := applied(d), []string{"a1", "new01", "a4", "new21", "a32", "new51"}; !slices.Equal(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		}
		check()
		d.Restart()
		check()
		d.KillAndWipe()
		check()
	})
}

func TestSkipUndoesTheEventOfALoop(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for i, end := range []string{"ok", "error", "panic", "ok"} {
			d.Send("skipping_loop", "a", Change{"a", int64(1) << i, end})
		}
		table(t, d, "loop_sums", map[string]int64{"a": 9})
		d.KillAndWipe()
		table(t, d, "loop_sums", map[string]int64{"a": 9})
		if got, want := applied(d), []string{"a1", "a8"}; !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

func TestFailStopsAndLosesNothing(t *testing.T) {
	for _, topic := range []string{"strict", "strict_loop"} {
		for _, end := range []string{"error", "panic"} {
			for _, wiped := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/wiped=%v", topic, end, wiped), func(t *testing.T) { failAndMend(t, topic, end, wiped) })
			}
		}
	}
}

func failAndMend(t *testing.T, topic, end string, wiped bool) {
	Mended.Store(false)
	defer Mended.Store(false)
	sums := topic + "_sums"
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send(topic, "a", Change{"a", 1, "ok"})
		table(t, d, sums, map[string]int64{"a": 1})
		d.Send(topic, "a", Change{"a", 2, "ok"})
		d.Send(topic, "a", Change{"a", 4, end})
		d.Send(topic, "a", Change{"a", 8, "ok"})
		err := d.Failure()
		if !strings.Contains(err.Error(), topic+" partition 0 offset 2") {
			t.Errorf("the error does not name the event: %v", err)
		}

		d.Workers(1)
		if again := d.Failure(); !strings.Contains(again.Error(), "offset 2") {
			t.Errorf("with the cause still there the worker stops at another event: %v", again)
		}

		Mended.Store(true)
		d.Workers(1)
		table(t, d, sums, map[string]int64{"a": 15})
		if wiped {
			d.KillAndWipe()
		} else {
			d.Restart()
		}
		table(t, d, sums, map[string]int64{"a": 15})
	})
}

func TestInputThatCanNotBeUsed(t *testing.T) {
	broken := map[string]any{
		"broken JSON":       json.RawMessage(`{"key":"a","n":1`),
		"a wrong type":      json.RawMessage(`{"key":"a","n":"one","end":"ok"}`),
		"another document":  json.RawMessage(`[1,2]`),
		"no key":            json.RawMessage(`{"n":1,"end":"ok"}`),
		"out of bounds":     json.RawMessage(`{"key":"a","n":-1,"end":"ok"}`),
		"no choice":         json.RawMessage(`{"key":"a","n":1,"end":"maybe"}`),
		"an empty value":    []byte{},
		"bytes after it":    json.RawMessage(`{"key":"a","n":1,"end":"ok"} 2`),
		"no bytes of text":  []byte{0xff, 0xfe},
		"more than 64 bits": json.RawMessage(`{"key":"a","n":99999999999999999999,"end":"ok"}`),
	}
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		want := int64(0)
		for name, value := range broken {
			for _, topic := range []string{"skipping", "skipping_loop"} {
				d.Send(topic, "a", value)
				d.Send(topic, "a", Change{"a", 1, "ok"})
			}
			want++
			if sums := fausttest.Table[string, int64](d, "skip_sums"); !reflect.DeepEqual(sums, map[string]int64{"a": want}) {
				t.Errorf("after %s: sums %v, want a: %d", name, sums, want)
			}
			if sums := fausttest.Table[string, int64](d, "loop_sums"); !reflect.DeepEqual(sums, map[string]int64{"a": want}) {
				t.Errorf("after %s: sums of the loop %v, want a: %d", name, sums, want)
			}
		}
	})
	for name, text := range map[string]string{"broken JSON": "decode: ", "out of bounds": "invalid: ", "an empty value": "decode: "} {
		t.Run(name, func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				d.Send("strict", "a", Change{"a", 1, "ok"})
				d.Send("strict", "a", broken[name])
				if err := d.Failure(); !strings.Contains(err.Error(), "agent fail, strict partition 0 offset 1: "+text) {
					t.Errorf("the error does not name the event and what is wrong: %v", err)
				}
			})
		})
	}
}

func TestNullsReachAgentsOverEvents(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("nullable", "k", nil)
		d.Send("nullable", nil, nil)
		d.Send("nullable", nil, Change{"v", 1, "ok"})
		d.Send("nullable", "", Change{"w", 1, "ok"})
		d.Send("nullable", "e", []byte{})
		got := map[string][]string{}
		for _, ev := range fausttest.Read[string, string](d, "seen") {
			got[ev.Key] = append(got[ev.Key], ev.Value)
		}
		events := []string{`"k" "" deleted=true key=true`, `"" "" deleted=true key=false`, `"" "v" deleted=false key=false`, `"" "w" deleted=false key=true`}
		if want := map[string][]string{"values": {"v", "w"}, "events": events, "loop": events}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestKeysThatAreNoNumbers(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("numbers", 7, 70)
		d.Send("numbers", []byte("seven"), 71)
		d.Send("numbers", -8, 80)
		d.Settle()
		d.Advance(time.Second)
		var got []string
		for _, ev := range fausttest.Read[string, string](d, "seen") {
			got = append(got, ev.Value)
		}
		if want := []string{"7 70", "-8 80"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A close handler with on_error=skip is undone as an agent is, and the window counts as closed.
func TestSkipUndoesTheCloseOfAWindow(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		at := time.Unix(1000, 0)
		for i, key := range []string{"error", "fine", "panic", "well"} {
			d.Send("timed", key, Change{key, int64(1) << i, "ok"}, faust.Time(at))
		}
		d.Send("timed", "later", Change{"later", 1, "ok"}, faust.Time(at.Add(10*time.Second)))
		for range 2 {
			table(t, d, "closes", map[string]int64{"fine": 2, "well": 8})
			if got, want := applied(d), []string{"fine2", "well8"}; !slices.Equal(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
			d.KillAndWipe()
		}
	})
}

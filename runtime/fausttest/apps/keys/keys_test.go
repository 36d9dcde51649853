package keys

import (
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/fausttest"
)

// check sends a value under each key and reads topic and table, before and after the disk is gone.
func check[K comparable](t *testing.T, topic, table string, keys ...K) {
	t.Helper()
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		want := map[K]string{}
		for i, k := range keys {
			want[k] = string(rune('a' + i))
			d.Send(topic, k, want[k])
		}
		got := map[K]string{}
		for _, ev := range fausttest.Read[K, string](d, topic) {
			if !ev.HasKey {
				t.Errorf("a record of %s has no key", topic)
			}
			got[ev.Key] = ev.Value
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("topic %s: got %v, want %v", topic, got, want)
		}
		for range 2 {
			if got := fausttest.Table[K, string](d, table); !reflect.DeepEqual(got, want) {
				t.Errorf("table %s: got %v, want %v", table, got, want)
			}
			d.KillAndWipe()
		}
	})
}

func TestKeysOfEveryKind(t *testing.T) {
	check[int64](t, "ints", "by_int", 0, 42, -7, 1<<62)
	check[int64](t, "longs", "by_long", 0, 42, -7, 1<<62)
	check[int32](t, "integers", "by_integer", 0, 42, -7, 1<<30)
	check(t, "bools", "by_bool", true, false)
	check(t, "times", "by_time", time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC), time.Date(2024, 5, 1, 12, 0, 0, 123456789, time.UTC))
	check(t, "places", "by_place", Place{1, "a"}, Place{1, `quoted "b"`}, Place{})
	check[Name](t, "names", "by_name", "ann", "", "日本", "two words")
	check(t, "blocks", "by_block", [4]byte{0, 1, 2, 0xff}, [4]byte{'a', 'b', 'c', 'd'})
}

// One instant is one key, whatever zone it is written in.
func TestTimesInOtherZonesAreOneKey(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
		d.Send("times", at, "a")
		d.Send("times", at.In(time.FixedZone("", 7200)), "b")
		want := map[time.Time]string{at: "ab"}
		if got := fausttest.Table[time.Time, string](d, "by_time"); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		d.Restart()
		d.Send("times", at, "c")
		want[at] = "abc"
		if got := fausttest.Table[time.Time, string](d, "by_time"); !reflect.DeepEqual(got, want) {
			t.Errorf("after a restart: got %v, want %v", got, want)
		}
	})
}

func TestTextAndBytes(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("texts", "k", `no "JSON"`)
		d.Send("texts", "l", []byte("bytes as they are"))
		d.Send("bytes", []byte("raw"), []byte{'x', 0, 'y'})
		d.Send("bytes", []byte("empty"), []byte{})
		got := map[string]string{}
		for _, ev := range fausttest.Read[string, string](d, "copies") {
			got[ev.Key] = ev.Value
		}
		want := map[string]string{"k": `no "JSON"`, "l": "bytes as they are", "raw": "x\x00y"}
		delete(got, "empty")
		if !maps.Equal(got, want) {
			t.Errorf("copies: got %q, want %q", got, want)
		}
	})
}

package shapes

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// values are a topic's values as text, sorted.
func values[V any](d *fausttest.Driver, topic string) []string {
	var all []string
	for _, ev := range fausttest.Read[string, V](d, topic) {
		all = append(all, fmt.Sprintf("%s=%v", ev.Key, ev.Value))
	}
	slices.Sort(all)
	return all
}

func want[V any](t *testing.T, d *fausttest.Driver, topic string, want ...string) {
	t.Helper()
	if got := values[V](d, topic); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", topic, got, want)
	}
}

// The topics values, pointers and slices are compressed with zstd, gzip and snappy. A garbage collection outside the bubble may not touch
// what the readers made in it.
func TestCompressedTopicsOutliveTheCollector(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for range 3 {
			d.Send("words", "k", Word{Text: "bcd"})
			for _, topic := range []string{"values", "pointers", "slices"} {
				if len(values[Length](d, topic)) == 0 {
					t.Errorf("nothing came to %s", topic)
				}
			}
			d.Restart()
			runtime.GC()
			runtime.GC()
		}
	})
}

func TestEveryShapeGetsEveryWord(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		at := time.Date(2020, 5, 1, 12, 0, 0, 0, time.UTC)
		d.Send("words", "k", Word{Text: "a"}, faust.Partition(0), faust.Time(at), faust.Header("tag", []byte("x")))
		d.Send("words", "k", Word{Text: "bcd"}, faust.Partition(0), faust.Time(at))
		d.Send("words", nil, Word{Text: "ef"}, faust.Partition(0), faust.Time(at))
		d.Settle()

		want[Length](t, d, "values", "={value 2}", "k={value 1}", "k={value 3}")
		want[Length](t, d, "pointers", "k={pointer 3}")
		want[Length](t, d, "slices", "={slice 1}", "={slice 2}", "k={slice 1}", "k={slice 1}", "k={slice 2}", "k={slice 3}")
		want[string](t, d, "events", "=ef key=false deleted=false words tag= time=2020-05-01T12:00:00Z",
			"k=a key=true deleted=false words tag=x time=2020-05-01T12:00:00Z", "k=bcd key=true deleted=false words tag= time=2020-05-01T12:00:00Z")
		want[string](t, d, "loops", "a=A", "bcd=BCD", "ef=EF")
		want[string](t, d, "event_loops", "=ef 3", "k=a 1", "k=bcd 2")
		want[string](t, d, "batches", "batch=a+bcd+ef")
		want[string](t, d, "numbered", "a=0 a", "bcd=1 bcd", "ef=2 ef")

		for _, ev := range fausttest.Read[string, Length](d, "values") {
			if !ev.Time.Equal(at) {
				t.Errorf("a result has time %v, want the event's", ev.Time)
			}
			if tag, ok := ev.Headers.Get("tag"); ev.Value.Len == 1 && (!ok || string(tag) != "x") {
				t.Errorf("the sink lost the header: %v", ev.Headers)
			}
		}
		for _, ev := range fausttest.Read[string, string](d, "events") {
			if seen, _ := ev.Headers.Get("seen"); string(seen) != "yes" || len(ev.Headers) != 1 {
				t.Errorf("headers %v, want the one that was sent", ev.Headers)
			}
		}
	})
}

// A loop that has failed is called anew with the next event; the one beside it goes on.
func TestALoopThatFailsIsCalledAnew(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for _, text := range []string{"one", "two", "stumble", "three", "four"} {
			d.Send("words", text, Word{Text: text}, faust.Partition(1))
		}
		d.Settle()
		want[string](t, d, "event_loops", "four=four 2", "one=one 1", "three=three 1", "two=two 2")
		want[string](t, d, "numbered", "four=4 four", "one=0 one", "stumble=2 stumble", "three=3 three", "two=1 two")
		want[string](t, d, "loops", "four=FOUR", "one=ONE", "stumble=STUMBLE", "three=THREE", "two=TWO")
	})
}

func TestBatches(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send := func(words ...string) {
			for _, w := range words {
				d.Send("words", w, Word{Text: w}, faust.Partition(0))
			}
		}
		batches := func() (all []string) {
			for _, ev := range fausttest.Read[string, string](d, "batches") {
				all = append(all, ev.Value)
			}
			return all
		}
		send("a", "b", "c", "d")
		began := time.Now()
		if got, want := batches(), []string{"a+b+c", "d"}; !slices.Equal(got, want) {
			t.Errorf("batches %q, want %q", got, want)
		}
		if took := time.Since(began); took < time.Minute || took > 62*time.Second {
			t.Errorf("the last batch came after %v, want a minute", took)
		}

		// A worker that stops hands out what has been gathered; what is gathered when it is killed is read again.
		send("e", "f")
		d.Advance(2 * time.Second)
		d.Restart()
		send("g")
		if got, want := batches(), []string{"a+b+c", "d", "e+f", "g"}; !slices.Equal(got, want) {
			t.Errorf("batches after a restart %q, want %q", got, want)
		}
		send("h")
		d.Advance(2 * time.Second)
		d.Kill()
		send("i", "j")
		if got, want := batches(), []string{"a+b+c", "d", "e+f", "g", "h+i+j"}; !slices.Equal(got, want) {
			t.Errorf("batches after a kill %q, want %q", got, want)
		}
	})
}

// Package windows is an application for tests: tumbling and hopping windows, how they close and expire, and all ways to look at them.
//
//faust:app windows
package windows

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Reading is one event, at a time of its own.
//
//faust:record time=At
type Reading struct {
	Meter string    `json:"meter"`
	N     int64     `json:"n"`
	At    time.Time `json:"at"`
	Noted time.Time `json:"noted"`
	Look  bool      `json:"look"` // report how the tables look, instead of counting
}

// Closed is what a close handler was called with.
//
//faust:record
type Closed struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	N     int64     `json:"n"`
	Total int64     `json:"total"` // of a table that the handler changes
}

// Topics are the input and what comes of it.
//
//faust:topics
type Topics struct {
	//faust:topic readings partitions=2
	Readings faust.Topic[string, Reading]
	//faust:topic idlers partitions=1
	Idlers faust.Topic[string, Reading]
	//faust:topic closes partitions=2
	Closes faust.Topic[string, Closed]
	//faust:topic hop_closes partitions=2
	HopCloses faust.Topic[string, Closed]
	//faust:topic idle_closes partitions=1
	IdleCloses faust.Topic[string, Closed]
	//faust:topic views partitions=1
	Views faust.Topic[string, string]
}

// Tables are all fed by the same readings.
//
//faust:tables
type Tables struct {
	//faust:tumbling 10s grace=5s expires=1m
	Tumbling faust.WindowTable[string, int64]
	//faust:hopping 10s step=5s grace=0s expires=30s
	Hopping faust.WindowTable[string, int64]
	// Noted goes by another time of the reading.
	//
	//faust:tumbling 10s time=Reading.Noted
	Noted faust.WindowTable[string, int64]
	// Totals are changed by a close handler.
	Totals faust.Table[string, int64]
}

// Idle closes without further readings.
//
//faust:tables
type Idle struct {
	//faust:tumbling 10s grace=2s expires=20s idle=5s
	Idling faust.WindowTable[string, int64]
}

// Count feeds the tables, or looks at them.
//
//faust:agent readings
func Count(ctx context.Context, r Reading, t *Tables, out *Topics) error {
	if r.Look {
		return out.Views.Send(ctx, r.Meter, look(r.Meter, t), faust.Partition(0))
	}
	add := func(n *int64) { *n += r.N }
	t.Tumbling.Update(r.Meter, add)
	t.Hopping.Update(r.Meter, add)
	t.Noted.Update(r.Meter, add)
	return nil
}

// look writes down everything that can be asked of the tumbling table.
func look(meter string, t *Tables) string {
	w := t.Tumbling
	var b strings.Builder
	_, there := w.Lookup(meter)
	_, before := w.Delta(10 * time.Second).Lookup(meter)
	fmt.Fprintf(&b, "get=%d current=%d lookup=%v len=%d", w.Get(meter), w.Current().Get(meter), there, w.Len())
	fmt.Fprintf(&b, " all=%v", sorted(maps.Collect(w.All())))
	fmt.Fprintf(&b, " delta10=%d,%v delta20=%d", w.Delta(10*time.Second).Get(meter), before, w.Delta(20*time.Second).Get(meter))
	fmt.Fprintf(&b, " at0=%d now=%d", w.At(time.Unix(100, 0)).Get(meter), w.Now().Get(meter))
	fmt.Fprintf(&b, " windows=%s hops=%s", list(w.Windows(meter)), list(t.Hopping.Windows(meter)))
	return b.String()
}

func sorted(m map[string]int64) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%s:%d", k, m[k]))
	}
	return strings.Join(all, ",")
}

func list(windows func(func(faust.Window, int64) bool)) string {
	var all []string
	for w, n := range windows {
		all = append(all, fmt.Sprintf("%d-%d:%d", w.Start.Unix(), w.End.Unix(), n))
	}
	return strings.Join(all, ",")
}

// CountIdle feeds the table that closes by itself.
//
//faust:agent idlers
func CountIdle(ctx context.Context, readings *faust.Stream[Reading], t *Idle) error {
	for r := range readings.All() {
		t.Idling.Update(r.Meter, func(n *int64) { *n += r.N })
	}
	return nil
}

// CloseTumbling keeps a total in a table of its own.
//
//faust:on_window_close Tables.Tumbling
func CloseTumbling(ctx context.Context, w faust.Window, meter string, n int64, t *Tables, out *Topics) error {
	t.Totals.Update(meter, func(total *int64) { *total += n })
	return out.Closes.Send(ctx, meter, Closed{w.Start, w.End, n, t.Totals.Get(meter)})
}

// CloseHopping reports.
//
//faust:on_window_close Tables.Hopping
func CloseHopping(ctx context.Context, w faust.Window, meter string, n int64, out *Topics) error {
	return out.HopCloses.Send(ctx, meter, Closed{Start: w.Start, End: w.End, N: n})
}

// CloseIdle reports.
//
//faust:on_window_close Idle.Idling
func CloseIdle(ctx context.Context, w faust.Window, meter string, n int64, out *Topics) error {
	return out.IdleCloses.Send(ctx, meter, Closed{Start: w.Start, End: w.End, N: n})
}

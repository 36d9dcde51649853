// Package cases is an application for tests: it aggregates in windows as Kafka Streams does, so that the two can be compared case by case.
// The tests change the sizes of its windows.
//
//faust:app cases
package cases

import (
	"context"
	"fmt"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Input is one event. Without a key it belongs to no group.
//
//faust:record time=At
type Input struct {
	Index int       `json:"index"`
	Key   *string   `json:"key"`
	Value int64     `json:"value"`
	At    time.Time `json:"at"`
	// Do says how the value is used: add it, count it, add it at the wall clock's time, or look at the table.
	Do string `json:"do" validate:"oneof=sum count now look"`
	// Delta is how far before its time a look is.
	Delta time.Duration `json:"delta"`
}

// Cell is what one window holds for one key.
//
//faust:record
type Cell struct {
	Value   int64 `json:"value"`
	Changes int64 `json:"changes"`
}

// Output is a window that an input has changed.
//
//faust:record
type Output struct {
	Index int    `json:"index"`
	Key   string `json:"key"`
	Start int64  `json:"start"` // ms
	Value int64  `json:"value"`
}

// Topics have one partition, except that of window closes.
//
//faust:topics
type Topics struct {
	//faust:topic inputs partitions=1
	Inputs faust.Topic[string, Input]
	//faust:topic outputs partitions=1
	Outputs faust.Topic[string, Output]
	//faust:topic looks partitions=1
	Looks faust.Topic[string, int64]
	//faust:topic closing partitions=2
	Closing faust.Topic[string, Input]
	//faust:topic closed partitions=1
	Closed faust.Topic[string, Output]
}

// Tables hold the windows that are compared.
//
//faust:tables
type Tables struct {
	//faust:table store=memory
	//faust:hopping 10ms step=5ms expires=24h
	Windows faust.WindowTable[string, Cell]
}

// ClosingTables hold windows that close.
//
//faust:tables
type ClosingTables struct {
	//faust:table store=memory
	//faust:tumbling 10s grace=0s expires=10s
	Tumbling faust.WindowTable[string, int64]
}

// Aggregate changes the windows of an input and reports those that have changed.
//
//faust:agent inputs group_by=Key
func Aggregate(ctx context.Context, ev faust.Event[string, Input], t *Tables, out *Topics) error {
	in, key := ev.Value, ev.Key
	if in.Do == "look" {
		return out.Looks.Send(ctx, key, t.Windows.Delta(in.Delta).Get(key).Value)
	}
	before := map[faust.Window]int64{}
	for w, c := range t.Windows.Windows(key) {
		before[w] = c.Changes
	}
	view := t.Windows.Current()
	if in.Do == "now" {
		view = t.Windows.Now()
	}
	view.Update(key, func(c *Cell) {
		c.Changes++
		if in.Do == "count" {
			c.Value++
		} else {
			c.Value += in.Value
		}
	})
	for w, c := range t.Windows.Windows(key) {
		if c.Changes == before[w] {
			continue
		}
		if err := out.Outputs.Send(ctx, key, Output{in.Index, key, w.Start.UnixMilli(), c.Value}); err != nil {
			return err
		}
	}
	return nil
}

// Fill fills the windows that close.
//
//faust:agent closing
func Fill(ctx context.Context, ev faust.Event[string, Input], t *ClosingTables) error {
	t.Tumbling.Update(ev.Key, func(n *int64) { *n += ev.Value.Value })
	return nil
}

// Report reports a closed window.
//
//faust:on_window_close ClosingTables.Tumbling
func Report(ctx context.Context, w faust.Window, key string, n int64, out *Topics) error {
	return out.Closed.Send(ctx, key, Output{Key: fmt.Sprint(key), Start: w.Start.UnixMilli(), Value: n})
}

// Package stopping is an application for tests: it does what no worker may go on with.
//
//faust:app stopping
package stopping

import (
	"context"
	"errors"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Item is what comes in. Kind says what goes wrong.
//
//faust:record time=At
type Item struct {
	Kind  string    `json:"kind"`
	Other string    `json:"other"`
	At    time.Time `json:"at"`
}

// Topics are the input.
//
//faust:topics
type Topics struct {
	//faust:topic items partitions=4
	Items faust.Topic[string, Item]
	//faust:topic quitters partitions=1
	Quitters faust.Topic[string, Item]
	//faust:topic windowed partitions=1
	Windowed faust.Topic[string, Item]
}

// Tables are kept by another key than the items' own.
//
//faust:tables
type Tables struct {
	Counts faust.Table[string, int64]
	Nested faust.Table[string, int64]
}

// Windows are closed by a handler that fails.
//
//faust:tables
type Windows struct {
	//faust:tumbling 10s grace=0s
	Closing faust.WindowTable[string, int64]
}

// Count counts by Other, though it has no group_by.
//
//faust:agent items
func Count(ctx context.Context, it Item, t *Tables) error {
	switch it.Kind {
	case "nested":
		t.Nested.Update(it.Other, func(n *int64) { t.Nested.Update("another", func(m *int64) { *m++ }); *n++ })
	case "swallowed":
		func() {
			defer func() { _ = recover() }() // a body may swallow the panic; the task ends all the same
			t.Nested.Update(it.Other, func(n *int64) { t.Nested.Set("another", 1) })
		}()
	default:
		t.Counts.Update(it.Other, func(n *int64) { *n++ })
	}
	return nil
}

// Quit returns though its stream has not ended, or takes a nap.
//
//faust:agent quitters
func Quit(ctx context.Context, items *faust.Stream[Item]) error {
	for it := range items.All() {
		switch it.Kind {
		case "quit":
			return nil
		case "nap":
			time.Sleep(time.Hour)
		}
	}
	return nil
}

// CountWindows counts, or asks for the present event's window where it may not.
//
//faust:agent windowed
func CountWindows(ctx context.Context, items *faust.Stream[Item], w *Windows) error {
	for it := range items.All() {
		w.Closing.Update(it.Other, func(n *int64) { *n++ })
	}
	return nil
}

// Close fails, or looks at a window that no event chooses.
//
//faust:on_window_close Windows.Closing
func Close(ctx context.Context, w faust.Window, key string, n int64, t *Windows) error {
	switch key {
	case "current":
		t.Closing.Get(key)
	case "error":
		return errors.New("the report can't be written")
	}
	return nil
}

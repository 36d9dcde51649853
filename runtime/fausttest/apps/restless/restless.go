// Package restless is an application for tests: it never comes to rest by itself.
//
//faust:app restless
package restless

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Topics are fed by a timer, and by the agent itself.
//
//faust:topics
type Topics struct {
	//faust:topic ticks partitions=2
	Ticks faust.Topic[string, int64]
	//faust:topic countdowns partitions=2
	Countdowns faust.Topic[string, int64]
}

// Tables count.
//
//faust:tables
type Tables struct {
	Ticks faust.Table[string, int64]
}

// Tick sends all the time.
//
//faust:timer 3ms
func Tick(ctx context.Context, out *Topics) error {
	return out.Ticks.Send(ctx, "tick", time.Now().UnixMilli())
}

// Count counts ticks.
//
//faust:agent ticks
func Count(ctx context.Context, ev faust.Event[string, int64], t *Tables) error {
	t.Ticks.Update(ev.Key, func(n *int64) { *n++ })
	return nil
}

// Countdown sends to its own topic until it has come to zero.
//
//faust:agent countdowns
func Countdown(ctx context.Context, ev faust.Event[string, int64], out *Topics) error {
	if ev.Value == 0 {
		return nil
	}
	return out.Countdowns.Send(ctx, ev.Key, ev.Value-1)
}

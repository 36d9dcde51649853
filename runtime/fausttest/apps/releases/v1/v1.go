// Package v1 is one of two builds of an application for tests. Their tables have values of another type.
//
//faust:app releases
package v1

import (
	"context"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Topics are the input.
//
//faust:topics
type Topics struct {
	//faust:topic words partitions=1
	Words faust.Topic[string, string]
}

// Tables hold the last value of every key.
//
//faust:tables
type Tables struct {
	Last faust.Table[string, string]
}

// Deferred counts the bodies that have ended, in whatever way.
var Deferred int

// Keep keeps the last value, after a look at the one before.
//
//faust:agent words
func Keep(ctx context.Context, ev faust.Event[string, string], t *Tables) error {
	defer func() { Deferred++ }()
	t.Last.Get(ev.Key)
	t.Last.Set(ev.Key, ev.Value)
	return nil
}

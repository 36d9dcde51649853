// Package counting is an application for tests: it counts what comes, on disk and in memory, while workers come and go.
//
//faust:app counting partitions=4
package counting

import (
	"context"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Topics are the input and a copy of it.
//
//faust:topics
type Topics struct {
	//faust:topic colors
	Colors faust.Topic[string, string]
	//faust:topic copies
	Copies faust.Topic[string, string]
}

// Tables are kept per color.
//
//faust:tables
type Tables struct {
	Counts faust.Table[string, int64]
	//faust:table store=memory
	InMemory faust.Table[string, int64]
}

// Count counts twice, and sends on.
//
//faust:agent colors sink=copies
func Count(ctx context.Context, color string, t *Tables) (string, error) {
	t.Counts.Update(color, func(n *int64) { *n++ })
	t.InMemory.Set(color, t.InMemory.Get(color)+1)
	return color, nil
}

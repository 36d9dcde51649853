package colors

import (
	"context"
	"fmt"

	faust "github.com/faustgen/faustgen/runtime"
)

// Topics are the application's topics.
//
//faust:topics
type Topics struct {
	// Colors is what comes in: names of colours, and whatever else people send.
	//
	//faust:topic colors partitions=8
	Colors faust.Topic[string, string]

	// Valid are the known colours, keyed by colour.
	//
	//faust:topic valid-colors partitions=8
	Valid faust.Topic[string, string]

	// Messages say how often each has been seen.
	//
	//faust:topic messages partitions=8 codec=text
	Messages faust.Topic[string, string]
}

// Tables are kept per colour.
//
//faust:tables
type Tables struct {
	// ColorCount is how often each colour has been seen.
	ColorCount faust.Table[string, int64]
}

var known = map[string]bool{"red": true, "orange": true, "yellow": true, "green": true, "blue": true, "violet": true, "black": true, "white": true}

// Filter lets the known colours through.
//
//faust:agent colors
func Filter(ctx context.Context, color string, out *Topics) error {
	if !known[color] {
		return nil
	}
	return out.Valid.Send(ctx, color, color)
}

// Count counts each colour and says so.
//
//faust:agent valid-colors
func Count(ctx context.Context, color string, t *Tables, out *Topics) error {
	t.ColorCount.Update(color, func(n *int64) { *n++ })
	return out.Messages.Send(ctx, color, fmt.Sprintf("%s count is %d", color, t.ColorCount.Get(color)))
}

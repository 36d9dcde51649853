// Package failing is an application for tests: agents that fail, and input that can't be used.
//
//faust:app failing
package failing

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	faust "github.com/faustgen/faustgen/runtime"
)

// Change is what the agents apply to their tables.
//
//faust:record
type Change struct {
	Key string `json:"key" validate:"required"`
	N   int64  `json:"n" validate:"gte=0,lte=1000"`
	End string `json:"end" validate:"oneof=ok error panic swallow"` // how the body ends
}

// Note is a value with parts that its copies share.
//
//faust:record
type Note struct {
	Words []string         `json:"words"`
	Count map[string]int64 `json:"count"`
	Last  *int64           `json:"last"`
}

// Topics have one partition, so that the order of events is known.
//
//faust:topics
type Topics struct {
	//faust:topic skipping partitions=1
	Skipping faust.Topic[string, Change]
	//faust:topic skipping_loop partitions=1
	SkippingLoop faust.Topic[string, Change]
	//faust:topic strict partitions=1
	Strict faust.Topic[string, Change]
	//faust:topic strict_loop partitions=1
	StrictLoop faust.Topic[string, Change]
	//faust:topic applied partitions=1
	Applied faust.Topic[string, int64]
	//faust:topic nullable partitions=1
	Nullable faust.Topic[string, Change]
	//faust:topic seen partitions=1
	Seen faust.Topic[string, string]
	//faust:topic timed partitions=1
	Timed faust.Topic[string, Change]
	//faust:topic numbers partitions=1
	Numbers faust.Topic[int64, int64]
}

// Skipping are the tables of the agents with on_error=skip.
//
//faust:tables
type Skipping struct {
	SkipSums  faust.Table[string, int64]
	SkipNotes faust.Table[string, Note]
	SkipGone  faust.Table[string, int64]
}

// SkippingLoop are the tables of the loop.
//
//faust:tables
type SkippingLoop struct {
	LoopSums faust.Table[string, int64]
}

// Strict are the tables of the agents with on_error=fail.
//
//faust:tables
type Strict struct {
	StrictSums faust.Table[string, int64]
}

// StrictLoop are the tables of the strict loop.
//
//faust:tables
type StrictLoop struct {
	StrictLoopSums faust.Table[string, int64]
}

// Closing is a table whose close handler fails for some keys.
//
//faust:tables
type Closing struct {
	//faust:tumbling 10s grace=0s
	Minute faust.WindowTable[string, int64]
	Closes faust.Table[string, int64]
}

// Mended is set by a test that has mended the cause of the failures.
var Mended atomic.Bool

func end(c Change) error {
	if Mended.Load() {
		return nil
	}
	switch c.End {
	case "error":
		return errors.New("the body gives up")
	case "panic":
		panic("the body panics")
	}
	return nil
}

// Skip changes every kind of value, deletes, and sends, before it fails.
//
//faust:agent skipping on_error=skip
func Skip(ctx context.Context, c Change, t *Skipping, out *Topics) error {
	t.SkipSums.Update(c.Key, func(n *int64) { *n += c.N })
	t.SkipNotes.Update(c.Key, func(n *Note) {
		n.Words = append(n.Words, c.End)
		if n.Count == nil {
			n.Count = map[string]int64{}
		}
		n.Count[c.End] += c.N
		if n.Last == nil {
			n.Last = new(int64)
		}
		*n.Last = c.N
	})
	if c.End == "ok" {
		t.SkipGone.Set(c.Key, c.N)
	} else {
		t.SkipGone.Delete(c.Key)
	}
	if err := out.Applied.Send(ctx, c.Key, c.N); err != nil {
		return err
	}
	return end(c)
}

// SkipLoop is Skip as a loop; swallow is a body that hides its own panic.
//
//faust:agent skipping_loop on_error=skip
func SkipLoop(ctx context.Context, changes *faust.Stream[Change], t *SkippingLoop, out *Topics) error {
	for c := range changes.All() {
		t.LoopSums.Update(c.Key, func(n *int64) { *n += c.N })
		if err := out.Applied.Send(ctx, c.Key, c.N); err != nil {
			return err
		}
		if err := end(c); err != nil {
			return err
		}
	}
	return nil
}

// Fail stops the worker when it fails.
//
//faust:agent strict
func Fail(ctx context.Context, c Change, t *Strict, out *Topics) error {
	t.StrictSums.Update(c.Key, func(n *int64) { *n += c.N })
	if err := out.Applied.Send(ctx, c.Key, c.N); err != nil {
		return err
	}
	return end(c)
}

// FailLoop is Fail as a loop.
//
//faust:agent strict_loop
func FailLoop(ctx context.Context, changes *faust.Events[string, Change], t *StrictLoop, out *Topics) error {
	for ev := range changes.All() {
		t.StrictLoopSums.Update(ev.Key, func(n *int64) { *n += ev.Value.N })
		if err := end(ev.Value); err != nil {
			return err
		}
	}
	return nil
}

// Values sees no tombstones.
//
//faust:agent nullable on_error=skip
func Values(ctx context.Context, c Change, out *Topics) error {
	return out.Seen.Send(ctx, "values", c.Key)
}

// Events sees all there is.
//
//faust:agent nullable on_error=skip
func Events(ctx context.Context, ev faust.Event[string, Change], out *Topics) error {
	return out.Seen.Send(ctx, "events", fmt.Sprintf("%q %q deleted=%v key=%v", ev.Key, ev.Value.Key, ev.Deleted, ev.HasKey))
}

// Loop sees all there is, too.
//
//faust:agent nullable on_error=skip
func Loop(ctx context.Context, events *faust.Events[string, Change], out *Topics) error {
	for ev := range events.All() {
		if err := out.Seen.Send(ctx, "loop", fmt.Sprintf("%q %q deleted=%v key=%v", ev.Key, ev.Value.Key, ev.Deleted, ev.HasKey)); err != nil {
			return err
		}
	}
	return nil
}

// Numbers reads keys that may be no numbers.
//
//faust:agent numbers on_error=skip
func Numbers(ctx context.Context, ev faust.Event[int64, int64], out *Topics) error {
	return out.Seen.Send(ctx, "numbers", fmt.Sprintf("%d %d", ev.Key, ev.Value))
}

// CountTimed counts by the time of the record.
//
//faust:agent timed
func CountTimed(ctx context.Context, c Change, t *Closing) error {
	t.Minute.Update(c.Key, func(n *int64) { *n += c.N })
	return nil
}

// CloseTimed fails for the keys error and panic, after it has changed a table and sent.
//
//faust:on_window_close Closing.Minute on_error=skip
func CloseTimed(ctx context.Context, w faust.Window, key string, n int64, t *Closing, out *Topics) error {
	t.Closes.Update(key, func(total *int64) { *total += n })
	if err := out.Applied.Send(ctx, key, n); err != nil {
		return err
	}
	return end(Change{End: key})
}

// Package clitest is the application that the command line is tested with.
//
//faust:app clitest
package clitest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Reading is what a meter showed.
//
//faust:record time=At
type Reading struct {
	Watts int       `json:"watts" validate:"gte=0"`
	At    time.Time `json:"at"`
}

// Topics have a key that is a number, values that are text, and one that is compacted.
//
//faust:topics
type Topics struct {
	// Readings are keyed by meter.
	//
	//faust:topic readings partitions=2 retention=forever
	Readings faust.Topic[int64, Reading]
	//faust:topic words partitions=1 codec=text
	Words faust.Topic[string, string]
	//faust:topic names partitions=1 compact
	Names faust.Topic[string, string]
}

// Tables are kept per meter.
//
//faust:tables
type Tables struct {
	// ReadingCount is the number of readings of every meter.
	ReadingCount faust.Table[int64, int64]

	//faust:tumbling 1h grace=10m expires=100d
	HourlyWatts faust.WindowTable[int64, int64]
}

// CountReadings keeps both tables.
//
//faust:agent readings
func CountReadings(ctx context.Context, ev faust.Event[int64, Reading], t *Tables) error {
	if ev.Deleted {
		t.ReadingCount.Delete(ev.Key)
		return nil
	}
	t.ReadingCount.Update(ev.Key, func(n *int64) { *n++ })
	t.HourlyWatts.Update(ev.Key, func(n *int64) { *n += int64(ev.Value.Watts) })
	return nil
}

// Hear does what it is told.
//
//faust:agent words
func Hear(ctx context.Context, word string) error {
	slog.Info("heard", "word", word)
	switch word {
	case "fail":
		return errors.New("told to fail")
	case "panic":
		panic("told to panic")
	}
	return nil
}

// Seed sends as many readings as its argument says, of meter -1. The rest of this comment is for its help.
//
//faust:command seed
func Seed(ctx context.Context, args []string, out *Topics) error {
	if len(args) != 1 {
		return errors.New("give the number of readings")
	}
	if args[0] == "panic" {
		panic("told to panic")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of readings; give one from 0 on", args[0])
	}
	for i := range n {
		r := Reading{Watts: i, At: time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)}
		if err := out.Readings.Send(ctx, -1, r); err != nil {
			return err
		}
	}
	return nil
}

// Package shapes is an application for tests: every shape that an agent can have, on one topic.
//
//faust:app shapes
package shapes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Word is what comes in.
//
//faust:record
type Word struct {
	Text string `json:"text" validate:"required"`
	N    int    `json:"n"`
}

// Length is what some agents make of it.
//
//faust:record
type Length struct {
	By  string `json:"by"`
	Len int    `json:"len"`
}

// Topics are the input and one output for each agent.
//
//faust:topics
type Topics struct {
	//faust:topic words partitions=2
	Words faust.Topic[string, Word]
	//faust:topic values partitions=2 compression=zstd
	Values faust.Topic[string, Length]
	//faust:topic pointers partitions=2 compression=gzip
	Pointers faust.Topic[string, Length]
	//faust:topic slices partitions=2 compression=snappy
	Slices faust.Topic[string, Length]
	//faust:topic events partitions=2
	Events faust.Topic[string, string]
	//faust:topic loops partitions=2
	Loops faust.Topic[string, string]
	//faust:topic event_loops partitions=2
	EventLoops faust.Topic[string, string]
	//faust:topic batches partitions=2
	Batches faust.Topic[string, string]
	//faust:topic numbered partitions=2 codec=text
	Numbered faust.Topic[string, string]
}

// ByValue answers every word.
//
//faust:agent words sink=values
func ByValue(ctx context.Context, w Word) (Length, error) {
	return Length{"value", len(w.Text)}, nil
}

// ByPointer answers words of more than two letters.
//
//faust:agent words sink=pointers
func ByPointer(ctx context.Context, w Word) (*Length, error) {
	if len(w.Text) <= 2 {
		return nil, nil
	}
	return &Length{"pointer", len(w.Text)}, nil
}

// BySlice answers once for every letter.
//
//faust:agent words sink=slices
func BySlice(ctx context.Context, ev faust.Event[string, Word]) ([]Length, error) {
	var all []Length
	for i := range ev.Value.Text {
		all = append(all, Length{"slice", i + 1})
	}
	return all, nil
}

// ByEvent reports all that came with a word.
//
//faust:agent words
func ByEvent(ctx context.Context, ev faust.Event[string, Word], out *Topics) error {
	tag, _ := ev.Headers.Get("tag")
	return out.Events.Send(ctx, ev.Key, fmt.Sprintf("%s key=%v deleted=%v %s tag=%s time=%s", ev.Value.Text, ev.HasKey, ev.Deleted, ev.Topic, tag,
		ev.Time.Format(time.RFC3339)), faust.Header("seen", []byte("yes")))
}

// ByLoop shouts.
//
//faust:agent words
func ByLoop(ctx context.Context, words *faust.Stream[Word], out *Topics) error {
	for w := range words.All() {
		if err := out.Loops.Send(ctx, w.Text, strings.ToUpper(w.Text)); err != nil {
			return err
		}
	}
	return nil
}

// ByEventLoop is the second loop on the topic, so it runs beside the first. It fails on a word of its own and is called anew.
//
//faust:agent words on_error=skip
func ByEventLoop(ctx context.Context, words *faust.Events[string, Word], out *Topics) error {
	seen := 0
	for ev := range words.All() {
		seen++
		if err := out.EventLoops.Send(ctx, ev.Key, fmt.Sprintf("%s %d", ev.Value.Text, seen)); err != nil {
			return err
		}
		if ev.Value.Text == "stumble" {
			return errors.New("stumbled")
		}
	}
	return nil
}

// ByBatch joins up to three words, or what came within a minute.
//
//faust:agent words
func ByBatch(ctx context.Context, words *faust.Stream[Word], out *Topics) error {
	for batch := range words.Batches(3, time.Minute) {
		var all []string
		for _, w := range batch {
			all = append(all, w.Text)
		}
		if err := out.Batches.Send(ctx, "batch", strings.Join(all, "+")); err != nil {
			return err
		}
	}
	return nil
}

// ByNumber numbers the words of its partition.
//
//faust:agent words
func ByNumber(ctx context.Context, words *faust.Stream[Word], out *Topics) error {
	for i, w := range words.Enumerate() {
		if err := out.Numbered.Send(ctx, w.Text, fmt.Sprintf("%d %s", i, w.Text)); err != nil {
			return err
		}
	}
	return nil
}

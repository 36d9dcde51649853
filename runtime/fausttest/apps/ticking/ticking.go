// Package ticking is an application for tests: timers, a task, a command, and agents that are methods.
//
//faust:app ticking
package ticking

import (
	"context"
	"fmt"
	"sync"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

//go:generate go tool faustgen

// Topics are what everything writes to.
//
//faust:topics
type Topics struct {
	//faust:topic names partitions=2
	Names faust.Topic[string, string]
	//faust:topic beats partitions=2
	Beats faust.Topic[string, string]
	//faust:topic greetings partitions=2
	Greetings faust.Topic[string, string]
}

// Tables count names, and the calls of a timer.
//
//faust:tables
type Tables struct {
	Counts faust.Table[string, int64]
}

// CountNames counts.
//
//faust:agent names
func CountNames(ctx context.Context, ev faust.Event[string, string], t *Tables) error {
	t.Counts.Update(ev.Key, func(n *int64) { *n++ })
	return nil
}

// Beat is called once per worker.
//
//faust:timer 10s
func Beat(ctx context.Context, out *Topics) error {
	return out.Beats.Send(ctx, "beat", time.Now().UTC().Format(time.TimeOnly))
}

// Slow takes longer than its interval, so ticks are missed: they become one call.
//
//faust:timer 10s
func Slow(ctx context.Context, out *Topics) error {
	at := time.Now()
	time.Sleep(25 * time.Second)
	return out.Beats.Send(ctx, "slow", at.UTC().Format(time.TimeOnly))
}

// Decay is called once per task, in its goroutine: it may change the tables.
//
//faust:timer 1m
func Decay(ctx context.Context, t *Tables, out *Topics) error {
	for name, n := range t.Counts.All() {
		if n <= 1 {
			t.Counts.Delete(name)
			if err := out.Beats.Send(ctx, "gone", name); err != nil {
				return err
			}
			continue
		}
		t.Counts.Set(name, n/2)
	}
	return nil
}

// Start runs once per worker, until it stops.
//
//faust:task
func Start(ctx context.Context, out *Topics) error {
	if err := out.Beats.Send(ctx, "task", "begins"); err != nil {
		return err
	}
	if err := faust.Flush(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return out.Beats.Send(ctx, "task", "ends")
}

// Say is a command: it sends every argument.
//
//faust:command say
func Say(ctx context.Context, args []string, out *Topics) error {
	if len(args) == 0 {
		return fmt.Errorf("say what? give some words")
	}
	for _, word := range args {
		if err := out.Names.Send(ctx, word, word); err != nil {
			return err
		}
	}
	return nil
}

// Greeter holds what its methods share.
type Greeter struct {
	mu     sync.Mutex
	names  int
	closed bool
}

// Events records what has happened to the greeters of a test, in order.
var Events Journal

// Journal is a list that several goroutines may write.
type Journal struct {
	mu  sync.Mutex
	all []string
}

// Add adds an entry.
func (j *Journal) Add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.all = append(j.all, entry)
}

// Take returns the entries and forgets them.
func (j *Journal) Take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.all
	j.all = nil
	return all
}

// NewGreeter builds the receiver.
//
//faust:provide
func NewGreeter(ctx context.Context) (*Greeter, error) {
	Events.Add("new")
	return &Greeter{}, nil
}

// Close is called last.
func (g *Greeter) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	Events.Add(fmt.Sprintf("closed after %d", g.names))
	return nil
}

// Greet is an agent that is a method; it runs on several tasks at once.
//
//faust:agent names sink=greetings
func (g *Greeter) Greet(ctx context.Context, name string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return "", fmt.Errorf("greeting %s after the end", name)
	}
	g.names++
	return "hello " + name, nil
}

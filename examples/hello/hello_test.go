package hello

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/fausttest"
)

func TestGreetingEachSecond(t *testing.T) {
	heard := listen(t)
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Advance(10*time.Second + 500*time.Millisecond)
		greetings := fausttest.Read[string, Greeting](d, "greetings")
		if n := len(greetings); n < 10 {
			t.Fatalf("%d greetings after ten seconds", n)
		}
		for i, g := range greetings {
			if g.Value != (Greeting{From: "Faust", To: "you"}) || g.HasKey {
				t.Errorf("greeting %d is %+v with key %q", i, g.Value, g.Key)
			}
			if i > 0 && g.Time.Sub(greetings[i-1].Time) != time.Second {
				t.Errorf("greeting %d came %v after the one before", i, g.Time.Sub(greetings[i-1].Time))
			}
		}
		if heard.Load() < int64(len(greetings)) {
			t.Errorf("the agent printed %d of %d greetings", heard.Load(), len(greetings))
		}
	})
}

func TestRestartGoesOnWithTheNextGreeting(t *testing.T) {
	heard := listen(t)
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Advance(3500 * time.Millisecond)
		d.Restart()
		d.Advance(3500 * time.Millisecond)
		d.Workers(0) // so that no further one is sent while they are counted
		sent := heard.Load()
		d.Workers(1)
		greetings := fausttest.Read[string, Greeting](d, "greetings")
		if sent < 6 || int64(len(greetings)) < sent {
			t.Errorf("%d greetings in the topic, %d printed before the last stop; want at least six, and none printed that is not there", len(greetings), sent)
		}
		if heard.Load() != int64(len(greetings)) {
			t.Errorf("%d greetings in the topic, %d printed: none may be printed twice after a clean stop", len(greetings), heard.Load())
		}
	})
}

// listen counts the lines that the agent prints.
func listen(t *testing.T) *atomic.Int64 {
	t.Helper()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	h := &counter{}
	slog.SetDefault(slog.New(h))
	return &h.n
}

type counter struct{ n atomic.Int64 }

func (c *counter) Enabled(context.Context, slog.Level) bool { return true }

func (c *counter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "hello" {
		c.n.Add(1)
	}
	return nil
}

func (c *counter) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c *counter) WithGroup(string) slog.Handler      { return c }

package hello

import (
	"context"
	"log/slog"

	faust "github.com/faustgen/faustgen/runtime"
)

// Greeting goes from somebody to somebody.
//
//faust:record
type Greeting struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Topics are the application's topics.
//
//faust:topics
type Topics struct {
	//faust:topic greetings partitions=1
	Greetings faust.Topic[string, Greeting]
}

// Hello prints each greeting.
//
//faust:agent greetings
func Hello(ctx context.Context, g Greeting) error {
	slog.Info("hello", "from", g.From, "to", g.To)
	return nil
}

// SayHello sends a greeting every second.
//
//faust:timer 1s
func SayHello(ctx context.Context, out *Topics) error {
	return out.Greetings.SendValue(ctx, Greeting{From: "Faust", To: "you"})
}

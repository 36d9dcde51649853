package clicks

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Click is one view of a page.
//
//faust:record time=At
type Click struct {
	URL string    `json:"url" validate:"required"`
	At  time.Time `json:"at"`
}

// Trend says how a page fares, at a click.
//
//faust:record
type Trend struct {
	URL    string    `json:"url"`
	At     time.Time `json:"at"`
	Views  int64     `json:"views"`  // in the minute of this click
	Before int64     `json:"before"` // in the minute before
	Now    int64     `json:"now"`    // in the minute of the wall clock: 0 when old clicks are read again
	Kept   int       `json:"kept"`   // windows that are kept of this page
}

// Topics are the application's topics.
//
//faust:topics
type Topics struct {
	//faust:topic clicks partitions=4 retention=forever
	Clicks faust.Topic[string, Click]
	//faust:topic trends partitions=4 retention=forever
	Trends faust.Topic[string, Trend]
}

// Tables are kept per page.
//
//faust:tables
type Tables struct {
	// Views of each page in a minute.
	//
	//faust:hopping 1m step=10s grace=30s expires=10m
	Views faust.WindowTable[string, int64]
}

// CountClicks counts each click, and tells how its page fares.
//
//faust:agent clicks group_by=URL
func CountClicks(ctx context.Context, c Click, t *Tables, out *Topics) error {
	t.Views.Update(c.URL, func(n *int64) { *n++ })
	trend := Trend{
		URL: c.URL, At: c.At,
		Views:  t.Views.Current().Get(c.URL),
		Before: t.Views.Delta(time.Minute).Get(c.URL),
		Now:    t.Views.Now().Get(c.URL),
	}
	for range t.Views.Windows(c.URL) {
		trend.Kept++
	}
	return out.Trends.Send(ctx, c.URL, trend)
}

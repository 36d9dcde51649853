package power

import (
	"context"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// Reading is what one meter showed in one minute.
//
//faust:record time=At
type Reading struct {
	Meter string    `json:"meter" validate:"required"`
	At    time.Time `json:"at"`
	Watts float64   `json:"watts" validate:"gte=0"`
}

// Hour gathers the readings of one hour.
//
//faust:record
type Hour struct {
	Sum      float64 `json:"sum"`
	Readings int64   `json:"readings"`
}

// Average is one meter's average of one hour that has closed.
//
//faust:record
type Average struct {
	Meter    string    `json:"meter"`
	Hour     time.Time `json:"hour"`
	Watts    float64   `json:"watts"`
	Readings int64     `json:"readings"`
}

// Topics are the application's topics. The averages carry the time of their hour, years ago, so nothing may delete them by age.
//
//faust:topics
type Topics struct {
	//faust:topic readings partitions=4 retention=forever
	Readings faust.Topic[string, Reading]
	//faust:topic averages partitions=4 retention=forever
	Averages faust.Topic[string, Average]
}

// Tables are kept per meter.
//
//faust:tables
type Tables struct {
	//faust:tumbling 1h grace=5m expires=24h
	Hourly faust.WindowTable[string, Hour]
}

// Gather adds each reading to its meter's hour.
//
//faust:agent readings on_error=skip
func Gather(ctx context.Context, r Reading, t *Tables) error {
	t.Hourly.Update(r.Meter, func(h *Hour) {
		h.Sum += r.Watts
		h.Readings++
	})
	return nil
}

// Report sends a meter's average of an hour that has closed.
//
//faust:on_window_close Tables.Hourly
func Report(ctx context.Context, w faust.Window, meter string, h Hour, out *Topics) error {
	return out.Averages.Send(ctx, meter, Average{meter, w.Start, h.Sum / float64(h.Readings), h.Readings})
}

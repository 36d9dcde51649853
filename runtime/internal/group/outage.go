package group

import (
	"log/slog"
	"sync"
	"time"
)

// outage logs the first error of a row and the end of the row, and says how long to wait before the next attempt.
// Safe for concurrent use: the heartbeats report to it too.
type outage struct {
	log *slog.Logger

	mu      sync.Mutex
	doing   string    // what met the first error: only its success ends the outage
	since   time.Time // of the first error; zero when all is well
	retries int
}

const backoffMin, backoffMax = 100 * time.Millisecond, 2 * time.Second

func (o *outage) failed(doing string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.doing, o.since = doing, time.Now()
		o.log.Warn("group is interrupted, retrying", "doing", doing, "err", err)
	}
}

func (o *outage) over(doing string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.doing == doing && !o.since.IsZero() {
		o.log.Info("group goes on", "doing", doing, "after", time.Since(o.since).Round(time.Millisecond))
		o.since = time.Time{}
	}
}

// backoff doubles with every call from 100 ms to 2 s, until calmed.
func (o *outage) backoff() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := min(backoffMin<<min(o.retries, 10), backoffMax)
	o.retries++
	return d
}

// calmed starts the back-off anew.
func (o *outage) calmed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retries = 0
}

package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// backoff is the pause before try n (from 0): 20 ms, doubling up to 1 s.
func backoff(n int) time.Duration {
	return min(20*time.Millisecond<<min(max(n, 0), 10), time.Second)
}

// pause waits out the back-off of try n. It is false when one of the contexts ended.
func pause(ctx, other context.Context, n int) bool {
	timer := time.NewTimer(backoff(n))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil && other.Err() == nil
	case <-ctx.Done():
	case <-other.Done():
	}
	return false
}

// retry calls f until it succeeds, fails for good or ctx ends. What goes away by itself are broken connections and the passing codes.
func (c *Client) retry(ctx context.Context, doing string, f func(context.Context) error) error {
	o := outage{log: c.log, what: doing}
	for try := 0; ; try++ {
		err := f(ctx)
		if err == nil {
			o.over()
			return nil
		}
		if final(err) || ctx.Err() != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if try >= 4 {
			o.begin(err)
		}
		if !pause(ctx, c.ctx, try) {
			return fmt.Errorf("%s: %w (last: %w)", doing, c.ended(ctx), err)
		}
	}
}

// errFinal says that an answer can't be read; asking again would bring the same one.
var errFinal = errors.New("not what the protocol says")

// lasting marks an error that retry must not repeat although its code may pass.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

// final tells errors that another try would meet again.
func final(err error) bool {
	var code Code
	if errors.As(err, new(lasting)) {
		return true
	}
	if errors.As(err, &code) {
		return !code.passing() && code != codeUnstableOffset
	}
	return errors.Is(err, ErrClosed) || errors.Is(err, errFinal) ||
		errors.Is(err, kafka.SASLAuthenticationFailed) || errors.Is(err, kafka.UnsupportedSASLMechanism)
}

// outage logs the first failure of something that is tried again and again, and its end.
type outage struct {
	log  *slog.Logger
	what string
	mu   sync.Mutex
	down bool
	at   time.Time
}

func (o *outage) begin(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down {
		o.down, o.at = true, time.Now()
		o.log.Warn(o.what+" waits for the broker", "err", err)
	}
}

func (o *outage) over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		o.down = false
		o.log.Info(o.what+" goes on", "after", time.Since(o.at).Round(time.Millisecond))
	}
}

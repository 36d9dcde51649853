package devbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// logger hands kfake's messages to slog. kfake reports what goes wrong while closing only here, so it is kept for Close.
type logger struct {
	log *slog.Logger

	mu      sync.Mutex
	closing bool
	errs    []error
}

// Logf implements kfake.Logger.
func (l *logger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := slog.LevelDebug
	switch level {
	case kfake.LogLevelError:
		to = slog.LevelError
		l.keep(format, args)
	case kfake.LogLevelWarn:
		to = slog.LevelWarn
	case kfake.LogLevelDebug:
		return // several per request
	}
	if l.log.Enabled(context.Background(), to) {
		l.log.Log(context.Background(), to, "broker", "text", fmt.Sprintf(format, args...))
	}
}

func (l *logger) keep(format string, args []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		l.errs = append(l.errs, fmt.Errorf("close broker: "+format, args...))
	}
}

func (l *logger) beginClose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closing = true
}

func (l *logger) closeError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

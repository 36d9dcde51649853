//go:build !faust_nodev

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/faustgen/faustgen/runtime/devbroker"
)

// hasBroker says whether the development broker is in this binary.
const hasBroker = true

// startBroker starts the development broker and returns its address. It logs "broker listening".
func startBroker(ctx context.Context, listen, dir string, log *slog.Logger) (addr string, stop func() error, err error) {
	b, err := devbroker.Start(ctx, devbroker.Config{Listen: listen, DataDir: dir, Log: log})
	switch {
	case errors.Is(err, devbroker.ErrInUse):
		return "", nil, fmt.Errorf("development broker: %s: %w; choose another --datadir, or use the broker that runs there with --broker host:port", dir, devbroker.ErrInUse)
	case err != nil:
		return "", nil, fmt.Errorf("development broker: %w", err)
	}
	return b.Addr(), func() error {
		// Other processes use this broker too: what they have begun may end. And whoever stops the worker to delete its directory has
		// deleted it by now; then there is nothing to save, and nothing must be made anew.
		time.Sleep(lastRequests)
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			log.Warn("development broker ends without saving: its directory is gone", "dir", dir)
			return nil
		}
		return b.Close()
	}, nil
}

// lastRequests is how long the development broker goes on when its worker has stopped.
const lastRequests = 300 * time.Millisecond

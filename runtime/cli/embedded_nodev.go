//go:build faust_nodev

package cli

import (
	"context"
	"log/slog"
)

// hasBroker says whether the development broker is in this binary.
const hasBroker = false

// startBroker says that there is none.
func startBroker(context.Context, string, string, *slog.Logger) (addr string, stop func() error, err error) {
	return "", nil, usagef("this binary was built without the development broker (build tag faust_nodev); name a Kafka broker with --broker host:port")
}

//go:build faust_nodev

package cli

import (
	"log/slog"
	"strings"
	"testing"
)

// A production binary says that it has no broker, and does not offer the command.
func TestWithoutBroker(t *testing.T) {
	if _, _, err := startBroker(t.Context(), defaultListen, "", slog.Default()); err == nil || !strings.Contains(err.Error(), "faust_nodev") {
		t.Errorf("startBroker: %v", err)
	}
	call{}.do(t, "worker", "--broker", "embedded").want(t, exitUsage, "built without the development broker", "--broker host:port")
	call{}.do(t, "broker").want(t, exitUsage, "built without the development broker")
	if o := (call{}).do(t, "--help"); strings.Contains(o.stdout, "  broker ") {
		t.Errorf("the help offers it: %s", o.stdout)
	}
}

//go:build kafka

package kafkatest

import (
	"net"
	"strings"
	"testing"
)

// What a worker can't work with ends it with one line that says what it is and what to do, and exit code 1.
func TestRefused(t *testing.T) {
	t.Run("declared topic", func(t *testing.T) {
		a := newApp(t, "power")
		createTopic(t, a.topic("readings"), 3)
		says(t, a.start("worker").fails(), a.topic("readings"), "3 partitions", "says 4", "kafka-topics.sh", "--partitions 4")
	})
	t.Run("internal topic", func(t *testing.T) {
		a := newApp(t, "power")
		createTopic(t, a.topic("power-hourly-changelog"), 3, "cleanup.policy", "compact")
		says(t, a.start("worker").fails(), a.topic("power-hourly-changelog"), "3 partitions", "needs 4", "reset --internal-topics")
	})
	t.Run("data directory", func(t *testing.T) {
		a := newApp(t, "power")
		first := a.start("worker")
		first.waitLog("worker started")
		second := a.start("worker")
		says(t, second.fails(), a.data("worker"), "--datadir")
		first.stop()
	})
	t.Run("port", func(t *testing.T) {
		a := newApp(t, "power")
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		says(t, a.start("worker", "--web", taken.Addr().String()).fails(), taken.Addr().String(), "--web")
	})
}

func says(t *testing.T, message string, parts ...string) {
	t.Helper()
	if !strings.HasPrefix(message, "power: ") {
		t.Errorf("the last line does not begin with the program's name: %s", message)
	}
	for _, p := range parts {
		if !strings.Contains(message, p) {
			t.Errorf("the message does not say %q: %s", p, message)
		}
	}
}

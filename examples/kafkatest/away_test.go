//go:build kafka

package kafkatest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The broker is away when the worker starts, comes, is killed, and comes again. The worker waits each time, and goes on: nothing is lost.
// A colour that the worker had let through but not committed when the broker died counts twice.
func TestBrokerAway(t *testing.T) {
	a := newApp(t, "colors")
	_, port, err := net.SplitHostPort(s.broker)
	if err != nil {
		t.Fatal(err)
	}
	broker := func(verb string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		if verb == "start" {
			_, err = s.kafkaStart(ctx, port)
		} else {
			_, err = s.kafka(ctx, verb)
		}
		if err != nil {
			t.Fatalf("%s Kafka: %v", verb, err)
		}
	}
	counted := func(n int64) {
		t.Helper()
		produce(t, &kgo.Record{Topic: a.topic("colors"), Value: []byte(`"red"`)})
		a.waitFor(fmt.Sprintf("red to count %d", n), func() (bool, any) {
			out, stderr, code := a.try("", "query", "color_count", "red")
			var r struct {
				Key   string `json:"key"`
				Value int64  `json:"value"`
			}
			return code == 0 && json.Unmarshal([]byte(out), &r) == nil && r.Key == "red" && r.Value >= n, out + stderr
		})
	}

	broker("stop")
	w := a.start("worker")
	w.waitLog(s.broker) // it says for whom it waits
	time.Sleep(2 * time.Second)
	if !w.running() {
		t.Fatalf("the worker ended because the broker was away: %v", w.err)
	}
	broker("start")
	w.waitTasks(16)
	counted(1)

	broker("kill")
	time.Sleep(2 * time.Second)
	if !w.running() {
		t.Fatalf("the worker ended because the broker went away: %v", w.err)
	}
	broker("start")
	counted(2)
	w.stop()

	a.start("worker").waitTasks(16)
	through := int64(len(read(t, a.topic("valid-colors"))))
	a.waitFor("the table to be what was let through", func() (bool, any) {
		counts := a.tableCounts("color_count")
		return counts["red"] == through, fmt.Sprintf("counts %v, %d let through", counts, through)
	})
}

//go:build kafka

package kafkatest

import (
	"strings"
	"testing"
)

// hello greets every second, prints each greeting, and goes on after a restart.
func TestHello(t *testing.T) {
	a := newApp(t, "hello")
	topic := a.topic("greetings")
	greetings := 0
	for range 2 {
		w := a.start("worker")
		want := greetings + 3
		a.waitFor("three more greetings", func() (bool, any) {
			greetings = len(read(t, topic))
			return greetings >= want, greetings
		})
		a.waitFor("three greetings in the log", func() (bool, any) {
			n := strings.Count(w.logged(), "msg=hello from=Faust to=you")
			return n >= 3, n
		})
		w.stop()
	}
	all := read(t, topic)
	for _, r := range all {
		if r.Key != nil || string(r.Value) != `{"from":"Faust","to":"you"}` {
			t.Errorf("greeting %d has key %q and value %s", r.Offset, r.Key, r.Value)
		}
	}
	if printed := strings.Count(a.workers[0].logged(), "msg=hello"); printed > len(all) {
		t.Errorf("%d greetings were printed, but only %d sent", printed, len(all))
	}
}

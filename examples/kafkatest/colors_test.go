//go:build kafka

package kafkatest

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var palette = []string{"red", "orange", "yellow", "green", "blue", "violet", "white", "mauve"} // mauve is none that the example knows

// stream sends colours from another client, some hundreds a second, until it is stopped.
type stream struct {
	quit, done chan struct{}
	sent       map[string]int64 // acknowledged, by colour; after done
	err        error
}

func startStream(t *testing.T, topic string) *stream {
	t.Helper()
	f := &stream{quit: make(chan struct{}), done: make(chan struct{}), sent: map[string]int64{}}
	c := client(t, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	ctx := t.Context()
	go func() {
		defer close(f.done)
		for n := 0; ; {
			select {
			case <-f.quit:
				return
			case <-time.After(20 * time.Millisecond):
			}
			var records []*kgo.Record
			for range 20 {
				records = append(records, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%q", palette[n%len(palette)])})
				n++
			}
			if f.err = c.ProduceSync(ctx, records...).FirstErr(); f.err != nil {
				return
			}
			for i := n - len(records); i < n; i++ {
				if color := palette[i%len(palette)]; color != "mauve" {
					f.sent[color]++
				}
			}
		}
	}()
	t.Cleanup(func() { f.stop(t) })
	return f
}

// stop ends the stream and returns how often it has sent each known colour.
func (f *stream) stop(t *testing.T) map[string]int64 {
	t.Helper()
	select {
	case <-f.quit:
	default:
		close(f.quit)
	}
	<-f.done
	if f.err != nil {
		t.Errorf("send colours: %v", f.err)
	}
	return f.sent
}

func TestColors(t *testing.T) {
	t.Run("shared", colorsShared)
	t.Run("killed", colorsKilled)
}

// One, two, three workers and back to one, while colours keep coming: no count is lost or doubled, and each is told once.
func colorsShared(t *testing.T) {
	a := newApp(t, "colors")
	createTopic(t, a.topic("colors"), 8)
	f := startStream(t, a.topic("colors"))
	one := a.start("one")
	one.waitTasks(16)
	two := a.start("two")
	two.waitTasks(8)
	three := a.start("three")
	three.waitTasks(5)
	time.Sleep(time.Second) // all three work
	before := three.owned()
	three.stop()
	two.waitTasks(8)
	time.Sleep(time.Second)
	two.stop()
	one.waitTasks(16)
	want := f.stop(t)
	a.waitFor("all colours to be counted", func() (bool, any) {
		counts := a.tableCounts("color_count")
		return total(counts) >= total(want), counts
	})
	if len(before) == 0 {
		t.Error("the third worker was given nothing to do")
	}
	a.caughtUp(a.prefix+"colors", a.topic("valid-colors"), total(want))
	one.stop()

	one = a.start("one") // and what is counted is kept
	one.waitTasks(16)
	a.waitFor("the table to be served", func() (bool, any) {
		counts := a.tableCounts("color_count")
		return maps.Equal(counts, want), fmt.Sprint("counts ", counts, ", want ", want)
	})
	next := map[string]int64{}
	for _, r := range read(t, a.topic("messages")) {
		color := string(r.Key)
		next[color]++
		if want := fmt.Sprintf("%s count is %d", color, next[color]); string(r.Value) != want {
			t.Fatalf("message %q where %q was due: a count is lost or doubled", r.Value, want)
		}
	}
	if !maps.Equal(next, want) {
		t.Errorf("the messages end at %v, want %v", next, want)
	}
}

// One of two workers is killed: its partitions move, and no colour is lost. What it had not committed is read again.
func colorsKilled(t *testing.T) {
	a := newApp(t, "colors")
	createTopic(t, a.topic("colors"), 8)
	f := startStream(t, a.topic("colors"))
	one, two := a.start("one"), a.start("two")
	one.waitTasks(8)
	two.waitTasks(8)
	time.Sleep(1500 * time.Millisecond)
	two.kill()
	one.waitTasks(16)
	want := f.stop(t)
	a.waitFor("every colour to be counted", func() (bool, any) {
		counts := a.tableCounts("color_count")
		for color, n := range want {
			if counts[color] < n {
				return false, fmt.Sprint("counts ", counts, ", want ", want)
			}
		}
		return true, nil
	})
	valid := map[string]int64{}
	for _, r := range read(t, a.topic("valid-colors")) {
		valid[string(r.Key)]++
	}
	a.waitFor("the table to be what the workers let through", func() (bool, any) {
		counts := a.tableCounts("color_count")
		return maps.Equal(counts, valid), fmt.Sprint("counts ", counts, ", let through ", valid)
	})
	told := map[string]bool{}
	for _, r := range read(t, a.topic("messages")) {
		told[string(r.Value)] = true
	}
	for color, n := range valid {
		for i := int64(1); i <= n; i++ {
			if text := fmt.Sprintf("%s count is %d", color, i); !told[text] {
				t.Fatalf("no message says %q", text)
			}
		}
	}
}

func total(counts map[string]int64) int64 {
	n := int64(0)
	for _, c := range counts {
		n += c
	}
	return n
}

// owned are the tasks that the worker has, by what it logs of being given and losing them.
func (w *worker) owned() map[string]bool {
	owned := map[string]bool{}
	for line := range strings.Lines(w.logged()) {
		_, list, ok := strings.Cut(line, `tasks="[`)
		if !ok {
			if _, list, ok = strings.Cut(line, `tasks=[`); !ok {
				continue
			}
		}
		list, _, _ = strings.Cut(list, "]")
		for _, task := range strings.Fields(list) {
			switch {
			case strings.Contains(line, `msg="tasks assigned"`):
				owned[task] = true
			case strings.Contains(line, `msg="tasks revoked"`), strings.Contains(line, `msg="tasks lost"`):
				delete(owned, task)
			}
		}
	}
	return owned
}

// waitTasks waits until the worker has so many tasks.
func (w *worker) waitTasks(n int) {
	w.app.t.Helper()
	w.app.waitFor(fmt.Sprintf("%s to have %d tasks", w.name, n), func() (bool, any) {
		owned := w.owned()
		return len(owned) == n, owned
	})
}

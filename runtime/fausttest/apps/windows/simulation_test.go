package windows

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// model is what the tumbling table must hold, by the rules alone: one partition, events in their order.
type model struct {
	now    int64 // stream time, s
	values map[int64]map[string]int64
}

func newModel() *model { return &model{values: map[int64]map[string]int64{}, now: -1} }

// add is one event: it moves the time, then counts in its window unless that has closed, 5 s after its end.
func (m *model) add(key string, at, n int64) {
	m.now = max(m.now, at)
	start := at / 10 * 10
	if start+10+5 <= m.now {
		return
	}
	if m.values[start] == nil {
		m.values[start] = map[string]int64{}
	}
	m.values[start][key] += n
}

// retained are the windows that can be read: for 60 s after their end.
func (m *model) retained() map[faust.Window]map[string]int64 {
	all := map[faust.Window]map[string]int64{}
	for start, values := range m.values {
		if start+10+60 > m.now {
			all[faust.Window{Start: second(float64(start)), End: second(float64(start + 10))}] = values
		}
	}
	return all
}

// closed are the windows that must have been reported, with their values.
func (m *model) closed() map[string]int64 {
	all := map[string]int64{}
	for start, values := range m.values {
		if start+10+5 <= m.now {
			for key, n := range values {
				all[fmt.Sprintf("%s %d", key, start)] = n
			}
		}
	}
	return all
}

// Events out of order, and workers that come and go at random: which event is late, what a window holds and what is closed depend on the
// events alone.
func TestSimulation(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				random := rand.New(rand.NewPCG(seed, 3))
				m := newModel()
				clock, killed := int64(1000), false
				for range 10 {
					for range random.IntN(40) {
						clock += random.Int64N(4)
						key, at, n := []string{"m", "p", "a"}[random.IntN(3)], clock-random.Int64N(25), 1+random.Int64N(9)
						d.Send("readings", key, Reading{Meter: key, N: n, At: second(float64(at)), Noted: second(float64(at))})
						m.add(key, at, n)
					}
					d.Advance(time.Duration(random.IntN(1200)) * time.Millisecond)
					switch random.IntN(5) {
					case 0:
						d.Restart()
					case 1:
						d.Kill()
						killed = true
					case 2:
						d.KillAndWipe()
						killed = true
					case 3:
						d.Workers(1 + random.IntN(2))
					}
				}
				if got, want := fausttest.Windows[string, int64](d, "tumbling"), m.retained(); !reflect.DeepEqual(got, want) {
					t.Errorf("windows: got %v\nwant %v", got, want)
				}
				got, total := map[string]int64{}, map[string]int64{}
				for _, ev := range fausttest.Read[string, Closed](d, "closes") {
					id := fmt.Sprintf("%s %d", ev.Key, ev.Value.Start.Unix())
					if n, again := got[id]; again && (!killed || n != ev.Value.N) {
						t.Errorf("window %s closed again, with %d and %d", id, n, ev.Value.N)
					}
					got[id] = ev.Value.N
				}
				want := m.closed()
				if !reflect.DeepEqual(got, want) {
					t.Errorf("closes: got %v\nwant %v", got, want)
				}
				for start, values := range m.values {
					for key, n := range values {
						if start+15 <= m.now {
							total[key] += n
						}
					}
				}
				// What the handler adds up is exact, however often the closes were reported.
				if got := fausttest.Table[string, int64](d, "totals"); !reflect.DeepEqual(got, total) {
					t.Errorf("totals: got %v, want %v", got, total)
				}
			}, fausttest.Latency(15*time.Millisecond), fausttest.Worker(faust.CommitInterval(40*time.Millisecond)))
		})
	}
}

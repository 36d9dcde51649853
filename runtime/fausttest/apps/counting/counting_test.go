package counting

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// input sends colors and remembers how many.
type input struct {
	d     *fausttest.Driver
	sent  map[string]int64
	total int
}

func (in *input) send(n int) {
	for i := range n {
		color := fmt.Sprintf("c%d", (in.total+i)%17)
		in.d.Send("colors", color, color)
		in.sent[color]++
	}
	in.total += n
}

// check compares the tables with what was sent. Copies are sent at least once: as often, if no worker was killed.
func (in *input) check(t *testing.T, exact bool) {
	t.Helper()
	for _, table := range []string{"counts", "in_memory"} {
		if got := fausttest.Table[string, int64](in.d, table); !reflect.DeepEqual(got, in.sent) {
			t.Errorf("%s: got %v, want %v", table, got, in.sent)
		}
	}
	copies := map[string]int64{}
	for _, ev := range fausttest.Read[string, string](in.d, "copies") {
		if copies[ev.Value]++; ev.Key != ev.Value {
			t.Errorf("copy %q has key %q", ev.Value, ev.Key)
		}
	}
	for color, n := range in.sent {
		if got := copies[color]; got < n || exact && got > n {
			t.Errorf("%d copies of %s, want %d", got, color, n)
		}
	}
}

func newInput(d *fausttest.Driver) *input { return &input{d: d, sent: map[string]int64{}} }

func TestTasksMoveBetweenWorkers(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		in := newInput(d)
		for _, n := range []int{1, 3, 2, 4, 1, 0, 2} {
			in.send(50)
			d.Workers(n)
			in.send(50)
			d.Advance(500 * time.Millisecond)
			in.send(50)
			if n > 0 {
				in.check(t, true)
			}
		}
		d.Restart()
		in.check(t, true)
	})
}

func TestAKilledWorkerLosesNothingAndCountsNothingTwice(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		in := newInput(d)
		d.Workers(3)
		in.send(100)
		d.Advance(1300 * time.Millisecond) // committed in part
		in.send(100)
		d.KillWorker(2)
		in.send(100)
		d.Advance(time.Minute) // the group gives its tasks away
		in.send(100)
		in.check(t, false)
		d.Workers(3)
		in.check(t, false)
	})
}

// Workers come and go at random, cleanly or not, with their disks or without; the tables are always exact.
func TestSimulation(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				in := newInput(d)
				random := rand.New(rand.NewPCG(seed, 2))
				workers := 1
				for range 12 {
					in.send(random.IntN(60))
					d.Advance(time.Duration(random.IntN(300)) * time.Millisecond)
					switch what := random.IntN(8); what {
					case 0, 1:
						workers = 1 + random.IntN(3)
						d.Workers(workers)
					case 2:
						d.Restart()
					case 3:
						d.Kill()
					case 4:
						d.KillAndWipe()
					case 5:
						d.KillWorker(1 + random.IntN(workers))
						d.Workers(workers)
					default:
						d.Advance(time.Duration(random.IntN(2500)) * time.Millisecond)
					}
				}
				in.check(t, false)
			}, fausttest.Latency(15*time.Millisecond), fausttest.Worker(faust.CommitInterval(40*time.Millisecond)))
		})
	}
}

// Connections are cut at random, with answers under way: what the broker has already taken is not sent twice.
func TestConnectionsAreCut(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				in := newInput(d)
				random := rand.New(rand.NewPCG(seed, 5))
				for range 30 {
					in.send(random.IntN(40))
					d.Advance(time.Duration(random.IntN(500)) * time.Millisecond)
					if random.IntN(2) == 0 {
						d.Disconnect()
					}
				}
				in.check(t, true)
				d.KillAndWipe()
				in.check(t, false)
			}, fausttest.Latency(11*time.Millisecond), fausttest.Begin(2), fausttest.Worker(faust.CommitInterval(100*time.Millisecond)))
		})
	}
}

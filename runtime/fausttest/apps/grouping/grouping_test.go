package grouping

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

var begin = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)

func TestGroupsByFieldPathAndFunc(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		ann, bob := &Account{1}, &Account{-2}
		for i, v := range []Visit{
			{"/a", ann, 10, begin}, {"/b", ann, 100, begin}, {"/a", bob, 60, begin}, {"/c", nil, 59, begin}, {"/a", ann, 0, begin},
		} {
			d.Send("visits", fmt.Sprint(i), v)
		}
		d.Send("more_visits", nil, Visit{"/a", nil, 1, begin})
		d.Send("visits", "tombstone", nil)
		if got, want := fausttest.Table[string, int64](d, "visits"), (map[string]int64{"/a": 4, "/b": 1, "/c": 1}); !reflect.DeepEqual(got, want) {
			t.Errorf("visits %v, want %v", got, want)
		}
		if got, want := fausttest.Table[int64, int64](d, "account_seconds"), (map[int64]int64{1: 110, -2: 60}); !reflect.DeepEqual(got, want) {
			t.Errorf("account_seconds %v, want %v", got, want)
		}
		if got, want := fausttest.Table[bool, int64](d, "lengths"), (map[bool]int64{true: 2, false: 2}); !reflect.DeepEqual(got, want) {
			t.Errorf("lengths %v, want %v", got, want)
		}
	})
}

// Time, key and headers come through a repartition topic as they were, and nothing of the runtime's own with them.
func TestWhatComesThroughAGroupBy(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		at := begin.Add(90 * time.Minute)
		d.Send("visits", "collector", Visit{"/a", nil, 1, at}, faust.Header("trace", []byte("t1")), faust.Header("null", nil))
		got := fausttest.Read[string, Visit](d, "traces")
		if len(got) != 1 {
			t.Fatalf("%d records, want 1", len(got))
		}
		ev := got[0]
		headers := faust.Headers{{Name: "trace", Value: []byte("t1")}, {Name: "null"}}
		if ev.Key != "/a" || !ev.Time.Equal(at) || !ev.Value.At.Equal(at) || !reflect.DeepEqual(ev.Headers, headers) {
			t.Errorf("key %q time %v value %v headers %v", ev.Key, ev.Time, ev.Value, ev.Headers)
		}
	})
}

// world is input with the counts that it must lead to, counted without faust.
type world struct {
	visits          map[string]int64
	hourly, sliding map[faust.Window]map[string]int64
}

func (w *world) add(v Visit) {
	w.visits[v.Page]++
	put := func(m map[faust.Window]map[string]int64, start time.Time) {
		at := faust.Window{Start: start, End: start.Add(time.Hour)}
		if m[at] == nil {
			m[at] = map[string]int64{}
		}
		m[at][v.Page]++
	}
	put(w.hourly, v.At.Truncate(time.Hour))
	last := v.At.Truncate(15 * time.Minute)
	for i := range 4 {
		put(w.sliding, last.Add(-time.Duration(i)*15*time.Minute))
	}
}

func newWorld() *world {
	return &world{map[string]int64{}, map[faust.Window]map[string]int64{}, map[faust.Window]map[string]int64{}}
}

// produce sends days of visits, the partitions one after the other and each in order of time, so that a reader that takes one first is
// days ahead with it.
func (w *world) produce(d *fausttest.Driver, from time.Time, days int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	end := from.Add(time.Duration(days) * 24 * time.Hour)
	send := func(topic string, p int32, gap time.Duration) {
		for at := from; at.Before(end); at = at.Add(time.Duration(random.Int64N(int64(2 * gap)))) {
			v := Visit{fmt.Sprintf("/%d", random.IntN(12)), nil, 1, at.Truncate(time.Millisecond)}
			d.Send(topic, "collector", v, faust.Partition(p))
			w.add(v)
		}
	}
	for p, gap := range []time.Duration{10 * time.Minute, 40 * time.Minute, 5 * time.Minute, 3 * time.Hour} {
		send("visits", int32(p), gap)
	}
	send("more_visits", 0, 20*time.Minute)
	send("more_visits", 1, 7*time.Hour)
}

func (w *world) compare(t *testing.T, d *fausttest.Driver) {
	t.Helper()
	if got := fausttest.Table[string, int64](d, "visits"); !reflect.DeepEqual(got, w.visits) {
		t.Errorf("visits: got %v, want %v", got, w.visits)
	}
	diff(t, "hourly", fausttest.Windows[string, int64](d, "hourly"), w.hourly)
	diff(t, "sliding", fausttest.Windows[string, int64](d, "sliding"), w.sliding)
}

func diff(t *testing.T, table string, got, want map[faust.Window]map[string]int64) {
	t.Helper()
	var wrong []string
	for at, pages := range want {
		if !reflect.DeepEqual(got[at], pages) {
			wrong = append(wrong, fmt.Sprintf("%v: got %v, want %v", at.Start, got[at], pages))
		}
	}
	if len(got) > len(want) {
		wrong = append(wrong, fmt.Sprintf("%d windows too many", len(got)-len(want)))
	}
	if len(wrong) > 0 {
		t.Errorf("%s: %d of %d windows are wrong; for example %s", table, len(wrong), len(want), strings.Join(wrong[:min(3, len(wrong))], "; "))
	}
}

// closesOnce checks that every hour that has closed was reported once, and with all its visits.
func (w *world) closesOnce(t *testing.T, d *fausttest.Driver, until time.Time) {
	t.Helper()
	got := map[faust.Window]map[string]int64{}
	for _, ev := range fausttest.Read[string, Hour](d, "hours") {
		at := faust.Window{Start: ev.Value.Start.UTC(), End: ev.Value.Start.UTC().Add(time.Hour)}
		if got[at] == nil {
			got[at] = map[string]int64{}
		}
		if n, twice := got[at][ev.Key]; twice {
			t.Errorf("page %s: hour %v closed twice, with %d and %d", ev.Key, at.Start, n, ev.Value.Visits)
		}
		got[at][ev.Key] = ev.Value.Visits
	}
	want := map[faust.Window]map[string]int64{}
	for at, pages := range w.hourly {
		if !at.End.After(until) {
			want[at] = pages
		}
	}
	for at := range got {
		if at.End.After(until) {
			delete(got, at)
		}
	}
	diff(t, "closed hours", got, want)
}

func TestWindowsBehindAGroupByAreExactOnReplay(t *testing.T) {
	for workers := 1; workers <= 3; workers++ {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				w := newWorld()
				w.produce(d, begin, 4, 7)
				d.Workers(workers)
				w.compare(t, d)
				w.closesOnce(t, d, begin.Add(3*24*time.Hour))
			}, fausttest.Begin(0))
		})
	}
}

// What comes while no worker runs is as exact, however the workers went and whatever is left of their disks: the sources that were idle
// then hold time back until they have been read.
func TestWindowsBehindAGroupByAreExactAfterAnOutage(t *testing.T) {
	for name, stop := range map[string]func(*fausttest.Driver){
		"stopped":          func(d *fausttest.Driver) { d.Workers(0) },
		"killed":           func(d *fausttest.Driver) { d.KillWorker(1) },
		"killed and wiped": func(d *fausttest.Driver) { d.KillAndWipe(); d.KillWorker(1) },
	} {
		t.Run(name, func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				w := newWorld()
				for day := range 3 {
					from := begin.Add(time.Duration(day) * 24 * time.Hour)
					w.produce(d, from, 1, uint64(day))
					d.Workers(1)
					w.compare(t, d)
					w.closesOnce(t, d, from.Add(22*time.Hour))
					stop(d)
				}
				d.Workers(2)
				w.compare(t, d)
				w.closesOnce(t, d, begin.Add(70*time.Hour))

				// A late visit is still late.
				d.Send("visits", "collector", Visit{"/0", nil, 1, begin.Add(time.Hour)})
				w.visits["/0"]++
				w.compare(t, d)
			}, fausttest.Begin(0))
		})
	}
}

// Workers come and go while visits are on their way through the group_by. Cleanly, or with connections cut: counts are exact. Killed: what
// a source had sent and not committed is sent again, so nothing is lost, and some may count twice.
func TestCountsBehindAGroupByWhileWorkersMove(t *testing.T) {
	for seed := range uint64(4) {
		kills := seed%2 == 1
		t.Run(fmt.Sprintf("seed %d, kills %v", seed, kills), func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				random := rand.New(rand.NewPCG(seed, 4))
				pages, seconds := map[string]int64{}, map[int64]int64{}
				for i := range 12 {
					for range random.IntN(60) {
						v := Visit{fmt.Sprintf("/%d", random.IntN(9)), &Account{random.Int64N(7)}, 1, begin.Add(time.Duration(i) * time.Minute)}
						d.Send("visits", fmt.Sprint(random.IntN(100)), v)
						pages[v.Page]++
						seconds[v.Account.ID]++
					}
					d.Advance(time.Duration(random.IntN(400)) * time.Millisecond)
					switch what := random.IntN(5); {
					case what == 0:
						d.Restart()
					case what == 1 && kills:
						d.KillAndWipe()
					case what == 2 && kills:
						d.Kill()
					case what <= 2:
						d.Disconnect()
					default:
						d.Workers(1 + random.IntN(3))
					}
				}
				compare(t, "visits", fausttest.Table[string, int64](d, "visits"), pages, kills)
				compare(t, "account_seconds", fausttest.Table[int64, int64](d, "account_seconds"), seconds, kills)
			}, fausttest.Latency(15*time.Millisecond), fausttest.Worker(faust.CommitInterval(40*time.Millisecond)))
		})
	}
}

func compare[K comparable](t *testing.T, table string, got, want map[K]int64, more bool) {
	t.Helper()
	for k, n := range want {
		if got[k] < n || got[k] > n && !more {
			t.Errorf("%s: %v has %d, want %d", table, k, got[k], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d keys, want %d", table, len(got), len(want))
	}
}

// While a worker is dead and its sources are read by nobody, the windows that their visits belong to stay open.
func TestTheSourcesOfADeadWorkerHoldTimeBack(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		w := newWorld()
		for step := range 250 {
			for p := range int32(4) {
				v := Visit{fmt.Sprintf("/%d", step%5), nil, 1, begin.Add(time.Duration(step)*5*time.Minute + time.Duration(p)*time.Second)}
				d.Send("visits", "collector", v, faust.Partition(p))
				w.add(v)
			}
			if step == 100 {
				d.KillWorker(2)
			}
			d.Advance(100 * time.Millisecond)
		}
		closed := 0
		for _, ev := range fausttest.Read[string, Hour](d, "hours") {
			at := faust.Window{Start: ev.Value.Start.UTC(), End: ev.Value.Start.UTC().Add(time.Hour)}
			if want := w.hourly[at][ev.Key]; ev.Value.Visits < want {
				t.Errorf("page %s, hour %v: closed with %d visits, want %d", ev.Key, at.Start, ev.Value.Visits, want)
			}
			closed++
		}
		if closed < 5*18 {
			t.Errorf("%d hours have closed, want nearly all", closed)
		}
		for at, pages := range fausttest.Windows[string, int64](d, "hourly") {
			compare(t, fmt.Sprint("hour ", at.Start), pages, w.hourly[at], true)
		}
	}, fausttest.Begin(2))
}

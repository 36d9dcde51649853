package windows

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// send sends readings of 1, 2, 4 … at seconds since 1970, all to one partition so that their order is known.
func send(d *fausttest.Driver, topic, meter string, seconds ...float64) {
	for i, s := range seconds {
		at := second(s)
		d.Send(topic, meter, Reading{Meter: meter, N: 1 << i, At: at, Noted: at})
	}
}

func second(s float64) time.Time { return time.UnixMilli(int64(s * 1000)).UTC() }

// closes are the closed windows of a meter, as start-end:value, in the order of their calls.
func closes(d *fausttest.Driver, topic, meter string) string {
	var all []string
	for _, ev := range fausttest.Read[string, Closed](d, topic) {
		if ev.Key == meter {
			all = append(all, fmt.Sprintf("%d-%d:%d", ev.Value.Start.Unix(), ev.Value.End.Unix(), ev.Value.N))
		}
		if want := ev.Value.End.Add(-time.Millisecond); !ev.Time.Equal(want) {
			all = append(all, fmt.Sprintf("time %v instead of %v", ev.Time, want))
		}
	}
	return strings.Join(all, " ")
}

// retained are the windows of a meter that can be read.
func retained(d *fausttest.Driver, table, meter string) string {
	all := fausttest.Windows[string, int64](d, table)
	starts := slices.SortedFunc(maps.Keys(all), func(a, b faust.Window) int { return a.Start.Compare(b.Start) })
	var list []string
	for _, w := range starts {
		if n, ok := all[w][meter]; ok {
			list = append(list, fmt.Sprintf("%d-%d:%d", w.Start.Unix(), w.End.Unix(), n))
		}
	}
	return strings.Join(list, " ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func TestTumbling(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "readings", "m", 101, 109.999, 110, 105, 124.999)
		equal(t, "windows before 10 s and the grace are over", retained(d, "tumbling", "m"), "100-110:11 110-120:4 120-130:16")
		equal(t, "closes", closes(d, "closes", "m"), "100-110:11")

		// At 125 the second window closes: it takes no event any more, the third does.
		send(d, "readings", "m", 125, 119.999, 120)
		equal(t, "closes", closes(d, "closes", "m"), "100-110:11 110-120:4")
		equal(t, "windows", retained(d, "tumbling", "m"), "100-110:11 110-120:4 120-130:21")

		// A closed window can be read for a minute after its end.
		send(d, "readings", "m", 169.999)
		equal(t, "windows at 169.999", retained(d, "tumbling", "m"), "100-110:11 110-120:4 120-130:21 160-170:1")
		send(d, "readings", "m", 170)
		equal(t, "windows at 170", retained(d, "tumbling", "m"), "110-120:4 120-130:21 160-170:1 170-180:1")
		equal(t, "closes", closes(d, "closes", "m"), "100-110:11 110-120:4 120-130:21")

		if got := fausttest.Table[string, int64](d, "totals"); !reflect.DeepEqual(got, map[string]int64{"m": 36}) {
			t.Errorf("totals %v, want m: 36", got)
		}
		for _, ev := range fausttest.Read[string, Closed](d, "closes") {
			if ev.Value.End.Unix() == 130 && ev.Value.Total != 36 {
				t.Errorf("the last close saw a total of %d, want 36", ev.Value.Total)
			}
		}
	})
}

func TestHopping(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "readings", "m", 101, 107, 104.999, 111)
		// 104.999 comes at a stream time of 107: 95-105 has closed at 105, 100-110 still takes it.
		equal(t, "closes", closes(d, "hop_closes", "m"), "95-105:1 100-110:7")
		equal(t, "windows", retained(d, "hopping", "m"), "95-105:1 100-110:7 105-115:10 110-120:8")
		send(d, "readings", "m", 140)
		equal(t, "closes", closes(d, "hop_closes", "m"), "95-105:1 100-110:7 105-115:10 110-120:8")
		equal(t, "windows that have not expired", retained(d, "hopping", "m"), "105-115:10 110-120:8 135-145:1 140-150:1")
	})
}

func TestFirstWindowsBeginAtZero(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "readings", "m", 0, 4.999, 5)
		equal(t, "hopping", retained(d, "hopping", "m"), "0-10:7 5-15:4")
		equal(t, "tumbling", retained(d, "tumbling", "m"), "0-10:7")
	})
}

// A table with time= has a clock of its own.
func TestTimeOfATable(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for i, noted := range []float64{1001, 1012, 1009, 1011} {
			d.Send("readings", "m", Reading{Meter: "m", N: 1 << i, At: second(101), Noted: second(noted)})
		}
		equal(t, "by Noted", retained(d, "noted", "m"), "1010-1020:10")
		equal(t, "by At", retained(d, "tumbling", "m"), "100-110:15")
	})
}

func TestViews(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		now := time.Now().Truncate(10 * time.Second)
		send(d, "readings", "m", 101, 112)
		look := func(at time.Time) {
			d.Send("readings", "m", Reading{Meter: "m", At: at, Noted: at, Look: true})
		}
		look(second(113))
		look(second(125))
		d.Send("readings", "m", Reading{Meter: "m", N: 64, At: now, Noted: now})
		look(now.Add(time.Second))
		var got []string
		for _, ev := range fausttest.Read[string, string](d, "views") {
			got = append(got, ev.Value)
		}
		want := []string{
			"get=2 current=2 lookup=true len=1 all=m:2 delta10=1,true delta20=0 at0=1 now=0 windows=100-110:1,110-120:2 hops=95-105:1,100-110:1,105-115:2,110-120:2",
			"get=0 current=0 lookup=false len=0 all= delta10=2,true delta20=1 at0=1 now=0 windows=100-110:1,110-120:2 hops=95-105:1,100-110:1,105-115:2,110-120:2",
			fmt.Sprintf("get=64 current=64 lookup=true len=1 all=m:64 delta10=0,false delta20=0 at0=0 now=64 windows=%d-%d:64 hops=%d-%d:64,%d-%d:64",
				now.Unix(), now.Unix()+10, now.Unix()-5, now.Unix()+5, now.Unix(), now.Unix()+10),
		}
		if !slices.Equal(got, want) {
			t.Errorf("views:\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	})
}

// restarts are the ways in which workers go and come back.
var restarts = map[string]func(*fausttest.Driver){
	"restarted":        (*fausttest.Driver).Restart,
	"killed":           (*fausttest.Driver).Kill,
	"killed and wiped": (*fausttest.Driver).KillAndWipe,
}

// A window closes once, and what was late stays late, whatever has become of the worker and its disk.
func TestClosesOnceAcrossRestarts(t *testing.T) {
	for name, restart := range restarts {
		t.Run(name, func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				send(d, "readings", "m", 101, 112, 126)
				want := "100-110:1 110-120:2"
				equal(t, "closes before", closes(d, "closes", "m"), want)
				restart(d)
				d.Advance(5 * time.Second)
				equal(t, "closes after", closes(d, "closes", "m"), want)

				// Late for the tumbling table, and for its stream time of 126 even where the window has no value of a key.
				send(d, "readings", "m", 119.5)
				send(d, "readings", "p", 102)
				send(d, "readings", "m", 127)
				equal(t, "windows of m", retained(d, "tumbling", "m"), "100-110:1 110-120:2 120-130:5")
				equal(t, "windows of p, in the same partition", retained(d, "tumbling", "p"), "")
				restart(d)
				send(d, "readings", "m", 136)
				equal(t, "closes at the end", closes(d, "closes", "m"), want+" 120-130:5")
				if got := fausttest.Table[string, int64](d, "totals"); !reflect.DeepEqual(got, map[string]int64{"m": 8}) {
					t.Errorf("totals %v, want m: 8", got)
				}
			})
		})
	}
}

// Killed with closes that are not committed, a worker closes those again, and with the same values.
func TestClosesAtLeastOnceWhenKilledBeforeTheCommit(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		send(d, "readings", "m", 101)
		d.Settle()
		d.Advance(time.Second)
		send(d, "readings", "m", 116)
		d.Settle() // commits at once, for the last commit is long ago
		send(d, "readings", "m", 126, 137)
		d.Advance(100 * time.Millisecond)
		d.KillAndWipe()
		got := strings.Fields(closes(d, "closes", "m"))
		seen := map[string]bool{}
		for _, c := range got {
			seen[c] = true
		}
		if want := map[string]bool{"100-110:1": true, "110-120:1": true, "120-130:1": true}; !reflect.DeepEqual(seen, want) {
			t.Errorf("closes %v, want each of %v", got, want)
		}
		if got := fausttest.Table[string, int64](d, "totals"); !reflect.DeepEqual(got, map[string]int64{"m": 3}) {
			t.Errorf("totals %v, want m: 3", got)
		}
	})
}

func TestIdleClosesWithoutRecords(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		began := time.Now()
		send(d, "idlers", "m", 101)
		equal(t, "closes at once", closes(d, "idle_closes", "m"), "")
		d.Advance(time.Until(began.Add(10900 * time.Millisecond))) // the window closes at 112
		equal(t, "closes at 111.9", closes(d, "idle_closes", "m"), "")
		d.Advance(time.Until(began.Add(12 * time.Second)))
		equal(t, "closes at 113", closes(d, "idle_closes", "m"), "100-110:1")
		equal(t, "windows", retained(d, "idling", "m"), "100-110:1")

		// Time has gone on: an event of before is late, and an expired window is gone.
		send(d, "idlers", "m", 109)
		equal(t, "windows after a late event", retained(d, "idling", "m"), "100-110:1")
		d.Advance(30 * time.Second)
		equal(t, "windows after they expired", retained(d, "idling", "m"), "")
		d.KillAndWipe()
		send(d, "idlers", "m", 111)
		equal(t, "windows after a late event and a wiped disk", retained(d, "idling", "m"), "")
		send(d, "idlers", "m", 1000)
		equal(t, "closes", closes(d, "idle_closes", "m"), "100-110:1")
	})
}

// What closes together is called in the order of window ends, then keys.
func TestOrderOfCloses(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for i, key := range []string{"c", "a", "b"} {
			for j, s := range []float64{111, 101} {
				d.Send("idlers", key, Reading{Meter: key, N: int64(10*i + j), At: second(s)})
			}
		}
		send(d, "idlers", "z", 1000)
		var got []string
		for _, ev := range fausttest.Read[string, Closed](d, "idle_closes") {
			got = append(got, fmt.Sprintf("%d%s", ev.Value.End.Unix(), ev.Key))
		}
		if want := []string{"110a", "110b", "110c", "120a", "120b", "120c"}; !slices.Equal(got, want) {
			t.Errorf("closes %v, want %v", got, want)
		}
	})
}

package power

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

var day = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// slot is one meter's hour.
type slot struct {
	meter string
	hour  time.Time
}

// sendMinutes sends a reading of each of eight meters for the minutes from, from+1, … to-1 of the day.
func sendMinutes(d *fausttest.Driver, from, to int) {
	for minute := from; minute < to; minute++ {
		for m := range 8 {
			meter := fmt.Sprintf("meter-%d", m)
			d.Send("readings", meter, Reading{Meter: meter, At: day.Add(time.Duration(minute) * time.Minute), Watts: float64(minute%60 + 100*m)})
		}
	}
}

// checkAverages computes the averages of the hours that have closed from the readings in the topic, whose partitions each have a time
// of their own, and compares them with what came out. once says that no average may have come twice.
func checkAverages(t *testing.T, d *fausttest.Driver, once bool) map[slot]Average {
	t.Helper()
	newest := map[int32]time.Time{}
	partition := map[string]int32{}
	sums := map[slot]Hour{}
	for _, ev := range fausttest.Read[string, Reading](d, "readings") {
		r := ev.Value
		if r.At.After(newest[ev.Partition]) {
			newest[ev.Partition] = r.At
		}
		s := slot{r.Meter, r.At.UTC().Truncate(time.Hour)}
		if newest[ev.Partition].Before(s.hour.Add(65 * time.Minute)) {
			h := sums[s]
			sums[s] = Hour{h.Sum + r.Watts, h.Readings + 1}
		}
		partition[r.Meter] = ev.Partition
	}
	want := map[slot]Average{}
	for s, h := range sums {
		if !newest[partition[s.meter]].Before(s.hour.Add(65 * time.Minute)) {
			want[s] = Average{s.meter, s.hour, h.Sum / float64(h.Readings), h.Readings}
		}
	}
	got := map[slot]Average{}
	for _, ev := range fausttest.Read[string, Average](d, "averages") {
		a := ev.Value
		a.Hour = a.Hour.UTC()
		s := slot{a.Meter, a.Hour}
		if _, twice := got[s]; twice && once {
			t.Errorf("the average of %s at %v came twice", s.meter, s.hour)
		}
		if got[s] = a; a != want[s] {
			t.Errorf("average %+v, want %+v", a, want[s])
		}
		if at := a.Hour.Add(time.Hour - time.Millisecond); !ev.Time.Equal(at) || ev.Key != a.Meter {
			t.Errorf("average %+v has key %q and time %v, want %v", a, ev.Key, ev.Time, at)
		}
	}
	for s := range want {
		if _, ok := got[s]; !ok {
			t.Errorf("no average of %s at %v came out", s.meter, s.hour)
		}
	}
	return got
}

func TestHourlyAverages(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		sendMinutes(d, 0, 65)
		if n := len(checkAverages(t, d, true)); n != 0 {
			t.Errorf("%d averages came out before the grace of five minutes was over", n)
		}
		sendMinutes(d, 65, 300)
		got := checkAverages(t, d, true)
		if a := got[slot{"meter-3", day}]; len(got) != 8*4 || a.Watts != 329.5 || a.Readings != 60 {
			t.Errorf("%d averages came out, want 32; the first hour of meter-3 is %+v, want 329.5 watts of 60 readings", len(got), a)
		}
		hourly := fausttest.Windows[string, Hour](d, "hourly")
		if h := hourly[window(4)]["meter-0"]; h != (Hour{Sum: 59 * 60 / 2, Readings: 60}) {
			t.Errorf("the open hour of meter-0 is %+v", h)
		}
	})
}

func window(h int) faust.Window {
	start := day.Add(time.Duration(h) * time.Hour)
	return faust.Window{Start: start, End: start.Add(time.Hour)}
}

// Stopped in order, nothing is repeated; killed, or with the data directory gone, the last averages may come again, and are the same.
func TestRestarts(t *testing.T) {
	for _, way := range []struct {
		name  string
		again func(d *fausttest.Driver)
		once  bool
	}{
		{"stopped", (*fausttest.Driver).Restart, true},
		{"killed", (*fausttest.Driver).Kill, false},
		{"killed and wiped", (*fausttest.Driver).KillAndWipe, false},
	} {
		t.Run(way.name, func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				for i := range 6 {
					sendMinutes(d, i*50, i*50+50)
					if i%2 == 0 {
						d.Settle()
						d.Advance(1500 * time.Millisecond)
					}
					way.again(d)
				}
				checkAverages(t, d, way.once)
				lateStaysLate(t, d)
			})
		})
	}
}

// lateStaysLate sends a reading of an hour that has closed, twice with the data directory removed in between.
func lateStaysLate(t *testing.T, d *fausttest.Driver) {
	t.Helper()
	before := len(fausttest.Read[string, Average](d, "averages"))
	for range 2 {
		d.Send("readings", "meter-1", Reading{Meter: "meter-1", At: day.Add(10 * time.Minute), Watts: 1e6})
		if h := fausttest.Windows[string, Hour](d, "hourly")[window(0)]["meter-1"]; h != (Hour{Sum: 100*60 + 59*60/2, Readings: 60}) {
			t.Errorf("a late reading changed a closed hour to %+v", h)
		}
		if n := len(fausttest.Read[string, Average](d, "averages")); n != before {
			t.Errorf("%d averages came out after a late reading, %d before", n, before)
		}
		d.KillAndWipe()
		before = len(fausttest.Read[string, Average](d, "averages"))
	}
}

func TestTwoWorkersShareTheMeters(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		sendMinutes(d, 0, 100)
		d.Workers(1)
		sendMinutes(d, 100, 200)
		d.Workers(2)
		sendMinutes(d, 200, 300)
		checkAverages(t, d, true)
	}, fausttest.Begin(2))
}

// Readings that make no sense are skipped and change nothing.
func TestBadReadingsAreSkipped(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		sendMinutes(d, 0, 1)
		for _, bad := range []string{``, `{"meter":"meter-1"`, `[]`, `{"meter":"meter-1","at":"noon","watts":1}`,
			`{"meter":"meter-1","at":"2026-03-01T00:01:00Z","watts":-1}`, `{"meter":"","at":"2026-03-01T00:01:00Z","watts":1}`} {
			d.Send("readings", "meter-1", json.RawMessage(bad))
		}
		d.Send("readings", "meter-1", nil)
		sendMinutes(d, 2, 3)
		if h := fausttest.Windows[string, Hour](d, "hourly")[window(0)]["meter-1"]; h != (Hour{Sum: 202, Readings: 2}) {
			t.Errorf("the hour of meter-1 is %+v, want the two good readings only", h)
		}
	})
}

// A reading under another meter's key belongs to another task. The worker says so before it counts wrongly.
func TestForeignKeyStopsTheWorker(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for m := range 8 { // one of them is not in the partition of "another"
			d.Send("readings", "another", Reading{Meter: fmt.Sprintf("meter-%d", m), At: day, Watts: 1})
		}
		err := d.Failure()
		for _, part := range []string{"table hourly", "belongs to partition", "agent Gather reads readings by another key: add group_by="} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error doesn't mention %q: %v", part, err)
			}
		}
	})
}

const csv = `Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;Sub_metering_1;Sub_metering_2;Sub_metering_3
1/3/2026;00:00:00;4.216;0.418;234.840;18.400;0.000;1.000;17.000
1/3/2026;00:01:00;?;?;?;?;?;?;
1/3/2026;00:02:00;2.000;0.418;234.840;18.400;2.000;1.000;17.000
`

// The command sends the readings of a file, plain or gzipped, for the household and its eight neighbours.
func TestLoad(t *testing.T) {
	plain, zipped := filepath.Join(t.TempDir(), "power.csv"), filepath.Join(t.TempDir(), "power.csv.gz")
	write(t, plain, func(w io.Writer) { _, _ = io.WriteString(w, csv) })
	write(t, zipped, func(w io.Writer) {
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, csv)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	})
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		for i, file := range []string{plain, zipped} {
			if err := Faust().RunCommand(t.Context(), "load", []string{file}, d.Options()...); err != nil {
				t.Fatal(err)
			}
			if n := len(fausttest.Read[string, Reading](d, "readings")); n != (i+1)*2*4*(Neighbours+1) {
				t.Errorf("%d readings after loading %s", n, file)
			}
		}
		hour := fausttest.Windows[string, Hour](d, "hourly")[window(0)]
		if h := hour["house-0/total"]; h != (Hour{Sum: 2 * (4216 + 2000), Readings: 4}) {
			t.Errorf("the house's hour is %+v", h)
		}
		if h := hour["house-0/kitchen"]; h != (Hour{Sum: 2 * 2 * 60, Readings: 4}) {
			t.Errorf("the kitchen's hour is %+v", h)
		}
		if len(hour) != 4*(Neighbours+1) {
			t.Errorf("%d meters, want %d", len(hour), 4*(Neighbours+1))
		}
	})
}

func TestLoadSaysWhichLineIsBroken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "power.csv")
	write(t, file, func(w io.Writer) { _, _ = io.WriteString(w, csv+"1/3/2026;00:03:00;much\n") })
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		err := Faust().RunCommand(t.Context(), "load", []string{file}, d.Options()...)
		if err == nil || !strings.Contains(err.Error(), "line 5") || !strings.Contains(err.Error(), file) {
			t.Errorf("error %v, want one that names the file and line 5", err)
		}
	})
}

// Without a file the same readings are made up each time.
func TestMadeUpReadings(t *testing.T) {
	var runs [2][]Minute
	for i := range runs {
		for m, err := range madeUp() {
			if err != nil {
				t.Fatal(err)
			}
			runs[i] = append(runs[i], m)
		}
	}
	if len(runs[0]) != MadeUpDays*24*60 {
		t.Errorf("%d minutes were made up", len(runs[0]))
	}
	for i, m := range runs[0] {
		if m != runs[1][i] {
			t.Fatalf("minute %d differs between two runs: %+v, %+v", i, m, runs[1][i])
		}
	}
}

func write(t *testing.T, file string, content func(io.Writer)) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	content(f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/faustgen/faustgen/examples/power"
)

// slot is one meter's hour.
type slot struct {
	meter string
	hour  time.Time
}

// averages are hours with their averages.
type averages map[slot]power.Average

// expected is what has to come out, computed without any of the application.
type expected struct {
	from     string
	readings int64
	averages averages
	newest   time.Time
}

// closeAfter is the grace of the example's windows.
const closeAfter = 5 * time.Minute

// expect averages the file. All meters report every minute, so each partition's time is that of the newest reading.
func expect(path string) (*expected, error) {
	minutes, from, err := power.Open(path)
	if err != nil {
		return nil, err
	}
	e := &expected{from: from, averages: averages{}}
	sums := map[slot]power.Hour{}
	for m, err := range minutes {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		e.newest = m.At
		for r := range m.Readings() {
			s := slot{r.Meter, r.At.Truncate(time.Hour)}
			h := sums[s]
			h.Sum += r.Watts
			h.Readings++
			sums[s] = h
			e.readings++
		}
	}
	for s, h := range sums {
		if !e.newest.Before(s.hour.Add(time.Hour + closeAfter)) {
			e.averages[s] = power.Average{Meter: s.meter, Hour: s.hour, Watts: h.Sum / float64(h.Readings), Readings: h.Readings}
		}
	}
	return e, nil
}

// compare says whether what came out is what had to.
func (e *expected) compare(w io.Writer, got averages, took time.Duration) error {
	wrong := 0
	for s, want := range e.averages {
		if a, ok := got[s]; !ok || a.Watts != want.Watts || a.Readings != want.Readings {
			wrong++
		}
	}
	for s := range got {
		if _, ok := e.averages[s]; !ok {
			wrong++
		}
	}
	fmt.Fprintf(w, "\n%d readings, %d averages from the output topic, %d of them wrong or missing; sha256 of all rows %x; %v\n",
		e.readings, len(got), wrong, sha256.Sum256(got.tsv()), took.Round(100*time.Millisecond))
	if wrong > 0 {
		return fmt.Errorf("%d averages differ from those computed from the file", wrong)
	}
	return nil
}

func (a averages) sorted() []slot {
	return slices.SortedFunc(maps.Keys(a), func(x, y slot) int {
		if c := x.hour.Compare(y.hour); c != 0 {
			return c
		}
		return strings.Compare(x.meter, y.meter)
	})
}

// tsv is all rows, sorted.
func (a averages) tsv() []byte {
	var b bytes.Buffer
	for _, s := range a.sorted() {
		fmt.Fprintf(&b, "%s\t%s\t%v\t%d\n", s.hour.Format(time.RFC3339), s.meter, a[s].Watts, a[s].Readings)
	}
	return b.Bytes()
}

// print shows the last hours of the measured house, with a bar for its total.
func (a averages) print(w io.Writer) {
	var hours []time.Time
	for _, s := range a.sorted() {
		if s.meter == "house-0/total" {
			hours = append(hours, s.hour)
		}
	}
	hours = hours[max(0, len(hours)-lastHours):]
	fmt.Fprintf(w, "\nhouse-0, average watts by hour (the last %d hours that have closed)\n", len(hours))
	fmt.Fprintf(w, "%-18s %8s %8s %8s %8s\n", "hour", "total", "kitchen", "laundry", "heating")
	for _, h := range hours {
		total := a[slot{"house-0/total", h}].Watts
		fmt.Fprintf(w, "%-18s %8.0f %8.0f %8.0f %8.0f  %s\n", h.Format("Mon 2 Jan 15:04"), total, a[slot{"house-0/kitchen", h}].Watts,
			a[slot{"house-0/laundry", h}].Watts, a[slot{"house-0/heating", h}].Watts, strings.Repeat("▇", int(total/150)))
	}
}

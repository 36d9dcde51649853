package faust

import (
	"math"
	"slices"
	"testing"
)

// s is a number of seconds in ms.
func s(seconds float64) int64 { return int64(1000 * seconds) }

func tumblingOf(size float64) windowing { return windowing{size: s(size), step: s(size)} }

func hoppingOf(size, step float64) windowing { return windowing{size: s(size), step: s(step)} }

// all are the starts of the windows that hold a time, in seconds.
func (w windowing) all(t int64) []float64 {
	var starts []float64
	first, last := w.starts(t)
	for start := first; start <= last; start += w.step {
		if t < start+w.size {
			starts = append(starts, float64(start)/1000)
		}
	}
	return starts
}

// Windows are aligned to 1970, hold their start but not their end, and never begin before 1970.
func TestWindowsThatHoldATime(t *testing.T) {
	for _, c := range []struct {
		w    windowing
		at   float64
		want []float64
	}{
		{hoppingOf(10, 5), 0, []float64{0}},
		{hoppingOf(10, 5), 4.9, []float64{0}},
		{hoppingOf(10, 5), 2, []float64{0}},
		{hoppingOf(10, 5), 4.999, []float64{0}},
		{hoppingOf(10, 5), 5, []float64{0, 5}},
		{hoppingOf(10, 5), 10, []float64{5, 10}},
		{hoppingOf(57, 23), 456, []float64{414, 437}},
		{hoppingOf(100, 15), 3223, []float64{3135, 3150, 3165, 3180, 3195, 3210}},
		{hoppingOf(10, 3), 10, []float64{3, 6, 9}},
		{hoppingOf(10, 1), 100, []float64{91, 92, 93, 94, 95, 96, 97, 98, 99, 100}},
		{tumblingOf(10), 0, []float64{0}},
		{tumblingOf(10), 9.9, []float64{0}},
		{tumblingOf(10), 9.999, []float64{0}},
		{tumblingOf(10), 10, []float64{10}},
		{tumblingOf(3600), 1700000000, []float64{1699999200}},
		{tumblingOf(86400), 1700000000, []float64{1699920000}},
		{tumblingOf(300), 1700000123.456, []float64{1700000100}},
	} {
		if got := c.w.all(s(c.at)); !slices.Equal(got, c.want) {
			t.Errorf("windows of %d ms every %d ms that hold %v: got %v, want %v", c.w.size, c.w.step, c.at, got, c.want)
		}
	}
}

func TestTheFirstWindowThatHoldsATime(t *testing.T) {
	for _, c := range []struct {
		w        windowing
		at, want float64
	}{{hoppingOf(57, 23), 456, 414}, {hoppingOf(3600, 300), 1700000000, 1699996500}} {
		if first, _ := c.w.starts(s(c.at)); first != s(c.want) {
			t.Errorf("windows of %d ms every %d ms: the first that holds %v starts at %d, want %v", c.w.size, c.w.step, c.at, first, c.want)
		}
	}
}

// What starts returns is what a search of all windows finds.
func TestStartsAgainstASearch(t *testing.T) {
	for _, w := range []windowing{{size: 1, step: 1}, {size: 7, step: 7}, {size: 10, step: 4}, {size: 17, step: 16}, {size: 9, step: 1}} {
		for at := range int64(200) {
			first, last := int64(-1), int64(-1)
			for start := int64(0); start <= at; start += w.step {
				if at < start+w.size {
					if last = start; first < 0 {
						first = start
					}
				}
			}
			if gotFirst, gotLast := w.starts(at); gotFirst != first || gotLast != last {
				t.Fatalf("size %d step %d at %d: got %d to %d, want %d to %d", w.size, w.step, at, gotFirst, gotLast, first, last)
			}
		}
	}
}

func TestAWindowClosesAndExpires(t *testing.T) {
	w := windowing{size: 10, step: 10, grace: 5, expires: 20}
	for _, c := range []struct {
		now             int64
		closed, expired bool
	}{
		{math.MinInt64, false, false},
		{0, false, false},
		{110, false, false},
		{114, false, false},
		{115, true, false}, // a window takes events while its end is after the stream time less the grace
		{129, true, false},
		{130, true, true},
		{math.MaxInt64, true, true},
	} {
		if got := w.closed(100, c.now); got != c.closed {
			t.Errorf("closed at %d: %v, want %v", c.now, got, c.closed)
		}
		if got := w.expired(100, c.now); got != c.expired {
			t.Errorf("expired at %d: %v, want %v", c.now, got, c.expired)
		}
	}
}

package clicks

import (
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// noon is long after the wall clock of the tests, which begins in the year 2000.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// window is the minute that begins so long after noon.
func window(start time.Duration) faust.Window {
	return faust.Window{Start: noon.Add(start), End: noon.Add(start + time.Minute)}
}

// click sends one view of a page, waits until it is counted, and returns what came out.
func click(t *testing.T, d *fausttest.Driver, url string, at time.Time) Trend {
	t.Helper()
	d.Send("clicks", "visitor", Click{URL: url, At: at})
	var last *Trend
	for _, ev := range fausttest.Read[string, Trend](d, "trends") {
		if ev.Key == url {
			last = &ev.Value
		}
	}
	if last == nil || !last.At.Equal(at) {
		t.Fatalf("the click on %s at %v has led to no trend; the last one is %+v", url, at, last)
	}
	return *last
}

func expect(t *testing.T, got Trend, views, before, now int64, kept int) {
	t.Helper()
	want := Trend{URL: got.URL, At: got.At, Views: views, Before: before, Now: now, Kept: kept}
	if got != want {
		t.Errorf("trend is %+v, want %+v", got, want)
	}
}

// Every click is in six windows of a minute, ten seconds apart. Current is the newest of them, Delta(1m) the newest of those that hold
// the time one minute before.
func TestCurrentDeltaWindows(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		expect(t, click(t, d, "/", noon.Add(1*time.Second)), 1, 0, 0, 6)
		expect(t, click(t, d, "/", noon.Add(5*time.Second)), 2, 0, 0, 6)
		expect(t, click(t, d, "/", noon.Add(9*time.Second)), 3, 0, 0, 6)
		expect(t, click(t, d, "/", noon.Add(12*time.Second)), 1, 3, 0, 7) // a newer window begins at 12:00:10; 11:59:12 is in [11:59:10, 12:00:10)
		expect(t, click(t, d, "/other", noon.Add(13*time.Second)), 1, 0, 0, 6)
		expect(t, click(t, d, "/", noon.Add(69*time.Second)), 1, 4, 0, 12) // 12:00:09 is in [12:00:00, 12:01:00) with all four

		windows := fausttest.Windows[string, int64](d, "views")
		want := map[time.Duration]int64{ // by the window's start, relative to noon
			-50 * time.Second: 3, -40 * time.Second: 4, -30 * time.Second: 4, -20 * time.Second: 4, -10 * time.Second: 4, 0: 4,
			10 * time.Second: 2, 20 * time.Second: 1, 30 * time.Second: 1, 40 * time.Second: 1, 50 * time.Second: 1, 60 * time.Second: 1,
		}
		for w, pages := range windows {
			if n, ok := pages["/"]; ok && n != want[w.Start.Sub(noon)] {
				t.Errorf("[%v, %v) counts %d, want %d", w.Start, w.End, n, want[w.Start.Sub(noon)])
			}
			if w.End.Sub(w.Start) != time.Minute {
				t.Errorf("[%v, %v) is no minute", w.Start, w.End)
			}
		}
		for start := range want {
			if _, ok := windows[window(start)]["/"]; !ok {
				t.Errorf("no window begins at %v", noon.Add(start))
			}
		}
	})
}

// Now is the window of the wall clock: it sees clicks of the present, and none of those that are read again later.
func TestNow(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		present := time.Now().Truncate(time.Minute).Add(time.Minute + time.Second) // a settled worker takes some seconds, and the newest window begins every ten
		d.Advance(time.Until(present))
		expect(t, click(t, d, "/", present), 1, 0, 1, 6)
		expect(t, click(t, d, "/", present), 2, 0, 2, 6)
		d.Advance(2 * time.Minute)
		expect(t, click(t, d, "/", present.Add(time.Second)), 3, 0, 0, 6)
	})
}

// A click can be late for one window and in time for the next.
func TestLateForSomeWindows(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		click(t, d, "/", noon)
		d.Advance(5 * time.Second) // the partitions without clicks are idle from here on
		click(t, d, "/", noon.Add(100*time.Second))
		// Stream time is 12:01:40, so windows that end by 12:01:10 have closed. Of the six that hold 12:00:35 two are still open, and
		// their newest, [12:00:30, 12:01:30), is the one that Current reads.
		expect(t, click(t, d, "/", noon.Add(35*time.Second)), 1, 1, 0, 14)
		windows := fausttest.Windows[string, int64](d, "views")
		for _, start := range []time.Duration{20 * time.Second, 30 * time.Second} {
			if n := windows[window(start)]["/"]; n != 1 {
				t.Errorf("the window from %v on counts %d, want 1", noon.Add(start), n)
			}
		}
		if n := windows[window(10*time.Second)]["/"]; n != 0 {
			t.Errorf("a window that had closed counts %d", n)
		}
	})
}

// Windows are kept until ten minutes after their end, across restarts.
func TestExpiry(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		kept := func(n int) {
			t.Helper()
			if windows := fausttest.Windows[string, int64](d, "views"); len(windows) != n {
				t.Errorf("%d windows are kept, want %d: %v", len(windows), n, windows)
			}
		}
		click(t, d, "/", noon)
		kept(6) // they end from 12:00:10 to 12:01:00
		d.Restart()
		click(t, d, "/", noon.Add(10*time.Minute+9*time.Second))
		kept(6 + 6)
		d.KillAndWipe()
		click(t, d, "/", noon.Add(10*time.Minute+30*time.Second))
		kept(3 + 6 + 3) // of the first six those that end after 12:00:30, and three more begin
		click(t, d, "/", noon.Add(40*time.Minute))
		kept(6)
		d.KillAndWipe()
		kept(6)
		d.Advance(5 * time.Second) // time behind a group_by follows the events by some seconds
		expect(t, click(t, d, "/", noon.Add(40*time.Minute+time.Second)), 2, 0, 0, 6)
	})
}

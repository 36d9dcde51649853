//go:build kafka

package kafkatest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

type trend struct {
	URL    string    `json:"url"`
	At     time.Time `json:"at"`
	Views  int64     `json:"views"`
	Before int64     `json:"before"`
	Now    int64     `json:"now"`
	Kept   int       `json:"kept"`
}

// Clicks come by the command line, trends go out to a topic, and windows are asked for by --now, --at and --delta.
func TestClicks(t *testing.T) {
	a := newApp(t, "clicks")
	w := a.start("worker")
	w.waitTasks(8)
	base := time.Now().UTC().Add(-24 * time.Hour).Truncate(time.Minute)
	var clicks []time.Time
	for i := range 240 { // four minutes, one click a second; every third on another page
		clicks = append(clicks, base.Add(time.Duration(i)*time.Second))
	}
	var lines []string
	want := map[slot]int64{}
	for i, at := range clicks {
		url := clickURL(i)
		lines = append(lines, fmt.Sprintf(`{"key":"visitor","value":{"url":%q,"at":%q}}`, url, at.Format(time.RFC3339)))
		for start := at.Add(-50 * time.Second).Truncate(10 * time.Second); !start.After(at); start = start.Add(10 * time.Second) {
			want[slot{url, start}]++
		}
	}
	a.send("clicks", lines)
	checkTrends(a, clicks)
	checkViews(a, want)

	newest := clicks[len(clicks)-1]
	lastStart := newest.Truncate(10 * time.Second)
	a.asks(want[slot{"/", lastStart}], lastStart, "--delta", "0s")
	a.asks(want[slot{"/", lastStart.Add(-time.Minute)}], lastStart.Add(-time.Minute), "--delta", "1m")
	a.asks(want[slot{"/", base.Add(30 * time.Second)}], base.Add(30*time.Second), "--at", base.Add(39*time.Second).Format(time.RFC3339))
	if rows := a.query("views", "/", "--now"); len(rows) != 0 {
		t.Errorf("a page that was seen a day ago has windows now: %+v", rows)
	}
	w.stop()
	w = a.start("worker")
	w.waitTasks(8)
	checkViews(a, want)

	nowClick(a)
	// That click was a day later: all the windows before have expired.
	a.waitFor("the windows of the day before to expire", func() (bool, any) {
		rows := a.query("views", "/")
		return len(rows) == 0, rows
	})
}

func clickURL(i int) string {
	if i%3 == 2 {
		return "/other"
	}
	return "/"
}

// checkTrends compares what came out at each click with what the clicks before it make.
func checkTrends(a *app, clicks []time.Time) {
	a.t.Helper()
	topic := a.topic("trends")
	a.waitFor("a trend for every click", func() (bool, any) {
		n := sum(ends(a.t, topic, false))
		return n >= int64(len(clicks)), n
	})
	got := map[time.Time]trend{}
	for _, r := range read(a.t, topic) {
		var tr trend
		if err := json.Unmarshal(r.Value, &tr); err != nil || string(r.Key) != tr.URL {
			a.t.Fatalf("trend %s with key %q: %v", r.Value, r.Key, err)
		}
		if _, twice := got[tr.At.UTC()]; twice {
			a.t.Errorf("two trends for the click at %v", tr.At)
		}
		got[tr.At.UTC()] = tr
	}
	count := func(i int, start time.Time) (n int64) { // clicks up to the i-th, on its page, in the minute from start on
		for j := range i + 1 {
			if clickURL(j) == clickURL(i) && !clicks[j].Before(start) && clicks[j].Before(start.Add(time.Minute)) {
				n++
			}
		}
		return n
	}
	for i, at := range clicks {
		start := at.Truncate(10 * time.Second)
		want := trend{URL: clickURL(i), At: at, Views: count(i, start), Before: count(i, start.Add(-time.Minute))}
		first := clicks[0]
		if want.URL == "/other" {
			first = clicks[2]
		}
		want.Kept = int(start.Sub(first.Truncate(10*time.Second))/(10*time.Second)) + 6
		tr := got[at]
		if tr.At = tr.At.UTC(); tr != want {
			a.t.Errorf("trend %+v, want %+v", tr, want)
		}
	}
}

// checkViews compares all windows.
func checkViews(a *app, want map[slot]int64) {
	a.t.Helper()
	var rows []row
	a.waitFor("the windows to be complete", func() (bool, any) {
		rows = a.query("views")
		return len(rows) == len(want), fmt.Sprintf("%d windows, want %d", len(rows), len(want))
	})
	for _, r := range rows {
		if n := fmt.Sprint(want[slot{r.Key, r.Start}]); string(r.Value) != n || r.End.Sub(r.Start) != time.Minute {
			a.t.Errorf("%s has %s views in [%v, %v), want %s", r.Key, r.Value, r.Start, r.End, n)
		}
	}
	ascending(a.t, a.query("views", "/"))
}

// asks checks what query says of page / in the one window that the flags choose.
func (a *app) asks(want int64, start time.Time, flags ...string) {
	a.t.Helper()
	a.waitFor(fmt.Sprintf("query views / %v to give %d in the minute from %v on", flags, want, start), func() (bool, any) {
		rows := a.query(append([]string{"views", "/"}, flags...)...)
		return len(rows) == 1 && string(rows[0].Value) == fmt.Sprint(want) && rows[0].Start.Equal(start), rows
	})
}

// nowClick sends a click of the present, which --now finds while its ten seconds last. They may end between the two; then the next does.
func nowClick(a *app) {
	a.t.Helper()
	n := 0
	a.waitFor("a click of the present to be seen by --now", func() (bool, any) {
		n++
		url := fmt.Sprintf("/now/%d", n)
		at := time.Now().UTC()
		time.Sleep(time.Until(at.Truncate(10 * time.Second).Add(10*time.Second + 50*time.Millisecond))) // at the beginning of ten seconds
		at = time.Now().UTC()
		a.run("send", "clicks", fmt.Sprintf(`{"url":%q,"at":%q}`, url, at.Format(time.RFC3339Nano)))
		for time.Since(at) < 9*time.Second {
			if rows := a.query("views", url, "--now"); len(rows) == 1 && string(rows[0].Value) == "1" && rows[0].Start.Equal(at.Truncate(10*time.Second)) {
				return true, nil
			}
		}
		return false, a.query("views", url)
	})
}

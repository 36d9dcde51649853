package report

import (
	"strings"
	"testing"
	"time"
)

// run is a good run of a million records.
func run(workload, peer string, rep int, processing, cpu float64) Run {
	return Run{Workload: workload, Peer: peer, Rep: rep, Records: 1_000_000, StartUp: 1, Processing: processing,
		Wall: processing + 2, CPU: cpu, BrokerCPU: 1, PeakMB: cpu * 10, Written: 600_000, Check: Exact}
}

func TestRatiosCompareMediansOfGoodRuns(t *testing.T) {
	wrong := run("count", Ours, 4, 0.001, 0.001)
	wrong.Check = "9,999 accounts, want 10,000"
	hung := run("count", Ours, 5, 0.001, 0.001)
	hung.Interrupted = "no progress for 60s"
	runs := []Run{
		run("count", Streams, 1, 10, 20), run("count", Ours, 1, 4, 2), run("count", Ours, 2, 2, 4),
		run("count", Streams, 2, 8, 24), run("count", Streams, 3, 12, 16), run("count", Ours, 3, 1, 3),
		wrong, hung, run("filter", Ours, 1, 1, 1),
	}
	ratios := Ratios(runs)
	if len(ratios) != 1 {
		t.Fatalf("%d ratios, want one: the filter has no other peer", len(ratios))
	}
	// Medians: ours 2 s and 3 CPU s, Streams 10 s and 20 CPU s.
	r := ratios[0]
	if r.Workload != "count" || r.Rate != 5 || r.CPU != 20.0/3 || r.TotalCPU != 21.0/4 || r.RateFromStart != 11.0/3 || r.Memory != 20.0/3 {
		t.Errorf("ratios %+v", r)
	}
}

func TestMedian(t *testing.T) {
	rate := func(r *Run) float64 { return r.Processing }
	for _, c := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}} {
		var runs []Run
		for _, v := range c.of {
			runs = append(runs, run("w", Ours, 1, v, 1))
		}
		if got := Median(runs, rate); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
	}
}

func TestMarkdownShowsFactsRatiosAndEveryRun(t *testing.T) {
	failed := run("filter", Ours, 2, 0, 0)
	failed.Interrupted = "the worker ended\nexit 1 | oh"
	page := Markdown(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), []Fact{{"machine", "2 cores"}},
		[]Run{run("filter", Streams, 1, 10, 20), run("filter", Ours, 1, 2, 2), failed})
	for _, want := range []string{
		"# Benchmark of 2026-03-04\n",
		"- machine: 2 cores\n",
		"| filter | 5.00 | 3.67 | 10.00 | 7.00 | 10.00 |\n",
		"| filter | faustgen | 1 | 500,000 | 333,333 | 2 | 2 | 1 | 20 | 0 | 600,000 |\n",
		"not measured: the worker ended exit 1 / oh |\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	columns := func(line string) int { return strings.Count(line, "|") }
	head := 0
	for line := range strings.Lines(page) {
		switch {
		case !strings.HasPrefix(line, "|"):
			head = 0
		case head == 0:
			head = columns(line)
		case columns(line) != head:
			t.Errorf("a row has %d columns, its table %d: %s", columns(line), head, line)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.125: "0.12", 12.34: "12.3", 999: "999", 1000: "1,000", 1234567.8: "1,234,568", -0.05: "-0.05", -1234: "-1,234"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/faustgen/faustgen/bench/internal/report"
)

func TestFlags(t *testing.T) {
	parsed := func(args ...string) *settings {
		t.Helper()
		s, err := parse(args)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return s
	}
	if s := parsed(); !s.whole() || s.n != 5_000_000 || s.reps != 3 || len(s.workloads) != 2 || len(s.peers) != 2 {
		t.Errorf("without flags: %+v, want the whole comparison", s)
	}
	if s := parsed("-quick"); s.n != 200_000 || s.reps != 1 || s.whole() {
		t.Errorf("-quick gives %d orders and %d repetitions", s.n, s.reps)
	}
	if s := parsed("-quick", "-n", "5000", "-reps", "2"); s.n != 5000 || s.reps != 2 {
		t.Errorf("-quick overrides what was given: %d orders, %d repetitions", s.n, s.reps)
	}
	if s := parsed("--only", "ours", "--workloads", "count"); s.whole() || s.peers[0] != report.Ours || s.workloads[0] != "count" {
		t.Errorf("-only ours gives %v", s.peers)
	}
	for _, bad := range [][]string{{"-only", "flink"}, {"-workloads", "count,sort"}, {"-reps", "0"}, {"-n", "10"}, {"extra"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestEveryWorkloadIsNamed(t *testing.T) {
	if len(workloadNames()) != len(workloads) {
		t.Fatalf("%d names for %d workloads", len(workloadNames()), len(workloads))
	}
	for _, name := range workloadNames() {
		if _, ok := workloads[name]; !ok {
			t.Errorf("there is no workload %s", name)
		}
	}
}

func TestCountsAreComparedPerAccount(t *testing.T) {
	want := map[string]int64{"acc-1": 1, "acc-2": 2}
	for _, c := range []struct {
		got  map[string]int64
		want string
	}{
		{map[string]int64{"acc-1": 1, "acc-2": 2}, report.Exact},
		{map[string]int64{"acc-1": 2, "acc-2": 1}, "2 of 2 accounts differ: acc-1 has 2 orders, want 1"},
		{map[string]int64{"acc-2": 2}, "1 of 2 accounts differ: acc-1 has 0 orders, want 1"},
		{map[string]int64{"acc-1": 1, "acc-2": 2, "acc-3": 3}, "3 accounts, want 2"},
	} {
		if got := compareCounts(c.got, want); got != c.want {
			t.Errorf("%v: %q, want %q", c.got, got, c.want)
		}
	}
}

func TestCountsOfBothPeersAreRead(t *testing.T) {
	for value, want := range map[string]int64{"0": 0, "512345": 512345, "12345678": 12345678, "\x00\x00\x00\x00\x00\x00\x01\x02": 258} {
		if got, err := decodeCount([]byte(value)); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", value, got, err, want)
		}
	}
	for _, bad := range []string{"", "ten", "\x00\x01"} {
		if _, err := decodeCount([]byte(bad)); err == nil {
			t.Errorf("%q is a count", bad)
		}
	}
}

func TestEventLinesGiveTheInsideRate(t *testing.T) {
	if got := insideRate("noise\nEVENT first 1000\nx EVENT last 1\nEVENT last 3000\n", 500); got != 250 {
		t.Errorf("the rate is %v, want 250", got)
	}
	for _, log := range []string{"", "EVENT first 1000\n", "EVENT first 2000\nEVENT last 2000\n"} {
		if got := insideRate(log, 500); got != 0 {
			t.Errorf("%q has the rate %v", log, got)
		}
	}
}

func TestVerdictFailsOnWrongResultsAndMissedRatios(t *testing.T) {
	run := func(peer string, seconds float64) report.Run {
		return report.Run{Workload: "count", Peer: peer, Rep: 1, Records: 1000, StartUp: 1, Processing: seconds, CPU: seconds, Check: report.Exact}
	}
	good := []report.Run{run(report.Streams, 8), run(report.Ours, 2)}
	asked := &settings{workloads: []string{"count"}, minRate: 3, minCPU: 4}
	if err := verdict(asked, good); err != nil {
		t.Errorf("four times as fast, but: %v", err)
	}
	asked.minRate = 5
	if err := verdict(asked, good); err == nil || !strings.Contains(err.Error(), "4.00 times the records per second") {
		t.Errorf("a missed rate gives %v", err)
	}
	if err := verdict(&settings{workloads: []string{"count"}, minCPU: 1}, good[:1]); err == nil {
		t.Error("a comparison without ours meets -min-cpu")
	}
	wrong := run(report.Ours, 1)
	wrong.Check = "9 accounts, want 10"
	if err := verdict(&settings{}, []report.Run{wrong}); err == nil || !strings.Contains(err.Error(), "9 accounts") {
		t.Errorf("a wrong result gives %v", err)
	}
}

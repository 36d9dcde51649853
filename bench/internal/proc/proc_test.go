//go:build unix

package proc

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestAnEndedProcessTellsWhatItCost(t *testing.T) {
	p := start(t, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo one; echo two; exit 3")
	for !p.Ended() {
		time.Sleep(time.Millisecond)
	}
	u := p.Stop(time.Second)
	if u.Exit != "3" || u.CPU <= 0 || u.Wall <= 0 || u.PeakRSS < 100<<10 {
		t.Errorf("usage %+v, want exit 3 and something of everything", u)
	}
	if got := p.Tail(1); got != "two" {
		t.Errorf("the last line is %q, want two", got)
	}
}

func TestStopAsksBeforeItKills(t *testing.T) {
	polite := start(t, "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
	await(t, polite, "ready")
	if u := polite.Stop(10 * time.Second); u.Exit != "0" || polite.Tail(1) != "bye" {
		t.Errorf("exit %s with %q, want 0 and its last words", u.Exit, polite.Tail(1))
	}
	stubborn := start(t, "trap '' TERM; echo ready; while :; do sleep 0.01; done")
	await(t, stubborn, "ready")
	if u := stubborn.Stop(50 * time.Millisecond); u.Exit != "killed" {
		t.Errorf("exit %s of a process that ignores SIGTERM, want killed", u.Exit)
	}
}

func await(t *testing.T, p *Process, word string) {
	t.Helper()
	for range 1000 {
		if strings.Contains(p.Tail(1), word) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the process never said %s", word)
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	if _, err := Start(Command{Path: "/nowhere/worker", Log: filepath.Join(t.TempDir(), "log")}); err == nil || !strings.Contains(err.Error(), "/nowhere/worker") {
		t.Errorf("error %v does not name the program", err)
	}
}

func TestProcFilesAreReadByField(t *testing.T) {
	// The command may hold spaces and parentheses.
	stat := "77 (a (b) c) S 1 77 77 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1000 10"
	if got := parseStat(stat); got != 3*time.Second {
		t.Errorf("stat gives %v, want 3s", got)
	}
	if got := parseBusy("cpu  100 20 30 9999 9999 5 6 7 0 0\ncpu0 1 1 1 1 1 1 1 1\n"); got != 1610*time.Millisecond {
		t.Errorf("busy is %v, want 1.61s", got)
	}
	for _, broken := range []string{"", "77", "77 (x) S", "cpu"} {
		if parseStat(broken) != 0 || parseBusy(broken) != 0 {
			t.Errorf("%q gives a time", broken)
		}
	}
	if got := field("MemTotal:  1024 kB\nMemFree: 3 kB\n", "MemFree"); got != "3 kB" {
		t.Errorf("field gives %q, want 3 kB", got)
	}
}

package fausttest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/fausttest/apps/counting"
)

// Kill tells the group nothing, so its workers are back only when the session has run out; Restart leaves the group in order.
func TestKillIsNoStop(t *testing.T) {
	Run(t, counting.Faust(), func(t *testing.T, d *Driver) {
		for _, c := range []struct {
			name   string
			do     func()
			killed bool
		}{{"Restart", d.Restart, false}, {"Kill", d.Kill, true}, {"KillAndWipe", d.KillAndWipe, true}} {
			began := time.Now()
			c.do()
			if took := time.Since(began); (took > 5*time.Second) != c.killed {
				t.Errorf("%s took %v of a session of 10 s", c.name, took)
			}
		}
	})
}

// KillAndWipe takes the data directories away, Kill leaves them.
func TestWipe(t *testing.T) {
	Run(t, counting.Faust(), func(t *testing.T, d *Driver) {
		mark := filepath.Join(d.dataDir(1), "mark")
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d.Kill()
		if _, err := os.Stat(mark); err != nil {
			t.Errorf("after Kill: %v", err)
		}
		d.KillAndWipe()
		if _, err := os.Stat(mark); !os.IsNotExist(err) {
			t.Errorf("after KillAndWipe a file of the data directory is still there: %v", err)
		}
	})
}

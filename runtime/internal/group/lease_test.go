package group

import (
	"testing"
	"testing/synctest"
	"time"
)

// A membership is certain for the lease after the last heartbeat that got through, and no longer: not after a loss, nor before the first.
func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{Group: "g"}, nil)
		if m.Holds() {
			t.Error("holds a membership that never began")
		}
		m.lease.Store(time.Now().Add(9 * time.Second).UnixNano())
		time.Sleep(9*time.Second - time.Nanosecond)
		if !m.Holds() {
			t.Error("the lease ended early")
		}
		time.Sleep(time.Nanosecond)
		if m.Holds() {
			t.Error("the lease went on")
		}
	})
}

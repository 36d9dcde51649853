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

// The lease runs from when a heartbeat was sent, not from its answer: the coordinator's session began somewhere in between.
func TestLeaseOfASlowHeartbeat(t *testing.T) {
	play(t, 4, func(s *scene) {
		a, b := two(s)
		open := make(chan struct{})
		begun := time.Now()
		a.link.set(func(l *fakeLink) { l.hang = open }) // for the heartbeat that is sent within a second from now
		time.Sleep(2500 * time.Millisecond)
		a.link.set(func(l *fakeLink) { l.hang, l.err = nil, errDown })
		close(open)
		for _, x := range []struct {
			after time.Duration
			holds bool
		}{{8999 * time.Millisecond, true}, {10_001 * time.Millisecond, false}} {
			time.Sleep(x.after - time.Since(begun))
			if a.member.Holds() != x.holds {
				t.Errorf("%v after the link was slow it holds: %v, want %v", x.after, !x.holds, x.holds)
			}
		}
		a.link.set(func(l *fakeLink) { l.err = nil })
		time.Sleep(time.Minute)
		if !a.member.Holds() {
			t.Error("it does not hold though the link is back")
		}
		a.stop()
		b.stop()
	})
}

package task

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// naive is what the clock must do, computed anew from everything that was ever said.
type naive struct {
	now   int64
	times []int64
	walls []int64
	idle  []bool
	wall  int64
}

func (n *naive) source(i int, time, wall int64, idle bool) {
	n.times[i], n.walls[i], n.idle[i] = max(n.times[i], time), max(n.walls[i], wall), idle
	n.wall = max(n.wall, wall)
	least, newest, any := int64(0), int64(NoTime), false
	for j, t := range n.times {
		newest = max(newest, t)
		if n.idle[j] && n.wall-n.walls[j] <= idleLease {
			continue
		}
		if !any || t < least {
			least, any = t, true
		}
	}
	if !any {
		least = newest
	}
	n.now = max(n.now, least)
}

// Whatever the sources say, in whatever order, the clock never goes back, and is never beyond the least time of those that are not idle;
// it is that time exactly as long as none was idle. Saving and loading in between changes nothing of that.
func TestClockAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		sources := random.IntN(4) + 1
		c := NewClock(sources)
		m := &naive{now: NoTime, wall: NoTime}
		for range sources {
			m.times, m.walls, m.idle = append(m.times, NoTime), append(m.walls, NoTime), append(m.idle, false)
		}
		wall, anyIdle := int64(1_000_000), seed%2 == 0
		for step := range 200 {
			wall += random.Int64N(1500)
			before := c.Now()
			switch random.IntN(12) {
			case 0:
				at := random.Int64N(2000)
				c.Direct(at)
				m.now = max(m.now, at)
			case 1:
				at := c.Now() + random.Int64N(20)
				c.Advance(at)
				m.now = max(m.now, at)
			case 2:
				again := NewClock(sources)
				if rest, err := again.Load(c.Append(nil)); err != nil || len(rest) > 0 {
					t.Fatalf("seed %d, step %d: %x left, %v", seed, step, rest, err)
				}
				if c = again; c.Now() < before {
					t.Fatalf("seed %d, step %d: loaded at %d, saved at %d", seed, step, c.Now(), before)
				}
			default:
				i, at := random.IntN(sources), int64(step)*10+random.Int64N(100)-50
				if random.IntN(10) == 0 {
					at = NoTime
				}
				said, idle := wall-random.Int64N(500), anyIdle && random.IntN(3) == 0
				c.Source(i, at, said, idle)
				m.source(i, at, said, idle)
			}
			if c.Now() > m.now || c.Now() < before || !anyIdle && c.Now() != m.now {
				t.Fatalf("seed %d, step %d: the time is %d (before: %d), the model has %d", seed, step, c.Now(), before, m.now)
			}
		}
	}
}

// A clock that was loaded knows at once that a source holds it back: idle= must not let it go on before the first word.
func TestClockIsHeldAfterLoad(t *testing.T) {
	c := NewClock(2)
	c.Source(0, 100, 1000, false)
	c.Source(1, 50, 1000, true)
	again := NewClock(2)
	if _, err := again.Load(c.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if !c.Held() || !again.Held() {
		t.Errorf("held: %v before, %v after it was saved and loaded", c.Held(), again.Held())
	}
}

// Damaged bytes are an error, or something that saves the same; nothing panics.
func FuzzClockLoad(f *testing.F) {
	c := NewClock(2)
	c.Source(0, 100, 1000, false)
	c.Source(1, 50, 1000, true)
	f.Add(c.Append(nil))
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := NewClock(2)
		rest, err := c.Load(b)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(b, rest) {
			t.Fatalf("%x is not the end of %x", rest, b)
		}
		again := NewClock(2)
		if rest, err := again.Load(append(c.Append(nil), 7)); err != nil || !bytes.Equal(rest, []byte{7}) || again.Now() != c.Now() {
			t.Fatalf("loaded again: %d, want %d; %x left, %v", again.Now(), c.Now(), rest, err)
		}
	})
}

// Whoever writes to a repartition topic, its headers are read or refused; nothing panics, and no negative source comes out.
func FuzzReadSourceTime(f *testing.F) {
	f.Add(record.AppendHeader(nil, TimeHeader, AppendSourceTime(nil, &SourceTime{Source: 3, Wall: 1000, Idle: true, Times: []int64{1, NoTime}})))
	f.Add(record.AppendHeader(record.AppendHeader(nil, "x", nil), TimeHeader, []byte{3}))
	f.Add(record.AppendHeader(nil, TimeHeader, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again SourceTime
		if !ReadSourceTime(&record.Record{Headers: b}, &s) {
			return
		}
		if s.Source < 0 {
			t.Fatalf("source %d", s.Source)
		}
		header := record.AppendHeader(nil, TimeHeader, AppendSourceTime(nil, &s))
		if !ReadSourceTime(&record.Record{Headers: header}, &again) || again.Source != s.Source || again.Wall != s.Wall || again.Idle != s.Idle ||
			again.Control != s.Control || len(again.Times) != len(s.Times) {
			t.Fatalf("%+v read back as %+v", s, again)
		}
	})
}

package task

import (
	"encoding/binary"
	"fmt"
	"math"
)

// NoTime is a clock's time before it has heard of any event.
const NoTime = math.MinInt64

// A source partition is idle when it has been read to its end and nothing has come for idleAfter ms. Its word that it is idle holds for
// idleLease ms of the log's own clock. A source that is alive says it anew every IdleRefresh ms; one whose worker died is no longer
// idle after the lease, and holds time back.
//
// Word of an idle source lets time go on only as far as the others had come idleSettle ms before it was given: what was sent to several
// partitions at once has reached the idle source too by then, and made it busy.
const (
	idleAfter   = 2000
	idleLease   = 3000
	IdleRefresh = 1000
	idleSettle  = 200
)

// Clock is the stream time of the windowed tables of one tables struct, in one task, for one choice of event time.
//
// Events that agents read directly move it to the newest event time. Events behind a group_by come from several source partitions,
// read at different speeds: each carries its source and that source's own time, and the clock is the least time of the sources that
// are not idle. So a window behind a group_by does not depend on which source partition happened to be read first.
//
// It is owned by the task's goroutine. It is a pure state machine: it reads no wall clock.
type Clock struct {
	now     int64 // never decreases
	direct  int64
	sources []source
	wall    int64 // the newest wall time that a source's word carried: the log's own clock
	minAt   int   // index of the source that holds time back, -1 if none is known to
	anyIdle bool

	newest, newestWall int64 // the newest time of any source, and c.wall when it was said
	asked, askedWall   int64 // the time that waits for all idle sources' word, at least idleSettle after askedWall; none if asked <= released
	released           int64 // idle sources let time go on up to here

	version uint64 // grows with every change that Append would show
}

type source struct {
	time int64 // newest event time of this source partition; NoTime: never heard of it
	wall int64 // when it said so
	idle bool
}

// NewClock returns a clock that has heard nothing. sources is how many source partitions stand behind its group_by, 0 if there is none.
func NewClock(sources int) *Clock {
	c := &Clock{now: NoTime, direct: NoTime, wall: NoTime, newest: NoTime, asked: NoTime, released: NoTime, sources: make([]source, sources), minAt: -1}
	for i := range c.sources {
		c.sources[i] = source{time: NoTime, wall: NoTime}
	}
	return c
}

// Now is the stream time, NoTime before the first event.
func (c *Clock) Now() int64 { return c.now }

// Direct tells the clock of an event that was read without a group_by.
func (c *Clock) Direct(time int64) {
	if time > c.direct {
		c.direct = time
		c.Advance(time)
	}
}

// Source tells the clock what source i said of itself: that its stream time is time, at wall time wall, and whether it is idle.
func (c *Clock) Source(i int, time, wall int64, idle bool) {
	if i < 0 || i >= len(c.sources) {
		return // the source topic had more partitions once
	}
	s := &c.sources[i]
	changed := s.idle != idle || time > s.time
	s.time, s.idle, s.wall = max(s.time, time), idle, max(s.wall, wall)
	c.wall = max(c.wall, wall)
	if s.time > c.newest {
		c.newest, c.newestWall = s.time, c.wall
	}
	c.anyIdle = c.anyIdle || idle
	if changed {
		c.version++
	}
	// Only the source that holds time back can let it go on; with idle ones about, a lease may have run out.
	if changed && (i == c.minAt || c.minAt < 0 || idle) || c.anyIdle {
		c.settle()
	}
}

// Advance moves the clock to time whatever its sources say: the idle= of a table.
func (c *Clock) Advance(time int64) {
	if time > c.now {
		c.now = time
		c.version++
	}
}

// Version changes whenever what Append appends has changed in a way that must survive.
func (c *Clock) Version() uint64 { return c.version }

// settle computes the clock's time anew.
func (c *Clock) settle() {
	if len(c.sources) == 0 {
		return // only direct events, which have moved the clock themselves
	}
	least, idleSince, at, idle := int64(math.MaxInt64), int64(math.MaxInt64), -1, false
	for i := range c.sources {
		s := &c.sources[i]
		if s.idle && c.wall-s.wall <= idleLease {
			idle, idleSince = true, min(idleSince, s.wall)
			continue
		}
		if s.time < least {
			least, at = s.time, i
		}
	}
	c.minAt, c.anyIdle = at, idle
	if idle {
		c.release(idleSince)
		least = min(least, c.released)
	}
	if now := max(c.now, c.direct, least); now != c.now {
		c.now = now
		c.version++
	}
}

// release moves c.released on, given the oldest word of the idle sources. While the others go on, one of their times after the other waits
// for new word; so time follows them by no more than IdleRefresh and idleSettle, twice.
func (c *Clock) release(idleSince int64) {
	for c.released < c.newest {
		if c.asked <= c.released {
			c.asked, c.askedWall = c.newest, c.newestWall
		}
		if idleSince < c.askedWall+idleSettle {
			return
		}
		c.released = c.asked
	}
}

// clockVersion is the first byte of a saved clock.
const clockVersion = 1

// Held says whether a source that is not idle holds time back, so that it must not go on by itself.
func (c *Clock) Held() bool { return c.minAt >= 0 }

// Append appends what has to survive: see docs/formats.md, "Table meta".
func (c *Clock) Append(dst []byte) []byte {
	dst = append(dst, clockVersion)
	dst = binary.AppendVarint(dst, c.now)
	dst = binary.AppendVarint(dst, c.direct)
	dst = binary.AppendUvarint(dst, uint64(len(c.sources)))
	for i := range c.sources {
		s := &c.sources[i]
		dst = binary.AppendVarint(dst, s.time)
		dst = binary.AppendVarint(dst, s.wall)
		if s.idle {
			dst = append(dst, 1)
		} else {
			dst = append(dst, 0)
		}
	}
	return dst
}

// Load merges a saved clock into c, which may have been loaded from another table's meta before, and returns the bytes after it.
func (c *Clock) Load(b []byte) ([]byte, error) {
	d := varints{b: b}
	if v := d.byte(); d.bad || v != clockVersion {
		return nil, fmt.Errorf("a saved stream time of version %d, this worker knows %d: run the newer worker, or reset the application", v, clockVersion)
	}
	now, direct := d.varint(), d.varint()
	n := d.uvarint()
	if d.bad || n > uint64(len(d.b)) {
		return nil, fmt.Errorf("a saved stream time is damaged (%d bytes)", len(b))
	}
	for i := range n {
		s := source{time: d.varint(), wall: d.varint(), idle: d.byte() != 0}
		if i >= uint64(len(c.sources)) {
			continue
		}
		if s.time >= c.sources[i].time {
			c.sources[i] = s
		}
		c.wall = max(c.wall, s.wall)
		c.newest = max(c.newest, s.time)
	}
	c.newestWall = c.wall
	if d.bad {
		return nil, fmt.Errorf("a saved stream time is damaged (%d bytes)", len(b))
	}
	c.now, c.direct = max(c.now, now), max(c.direct, direct)
	c.settle() // so that Held is right before the next word comes
	c.anyIdle = true
	return d.b, nil
}

// varints reads a run of varints; bad is set, and zeros returned, once something is missing.
type varints struct {
	b   []byte
	bad bool
}

func (d *varints) varint() int64 {
	v, n := binary.Varint(d.b)
	return d.took(v, n)
}

func (d *varints) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return uint64(d.took(int64(v), n))
}

func (d *varints) took(v int64, n int) int64 {
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *varints) byte() byte {
	if d.bad || len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

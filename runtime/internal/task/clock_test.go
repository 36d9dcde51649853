package task

import (
	"strings"
	"testing"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// word is what one source partition says of itself.
type word struct {
	source     int
	time, wall int64
	idle       bool
}

func (w word) tell(c *Clock) { c.Source(w.source, w.time, w.wall, w.idle) }

func TestClockOfDirectEvents(t *testing.T) {
	c := NewClock(0)
	if c.Now() != NoTime {
		t.Errorf("before the first event it is %d", c.Now())
	}
	for _, x := range []struct{ event, now int64 }{{100, 100}, {50, 100}, {101, 101}} {
		if c.Direct(x.event); c.Now() != x.now {
			t.Errorf("after an event at %d it is %d, want %d", x.event, c.Now(), x.now)
		}
	}
	if c.Held() {
		t.Error("held back, without a source")
	}
}

// Behind a group_by the clock is the least time of the sources that are not idle.
func TestClockOfSources(t *testing.T) {
	const begin, settled = 1_000_000, 1_000_000 + idleSettle
	for _, x := range []struct {
		name  string
		words []word
		now   int64
		held  bool
	}{
		{"a source that was never heard of holds time back", []word{{0, 500, begin, false}}, NoTime, true},
		{"the slowest source counts", []word{{0, 500, begin, false}, {1, 300, begin, false}}, 300, true},
		{"a source does not go back", []word{{0, 500, begin, false}, {1, 300, begin, false}, {1, 200, begin, false}}, 300, true},
		{"an idle source holds nothing back", []word{{0, 500, begin, false}, {1, 300, begin, false}, {1, 300, settled, true}}, 500, true},
		{"an idle source without any event neither", []word{{0, 500, begin, false}, {1, NoTime, settled, true}}, 500, true},
		{"word of an idle source that is too young lets nothing go on",
			[]word{{0, 500, begin, false}, {1, 300, begin, false}, {1, 300, settled - 1, true}}, 300, true},
		{"when all are idle what was read is all there is", []word{{0, 500, begin, false}, {0, 500, settled, true}, {1, 300, settled, true}}, 500, false},
		{"a source that comes back does not turn the clock back",
			[]word{{0, 500, begin, false}, {0, 500, settled, true}, {1, 300, settled, true}, {1, 310, settled, false}}, 500, true},
		{"the word of an idle source holds for its lease",
			[]word{{0, 500, begin, false}, {1, 300, settled, true}, {0, 500, settled + idleLease, true}}, 500, false},
		{"and no longer, so that a dead source holds time back",
			[]word{{0, 500, begin, false}, {1, 300, settled, true}, {0, 500, settled + idleLease + 1, true}}, 500, true},
		{"a source that the topic no longer has is ignored",
			[]word{{0, 500, begin, false}, {1, 300, begin, false}, {2, 1, begin, false}, {-1, 1, begin, false}}, 300, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := NewClock(2)
			for _, w := range x.words {
				w.tell(c)
			}
			if c.Now() != x.now || c.Held() != x.held {
				t.Errorf("it is %d, held %v; want %d, %v", c.Now(), c.Held(), x.now, x.held)
			}
		})
	}
}

// A clock that was saved knows its sources: none of those that have nothing new has to speak again before time goes on.
func TestClockGoesOnAfterALoad(t *testing.T) {
	before := NewClock(2)
	word{0, 500, 7000, false}.tell(before)
	word{1, 300, 7000, false}.tell(before)
	saved := before.Append(nil)
	c := NewClock(2)
	rest, err := c.Load(append(saved, "rest"...))
	if err != nil || string(rest) != "rest" || c.Now() != 300 {
		t.Fatalf("load: %q, %v, the time is %d", rest, err, c.Now())
	}
	word{1, 400, 7001, false}.tell(c)
	if c.Now() != 400 {
		t.Errorf("the slowest source went on to 400, the clock is at %d", c.Now())
	}
	word{1, 600, 7002, false}.tell(c)
	if c.Now() != 500 {
		t.Errorf("it overtook the other one, which is at 500; the clock is at %d", c.Now())
	}
}

// Two tables of one struct save the same clock, at different commits: the newer of each part counts.
func TestClockLoadMerges(t *testing.T) {
	older, newer := NewClock(1), NewClock(1)
	older.Direct(100)
	newer.Direct(200)
	word{0, 150, 1, false}.tell(newer)
	for _, order := range [][]*Clock{{older, newer}, {newer, older}} {
		c := NewClock(1)
		for _, from := range order {
			if _, err := c.Load(from.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if c.Now() != 200 || c.sources[0].time != 150 {
			t.Errorf("it is %d, the source at %d; want 200 and 150", c.Now(), c.sources[0].time)
		}
	}
}

func TestClockVersionTellsWhatMustBeSaved(t *testing.T) {
	c := NewClock(2)
	for i, w := range []struct {
		word
		changes bool
	}{
		{word{0, 5, 10, false}, true},
		{word{0, 5, 11, false}, false},
		{word{0, 5, 11, true}, true},
		{word{0, 5, 12, true}, false}, // renewed every second: it would make a commit every second
		{word{0, 6, 12, true}, true},
	} {
		before := c.Version()
		if w.tell(c); (c.Version() != before) != w.changes {
			t.Errorf("word %d: the version went from %d to %d, want a change: %v", i, before, c.Version(), w.changes)
		}
	}
	before := c.Version()
	if c.Advance(6); c.Now() != 6 || c.Version() == before {
		t.Errorf("advanced to %d with version %d", c.Now(), c.Version())
	}
	if c.Advance(5); c.Now() != 6 {
		t.Error("the clock went back")
	}
}

func TestClockLoadOfDamage(t *testing.T) {
	c := NewClock(2)
	word{1, 300, 7000, true}.tell(c)
	saved := c.Append(nil)
	for n := range len(saved) {
		if _, err := NewClock(2).Load(saved[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were taken", n, len(saved))
		}
	}
	saved[0] = 9
	if _, err := NewClock(2).Load(saved); err == nil || !strings.Contains(err.Error(), "version 9") || !strings.Contains(err.Error(), "run the newer worker") {
		t.Errorf("a clock of a later version: %v", err)
	}
}

// A record's TimeHeader is the one that the runtime wrote, behind those that the record had before.
func TestSourceTimeRoundTrip(t *testing.T) {
	for _, want := range []SourceTime{
		{Source: 0, Wall: 1, Times: []int64{5}},
		{Source: 300, Wall: 1 << 41, Idle: true, Control: true, Times: []int64{NoTime, -1, 1 << 41}},
		{Source: 1, Control: true, Times: []int64{}},
	} {
		foreign := AppendSourceTime(nil, &SourceTime{Source: 77, Wall: 77, Times: []int64{77}})
		headers := record.AppendHeader(nil, "trace", []byte("x"))
		headers = record.AppendHeader(headers, TimeHeader, foreign)
		headers = record.AppendHeader(headers, TimeHeader, AppendSourceTime(nil, &want))
		var got SourceTime
		if !ReadSourceTime(&record.Record{Headers: headers, HeaderCount: 3}, &got) {
			t.Fatalf("%+v was not found", want)
		}
		if got.Source != want.Source || got.Wall != want.Wall || got.Idle != want.Idle || got.Control != want.Control || len(got.Times) != len(want.Times) {
			t.Errorf("read %+v, want %+v", got, want)
			continue
		}
		for i := range want.Times {
			if got.Times[i] != want.Times[i] {
				t.Errorf("read %+v, want %+v", got, want)
			}
		}
	}
	if ReadSourceTime(&record.Record{Headers: record.AppendHeader(nil, "trace", nil), HeaderCount: 1}, new(SourceTime)) {
		t.Error("found where there is none")
	}
	if ReadSourceTime(&record.Record{Headers: record.AppendHeader(nil, TimeHeader, []byte{0, 1}), HeaderCount: 1}, new(SourceTime)) {
		t.Error("a damaged one was taken")
	}
}

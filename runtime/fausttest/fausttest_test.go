package fausttest

import (
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest/apps/counting"
	"github.com/faustgen/faustgen/runtime/fausttest/apps/restless"
	"github.com/faustgen/faustgen/runtime/fausttest/apps/stopping"
)

func TestSettleOfAnApplicationThatNeverRests(t *testing.T) {
	Run(t, restless.Faust(), func(t *testing.T, d *Driver) {
		d.Advance(5 * time.Second)
		began := time.Now()
		d.Settle()
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("it took %v to settle, want 20 s and a commit at most", took)
		}
		if n := Table[string, int64](d, "ticks")["tick"]; n < 5000/3-2 {
			t.Errorf("%d ticks, want one every 3 ms", n)
		}
	})
}

func TestSettleWaitsForWhatFollows(t *testing.T) {
	Run(t, restless.Faust(), func(t *testing.T, d *Driver) {
		d.Send("countdowns", "a", 30)
		d.Send("countdowns", "b", 20)
		var got []int64
		for _, ev := range Read[string, int64](d, "countdowns") {
			got = append(got, ev.Value)
		}
		slices.Sort(got)
		if len(got) != 31+21 || got[0] != 0 || got[1] != 0 {
			t.Errorf("%d records, want 52 that come to 0 twice: %v", len(got), got)
		}
	})
}

// Time goes by only when the test lets it.
func TestTimeIsVirtual(t *testing.T) {
	real := time.Now()
	Run(t, counting.Faust(), func(t *testing.T, d *Driver) {
		if now := time.Now().UTC(); now.Year() != 2000 {
			t.Errorf("the bubble begins at %v", now)
		}
		before := time.Now()
		d.Advance(2 * time.Hour)
		if got := time.Since(before); got != 2*time.Hour {
			t.Errorf("two hours took %v", got)
		}
	})
	if took := time.Since(real); took > time.Minute {
		t.Errorf("two virtual hours took %v", took)
	}
}

func TestOptionsReachTheWorkers(t *testing.T) {
	Run(t, counting.Faust(), func(t *testing.T, d *Driver) {
		d.Send("colors", "red", "red")
		if got := Read[string, string](d, "colors"); len(got) != 1 || got[0].Topic != "test-colors" {
			t.Errorf("got %v, want one record of test-colors", got)
		}
		if got := Table[string, int64](d, "counts"); got["red"] != 1 {
			t.Errorf("counts %v", got)
		}
		if got := Read[string, int64](d, "test-counting-counts-changelog"); len(got) != 1 || got[0].Key != "red" || len(got[0].Headers) != 0 {
			t.Errorf("changelog %v, want one record without headers of the runtime's own", got)
		}
	}, Worker(faust.TopicPrefix("test-")))
}

// fakeTB is a test that notes how it failed.
type fakeTB struct {
	testing.TB
	failure string
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *fakeTB) Errorf(format string, args ...any) { f.failure = fmt.Sprintf(format, args...) }

// failureOf is how a test fails.
func failureOf(t *testing.T, app *faust.App, f func(d *Driver), opts ...Option) string {
	t.Helper()
	dir := t.TempDir()
	fake := &fakeTB{}
	synctest.Test(t, func(t *testing.T) {
		fake.TB = t
		done := make(chan struct{})
		go func() {
			defer close(done)
			d := newDriver(fake, app, dir, append([]Option{Begin(1)}, opts...))
			defer d.close()
			d.Workers(d.setup.workers)
			f(d)
			d.Workers(0)
		}()
		<-done
	})
	return fake.failure
}

func TestHowATestFails(t *testing.T) {
	for _, c := range []struct {
		name string
		app  *faust.App
		f    func(*Driver)
		want string
	}{
		{"all is well", counting.Faust(), func(d *Driver) { d.Settle() }, ""},
		{"unknown topic", counting.Faust(), func(d *Driver) { d.Send("colour", "k", "red") },
			"send to colour: no such topic; this application has colors, copies, counting-counts-changelog, counting-in_memory-changelog"},
		{"unknown table", counting.Faust(), func(d *Driver) { Table[string, int64](d, "count") }, `no table "count"; this application has counts, in_memory`},
		{"a value that does not fit", counting.Faust(), func(d *Driver) { d.Send("colors", "k", 7) }, "send to colors: value 7: "},
		{"a record of another type", counting.Faust(), func(d *Driver) {
			d.Send("colors", "k", "red")
			Read[string, int](d, "colors")
		}, `colors partition 0 offset 0: value "\"red\"": json`},
		{"a plain table", counting.Faust(), func(d *Driver) {
			d.Send("colors", "k", "k")
			Windows[string, int64](d, "counts")
		}, "counts has no windows: use fausttest.Table"},
		{"no worker", counting.Faust(), func(d *Driver) { d.Workers(0); d.Settle() }, "no worker runs"},
		{"a worker that is not there", counting.Faust(), func(d *Driver) { d.KillWorker(3) }, "worker 3 does not run"},
		{"no failure", counting.Faust(), func(d *Driver) { _ = d.Failure() }, "no worker has stopped with an error in 5m0s"},
		{"a failure that nobody expects", stopping.Faust(), func(d *Driver) {
			d.Send("quitters", "k", stopping.Item{Kind: "quit", At: time.Now()})
			d.Advance(time.Second)
		},
			"a worker stopped: worker 1: task quitters/0: agent quit, quitters partition 0 offset 0: "},
		{"a body that takes too long", stopping.Faust(), func(d *Driver) {
			d.Send("quitters", "k", stopping.Item{Kind: "nap", At: time.Now()})
			d.Settle()
		}, "not settled after 5m0s: quitters partition 0 is committed up to 0 of 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := failureOf(t, c.app, func(d *Driver) { c.f(d) })
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("it fails with %q, want %q", got, c.want)
			}
		})
	}
}

func TestDecodeKey(t *testing.T) {
	type place struct {
		Row int `json:"row"`
	}
	for _, c := range []struct {
		codec string
		bytes string
		want  any
	}{
		{"text", "a b", "a b"},
		{"text", "-42", int64(-42)},
		{"text", "42", uint8(42)},
		{"text", "true", true},
		{"text", "ab", []byte("ab")},
		{"text", "ab", [2]byte{'a', 'b'}},
		{"text", "2024-05-01T12:00:00.5Z", time.Date(2024, 5, 1, 12, 0, 0, 5e8, time.UTC)},
		{"text", `{"row":3}`, place{3}},
		{"text", "10.0.0.1", netip.MustParseAddr("10.0.0.1")},
		{"be", "\xff\xff\xff\xfe", int32(-2)},
		{"be", "\x00\x00\x00\x00\x00\x00\x01\x00", int64(256)},
	} {
		got := reflect.New(reflect.TypeOf(c.want))
		if err := decodeKey(c.codec, []byte(c.bytes), got.Interface()); err != nil || !reflect.DeepEqual(got.Elem().Interface(), c.want) {
			t.Errorf("%s %q as %T: got %v and %v, want %v", c.codec, c.bytes, c.want, got.Elem().Interface(), err, c.want)
		}
	}
	for _, c := range []struct {
		codec string
		bytes string
		into  any
	}{{"text", "x", new(int)}, {"text", "yes", new(bool)}, {"text", "abc", new([2]byte)}, {"be", "42", new(int64)}, {"text", "now", new(time.Time)}, {"text", "10.0", new(netip.Addr)}} {
		if err := decodeKey(c.codec, []byte(c.bytes), c.into); err == nil {
			t.Errorf("%s %q as %T: no error", c.codec, c.bytes, c.into)
		}
	}
}

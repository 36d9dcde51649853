// Package releases tests what becomes of an application's state when a build follows that can't read it.
package releases

import (
	"reflect"
	"strings"
	"testing"

	"github.com/faustgen/faustgen/runtime/fausttest"
	"github.com/faustgen/faustgen/runtime/fausttest/apps/releases/v1"
	"github.com/faustgen/faustgen/runtime/fausttest/apps/releases/v2"
)

// A value that can't be decoded ends the body at that call, and the worker, before anything is committed; the build that can read it goes on.
func TestAStoredValueThatDoesNotFit(t *testing.T) {
	fausttest.Run(t, v1.Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("words", "a", "apple")
		d.Restart()
		d.Workers(0)

		v2.Deferred = 0
		d.Release(v2.Faust())
		d.Send("words", "b", 1)
		d.Send("words", "a", 2)
		d.Workers(1)
		err := d.Failure()
		for _, part := range []string{"agent keep, words partition 0 offset 2", "table last: a stored value doesn't fit its type any more", "version="} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error lacks %q: %v", part, err)
			}
		}
		if v2.Deferred != 2 {
			t.Errorf("deferred functions ran %d times, want 2", v2.Deferred)
		}

		d.Release(v1.Faust())
		d.Workers(1)
		err = d.Failure() // 1 is no string
		if !strings.Contains(err.Error(), "words partition 0 offset 1") {
			t.Errorf("the first build goes on elsewhere: %v", err)
		}
	})
}

// Nothing keeps a build from reading what it understands.
func TestAReleaseGoesOnWithTheState(t *testing.T) {
	fausttest.Run(t, v2.Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("words", "a", 1)
		d.Settle()
		d.Release(v2.Faust())
		d.Restart()
		d.Send("words", "b", 2)
		if got, want := fausttest.Table[string, int64](d, "last"), (map[string]int64{"a": 1, "b": 2}); !reflect.DeepEqual(got, want) {
			t.Errorf("last: got %v, want %v", got, want)
		}
	})
}

package grouping

import (
	"testing"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/fausttest"
)

// What a source's last events say of the time reaches all partitions behind the group_by, also those that get none of these events, and
// also when the source's worker dies just after it has committed them: the next worker does not read them again.
func TestTheTimeOfWhatIsCommittedIsNotLost(t *testing.T) {
	for name, end := range map[string]func(*fausttest.Driver){"killed": (*fausttest.Driver).Kill, "stopped": (*fausttest.Driver).Restart} {
		t.Run(name, func(t *testing.T) {
			fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
				d.Advance(5 * time.Second)
				pages := []string{"/a", "/b", "/c", "/d", "/e", "/f"} // in all three partitions
				for _, page := range pages {
					d.Send("visits", "c", Visit{Page: page, At: begin}, faust.Partition(0))
				}
				d.Send("visits", "c", Visit{Page: "/a", At: begin.Add(2 * time.Hour)}, faust.Partition(0))
				d.Advance(1500 * time.Millisecond) // committed, but the source is not yet idle
				end(d)
				d.Advance(time.Minute)
				closed := map[string]int64{}
				for _, ev := range fausttest.Read[string, Hour](d, "hours") {
					closed[ev.Key] = ev.Value.Visits
				}
				for _, page := range pages {
					if closed[page] != 1 {
						t.Errorf("page %s: the first hour closed with %d visits, want 1", page, closed[page])
					}
				}
			})
		})
	}
}

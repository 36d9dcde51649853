package stopping

import (
	"strings"
	"testing"
	"time"

	"github.com/faustgen/faustgen/runtime/fausttest"
)

func wantFailure(t *testing.T, d *fausttest.Driver, parts ...string) {
	t.Helper()
	err := d.Failure()
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
}

func TestAKeyOfAnotherPartition(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("items", "d", Item{Other: "a", At: time.Now()})
		wantFailure(t, d, `table counts: key "a" belongs to partition 0, not 1; `, "agent Count reads items by another key: add group_by=")
		d.Workers(1)
		wantFailure(t, d, `table counts: key "a" belongs to partition 0, not 1; `) // nothing of it was committed
	})
}

func TestAnUpdateInsideAnUpdate(t *testing.T) {
	for _, kind := range []string{"nested", "swallowed"} {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			d.Send("items", "k", Item{Kind: kind, Other: "k", At: time.Now()})
			wantFailure(t, d, "agent count, items partition", "table nested: an Update inside an Update of the same table")
		})
	}
}

func TestALoopThatReturnsEarly(t *testing.T) {
	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
		d.Send("quitters", "k", Item{Kind: "stay", At: time.Now()})
		d.Settle()
		d.Send("quitters", "k", Item{Kind: "quit", At: time.Now()})
		wantFailure(t, d, "agent quit, quitters partition 0 offset 1", "the loop returned before its stream ended")
	})
}

func TestACloseHandlerThatFails(t *testing.T) {
	for key, text := range map[string]string{"error": "the report can't be written", "current": "no event is current here"} {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			at := time.Unix(100, 0)
			d.Send("windowed", "k", Item{Other: key, At: at})
			d.Send("windowed", "k", Item{Other: key, At: at.Add(10 * time.Second)})
			wantFailure(t, d, "Close, window of closing ending 1970-01-01T00:01:50Z", text)
			d.Workers(1)
			wantFailure(t, d, text) // the close is not lost
		})
	}
}

func TestPartitionCountsThatDoNotFit(t *testing.T) {
	t.Run("fewer", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			wantFailure(t, d, "topic items has 2 partitions, //faust:topic says 4", "--alter --topic items --partitions 4", "partitions=2")
		}, fausttest.Topic("items", 2))
	})
	t.Run("more", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			wantFailure(t, d, "topic items has 6 partitions, //faust:topic says 4, and partitions can't be taken away", "partitions=6")
		}, fausttest.Topic("items", 6))
	})
	t.Run("changelog", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			wantFailure(t, d, "topic stopping-counts-changelog has 3 partitions, this application needs 4", "reset --internal-topics --local")
		}, fausttest.Topic("stopping-counts-changelog", 3, "cleanup.policy", "compact"))
	})
	t.Run("settings", func(t *testing.T) {
		fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
			wantFailure(t, d, "topic stopping-counts-changelog has cleanup.policy=delete, this application needs compact", "--add-config")
		}, fausttest.Topic("stopping-counts-changelog", 4, "cleanup.policy", "delete"))
	})
}

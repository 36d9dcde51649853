//go:build kafka

package kafkatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Each runs the whole file through the example.
func TestPower(t *testing.T) {
	if _, err := readHousehold(); err != nil {
		t.Fatalf("the real input: %v; put household_power_consumption.csv.gz there or name it in POWER_DATA", err)
	}
	t.Run("whole", powerWhole)
	t.Run("stopped", powerStopped)
	t.Run("killed", powerKilled)
	t.Run("wiped", powerWiped)
	t.Run("retention", powerRetention)
	t.Run("two workers", powerTwoWorkers)
}

// house is the example with the real file.
type house struct {
	*app
	*household
}

func newHouse(t *testing.T) *house {
	h, _ := readHousehold() // TestPower has seen to the error
	return &house{newApp(t, "power"), h}
}

func (h *house) group() string { return h.prefix + "power" }

// loading runs the load command beside the test.
func (h *house) loading() (wait func()) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*patience)
	cmd := exec.CommandContext(ctx, h.binary, append([]string{"load", h.path}, h.flags()...)...)
	type result struct {
		out []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := cmd.CombinedOutput()
		done <- result{out, err}
	}()
	h.t.Cleanup(cancel)
	return func() {
		h.t.Helper()
		if r := <-done; r.err != nil {
			h.t.Fatalf("load: %v\n%s", errors.Join(r.err, ctx.Err()), r.out)
		}
	}
}

// middle waits until the group has committed some of the readings, and fails if it has committed all.
func (h *house) middle() {
	h.t.Helper()
	n := int64(0)
	h.waitFor("the worker to be in the middle", func() (bool, any) {
		n = sum(committed(h.t, h.group(), h.topic("readings")))
		return n > h.readings/10, n
	})
	if n >= h.readings {
		h.t.Fatalf("the worker had all %d readings before it could be interrupted", n)
	}
	h.t.Logf("interrupted after %d of %d readings", n, h.readings)
}

// done waits until every reading is committed and compares the averages and the table.
func (h *house) done(once bool) {
	h.t.Helper()
	h.caughtUp(h.group(), h.topic("readings"), h.readings)
	h.checkAverages(once)
	h.checkTable()
}

func (h *house) checkTable() {
	h.t.Helper()
	h.checkHours("hourly", h.hours, h.newest, func(v json.RawMessage) (tally, error) {
		var hour struct {
			Sum      float64 `json:"sum"`
			Readings int64   `json:"readings"`
		}
		err := json.Unmarshal(v, &hour)
		return tally{hour.Sum, hour.Readings}, err
	})
}

type average struct {
	Meter    string    `json:"meter"`
	Hour     time.Time `json:"hour"`
	Watts    float64   `json:"watts"`
	Readings int64     `json:"readings"`
}

// averages are what came out, by meter and hour, and how many records that were.
func (h *house) averages() (map[slot]average, map[string]int32, int) {
	h.t.Helper()
	all, partitions := map[slot]average{}, map[string]int32{}
	records := read(h.t, h.topic("averages"))
	for _, r := range records {
		var a average
		if err := json.Unmarshal(r.Value, &a); err != nil {
			h.t.Fatalf("averages partition %d offset %d: %s: %v", r.Partition, r.Offset, r.Value, err)
		}
		a.Hour = a.Hour.UTC()
		s := slot{a.Meter, a.Hour}
		if old, ok := all[s]; ok && (old.Readings != a.Readings || !near(old.Watts, a.Watts)) {
			h.t.Errorf("two different averages came out, %+v and %+v", old, a)
		}
		if string(r.Key) != a.Meter || !r.Timestamp.Equal(a.Hour.Add(time.Hour-time.Millisecond)) {
			h.t.Errorf("average %+v has key %q and time %v", a, r.Key, r.Timestamp.UTC())
		}
		all[s], partitions[a.Meter] = a, r.Partition
	}
	return all, partitions, len(records)
}

// checkAverages compares what came out with the hours that have closed; once says that nothing may have come twice.
func (h *house) checkAverages(once bool) {
	h.t.Helper()
	got, _, records := h.averages()
	bad, closed := 0, 0
	for s, want := range h.hours {
		a, ok := got[s]
		if s.closed(h.newest) {
			closed++
		}
		if ok != s.closed(h.newest) || ok && (a.Readings != want.n || !near(a.Watts, want.sum/float64(want.n))) {
			if bad++; bad <= 5 {
				h.t.Errorf("%s, hour of %v: came out %t as %+v, want %+v (closed: %t)", s.key, s.hour, ok, a, want, s.closed(h.newest))
			}
		}
	}
	if bad > 5 {
		h.t.Errorf("and %d more averages are wrong", bad-5)
	}
	if len(got) != closed {
		h.t.Errorf("averages of %d hours came out, %d have closed", len(got), closed)
	}
	if once && records != closed {
		h.t.Errorf("%d averages came out for %d hours", records, closed)
	}
	h.t.Logf("%d hours of %d meters have closed, %d averages came out, %d wrong", closed, 36, records, bad)
}

func powerWhole(t *testing.T) {
	h := newHouse(t)
	w := h.start("worker")
	h.run("load", h.path)
	h.done(true)
	w.stop()
}

func powerStopped(t *testing.T) {
	h := newHouse(t)
	w := h.start("worker")
	loaded := h.loading()
	h.middle()
	w.stop()
	h.start("worker")
	loaded()
	h.done(true)
}

func powerKilled(t *testing.T) {
	h := newHouse(t)
	w := h.start("worker")
	loaded := h.loading()
	h.middle()
	w.kill()
	h.start("worker")
	loaded()
	h.done(false)
}

// After the data directory is gone too, everything comes from the changelog, also how far the hours are closed.
func powerWiped(t *testing.T) {
	h := newHouse(t)
	w := h.start("worker")
	loaded := h.loading()
	h.middle()
	w.kill()
	h.wipe("worker")
	w = h.start("worker")
	loaded()
	h.done(false)
	w.kill()
	h.wipe("worker")
	w = h.start("worker")
	w.waitLog("restoring")

	// A reading of an hour that has closed, but can still be read.
	closed := slot{"house-0/total", h.newest.Truncate(time.Hour).Add(-3 * time.Hour)}
	_, _, before := h.averages()
	produce(t, reading(h.topic("readings"), closed.key, closed.hour.Add(10*time.Minute), 1e6))
	h.caughtUp(h.group(), h.topic("readings"), h.readings+1)
	w.waitLog("late event not counted")
	h.checkTable()
	h.checkAverages(false)
	if _, _, after := h.averages(); after != before {
		t.Errorf("%d averages came out after the late reading, %d before", after, before)
	}
}

func reading(topic, meter string, at time.Time, watts float64) *kgo.Record {
	return &kgo.Record{Topic: topic, Key: []byte(meter), Value: fmt.Appendf(nil, `{"meter":%q,"at":%q,"watts":%v}`, meter, at.Format(time.RFC3339), watts)}
}

func (h *house) wipe(worker string) {
	h.t.Helper()
	if err := os.RemoveAll(h.data(worker)); err != nil {
		h.t.Fatal(err)
	}
}

// Kafka deletes what is older than it should keep, by the records' times, and these times lie in 2006. Two of its checks pass; what the
// worker needs must still be there.
func powerRetention(t *testing.T) {
	h := newHouse(t)
	w := h.start("worker")
	h.run("load", h.path)
	h.done(true)
	w.stop()

	createTopic(t, h.topic("canary"), 1)
	for check := int64(1); check <= 2; check++ {
		produce(t, &kgo.Record{Topic: h.topic("canary"), Value: []byte("old"), Timestamp: h.newest})
		h.waitFor("Kafka's retention check to delete an old record", func() (bool, any) {
			first := ends(t, h.topic("canary"), true)[0]
			return first >= check, first
		})
		t.Logf("retention check %d has run (log.retention.check.interval.ms=%s): a record of %v was deleted from a topic with default retention",
			check, retentionCheck, h.newest.Format(time.DateOnly))
	}
	for _, topic := range []string{"readings", "averages", "power-hourly-changelog"} {
		if n := sum(ends(t, h.topic(topic), true)); n != 0 {
			t.Errorf("%d records of %s were deleted", n, topic)
		}
	}

	h.wipe("worker")
	w = h.start("worker")
	w.waitLog("restoring")
	h.checkTable()
	h.checkAverages(true)

	// The hours that were open must close with what was gathered before.
	meter := "house-0/total"
	later := h.newest.Truncate(time.Hour).Add(2 * time.Hour)
	produce(t, reading(h.topic("readings"), meter, later, 1))
	h.caughtUp(h.group(), h.topic("readings"), h.readings+1)
	got, partitions, _ := h.averages()
	for s, want := range h.hours {
		if partitions[s.key] != partitions[meter] || s.closed(h.newest) {
			continue
		}
		if a := got[s]; a.Readings != want.n || !near(a.Watts, want.sum/float64(want.n)) {
			t.Errorf("%s, hour of %v closed after the restore as %+v, want %+v", s.key, s.hour, a, want)
		}
	}
}

// Two workers share the four partitions, two each, from the first reading to the last.
func powerTwoWorkers(t *testing.T) {
	h := newHouse(t)
	workers := []*worker{h.start("one"), h.start("two")}
	for _, w := range workers {
		w.waitTasks(2)
	}
	owned := []map[string]bool{workers[0].owned(), workers[1].owned()}
	h.run("load", h.path)
	h.done(true)
	var all []string
	for i, w := range workers {
		if now := w.owned(); !maps.Equal(now, owned[i]) {
			t.Errorf("%s had %v, and has %v: tasks moved without cause", w.name, owned[i], now)
		}
		for task := range owned[i] {
			all = append(all, task)
			partition := task[len(task)-1] - '0'
			// Its task began with an empty table, so what the worker has for it, it has read itself.
			if rows := w.ask(t, "hourly", int(partition)); rows == 0 {
				t.Errorf("%s has nothing in the table for partition %d, which it owned", w.name, partition)
			} else {
				t.Logf("%s, partition %d: %d rows in the table", w.name, partition, rows)
			}
		}
	}
	slices.Sort(all)
	if want := []string{"Tables/0", "Tables/1", "Tables/2", "Tables/3"}; !slices.Equal(all, want) {
		t.Errorf("the workers had the tasks %v, want %v", all, want)
	}
	end := ends(t, h.topic("readings"), false)
	for p, n := range committed(t, h.group(), h.topic("readings")) {
		if n == 0 || n != end[p] {
			t.Errorf("partition %d is committed up to %d of %d", p, n, end[p])
		}
	}
	for _, w := range workers {
		w.stop()
	}
}

var webAddress = regexp.MustCompile(`msg="web server listening".* advertised=(\S+)`)

// ask asks one worker for its part of a table, and returns how many rows it has.
func (w *worker) ask(t *testing.T, table string, partition int) int {
	t.Helper()
	m := webAddress.FindStringSubmatch(w.logged())
	if m == nil {
		t.Fatalf("%s does not log where its web server listens", w.name)
	}
	resp, err := http.Get(fmt.Sprintf("http://%s/faust/tables/%s/%d", m[1], table, partition))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, partition %d of %s: %s: %s (%v)", w.name, partition, table, resp.Status, body, err)
	}
	rows := 0
	for _, b := range body {
		if b == '\n' {
			rows++
		}
	}
	return rows
}

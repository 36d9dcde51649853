package faust

import (
	"path/filepath"
	"testing"
)

func TestPartitionLag(t *testing.T) {
	for _, c := range []struct {
		name string
		lag  PartitionLag
		want int64
	}{
		{"read to the end", PartitionLag{Committed: 9, First: 2, End: 9}, 0},
		{"some left", PartitionLag{Committed: 4, First: 2, End: 9}, 5},
		{"nothing committed: from the first record on", PartitionLag{Committed: -1, First: 2, End: 9}, 7},
		{"the committed offset has been deleted", PartitionLag{Committed: 1, First: 4, End: 9}, 5},
		{"empty", PartitionLag{Committed: -1}, 0},
		{"the topic was made anew", PartitionLag{Committed: 50, End: 9}, 0},
	} {
		if got := c.lag.Lag(); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestDirs(t *testing.T) {
	for _, c := range []struct {
		version     int
		opts        []Option
		data, state string
	}{
		{0, nil, "./shop-data", "shop-data/shop/state"},
		{2, nil, "./shop-v2-data", "shop-v2-data/shop-v2/state"},
		{0, []Option{DataDir("/var/lib/shop")}, "/var/lib/shop", "/var/lib/shop/shop/state"},
		{0, []Option{AppID("kiosk"), DataDir("/d")}, "/d", "/d/kiosk/state"},
	} {
		data, state, err := NewApp(AppSpec{ID: "shop", Version: c.version}).Dirs(c.opts...)
		if err != nil || data != c.data || state != filepath.FromSlash(c.state) {
			t.Errorf("version %d: %q, %q, %v; want %q, %q", c.version, data, state, err, c.data, c.state)
		}
	}
	if _, _, err := NewApp(AppSpec{ID: "shop"}).Dirs(Broker("nowhere")); err == nil {
		t.Error("an option's error is lost")
	}
}

func TestResetParts(t *testing.T) {
	r := &Reset{plan: newPlan(&AppSpec{ID: "shop"}, &config{}), state: "d/shop/state", bytes: 3 << 20, group: true, offsets: 4, topics: []string{"shop-n-changelog"}}
	want := []string{"local state d/shop/state (3.0 MiB)", "group shop with the offsets of 4 partitions", "topic shop-n-changelog"}
	got := r.Parts()
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 KiB", 1: "1 KiB", 5 << 30: "5.0 GiB"} {
		if got := size(n); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
}

// Who writes and reads decides what a topic's user must be allowed; what depends on an external topic is counted by the broker alone.
func TestTopology(t *testing.T) {
	app := NewApp(AppSpec{ID: "shop",
		Topics: []TopicSpec{{Field: "In", Name: "in", External: true}, {Field: "Own", Name: "own", Partitions: 3}},
		Tables: []TableSpec{{Struct: "A", Field: "N", Name: "n"}, {Struct: "B", Field: "M", Name: "m", Partitions: 5}},
		Agents: []AgentSpec{
			{Name: "a", Topics: []string{"in"}, Tables: []string{"A"}, GroupBy: "X"},
			{Name: "b", Topics: []string{"in"}, Tables: []string{"B"}, GroupBy: "X"},
			{Name: "c", Topics: []string{"own"}},
		}})
	uses, err := app.Topology(TopicName("own", "mine"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"in": 0, "mine": 3, "shop-a-repartition": 0, "shop-n-changelog": 0, "shop-b-repartition": 5, "shop-m-changelog": 5}
	if len(uses) != len(want) {
		t.Errorf("%d topics, want %d", len(uses), len(want))
	}
	for _, u := range uses {
		if n, ok := want[u.Name]; !ok || u.Partitions != n {
			t.Errorf("%s has %d partitions, want %d", u.Name, u.Partitions, n)
		}
	}
}

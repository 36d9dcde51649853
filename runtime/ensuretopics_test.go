package faust

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/faustgen/faustgen/runtime/internal/broker"
)

// fakeTopics is a cluster's topics. meanwhile, if set, happens before anything is created.
type fakeTopics struct {
	have      map[string]broker.TopicInfo
	created   []broker.NewTopic
	meanwhile func()
}

func (f *fakeTopics) Topics(_ context.Context, names ...string) (map[string]broker.TopicInfo, error) {
	found := map[string]broker.TopicInfo{}
	for _, n := range names {
		if info, ok := f.have[n]; ok {
			found[n] = info
		}
	}
	return found, nil
}

// CreateTopics leaves topics alone that exist, as the client does.
func (f *fakeTopics) CreateTopics(_ context.Context, topics []broker.NewTopic) error {
	if f.meanwhile != nil {
		f.meanwhile()
	}
	for _, n := range topics {
		f.created = append(f.created, n)
		if _, ok := f.have[n.Name]; !ok {
			f.have[n.Name] = broker.TopicInfo{Partitions: n.Partitions, Replicas: max(n.Replicas, 1), Config: maps.Clone(n.Config)}
		}
	}
	return nil
}

// ordersPlan counts orders by account behind a group_by, and by customer without one.
func ordersPlan() *plan {
	return newPlan(&AppSpec{ID: "shop",
		Topics: []TopicSpec{{Name: "orders", Field: "Orders", Partitions: 4, Replicas: 3, Retention: -1}, {Name: "customers", Field: "Customers", Partitions: 2},
			{Name: "prices", Field: "Prices", External: true}},
		Tables: []TableSpec{{Struct: "Accounts", Name: "order_count"}, {Struct: "Customers", Name: "visits"}},
		Agents: []AgentSpec{
			{Name: "count", Func: "Count", Topics: []string{"orders"}, Tables: []string{"Accounts"}, GroupBy: "AccountID"},
			{Name: "visit", Func: "Visit", Topics: []string{"customers"}, Tables: []string{"Customers"}},
			{Name: "price", Func: "Price", Topics: []string{"prices"}},
		},
	}, &config{log: slog.New(slog.NewTextHandler(io.Discard, nil)), brokers: []string{"k:9092"}})
}

var prices = map[string]broker.TopicInfo{"prices": {Partitions: 7, Replicas: 1}}

// What is absent is created: with the settings that keep internal topics alive, and once.
func TestTopicsAreCreated(t *testing.T) {
	f := &fakeTopics{have: maps.Clone(prices)}
	if err := ordersPlan().ensureTopics(t.Context(), f, "shop"); err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		partitions int32
		replicas   int
		settings   map[string]string
	}{
		"orders":                     {4, 3, map[string]string{"retention.ms": "-1"}},
		"customers":                  {2, -1, nil},
		"shop-count-repartition":     {4, -1, map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}},
		"shop-order_count-changelog": {4, -1, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}},
		"shop-visits-changelog":      {2, -1, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "3600000"}},
	}
	if len(f.created) != len(want) {
		t.Errorf("created are %+v", f.created)
	}
	for _, n := range f.created {
		w, ok := want[n.Name]
		if !ok || n.Partitions != w.partitions || n.Replicas != w.replicas {
			t.Errorf("created is %+v, want %+v", n, w)
		}
		for key, value := range w.settings {
			if n.Config[key] != value {
				t.Errorf("%s has %s=%s, want %s", n.Name, key, n.Config[key], value)
			}
		}
	}
	f.created = nil
	if err := ordersPlan().ensureTopics(t.Context(), f, "shop"); err != nil || len(f.created) > 0 {
		t.Errorf("the second start creates %v: %v", f.created, err)
	}
}

// A topic that does not fit stops the worker, with both values and what to do.
func TestTopicsThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *fakeTopics)
		want   []string
	}{
		{"external and absent", func(f *fakeTopics) { delete(f.have, "prices") }, []string{"topic prices does not exist", "external"}},
		{"replicas", func(f *fakeTopics) {
			f.have["orders"] = with(f.have["orders"], func(i *broker.TopicInfo) { i.Replicas = 1 })
		},
			[]string{"topic orders has 1 replicas", "says 3", "kafka-reassign-partitions.sh", "replicas=1"}},
		{"partitions", func(f *fakeTopics) {
			f.have["orders"] = with(f.have["orders"], func(i *broker.TopicInfo) { i.Partitions = 3 })
		},
			[]string{"topic orders has 3 partitions", "says 4", "--bootstrap-server k:9092 --alter --topic orders --partitions 4"}},
		{"internal partitions", func(f *fakeTopics) {
			f.have["shop-order_count-changelog"] = with(f.have["shop-order_count-changelog"], func(i *broker.TopicInfo) { i.Partitions = 5 })
		}, []string{"shop-order_count-changelog has 5 partitions", "needs 4", "shop reset --internal-topics --local"}},
		{"a setting", func(f *fakeTopics) { f.have["shop-visits-changelog"].Config["cleanup.policy"] = "delete" },
			[]string{"shop-visits-changelog has cleanup.policy=delete", "needs compact", "kafka-configs.sh --bootstrap-server k:9092", "--add-config cleanup.policy=[compact]"}},
		{"compaction too early", func(f *fakeTopics) { f.have["shop-visits-changelog"].Config["min.compaction.lag.ms"] = "0" },
			[]string{"min.compaction.lag.ms=0", "needs 3600000"}},
		{"created by another worker", func(f *fakeTopics) {
			delete(f.have, "customers")
			f.meanwhile = func() { f.have["customers"] = broker.TopicInfo{Partitions: 9} }
		}, []string{"customers was created by another worker", "9 partitions instead of 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // an absent external topic is waited for
				f := &fakeTopics{have: maps.Clone(prices)}
				if err := ordersPlan().ensureTopics(t.Context(), f, "shop"); err != nil {
					t.Fatal(err)
				}
				c.change(f)
				err := ordersPlan().ensureTopics(t.Context(), f, "shop")
				if err == nil {
					t.Fatal("it starts")
				}
				if i := slices.IndexFunc(c.want, func(w string) bool { return !strings.Contains(err.Error(), w) }); i >= 0 {
					t.Errorf("the message lacks %q: %v", c.want[i], err)
				}
			})
		})
	}
}

func with(info broker.TopicInfo, change func(*broker.TopicInfo)) broker.TopicInfo {
	change(&info)
	return info
}

// Topics whose keys meet in one struct of tables must be equal in size; the generator cannot know it of external ones.
func TestTopicsOfOneStructAreEqual(t *testing.T) {
	p := newPlan(&AppSpec{ID: "shop",
		Topics: []TopicSpec{{Name: "a", External: true}, {Name: "b", External: true}},
		Tables: []TableSpec{{Struct: "Tables", Name: "counts"}},
		Agents: []AgentSpec{{Name: "both", Func: "Both", Topics: []string{"a", "b"}, Tables: []string{"Tables"}}},
	}, &config{log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	err := p.ensureTopics(t.Context(), &fakeTopics{have: map[string]broker.TopicInfo{"a": {Partitions: 3}, "b": {Partitions: 5}}}, "shop")
	for _, want := range []string{"topic a has 3 partitions", "have 5", "agent Both", "group_by="} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %q: %v", want, err)
		}
	}
}

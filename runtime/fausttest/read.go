package fausttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Read waits for Settle and returns every record of a topic, by partition, then offset. Keys are read in their text form, values as the
// topic's codec has them, JSON by encoding/json. The headers that the runtime writes for itself are left out. A record that is no V
// fails the test.
//
// The topic may be any of the application's, by its declared name or the broker's: changelogs and repartition topics too (their values
// are JSON).
func Read[K, V any](d *Driver, topic string) []faust.Event[K, V] {
	d.t.Helper()
	d.Settle()
	name, codec, keyCodec := d.actual(topic), "json", "text"
	if u := d.topics[name]; u.Spec != nil {
		codec, keyCodec = u.Spec.ValueCodec, u.Spec.KeyCodec
	}
	var events []faust.Event[K, V]
	for _, r := range d.records(name) {
		ev := faust.Event[K, V]{HasKey: r.Key != nil, Deleted: r.Value == nil, Time: r.Timestamp.UTC(), Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
		if ev.HasKey {
			if err := decodeKey(keyCodec, r.Key, &ev.Key); err != nil {
				d.fatal("%s partition %d offset %d: key %q: %v", name, r.Partition, r.Offset, r.Key, err)
			}
		}
		if !ev.Deleted {
			if err := decodeValue(codec, r.Value, &ev.Value); err != nil {
				d.fatal("%s partition %d offset %d: value %q: %v", name, r.Partition, r.Offset, r.Value, err)
			}
		}
		for _, h := range r.Headers {
			if !strings.HasPrefix(h.Key, "faust-") {
				ev.Headers = append(ev.Headers, faust.HeaderField{Name: h.Key, Value: h.Value})
			}
		}
		events = append(events, ev)
	}
	return events
}

// span is what to read of one partition: offsets from..to-1.
type span struct{ from, to int64 }

// records reads a topic from its first record to its last.
func (d *Driver) records(topic string) []*kgo.Record {
	d.t.Helper()
	infos := d.broker.Cluster().PartitionInfos(topic)
	if infos == nil {
		d.fatal("read %s: no such topic; this application has %s", topic, strings.Join(d.topicNames(), ", "))
	}
	spans := map[int32]span{}
	for _, p := range infos {
		spans[p.Partition] = span{p.LogStartOffset, p.LastStableOffset}
	}
	return d.fetch(topic, spans)
}

// fetch reads parts of a topic's partitions and returns the records by partition, then offset.
func (d *Driver) fetch(topic string, spans map[int32]span) []*kgo.Record {
	d.t.Helper()
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, s := range spans {
		if s.from < s.to {
			from[p], left[p] = kgo.NewOffset().At(s.from), s.to
		}
	}
	if len(left) == 0 {
		return nil
	}
	c := d.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords())
	defer c.Close()
	ctx, cancel := d.bounded()
	defer cancel()
	var all []*kgo.Record
	for len(left) > 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			d.fatal("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, ok := left[r.Partition]
			if !ok {
				return
			}
			if r.Offset+1 >= end {
				delete(left, r.Partition)
			}
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
		})
	}
	slices.SortFunc(all, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return all
}

// Table waits for Settle and returns all keys and values of a table, asked of the workers that have them, as `query` would. Keys and
// values go through their JSON.
func Table[K comparable, V any](d *Driver, name string) map[K]V {
	d.t.Helper()
	all := map[K]V{}
	eachRow(d, name, func(r *row[K, V]) error {
		if r.Start != nil {
			return fmt.Errorf("%s is a windowed table: use fausttest.Windows", name)
		}
		all[r.Key] = r.Value
		return nil
	})
	return all
}

// Windows waits for Settle and returns all keys and values of the retained windows of a windowed table.
func Windows[K comparable, V any](d *Driver, name string) map[faust.Window]map[K]V {
	d.t.Helper()
	all := map[faust.Window]map[K]V{}
	eachRow(d, name, func(r *row[K, V]) error {
		if r.Start == nil || r.End == nil {
			return fmt.Errorf("%s has no windows: use fausttest.Table", name)
		}
		w := faust.Window{Start: r.Start.UTC(), End: r.End.UTC()}
		if all[w] == nil {
			all[w] = map[K]V{}
		}
		all[w][r.Key] = r.Value
		return nil
	})
	return all
}

// row is one line of a query's answer.
type row[K, V any] struct {
	Key   K          `json:"key"`
	Value V          `json:"value"`
	Start *time.Time `json:"start"`
	End   *time.Time `json:"end"`
}

func eachRow[K comparable, V any](d *Driver, table string, f func(*row[K, V]) error) {
	d.t.Helper()
	d.Settle()
	ctx, cancel := d.bounded()
	defer cancel()
	err := d.app.Query(ctx, faust.QueryRequest{Table: table}, func(line []byte) error {
		var r row[K, V]
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("row %s: %w", line, err)
		}
		return f(&r)
	}, d.Options()...)
	if err != nil {
		d.noFailure()
		d.fatal("table %s: %v", table, err)
	}
}

// Keys are the keys of a map in ascending order, for tests that print them.
func Keys[K interface{ ~string | ~int | ~int64 }, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

package fausttest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	step    = 5 * time.Millisecond // between two looks, in virtual time
	keepsUp = 10 * time.Second     // an application that never rests has settled when it is no further behind than this
	// A source partition of a group_by says that it is idle, and lets the windows behind it close, after two seconds without a record.
	quietTime = 3500 * time.Millisecond
)

// Settle waits until nothing moves: no partition that an agent reads has a record that is not committed, and nothing more can be done
// before a timer fires. Where windows stand behind a group_by it also waits for the 2 s after which their sources count as idle. It
// fails the test, naming the partitions that lag, after 5 minutes.
//
// An application whose timers send all the time never rests; it has settled when, for a moment, nothing is left to read, or when after
// 10 s everything that was there 10 s before is committed.
func (d *Driver) Settle() {
	d.t.Helper()
	d.flush()
	began := time.Now()
	var before []position
	next := began.Add(keepsUp)
	for {
		synctest.Wait()
		d.noFailure()
		if len(d.running()) == 0 {
			d.fatal("no worker runs, so nothing settles; start one with Workers")
		}
		lagging, positions := d.observe()
		now := time.Now()
		if len(lagging) == 0 && now.Sub(d.quietSince) >= d.quietTime {
			return
		}
		if !now.Before(next) {
			if before != nil && d.passed(before) {
				return
			}
			before, next = positions, now.Add(keepsUp)
			if now.Sub(began) >= patience {
				d.fatal("not settled after %v: %s", patience, describe(lagging))
			}
		}
		if len(lagging) == 0 {
			time.Sleep(10 * step)
		}
		time.Sleep(step)
	}
}

// windowsBehindGroupBy says whether the stream time of some table depends on whether sources are idle.
func windowsBehindGroupBy(spec *faust.AppSpec) bool {
	return slices.ContainsFunc(spec.Agents, func(a faust.AgentSpec) bool {
		return a.GroupBy != "" && slices.ContainsFunc(spec.Tables, func(t faust.TableSpec) bool {
			return t.Window != nil && slices.Contains(a.Tables, t.Struct)
		})
	})
}

// position is how far one partition is committed.
type position struct {
	topic          string
	partition      int32
	committed, end int64
}

func describe(lagging []position) string {
	var all []string
	for _, p := range lagging {
		all = append(all, fmt.Sprintf("%s partition %d is committed up to %d of %d", p.topic, p.partition, p.committed, p.end))
	}
	return strings.Join(all, "; ")
}

// passed says whether all that was there before is committed by now.
func (d *Driver) passed(before []position) bool {
	for _, p := range before {
		if d.committed(p.topic, p.partition) < p.end {
			return false
		}
	}
	return true
}

func (d *Driver) committed(topic string, partition int32) int64 {
	if info := d.broker.Cluster().GroupInfo(d.group); info != nil {
		if c, ok := info.Commits[topic][partition]; ok {
			return c.Offset
		}
	}
	return -1
}

// observe returns all partitions that agents read, and those of them that are not committed to their end. The word of sources that are
// still idle, which they repeat every second behind a group_by, is no lag, and no news.
func (d *Driver) observe() (lagging, all []position) {
	commits := map[topicPartition]int64{}
	if info := d.broker.Cluster().GroupInfo(d.group); info != nil {
		for topic, partitions := range info.Commits {
			for p, c := range partitions {
				commits[topicPartition{topic, p}] = c.Offset
			}
		}
	}
	news := int64(0)
	for _, name := range d.topicNames() {
		u := d.topics[name]
		if u.Kind == "changelog" || !slices.Contains(u.ACLs, "Read") {
			continue
		}
		for _, info := range d.broker.Cluster().PartitionInfos(name) {
			p := position{topic: name, partition: info.Partition, committed: info.LogStartOffset, end: info.HighWatermark}
			if at, ok := commits[topicPartition{name, info.Partition}]; ok {
				p.committed = max(at, p.committed)
			}
			if u.Kind == "repartition" {
				p.end = d.newsEnd(p, info.LogStartOffset)
			}
			news += p.end
			all = append(all, p)
			if p.committed < p.end {
				lagging = append(lagging, p)
			}
		}
	}
	if news != d.news {
		d.news, d.quietSince = news, time.Now()
	}
	return lagging, all
}

// manyWords is more than idle sources say between two looks; of a longer tail only so much is read.
const manyWords = 1000

type topicPartition struct {
	topic     string
	partition int32
}

// tail is what has been read of a repartition partition, to tell records from the repeated word of idle sources.
type tail struct {
	next, news int64             // what is read; the offset after the last record that said something new
	said       map[uint64]string // by source: its time and whether it is idle
}

// newsEnd is the offset after the last record of a repartition partition that is an event, or tells a new time.
func (d *Driver) newsEnd(p position, first int64) int64 {
	key := topicPartition{p.topic, p.partition}
	t := d.tails[key]
	if t == nil {
		t = &tail{said: map[uint64]string{}}
		d.tails[key] = t
	}
	from := max(t.next, first)
	if p.end-from > manyWords {
		from = p.end - manyWords
		t.news = from
	}
	for _, r := range d.fetch(p.topic, map[int32]span{p.partition: {from, p.end}}) {
		t.take(r)
	}
	return t.news
}

func (t *tail) take(r *kgo.Record) {
	t.next = r.Offset + 1
	source, said := sourceWord(r)
	if r.Key == nil && r.Value == nil && said != "" && t.said[source] == said {
		return
	}
	t.said[source] = said
	t.news = r.Offset + 1
}

// sourceWord takes from a faust-time header (docs/formats.md, "Repartition records") the source, and all it says but the wall clock.
func sourceWord(r *kgo.Record) (source uint64, said string) {
	for _, h := range r.Headers {
		if h.Key != timeHeader || len(h.Value) < 3 {
			continue
		}
		source, n := binary.Uvarint(h.Value[1:])
		if n <= 0 {
			return 0, ""
		}
		rest := h.Value[1+n:]
		_, n = binary.Varint(rest)
		if n <= 0 {
			return 0, ""
		}
		return source, fmt.Sprintf("%d %x", h.Value[0]&1, rest[n:])
	}
	return 0, ""
}

// timeHeader is the header of repartition records that tells the stream time of their source.
const timeHeader = "faust-time"

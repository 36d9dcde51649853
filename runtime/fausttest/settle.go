package fausttest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	step    = 5 * time.Millisecond // between two looks, in virtual time
	keepsUp = 10 * time.Second     // an application that never rests has settled when it is no further behind than this
)

// Settle waits until nothing moves: no partition that an agent reads has a record that is not committed, and nothing more can be done
// before a timer fires. An application whose timers send all the time never rests; it has settled when, for a moment, nothing is left to
// read, or when after 10 s everything that was there 10 s before is committed. It fails the test, naming the partitions that lag, after
// 5 minutes.
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
		lagging := d.lagging()
		if len(lagging) == 0 {
			return
		}
		if now := time.Now(); !now.Before(next) {
			if before != nil && d.passed(before) {
				return
			}
			before, next = lagging, now.Add(keepsUp)
			if now.Sub(began) >= patience {
				d.fatal("not settled after %v: %s", patience, describe(lagging))
			}
		}
		time.Sleep(step)
	}
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

// passed says whether all of that is committed by now.
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

// lagging are the partitions that agents read and that are not committed to their end. The group's own word that its sources are still
// idle, which it repeats every second behind a group_by, is no lag.
func (d *Driver) lagging() []position {
	commits := map[string]map[int32]int64{}
	if info := d.broker.Cluster().GroupInfo(d.group); info != nil {
		for topic, partitions := range info.Commits {
			commits[topic] = map[int32]int64{}
			for p, c := range partitions {
				commits[topic][p] = c.Offset
			}
		}
	}
	var lagging []position
	for name, u := range d.topics {
		if u.Kind == "changelog" || !slices.Contains(u.ACLs, "Read") {
			continue
		}
		for _, info := range d.broker.Cluster().PartitionInfos(name) {
			p := position{topic: name, partition: info.Partition, committed: info.LogStartOffset, end: info.HighWatermark}
			if at, ok := commits[name][info.Partition]; ok {
				p.committed = max(at, p.committed)
			}
			if p.committed < p.end && u.Kind == "repartition" {
				p.end = d.newsEnd(p)
			}
			if p.committed < p.end {
				lagging = append(lagging, p)
			}
		}
	}
	slices.SortFunc(lagging, func(a, b position) int {
		if c := strings.Compare(a.topic, b.topic); c != 0 {
			return c
		}
		return int(a.partition - b.partition)
	})
	return lagging
}

// tails follows the repartition topics, to tell records from the repeated word of idle sources.
type tails struct {
	client *kgo.Client
	read   map[topicPartition]*tail
}

type topicPartition struct {
	topic     string
	partition int32
}

type tail struct {
	next, news int64             // what is read; the offset after the last record that said something new
	said       map[uint64]string // by source: its time and whether it is idle
}

// newsEnd is the offset after the last record of a repartition partition that is an event, or tells a new time.
func (d *Driver) newsEnd(p position) int64 {
	if d.tails == nil {
		d.tails = &tails{client: d.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{})), read: map[topicPartition]*tail{}}
	}
	key := topicPartition{p.topic, p.partition}
	t := d.tails.read[key]
	if t == nil {
		t = &tail{next: p.committed, news: p.committed, said: map[uint64]string{}}
		d.tails.read[key] = t
		d.tails.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: {p.partition: kgo.NewOffset().At(p.committed)}})
	}
	ctx, cancel := d.bounded()
	defer cancel()
	for t.next < p.end {
		fetches := d.tails.client.PollFetches(ctx)
		if ctx.Err() != nil {
			d.fatal("read %s partition %d from offset %d to %d: %v", p.topic, p.partition, t.next, p.end, fetches.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if t := d.tails.read[topicPartition{r.Topic, r.Partition}]; t != nil {
				t.take(r)
			}
		})
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

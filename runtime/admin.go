package faust

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/broker"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// Reach returns when one of the brokers answers, or with an error that has the cause of ctx's end.
func (a *App) Reach(ctx context.Context, opts ...Option) error {
	c, err := newConfig(opts)
	if err != nil {
		return err
	}
	client := openBroker(c, appID(&a.spec, c)+"-client")
	defer client.Close()
	return client.WaitReady(ctx)
}

// Dirs are the data directory that opts lead to, and within it the one with the tables' state. Neither need exist.
func (a *App) Dirs(opts ...Option) (data, state string, err error) {
	c, err := newConfig(opts)
	if err != nil {
		return "", "", err
	}
	id := appID(&a.spec, c)
	data = cmp.Or(c.dataDir, "./"+id+"-data")
	return data, stateDir(data, id), nil
}

// PartitionLag is how far the application has come in one partition that it reads.
type PartitionLag struct {
	Topic     string
	Partition int32
	Committed int64 // the offset that its group goes on from; -1: nothing is committed yet
	First     int64 // the partition's first offset
	End       int64 // the offset behind the partition's last record
}

// Lag is the number of offsets that are still to be read. Without a commit, and where records have been deleted, it counts from the first.
func (l PartitionLag) Lag() int64 { return max(l.End-max(l.Committed, l.First), 0) }

// Lag asks the brokers how far the application's group has come, by topic and partition. Topics that don't exist yet are left out.
// It retries until ctx ends.
func (a *App) Lag(ctx context.Context, opts ...Option) ([]PartitionLag, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	p := newPlan(&a.spec, c)
	client := openBroker(c, p.id+"-client")
	defer client.Close()
	inputs := p.inputTopics()
	if len(inputs) == 0 {
		return nil, nil
	}
	have, err := client.Topics(ctx, inputs...)
	if err != nil {
		return nil, fmt.Errorf("describe the topics: %w", err)
	}
	var tps []record.TopicPartition
	for _, name := range inputs {
		for n := range have[name].Partitions {
			tps = append(tps, record.TopicPartition{Topic: name, Partition: n})
		}
	}
	if len(tps) == 0 {
		return nil, nil
	}
	// Committed first: an end that is asked for later is never before it.
	committed, err := client.OffsetFetch(ctx, p.group(), tps)
	if err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", p.group(), err)
	}
	first, err := client.ListOffsets(ctx, tps, broker.Earliest)
	if err != nil {
		return nil, fmt.Errorf("first offsets: %w", err)
	}
	end, err := client.ListOffsets(ctx, tps, broker.Latest)
	if err != nil {
		return nil, fmt.Errorf("last offsets: %w", err)
	}
	lags := make([]PartitionLag, 0, len(tps))
	for _, tp := range tps {
		l := PartitionLag{Topic: tp.Topic, Partition: tp.Partition, Committed: -1, First: first[tp], End: end[tp]}
		if stored, ok := committed[tp]; ok {
			l.Committed = stored.Offset
		}
		lags = append(lags, l)
	}
	return lags, nil
}

// ResetTarget says what a reset deletes.
type ResetTarget struct {
	Local          bool // the tables' state in the data directory
	Offsets        bool // the group, with its committed offsets
	InternalTopics bool // changelogs and repartition topics
}

// Reset is a reset that has been looked into and not been done.
type Reset struct {
	plan  *plan
	state string // directory, "" if it is not there or stays
	bytes int64
	// offsets is the number of partitions with committed offsets; 0 if they stay.
	offsets int
	group   bool
	topics  []string
}

// PlanReset finds out what there is to delete. It is an error if a worker uses what would be deleted: the data directory, or the group.
// Only Offsets and InternalTopics ask the brokers, until ctx ends.
func (a *App) PlanReset(ctx context.Context, what ResetTarget, opts ...Option) (*Reset, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	r := &Reset{plan: newPlan(&a.spec, c)}
	if what.Local {
		_, dir, err := a.Dirs(opts...)
		if err != nil {
			return nil, err
		}
		if r.bytes, err = dirSize(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look at the local state: %w", err)
		} else if err == nil {
			r.state = dir
		}
		if err := r.unlocked(); err != nil {
			return nil, err
		}
	}
	if !what.Offsets && !what.InternalTopics {
		return r, nil
	}
	client := openBroker(c, r.plan.id+"-client")
	defer client.Close()
	if err := r.groupIsEmpty(ctx, client); err != nil {
		return nil, err
	}
	if what.Offsets {
		stored, err := client.OffsetFetch(ctx, r.plan.group(), nil)
		if err != nil {
			return nil, fmt.Errorf("offsets of group %s: %w", r.plan.group(), err)
		}
		r.offsets, r.group = len(stored), len(stored) > 0
	}
	if what.InternalTopics {
		var names []string
		for _, name := range sortedKeys(r.plan.topics) {
			if r.plan.topics[name].kind != declaredTopic {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			have, err := client.Topics(ctx, names...)
			if err != nil {
				return nil, fmt.Errorf("describe the topics: %w", err)
			}
			r.topics = sortedKeys(have)
		}
	}
	return r, nil
}

// Parts are the things that would be deleted, a line for each; none if there is nothing.
func (r *Reset) Parts() []string {
	var parts []string
	if r.state != "" {
		parts = append(parts, fmt.Sprintf("local state %s (%s)", r.state, size(r.bytes)))
	}
	if r.group {
		parts = append(parts, fmt.Sprintf("group %s with the offsets of %d partitions", r.plan.group(), r.offsets))
	}
	for _, t := range r.topics {
		parts = append(parts, "topic "+t)
	}
	return parts
}

// Do deletes. It looks again whether a worker has started meanwhile; if so, nothing is deleted. After another error some parts may be
// deleted and others not; Do may then be called again.
func (r *Reset) Do(ctx context.Context) error {
	if err := r.unlocked(); err != nil {
		return err
	}
	if r.group || len(r.topics) > 0 {
		client := openBroker(r.plan.opts, r.plan.id+"-client")
		defer client.Close()
		if err := r.groupIsEmpty(ctx, client); err != nil {
			return err
		}
		if err := r.deleteOnBroker(ctx, client); err != nil {
			return err
		}
	}
	if r.state == "" {
		return nil
	}
	// Moved away first: what is left of an interrupted removal must not look like a store.
	gone := r.state + ".deleted"
	if err := errors.Join(os.RemoveAll(gone), os.Rename(r.state, gone), os.RemoveAll(gone)); err != nil {
		return fmt.Errorf("delete the local state: %w; check who may write there, and run it again", err)
	}
	return nil
}

func (r *Reset) deleteOnBroker(ctx context.Context, client *broker.Client) error {
	if r.group {
		if err := client.DeleteGroup(ctx, r.plan.group()); err != nil {
			if errors.Is(err, broker.ErrGroupNotEmpty) {
				err = fmt.Errorf("%w: a worker has just started; stop it first", err)
			}
			return fmt.Errorf("delete group %s: %w", r.plan.group(), err)
		}
	}
	if len(r.topics) == 0 {
		return nil
	}
	if err := client.DeleteTopics(ctx, r.topics...); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	// Kafka deletes in the background. A worker that started before the end would find topics that vanish under it.
	for {
		have, err := client.Topics(ctx, r.topics...)
		if err != nil {
			return fmt.Errorf("wait for the topics to be gone: %w", err)
		}
		if len(have) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topics %s are still being deleted: wait before you start a worker", strings.Join(sortedKeys(have), ", "))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// unlocked is an error if a worker uses the state that would be deleted. A damaged store is no obstacle.
func (r *Reset) unlocked() error {
	if r.state == "" || r.plan.spec.OpenStore == nil {
		return nil
	}
	s, err := r.plan.spec.OpenStore(r.state)
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("local state %s: %w by a running worker: stop it first, or name another directory with --datadir", r.state, store.ErrLocked)
	case err != nil:
		return nil
	}
	return s.Close()
}

func (r *Reset) groupIsEmpty(ctx context.Context, client *broker.Client) error {
	g, err := client.DescribeGroup(ctx, r.plan.group())
	if err != nil {
		return fmt.Errorf("describe group %s: %w", r.plan.group(), err)
	}
	if len(g.Members) == 0 {
		return nil
	}
	var hosts []string
	for _, m := range g.Members {
		hosts = append(hosts, strings.TrimPrefix(m.Host, "/"))
	}
	slices.Sort(hosts)
	return fmt.Errorf("group %s has running workers (%d, from %s): stop them first; one that was killed leaves after its session timeout",
		r.plan.group(), len(g.Members), strings.Join(hosts, ", "))
}

func dirSize(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (n+1023)>>10)
}

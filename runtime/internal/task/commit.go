package task

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// PositionHeader is the header of a changelog record that tells up to which source offsets the commit it belongs to has read. Whoever
// restores the table leaves out what was never committed, so that no event counts twice.
const PositionHeader = "faust-pos"

// commit makes everything up to here durable, in the order that loses nothing; see the package's comment. On an error nothing of it is
// in the store, and the task has to end.
func (t *Task) commit(ctx context.Context) error {
	if !t.uncommitted() || t.held > 0 { // held only when stopping: what is gathered is read again by whoever comes next
		return nil
	}
	t.tellCommitted(time.Now())
	if err := t.flush(ctx); err != nil {
		return err
	}
	if err := t.own(ctx); err != nil {
		return fmt.Errorf("commit %s: %w", t.cfg.Name, err)
	}
	applies, err := t.sendChanges(ctx)
	if err != nil {
		return err
	}
	if err := t.sender.wait(ctx); err != nil {
		return fmt.Errorf("commit %s: %w", t.cfg.Name, err)
	}
	offsets := map[record.TopicPartition]int64{}
	for _, in := range t.cfg.Inputs {
		if in.position > in.committed {
			offsets[in.TopicPartition] = in.position
		}
	}
	if len(offsets) > 0 {
		if err := t.cfg.Log.Commit(ctx, offsets); err != nil {
			return fmt.Errorf("commit %s: %w", t.cfg.Name, err)
		}
	}
	for _, in := range t.cfg.Inputs {
		in.committed = in.position
	}
	for _, a := range applies {
		if err := a.finish(); err != nil {
			return fmt.Errorf("commit %s: write to the store: %w", t.cfg.Name, err)
		}
	}
	for _, s := range t.cfg.Tables {
		s.Table.Committed()
	}
	t.committed = time.Now()
	t.stats.Commits++
	t.statsMu.Lock()
	defer t.statsMu.Unlock()
	if t.sharedOffsets == nil {
		t.sharedOffsets = offsets
	}
	maps.Copy(t.sharedOffsets, offsets)
	return nil
}

// apply is what one commit changes in one store.
type apply struct {
	store   store.Store
	changes *store.Batch
	slots   []*ackedSlot
}

type ackedSlot struct {
	slot *TableSlot
	next atomic.Int64 // the changelog's offset after this commit's last record, set by the producer
}

// reached is called by the producer for each of the commit's batches.
func (a *ackedSlot) reached(next int64) {
	for now := a.next.Load(); next > now && !a.next.CompareAndSwap(now, next); now = a.next.Load() {
	}
}

// finish writes the changes and, last, the changelog offsets that vouch for them.
func (a *apply) finish() error {
	var offset [8]byte
	for _, s := range a.slots {
		if next := s.next.Load(); next > 0 {
			binary.BigEndian.PutUint64(offset[:], uint64(next))
			a.changes.Put(s.slot.OffsetKey, offset[:])
		}
	}
	return a.store.Apply(a.changes)
}

// sendChanges sends what the tables have changed to their changelogs.
func (t *Task) sendChanges(ctx context.Context) ([]*apply, error) {
	var applies []*apply
	byStore := map[store.Store]*apply{}
	header := []record.Header{{Name: PositionHeader, Value: t.positions()}}
	now := time.Now().UnixMilli() // not the event time: retention and compaction of a changelog follow the wall clock
	for _, s := range t.cfg.Tables {
		if s.Table.Dirty() == 0 && len(s.leftOut) == 0 {
			continue
		}
		a := byStore[s.Store]
		if a == nil {
			a = &apply{store: s.Store, changes: &store.Batch{}}
			byStore[s.Store] = a
			applies = append(applies, a)
		}
		acked := &ackedSlot{slot: s}
		a.slots = append(a.slots, acked)
		add := func(key, value []byte) {
			s.out.Add(s.Changelog.Partition, key, value, now, nil, 0, header)
			if len(s.leftOut) > 0 {
				delete(s.leftOut, string(key))
			}
		}
		if err := errors.Join(s.Table.Flush(add, a.changes), s.mend(add)); err != nil {
			return nil, fmt.Errorf("commit %s: %w", t.cfg.Name, err)
		}
		if err := t.flushChangelog(ctx, acked); err != nil {
			return nil, err
		}
	}
	return applies, nil
}

// mend adds what the keys hold whose last change was left out by the restore. The store has it already.
func (s *TableSlot) mend(add func(key, value []byte)) error {
	for _, key := range slices.Sorted(maps.Keys(s.leftOut)) {
		value, err := s.Table.Value([]byte(key))
		if err != nil {
			return fmt.Errorf("table %s: %w", s.Name, err)
		}
		add([]byte(key), value)
	}
	return nil
}

// flushChangelog sends one table's changes and remembers where they end.
func (t *Task) flushChangelog(ctx context.Context, a *ackedSlot) error {
	out := t.take()
	if len(out) == 0 {
		return nil
	}
	return t.sender.send(ctx, t.cfg.Log, out, func(b *record.Builder, err error) {
		if err == nil && b.Offset >= 0 { // else the broker had it already and doesn't say where: the offset before stays
			a.reached(b.Offset + int64(b.Count))
		}
		t.sender.done(b, err)
	})
}

// positions encodes where each input stands: a hash of its topic's name and the next offset, the inputs in their order.
func (t *Task) positions() []byte {
	var b []byte
	for _, in := range t.cfg.Inputs {
		b = binary.BigEndian.AppendUint32(b, topicHash(in.Topic))
		b = binary.AppendUvarint(b, uint64(in.position))
	}
	return b
}

func topicHash(topic string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(topic))
	return h.Sum32()
}

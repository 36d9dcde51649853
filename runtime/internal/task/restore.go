package task

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// CompactionLag is the min.compaction.lag.ms of every changelog: how long Kafka keeps each change before a newer one may replace it.
// What a crash left uncommitted is left out by a restore; only within this time is the older, committed value still there.
const CompactionLag = time.Hour

const (
	restoreBatch  = 1 << 20          // bytes of changes before they are written to the store
	restoreSilent = 60 * time.Second // without a record, while some are missing
)

// restoring is one table that is being restored.
type restoring struct {
	slot             *TableSlot
	from, at, target int64
	changes          store.Batch
	seen             int64 // the offset after the last record
	gone             bool  // records before it were compacted away, and the store has not got them

	header []byte // the PositionHeader seen last, and what was decided of it
	leave  bool
}

// restore brings the tables to the state that the committed offsets stand for, and finds where the inputs go on.
func (t *Task) restore(ctx context.Context) error {
	if err := t.locate(ctx); err != nil {
		return err
	}
	open, err := t.openRestores(ctx)
	if err != nil {
		return err
	}
	for tp, r := range open {
		t.cfg.Log.Fetch(tp, r.from, t.inbox)
	}
	err = t.replay(ctx, open)
	for tp := range open {
		t.cfg.Log.Unfetch(tp)
	}
	t.drop()
	if err != nil {
		return err
	}
	for _, s := range t.cfg.Tables {
		if err := s.Table.Load(); err != nil {
			return fmt.Errorf("load table %s: %w", s.Name, err)
		}
	}
	return nil
}

// locate sets where each input goes on: at the committed offset, else at the beginning of what the topic still holds.
func (t *Task) locate(ctx context.Context) error {
	var tps []record.TopicPartition
	for _, in := range t.cfg.Inputs {
		tps = append(tps, in.TopicPartition)
	}
	committed, err := t.cfg.Log.Committed(ctx, tps)
	if err != nil {
		return err
	}
	first, next, err := t.cfg.Log.Ends(ctx, tps)
	if err != nil {
		return err
	}
	for _, in := range t.cfg.Inputs {
		at, ok := committed[in.TopicPartition]
		switch {
		case !ok:
			at = first[in.TopicPartition]
		case at < first[in.TopicPartition]:
			t.cfg.Logger.Warn("records were deleted before they were read; going on with the oldest one left", "topic", in.Topic,
				"partition", in.Partition, "committed", at, "oldest", first[in.TopicPartition])
			at = first[in.TopicPartition]
		case at > next[in.TopicPartition]:
			return fmt.Errorf("topic %s partition %d ends at offset %d, but offset %d is committed: the topic was made anew or lost its end; "+
				"`reset --offsets` begins with what it holds now", in.Topic, in.Partition, next[in.TopicPartition], at)
		}
		in.position, in.committed = at, at
		if !ok {
			in.committed = -1
		}
	}
	return nil
}

// openRestores finds for every table from where to where its changelog has to be read.
func (t *Task) openRestores(ctx context.Context) (map[record.TopicPartition]*restoring, error) {
	var tps []record.TopicPartition
	for _, s := range t.cfg.Tables {
		tps = append(tps, s.Changelog)
	}
	if len(tps) == 0 {
		return nil, nil
	}
	first, next, err := t.cfg.Log.Ends(ctx, tps)
	if err != nil {
		return nil, err
	}
	open := map[record.TopicPartition]*restoring{}
	for _, s := range t.cfg.Tables {
		r := &restoring{slot: s, target: next[s.Changelog]}
		stored, ok, err := s.Store.Get(nil, s.OffsetKey)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", s.Name, err)
		}
		if ok && len(stored) == 8 {
			r.from = int64(binary.BigEndian.Uint64(stored))
		}
		if r.from > r.target {
			t.cfg.Logger.Warn("local state is ahead of its changelog, which was made anew; it is dropped and restored", "table", s.Name,
				"partition", s.Changelog.Partition, "local", r.from, "changelog", r.target)
			r.from = 0
		}
		if r.from == 0 {
			if _, err := store.DeletePrefix(ctx, s.Store, s.Prefix); err != nil {
				return nil, fmt.Errorf("table %s: %w", s.Name, err)
			}
		}
		r.gone = r.from < first[s.Changelog]
		r.from = max(r.from, first[s.Changelog])
		r.at, r.seen = r.from, r.from
		if r.at < r.target {
			open[s.Changelog] = r
		}
	}
	return open, nil
}

// replay reads the changelogs until every table has reached its target.
func (t *Task) replay(ctx context.Context, open map[record.TopicPartition]*restoring) error {
	left := len(open)
	for left > 0 {
		t.timer.Reset(restoreSilent)
		select {
		case b := <-t.inbox:
			r := open[b.TopicPartition]
			if r == nil || r.at >= r.target {
				b.Release()
				continue
			}
			err := t.replayBatch(r, b)
			b.Release()
			if err != nil {
				return fmt.Errorf("table %s, %s partition %d: %w", r.slot.Name, b.Topic, b.Partition, err)
			}
			if t.cfg.Progress != nil {
				t.cfg.Progress(r.slot.Name, r.at-r.from, r.target-r.from)
			}
			if r.at >= r.target {
				left--
			}
		case f := <-t.calls:
			f()
		case <-t.timer.C:
			return fmt.Errorf("no record of the changelog came for %v though some are missing (%s); the topic may have lost its end: "+
				"compare `lag` with the broker, then `reset --local`", restoreSilent, missing(open))
		case <-t.stopped:
			return errStopped
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func missing(open map[record.TopicPartition]*restoring) string {
	var b bytes.Buffer
	for tp, r := range open {
		if r.at < r.target {
			fmt.Fprintf(&b, " %s/%d at %d of %d", tp.Topic, tp.Partition, r.at, r.target)
		}
	}
	return b.String()[1:]
}

func (t *Task) replayBatch(r *restoring, b *record.Batch) error {
	if b.Err != nil {
		return b.Err
	}
	for i := range b.Records {
		rec := &b.Records[i]
		if rec.Offset >= r.target {
			break
		}
		r.gone = r.gone || rec.Offset > r.seen
		r.seen = rec.Offset + 1
		leave, err := t.uncommittedChange(r, rec)
		if err != nil {
			return err
		}
		if leave {
			r.slot.leaveOut(rec.Key)
			continue
		}
		delete(r.slot.leftOut, string(rec.Key))
		if err := r.slot.Table.Restore(rec.Key, rec.Value, &r.changes); err != nil {
			return fmt.Errorf("offset %d: %w", rec.Offset, err)
		}
	}
	// Done is a matter of position: the last records before the target may be markers, or compacted away.
	r.at = max(r.at, b.Next)
	if r.changes.Bytes() >= restoreBatch || r.at >= r.target {
		var offset [8]byte
		binary.BigEndian.PutUint64(offset[:], uint64(min(r.at, r.target)))
		r.changes.Put(r.slot.OffsetKey, offset[:])
		if err := r.slot.Store.Apply(&r.changes); err != nil {
			return err
		}
		r.changes.Reset()
	}
	return nil
}

// leaveOut remembers a key whose change was left out. Once the input has been committed up to there, that change looks like any other: so
// the next commit has to put over it what the key really holds, also if the key is not changed again, or comes and goes within the commit.
func (s *TableSlot) leaveOut(key []byte) {
	if s.leftOut == nil {
		s.leftOut = map[string]bool{}
	}
	s.leftOut[string(key)] = true
}

// uncommittedChange says whether a changelog record comes from input that was never committed: it will be read again, and counted then.
func (t *Task) uncommittedChange(r *restoring, rec *record.Record) (bool, error) {
	header := record.LastHeader(rec.Headers, PositionHeader)
	if !bytes.Equal(header, r.header) {
		r.header = append(r.header[:0], header...)
		r.leave = t.ahead(header)
	}
	if r.leave && r.gone && time.Since(time.UnixMilli(rec.Time)) > CompactionLag {
		return false, fmt.Errorf("offset %d belongs to input that was not committed, and is older than min.compaction.lag (%v), so that the "+
			"value before it may be gone: the committed offsets were lost or moved back; `reset --offsets --local --internal-topics` "+
			"begins anew", rec.Offset, CompactionLag)
	}
	return r.leave, nil
}

// ahead says whether a PositionHeader is beyond what is committed.
func (t *Task) ahead(header []byte) bool {
	for len(header) >= 5 {
		hash := binary.BigEndian.Uint32(header)
		offset, n := binary.Uvarint(header[4:])
		if n <= 0 {
			return false
		}
		header = header[4+n:]
		for _, in := range t.cfg.Inputs {
			if topicHash(in.Topic) == hash && int64(offset) > in.position {
				return true
			}
		}
	}
	return false
}

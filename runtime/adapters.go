package faust

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/broker"
	"github.com/faustgen/faustgen/runtime/internal/group"
	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// ErrKill, as the cause of the end of Run's context, makes Run end as kill -9 would, as far as a process can do that to itself: nothing
// more is sent or committed, and the group is not told. It is for tests.
var ErrKill = group.ErrAbandon

// taskLog is the worker's broker as a task sees it.
type taskLog struct{ w *worker }

func (l taskLog) Append(ctx context.Context, builders []*record.Builder, done func(*record.Builder, error)) error {
	return l.w.producer.Append(ctx, builders, done)
}

func (l taskLog) Fetch(tp record.TopicPartition, offset int64, inbox chan<- *record.Batch) {
	l.w.fetcher.Add(tp, offset, inbox)
}

func (l taskLog) Unfetch(tp record.TopicPartition) { l.w.fetcher.Remove(tp) }

func (l taskLog) Ends(ctx context.Context, tps []record.TopicPartition) (first, next map[record.TopicPartition]int64, err error) {
	if len(tps) == 0 {
		return nil, nil, nil
	}
	if first, err = l.w.client.ListOffsets(ctx, tps, broker.Earliest); err != nil {
		return nil, nil, err
	}
	next, err = l.w.client.ListOffsets(ctx, tps, broker.Latest)
	return first, next, err
}

func (l taskLog) Committed(ctx context.Context, tps []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	if len(tps) == 0 {
		return nil, nil
	}
	stored, err := l.w.client.OffsetFetch(ctx, l.w.plan.group(), tps)
	if err != nil {
		return nil, err
	}
	offsets := map[record.TopicPartition]int64{}
	for tp, c := range stored {
		if c.Offset >= 0 {
			offsets[tp] = c.Offset
		}
	}
	return offsets, nil
}

// commitRetry is the pause after a commit that the group refused because it is in between two generations.
const commitRetry = 20 * time.Millisecond

// Commit commits as the member that we are at that moment. While the group rebalances the coordinator may refuse a commit although the
// task stays ours; whether it does, Revoked and Lost tell, by ending ctx.
func (l taskLog) Commit(ctx context.Context, offsets map[record.TopicPartition]int64) error {
	stored := map[record.TopicPartition]broker.Committed{}
	for tp, o := range offsets {
		stored[tp] = broker.Committed{Offset: o}
	}
	for {
		generation, member := l.w.member.Identity()
		if member != "" {
			err := l.w.client.OffsetCommit(ctx, l.w.plan.group(), generation, member, l.w.cfg.instanceID, stored)
			if err == nil {
				return nil
			}
			if !errors.Is(err, broker.ErrRebalance) && !errors.Is(err, broker.ErrFenced) {
				return fmt.Errorf("commit offsets: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(commitRetry):
		}
	}
}

var _ task.Log = taskLog{}

// own returns when the group's membership is certain; see task.Config.
func (w *worker) own(ctx context.Context) error {
	for !w.member.Holds() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(commitRetry):
		}
	}
	return nil
}

// coordinator is the broker as the group's member sees it.
type coordinator struct{ c *broker.Client }

func (k coordinator) Join(ctx context.Context, r group.JoinRequest) (group.JoinResponse, error) {
	j, err := k.c.JoinGroup(ctx, broker.JoinRequest(r))
	if err != nil {
		return group.JoinResponse{}, groupError(err)
	}
	out := group.JoinResponse{Generation: j.Generation, Member: j.Member, Leader: j.Leader, Protocol: j.Protocol}
	for _, m := range j.Members {
		out.Members = append(out.Members, group.JoinedMember(m))
	}
	return out, nil
}

func (k coordinator) Sync(ctx context.Context, r group.SyncRequest) ([]byte, error) {
	var all []broker.Assignment
	for _, member := range sortedKeys(r.Assignments) {
		all = append(all, broker.Assignment{Member: member, Bytes: r.Assignments[member]})
	}
	b, err := k.c.SyncGroup(ctx, r.Group, r.Generation, r.Member, r.Instance, all)
	return b, groupError(err)
}

func (k coordinator) Heartbeat(ctx context.Context, name string, generation int32, member, instance string) error {
	return groupError(k.c.Heartbeat(ctx, name, generation, member, instance))
}

func (k coordinator) Leave(ctx context.Context, name, member, instance string) error {
	return groupError(k.c.LeaveGroup(ctx, name, member, instance))
}

// groupError gives the broker's errors the meaning that the member acts on.
func groupError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, broker.ErrRebalance):
		return fmt.Errorf("%w: %w", group.ErrRebalance, err)
	case refused(err):
		return fmt.Errorf("%w: %w", group.ErrRefused, err)
	case errors.Is(err, broker.ErrFenced):
		return fmt.Errorf("%w: %w", group.ErrFenced, err)
	}
	return err
}

// refused says whether the coordinator will never let a member in like this.
func refused(err error) bool {
	var code broker.Code
	if errors.Is(err, broker.ErrDenied) {
		return true
	}
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case 23, 26, 81, 82: // another assignor, a session timeout the broker doesn't allow, the group is full, a newer process of that instance
		return true
	}
	return false
}

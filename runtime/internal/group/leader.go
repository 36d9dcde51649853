package group

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

const lookup = "look up the partition counts"

// lead is the leader's part of a rebalance: it asks for the components, as often as needed, and makes everyone's assignment.
// When the components can't be assigned it returns both an error and the assignments that leave everything as it is: without
// assignments the rebalance doesn't end, and until then the coordinator refuses the commits that an orderly stop needs.
func (m *Member) lead(ctx context.Context, joined []JoinedMember) (map[string][]byte, error) {
	components, err := m.cfg.Components(ctx)
	for ; err != nil; components, err = m.cfg.Components(ctx) {
		m.source.failed(lookup, err)
		timer := time.NewTimer(m.source.backoff())
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-timer.C:
		}
	}
	m.source.over(lookup)
	m.source.calmed()
	m.components = normal(components)

	members := make([]Peer, 0, len(joined))
	for _, j := range joined {
		s, err := DecodeSubscription(j.Metadata)
		if err != nil {
			// It gets tasks like any other; only what it holds is unknown, so it will be told to give that up.
			m.cfg.Log.Warn("a member's metadata can't be read", "group", m.cfg.Group, "member", j.ID, "err", err)
		}
		members = append(members, Peer{ID: j.ID, Instance: j.Instance, Owned: s.Owned, Generation: s.Generation, Former: s.Former})
	}
	target := unmoved(members)
	invalid := Validate(components)
	if invalid == nil {
		target = Assign(components, members)
	} else {
		invalid = fmt.Errorf("%w: %w", errStop, invalid)
	}
	grant, withheld := Cooperative(target, members)
	m.cfg.Log.Info("group assigned", "group", m.cfg.Group, "members", len(members), "withheld", withheld)
	return encodeAll(components, grant), invalid
}

// unmoved leaves every task with its owner.
func unmoved(members []Peer) map[string][]Task {
	target := make(map[string][]Task, len(members))
	for _, m := range members {
		target[m.ID] = nil
	}
	for t, id := range owners(members) {
		target[id] = append(target[id], t)
	}
	return target
}

// encodeAll makes the bytes for each member.
func encodeAll(components []Component, grant map[string][]Task) map[string][]byte {
	byName := make(map[string]Component, len(components))
	for _, c := range components {
		byName[c.Name] = c
	}
	assignments := make(map[string][]byte, len(grant))
	for id, tasks := range grant {
		var tps []record.TopicPartition
		for _, t := range tasks {
			tps = append(tps, byName[t.Component].Partitions(t.Partition)...)
		}
		assignments[id] = EncodeAssignment(Assignment{Tasks: tasks, Partitions: tps, Member: id})
	}
	return assignments
}

// changed tells the leader whether the components have other partition counts than at the last rebalance.
func (m *Member) changed(ctx context.Context) bool {
	if m.components == nil {
		return false
	}
	ctx, cancel := until(m.pulse.calm, ctx)
	defer cancel()
	components, err := m.cfg.Components(ctx)
	if err != nil {
		if ctx.Err() == nil {
			m.source.failed(lookup, err)
		}
		return false
	}
	m.source.over(lookup)
	return !slices.EqualFunc(m.components, normal(components), func(a, b Component) bool {
		return a.Name == b.Name && a.Stateful == b.Stateful && slices.Equal(a.Topics, b.Topics)
	})
}

// normal is a copy, never nil, in an order that doesn't depend on how the components were found.
func normal(components []Component) []Component {
	sorted := append([]Component{}, components...)
	slices.SortFunc(sorted, func(a, b Component) int { return strings.Compare(a.Name, b.Name) })
	for i := range sorted {
		sorted[i].Topics = slices.SortedFunc(slices.Values(sorted[i].Topics), func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	}
	return sorted
}

package group

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// fakeGroup is a group coordinator in memory, with the rules of Kafka's: sessions, rebalance timeouts, static members, and no rebalance
// for a follower that joins again unchanged. Safe for concurrent use; made for synctest bubbles.
type fakeGroup struct {
	mu         sync.Mutex
	members    map[string]*fakeMember
	order      []string // of joining, by member id
	leader     string
	generation int32
	state      fakeState
	deadline   *time.Timer // of the rebalance under way
	ids        int
	rebalances int

	assignments map[string][]byte
	synced      chan struct{} // closed when the leader has synced, or the generation is over
}

type fakeState int

const (
	fakeEmpty fakeState = iota
	fakePreparing
	fakeCompleting
	fakeStable
)

type fakeMember struct {
	id, instance string
	metadata     []byte
	session      *time.Timer
	timeout      time.Duration
	rebalance    time.Duration
	waiting      chan JoinResponse // not nil while a Join waits
}

func newFakeGroup() *fakeGroup {
	return &fakeGroup{members: make(map[string]*fakeMember), synced: make(chan struct{}), assignments: make(map[string][]byte)}
}

func (g *fakeGroup) join(ctx context.Context, r JoinRequest) (JoinResponse, error) {
	g.mu.Lock()
	m := g.members[r.Member]
	if r.Member == "" {
		if i := slices.IndexFunc(g.order, func(id string) bool { return r.Instance != "" && g.members[id].instance == r.Instance }); i >= 0 {
			m = g.replace(i, r)
			if g.state == fakeStable {
				defer g.mu.Unlock()
				g.alive(m)
				// Like Kafka: a restarted leader isn't told that it leads.
				return JoinResponse{Generation: g.generation, Member: m.id, Leader: "somebody", Protocol: r.Protocol}, nil
			}
		} else {
			g.ids++
			m = &fakeMember{id: fmt.Sprintf("id%d", g.ids), instance: r.Instance}
			g.members[m.id] = m
			g.order = append(g.order, m.id)
		}
	}
	if m == nil {
		g.mu.Unlock()
		return JoinResponse{}, ErrFenced
	}
	unchanged := bytes.Equal(m.metadata, r.Metadata)
	m.metadata, m.timeout, m.rebalance = r.Metadata, r.SessionTimeout, r.RebalanceTimeout
	if g.state == fakeStable && unchanged && m.id != g.leader {
		defer g.mu.Unlock()
		g.alive(m)
		return JoinResponse{Generation: g.generation, Member: m.id, Leader: g.leader, Protocol: r.Protocol}, nil
	}
	waiting := make(chan JoinResponse, 1)
	m.waiting = waiting
	if m.session != nil {
		m.session.Stop()
	}
	g.prepare()
	g.mu.Unlock()

	select {
	case response := <-waiting:
		if response.Member == "" {
			return response, ErrFenced
		}
		return response, nil
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		if m.waiting == waiting {
			m.waiting = nil
			g.alive(m)
		}
		return JoinResponse{}, ctx.Err()
	}
}

// replace gives a static member's place to a new process.
func (g *fakeGroup) replace(i int, r JoinRequest) *fakeMember {
	old := g.members[g.order[i]]
	g.ids++
	m := &fakeMember{id: fmt.Sprintf("id%d", g.ids), instance: r.Instance, metadata: r.Metadata, timeout: r.SessionTimeout, rebalance: r.RebalanceTimeout}
	if old.session != nil {
		old.session.Stop()
	}
	g.assignments[m.id] = g.assignments[old.id]
	if g.leader == old.id {
		g.leader = m.id
	}
	delete(g.members, old.id)
	g.members[m.id], g.order[i] = m, m.id
	return m
}

// alive restarts a member's session. The caller holds g.mu.
func (g *fakeGroup) alive(m *fakeMember) {
	if m.session != nil {
		m.session.Stop()
	}
	m.session = time.AfterFunc(m.timeout, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.members[m.id] == m && m.waiting == nil {
			g.remove(m)
		}
	})
}

// remove drops a member and asks the others to join again. The caller holds g.mu.
func (g *fakeGroup) remove(m *fakeMember) {
	delete(g.members, m.id)
	g.order = slices.DeleteFunc(g.order, func(id string) bool { return id == m.id })
	if m.session != nil {
		m.session.Stop()
	}
	if m.waiting != nil {
		m.waiting <- JoinResponse{}
		m.waiting = nil
	}
	g.prepare()
}

// prepare begins a rebalance, or ends the one under way when all have joined. The caller holds g.mu.
func (g *fakeGroup) prepare() {
	if len(g.members) == 0 {
		g.state = fakeEmpty
		if g.deadline != nil {
			g.deadline.Stop()
		}
		return
	}
	if g.state != fakePreparing {
		g.state = fakePreparing
		close(g.synced)
		g.synced = make(chan struct{})
		var longest time.Duration
		for _, m := range g.members {
			longest = max(longest, m.rebalance)
		}
		g.deadline = time.AfterFunc(longest, g.expire)
	}
	for _, m := range g.members {
		if m.waiting == nil {
			return
		}
	}
	g.complete()
}

// expire ends a rebalance without those who didn't come.
func (g *fakeGroup) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range maps.Clone(g.members) {
		if g.state == fakePreparing && m.waiting == nil {
			g.remove(m)
		}
	}
}

func (g *fakeGroup) complete() {
	g.deadline.Stop()
	g.state = fakeCompleting
	g.generation++
	g.rebalances++
	g.assignments = make(map[string][]byte)
	if g.members[g.leader] == nil {
		g.leader = g.order[0]
	}
	for _, id := range g.order {
		m := g.members[id]
		response := JoinResponse{Generation: g.generation, Member: id, Leader: g.leader, Protocol: Protocol}
		if id == g.leader {
			for _, id := range g.order {
				other := g.members[id]
				response.Members = append(response.Members, JoinedMember{other.id, other.instance, other.metadata})
			}
		}
		m.waiting <- response
		m.waiting = nil
		g.alive(m)
	}
}

func (g *fakeGroup) check(member string, generation int32) (*fakeMember, error) {
	m := g.members[member]
	if m == nil || generation != g.generation {
		return nil, ErrFenced
	}
	return m, nil
}

func (g *fakeGroup) sync(ctx context.Context, r SyncRequest) ([]byte, error) {
	for {
		g.mu.Lock()
		m, err := g.check(r.Member, r.Generation)
		switch {
		case err != nil:
		case g.state == fakePreparing:
			err = ErrRebalance
		case g.state == fakeCompleting && r.Member == g.leader:
			g.assignments = r.Assignments
			g.state = fakeStable
			close(g.synced)
			g.synced = make(chan struct{})
		}
		if err != nil || g.state == fakeStable {
			defer g.mu.Unlock()
			if err == nil {
				g.alive(m)
			}
			return g.assignments[r.Member], err
		}
		synced := g.synced
		g.mu.Unlock()
		select {
		case <-synced:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (g *fakeGroup) heartbeat(generation int32, member string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, err := g.check(member, generation)
	if err != nil {
		return err
	}
	if m.waiting == nil {
		g.alive(m)
	}
	if g.state == fakePreparing {
		return ErrRebalance
	}
	return nil
}

func (g *fakeGroup) leave(member string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.members[member]
	if m == nil {
		return ErrFenced
	}
	g.remove(m)
	return nil
}

// expel forgets a member at once, as an operator's command would.
func (g *fakeGroup) expel(member string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.members[member]; m != nil {
		g.remove(m)
	}
}

func (g *fakeGroup) count() (members, rebalances int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members), g.rebalances
}

// fakeLink is one worker's connection to the group; the tests cut it.
type fakeLink struct {
	group *fakeGroup

	mu    sync.Mutex
	err   error         // returned by every call, when set
	hang  chan struct{} // when set, calls wait for it to close or for their context
	deaf  bool          // answers to Join are lost: it waits for its context though the group has counted the member in
	late  time.Duration // after which the answer to a Join arrives
	beats int
	left  int
}

var errDown = errors.New("connection refused")

func (l *fakeLink) set(change func(*fakeLink)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *fakeLink) pass(ctx context.Context) error {
	l.mu.Lock()
	err, hang := l.err, l.hang
	l.mu.Unlock()
	if err == nil && hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (l *fakeLink) Join(ctx context.Context, r JoinRequest) (JoinResponse, error) {
	if r.ProtocolType != "consumer" || r.Protocol != "faust" {
		return JoinResponse{}, fmt.Errorf("protocol %s of type %s: %w", r.Protocol, r.ProtocolType, ErrRefused)
	}
	if err := l.pass(ctx); err != nil {
		return JoinResponse{}, err
	}
	response, err := l.group.join(ctx, r)
	l.mu.Lock()
	deaf, late := l.deaf, l.late
	l.mu.Unlock()
	if sleep(ctx, late); ctx.Err() != nil {
		return JoinResponse{}, ctx.Err()
	}
	if deaf {
		<-ctx.Done()
		return JoinResponse{}, ctx.Err()
	}
	return response, err
}

func (l *fakeLink) Sync(ctx context.Context, r SyncRequest) ([]byte, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	return l.group.sync(ctx, r)
}

func (l *fakeLink) Heartbeat(ctx context.Context, _ string, generation int32, member, _ string) error {
	if err := l.pass(ctx); err != nil {
		return err
	}
	l.set(func(l *fakeLink) { l.beats++ })
	return l.group.heartbeat(generation, member)
}

func (l *fakeLink) Leave(ctx context.Context, _, member, _ string) error {
	if err := l.pass(ctx); err != nil {
		return err
	}
	l.set(func(l *fakeLink) { l.left++ })
	return l.group.leave(member)
}

// commit is what OffsetCommit checks of a member.
func (g *fakeGroup) commit(generation int32, member string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := g.check(member, generation); err != nil {
		return err
	}
	if g.state == fakeCompleting {
		return ErrRebalance
	}
	return nil
}

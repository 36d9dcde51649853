package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// Member is one member of a group. All its fields but identity and lease belong to the goroutine in Run.
type Member struct {
	cfg         Config
	coordinator Coordinator
	identity    atomic.Pointer[identity]
	lease       atomic.Int64 // until when the membership is certain, ns since 1970

	id         string // our member id; empty until the coordinator gave one, and after it forgot us
	generation int32  // of the last assignment that came
	owned      []Task // what the Handler has, sorted
	partitions []record.TopicPartition
	pulse      *pulse // of the generation last joined; nil before the first and after a loss

	components []Component // as the leader used them last; nil when we don't lead
	inherited  bool        // the assignment was made for a predecessor of our instance name

	outage outage // of the coordinator
	source outage // of Config.Components
}

type identity struct {
	generation int32
	member     string
}

// New makes a member; Run joins. The Config is checked by Run.
func New(cfg Config, coordinator Coordinator) *Member {
	m := &Member{cfg: cfg, coordinator: coordinator, generation: -1}
	m.identify(-1, "")
	return m
}

// Identity is what an offset commit must carry: the generation and the member id; -1 and "" while there is no membership.
// Safe for concurrent use, cheap enough for every commit.
//
// A rebalance raises the generation while tasks go on. A commit may thus be answered with an illegal generation or a rebalance in
// progress though the task is still ours: commit again with the Identity of then, until Revoked's context ends or Lost is called.
func (m *Member) Identity() (generation int32, member string) {
	i := m.identity.Load()
	return i.generation, i.member
}

// Holds says whether the membership is certain at this moment: a heartbeat got through so lately that the coordinator can't have given
// our tasks away. A process that was stopped for a while finds it false before anything else can tell. What must not be written beside
// another owner of a task waits until it is true, or until Lost is called. Safe for concurrent use, cheap enough for every batch.
func (m *Member) Holds() bool { return time.Now().UnixNano() < m.lease.Load() }

func (m *Member) identify(generation int32, member string) {
	m.identity.Store(&identity{generation, member})
}

// Run joins the group and stays in it until ctx ends; then it calls Revoked for all tasks, leaves, and returns nil, or Revoked's error.
// When the cause of ctx's end is ErrAbandon it returns that at once and tells neither Handler nor coordinator, like a killed process.
// Other errors end it after the same orderly stop: the Handler's from Assigned, components that can't be assigned, ErrRefused.
// A broker that doesn't answer never ends it. Run may be called once.
func (m *Member) Run(ctx context.Context) error {
	cfg, err := m.cfg.withDefaults()
	if err != nil {
		return err
	}
	m.cfg = cfg
	m.outage.log, m.source.log = cfg.Log.With("group", cfg.Group), cfg.Log.With("group", cfg.Group)

	life, settle, end := m.outlive(ctx)
	defer end()
	defer func() { m.pulse.stop() }()
	err = m.serve(ctx, life, settle)
	if abandoned(ctx) {
		return ErrAbandon
	}
	return errors.Join(err, m.leave(life))
}

func abandoned(ctx context.Context) bool { return errors.Is(context.Cause(ctx), ErrAbandon) }

// outlive makes the two contexts that an orderly stop needs, which go on when ctx ends: life for the whole stop timeout, settle for
// a third of it, the time to finish a rebalance that is under way. Without the generation that comes of it the last commit is refused.
func (m *Member) outlive(ctx context.Context) (life, settle context.Context, end func()) {
	life, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	settle, hurry := context.WithCancelCause(life)
	unlink := context.AfterFunc(ctx, func() {
		if abandoned(ctx) {
			kill(ErrAbandon)
			return
		}
		time.AfterFunc(m.cfg.StopTimeout/3, func() { hurry(context.DeadlineExceeded) })
		time.AfterFunc(m.cfg.StopTimeout, func() { kill(context.DeadlineExceeded) })
	})
	return life, settle, func() { unlink(); kill(context.Canceled) }
}

// until is a, ended also by the end of b.
func until(a, b context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(a)
	unlink := context.AfterFunc(b, func() { cancel(context.Cause(b)) })
	return ctx, func() { unlink(); cancel(context.Canceled) }
}

// serve goes from rebalance to rebalance and decides what each error means. It returns nil when ctx has ended.
func (m *Member) serve(ctx, life, settle context.Context) error {
	for ctx.Err() == nil {
		err := m.round(ctx, life, settle)
		if gone := m.pulse.gone(); gone != nil && !errors.Is(err, ErrRefused) {
			// Whatever the round was busy with, this is why it ended.
			err = gone
		}
		switch {
		case abandoned(ctx):
			return nil
		case err == nil:
			continue
		case errors.Is(err, ErrRefused):
			m.lose(err)
			m.id = "" // no leaving: with our instance name we would throw out the process that has it now
			return fmt.Errorf("group %s, instance %q: %w", m.cfg.Group, m.cfg.Instance, err)
		case errors.Is(err, ErrFenced):
			m.lose(err)
			m.id = ""
		case errors.Is(err, errExpired):
			// The coordinator may well know us still: it was away for all members alike.
			m.lose(err)
		case errors.Is(err, errStop):
			return err
		case errors.Is(err, ErrRebalance):
		case ctx.Err() != nil:
			return nil
		default:
			m.outage.failed("join", err)
		}
		m.pause(ctx)
	}
	return nil
}

// errStop marks an error that isn't the coordinator's and that no retry mends.
var errStop = errors.New("this worker leaves its group")

// pause keeps failing rounds apart. It ends early when there is something to do: ctx has ended or the membership.
func (m *Member) pause(ctx context.Context) {
	timer := time.NewTimer(m.outage.backoff())
	defer timer.Stop()
	var gone <-chan struct{}
	if m.pulse != nil {
		gone = m.pulse.held.Done()
	}
	select {
	case <-ctx.Done():
	case <-gone:
	case <-timer.C:
	}
}

// round is one generation: join, learn the assignment, act on it, and stay until something asks for the next round.
func (m *Member) round(ctx, life, settle context.Context) error {
	assignment, err := m.rebalance(ctx, life, settle)
	if err != nil {
		return err
	}
	m.outage.over("join")
	m.outage.calmed()
	if ctx.Err() != nil {
		return nil // all tasks are about to be revoked, with the generation just learnt
	}
	shrank, err := m.apply(ctx, assignment)
	if err != nil || shrank {
		return err
	}
	return m.wait(ctx)
}

// rebalance joins and syncs. With tasks in hand it goes on for a while after ctx ended, since they want their last commit.
func (m *Member) rebalance(ctx, life, settle context.Context) (Assignment, error) {
	patience := ctx
	if len(m.owned) > 0 {
		patience = settle
	}
	joined, err := m.join(patience)
	if err != nil {
		return Assignment{}, fmt.Errorf("join group %s: %w", m.cfg.Group, err)
	}

	m.pulse.stop()
	m.id = joined.Member
	m.identify(joined.Generation, joined.Member)
	m.pulse = m.beat(life, joined.Generation, joined.Member)
	syncCtx, cancel := until(m.pulse.held, patience)
	defer cancel()

	sync := SyncRequest{Group: m.cfg.Group, Member: m.id, Instance: m.cfg.Instance, Generation: joined.Generation,
		ProtocolType: ProtocolType, Protocol: Protocol}
	m.components = nil
	var invalid error
	if joined.Leader == joined.Member {
		if sync.Assignments, invalid = m.lead(syncCtx, joined.Members); sync.Assignments == nil {
			return Assignment{}, invalid
		}
	}
	// A leader that takes longer than this isn't heard any more; joining again shows who leads now.
	syncCtx, cancel = context.WithTimeout(syncCtx, m.cfg.RebalanceTimeout)
	defer cancel()
	data, err := m.coordinator.Sync(syncCtx, sync)
	if err != nil {
		return Assignment{}, fmt.Errorf("sync group %s: %w", m.cfg.Group, err)
	}
	assignment, err := DecodeAssignment(data)
	if err != nil {
		return Assignment{}, fmt.Errorf("%w: %w", errStop, err)
	}
	m.generation, m.partitions = joined.Generation, assignment.Partitions
	m.inherited = assignment.Member != "" && assignment.Member != m.id
	m.pulse.phase.Store(settled)
	m.cfg.Log.Info("group joined", "group", m.cfg.Group, "generation", joined.Generation, "member", m.id,
		"leader", m.components != nil, "tasks", len(assignment.Tasks))
	return assignment, invalid
}

// join calls Join. The heartbeats of the generation before go on meanwhile and end the wait when the session has run out:
// the answer may be lost, and then our tasks are with another member soon.
func (m *Member) join(ctx context.Context) (JoinResponse, error) {
	if m.pulse != nil {
		m.pulse.phase.Store(joining)
		var cancel context.CancelFunc
		ctx, cancel = until(m.pulse.held, ctx)
		defer cancel()
	}
	// Beyond this no coordinator waits any more: the answer is lost with its connection.
	ctx, cancel := context.WithTimeout(ctx, m.cfg.RebalanceTimeout+m.cfg.SessionTimeout)
	defer cancel()
	return m.coordinator.Join(ctx, m.joinRequest())
}

func (m *Member) joinRequest() JoinRequest {
	s := Subscription{Topics: m.cfg.Topics, Owned: m.owned, Generation: m.generation, Address: m.cfg.Address}
	if len(m.owned) > 0 {
		s.OwnedPartitions = m.partitions
	}
	if m.cfg.Former != nil {
		s.Former = m.cfg.Former()
	}
	return JoinRequest{Group: m.cfg.Group, Member: m.id, Instance: m.cfg.Instance, ProtocolType: ProtocolType, Protocol: Protocol,
		Metadata: EncodeSubscription(s), SessionTimeout: m.cfg.SessionTimeout, RebalanceTimeout: m.cfg.RebalanceTimeout}
}

// apply tells the Handler what changed. shrank says to join again, so that others get the tasks that are free now.
func (m *Member) apply(ctx context.Context, a Assignment) (shrank bool, err error) {
	tasks := slices.Compact(slices.SortedFunc(slices.Values(a.Tasks), Task.Compare))
	revoked, given := without(m.owned, tasks), without(tasks, m.owned)
	if len(revoked) > 0 {
		revokeCtx, cancel := context.WithTimeout(m.pulse.held, m.cfg.RebalanceTimeout)
		err := m.revoke(revokeCtx, revoked)
		cancel()
		if gone := m.pulse.gone(); gone != nil {
			return false, gone
		}
		if errors.Is(err, ErrFenced) {
			return false, err
		}
		if err != nil {
			m.cfg.Log.Error("tasks go on elsewhere from an older commit", "group", m.cfg.Group, "tasks", revoked, "err", err)
		}
	}
	if len(given) > 0 && ctx.Err() == nil {
		m.cfg.Log.Info("tasks assigned", "group", m.cfg.Group, "tasks", given)
		m.owned = tasks
		assignCtx, cancel := until(m.pulse.held, ctx)
		err = m.cfg.Handler.Assigned(assignCtx, given)
		cancel()
	}
	switch {
	case err == nil || ctx.Err() != nil:
		return len(revoked) > 0, nil
	case m.pulse.gone() != nil:
		return false, m.pulse.gone()
	case errors.Is(err, ErrFenced):
		return false, err
	}
	return false, fmt.Errorf("%w: start its tasks: %w", errStop, err)
}

// revoke takes tasks from the Handler. They aren't ours afterwards, whatever it says.
func (m *Member) revoke(ctx context.Context, tasks []Task) error {
	m.cfg.Log.Info("tasks revoked", "group", m.cfg.Group, "tasks", tasks)
	err := m.cfg.Handler.Revoked(ctx, tasks)
	m.owned = without(m.owned, tasks)
	if err != nil {
		return fmt.Errorf("hand over tasks %v: %w", tasks, err)
	}
	return nil
}

// without is the tasks of a that b lacks; both are sorted.
func without(a, b []Task) []Task {
	var rest []Task
	for _, t := range a {
		if _, found := slices.BinarySearchFunc(b, t, Task.Compare); !found {
			rest = append(rest, t)
		}
	}
	return rest
}

// wait stays in the generation. It returns nil when it is time to join again or ctx has ended.
func (m *Member) wait(ctx context.Context) error {
	ticker := time.NewTicker(m.cfg.CheckInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.pulse.calm.Done():
			return m.pulse.gone()
		case <-ticker.C:
			// Our predecessor may have died between giving up a task and joining again: then nobody has the task until we join.
			if m.inherited || m.changed(ctx) {
				return nil
			}
		}
	}
}

// lose ends the membership without the coordinator's help.
func (m *Member) lose(why error) {
	m.identify(-1, "")
	m.lease.Store(0)
	tasks := m.owned
	m.owned, m.partitions = nil, nil
	if len(tasks) == 0 {
		m.cfg.Log.Info("group membership lost, there were no tasks", "group", m.cfg.Group, "err", why)
	} else {
		m.cfg.Log.Warn("group membership lost", "group", m.cfg.Group, "tasks", tasks, "err", why)
		m.cfg.Handler.Lost(tasks)
	}
	m.pulse.stop()
	m.pulse = nil
	m.lease.Store(0) // again: a heartbeat may have got through meanwhile
}

// leave is the orderly end: hand over everything while the heartbeats go on, then leave the group. A static member stays in it: its tasks
// wait for its next process until the session timeout ends, and then go to the others.
func (m *Member) leave(life context.Context) error {
	ctx, cancel := context.WithTimeout(life, m.cfg.StopTimeout)
	defer cancel()
	if gone := m.pulse.gone(); gone != nil {
		m.lose(gone)
	}
	var err error
	if len(m.owned) > 0 {
		revokeCtx, cancel := until(m.pulse.held, ctx)
		err = m.revoke(revokeCtx, m.owned)
		cancel()
	}
	m.pulse.stop()
	m.identify(-1, "")
	if m.id == "" || m.cfg.Instance != "" {
		return err
	}
	if left := m.coordinator.Leave(ctx, m.cfg.Group, m.id, m.cfg.Instance); left != nil {
		m.cfg.Log.Info("left the group without its knowing; the session timeout tells it", "group", m.cfg.Group, "err", left)
	}
	return err
}

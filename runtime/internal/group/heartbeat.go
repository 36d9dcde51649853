package group

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// phase says what the errors of a heartbeat mean.
//
//	syncing ─▶ settled ─▶ joining        one pulse for each generation; the next begins with the next answer to Join
type phase = int32

const (
	syncing phase = iota // joined, waiting for the assignment: a rebalance shows in Sync's own answer
	settled              // a rebalance asks us to join again
	joining              // our generation may end any moment, by Join's answer: a fenced heartbeat proves nothing
)

// pulse sends the heartbeats of one generation and tells how the membership stands.
//
// Invariant: held ends before the coordinator can expire the member. The lease runs from the moment the last successful heartbeat
// was sent, and it is one heartbeat interval shorter than the session, which is the time that Handler.Lost has.
type pulse struct {
	held context.Context // ends when the membership is gone: ErrFenced, errExpired, or the cause of its parent
	calm context.Context // ends with held, and when the coordinator asks for a rebalance: ErrRebalance

	phase atomic.Int32
	done  context.CancelFunc
	ended sync.WaitGroup
}

// beat starts the heartbeats of a generation. They go on until stop is called, held ends, or life does.
func (m *Member) beat(life context.Context, generation int32, id string) *pulse {
	held, lose := context.WithCancelCause(life)
	calm, disturb := context.WithCancelCause(held)
	p := &pulse{held: held, calm: calm, done: func() { lose(context.Canceled) }}
	p.ended.Go(func() { m.beatLoop(p, lose, disturb, generation, id) })
	return p
}

// stop ends the heartbeats and waits for the one on its way. A pulse that was never started may be stopped too.
func (p *pulse) stop() {
	if p != nil {
		p.done()
		p.ended.Wait()
	}
}

// gone tells why the membership is gone, or nil.
func (p *pulse) gone() error {
	if p == nil {
		return nil
	}
	return context.Cause(p.held)
}

func (m *Member) beatLoop(p *pulse, lose, disturb context.CancelCauseFunc, generation int32, id string) {
	lease := m.cfg.SessionTimeout - m.cfg.HeartbeatInterval
	var renewed time.Time
	renew := func(at time.Time) {
		renewed = at
		m.lease.Store(at.Add(lease).UnixNano())
	}
	renew(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(min(m.cfg.HeartbeatInterval, time.Until(renewed.Add(lease))))
		select {
		case <-p.held.Done():
			return
		case <-timer.C:
		}

		sent, at := time.Now(), p.phase.Load()
		// Three attempts fit into a session, so one lost answer doesn't cost the membership.
		limit := sent.Add(min(m.cfg.SessionTimeout/3, time.Until(renewed.Add(lease))))
		ctx, cancel := context.WithDeadline(p.held, limit)
		err := m.coordinator.Heartbeat(ctx, m.cfg.Group, generation, id, m.cfg.Instance)
		cancel()

		switch {
		case err == nil:
			renew(sent)
			m.outage.over("heartbeat")
		case errors.Is(err, ErrRebalance):
			renew(sent)
			if at == settled {
				disturb(ErrRebalance)
			}
		case errors.Is(err, ErrFenced):
			if p.phase.Load() != joining {
				lose(err)
			}
		case errors.Is(err, ErrRefused):
			lose(err)
		case p.held.Err() == nil:
			m.outage.failed("heartbeat", err)
		}
		if time.Since(renewed) >= lease {
			lose(errExpired)
		}
	}
}

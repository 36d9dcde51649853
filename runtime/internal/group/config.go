package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Handler is the worker's side of a membership. The Member calls it from one goroutine, never twice at a time; while a call lasts
// the heartbeats go on. A call must return soon after its context ends: what ends it is the membership's end, or the worker's.
type Handler interface {
	// Assigned gives tasks that are new to this member. It should start them, not wait until they are restored.
	// Whatever it returns, the tasks count as this member's until Revoked or Lost takes them. An error stops Run
	// (after Revoked and Leave) and is returned by it, unless the context has ended or the error is ErrFenced.
	Assigned(ctx context.Context, tasks []Task) error
	// Revoked takes tasks away: it must finish and commit them before it returns, for then they go to another member.
	// Its context ends after the rebalance timeout (when stopping: the stop timeout), when the coordinator stops waiting.
	// Whatever it returns, the tasks are this member's no more. An error means records that will be processed again: it is
	// logged, or returned by Run when that is stopping.
	Revoked(ctx context.Context, tasks []Task) error
	// Lost says that the membership is gone: the tasks must stop at once, nothing of them may be committed, as another member
	// may have them already. It must not take longer than a heartbeat interval.
	Lost(tasks []Task)
}

// Config says what to join and how. Group, Components and Handler are required.
type Config struct {
	Group    string
	Instance string // static name, unique in the group: a restart within the session timeout moves nothing; empty for a dynamic member
	Address  string // host:port of our web server, told to all who describe the group

	// Topics are all the topics of the components, for Kafka's tools and for the coordinator's own bookkeeping of offsets.
	Topics []string
	// Components returns the components with the current partition counts. The leader asks at each rebalance, and every
	// CheckInterval, to rebalance when counts have changed. Its errors are retried; it must return when its context ends.
	Components func(ctx context.Context) ([]Component, error)
	// Former returns the tasks whose state is on this worker's disk, to get those back rather than others. It is called by Run's
	// goroutine at each join. Nil: none.
	Former func() []Task

	Handler Handler
	Log     *slog.Logger // default slog.Default()

	SessionTimeout    time.Duration // without a heartbeat for so long the coordinator gives our tasks away; default 10 s
	RebalanceTimeout  time.Duration // the longest a rebalance waits for our Revoked; default 60 s
	HeartbeatInterval time.Duration // default 1 s, must be below a third of SessionTimeout
	CheckInterval     time.Duration // between two looks at the partition counts; default 1 min
	StopTimeout       time.Duration // for Revoked and Leave when Run's context ends; default 30 s
}

// withDefaults fills what is zero and checks the rest.
func (c Config) withDefaults() (Config, error) {
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 10*time.Second)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, 60*time.Second)
	c.HeartbeatInterval = cmp.Or(c.HeartbeatInterval, time.Second)
	c.CheckInterval = cmp.Or(c.CheckInterval, time.Minute)
	c.StopTimeout = cmp.Or(c.StopTimeout, 30*time.Second)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Group == "" || c.Handler == nil || c.Components == nil {
		return c, errors.New("join a group: its name, a handler and the components are required; set Group, Handler and Components")
	}
	if c.HeartbeatInterval < 0 || c.HeartbeatInterval >= c.SessionTimeout/3 {
		return c, fmt.Errorf("join group %s: a heartbeat every %v is too rare for a session timeout of %v; send one at least every %v",
			c.Group, c.HeartbeatInterval, c.SessionTimeout, c.SessionTimeout/4)
	}
	if c.RebalanceTimeout < 0 || c.CheckInterval < 0 || c.StopTimeout < 0 {
		return c, fmt.Errorf("join group %s: a timeout is negative; give durations above zero, or zero for the default", c.Group)
	}
	return c, nil
}

package group

import (
	"context"
	"errors"
	"time"
)

// Coordinator is what a Member needs of a broker: the four calls of Kafka's group protocol. Each may be retried, and each must
// return when its context ends. Heartbeat is called while Join or Sync of the same member wait, so it must not queue behind them.
//
// Errors are to wrap ErrRebalance, ErrFenced or ErrRefused where these apply; any other error is taken for an outage and retried.
type Coordinator interface {
	// Join enters the group and waits until the others have joined too: up to their rebalance timeout.
	// Where the broker wants a member id first (MEMBER_ID_REQUIRED), Join takes it and asks again by itself.
	Join(ctx context.Context, r JoinRequest) (JoinResponse, error)
	// Sync hands over the assignments, if the member leads, and waits for the member's own.
	Sync(ctx context.Context, r SyncRequest) ([]byte, error)
	Heartbeat(ctx context.Context, group string, generation int32, member, instance string) error
	Leave(ctx context.Context, group, member, instance string) error
}

// JoinRequest is JoinGroup with one protocol. Member is empty the first time, Instance for dynamic members.
type JoinRequest struct {
	Group, Member, Instance          string
	ProtocolType, Protocol           string
	Metadata                         []byte
	SessionTimeout, RebalanceTimeout time.Duration
}

// JoinResponse is its answer. Members is filled for the leader only.
type JoinResponse struct {
	Generation               int32
	Member, Leader, Protocol string
	Members                  []JoinedMember
}

// JoinedMember is one member as the leader gets to see it.
type JoinedMember struct {
	ID, Instance string
	Metadata     []byte
}

// SyncRequest is SyncGroup. Assignments, by member id, is filled by the leader only.
type SyncRequest struct {
	Group, Member, Instance string
	Generation              int32
	ProtocolType, Protocol  string
	Assignments             map[string][]byte
}

var (
	// ErrRebalance: the group is rebalancing, join again (REBALANCE_IN_PROGRESS).
	ErrRebalance = errors.New("the group is rebalancing")
	// ErrFenced: this membership is over, another may begin (UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION).
	ErrFenced = errors.New("the group has gone on without this member")
	// ErrRefused: the coordinator will never let us in like this (FENCED_INSTANCE_ID: a newer process has our instance name;
	// INCONSISTENT_GROUP_PROTOCOL, INVALID_SESSION_TIMEOUT, GROUP_AUTHORIZATION_FAILED, GROUP_MAX_SIZE_REACHED).
	ErrRefused = errors.New("the group coordinator refuses this member")
	// ErrAbandon as the cause of Run's context makes Run return as if the process had been killed.
	ErrAbandon = errors.New("the member is abandoned as by a kill")

	// errExpired: no heartbeat got through for so long that the coordinator may have given our tasks away.
	errExpired = errors.New("the group's session ran out without a heartbeat getting through")
)

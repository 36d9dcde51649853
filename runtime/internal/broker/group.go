package broker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// JoinRequest asks to become, or to stay, a member of a group.
type JoinRequest struct {
	Group    string
	Member   string // as the last join answered, "" at first
	Instance string // "" for a member without a fixed identity
	// ProtocolType and Protocol are the same in all members of the group.
	ProtocolType, Protocol string
	Metadata               []byte // for the leader
	// SessionTimeout is after how long without a heartbeat the member is expelled, RebalanceTimeout how long a join waits for the others.
	SessionTimeout, RebalanceTimeout time.Duration
}

// JoinResponse is a generation of the group.
type JoinResponse struct {
	Generation     int32
	Member, Leader string // member ids, of this member and of the one that assigns
	Protocol       string
	Members        []JoinedMember // in the leader's answer only
}

// JoinedMember is a member as the leader sees it.
type JoinedMember struct {
	ID, Instance string
	Metadata     []byte
}

// JoinGroup joins, and waits for the other members: up to RebalanceTimeout. A new member's id is asked for on the way. The heartbeats of
// the same member may be sent meanwhile: they use a connection of their own. Errors: ErrFenced when Member is not known any more
// (join again without it), ErrDenied and other codes.
func (c *Client) JoinGroup(ctx context.Context, q JoinRequest) (JoinResponse, error) {
	var joined JoinResponse
	err := c.coordinate(ctx, q.Group, "join group", func(ctx context.Context, node int32) (err error) {
		joined, err = c.joinGroup(ctx, node, &q)
		if errors.Is(err, codeMemberIDRequired) && joined.Member != "" {
			q.Member = joined.Member
			joined, err = c.joinGroup(ctx, node, &q)
		}
		return err
	})
	return joined, err
}

func (c *Client) joinGroup(ctx context.Context, node int32, q *JoinRequest) (j JoinResponse, err error) {
	b := apiJoinGroup.begin(nil, c.clientID)
	b = putString(b, q.Group)
	b = putInt32(b, int32(q.SessionTimeout.Milliseconds()))
	b = putInt32(b, int32(q.RebalanceTimeout.Milliseconds()))
	b = putString(b, q.Member)
	b = putOptional(b, q.Instance)
	b = putString(b, q.ProtocolType)
	b = putInt32(b, 1)
	b = putString(b, q.Protocol)
	b = putBytes(b, q.Metadata)
	x := &exchange{api: apiJoinGroup, node: node, request: end(b), timeout: q.RebalanceTimeout + callTimeout}
	if err := c.run(ctx, x); err != nil {
		return j, err
	}
	r := reader{b: x.response}
	r.int32() // throttle_time_ms
	code := r.code()
	j.Generation = r.int32()
	j.Protocol, j.Leader, j.Member = r.string(), r.string(), r.string()
	for range r.count() {
		j.Members = append(j.Members, JoinedMember{ID: r.string(), Instance: r.string(), Metadata: r.copied()})
	}
	if code != 0 {
		return j, code
	}
	return j, r.error()
}

// Assignment is what the leader has for one member.
type Assignment struct {
	Member string
	Bytes  []byte
}

// SyncGroup hands the leader's assignments in (nil from the others) and returns the member's own. It waits for the leader.
func (c *Client) SyncGroup(ctx context.Context, group string, generation int32, member, instance string, assignments []Assignment) ([]byte, error) {
	var mine []byte
	err := c.coordinate(ctx, group, "sync group", func(ctx context.Context, node int32) error {
		b := c.beginMember(apiSyncGroup, group, generation, member, instance)
		b = putInt32(b, int32(len(assignments)))
		for _, a := range assignments {
			b = putString(b, a.Member)
			b = putBytes(b, a.Bytes)
		}
		x := &exchange{api: apiSyncGroup, node: node, request: end(b), timeout: 2 * callTimeout}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		if code := r.code(); code != 0 {
			return code
		}
		mine = r.copied()
		return r.error()
	})
	return mine, err
}

// Heartbeat keeps the membership. It returns ErrRebalance when a new generation is being formed, ErrFenced when this member is out.
func (c *Client) Heartbeat(ctx context.Context, group string, generation int32, member, instance string) error {
	return c.coordinate(ctx, group, "heartbeat", func(ctx context.Context, node int32) error {
		x := &exchange{api: apiHeartbeat, node: node, request: end(c.beginMember(apiHeartbeat, group, generation, member, instance))}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		if code := r.code(); code != 0 {
			return code
		}
		return r.error()
	})
}

// LeaveGroup ends the membership at once; the group forms a new generation. A member that is out already is no error.
func (c *Client) LeaveGroup(ctx context.Context, group, member, instance string) error {
	return c.coordinate(ctx, group, "leave group", func(ctx context.Context, node int32) error {
		b := apiLeaveGroup.begin(nil, c.clientID)
		b = putString(b, group)
		b = putInt32(b, 1)
		b = putString(b, member)
		b = putOptional(b, instance)
		x := &exchange{api: apiLeaveGroup, node: node, request: end(b)}
		if err := c.run(ctx, x); err != nil {
			return err
		}
		r := reader{b: x.response}
		r.int32() // throttle_time_ms
		code := r.code()
		for range r.count() {
			r.raw() // member_id
			r.raw() // group_instance_id
			if of := r.code(); code == 0 {
				code = of
			}
		}
		if code != 0 && code != codeUnknownMember {
			return code
		}
		return r.error()
	})
}

// beginMember starts the requests that open with a member of a generation.
func (c *Client) beginMember(a api, group string, generation int32, member, instance string) []byte {
	b := a.begin(nil, c.clientID)
	b = putString(b, group)
	b = putInt32(b, generation)
	b = putString(b, member)
	return putOptional(b, instance)
}

// coordinate runs f against the group's coordinator, which is remembered, until f succeeds, fails for good or ctx ends.
func (c *Client) coordinate(ctx context.Context, group, doing string, f func(ctx context.Context, node int32) error) error {
	return c.retry(ctx, fmt.Sprintf("%s of group %q", doing, group), func(ctx context.Context) error {
		c.mu.Lock()
		node, ok := c.coordinators[group]
		c.mu.Unlock()
		if !ok {
			var err error
			if node, err = c.findCoordinator(ctx, group); err != nil {
				return err
			}
		}
		err := f(ctx, node)
		var code Code
		if err != nil && (!errors.As(err, &code) || code.coordinatorMoved()) {
			c.mu.Lock()
			delete(c.coordinators, group)
			c.mu.Unlock()
		}
		return err
	})
}

func (c *Client) findCoordinator(ctx context.Context, group string) (int32, error) {
	b := apiFindCoordinator.begin(nil, c.clientID)
	b = putString(b, group)
	b = putInt8(b, 0) // key_type: group
	x := &exchange{api: apiFindCoordinator, node: anyNode, request: end(b), timeout: metadataTimeout}
	if err := c.run(ctx, x); err != nil {
		return anyNode, err
	}
	r := reader{b: x.response}
	r.int32() // throttle_time_ms
	code := r.code()
	r.raw() // error_message
	node := r.int32()
	if code != 0 {
		return anyNode, code
	}
	if r.bad {
		return anyNode, r.error()
	}
	c.mu.Lock()
	c.coordinators[group] = node
	c.mu.Unlock()
	return node, nil
}

package devbroker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// gate is a listener that lets nobody in before open is called, except through dial, so that the broker can be repaired
// before it serves. Clients that connect early wait in the queue of the listener behind it.
type gate struct {
	net.Listener
	log       *slog.Logger
	inside    chan net.Conn
	opened    chan struct{}
	closed    chan struct{}
	closeOnce sync.Once
}

func newGate(l net.Listener, log *slog.Logger) *gate {
	return &gate{Listener: l, log: log, inside: make(chan net.Conn), opened: make(chan struct{}), closed: make(chan struct{})}
}

// open lets clients in. It is called once.
func (g *gate) open() { close(g.opened) }

// dial connects to the broker from inside, before the gate is open.
func (g *gate) dial(ctx context.Context) (net.Conn, error) {
	server, client := net.Pipe()
	select {
	case g.inside <- server:
		return client, nil
	case <-g.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// acceptPause is the wait after a connection could not be accepted, for want of file descriptors as a rule.
const acceptPause = 50 * time.Millisecond

// Accept implements net.Listener. kfake stops serving at the first error, so it gets one only after Close.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case <-g.opened:
	case conn := <-g.inside:
		return conn, nil
	case <-g.closed:
		return nil, net.ErrClosed
	}
	for {
		conn, err := g.Listener.Accept()
		if err == nil {
			return &guarded{Conn: conn, log: g.log, closed: make(chan struct{})}, nil
		}
		select {
		case <-g.closed:
			return nil, err
		case <-time.After(acceptPause):
			g.log.Warn("broker cannot accept a connection", "err", err)
		}
	}
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.closeOnce.Do(func() { close(g.closed) }) // first, so that Accept knows why it fails
	return g.Listener.Close()
}

// maxRequest is the largest request taken, in bytes, as in Kafka.
const maxRequest = 100 << 20

var errNotKafka = errors.New("not the Kafka protocol")

// guarded closes a connection whose bytes are no Kafka requests. kfake would allocate whatever size a stray client
// announces, and end the process at a request it has no name for.
type guarded struct {
	net.Conn
	log  *slog.Logger
	head [6]byte // size and key of the request at hand
	have int     // bytes of head seen
	left int     // bytes of the request still to come after its head
	err  error

	member    atomic.Bool // a JoinGroup or SyncGroup has come this way
	closed    chan struct{}
	closeOnce sync.Once
}

// linger is how long kfake does not hear that a member's connection has ended. A member whose answer to JoinGroup or SyncGroup can't be
// delivered would otherwise stay in its group for ever: kfake begins to watch for its heartbeats after the delivery only. It is more than
// the rebalance timeout after which a rebalance ends without those who are missing.
const linger = 2 * time.Minute

// Read implements net.Conn. It is called by one goroutine at a time.
func (c *guarded) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(p)
	if err != nil && c.member.Load() {
		select {
		case <-c.closed:
		case <-time.After(linger):
		}
	}
	if c.err = c.check(p[:n]); c.err != nil {
		c.log.Warn("broker closes a connection", "from", c.RemoteAddr().String(), "err", c.err)
		return 0, c.err
	}
	return n, err
}

// Write implements net.Conn. What is for a member that has gone counts as delivered, as in Kafka, where nobody waits for it either.
func (c *guarded) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && c.member.Load() {
		return len(p), nil
	}
	return n, err
}

// Close implements net.Conn.
func (c *guarded) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *guarded) check(b []byte) error {
	for len(b) > 0 {
		if c.have == len(c.head) {
			skip := min(c.left, len(b))
			b, c.left = b[skip:], c.left-skip
			if c.left == 0 {
				c.have = 0
			}
			continue
		}
		n := copy(c.head[c.have:], b)
		if c.have < 4 {
			n = min(n, 4-c.have)
		}
		b, c.have = b[n:], c.have+n
		switch c.have {
		case 4:
			// A request has at least key, version, correlation id.
			if size := binary.BigEndian.Uint32(c.head[:]); size < 8 || size > maxRequest {
				return fmt.Errorf("%w: a request of %d bytes", errNotKafka, size)
			}
		case 6:
			key := kmsg.Key(binary.BigEndian.Uint16(c.head[4:]))
			if kmsg.RequestForKey(key.Int16()) == nil {
				return fmt.Errorf("%w: a request of unknown kind %d", errNotKafka, key)
			}
			if key == kmsg.JoinGroup || key == kmsg.SyncGroup {
				c.member.Store(true)
			}
			c.left = int(binary.BigEndian.Uint32(c.head[:])) - 2
		}
	}
	return nil
}

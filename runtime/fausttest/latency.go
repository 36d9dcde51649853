package fausttest

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// Latency makes everything that the workers read from the network arrive d later, in virtual time. Without it the broker answers in no
// time at all, and nothing ever happens between a request and its answer: a kill in the middle of a commit, for one.
func Latency(d time.Duration) Option { return func(s *setup) { s.latency = d } }

// Disconnect cuts all connections of the workers, to the broker and to one another. What was under way is lost, in one direction or the
// other; new connections can be made at once.
func (d *Driver) Disconnect() {
	d.t.Helper()
	d.flush()
	d.conns.mu.Lock()
	defer d.conns.mu.Unlock()
	for c := range d.conns.open {
		_ = c.Conn.Close() // whoever uses it finds out
	}
}

// conns are the open connections of the workers.
type conns struct {
	mu   sync.Mutex
	open map[*workerConn]bool
}

// closeAll closes what the workers have left open: kafka-go closes a connection in use only when its answer has come.
func (c *conns) closeAll() {
	c.mu.Lock()
	open := slices.Collect(maps.Keys(c.open))
	c.mu.Unlock()
	for _, conn := range open {
		_ = conn.Close() // it is of no use to anyone
	}
}

// dial connects a worker.
func (d *Driver) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.network.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &workerConn{Conn: conn, conns: &d.conns, latency: d.setup.latency, closed: make(chan struct{})}
	d.conns.mu.Lock()
	defer d.conns.mu.Unlock()
	d.conns.open[c] = true
	return c, nil
}

// workerConn is one connection of a worker.
type workerConn struct {
	net.Conn
	conns   *conns
	latency time.Duration
	closed  chan struct{}
	once    sync.Once
}

// Read implements net.Conn.
func (c *workerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.latency > 0 {
		select {
		case <-time.After(c.latency):
		case <-c.closed: // nobody waits any more
		}
	}
	return n, err
}

// Close implements net.Conn.
func (c *workerConn) Close() error {
	c.conns.mu.Lock()
	delete(c.conns.open, c)
	c.conns.mu.Unlock()
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

package fausttest

import (
	"context"
	"net"
	"time"
)

// Latency makes everything that the workers read from the network arrive d later, in virtual time. Without it the broker answers in no
// time at all, and nothing ever happens between a request and its answer: a kill in the middle of a commit, for one.
func Latency(d time.Duration) Option { return func(s *setup) { s.latency = d } }

// dial connects a worker.
func (d *Driver) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.network.DialContext(ctx, network, addr)
	if err != nil || d.setup.latency == 0 {
		return conn, err
	}
	return slowConn{conn, d.setup.latency}, nil
}

type slowConn struct {
	net.Conn
	latency time.Duration
}

func (c slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	time.Sleep(c.latency)
	return n, err
}

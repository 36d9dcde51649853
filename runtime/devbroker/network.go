package devbroker

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Network is a network inside the process, without sockets, for broker and clients in a testing/synctest bubble: a
// goroutine that waits for it lets virtual time go on. It knows the hosts localhost and 127.0.0.1.
//
//	network := devbroker.Virtual()
//	broker, err := devbroker.Start(ctx, devbroker.Config{ListenFn: network.Listen})
//	transport := &kafka.Transport{Dial: network.DialContext}
type Network struct {
	virtual kfake.VirtualNetwork

	mu   sync.Mutex
	next int // the port that port 0 gets next
}

// firstPort is where the ports given for port 0 begin.
const firstPort = 20000

// Virtual returns a network on which nobody listens yet. Its methods may be called by several goroutines at once.
func Virtual() *Network { return &Network{next: firstPort} }

// Listen opens a listener on host:port; port 0 gives one that no Listen gave before. It fits Config.ListenFn.
func (n *Network) Listen(network, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port == "0" {
		n.mu.Lock()
		address = net.JoinHostPort(host, strconv.Itoa(n.next))
		n.next++
		n.mu.Unlock()
	}
	l, err := n.virtual.Listen(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	return l, nil
}

// DialContext connects to a listener of this network, or returns an error at once when there is none.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := n.virtual.DialContext(ctx, network, address)
	if err != nil && !errors.Is(err, ctx.Err()) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return conn, err
}

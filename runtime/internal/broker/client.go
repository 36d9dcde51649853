package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config says how to reach a cluster.
type Config struct {
	// Addrs are host:port of some of the cluster's brokers; the others are found through them.
	Addrs []string
	// ClientID is shown in the brokers' logs, metrics and quotas; default "faust".
	ClientID string
	// Dial opens a connection; default net.Dialer with a timeout of 3 s.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS and SASL are off when nil.
	TLS  *tls.Config
	SASL sasl.Mechanism
	// Log is where outages are told; default slog.Default().
	Log *slog.Logger
}

// Client is one connection pool to one cluster. All its methods may be called concurrently.
type Client struct {
	transport *kafka.Transport
	addr      net.Addr
	addrs     string // for messages
	clientID  string
	log       *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	gate   sync.Mutex // guards closed, and calls.Add against Close's Wait
	closed bool
	calls  sync.WaitGroup

	mu           sync.Mutex
	brokers      map[int32]string // as last seen in metadata
	controller   int32
	clusterID    string
	coordinators map[string]int32 // by group
}

// Open makes a client. It does not connect: the first call does, see WaitReady.
func Open(config Config) *Client {
	c := &Client{
		clientID:     config.ClientID,
		log:          config.Log,
		addr:         kafka.TCP(config.Addrs...),
		addrs:        strings.Join(config.Addrs, ", "),
		controller:   anyNode,
		coordinators: make(map[string]int32),
	}
	if c.clientID == "" {
		c.clientID = "faust"
	}
	if c.log == nil {
		c.log = slog.Default()
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.transport = &kafka.Transport{
		Dial:     config.Dial,
		ClientID: c.clientID,
		TLS:      config.TLS,
		SASL:     config.SASL,
		Context:  c.ctx,
		// Empty, not nil: the Transport only needs the brokers, and would otherwise ask for all topics of the cluster.
		MetadataTopics: []string{},
		MetadataTTL:    15 * time.Second,
	}
	return c
}

// Close ends calls in flight with ErrClosed and closes the connections. Fetchers and producers are to be stopped before.
func (c *Client) Close() {
	c.gate.Lock()
	c.closed = true
	c.gate.Unlock()
	c.cancel()
	c.calls.Wait()
	c.transport.CloseIdleConnections()
}

// enter counts a call in; calls.Done counts it out. It is false after Close: the Transport would open connections again.
func (c *Client) enter() bool {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.closed {
		return false
	}
	c.calls.Add(1)
	return true
}

// Ping asks a broker for its metadata, once.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.metadata(ctx, []string{})
	return err
}

// WaitReady returns when a broker answers, or with an error when ctx ends. It tells the log every 10 s what it waits for.
func (c *Client) WaitReady(ctx context.Context) error {
	var said time.Time
	for try := 0; ; try++ {
		err := c.Ping(ctx)
		if err == nil {
			if !said.IsZero() {
				c.log.Info("broker answers", "addrs", c.addrs)
			}
			return nil
		}
		if final(err) {
			return fmt.Errorf("reach a broker at %s: %w", c.addrs, err)
		}
		if now := time.Now(); now.Sub(said) >= 10*time.Second {
			said = now
			c.log.Warn("waiting for a broker", "addrs", c.addrs, "err", err)
		}
		if !pause(ctx, c.ctx, try) {
			return fmt.Errorf("wait for a broker at %s: %w (last: %w)", c.addrs, c.ended(ctx), err)
		}
	}
}

// ClusterID is the id that the cluster was formatted with.
func (c *Client) ClusterID(ctx context.Context) (string, error) {
	if err := c.retry(ctx, "cluster id", c.Ping); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clusterID, nil
}

// ended is why nothing is tried any more.
func (c *Client) ended(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return ErrClosed
}

// Package devbroker is the development broker: a Kafka broker inside the process, for trying an application on a machine
// that has nothing but Go, and for tests. It speaks Kafka's protocol over TCP (or over a virtual network), so that any
// Kafka client can look at it. It is kfake, of which this package is the only importer, with a directory, a door and repairs.
//
// With a directory, topics, records, committed offsets and producer ids are there again after Close and Start, and also
// after the process was killed: each produced batch is written to a file before it is acknowledged. It is not flushed to
// the device, so a power failure may lose the latest batches.
//
// What it is not, compared with a Kafka cluster:
//   - It replicates nothing. Several brokers (Config.Brokers) are several doors to one store.
//   - It neither compacts topics nor applies retention by itself: what is produced stays, in order and whole, until the
//     topic or the directory is deleted. (kfake's own cleaning knows no min.compaction.lag.ms and would apply the time
//     limit of retention to compacted topics too, so it is switched off. Cluster().Compact and ApplyRetention run it once.)
//     Committed offsets do not expire either.
//   - It takes any topic setting without looking at it, and returns it when asked.
//   - A topic exists only after it has been created; producing to an unknown one does not create it.
//   - The first member of a group is not made to wait for others (group.initial.rebalance.delay.ms is 0).
//   - A transaction that is being ended at the very moment of a kill may be committed in one partition and aborted in
//     another. One that is merely open is aborted as a whole when the broker starts again.
//   - It has no encryption, no passwords and no access control: anyone who reaches the address may do anything.
//
// In memory it keeps some 100 bytes per batch and, without a directory, the records as they were sent.
//
// What runs: kfake's goroutines, from Start until Close. This package starts none.
package devbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// DefaultListen is where the broker listens if nothing else is said: the port that Kafka clients expect.
const DefaultListen = "127.0.0.1:9092"

// DefaultPartitions is what a topic gets that is created without saying how many.
const DefaultPartitions = 8

// clusterID is what clients see as the id of the cluster.
const clusterID = "faustgen-development"

// ErrInUse says that another broker uses the directory.
var ErrInUse = errors.New("another broker uses it")

// Config says where the broker listens and keeps its data. The zero value is a broker in memory on DefaultListen.
type Config struct {
	// Listen is the address, host:port. Clients are told this host, so it must be one they can reach, not 0.0.0.0.
	// Port 0 takes a free one, which Addr tells. Further brokers listen on the ports that follow. Default: DefaultListen.
	Listen string
	// DataDir is the directory of topics, records and offsets, created if need be. Default "": all is in memory and
	// gone after Close.
	DataDir string
	// Log receives the line "broker listening" and what goes wrong. Default: nothing is logged.
	Log *slog.Logger
	// ListenFn opens a listener. Default: net.Listen. See Network for one without sockets.
	ListenFn func(network, address string) (net.Listener, error)
	// Brokers is how many brokers the cluster shows. Default: 1.
	Brokers int
}

// Broker is a running development broker. Its methods may be called by several goroutines at once.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	log     *logger
	release func() error

	closeOnce sync.Once
	closeErr  error
}

// Start starts a broker and returns when it serves; ctx bounds the start, not the life of the broker, which ends with Close.
// It goes on with what it finds in the directory; that takes about as long as reading its files.
// A port that is taken, a directory in use by another broker, and files that cannot be read are errors that say so.
func Start(ctx context.Context, c Config) (*Broker, error) {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.ListenFn == nil {
		c.ListenFn = net.Listen
	}
	c.Brokers = max(c.Brokers, 1)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	host, ports, err := splitListen(c.Listen, c.Brokers)
	if err != nil {
		return nil, err
	}
	release, err := openDir(c.DataDir)
	if err != nil {
		return nil, err
	}
	b, err := startCluster(ctx, c, host, ports)
	if err != nil {
		return nil, errors.Join(err, release())
	}
	b.release = release
	c.Log.Info("broker listening", "addr", b.addr)
	return b, nil
}

// startCluster runs the cluster behind closed doors, repairs what a kill has left, and opens the doors.
func startCluster(ctx context.Context, c Config, host string, ports []int) (*Broker, error) {
	open, err := findOpenTransactions(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("start broker on %s: %w", c.DataDir, err)
	}
	log := &logger{log: c.Log}
	var gates []*gate // in the order of the brokers: kfake opens its listeners one after the other
	listen := func(network, address string) (net.Listener, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		address = net.JoinHostPort(host, port)
		l, err := c.ListenFn(network, address)
		if err != nil {
			return nil, listenError(address, err)
		}
		g := newGate(l, c.Log)
		gates = append(gates, g)
		return g, nil
	}
	cluster, err := kfake.NewCluster(options(c.DataDir, ports, listen, log)...)
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b := &Broker{cluster: cluster, addr: gates[0].Addr().String(), log: log}
	if err := abortTransactions(ctx, cluster, gates, open); err != nil {
		cluster.Close()
		return nil, fmt.Errorf("start broker on %s: abort the transactions left open: %w", c.DataDir, err)
	}
	if len(open) > 0 {
		c.Log.Info("broker aborted transactions left open", "partitions", len(open))
	}
	for _, g := range gates {
		g.open()
	}
	return b, nil
}

// never is ten years in milliseconds: later than any use of a development broker.
const never = "315360000000"

func options(dir string, ports []int, listen func(string, string) (net.Listener, error), log kfake.Logger) []kfake.Opt {
	o := []kfake.Opt{
		kfake.ClusterID(clusterID),
		kfake.Ports(ports...),
		kfake.ListenFn(listen),
		kfake.WithLogger(log),
		kfake.DefaultNumPartitions(DefaultPartitions),
		kfake.BrokerConfigs(map[string]string{
			"log.cleaner.backoff.ms": never,
			"offset.retention.ms":    never,
		}),
	}
	if dir != "" {
		o = append(o, kfake.DataDir(dir))
	}
	return o
}

// Addr is the address, host:port, of the first broker: what clients are given to begin with.
func (b *Broker) Addr() string { return b.addr }

// Cluster is the kfake cluster within, for tests that look into groups and partitions, inject faults or move leaders.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// Close closes all connections, writes what is not on disk yet, and gives back port and directory.
// A second Close returns what the first did.
func (b *Broker) Close() error {
	b.closeOnce.Do(func() {
		b.log.beginClose()
		b.cluster.Close()
		b.closeErr = errors.Join(b.log.closeError(), b.release())
	})
	return b.closeErr
}

// splitListen returns the host and the port of each broker.
func splitListen(listen string, brokers int) (host string, ports []int, err error) {
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return "", nil, fmt.Errorf("broker address %q: %w; write host:port, for example %s", listen, err, DefaultListen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "", nil, fmt.Errorf("broker address %q: clients are told this host and cannot reach it; name one, for example %s", listen, DefaultListen)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return "", nil, fmt.Errorf("broker address %q: the port is not a number from 0 to 65535", listen)
	}
	for i := range brokers {
		next := int(port)
		if port > 0 {
			next += i
		}
		ports = append(ports, next)
	}
	return host, ports, nil
}

func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s: %w: another program uses the port; choose another with --broker embedded://127.0.0.1:PORT (0 for a free one), "+
			"or use the broker that runs there with --broker %s", address, err, address)
	}
	return fmt.Errorf("listen on %s: %w; choose another address with --broker embedded://HOST:PORT", address, err)
}

// openDir creates the directory and holds it until release is called.
func openDir(dir string) (release func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create broker directory %s: %w; name a directory that can be written", dir, err)
	}
	release, err = lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("broker directory %s: %w; give each broker a directory of its own", dir, err)
	}
	return release, nil
}

// Package fausttest runs an application in a test: the real worker against the development broker, on a network inside the process, in a
// testing/synctest bubble. So nothing is mocked, nothing needs a port, and time is virtual: an hour of windows passes in milliseconds.
//
//	fausttest.Run(t, Faust(), func(t *testing.T, d *fausttest.Driver) {
//		d.Send("orders", "p1", Order{AccountID: "ann", Amount: 1})
//		d.Kill()
//		if got := fausttest.Table[string, int64](d, "order_count"); got["ann"] != 1 {
//			t.Errorf("ann has %d orders, want 1", got["ann"])
//		}
//	})
//
// It is no simulation of Kafka: the broker replicates nothing and applies no retention (see package devbroker), and what only a real
// cluster does needs a test there.
//
// The bubble's clock starts at midnight UTC, 2000-01-01, and stands still while any goroutine can run. In the function given to Run,
// time.Sleep and time.Now are virtual; t.Run, t.Parallel and t.Deadline may not be used, and goroutines that it starts must have ended
// when it returns.
//
// Who owns what runs: Run owns the broker, its clients and the goroutine of each worker, and ends them before it returns. A Driver
// belongs to the goroutine of the function given to Run.
package fausttest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
	"github.com/faustgen/faustgen/runtime/devbroker"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Option is a choice for one Run.
type Option func(*setup)

// setup is what the options add up to.
type setup struct {
	worker   []faust.Option
	workers  int
	topics   []declared
	logLevel slog.Level
	latency  time.Duration
}

// declared is a topic that exists before the first worker starts.
type declared struct {
	name       string
	partitions int32
	settings   map[string]string
}

// Worker gives every worker, and every query, these options besides those that Run itself sets: broker, data directory, web address,
// network and log.
func Worker(opts ...faust.Option) Option {
	return func(s *setup) { s.worker = append(s.worker, opts...) }
}

// Begin says how many workers run at the beginning. Default 1. With 0 the topics can be filled before any worker reads them.
func Begin(workers int) Option { return func(s *setup) { s.workers = workers } }

// Topic creates a topic before the first worker starts, with the settings given as name and value in turn. Without it the workers create
// what is declared, and Run what is declared external.
func Topic(name string, partitions int, settings ...string) Option {
	return func(s *setup) {
		d := declared{name: name, partitions: int32(partitions), settings: map[string]string{}}
		for i := 0; i+1 < len(settings); i += 2 {
			d.settings[settings[i]] = settings[i+1]
		}
		s.topics = append(s.topics, d)
	}
}

// LogLevel is from which level on the workers' and the broker's log is written to the test's. Default slog.LevelInfo.
func LogLevel(level slog.Level) Option { return func(s *setup) { s.logLevel = level } }

// Driver is the application in the hands of one test. Its methods fail the test by themselves, at once. What concerns time is virtual.
type Driver struct {
	t       testing.TB
	app     *faust.App
	setup   setup
	log     *slog.Logger
	dir     string // of the workers' data directories
	network *devbroker.Network
	broker  *devbroker.Broker
	group   string
	topics  map[string]faust.TopicUse // by name on the broker

	workers  []*worker // by number; stopped ones stay in their place
	failures []error   // of workers, which nobody has asked for yet

	conns    conns // of the workers
	producer *kgo.Client
	sent     int

	// How Settle sees the topics that agents read.
	tails      map[topicPartition]*tail
	news       int64         // the sum of the offsets after the last records that are news
	quietSince time.Time     // when it last changed
	quietTime  time.Duration // how long it must not change
}

// Run runs app with one worker and calls f. Then it stops the workers cleanly. A worker that ends with an error fails the test with it,
// unless Failure has asked for it.
func Run(t *testing.T, app *faust.App, f func(t *testing.T, d *Driver), opts ...Option) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newDriver(t, app, dir, opts)
		defer d.close()
		d.Workers(d.setup.workers)
		f(t, d)
		d.Workers(0)
		d.noFailure()
	})
}

func newDriver(t testing.TB, app *faust.App, dir string, opts []Option) *Driver {
	t.Helper()
	d := &Driver{t: t, app: app, dir: dir, network: devbroker.Virtual(), setup: setup{workers: 1}, topics: map[string]faust.TopicUse{},
		tails: map[topicPartition]*tail{}, conns: conns{open: map[*workerConn]bool{}}}
	for _, o := range opts {
		o(&d.setup)
	}
	d.log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: d.setup.logLevel}))
	var err error
	d.broker, err = devbroker.Start(t.Context(), devbroker.Config{ListenFn: d.network.Listen, Log: d.log})
	if err != nil {
		t.Fatalf("fausttest: %v", err)
	}
	for _, c := range d.setup.topics {
		if err == nil {
			err = d.broker.Cluster().CreateTopic(c.name, c.partitions, c.settings)
		}
	}
	if err == nil {
		err = d.adopt()
	}
	if err != nil {
		d.close()
		t.Fatalf("fausttest: %v", err)
	}
	return d
}

// adopt reads what the application declares and creates the topics that no worker would.
func (d *Driver) adopt() (err error) {
	d.quietTime = 0
	if windowsBehindGroupBy(d.app.Spec()) {
		d.quietTime = quietTime
	}
	if d.group, err = d.app.Group(d.Options()...); err != nil {
		return err
	}
	uses, err := d.app.Topology(d.Options()...)
	if err != nil {
		return err
	}
	for _, u := range uses {
		d.topics[u.Name] = u
		if u.Spec != nil && u.Spec.External {
			if err := d.create(u); err != nil {
				return err
			}
		}
	}
	return nil
}

// create creates a topic of the application unless it exists.
func (d *Driver) create(u faust.TopicUse) error {
	if d.broker.Cluster().TopicInfo(u.Name) != nil {
		return nil
	}
	n := u.Partitions
	if n == 0 {
		n = devbroker.DefaultPartitions
	}
	if err := d.broker.Cluster().CreateTopic(u.Name, int32(n), u.Settings); err != nil {
		return fmt.Errorf("create topic %s: %w", u.Name, err)
	}
	return nil
}

// close ends everything, whatever state the test has left it in.
func (d *Driver) close() {
	d.end(faust.ErrKill, d.running()...)
	d.conns.closeAll()
	if d.producer != nil {
		d.producer.Close()
	}
	if err := d.broker.Close(); err != nil {
		d.t.Errorf("fausttest: close the broker: %v", err)
	}
}

// Options are what a client of the application needs to reach this broker and its workers: for App.RunCommand, App.Query, NewClient and
// NewQueries.
func (d *Driver) Options() []faust.Option {
	return append([]faust.Option{faust.Broker(d.addr()), faust.Dialer(d.dial), faust.Listener(d.network.Listen), faust.Logger(d.log)},
		d.setup.worker...)
}

func (d *Driver) addr() string { return d.broker.Addr() }

// Broker is the development broker, for tests that look into its groups and topics or let it fail.
func (d *Driver) Broker() *devbroker.Broker { return d.broker }

// Advance lets virtual time pass. What falls due meanwhile has been done when it returns.
func (d *Driver) Advance(wall time.Duration) {
	d.t.Helper()
	d.flush()
	time.Sleep(wall)
	synctest.Wait()
	d.noFailure()
}

// fatal fails the test.
func (d *Driver) fatal(format string, args ...any) {
	d.t.Helper()
	d.t.Fatalf("fausttest: "+format, args...)
}

// client opens a Kafka client on the driver's network.
func (d *Driver) client(opts ...kgo.Opt) *kgo.Client {
	d.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(d.addr()), kgo.Dialer(d.network.DialContext), kgo.DisableClientMetrics(),
		kgo.MetadataMinAge(20 * time.Millisecond), kgo.WithDecompressor(newDecompressor())}, opts...)...)
	if err != nil {
		d.fatal("%v", err)
	}
	return c
}

// dataDir is the data directory of one worker.
func (d *Driver) dataDir(number int) string {
	return filepath.Join(d.dir, fmt.Sprintf("worker%d", number))
}

// bounded is a context that ends after a generous stretch of virtual time, so that what hangs fails the test.
func (d *Driver) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(d.t.Context(), patience)
}

// patience is how long, in virtual time, the driver waits for anything.
const patience = 5 * time.Minute

func (d *Driver) wipe(number int) {
	d.t.Helper()
	if err := os.RemoveAll(d.dataDir(number)); err != nil {
		d.fatal("%v", err)
	}
}

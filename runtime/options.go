package faust

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"
)

// Option is a choice for one run of a worker or client: one per flag of the worker's command line, with the same default.
type Option func(*config) error

// config is what the options add up to.
type config struct {
	brokers        []string
	dataDir        string
	web            string
	advertise      string
	commitInterval time.Duration
	guarantee      string
	instanceID     string
	appID          string
	topics         map[string]string
	topicPrefix    string
	exitAfterIdle  time.Duration
	log            *slog.Logger
	dial           func(ctx context.Context, network, addr string) (net.Conn, error)
	listen         func(network, addr string) (net.Listener, error)
	sessionTimeout time.Duration
}

func newConfig(opts []Option) (*config, error) {
	c := &config{brokers: []string{"localhost:9092"}, topics: map[string]string{}, log: slog.Default(), listen: net.Listen}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Broker names some of the cluster's brokers, host:port each; separated by commas, or one argument each. Default localhost:9092.
func Broker(addrs ...string) Option {
	return func(c *config) error {
		c.brokers = nil
		for _, a := range addrs {
			for one := range strings.SplitSeq(a, ",") {
				if one = strings.TrimSpace(one); one == "" {
					continue
				}
				if _, _, err := net.SplitHostPort(one); err != nil {
					return fmt.Errorf("broker %q: %w; write host:port", one, err)
				}
				c.brokers = append(c.brokers, one)
			}
		}
		if len(c.brokers) == 0 {
			return fmt.Errorf("no broker given; write host:port")
		}
		return nil
	}
}

// DataDir is where the tables' local state is kept. Default ./<app>-data. One worker at a time can use it.
func DataDir(dir string) Option { return func(c *config) error { c.dataDir = dir; return nil } }

// Web is the address of the worker's web server, host:port. Default 127.0.0.1:6066 or the next free port; an explicit one that is taken
// is an error. "off" runs none, and then queries can't reach this worker.
func Web(addr string) Option { return func(c *config) error { c.web = addr; return nil } }

// Advertise is the address of the web server that other workers and queries are told. Default: the bound address; on 0.0.0.0 the first
// address of this machine that isn't the loopback.
func Advertise(addr string) Option { return func(c *config) error { c.advertise = addr; return nil } }

// CommitInterval is how often each task commits. Default 1 s. It does not delay outputs. After a crash at most this much is read again.
func CommitInterval(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return fmt.Errorf("commit interval %v: it must be above 0", d)
		}
		c.commitInterval = d
		return nil
	}
}

// Guarantee overrides the application's guarantee: at_least_once.
func Guarantee(g string) Option {
	return func(c *config) error {
		switch g {
		case "", "at_least_once":
			c.guarantee = g
			return nil
		case "exactly_once":
			return fmt.Errorf("guarantee exactly_once: the language has it, this version does not run it yet; use at_least_once")
		}
		return fmt.Errorf("guarantee %q: at_least_once is what there is", g)
	}
}

// InstanceID makes the worker a static member of its group under that name: a restart within the session timeout moves no task.
// Default: none.
func InstanceID(id string) Option { return func(c *config) error { c.instanceID = id; return nil } }

// AppID overrides the application's id, and so the group's name, the internal topics' and the data directory's.
func AppID(id string) Option { return func(c *config) error { c.appID = id; return nil } }

// TopicName says that a declared topic has another name on this broker. It may be given for several topics.
func TopicName(declared, actual string) Option {
	return func(c *config) error {
		if declared == "" || actual == "" {
			return fmt.Errorf("topic %q=%q: write declared=actual", declared, actual)
		}
		c.topics[declared] = actual
		return nil
	}
}

// TopicPrefix is put before the names of all topics, internal ones too, except those that TopicName renames.
func TopicPrefix(prefix string) Option {
	return func(c *config) error { c.topicPrefix = prefix; return nil }
}

// ExitAfterIdle ends Run, as a signal would, when all of the worker's tasks have read their topics to the end and no record has come for
// that long. Default: never.
func ExitAfterIdle(d time.Duration) Option {
	return func(c *config) error { c.exitAfterIdle = d; return nil }
}

// Logger is where the worker logs. Default slog.Default().
func Logger(log *slog.Logger) Option { return func(c *config) error { c.log = log; return nil } }

// SessionTimeout is how long the group waits for a worker that is silent before its tasks move. Default 10 s.
func SessionTimeout(d time.Duration) Option {
	return func(c *config) error { c.sessionTimeout = d; return nil }
}

// Dialer opens the connections to brokers and to other workers. Default: the network's.
func Dialer(dial func(ctx context.Context, network, addr string) (net.Conn, error)) Option {
	return func(c *config) error { c.dial = dial; return nil }
}

// Listener opens the web server's socket. Default: net.Listen.
func Listener(listen func(network, addr string) (net.Listener, error)) Option {
	return func(c *config) error { c.listen = listen; return nil }
}

// dataDirFor is the data directory, chosen or default.
func (c *config) dataDirFor(id string) (string, error) {
	dir := c.dataDir
	if dir == "" {
		dir = "./" + id + "-data"
	}
	return dir, os.MkdirAll(dir, 0o755)
}

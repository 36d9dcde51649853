package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	faust "github.com/faustgen/faustgen/runtime"
)

// defaultListen is where the development broker listens: the port that Kafka's clients expect.
const defaultListen = "127.0.0.1:9092"

func (p *program) workerCommand() *cobra.Command {
	s := &settings{}
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run the application until SIGTERM or SIGINT",
		Long: `Run the application. Several workers with the same id share its partitions.

SIGTERM and SIGINT finish the events in hand, commit, leave the group, and exit with 0. A second signal exits at once with 1; what was not
committed is read again by the next worker.

--broker embedded starts a development broker inside the process, which keeps its data in the folder broker of the data directory and goes
on with it next time. It is for one machine and for development.`,
		Example: "  " + p.name + " worker --broker localhost:9092\n  " + p.name + " worker --broker embedded --log-level debug\n  " +
			p.name + " worker --broker embedded://127.0.0.1:0 --datadir ./other --web off",
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			return p.work(cmd, s)
		}),
	}
	f := cmd.Flags()
	f.SortFlags = false
	s.connection(f, ", or embedded or embedded://host:port for a broker inside the process")
	s.data(f, p.app.Spec().ID)
	f.StringVar(&s.web, "web", "", "`host:port` of the web server that answers queries, or off; default 127.0.0.1:6066 or the next free port")
	f.StringVar(&s.advertise, "advertise", "", "`host:port` of the web server that other workers and queries are told; default: where it listens, on 0.0.0.0 the first address that is not the loopback")
	f.Var(&s.commitInterval, "commit-interval", "`duration` between the commits of a task, and so how much is read again after a crash; default 1s")
	f.StringVar(&s.guarantee, "guarantee", "", "`level`: at_least_once; overrides guarantee= of //faust:app")
	f.StringVar(&s.instanceID, "instance-id", "", "`name` of this worker in the group: a restart within the session timeout moves no task; default none")
	f.Var(&s.exitAfterIdle, "exit-after-idle", "exit when everything has been read and nothing came for this `duration`; default never")
	f.String("standbys", "", later[len(later)-1].usage)
	return cmd
}

// work runs a worker, with a broker beside it if asked for.
func (p *program) work(cmd *cobra.Command, s *settings) error {
	log, err := p.logger(s, slog.LevelInfo)
	if err != nil {
		return err
	}
	listen, embedded, err := embeddedAddress(s.broker)
	if err != nil {
		return err
	}
	stop := func() error { return nil }
	if embedded {
		s.broker = ""
	}
	opts, err := p.options(cmd, s)
	if err != nil {
		return err
	}
	opts = append(opts, faust.Logger(log))
	if embedded {
		dir, _, err := p.app.Dirs(opts...)
		if err != nil {
			return err
		}
		var addr string
		if addr, stop, err = startBroker(cmd.Context(), listen, filepath.Join(dir, "broker"), log); err != nil {
			return err
		}
		opts = append(opts, faust.Broker(addr))
	}
	err = errors.Join(p.app.Run(cmd.Context(), opts...), stop())
	if err != nil && strings.Contains(err.Error(), "\ngoroutine ") {
		log.Error("worker failed", "err", err) // with the stack, which the last line leaves out
	}
	return err
}

// embeddedAddress says whether the broker is to run in the process, and where it is to listen.
func embeddedAddress(broker string) (listen string, embedded bool, err error) {
	if broker == "embedded" {
		return defaultListen, true, nil
	}
	listen, embedded = strings.CutPrefix(broker, "embedded://")
	if !embedded {
		if strings.Contains(broker, "embedded") && strings.Contains(broker, ",") {
			return "", false, usagef("--broker %s: embedded stands alone; name brokers, or embedded", broker)
		}
		return "", false, nil
	}
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return "", false, usagef("--broker %s: %w; write embedded://127.0.0.1:9092, or port 0 for a free one", broker, err)
	}
	return listen, true, nil
}

// connect makes the options and checks that a broker answers.
func (p *program) connect(cmd *cobra.Command, s *settings, level slog.Level) ([]faust.Option, error) {
	opts, err := p.clientOptions(cmd, s, level)
	if err != nil {
		return nil, err
	}
	return opts, p.reach(cmd.Context(), opts)
}

func (p *program) reach(ctx context.Context, opts []faust.Option) error {
	ctx, cancel := p.within(ctx)
	defer cancel()
	return p.app.Reach(ctx, opts...)
}

// clientOptions are the options of commands beside the worker. For them embedded stands for the address of the broker in the worker's
// process.
func (p *program) clientOptions(cmd *cobra.Command, s *settings, level slog.Level) ([]faust.Option, error) {
	log, err := p.logger(s, level)
	if err != nil {
		return nil, err
	}
	listen, embedded, err := embeddedAddress(s.broker)
	if err != nil {
		return nil, err
	}
	if embedded {
		if _, port, _ := net.SplitHostPort(listen); port == "0" {
			return nil, usagef("--broker %s: the worker has chosen a port; take it from the line `broker listening` of its log", s.broker)
		}
		s.broker = listen
	}
	opts, err := p.options(cmd, s)
	if err != nil {
		return nil, err
	}
	return append(opts, faust.Logger(log)), nil
}

func (p *program) brokerCommand() *cobra.Command {
	s, listen := &settings{}, ""
	cmd := &cobra.Command{
		Use:    "broker",
		Short:  "Run the development broker alone",
		Hidden: !hasBroker,
		Long: `Run the development broker without a worker, for several workers on one machine without Kafka, until SIGTERM or SIGINT. It keeps its
data in the folder broker of the data directory, as worker --broker embedded does, and goes on with it next time. It is for one machine and
for development: no replication, no access control, and what is written is not flushed to the device.`,
		Example: "  " + p.name + " broker\n  " + p.name + " broker --listen 127.0.0.1:9192 --datadir ./dev",
		RunE: p.does(func(cmd *cobra.Command, args []string) error {
			if err := arguments(args, 0, 0, "flags only"); err != nil {
				return err
			}
			log, err := p.logger(s, slog.LevelInfo)
			if err != nil {
				return err
			}
			var opts []faust.Option
			if s.dataDir != "" {
				opts = append(opts, faust.DataDir(s.dataDir))
			}
			dir, _, err := p.app.Dirs(opts...)
			if err != nil {
				return err
			}
			_, stop, err := startBroker(cmd.Context(), listen, filepath.Join(dir, "broker"), log)
			if errors.Is(err, syscall.EADDRINUSE) {
				return fmt.Errorf("listen on %s: %w: another program uses the port; choose another with --listen host:port (port 0: a free one)",
					listen, syscall.EADDRINUSE)
			}
			if err != nil {
				return err
			}
			<-cmd.Context().Done()
			return stop()
		}),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&listen, "listen", defaultListen, "`host:port` to listen on; clients are told this host; port 0: a free one, which is logged")
	s.data(f, p.app.Spec().ID)
	s.logging(f)
	return cmd
}

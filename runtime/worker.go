package faust

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/faustgen/faustgen/runtime/internal/broker"
	"github.com/faustgen/faustgen/runtime/internal/group"
	"github.com/faustgen/faustgen/runtime/store"
)

// worker runs an application: it wires the broker, the group, the tasks and the web server together, and owns every goroutine of them.
//
// Starting goes: broker, topics, store, providers, then the group, which brings the tasks. Stopping goes the other way: no new records,
// each task finishes its event and commits, the group is left, what was sent is acknowledged, the stores are closed, the providers last.
type worker struct {
	app     *App
	cfg     *config
	plan    *plan
	log     *slog.Logger
	program string

	client   *broker.Client
	fetcher  *broker.Fetcher
	producer *broker.Producer
	member   *group.Member
	disk     store.Store
	web      *webServer

	providers map[string]any
	closers   []io.Closer

	stop  context.CancelCauseFunc // ends the work in an orderly way
	base  context.Context         // of tasks and connections: outlives an orderly stop
	tasks taskSet
}

func newWorker(a *App, c *config) *worker {
	return &worker{app: a, cfg: c, log: c.log, program: filepath.Base(os.Args[0])}
}

var errIdle = errors.New("idle")

// run is App.Run.
func (w *worker) run(ctx context.Context) (err error) {
	w.plan = newPlan(&w.app.spec, w.cfg)
	w.client = openBroker(w.cfg, w.plan.group())
	defer w.client.Close()
	if err := w.client.WaitReady(ctx); err != nil {
		return stopped(ctx, err)
	}
	if err := w.plan.ensureTopics(ctx, w.client, w.program); err != nil {
		return stopped(ctx, err)
	}
	if err := w.openStore(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.closeStore()) }()
	defer func() { err = errors.Join(err, w.closeProviders(ctx)) }()
	if err := w.provide(ctx); err != nil {
		return stopped(ctx, err)
	}

	work, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	defer context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), ErrKill) {
			cut(ErrKill)
		}
	})()
	w.stop, w.base = stop, base
	w.tasks.init()

	infra, infraCtx := errgroup.WithContext(base)
	w.fetcher = w.client.NewFetcher(broker.FetchConfig{})
	w.producer = w.client.NewProducer(broker.ProduceConfig{Idempotent: true})
	infra.Go(func() error { return w.fetcher.Run(infraCtx) })
	infra.Go(func() error { return w.producer.Run(infraCtx) })
	if err := w.openWeb(); err != nil {
		cut(nil)
		return errors.Join(err, ignoreCanceled(infra.Wait()))
	}
	if w.web != nil {
		infra.Go(func() error {
			if err := w.web.run(infraCtx); err != nil {
				w.fail(err) // in an orderly way: the others are needed for that
			}
			return nil
		})
	}

	err = w.work(work)
	cut(nil)
	if errors.Is(context.Cause(ctx), ErrKill) {
		w.tasks.wait()
		_ = infra.Wait()
		return ErrKill
	}
	return errors.Join(err, ignoreCanceled(infra.Wait()))
}

// stopped is nil for an error that only says that ctx has ended: the worker was told to stop while it started.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return nil
	}
	return err
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// work is everything between starting and stopping: the membership with its tasks, and what runs once per worker.
func (w *worker) work(ctx context.Context) error {
	var address string
	if w.web != nil {
		address = w.web.advertised
	}
	w.member = group.New(group.Config{
		Group: w.plan.group(), Instance: w.cfg.instanceID, Address: address, Topics: w.plan.inputTopics(),
		Components: func(context.Context) ([]group.Component, error) { return w.plan.groupComponents(), nil },
		Former:     w.former, Handler: w, Log: w.log,
		SessionTimeout: w.cfg.sessionTimeout, HeartbeatInterval: min(time.Second, cmp.Or(w.cfg.sessionTimeout, time.Minute)/4),
	}, coordinator{w.client})

	parts, partsCtx := errgroup.WithContext(ctx)
	parts.Go(func() error {
		if err := w.member.Run(partsCtx); err != nil && !errors.Is(err, ErrKill) {
			return err
		}
		return errLeft
	})
	w.startFunctions(partsCtx, parts)
	parts.Go(func() error { return w.purge(partsCtx) })
	if w.cfg.exitAfterIdle > 0 {
		parts.Go(func() error { return w.watchIdle(partsCtx) })
	}
	w.log.Info("worker started", "app", w.plan.id, "group", w.plan.group(), "web", address)
	err := parts.Wait()
	w.tasks.wait()
	if errors.Is(err, errLeft) {
		err = nil
	}
	var failed failure
	if errors.As(context.Cause(ctx), &failed) {
		err = errors.Join(failed.error, err)
	}
	w.log.Info("worker stopped", "app", w.plan.id)
	return err
}

// errLeft ends the functions beside the member when the member has ended.
var errLeft = errors.New("the group has been left")

// failure is why the worker stops itself, as against the cause, whatever it is, with which the caller has ended Run's context.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// fail stops the worker in an orderly way because of err; the first one counts.
func (w *worker) fail(err error) { w.stop(failure{err}) }

func openBroker(c *config, clientID string) *broker.Client {
	return broker.Open(broker.Config{Addrs: c.brokers, ClientID: clientID, Dial: c.dial, Log: c.log})
}

// openStore opens the disk store, if any table needs it.
func (w *worker) openStore() error {
	if w.app.spec.OpenStore == nil || len(w.app.spec.Tables) == 0 {
		return nil
	}
	dir, err := w.cfg.dataDirFor(w.plan.id)
	if err != nil {
		return fmt.Errorf("data directory: %w; name another one with --datadir", err)
	}
	w.disk, err = w.app.spec.OpenStore(stateDir(dir, w.plan.id))
	return err
}

// stateDir is where the tables of an application are kept in a data directory.
func stateDir(dir, id string) string { return filepath.Join(dir, id, "state") }

func (w *worker) closeStore() error {
	if w.disk == nil {
		return nil
	}
	return w.disk.Close()
}

// provide builds the receivers of agents that are methods.
func (w *worker) provide(ctx context.Context) (err error) {
	w.providers, w.closers, err = provide(ctx, &w.app.spec)
	return err
}

func provide(ctx context.Context, spec *AppSpec) (built map[string]any, closers []io.Closer, err error) {
	built = map[string]any{}
	for _, p := range spec.Providers {
		v, err := p.New(ctx)
		if err != nil {
			return built, closers, fmt.Errorf("provide %s: %w", p.Type, err)
		}
		built[p.Type] = v
		if c, ok := v.(io.Closer); ok {
			closers = append(closers, c)
		}
	}
	return built, closers, nil
}

func (w *worker) closeProviders(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), ErrKill) {
		return nil
	}
	return closeAll(w.closers)
}

// closeAll closes what was built last first.
func closeAll(closers []io.Closer) error {
	var errs []error
	for i := len(closers) - 1; i >= 0; i-- {
		errs = append(errs, closers[i].Close())
	}
	return errors.Join(errs...)
}

// startFunctions starts the timers and tasks that run once per worker.
func (w *worker) startFunctions(ctx context.Context, parts *errgroup.Group) {
	for i := range w.app.spec.Timers {
		if t := &w.app.spec.Timers[i]; len(t.Tables) == 0 {
			parts.Go(func() error { return w.runTimer(ctx, t) })
		}
	}
	for i := range w.app.spec.Tasks {
		t := &w.app.spec.Tasks[i]
		if len(t.Tables) > 0 {
			continue // it runs in the tables' tasks
		}
		parts.Go(func() error {
			err := w.outside(ctx, func(ctx context.Context, b *Binder) error { return t.Bind(b)(ctx) })
			if err != nil && ctx.Err() == nil {
				w.fail(fmt.Errorf("task %s: %w", t.Func, err))
			}
			return nil
		})
	}
}

// outside runs a function outside any task, with handles of its own, and returns when what it sent is acknowledged.
func (w *worker) outside(ctx context.Context, f func(context.Context, *Binder) error) error {
	return outside(ctx, w.base, w.plan, w.producer, w.providers, f)
}

func outside(ctx, base context.Context, p *plan, log appender, providers map[string]any, f func(context.Context, *Binder) error) error {
	s := newSender(p, log, false)
	runCtx, end := context.WithCancel(base)
	var running sync.WaitGroup
	running.Go(func() { _ = s.run(runCtx) })
	defer running.Wait()
	defer end()
	err := f(context.WithValue(ctx, senderKey{}, s), &Binder{plan: p, memo: map[any]any{}, send: s, providers: providers})
	return errors.Join(err, s.flush(base))
}

// runTimer calls a timer at its interval: first after one interval, and without catching up on ticks that were missed.
func (w *worker) runTimer(ctx context.Context, t *TimerSpec) error {
	return w.outside(ctx, func(ctx context.Context, b *Binder) error {
		call := t.Bind(b)
		ticker := time.NewTicker(t.Every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			err := call(ctx)
			if err == nil {
				err = b.send.flush(w.base)
			}
			if err != nil && ctx.Err() == nil {
				w.fail(fmt.Errorf("timer %s: %w", t.Func, err))
				return nil
			}
		}
	})
}

// watchIdle ends the worker when nothing has come for so long.
func (w *worker) watchIdle(ctx context.Context) error {
	step := min(w.cfg.exitAfterIdle/4+time.Millisecond, time.Second)
	since := time.Now()
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			last, idle := w.tasks.idleSince()
			if generation, _ := w.member.Identity(); !idle || generation < 0 {
				since = now
				continue
			}
			if last.After(since) {
				since = last
			}
			if now.Sub(since) >= w.cfg.exitAfterIdle {
				w.log.Info("worker is idle and exits", "idle", now.Sub(since).Round(time.Millisecond))
				w.stop(errIdle)
				return nil
			}
		}
	}
}

// purgeEvery is how often records of repartition topics that have been read are deleted.
const purgeEvery = 30 * time.Second

func (w *worker) purge(ctx context.Context) error {
	ticker := time.NewTicker(purgeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		before := w.tasks.readUpTo(w.plan)
		if len(before) == 0 {
			continue
		}
		if err := w.client.DeleteRecords(ctx, before); err != nil && ctx.Err() == nil {
			w.log.Debug("records of repartition topics not deleted yet", "err", err)
		}
	}
}

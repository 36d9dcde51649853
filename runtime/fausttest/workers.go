package fausttest

import (
	"context"
	"errors"
	"fmt"
	"testing/synctest"
	"time"

	faust "github.com/faustgen/faustgen/runtime"
)

// worker is one worker of the application, or its place if it has stopped.
type worker struct {
	number int // from 1
	stop   context.CancelCauseFunc
	done   chan struct{}
	err    error // after done
	ended  bool  // stop has been asked for, or the end has been seen
}

var errStopped = errors.New("the test stops the worker")

// Workers starts workers, or stops some cleanly, until n run, and returns when the group has settled who does what. The last ones stop
// first; a new one takes the place, and the data directory, of the first that is missing.
func (d *Driver) Workers(n int) {
	d.t.Helper()
	d.flush()
	d.noFailure()
	if running := d.running(); len(running) > n {
		d.end(errStopped, running[n:]...)
	}
	for i := 0; len(d.running()) < n; i++ {
		if i == len(d.workers) {
			d.workers = append(d.workers, &worker{number: i + 1, ended: true})
		}
		if d.workers[i].ended {
			d.start(i)
		}
	}
	d.stable()
}

// Restart stops all workers cleanly and starts them again on their data directories.
func (d *Driver) Restart() {
	d.t.Helper()
	d.flush()
	d.again(errStopped)
}

// Kill ends all workers as kill -9 would, and starts them again on what it has left of their data directories. The group notices
// nothing before the session timeout (10 s unless faust.SessionTimeout says otherwise), which passes in virtual time.
func (d *Driver) Kill() {
	d.t.Helper()
	d.flush()
	d.again(faust.ErrKill)
}

// KillAndWipe is Kill with all data directories gone.
func (d *Driver) KillAndWipe() {
	d.t.Helper()
	d.flush()
	d.noFailure()
	d.again(faust.ErrKill, d.wipe)
}

// KillWorker ends one worker, numbered from 1, as kill -9 would. It stays away until Workers starts it again.
func (d *Driver) KillWorker(number int) {
	d.t.Helper()
	d.flush()
	for _, w := range d.running() {
		if w.number == number {
			d.end(faust.ErrKill, w)
			d.noFailure()
			return
		}
	}
	d.fatal("worker %d does not run", number)
}

// Release replaces the application by another build of it. Workers that are started from now on, by Workers, Restart or Kill, run it; those
// that run go on as they are. The topics that Send and Read know are the new build's.
func (d *Driver) Release(app *faust.App) {
	d.t.Helper()
	d.flush()
	d.app = app
	if err := d.adopt(); err != nil {
		d.fatal("%v", err)
	}
}

// Failure waits until a worker has stopped with an error, which the test expects, and returns the error.
func (d *Driver) Failure() error {
	d.t.Helper()
	d.flush()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * step) {
		synctest.Wait()
		d.look()
		if len(d.failures) > 0 {
			err := d.failures[0]
			d.failures = d.failures[1:]
			return err
		}
		if len(d.running()) == 0 {
			d.fatal("no worker runs, and none has stopped with an error")
		}
	}
	d.fatal("no worker has stopped with an error in %v", patience)
	return nil
}

// again ends all workers and starts the same ones.
func (d *Driver) again(cause error, between ...func(number int)) {
	d.t.Helper()
	d.noFailure()
	running := d.running()
	d.end(cause, running...)
	d.noFailure()
	for _, w := range running {
		for _, f := range between {
			f(w.number)
		}
		d.start(w.number - 1)
	}
	d.stable()
}

// start starts the worker at a place.
func (d *Driver) start(i int) {
	number := i + 1
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(d.t.Context()))
	w := &worker{number: number, stop: cancel, done: make(chan struct{})}
	d.workers[i] = w
	opts := append([]faust.Option{faust.DataDir(d.dataDir(number)), faust.Web("127.0.0.1:0")}, d.Options()...)
	opts = append(opts, faust.Logger(d.log.With("worker", number)))
	go func() {
		defer close(w.done)
		w.err = d.app.Run(ctx, opts...)
	}()
}

// end ends workers, all at once, and waits for them.
func (d *Driver) end(cause error, workers ...*worker) {
	for _, w := range workers {
		w.stop(cause)
	}
	for _, w := range workers {
		<-w.done
		w.ended = true
		if w.err != nil && !errors.Is(w.err, faust.ErrKill) {
			d.failures = append(d.failures, fmt.Errorf("worker %d: %w", w.number, w.err))
		}
	}
}

// running are the workers that run, as far as look has seen.
func (d *Driver) running() []*worker {
	var all []*worker
	for _, w := range d.workers {
		if !w.ended {
			all = append(all, w)
		}
	}
	return all
}

// look finds workers that have ended by themselves.
func (d *Driver) look() {
	for _, w := range d.running() {
		select {
		case <-w.done:
			w.ended = true
			err := w.err
			if err == nil {
				err = errors.New("it ended though nothing has told it to")
			}
			d.failures = append(d.failures, fmt.Errorf("worker %d: %w", w.number, err))
		default:
		}
	}
}

// noFailure fails the test if a worker has failed and nobody has asked for it.
func (d *Driver) noFailure() {
	d.t.Helper()
	d.look()
	if len(d.failures) > 0 {
		err := d.failures[0]
		d.failures = nil
		d.t.Fatalf("a worker stopped: %v", err)
	}
}

// stable waits until the group consists of the running workers, or one of them has failed.
func (d *Driver) stable() {
	d.t.Helper()
	state := ""
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(step) {
		synctest.Wait()
		d.look()
		n := len(d.running())
		if len(d.failures) > 0 || n == 0 {
			return
		}
		info := d.broker.Cluster().GroupInfo(d.group)
		if info != nil && info.State == "Stable" && len(info.Members) == n {
			return
		}
		if info != nil {
			state = fmt.Sprintf("%s with %d members", info.State, len(info.Members))
		}
	}
	d.fatal("%d workers run, but group %s is %s after %v", len(d.running()), d.group, state, patience)
}

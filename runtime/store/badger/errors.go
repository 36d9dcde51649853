package badger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/faustgen/faustgen/runtime/store"
)

var errInUse = errors.New("in use")

// makeDir creates the directory and tries whether files can be made in it, since Badger reports both poorly.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("create data directory %s: %w; name a directory that can be written with --datadir", dir, err)
	}
	probe, err := os.CreateTemp(dir, "probe-*.tmp")
	if err != nil {
		return fmt.Errorf("write in data directory %s: %w; make it writable, or name another with --datadir", dir, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// openError says what an error of badger.Open means. Badger gives most of its errors as text alone.
func openError(dir string, err error) error {
	switch {
	case errors.Is(err, errInUse), strings.Contains(err.Error(), "Cannot acquire directory lock"):
		return fmt.Errorf("open store in %s: %w: another worker uses it; give this one its own with --datadir", dir, store.ErrLocked)
	case is(err, syscall.EACCES), is(err, syscall.EPERM), is(err, syscall.EROFS):
		return fmt.Errorf("open store in %s: %w; make the files writable for this user, or name another directory with --datadir", dir, err)
	case is(err, syscall.ENOSPC):
		return fmt.Errorf("open store in %s: %w: %v; make room, or name a directory on another disk with --datadir", dir, store.ErrFull, err)
	case is(err, syscall.EMFILE), is(err, syscall.ENFILE), is(err, syscall.ENOMEM):
		return fmt.Errorf("open store in %s: %w; raise the limit (ulimit) or stop other processes, the data is not damaged", dir, err)
	}
	return corrupt(dir, err)
}

// is tells whether err is that of the system, also where only its text is left of it.
func is(err error, number syscall.Errno) bool {
	return errors.Is(err, number) || strings.Contains(err.Error(), number.Error())
}

func corrupt(dir string, err error) error {
	return fmt.Errorf("open store in %s: %w: %v; remove the directory, its tables are restored from their changelogs", dir, store.ErrCorrupt, err)
}

// failed adds what was being done where.
func (d *db) failed(doing string, err error) error {
	return fmt.Errorf("store in %s: %s: %w", d.dir, doing, err)
}

// checkFree returns store.ErrFull when the disk of dir has less room than the store may need: see Options.MinFree.
func checkFree(dir string, minFree, memTable int64) error {
	if minFree < 0 {
		return nil
	}
	free, ok := freeBytes(dir)
	if !ok || free >= minFree {
		return nil
	}
	// Only now, since it looks at every file. Rewriting tables takes at most as much room as they have.
	need := min(minFree, 2*dirSize(dir)+4*memTable)
	if free >= need {
		return nil
	}
	return fmt.Errorf("%w: %d MiB left, %d needed; make room, or name a directory on another disk with --datadir",
		store.ErrFull, free>>20, (need+1<<20-1)>>20)
}

// logger hands Badger's messages to slog and remembers the one that says that data was left out.
type logger struct {
	log *slog.Logger

	mu   sync.Mutex
	left string
}

func (l *logger) Errorf(format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	if strings.HasPrefix(text, "Ignoring table") {
		l.mu.Lock()
		l.left = "wrong checksum in " + strings.TrimSpace(strings.TrimPrefix(text, "Ignoring table"))
		l.mu.Unlock()
	}
	l.write("error", text)
}

func (l *logger) Warningf(format string, args ...any) {
	l.write("warning", fmt.Sprintf(format, args...))
}

func (l *logger) Infof(format string, args ...any) {
	l.write("info", fmt.Sprintf(format, args...))
}

func (l *logger) Debugf(string, ...any) {} // several per flush, of use to Badger's authors only

func (l *logger) write(level, text string) {
	if l.log != nil {
		l.log.Debug("store", "badger", level, "text", strings.TrimSpace(text))
	}
}

// ignored returns what Badger left out so far, or "".
func (l *logger) ignored() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

//go:build linux || darwin

package devbroker

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A process that has been killed gives back its memory first and its locks after it, which takes a moment. Whoever starts the next one at
// once should not be told that the directory is in use.
const (
	lockWait  = time.Second
	lockRetry = 20 * time.Millisecond
)

// lockDir holds a lock that ends with the process, however that ends.
func lockDir(dir string) (release func() error, err error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	for until := time.Now().Add(lockWait); errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(until); {
		time.Sleep(lockRetry)
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}

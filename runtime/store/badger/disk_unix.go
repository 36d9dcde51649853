//go:build linux || darwin

package badger

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A process that has been killed gives back its memory first and its locks after it, which takes a moment. Whoever starts the next one at
// once should not be told that the directory is in use.
const (
	lockWait  = time.Second
	lockRetry = 20 * time.Millisecond
)

// holdDir takes the lock by which Badger guards a directory, until release is called. It returns errInUse if another has it.
func holdDir(dir string) (release func() error, err error) {
	file, err := os.Open(dir)
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
			err = errInUse
		}
		return nil, errors.Join(fmt.Errorf("lock the directory: %w", err), file.Close())
	}
	return file.Close, nil
}

// freeBytes returns the room left for this user on the disk that holds dir.
func freeBytes(dir string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}

// dirSize adds up the blocks of the files in dir: Badger makes its logs larger than what is in them.
func dirSize(dir string) int64 {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	var sum int64
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			continue // compacted away meanwhile
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += s.Blocks * 512
		}
	}
	return sum
}

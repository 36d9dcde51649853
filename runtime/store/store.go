// Package store keeps the bytes under a table: an ordered map from key to value that a task changes in batches.
// It knows nothing of tables, partitions or Kafka: who owns which keys is decided by the prefixes that callers choose.
//
// Memory is the implementation that forgets at Close; package store/badger is the one that lives on disk.
// Package store/storetest holds the laws that both obey, for anyone who writes a third.
//
// Nothing here starts a goroutine.
package store

import (
	"context"
	"errors"
	"fmt"
)

// Limits that every Store holds, so that what works in memory works on disk.
const (
	// MaxKey is the longest key in bytes.
	MaxKey = 65000
	// MaxValue is the longest value in bytes: 32 MiB, far above what a broker takes as one record.
	MaxValue = 32 << 20
)

var (
	// ErrLocked says that another worker has the directory open.
	ErrLocked = errors.New("data directory in use")
	// ErrCorrupt says that what is on disk cannot be read as a store.
	ErrCorrupt = errors.New("data directory damaged")
	// ErrFull says that the disk has too little room left to take a batch; nothing of the batch was written.
	ErrFull = errors.New("disk full")
	// ErrKey says that a batch holds a key or a value that no Store takes; nothing of the batch was written.
	ErrKey = errors.New("key or value not storable")
	// ErrClosed says that the store was used after Close.
	ErrClosed = errors.New("store is closed")
)

// Store is an ordered map from key to value, both bytes. Keys have 1 to MaxKey bytes, values 0 to MaxValue.
// Get, Scan, Apply and Size may be called by several goroutines at once. After Close they return ErrClosed.
type Store interface {
	// Get appends the value of key to dst and returns the result: the bytes are the caller's, whatever happens to the store.
	// ok is false, and dst returned as it was, when there is no such key. An empty value is a value: ok is true.
	// It sees every batch whose Apply has returned. With room in dst, Memory allocates nothing.
	Get(dst, key []byte) (value []byte, ok bool, err error)

	// Scan calls f for every key that has the prefix and, if from is not nil, is not below from, in ascending order of bytes,
	// until f returns false. It shows the store as it was when Scan was called: batches applied meanwhile are not seen.
	// key and value are views, valid until f returns, and not to be written. f may call Get, Scan and Apply, but not Close.
	Scan(prefix, from []byte, f func(key, value []byte) bool) error

	// Apply writes the batch, in the order in which it was filled: the last entry becomes durable last, so that a crash
	// in the middle leaves a beginning of the batch and never a later part without the earlier one. Callers put last what
	// vouches for the rest (the changelog's offset). A batch that fits one transaction of the store is all or nothing:
	// in Memory every batch does, on disk one of up to about 20,000 entries and 2 MiB does.
	// On an error a beginning of the batch may have been written; applying the same batch again is harmless.
	// The batch is the caller's again when Apply returns.
	Apply(*Batch) error

	// Size is an estimate of what the store takes, in bytes: of disk, or for Memory of main memory.
	// It may look at every file of the store, so it is for reports and not for each record. 0 after Close.
	Size() int64

	// Close waits for the calls under way and gives back files and memory. A second Close does nothing.
	Close() error
}

// Entries and bytes that one step of DeletePrefix gathers: small enough to be one transaction on disk.
const (
	deleteEntries = 4096
	deleteBytes   = 512 << 10
)

// DeletePrefix deletes every key that begins with prefix, which must not be empty, and returns how many it deleted.
// It works in bounded batches, so that others may read and write meanwhile, and keeps what it has done when ctx ends
// or a batch fails; calling it again goes on. Keys written under the prefix while it runs may stay.
func DeletePrefix(ctx context.Context, s Store, prefix []byte) (deleted int, err error) {
	if len(prefix) == 0 {
		return 0, errors.New("delete by prefix: empty prefix would delete the whole store; name the prefix")
	}
	var batch Batch
	var from []byte
	for {
		if err := ctx.Err(); err != nil {
			return deleted, fmt.Errorf("delete prefix %q, %d keys done: %w", prefix, deleted, err)
		}
		batch.Reset()
		err := s.Scan(prefix, from, func(key, _ []byte) bool {
			batch.Delete(key)
			from = append(append(from[:0], key...), 0)
			return batch.Len() < deleteEntries && batch.Bytes() < deleteBytes
		})
		if err != nil {
			return deleted, fmt.Errorf("delete prefix %q, %d keys done: %w", prefix, deleted, err)
		}
		if batch.Len() == 0 {
			return deleted, nil
		}
		if err := s.Apply(&batch); err != nil {
			return deleted, fmt.Errorf("delete prefix %q, %d keys done: %w", prefix, deleted, err)
		}
		deleted += batch.Len()
	}
}

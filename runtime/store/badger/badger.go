// Package badger is the store on disk: a store.Store over one Badger database in a directory of its own.
// It is the only importer of Badger, and hides what of it the tables do not need.
//
// What is promised: when Apply has returned, the batch survives the end of the process, however sudden (kill -9),
// since it is in the page cache of the operating system. A batch is not flushed to the device, so when the machine itself
// goes down (power failure, kernel crash) the latest batches may be lost, and in rare cases, where the loss spans two of
// Badger's logs, an older batch without a newer one. After that, remove the directory: the changelogs have it all.
//
// What runs: Badger's own goroutines, from Open until Close has returned. This package starts none.
package badger

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/dgraph-io/badger/v4"

	"github.com/faustgen/faustgen/runtime/store"
)

// Options of Open. The zero value is right for a worker.
type Options struct {
	// Log receives Badger's own messages, at debug level. Nil: they are dropped.
	Log *slog.Logger
	// MemTableSize is the size in bytes of one table in memory; up to three are in use. 0: 16 MiB, at least 1 MiB.
	// Larger ones did not write faster and take longer to close. A seventh of it bounds what one transaction holds.
	MemTableSize int64
	// MinFree is the room in bytes on the disk that is always enough to write, whatever Badger rewrites at that moment.
	// With less, a store still needs twice its own size and four times MemTableSize. With less than that Open and Apply
	// return store.ErrFull and do not let the disk run full, which a database mapped into memory does not survive.
	// 0: 32 times MemTableSize, so 512 MiB. Negative: no such check. Where the system cannot tell, there is none either.
	MinFree int64
}

const (
	defaultMemTable = 16 << 20
	minMemTable     = 1 << 20
	valueLogSize    = 128 << 20 // only values of more than 1 MiB go there
)

// db is the store. Get reads through one shared transaction, renewed by every Apply, since opening a transaction
// costs more than the read itself.
type db struct {
	dir      string
	minFree  int64
	memTable int64
	badger   *badger.DB

	mu     sync.RWMutex // guards read and closed; held for reading while read is read
	read   *badger.Txn
	closed bool
	calls  sync.WaitGroup // scans and applies under way, for Close

	scratchMu sync.Mutex
	scratch   [][]badger.Entry // emptied by one Apply, filled by the next
}

// Open opens the database in dir, which it creates if need be, and holds it until Close: a second Open, in this process
// or another, returns store.ErrLocked. A directory that cannot be read gives store.ErrCorrupt, too small a disk
// store.ErrFull; each error says what to do. Opening takes some 20 ms, more if the last worker was killed.
func Open(dir string, o Options) (store.Store, error) {
	if o.MemTableSize == 0 {
		o.MemTableSize = defaultMemTable
	}
	o.MemTableSize = max(o.MemTableSize, minMemTable)
	if o.MinFree == 0 {
		o.MinFree = 32 * o.MemTableSize
	}
	log := &logger{log: o.Log}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := checkFree(dir, o.MinFree, o.MemTableSize); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	opened, err := open(dir, settings(dir, o.MemTableSize, log))
	if err != nil {
		return nil, openError(dir, err)
	}
	// Badger leaves out a table whose checksum is wrong and goes on. Its keys would be missing in silence.
	if ignored := log.ignored(); ignored != "" {
		closeErr := opened.Close()
		return nil, errors.Join(corrupt(dir, errors.New(ignored)), closeErr)
	}
	// Values of more than 1 MiB lie in a log of their own, whose dead parts only this removes.
	for opened.RunValueLogGC(0.5) == nil {
		log.Debugf("value log rewritten")
	}
	return &db{dir: dir, minFree: o.MinFree, memTable: o.MemTableSize, badger: opened, read: opened.NewTransaction(false)}, nil
}

// settings are those that measured best for batches of small values, written at commits. A changelog stands behind the
// store, so it need not sync.
func settings(dir string, memTable int64, log badger.Logger) badger.Options {
	return badger.DefaultOptions(dir).
		WithLogger(log).
		WithSyncWrites(false).
		WithDetectConflicts(false). // every key has one writer, its task
		WithNumVersionsToKeep(1).
		WithCompression(0).
		WithBlockCacheSize(0). // blocks are mapped; without compression a cache would hold them twice
		WithMetricsEnabled(false).
		WithMemTableSize(memTable).
		WithNumMemtables(3).
		WithNumCompactors(2).
		WithValueThreshold(min(1<<20, memTable/10)).
		WithValueLogFileSize(valueLogSize)
}

// open is badger.Open after a look at the files, with the panics that damaged ones can cause as errors.
func open(dir string, o badger.Options) (opened *badger.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			opened, err = nil, fmt.Errorf("panic while reading: %v", r)
		}
	}()
	release, err := holdDir(dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkTables(dir, o), release()); err != nil {
		return nil, err
	}
	return badger.Open(o)
}

// Get implements store.Store. A key that is in memory tables or mapped blocks costs about a microsecond.
func (d *db) Get(dst, key []byte) ([]byte, bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return dst, false, store.ErrClosed
	}
	if len(key) == 0 {
		return dst, false, nil
	}
	item, err := d.read.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, d.failed("read a key", err)
	}
	err = item.Value(func(value []byte) error {
		dst = append(dst, value...)
		return nil
	})
	if err != nil {
		return dst, false, d.failed("read a value", err)
	}
	return dst, true, nil
}

// Scan implements store.Store.
func (d *db) Scan(prefix, from []byte, f func(key, value []byte) bool) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.calls.Done()

	txn := d.badger.NewTransaction(false)
	defer txn.Discard()
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false // prefetching starts a goroutine per key, for values that lie beside their keys
	o.Prefix = prefix
	it := txn.NewIterator(o)
	defer it.Close()

	if string(from) > string(prefix) {
		it.Seek(from)
	} else {
		it.Seek(prefix)
	}
	more := true
	for ; more && it.ValidForPrefix(prefix); it.Next() {
		item := it.Item()
		err := item.Value(func(value []byte) error {
			more = f(item.Key(), value)
			return nil
		})
		if err != nil {
			return d.failed("read a value", err)
		}
		if !more {
			break
		}
	}
	return nil
}

// Apply implements store.Store. A batch of more than one transaction is written one after the other.
func (d *db) Apply(b *store.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.calls.Done()

	if err := checkFree(d.dir, d.minFree, d.memTable); err != nil {
		return d.failed("write a batch", err)
	}
	if err := d.write(b); err != nil {
		return d.failed("write a batch", err)
	}
	return d.renew()
}

// write commits the batch in as few transactions as Badger allows, each after the one before it is written.
func (d *db) write(b *store.Batch) error {
	entries := d.borrow(b.Len())
	defer d.giveBack(entries)

	txn := d.badger.NewTransaction(true)
	defer func() { txn.Discard() }()
	for i := range entries {
		err := set(txn, b, i, &entries[i])
		if errors.Is(err, badger.ErrTxnTooBig) {
			if err = txn.Commit(); err != nil {
				return err
			}
			txn = d.badger.NewTransaction(true)
			err = set(txn, b, i, &entries[i])
		}
		if err != nil {
			return err
		}
	}
	return txn.Commit()
}

func set(txn *badger.Txn, b *store.Batch, i int, e *badger.Entry) error {
	key, value, deletion := b.Entry(i)
	var err error
	if deletion {
		err = txn.Delete(key)
	} else {
		e.Key, e.Value = key, value
		err = txn.SetEntry(e)
	}
	if errors.Is(err, badger.ErrInvalidKey) {
		return fmt.Errorf("change %d of the batch: %w: keys beginning with !badger! are Badger's own; begin them otherwise", i, store.ErrKey)
	}
	return err
}

// renew lets Get see what has been written. Of two at once the later view stays.
func (d *db) renew() error {
	next := d.badger.NewTransaction(false)
	d.mu.Lock()
	if !d.closed && next.ReadTs() > d.read.ReadTs() {
		next, d.read = d.read, next
	}
	d.mu.Unlock()
	next.Discard()
	return nil
}

// borrow returns n empty entries; Badger keeps pointers to them until the transaction is committed.
func (d *db) borrow(n int) []badger.Entry {
	d.scratchMu.Lock()
	defer d.scratchMu.Unlock()
	if last := len(d.scratch) - 1; last >= 0 {
		entries := d.scratch[last]
		d.scratch = d.scratch[:last]
		if cap(entries) >= n {
			return entries[:n]
		}
	}
	return make([]badger.Entry, n)
}

// Entries kept for the next batch, and batches of them: enough for commits, without holding what one restore needed.
const (
	scratchEntries = 1 << 16
	scratchBatches = 4
)

func (d *db) giveBack(entries []badger.Entry) {
	clear(entries)
	if cap(entries) > scratchEntries {
		return
	}
	d.scratchMu.Lock()
	defer d.scratchMu.Unlock()
	if len(d.scratch) < scratchBatches {
		d.scratch = append(d.scratch, entries)
	}
}

// enter registers a call that Close must wait for.
func (d *db) enter() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return store.ErrClosed
	}
	d.calls.Add(1)
	return nil
}

// Size implements store.Store: the bytes that the files take on the disk, holes left out.
func (d *db) Size() int64 {
	if d.enter() != nil {
		return 0
	}
	defer d.calls.Done()
	return dirSize(d.dir)
}

// Close implements store.Store. It writes the table in memory to its file, some 50 ms.
func (d *db) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.read.Discard()
	d.mu.Unlock()
	d.calls.Wait()

	if err := d.badger.Close(); err != nil {
		return d.failed("close", err)
	}
	return nil
}

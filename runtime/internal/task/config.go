// Package task runs one task: it takes batches of records, steps the agents through them, and commits.
//
// It knows bytes, not types, and nothing of Kafka: what it needs from the broker is the Log interface below, what it needs from the
// typed tables is the Table interface. A task is owned by one goroutine, the one in Run; nothing else may touch its state, save through
// Stop and Call. Run starts no goroutine.
//
// The order of a commit (at least once) is the order that loses nothing:
//
//	outputs and changelog acknowledged ─▶ source offsets committed ─▶ changes and changelog offset into the store, in one batch
package task

import (
	"context"
	"log/slog"
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/store"
)

// Log is what a task needs from the broker. All methods may be called by several tasks at once.
type Log interface {
	// Append hands builders to the producer, in order; done is called once for each, from another goroutine, when the broker has
	// acknowledged it or refused it for good. It blocks while too much is outstanding.
	Append(ctx context.Context, builders []*record.Builder, done func(*record.Builder, error)) error
	// Fetch delivers the records of a partition from offset on to inbox, until Unfetch has returned.
	Fetch(tp record.TopicPartition, offset int64, inbox chan<- *record.Batch)
	Unfetch(tp record.TopicPartition)
	// Ends returns the first offset and the one after the last of each partition, whether committed or not.
	Ends(ctx context.Context, tps []record.TopicPartition) (first, next map[record.TopicPartition]int64, err error)
	// Committed returns the group's committed offsets; a partition that has none is absent.
	Committed(ctx context.Context, tps []record.TopicPartition) (map[record.TopicPartition]int64, error)
	// Commit commits source offsets for the group as the present member; ErrFenced if the task belongs to another worker by now.
	Commit(ctx context.Context, offsets map[record.TopicPartition]int64) error
}

// Table is the state of one table in this task, typed behind this interface. All methods are called by the task's goroutine.
type Table interface {
	// Restore turns one record of the changelog into changes of the store. A nil value is a tombstone.
	Restore(key, value []byte, changes *store.Batch) error
	// Load reads what the table keeps in memory from the store, after the last Restore.
	Load() error
	// Flush calls add for every change since the last Committed, as the changelog has it, and puts the same into changes as the store has it.
	Flush(add func(key, value []byte), changes *store.Batch) error
	// Value is what the table now holds under a key of the changelog, nil for nothing; it is valid until the next call of the table.
	Value(key []byte) ([]byte, error)
	// Committed says that what Flush gave out is in the changelog, the offsets are committed and the store holds it.
	Committed()
	// Dirty is the number of changes that wait for Flush.
	Dirty() int
	// Keep and Undo end an event: its changes stay, or are taken back.
	Keep()
	Undo()
}

// TableSlot is one table with its changelog partition and its place in a store.
type TableSlot struct {
	Table     Table
	Name      string
	Changelog record.TopicPartition
	Store     store.Store
	OffsetKey []byte // where the store keeps the changelog offset to go on from
	Prefix    []byte // of all the table's keys in the store, OffsetKey included
	out       *Output
	leftOut   map[string]bool // keys whose last change in the changelog was never committed; the next commit writes what they hold
}

// Step is what one agent does with the records of one input.
type Step struct {
	Name string
	// Skip is on_error=skip: an event whose body fails is undone, counted and logged, and the next one follows. Otherwise it stops the worker.
	Skip bool
	// Process handles one record. It is nil for an agent that is a loop.
	Process func(*record.Record) error
	// Loop runs the user's loop, which pulls its events by Task.Next. It is nil for the other shapes.
	Loop func(context.Context) error
	// Tell, if set, is called at the end of every batch of the input, and every second while nothing comes: the step tells the
	// partitions of its repartition topic what time it is. all: also those that heard it a moment ago and shall not be told too often.
	Tell func(idle, all bool, now time.Time)

	co *coroutine // of a loop that isn't the first of its task
}

// Input is one source partition of the task.
type Input struct {
	record.TopicPartition
	Steps []*Step
	// Observe, if set, sees every record first; if it returns true the record was no event.
	Observe func(*record.Record) bool

	position, end int64     // the next offset to be processed; the high watermark
	committed     int64     // the position that is committed
	started       bool      // it has been fetched once, so that end is known
	told          time.Time // when the steps last told their repartition topics the time
	toldIdle      bool      // and whether they said then that the input is idle
	busy          time.Time // when the last record came
}

// Config is a task as its worker describes it.
type Config struct {
	Name      string // component/partition, for people
	Inputs    []*Input
	Tables    []*TableSlot
	Log       Log
	Logger    *slog.Logger
	Interval  time.Duration // between commits
	Partition int32

	// Pulse is called in the task's goroutine between batches, at least every few milliseconds under load: windows close, timers fire.
	// caughtUp says that every input has been read to its end. It returns when it wants to be called again at the latest.
	Pulse func(now time.Time, caughtUp bool) (next time.Time, err error)
	// Own, if set, returns when it is certain that this worker has the task, or with the cause of ctx's end. It is asked before anything
	// is sent: a worker that was stopped for a while must not write beside its successor.
	Own func(ctx context.Context) error
	// Progress, if set, is told of a restore: records read and to be read of one table.
	Progress func(table string, done, total int64)
	// Changed is called when the state changes.
	Changed func(State)
}

// Stats counts what a task has done; a copy of it is handed out by Task.Stats.
type Stats struct {
	Records, Skipped, Late, Commits int64
	LastRecord                      time.Time // when the last record was taken
	CaughtUp                        bool
	Lag                             int64
}

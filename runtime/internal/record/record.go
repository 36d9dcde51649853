// Package record holds what crosses goroutines: records, batches of them, and the builder that a task fills for the producer.
// It is the leaf that every internal package may import, and it imports nothing but the standard library.
package record

// TopicPartition names one partition of one topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Record is one record as the broker handed it out.
// Key, Value and Headers are views into a fetch buffer: they are valid until the Batch that holds them is released.
type Record struct {
	Key     []byte // nil if the record has no key
	Value   []byte // nil if the record is a tombstone; empty but not nil if the value has no bytes
	Headers []byte // the headers as they stand in the record batch, without their count; see NextHeader
	Time    int64  // ms since 1970, as the producer or the broker set it
	Offset  int64

	HeaderCount int32
}

// Batch is what one fetch returned for one partition. It crosses to one task, which releases it.
type Batch struct {
	TopicPartition
	Records []Record

	// Next is the offset to go on from: after the last record, or after control batches and compacted gaps that hold no record.
	Next int64
	// End is the partition's high watermark when the fetch was answered: the batch leaves a lag of End - Next.
	End int64
	// Err is set, and Records empty, when the partition can't be read any more as asked (offset out of range, topic deleted, denied).
	Err error

	release func()
}

// OnRelease sets what Release calls; the fetcher uses it to take its buffer back.
func (b *Batch) OnRelease(f func()) { b.release = f }

// Release gives the batch's memory back to the fetcher. No view into the batch may be used afterwards. It may be called once.
func (b *Batch) Release() {
	if f := b.release; f != nil {
		b.release, b.Records = nil, nil
		f()
	}
}

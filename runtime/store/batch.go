package store

import "fmt"

// Batch is a list of changes for Store.Apply, in order; of two changes of one key the later one counts.
// It copies what it is given into one buffer, so that a Batch that is used again allocates nothing once it has grown.
// The zero Batch is ready for use. A Batch belongs to one goroutine.
type Batch struct {
	arena []byte
	ops   []op
}

// op names its bytes by place, since growing the arena moves them: the key at at, the value right behind it.
type op struct {
	at       int
	keyLen   int
	valueLen int // -1 for a deletion
}

// Put adds a change that sets key to value. An empty or nil value is a value.
func (b *Batch) Put(key, value []byte) {
	b.ops = append(b.ops, op{at: len(b.arena), keyLen: len(key), valueLen: len(value)})
	b.arena = append(b.arena, key...)
	b.arena = append(b.arena, value...)
}

// Delete adds a change that removes key; removing a key that is not there is no error.
func (b *Batch) Delete(key []byte) {
	b.ops = append(b.ops, op{at: len(b.arena), keyLen: len(key), valueLen: -1})
	b.arena = append(b.arena, key...)
}

// Len is the number of changes.
func (b *Batch) Len() int { return len(b.ops) }

// Bytes is the size of all keys and values added.
func (b *Batch) Bytes() int { return len(b.arena) }

// Reset empties the batch and keeps its memory for the next use.
func (b *Batch) Reset() {
	b.arena = b.arena[:0]
	b.ops = b.ops[:0]
}

// Entry returns change i, 0 <= i < Len, in the order of adding. The bytes are views, valid until the next Put, Delete or Reset;
// value is nil for a deletion. It is for those who implement Store.
func (b *Batch) Entry(i int) (key, value []byte, deletion bool) {
	o := b.ops[i]
	keyEnd := o.at + o.keyLen
	key = b.arena[o.at:keyEnd:keyEnd]
	if o.valueLen < 0 {
		return key, nil, true
	}
	end := keyEnd + o.valueLen
	return key, b.arena[keyEnd:end:end], false
}

// Check returns ErrKey, with the length found, if a key or a value of the batch is outside the limits of a Store.
// It is for those who implement Store, to be called before anything is written.
func (b *Batch) Check() error {
	for i := range b.ops {
		o := &b.ops[i]
		switch {
		case o.keyLen == 0:
			return fmt.Errorf("change %d of the batch: %w: the key is empty; give it at least one byte", i, ErrKey)
		case o.keyLen > MaxKey:
			return fmt.Errorf("change %d of the batch: %w: the key has %d bytes; shorten it to %d", i, ErrKey, o.keyLen, MaxKey)
		case o.valueLen > MaxValue:
			return fmt.Errorf("change %d of the batch: %w: the value has %d bytes; keep it below %d", i, ErrKey, o.valueLen, MaxValue)
		}
	}
	return nil
}

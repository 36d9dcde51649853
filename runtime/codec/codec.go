// Package codec holds what generated code calls to write and read records: JSON without reflection, keys, validation.
// It is public because generated code lives in users' packages; it is meant for generated code only and follows its version.
package codec

import "time"

// Generated1 is what generated files of packages that only hold records refer to; see the constant of that name in package faust.
const Generated1 = true

// Value is how the values of a topic or table are written and read. Generated code fills it; it is not changed afterwards.
type Value[V any] struct {
	// Name is the codec as in a directive: json, text, raw.
	Name string
	// Append appends v's encoding to dst. It fails for what has none (NaN, a time out of range, a failing MarshalJSON).
	Append func(dst []byte, v *V) ([]byte, error)
	// Decode reads the whole of b into *v, which is the zero value. Strings of v come from r as its policy says (copied, or borrowed from b).
	Decode func(r *Reader, b []byte, v *V) error
	// Validate reports every violated rule; nil if V has no rules.
	Validate func(v *V) error
	// Time is the event time that a record's time= names; nil if it has none.
	Time func(v *V) time.Time
	// Flat: V holds no slice, map or pointer, so that a copy of it shares nothing that can be changed (strings and times are fine).
	Flat bool
	// Fails: Append can fail for some V.
	Fails bool
	// Clone makes *v independent of a fetch buffer it may have borrowed strings from; nil if V holds no strings.
	Clone func(v *V)
}

// Key is how the keys of a topic or table are written and read: as the bytes that decide the partition.
type Key[K any] struct {
	// Append appends k's bytes to dst.
	Append func(dst []byte, k K) ([]byte, error)
	// Decode reads a key; the result never aliases b.
	Decode func(b []byte) (K, error)
	// AppendJSON appends k as JSON of its type: what query prints.
	AppendJSON func(dst []byte, k K) ([]byte, error)
	// Parse reads the text form that a command line holds: the text itself for strings and times, 42, true, JSON for records.
	Parse func(text string) (K, error)
	// Normal returns the key that stands for all keys with k's bytes, for types whose == tells such keys apart (times in other zones);
	// nil if there are none.
	Normal func(k K) K
}

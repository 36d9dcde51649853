package faust

import (
	"time"

	"github.com/faustgen/faustgen/runtime/internal/record"
	"github.com/faustgen/faustgen/runtime/internal/task"
)

// Event is one record of a topic with all that came with it.
type Event[K, V any] struct {
	Key    K
	Value  V
	HasKey bool // the record has a key; without one, Key is the zero value
	// Deleted says that the record is a tombstone: its value is null, and Value the zero value.
	Deleted bool
	// Time is the event time: what the record's time= names, else the time that the broker has.
	Time      time.Time
	Topic     string // behind a group_by the repartition topic
	Partition int32
	Offset    int64
	Headers   Headers
}

// Headers are an event's headers, in their order. Names may repeat.
type Headers []HeaderField

// HeaderField is one header.
type HeaderField struct {
	Name  string
	Value []byte
}

// Get returns the value of the last header of that name, as Kafka's own clients do.
func (h Headers) Get(name string) ([]byte, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Name == name {
			return h[i].Value, true
		}
	}
	return nil, false
}

// headersOf copies a record's headers, without those that only the runtime reads.
func headersOf(r *record.Record) Headers {
	if r.HeaderCount == 0 {
		return nil
	}
	var headers Headers
	for h := r.Headers; len(h) > 0; {
		name, value, rest, ok := record.NextHeader(h)
		if !ok {
			break
		}
		h = rest
		if string(name) == task.TimeHeader {
			continue
		}
		f := HeaderField{Name: string(name)}
		if value != nil {
			f.Value = append([]byte{}, value...)
		}
		headers = append(headers, f)
	}
	return headers
}

// Window is the time from Start up to, but not including, End; both in UTC, with a resolution of 1 ms.
type Window struct{ Start, End time.Time }

func windowAt(start, size int64) Window {
	return Window{time.UnixMilli(start).UTC(), time.UnixMilli(start + size).UTC()}
}

package task

import (
	"encoding/binary"
	"math"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// TimeHeader is the header that a record of a repartition topic carries when windows stand behind the group_by: the source partition
// it came from and that partition's stream time. A record that carries it with the control bit is no event: it only tells the time.
const TimeHeader = "faust-time"

const (
	flagIdle    = 1
	flagControl = 2
)

// SourceTime is the content of a TimeHeader.
type SourceTime struct {
	Source  int // index among the agent's source partitions: topics by name, then partitions
	Wall    int64
	Idle    bool
	Control bool
	Times   []int64 // stream time by choice of event time: the record's own first, then each time= of the tables
}

// AppendSourceTime appends the value of a TimeHeader; see docs/formats.md, "Repartition records".
func AppendSourceTime(dst []byte, s *SourceTime) []byte {
	var flags byte
	if s.Idle {
		flags |= flagIdle
	}
	if s.Control {
		flags |= flagControl
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(s.Source))
	dst = binary.AppendVarint(dst, s.Wall)
	for _, t := range s.Times {
		dst = binary.AppendVarint(dst, t)
	}
	return dst
}

// ReadSourceTime finds the TimeHeader of a record and reads it into s, whose Times it reuses. ok is false if there is none. The last
// one counts: the runtime adds its own behind the headers that a record came with, among which may be one of that name.
func ReadSourceTime(r *record.Record, s *SourceTime) (ok bool) {
	last := record.LastHeader(r.Headers, TimeHeader)
	if last == nil {
		return false
	}
	d := varints{b: last}
	flags := d.byte()
	s.Idle, s.Control = flags&flagIdle != 0, flags&flagControl != 0
	source := d.uvarint()
	if source > math.MaxInt32 {
		return false // not written by us
	}
	s.Source, s.Wall, s.Times = int(source), d.varint(), s.Times[:0]
	for len(d.b) > 0 && !d.bad {
		s.Times = append(s.Times, d.varint())
	}
	return !d.bad
}

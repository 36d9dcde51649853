package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/faustgen/faustgen/runtime/internal/record"
)

// ProtocolType is the group type we give: that of Kafka's own consumers, so that Kafka's tools can show our groups.
// Protocol is the name of our assignor; a consumer with another assignor can't join by mistake.
const (
	ProtocolType = "consumer"
	Protocol     = "faust"
)

// ErrFormat is wrapped by what the decoders return for bytes that aren't group metadata, or are damaged.
var ErrFormat = errors.New("not valid group metadata")

// Subscription is what a member tells the leader, and anyone who describes the group, each time it joins.
type Subscription struct {
	Topics []string // all topics it may be given partitions of

	Owned           []Task                  // the tasks it works on
	OwnedPartitions []record.TopicPartition // the same as Kafka's tools know it: by topic
	Generation      int32                   // in which the assignment came that Owned is of; -1 before the first

	Address string // host:port of its web server, empty if it has none
	Former  []Task // see Peer.Former
}

// Assignment is what the leader tells a member in each generation.
type Assignment struct {
	Tasks      []Task
	Partitions []record.TopicPartition // the same as Kafka's tools know it: by topic

	// Member is the id the assignment was made for. A static member that restarts is given its predecessor's.
	Member string
}

// The versions we write of Kafka's part and of ours. Kafka's version 2 has the generation, 3 would add a rack.
const (
	subscriptionVersion       = 2
	assignmentVersion         = 1
	subscriptionVersions      = 3 // the newest whose every byte we know
	assignmentVersions        = 3
	userDataMagic             = 'F'
	userDataVersion           = 1
	fieldOwned           byte = 1
	fieldGeneration      byte = 2
	fieldAddress         byte = 3
	fieldFormer          byte = 4
	fieldTasks           byte = 1
	fieldMember          byte = 2
)

// EncodeSubscription gives the bytes a member sends with JoinGroup.
func EncodeSubscription(s Subscription) []byte {
	user := []byte{userDataMagic, userDataVersion}
	user = appendField(user, fieldOwned, appendTasks(nil, s.Owned))
	user = appendField(user, fieldGeneration, appendInt32(nil, s.Generation))
	user = appendField(user, fieldAddress, []byte(s.Address))
	user = appendField(user, fieldFormer, appendTasks(nil, s.Former))

	b := binary.BigEndian.AppendUint16(nil, subscriptionVersion)
	b = appendInt32(b, int32(len(s.Topics)))
	for _, t := range s.Topics {
		b = appendString(b, t)
	}
	b = appendBytes(b, user)
	b = appendPartitions(b, s.OwnedPartitions)
	return appendInt32(b, s.Generation)
}

// DecodeSubscription reads what EncodeSubscription wrote, in this version of the program or another.
// Fields it doesn't know are skipped and missing ones left empty; a consumer that isn't ours and sent no user data has topics only.
// Damaged bytes and foreign user data give an error that wraps ErrFormat.
func DecodeSubscription(b []byte) (Subscription, error) {
	s := Subscription{Generation: -1}
	r := reader{b: b}
	version := r.version()
	for range r.count(2) {
		s.Topics = append(s.Topics, r.string())
	}
	user := r.bytes()
	if version >= 1 {
		s.OwnedPartitions = r.partitions()
	}
	if version >= 2 {
		s.Generation = r.int32()
	}
	if version >= 3 && len(r.b) > 0 {
		r.nullableString() // the rack, which we don't use
	}
	r.end(version > subscriptionVersions)
	r.fields(user, func(f *reader, field byte) {
		switch field {
		case fieldOwned:
			s.Owned = f.tasks()
		case fieldGeneration:
			s.Generation = f.int32()
		case fieldAddress:
			s.Address = string(f.rest())
		case fieldFormer:
			s.Former = f.tasks()
		default:
			f.rest()
		}
	})
	if r.err != nil {
		return Subscription{}, fmt.Errorf("decode subscription of a group member: %w", r.err)
	}
	return s, nil
}

// EncodeAssignment gives the bytes the leader sends for one member with SyncGroup.
func EncodeAssignment(a Assignment) []byte {
	user := []byte{userDataMagic, userDataVersion}
	user = appendField(user, fieldTasks, appendTasks(nil, a.Tasks))
	user = appendField(user, fieldMember, []byte(a.Member))

	b := binary.BigEndian.AppendUint16(nil, assignmentVersion)
	b = appendPartitions(b, a.Partitions)
	return appendBytes(b, user)
}

// DecodeAssignment reads what EncodeAssignment wrote, under the rules of [DecodeSubscription]. No bytes at all, which is what
// the coordinator has for a member until the leader spoke, are an empty assignment.
func DecodeAssignment(b []byte) (Assignment, error) {
	var a Assignment
	if len(b) == 0 {
		return a, nil
	}
	r := reader{b: b}
	version := r.version()
	a.Partitions = r.partitions()
	user := r.bytes()
	r.end(version > assignmentVersions)
	r.fields(user, func(f *reader, field byte) {
		switch field {
		case fieldTasks:
			a.Tasks = f.tasks()
		case fieldMember:
			a.Member = string(f.rest())
		default:
			f.rest()
		}
	})
	if r.err != nil {
		return Assignment{}, fmt.Errorf("decode assignment of a group member: %w", r.err)
	}
	return a, nil
}

func appendInt32(b []byte, n int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendString(b []byte, s string) []byte {
	// Names of topics end at 249 bytes and those of components at what a Go identifier is; nothing longer gets here.
	s = s[:min(len(s), math.MaxInt16)]
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendBytes(b, data []byte) []byte { return append(appendInt32(b, int32(len(data))), data...) }

func appendField(b []byte, field byte, data []byte) []byte {
	return appendBytes(append(b, field), data)
}

// appendGroups writes (name, number) pairs grouped by name: the form Kafka has for partitions, which we use for tasks too.
// It sorts and drops doubles, so that equal sets have equal bytes: the coordinator compares them to see whether a member changed its mind.
func appendGroups(b []byte, pairs []Task) []byte {
	pairs = slices.Compact(slices.SortedFunc(slices.Values(pairs), Task.Compare))
	names := int32(0)
	for i, p := range pairs {
		if i == 0 || p.Component != pairs[i-1].Component {
			names++
		}
	}
	b = appendInt32(b, names)
	for len(pairs) > 0 {
		n := slices.IndexFunc(pairs, func(p Task) bool { return p.Component != pairs[0].Component })
		if n < 0 {
			n = len(pairs)
		}
		b = appendInt32(appendString(b, pairs[0].Component), int32(n))
		for _, p := range pairs[:n] {
			b = appendInt32(b, p.Partition)
		}
		pairs = pairs[n:]
	}
	return b
}

func appendTasks(b []byte, tasks []Task) []byte { return appendGroups(b, tasks) }

func appendPartitions(b []byte, tps []record.TopicPartition) []byte {
	pairs := make([]Task, len(tps))
	for i, tp := range tps {
		pairs[i] = Task{tp.Topic, tp.Partition}
	}
	return appendGroups(b, pairs)
}

// reader takes values off b. After the first error every read gives the zero value.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrFormat, what)
	}
	r.b = nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail("it ends too early")
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) rest() []byte { return r.take(len(r.b)) }

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) version() int16 {
	v := r.int16()
	if v < 0 {
		r.fail("its version is negative")
	}
	return v
}

// count reads how many elements follow. As each takes at least size bytes, a count that can't be true allocates nothing.
func (r *reader) count(size int) int {
	n := int(r.int32())
	if n < 0 || n > len(r.b)/size {
		r.fail("a count is larger than the bytes that follow")
		return 0
	}
	return n
}

func (r *reader) string() string { return string(r.take(int(r.int16()))) }

func (r *reader) nullableString() string {
	if n := int(r.int16()); n >= 0 {
		return string(r.take(n))
	}
	return ""
}

// bytes reads a nullable field of bytes; null and empty are the same to us.
func (r *reader) bytes() []byte {
	if n := int(r.int32()); n >= 0 {
		return r.take(n)
	}
	return nil
}

func (r *reader) tasks() []Task {
	var tasks []Task
	for range r.count(2 + 4) {
		name := r.string()
		for range r.count(4) {
			tasks = append(tasks, Task{name, r.int32()})
		}
	}
	return tasks
}

func (r *reader) partitions() []record.TopicPartition {
	var tps []record.TopicPartition
	for _, p := range r.tasks() {
		tps = append(tps, record.TopicPartition{Topic: p.Component, Partition: p.Partition})
	}
	return tps
}

// end insists that everything was read, unless a newer program may have written more than we know.
func (r *reader) end(newer bool) {
	if len(r.b) > 0 && !newer {
		r.fail("bytes follow its end")
	}
}

// fields walks our user data and gives each field to read. A newer program may have made known fields longer: their beginnings count.
func (r *reader) fields(user []byte, read func(f *reader, field byte)) {
	if r.err != nil || len(user) == 0 {
		return
	}
	f := reader{b: user}
	if head := f.take(2); head == nil || head[0] != userDataMagic || head[1] == 0 {
		r.fail("its user data was written by another assignor")
		return
	}
	newer := user[1] > userDataVersion
	for len(f.b) > 0 {
		id := f.take(1)[0]
		value := reader{b: f.take(int(f.int32()))}
		if f.err == nil {
			read(&value, id)
			value.end(newer)
			f.err = value.err
		}
	}
	if f.err != nil {
		r.err = f.err
		r.b = nil
	}
}

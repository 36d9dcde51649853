// Package group is our member of a Kafka consumer group: it joins, learns its tasks, keeps the membership alive and gives tasks back.
// It knows nothing of the wire (Coordinator below is all it needs of a broker) and nothing of what a task does (that is the Handler's).
//
//   - assign.go, flow.go: which member gets which task. Pure: no clock, no I/O, the same answer whoever is asked.
//   - userdata.go: the bytes that members and leader exchange; the table of them is docs/formats.md, "Group metadata".
//   - member.go, heartbeat.go: the shell that joins, syncs, beats and calls the Handler.
//
// A Member is owned by the goroutine in Run: it alone calls the Handler, never twice at a time. The heartbeats of one generation
// run in a goroutine of their own, which Run ends and awaits. Nothing else in the package starts a goroutine.
package group

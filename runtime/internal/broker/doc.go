// Package broker speaks to Kafka: it fetches and produces batches of records, stores offsets, creates topics and takes part in groups.
// It knows nothing of agents, tables or tasks, and decides nothing about assignment: a group's metadata and assignments are opaque bytes here.
//
// kafka-go's Transport dials, does TLS and SASL and keeps the connections; every message on them is written and read by this package.
// A broker must be Kafka 2.5 or newer (OffsetFetch with require_stable).
//
// Goroutines: Fetcher.Run and Producer.Run own what they start and wait for it. Everything else runs on the caller's goroutine.
// The Transport's own goroutines end with Client.Close.
package broker

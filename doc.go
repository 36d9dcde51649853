// Package faustgen is the root of the module: stream processing on Kafka for Go, as a code generator and a lightweight runtime.
// There is nothing to import here. Start with the README, or with package faust in runtime/.
package faustgen

// All packages of this repository that declare something are generated in one run.
//
//go:generate go tool faustgen ./...

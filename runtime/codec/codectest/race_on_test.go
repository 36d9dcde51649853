//go:build race

package codectest

// raced: under the race detector a sync.Pool forgets at random what it holds, so what comes from one costs allocations.
const raced = true

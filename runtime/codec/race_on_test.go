//go:build race

package codec

// raced: under the race detector a sync.Pool forgets at random what it holds, so what comes from one costs allocations.
const raced = true

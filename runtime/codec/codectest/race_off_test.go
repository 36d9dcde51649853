//go:build !race

package codectest

// raced is described in race_on_test.go.
const raced = false

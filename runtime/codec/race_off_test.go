//go:build !race

package codec

// raced is described in race_on_test.go.
const raced = false

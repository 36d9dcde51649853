//go:build !linux && !darwin

package devbroker

// lockDir takes no lock here: two brokers on one directory are not found out.
func lockDir(string) (release func() error, err error) {
	return func() error { return nil }, nil
}

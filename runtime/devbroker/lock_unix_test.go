//go:build linux || darwin

package devbroker

import (
	"testing"
	"testing/synctest"
	"time"
)

// The lock of a process that was killed a moment ago is waited for; that of one that lives is not.
func TestADyingOwnerIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release, err := lockDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lockDir(dir); err == nil {
			t.Fatal("two owners at once")
		}
		time.AfterFunc(lockWait/2, func() {
			if err := release(); err != nil {
				t.Error(err)
			}
		})
		again, err := lockDir(dir)
		if err != nil {
			t.Fatal("the owner has gone:", err)
		}
		if err := again(); err != nil {
			t.Error(err)
		}
	})
}

//go:build linux || darwin

package badger

import (
	"testing"
	"testing/synctest"
	"time"
)

// The lock of a process that was killed a moment ago is waited for; that of one that lives is not.
func TestADyingOwnerIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release, err := holdDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holdDir(dir); err == nil {
			t.Fatal("two owners at once")
		}
		time.AfterFunc(lockWait/2, func() {
			if err := release(); err != nil {
				t.Error(err)
			}
		})
		again, err := holdDir(dir)
		if err != nil {
			t.Fatal("the owner has gone:", err)
		}
		if err := again(); err != nil {
			t.Error(err)
		}
	})
}

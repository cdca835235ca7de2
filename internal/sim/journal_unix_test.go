//go:build unix

package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Only a lock of somebody else means that a journal is in use.
func TestLockFileSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	open := func(path string) *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	path := filepath.Join(t.TempDir(), "j")
	if err := lockFile(open(path)); err != nil {
		t.Fatal(err)
	}
	if err := lockFile(open(path)); err == nil || !strings.HasSuffix(err.Error(), "is in use by another process") {
		t.Error(err)
	}
	closed := open(path)
	closed.Close()
	if err := lockFile(closed); err == nil || !strings.Contains(err.Error(), "cannot be locked") {
		t.Error(err)
	}
}

// A process that is being started has a copy of every open file for a moment.
func TestAClosedJournalIsFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "j")
	j := journalAt(t, path, false)
	twin, err := unix.Dup(int(j.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(twin)
	closeJournal(t, j)
	closeJournal(t, journalAt(t, path, true))
}

//go:build unix

package capture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// lock keeps a second writer out, whose lines could be cut off when a failed
// write is taken back. It ends with the file's closing, also by death. A file
// system without locks is trusted. A signal may break the call off.
func lock(f *os.File) error {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("%s is being written by another process", f.Name())
		default:
			return nil
		}
	}
}

// deleted says whether an open file has no name any more.
func deleted(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}

// syncDir makes a file's name durable. Some file systems refuse to sync a
// directory and need not be asked.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if errors.Is(err, os.ErrPermission) {
		return nil // it may be written to but not read: nothing to be done
	}
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

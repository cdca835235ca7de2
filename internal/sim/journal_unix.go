//go:build unix

package sim

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// unlockFile gives the lock back. To close the file is not enough while a process that is
// just being started still has a copy of it.
func unlockFile(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// lockFile keeps other processes from writing the same journal. The lock ends
// with the process, however that ends. A signal may break the call off.
func lockFile(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("journal %s is in use by another process", f.Name())
		default:
			return fmt.Errorf("journal %s cannot be locked: %w", f.Name(), err)
		}
	}
}

//go:build unix

package sim

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile keeps other processes from writing the same journal. The lock ends
// with the process, however that ends.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

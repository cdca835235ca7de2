package capture

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes the file's content durable, without the times that nobody
// needs after a crash.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// reserve asks for disk space ahead without changing the file's length, so
// that no reader sees it. It is only a hint: a file system that cannot do it is
// slower, not wrong.
func reserve(f *os.File, off, n int64) {
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, off, n)
}

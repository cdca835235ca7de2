package capture

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes the file's content durable, without the times that nobody
// needs after a crash. What is no file on a disk, such as a pipe, has nothing
// to sync.
func datasync(f *os.File) error {
	err := unix.Fdatasync(int(f.Fd()))
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EROFS) {
		return nil
	}
	return err
}

// reserve asks for disk space ahead without changing the file's length. It is
// only a hint: a file system that cannot do it is slower, not wrong.
func reserve(f *os.File, off, n int64) {
	_ = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, off, n)
}

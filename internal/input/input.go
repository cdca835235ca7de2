// Package input reads what people name: files, and also pipes, FIFOs and
// devices, which can be read only once and may keep a reader waiting. A read that
// waits ends with the context; what is read whole has a bound; a byte order mark
// is taken off, and UTF-16 is refused by name.
//
// Begin at Open for what is read piece by piece, and at ReadFile for what is read
// whole, AtMost for answers over a network; Create opens what is written. The package does not know what the files mean.
package input

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Open opens a file to read. A regular file is returned as an *os.File. Anything
// else is a *Stream, which is opened in the background: what is wrong with it,
// and the end of ctx, show when it is read. A folder is an error; what cannot be opened
// is a *FileError, which names the nearest file where there is none of that name.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, Unreadable(path, err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not a file", path)
	case info.Mode().IsRegular():
		return open(path)
	}
	return newStream(ctx, func() (io.ReadCloser, error) { return open(path) }), nil
}

func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, Unreadable(path, err)
	}
	return f, nil
}

// Create opens a file to write it, as os.OpenFile does. Of a FIFO that nobody reads this
// waits, until ctx is done.
func Create(ctx context.Context, path string, flag int, mode os.FileMode) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().IsRegular() {
		return os.OpenFile(path, flag, mode)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened)
	go func() {
		f, err := os.OpenFile(path, flag, mode)
		select {
		case done <- opened{f, err}:
		case <-ctx.Done():
			f.Close() // of none it is an error that nobody needs
		}
	}()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Until returns a reader of r that ends with ctx's error when ctx is done. A read
// that waits goes on waiting: a Stream ends that as well.
func Until(ctx context.Context, r io.Reader) io.Reader { return &until{ctx, r} }

type until struct {
	ctx context.Context
	r   io.Reader
}

func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// ReadFile reads a whole file of at most that many bytes, as Open does.
func ReadFile(ctx context.Context, path string, most int64) ([]byte, error) {
	f, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(path, f, most)
}

// ReadAll reads at most that many bytes; more are an error. name is the source's in errors.
func ReadAll(name string, r io.Reader, most int64) ([]byte, error) {
	data, more, err := AtMost(r, most)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case more:
		return nil, fmt.Errorf("%s is larger than %s", name, size(most))
	}
	return data, nil
}

// AtMost reads that many bytes at most, and says whether there are more.
func AtMost(r io.Reader, most int64) (data []byte, more bool, err error) {
	data, err = io.ReadAll(io.LimitReader(r, most+1))
	if more = int64(len(data)) > most; more {
		data = data[:most]
	}
	return data, more, err
}

func size(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// errUTF16 refuses a text as some shells and spreadsheets write it.
var errUTF16 = errors.New("the text is UTF-16; save it as UTF-8")

// markSize is how many bytes tell the encoding.
const markSize = 4

// Text takes the byte order mark off a text; UTF-16 is an error.
func Text(data []byte) ([]byte, error) {
	n, err := mark(data[:min(len(data), markSize)])
	return data[n:], err
}

// SkipMark passes over the byte order mark of a text; UTF-16 is an error.
func SkipMark(r *bufio.Reader) error {
	head, _ := r.Peek(markSize) // the next read reports the error
	n, err := mark(head)
	if err == nil && n > 0 {
		_, err = r.Discard(n)
	}
	return err
}

// mark gives the length of the byte order mark. UTF-16 without one shows by the
// zero half of its first two characters, which no text begins with.
func mark(head []byte) (int, error) {
	switch {
	case bytes.HasPrefix(head, []byte("\uFEFF")):
		return len("\uFEFF"), nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return 0, errUTF16
	case len(head) == markSize && (head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0 || head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0):
		return 0, errUTF16
	}
	return 0, nil
}

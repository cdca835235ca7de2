package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"relayctl/internal/suggest"
)

// Sync says when a record counts as stored.
type Sync string

// The modes. Always survives a power cut; Interval loses at most a second of
// records in one; None leaves it to the system. All survive the death of the
// process.
const (
	Always   Sync = "always"
	Interval Sync = "interval"
	None     Sync = "none"
)

// ParseSync reads a mode by its name.
func ParseSync(s string) (Sync, error) {
	switch m := Sync(s); m {
	case Always, Interval, None:
		return m, nil
	}
	known := []string{string(Always), string(Interval), string(None)}
	return "", fmt.Errorf("unknown sync mode %q (one of always, interval, none)%s", s, suggest.DidYouMean(s, known))
}

// Options of a Writer; the zero value syncs always and never rotates.
type Options struct {
	Sync Sync
	// MaxBytes ends a file that would grow beyond it: it is renamed to FILE.1,
	// FILE.2 and so on in order, and a new FILE is begun. 0 is no limit.
	MaxBytes int64
}

const (
	interval    = time.Second
	preallocate = 8 << 20 // reserved ahead, so that a sync rarely has to grow the file
	reuseLimit  = 4 << 20 // a larger buffer is given back to the collector
)

// ErrClosed is the error of an Append after Close.
var ErrClosed = errors.New("the capture is closed")

// Writer appends records to a capture. Records that arrive while a write is
// under way share the next one (group commit). It is safe for concurrent use.
type Writer struct {
	path string
	opt  Options

	mu      sync.Mutex
	next    *commit
	spare   []byte
	closed  bool
	wake    chan struct{}
	stopped chan struct{}

	// Only the committer uses these once it runs.
	f        *os.File
	size     int64 // bytes of whole lines
	reserved int64
	dirty    bool
}

// commit is a batch of lines that are written together.
type commit struct {
	buf  []byte
	done chan struct{}
	err  error
}

// Open opens the capture for appending, making it with mode 0600 if need be. A
// torn last line is ended, so that the next record begins on a line of its own.
func Open(path string, opt Options) (*Writer, error) {
	if opt.Sync == "" {
		opt.Sync = Always
	}
	w := &Writer{path: path, opt: opt, next: newCommit(nil), wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	if err := w.open(); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

func newCommit(buf []byte) *commit { return &commit{buf: buf[:0], done: make(chan struct{})} }

func (w *Writer) open() error {
	f, err := os.OpenFile(w.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("capture: %w", err)
	}
	w.f, w.size, w.reserved = f, info.Size(), info.Size()
	if info.Mode().IsRegular() && w.size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, w.size-1); err == nil && last[0] != '\n' {
			n, err := f.Write([]byte("\n"))
			w.size += int64(n)
			if err != nil {
				f.Close()
				return fmt.Errorf("capture: %w", err)
			}
		}
	}
	return nil
}

// Append stores a record and returns once it is stored as the mode promises.
// After an error the record is not stored; later ones may be.
func (w *Writer) Append(r *Record) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return ErrClosed
	}
	c := w.next
	c.buf = r.Append(c.buf)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-c.done
	return c.err
}

// Close stores what is under way and closes the file.
func (w *Writer) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	close(w.wake)
	<-w.stopped
	err := w.sync()
	return errors.Join(err, w.f.Close())
}

func (w *Writer) run() {
	defer close(w.stopped)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case _, ok := <-w.wake:
			w.commit()
			if !ok {
				return
			}
		case <-tick.C:
			if w.opt.Sync == Interval {
				// The next commit meets the same fault and reports it.
				_ = w.sync()
			}
		}
	}
}

// commit writes all lines that wait and answers those who wait for them.
func (w *Writer) commit() {
	w.mu.Lock()
	c := w.next
	if len(c.buf) == 0 {
		w.mu.Unlock()
		return
	}
	w.next = newCommit(w.spare)
	w.spare = nil
	w.mu.Unlock()

	c.err = w.write(c.buf)
	close(c.done)
	if cap(c.buf) <= reuseLimit {
		w.mu.Lock()
		w.spare = c.buf
		w.mu.Unlock()
	}
}

func (w *Writer) write(buf []byte) error {
	if w.opt.MaxBytes > 0 && w.size > 0 && w.size+int64(len(buf)) > w.opt.MaxBytes {
		if err := w.rotate(); err != nil {
			return fmt.Errorf("capture: %w", err)
		}
	}
	if w.opt.Sync == Always && w.size+int64(len(buf)) > w.reserved {
		w.reserved = w.size + int64(len(buf)) + preallocate
		reserve(w.f, w.size, w.reserved-w.size)
	}
	n, err := w.f.Write(buf)
	if err != nil {
		w.repair(n)
		return fmt.Errorf("capture: %w", err)
	}
	w.size += int64(n)
	w.dirty = true
	if w.opt.Sync == Always {
		if err := w.sync(); err != nil {
			return fmt.Errorf("capture: %w", err)
		}
	}
	return nil
}

// repair takes back the part of a failed write that did reach the file, so
// that no record is stored whose sender was told otherwise.
func (w *Writer) repair(written int) {
	if written <= 0 {
		return
	}
	if err := w.f.Truncate(w.size); err != nil {
		// The torn line stays; a line break keeps the next record apart from it.
		n, _ := w.f.Write([]byte("\n"))
		w.size += int64(written + n)
	}
}

func (w *Writer) sync() error {
	if !w.dirty {
		return nil
	}
	if err := datasync(w.f); err != nil {
		return err
	}
	w.dirty = false
	return nil
}

// rotate renames the full file to the next free number and begins a new one.
func (w *Writer) rotate() error {
	if err := w.sync(); err != nil {
		return err
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.%d", w.path, n)
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			if err := os.Rename(w.path, name); err != nil {
				return err
			}
			break
		} else if err != nil {
			return err
		}
	}
	old := w.f
	if err := w.open(); err != nil {
		w.f = old // keep writing to the renamed file rather than to nothing
		return err
	}
	return old.Close()
}

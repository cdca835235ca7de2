package capture

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// reserveAhead is disk space that is reserved before it is needed, so that a
// sync rarely has to find some.
const reserveAhead = 8 << 20

// file is the file behind a Writer. Every write makes it ready first, so that
// after a failure, of whatever kind, the next one starts from what is there.
type file struct {
	path string
	sync Sync
	max  int64
	// toDisk is datasync; a test puts its own here.
	toDisk func(*os.File) error

	f        *os.File // nil after a failed reopening
	regular  bool     // not a pipe or a device
	size     int64    // where the last stored line ends
	reserved int64
	suspect  bool // a write failed: what lies beyond size is not stored
	torn     bool // the file does not end with a line break
	dirty    bool // written and not yet synced
	synced   time.Time
	next     int // number of the next rotated file, 0 before it is known
}

func (f *file) open() error {
	h, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := h.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = lock(h)
	}
	if err == nil && f.sync != None && info.Mode().IsRegular() && info.Size() == 0 {
		err = syncDir(f.path) // a new file's name has to last as well
	}
	if err != nil {
		return errors.Join(err, h.Close())
	}
	f.f, f.regular, f.reserved, f.suspect, f.dirty = h, info.Mode().IsRegular(), 0, false, false
	if err := f.measure(info); err != nil {
		f.f = nil
		return errors.Join(err, h.Close())
	}
	return nil
}

// measure takes the file as it is now.
func (f *file) measure(info os.FileInfo) error {
	f.size, f.torn = info.Size(), false
	if !f.regular || f.size == 0 {
		return nil
	}
	var last [1]byte
	if _, err := f.f.ReadAt(last[:], f.size-1); err != nil {
		return err
	}
	f.torn = last[0] != '\n'
	return nil
}

// write stores whole lines, or nothing.
func (f *file) write(lines []byte) error {
	err := f.ready(int64(len(lines)))
	if err == nil {
		if err = f.append(lines); err == nil {
			return nil
		}
		f.suspect = true
		// Best effort: the next write sees to it if this fails.
		_ = f.takeBack()
	}
	return fmt.Errorf("capture: %w", err)
}

func (f *file) append(lines []byte) error {
	n, err := f.f.Write(lines)
	if err != nil {
		return err
	}
	f.dirty = true
	if f.due() {
		if err := f.flush(); err != nil {
			return err
		}
	}
	f.size += int64(n)
	return nil
}

// due says whether what was written has to be synced now.
func (f *file) due() bool {
	return f.sync == Always || f.sync == Interval && time.Since(f.synced) >= interval
}

func (f *file) flush() error {
	if !f.dirty || f.f == nil {
		return nil
	}
	if f.regular {
		if err := f.toDisk(f.f); err != nil {
			return fmt.Errorf("sync %s: %w", f.path, err)
		}
	}
	f.dirty, f.synced = false, time.Now()
	return nil
}

// tick syncs what an idle interval left behind. A fault is told by the next
// write, for which the sync is due as well.
func (f *file) tick() { _ = f.flush() }

// ready makes the file fit for n more bytes, from whatever it was left in.
func (f *file) ready(n int64) error {
	if f.f == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if !f.regular {
		return nil
	}
	if err := f.lookAgain(); err != nil {
		return err
	}
	if f.max > 0 && f.size > 0 && f.size+n > f.max {
		if err := f.rotate(); err != nil {
			return fmt.Errorf("cannot rotate: %w", err)
		}
	}
	if f.sync == Always && f.size+n > f.reserved {
		f.reserved = f.size + n + reserveAhead
		reserve(f.f, f.size, f.reserved-f.size)
	}
	if f.torn {
		if _, err := f.f.Write([]byte("\n")); err != nil {
			return err
		}
		f.torn = false
		f.size++
	}
	return nil
}

// lookAgain notices what happened to the file since: a failed write to take
// back, someone who emptied or deleted it.
func (f *file) lookAgain() error {
	if f.suspect {
		if err := f.takeBack(); err != nil {
			return err
		}
	}
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if deleted(info) {
		old := f.f
		f.f = nil
		return errors.Join(old.Close(), f.open())
	}
	if info.Size() != f.size {
		return f.measure(info)
	}
	return nil
}

// takeBack removes what a failed write left behind, so that no record is
// stored whose sender was told otherwise. Where a file cannot be shortened, a
// line break keeps the next record apart from the rest.
func (f *file) takeBack() error {
	if !f.regular {
		f.suspect = false
		return nil
	}
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > f.size && f.f.Truncate(f.size) != nil {
		err = f.measure(info)
	}
	// Shortening gives the reserved space beyond it back.
	f.suspect, f.reserved = err != nil, 0
	return err
}

// rotate renames the full file and begins a new one. Where that fails, the
// next write opens what then has the name and tries again.
func (f *file) rotate() error {
	if f.sync != None {
		if err := f.flush(); err != nil {
			return err
		}
	}
	if f.next == 0 {
		last, err := lastNumber(f.path)
		if err != nil {
			return err
		}
		f.next = last + 1
	}
	if err := f.release(); err != nil {
		return err
	}
	if err := os.Rename(f.path, rotatedName(f.path, f.next)); err != nil {
		return err
	}
	f.next++
	return f.open()
}

// release gives reserved space back and closes.
func (f *file) release() error {
	var err error
	if f.reserved > f.size && !f.suspect {
		err = f.f.Truncate(f.size)
	}
	err = errors.Join(err, f.f.Close())
	f.f = nil
	return err
}

func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	var err error
	if f.sync != None {
		err = f.flush()
	}
	if f.suspect {
		err = errors.Join(err, f.takeBack())
	}
	if info, serr := f.f.Stat(); serr == nil {
		f.size = info.Size() // it may have grown by other hands: cut off nothing
	}
	if err = errors.Join(err, f.release()); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

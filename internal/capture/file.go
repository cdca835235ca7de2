package capture

import (
	"bytes"
	"cmp"
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
	// toDisk is datasync, shorten is (*os.File).Truncate; a test puts its own here.
	toDisk  func(*os.File) error
	shorten func(*os.File, int64) error
	notice  func(string)

	f        *os.File // nil after a failed reopening
	spare    spare
	size     int64 // where the last stored line ends
	reserved int64
	suspect  bool  // a write failed: what lies beyond size is not stored
	torn     bool  // the file does not end with a line break
	dirty    bool  // written and not yet synced
	owed     bool  // so are lines whose senders were told that they are stored
	doubt    error // the first failed sync of such lines
	synced   time.Time
	next     int // number of the next rotated file, 0 before it is known
}

// newFile prepares a file for opening.
func newFile(path string, opt Options) *file {
	f := &file{path: path, sync: opt.Sync, max: opt.MaxBytes, toDisk: datasync, shorten: (*os.File).Truncate, notice: opt.Notice}
	if f.notice == nil {
		f.notice = func(string) {}
	}
	return f
}

// ErrNotRegular says that a capture cannot be written to such a file: a pipe or a
// device keeps nothing.
var ErrNotRegular = errors.New("it is not a regular file, and a capture has to last")

// open opens the file of that name, and needs the spare descriptor where others
// took all.
func (f *file) open() error { return f.spare.use(f.openNow) }

func (f *file) openNow() error {
	// Looked at before it is opened: a reader at the other end of a pipe would
	// notice.
	if info, err := os.Stat(f.path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: %w", f.path, ErrNotRegular)
	}
	h, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	info, err := h.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s: %w", f.path, ErrNotRegular)
	default:
		err = lock(h)
	}
	if err == nil && f.sync != None && info.Size() == 0 {
		err = syncDir(f.path) // a new file's name has to last as well
	}
	if err != nil {
		return errors.Join(err, h.Close())
	}
	f.f, f.reserved, f.suspect, f.dirty = h, 0, false, false
	if err := f.measure(info); err != nil {
		f.f = nil
		return errors.Join(err, h.Close())
	}
	return nil
}

// measure takes the file as it is now.
func (f *file) measure(info os.FileInfo) error {
	f.size, f.torn = info.Size(), false
	if f.size == 0 {
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
	f.owed = f.dirty && f.sync != None
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
	if err := f.toDisk(f.f); err != nil {
		err = fmt.Errorf("sync %s: %w", f.path, err)
		f.doubts(err)
		return err
	}
	f.dirty, f.owed, f.synced = false, false, time.Now()
	return nil
}

// doubts tells of a failed sync of lines that cannot be taken back any more. A
// system tells of a fault once and then forgets what it could not write, so that
// the next sync, which may well succeed, says nothing about them.
func (f *file) doubts(err error) {
	if !f.owed {
		return
	}
	f.owed = false
	err = fmt.Errorf("requests of the last second that were answered 200 may not be on the disk: %w", err)
	f.doubt = cmp.Or(f.doubt, err)
	f.notice(err.Error())
}

// tick syncs what an idle interval left behind. A fault is told at once, for
// nobody waits for these lines any more.
func (f *file) tick() { _ = f.flush() }

// ready makes the file fit for n more bytes, from whatever it was left in.
func (f *file) ready(n int64) error {
	if f.f == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if err := f.lookAgain(); err != nil {
		return err
	}
	if f.f == nil {
		return f.ready(n)
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
// back, someone who moved, emptied or deleted it. It leaves the file closed where
// the name stands for another one now.
func (f *file) lookAgain() error {
	var stuck error
	if f.suspect {
		stuck = f.takeBack()
	}
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	switch named, err := os.Stat(f.path); {
	case err == nil && os.SameFile(named, info):
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	default:
		f.leave(info, stuck)
		return nil
	}
	if stuck != nil {
		return stuck
	}
	if info.Size() != f.size {
		return f.measure(info)
	}
	return nil
}

// leave closes a file that lost its name. Nobody waits for what it holds: a fault
// that it had is told, and ends with it.
func (f *file) leave(info os.FileInfo, stuck error) {
	if owed := f.owed; f.sync != None && stuck == nil {
		if err := f.flush(); !owed { // else it is told already, as what it is
			stuck = err
		}
	}
	if info.Size() != f.size {
		f.reserved = 0 // others wrote to it: cut off nothing
	}
	_ = f.release()
	what := "was moved"
	if deleted(info) {
		what = "was deleted"
	}
	if stuck != nil {
		what += fmt.Sprintf(" with lines at its end that were answered 500 (%v)", stuck)
	}
	f.notice(fmt.Sprintf("the capture %s %s: a new one of that name is begun", f.path, what))
}

// reopen closes the file, and the next write opens what then has the name.
func (f *file) reopen() error {
	if f.f == nil {
		return f.open()
	}
	if err := f.lookAgain(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	if f.f != nil {
		if err := f.close(); err != nil {
			return err
		}
	}
	if err := f.open(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

// takeBack removes what a failed write left behind, so that no record is
// stored whose sender was told otherwise: it shortens the file, or writes blanks
// over it. Where neither can be done it is an error, and nothing more is stored,
// unless only a part of a line is left, from which a line break keeps the next
// record apart.
func (f *file) takeBack() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > f.size {
		if short := f.shorten(f.f, f.size); short != nil {
			err = f.outdo(info, short)
		}
	}
	// Shortening gives the reserved space beyond it back.
	f.suspect, f.reserved = err != nil, 0
	return err
}

// outdo takes lines back from a file that cannot be shortened.
func (f *file) outdo(info os.FileInfo, short error) error {
	whole, err := f.wholeLines(info.Size())
	if err == nil && whole {
		err = f.blank(info)
	}
	if err != nil {
		return fmt.Errorf("%s ends with lines that were answered 500 and cannot be removed: %w; %w", f.path, short, err)
	}
	if info, err = f.f.Stat(); err != nil {
		return err
	}
	return f.measure(info)
}

// wholeLines says whether a line ends between the last stored one and the end.
func (f *file) wholeLines(end int64) (bool, error) {
	buf := make([]byte, 64<<10)
	for at := f.size; at < end; {
		n, err := f.f.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			return true, nil
		}
		if at += int64(n); err != nil {
			return false, err
		}
	}
	return false, nil
}

// blank writes blanks, and a line break, over everything after the last stored
// line. It needs a handle of its own: this one only appends.
func (f *file) blank(info os.FileInfo) error {
	h, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer h.Close()
	if named, err := h.Stat(); err != nil || !os.SameFile(named, info) {
		return cmp.Or(err, errors.New("it was moved"))
	}
	blanks := bytes.Repeat([]byte(" "), 64<<10)
	for at := f.size; at < info.Size(); {
		part := blanks[:min(int64(len(blanks)), info.Size()-at)]
		if at+int64(len(part)) == info.Size() {
			part[len(part)-1] = '\n'
		}
		n, err := h.WriteAt(part, at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return f.toDisk(h)
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
		var last int
		if err := f.spare.use(func() (err error) { last, err = lastNumber(f.path); return err }); err != nil {
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
	f.spare.drop()
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

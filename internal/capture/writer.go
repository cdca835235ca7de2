package capture

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/mask"
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
	// MaxBytes ends a file before it would grow beyond it: capture.jsonl is
	// renamed to capture.000001.jsonl, the next one to capture.000002.jsonl, and a
	// new capture.jsonl is begun. Lines stay whole, so that one longer than this
	// has a file of its own. 0 means no limit. Files lists them in order.
	MaxBytes int64
	Mask     *mask.Mask // of the secrets that no record may hold; nil for none
	// Notice is told what happened to the file by other hands, such as that it was
	// moved. Nil for none. It is called from one goroutine.
	Notice func(string)
}

const (
	interval   = time.Second
	reuseLimit = 1 << 20 // a larger buffer is given back to the collector
)

// errClosed is the error of an Append after Close.
var errClosed = errors.New("the capture is closed")

// Writer appends records to a capture. Records that arrive while a write is
// under way share the next one (group commit). It is safe for concurrent use.
type Writer struct {
	opt   Options
	lines sync.Pool // of *[]byte: lines being encoded

	mu      sync.Mutex
	waiting []*batch
	spares  [][]byte // at most two: one is written while the other is filled
	closed  bool

	wake     chan struct{}
	again    atomic.Bool // the file is to be opened again
	stopped  chan struct{}
	file     *file // the committer's
	closeErr error // set before stopped is closed
}

// batch is a number of lines that are written together.
type batch struct {
	buf  []byte
	done chan struct{}
	err  error // set before done is closed
}

// Open opens the capture for appending, making it with mode 0600 if need be.
// The first record begins on a line of its own, whatever stands at the end of
// the file. A capture has one writer: where the system can tell, a second one
// is refused.
func Open(path string, opt Options) (*Writer, error) {
	if opt.Sync == "" {
		opt.Sync = Always
	}
	return open(newFile(path, opt), opt)
}

func open(f *file, opt Options) (*Writer, error) {
	if err := f.open(); err != nil {
		f.spare.drop()
		return nil, fmt.Errorf("capture: %w", err)
	}
	w := &Writer{opt: opt, file: f, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	w.lines.New = func() any { return new([]byte) }
	go w.run()
	return w, nil
}

// Append stores a record and returns once it is stored as the mode promises.
// After an error the record is not stored; later ones may be, because every Append
// tries the disk again.
func (w *Writer) Append(r *Record) error {
	line := w.lines.Get().(*[]byte)
	*line = w.opt.Mask.Bytes(r.Append((*line)[:0]))
	b := w.enqueue(*line)
	if cap(*line) <= reuseLimit {
		w.lines.Put(line)
	}
	if b == nil {
		return errClosed
	}
	<-b.done
	return b.err
}

// enqueue adds a line to the batch that is written next, nil after Close.
func (w *Writer) enqueue(line []byte) *batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	n := len(w.waiting)
	if n == 0 || w.opt.MaxBytes > 0 && int64(len(w.waiting[n-1].buf)+len(line)) > w.opt.MaxBytes {
		b := &batch{done: make(chan struct{})}
		if last := len(w.spares) - 1; last >= 0 {
			b.buf, w.spares = w.spares[last][:0], w.spares[:last]
		}
		w.waiting = append(w.waiting, b)
		w.signal()
		n++
	}
	b := w.waiting[n-1]
	b.buf = append(b.buf, line...)
	return b
}

func (w *Writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Close stores what is under way, closes the file and returns the first error
// of doing so, the same at every call. It is also an error that records for which
// Append had returned could not be synced later (Interval).
func (w *Writer) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.stopped
	return w.closeErr
}

// Reopen closes the file and opens what then has the name, as after a rotation by
// another program. It returns at once; an error is told to Notice, and the next
// Append tries again.
func (w *Writer) Reopen() {
	w.again.Store(true)
	w.signal()
}

// run is the committer: the only goroutine that touches the file.
func (w *Writer) run() {
	defer close(w.stopped)
	var tick <-chan time.Time
	if w.opt.Sync == Interval {
		t := time.NewTicker(interval)
		defer t.Stop()
		tick = t.C
	}
	for {
		if w.again.Swap(false) {
			if err := w.file.reopen(); err != nil {
				w.file.notice(err.Error())
			}
		}
		batches, closed := w.take()
		for _, b := range batches {
			b.err = w.file.write(b.buf)
			close(b.done)
			w.recycle(b.buf)
		}
		switch {
		case len(batches) > 0:
			continue // those who came meanwhile have waited long enough
		case closed:
			err := w.file.close()
			w.closeErr = cmp.Or(w.file.doubt, err)
			return
		}
		select {
		case <-w.wake:
		case <-tick:
			w.file.tick()
		}
	}
}

func (w *Writer) take() (batches []*batch, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batches, w.waiting = w.waiting, nil
	return batches, w.closed
}

func (w *Writer) recycle(buf []byte) {
	if cap(buf) > reuseLimit {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.spares) < 2 {
		w.spares = append(w.spares, buf)
	}
}

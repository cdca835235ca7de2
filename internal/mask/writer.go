package mask

import (
	"io"
	"sync"
)

// Writer takes the secrets out of what passes through it, also where a secret
// comes in several writes. It is safe for concurrent use.
type Writer struct {
	out    io.Writer
	mask   *Mask
	mu     sync.Mutex
	held   []byte // may be the beginning of a secret
	buf    []byte
	before byte // the last byte that was passed on
}

// Writer returns a writer to w without the secrets. Flush has to be called at the
// end.
func (m *Mask) Writer(w io.Writer) *Writer { return &Writer{out: w, mask: m} }

// Unwrap returns the writer behind.
func (w *Writer) Unwrap() io.Writer { return w.out }

// Write implements io.Writer. It holds back an end that may be the beginning of a
// secret.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	patterns := w.mask.load()
	if patterns == nil {
		if err := w.flush(); err != nil {
			return 0, err
		}
		return w.out.Write(p)
	}
	b := p
	if len(w.held) > 0 {
		b = append(w.held, p...)
	}
	out, done := patterns.replace(w.buf[:0], b, w.before, false)
	w.held = append(w.held[:0], b[done:]...)
	if cap(out) <= mostKept {
		w.buf = out
	}
	return len(p), w.pass(out)
}

// mostKept bounds the buffer that is kept between two writes.
const mostKept = 1 << 20

func (w *Writer) pass(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	w.before = b[len(b)-1]
	_, err := w.out.Write(b)
	return err
}

// Flush writes what was held back.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if len(w.held) == 0 {
		return nil
	}
	b := w.held
	if p := w.mask.load(); p != nil {
		b, _ = p.replace(nil, w.held, w.before, true)
	}
	w.held = w.held[:0]
	return w.pass(b)
}

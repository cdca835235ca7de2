package input

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// How much of a stream Ahead reads, and how long it waits for it.
const (
	aheadBytes = 8 << 20
	aheadTime  = 300 * time.Millisecond
)

// Stream reads something that cannot be interrupted, such as a pipe, so that its
// user can: a read ends when the context does. It can be read once, by one
// goroutine. Its own goroutine stays with the source until that ends or the
// process does.
type Stream struct {
	ctx    context.Context
	chunks chan []byte
	err    error // why chunks was closed
	rest   []byte
}

// NewStream returns a stream of r, which it begins to read.
func NewStream(ctx context.Context, r io.Reader) *Stream {
	return newStream(ctx, func() (io.ReadCloser, error) { return io.NopCloser(r), nil })
}

// newStream opens the source beside its user: opening a FIFO waits for its writer.
func newStream(ctx context.Context, open func() (io.ReadCloser, error)) *Stream {
	s := &Stream{ctx: ctx, chunks: make(chan []byte)}
	go s.pump(open)
	return s
}

func (s *Stream) pump(open func() (io.ReadCloser, error)) {
	defer close(s.chunks)
	r, err := open()
	if err != nil {
		s.err = err
		return
	}
	defer r.Close()
	for {
		b := make([]byte, 64<<10)
		n, err := r.Read(b)
		if n > 0 {
			select {
			case s.chunks <- b[:n]:
			case <-s.ctx.Done():
				return
			}
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

// Read implements io.Reader. Once the context is done, its error is the context's.
func (s *Stream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		select {
		case b, ok := <-s.chunks:
			if !ok {
				return 0, s.end()
			}
			s.rest = b
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close implements io.Closer. It does nothing: what is read cannot be ended.
func (s *Stream) Close() error { return nil }

func (s *Stream) end() error {
	if s.err == nil {
		return s.ctx.Err() // the pump gave up with the context
	}
	return s.err
}

// Ahead reads what comes at once, and returns a reader of the whole source. One
// that ended within that can be read again (io.Seeker), so that it can be
// checked to its end as a file can.
func (s *Stream) Ahead() io.Reader {
	head, whole := s.ahead()
	if whole {
		return bytes.NewReader(head)
	}
	return io.MultiReader(bytes.NewReader(head), s)
}

func (s *Stream) ahead() (head []byte, whole bool) {
	var b bytes.Buffer
	timer := time.NewTimer(aheadTime)
	defer timer.Stop()
	for b.Len() < aheadBytes {
		select {
		case chunk, ok := <-s.chunks:
			if !ok {
				return b.Bytes(), errors.Is(s.err, io.EOF)
			}
			b.Write(chunk)
		case <-timer.C:
			return b.Bytes(), false
		case <-s.ctx.Done():
			return b.Bytes(), false
		}
	}
	return b.Bytes(), false
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"relayctl/internal/sim"
)

// How much of stdin is read, and how long it is waited for, before anything is
// sent: what comes whole within that is checked to its end first, as files are.
const (
	aheadBytes = 8 << 20
	aheadTime  = 300 * time.Millisecond
)

// stdinReader reads a stream that cannot be interrupted so that its user can:
// a read ends when the context does. Its goroutine stays with the stream until
// that ends or the process does.
type stdinReader struct {
	ctx    context.Context
	chunks chan []byte
	err    error // why chunks was closed
	rest   []byte
}

// stdinFor makes stdin interruptible where an argument asks for it.
func stdinFor(ctx context.Context, args []string, r io.Reader) io.Reader {
	if !slices.Contains(args, "-") {
		return r
	}
	return newStdinReader(ctx, r)
}

// readAhead lets the plan's sources on stdin be checked as far as they are
// there.
func readAhead(sources []sim.Source) {
	for i := range sources {
		in, ok := sources[i].Reader.(*stdinReader)
		if !ok {
			continue
		}
		head, whole := in.ahead()
		sources[i].Reader = bytes.NewReader(head)
		if !whole {
			sources[i].Reader = io.MultiReader(bytes.NewReader(head), in)
		}
	}
}

func newStdinReader(ctx context.Context, r io.Reader) *stdinReader {
	s := &stdinReader{ctx: ctx, chunks: make(chan []byte)}
	go s.pump(r)
	return s
}

func (s *stdinReader) pump(r io.Reader) {
	defer close(s.chunks)
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

// Read implements io.Reader.
func (s *stdinReader) Read(p []byte) (int, error) {
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

func (s *stdinReader) end() error {
	if s.err == nil {
		return s.ctx.Err() // the pump gave up with the context
	}
	return s.err
}

// ahead reads what is there already, and whether that is all. What it read has
// to be put before what Read gives.
func (s *stdinReader) ahead() (head []byte, whole bool) {
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

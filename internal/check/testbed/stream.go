package testbed

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// streamSize is how much may be under way in one direction, about what loopback holds.
const streamSize = 512 << 10

// stream is one direction of a connection in memory. What is written can be read after its
// flight. The writer does not wait for that: it may hold a lock of its own, for which others
// would wait while a bubble's clock stands still. Safe for concurrent use.
type stream struct {
	network *Network

	mu       sync.Mutex
	changed  *sync.Cond
	data     []byte    // guarded by mu, as is all below
	lands    time.Time // when data can be read
	finished bool      // the writer writes no more
	left     bool      // the reader reads no more
	broken   bool      // the reader left, and had not read all
	readBy   deadline
	writeBy  deadline
}

func newStream(n *Network) *stream {
	s := &stream{network: n}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.left:
			return 0, net.ErrClosed
		case s.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case len(s.data) > 0 && time.Until(s.lands) <= 0:
			n := copy(b, s.data)
			if s.data = s.data[n:]; len(s.data) == 0 {
				s.data = nil
			}
			s.changed.Broadcast()
			return n, nil
		case len(s.data) > 0: // under way
		case s.broken:
			return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
		case s.finished:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// write waits only where the stream is full. Where the other end has left, the first write
// fails already; the kernel lets it pass.
func (s *stream) write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.finished:
			return n, net.ErrClosed
		case s.writeBy.passed:
			return n, os.ErrDeadlineExceeded
		case s.left:
			return n, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
		case len(b) == 0:
			return n, nil
		case len(s.data) < streamSize:
			fits := min(len(b), streamSize-len(s.data))
			s.data = append(s.data, b[:fits]...)
			n, b = n+fits, b[fits:]
			s.send()
			continue
		}
		s.changed.Wait()
	}
}

// send lets what was written land later.
func (s *stream) send() {
	d := s.network.flight()
	if lands := time.Now().Add(d); lands.After(s.lands) {
		s.lands = lands
	}
	time.AfterFunc(time.Until(s.lands), func() { s.change(func() {}) })
}

// change changes the stream, and tells those who wait for it.
func (s *stream) change(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
	s.changed.Broadcast()
}

func (s *stream) finish() { s.change(func() { s.finished = true; s.writeBy.stop() }) }
func (s *stream) reset()  { s.change(func() { s.broken = true }) }

// abandon ends the reading, and says whether something was not read.
func (s *stream) abandon() (unread bool) {
	s.change(func() {
		unread, s.data, s.left = len(s.data) > 0, nil, true
		s.readBy.stop()
	})
	return unread
}

func (s *stream) readUntil(t time.Time)  { s.change(func() { s.readBy.set(s, t) }) }
func (s *stream) writeUntil(t time.Time) { s.change(func() { s.writeBy.set(s, t) }) }

// deadline is when a direction's reads or writes end. The stream's lock guards it.
type deadline struct {
	timer  *time.Timer
	passed bool
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) set(s *stream, t time.Time) {
	d.stop()
	d.passed = !t.IsZero() && !t.After(time.Now())
	if t.IsZero() || d.passed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(t), func() {
		s.change(func() {
			if d.timer == timer { // no other has been set since
				d.passed = true
			}
		})
	})
	d.timer = timer
}

package testbed

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Network is a network in memory. In a bubble of testing/synctest its connections wait
// in the bubble's time, where those of the kernel would stop the clock: a test that runs
// over it takes as long as its work, and a busy machine changes nothing in what it finds.
// Safe for concurrent use.
type Network struct {
	// Stall is how much longer than usual something is under way; nil is not at all. It
	// must be safe for concurrent use.
	Stall func() time.Duration

	mu        sync.Mutex
	ports     int                        // guarded by mu: that were taken
	listeners map[string]*memoryListener // guarded by mu, by address
}

// Listen opens a port on loopback.
func (n *Network) Listen() net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &memoryListener{network: n, addr: n.port(), calls: make(chan net.Conn), closed: make(chan struct{})}
	if n.listeners == nil {
		n.listeners = map[string]*memoryListener{}
	}
	n.listeners[l.addr.String()] = l
	return l
}

// port takes one that is free; n.mu is held.
func (n *Network) port() *net.TCPAddr {
	n.ports++
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1023 + n.ports}
}

// Server makes a server that listens there once it is started; on nil, on the machine's
// network. What goes wrong in it is not logged.
func (n *Network) Server(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if n != nil {
		s.Listener.Close()
		s.Listener = n.Listen()
	}
	return s
}

// Bubble runs f in a bubble of testing/synctest whose clock begins now.
func Bubble(t *testing.T, f func(t *testing.T)) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now))                 // its own beginning is in another year
		t.Cleanup(func() { time.Sleep(time.Hour) }) // whatever goes on ends: with f, the clock stops
		f(t)
	})
}

// Dial connects to a port that is open; other ports refuse.
func (n *Network) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	l, own := n.listeners[addr], n.port()
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if l == nil {
		return nil, refused
	}
	there, back := newStream(), newStream()
	here := &memoryConn{network: n, in: back, out: there, local: own, remote: l.addr}
	select {
	case l.calls <- &memoryConn{network: n, in: there, out: back, local: l.addr, remote: here.local}:
		return here, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
}

type memoryListener struct {
	network *Network
	addr    *net.TCPAddr
	calls   chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *memoryListener) Addr() net.Addr { return l.addr }

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: net.ErrClosed}
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		delete(l.network.listeners, l.addr.String())
		l.network.mu.Unlock()
		close(l.closed)
	})
	return nil
}

// memoryConn is one end of a connection.
type memoryConn struct {
	network       *Network
	in, out       *stream
	local, remote net.Addr
}

// flight is how long what is written is under way. Without it a bubble's clock would stand
// still through any number of calls.
const flight = 100 * time.Microsecond

func (c *memoryConn) Write(b []byte) (int, error) {
	late := flight
	if c.network.Stall != nil {
		late += c.network.Stall()
	}
	time.Sleep(late)
	return c.out.write(b)
}

func (c *memoryConn) Read(b []byte) (int, error) { return c.in.read(b) }
func (c *memoryConn) LocalAddr() net.Addr        { return c.local }
func (c *memoryConn) RemoteAddr() net.Addr       { return c.remote }

// CloseWrite ends what is written, as a TCP connection can.
func (c *memoryConn) CloseWrite() error {
	c.out.finish()
	return nil
}

// Close resets the connection, as the kernel does, where something was not read.
func (c *memoryConn) Close() error {
	if c.in.abandon() {
		c.out.reset()
	}
	c.out.close()
	return nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error  { return c.in.readBy.set(c.in, t) }
func (c *memoryConn) SetWriteDeadline(t time.Time) error { return c.out.writeBy.set(c.out, t) }
func (c *memoryConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // never fails
	return c.SetWriteDeadline(t)
}

// streamSize is how much may be under way in one direction, about what loopback holds.
const streamSize = 512 << 10

// stream is one direction of a connection.
type stream struct {
	mu       sync.Mutex
	changed  *sync.Cond
	data     []byte   // guarded by mu, as is all below
	finished bool     // nothing more is written
	closed   bool     // by the writer
	left     bool     // by the reader
	broken   bool     // by the reader, with what it had not read
	readBy   deadline // of the reader
	writeBy  deadline // of the writer
}

func newStream() *stream {
	s := &stream{}
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
		case len(s.data) > 0:
			n := copy(b, s.data)
			s.data = s.data[n:]
			s.changed.Broadcast()
			return n, nil
		case s.broken:
			return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
		case s.finished:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.closed, s.finished:
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
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// end changes the stream and tells those who wait.
func (s *stream) end(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.changed.Broadcast()
}

func (s *stream) finish() { s.end(func() { s.finished = true }) }
func (s *stream) reset()  { s.end(func() { s.broken = true }) }
func (s *stream) close() {
	s.end(func() { s.finished, s.closed = true, true; s.writeBy.stop() })
}

// abandon ends the reading, and says whether something was not read.
func (s *stream) abandon() (unread bool) {
	s.end(func() {
		unread, s.data, s.left = len(s.data) > 0, nil, true
		s.readBy.stop()
	})
	return unread
}

// deadline is when a direction's reads or writes end.
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

func (d *deadline) set(s *stream, t time.Time) error {
	s.end(func() {
		d.stop()
		d.passed = !t.IsZero() && !t.After(time.Now())
		if t.IsZero() || d.passed {
			return
		}
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(t), func() {
			s.end(func() { d.passed = d.passed || d.timer == timer })
		})
		d.timer = timer
	})
	return nil
}

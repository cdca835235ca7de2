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
// A connection is made when the listener accepts it. Safe for concurrent use.
type Network struct {
	// Stall is how much longer than usual something is under way; nil is not at all. It
	// must be safe for concurrent use.
	Stall func() time.Duration

	mu        sync.Mutex
	ports     int                        // guarded by mu: how many were taken; none comes back
	listeners map[string]*memoryListener // guarded by mu, by address
}

// Bubble runs f in a bubble of testing/synctest whose clock begins now.
func Bubble(t *testing.T, f func(t *testing.T)) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(now)) // a bubble begins in the year 2000
		// When f returns, the clock stops: what still sleeps has to end before.
		t.Cleanup(func() { time.Sleep(time.Hour) })
		f(t)
	})
}

// Server makes a server that listens there once it is started; on nil, on the machine's
// network. What goes wrong in it is not logged.
func (n *Network) Server(h http.Handler) *httptest.Server {
	if n == nil {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = silent
		return s
	}
	return &httptest.Server{Listener: n.listen(), Config: &http.Server{Handler: h, ErrorLog: silent}} //nolint:gosec // nobody stalls it
}

var silent = log.New(io.Discard, "", 0)

// listen opens a port on loopback.
func (n *Network) listen() net.Listener {
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

// Dial connects to a port that is open; other ports refuse.
func (n *Network) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	l, own := n.listeners[addr], n.port()
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	if l == nil {
		return nil, refused
	}
	there, back := newStream(n), newStream(n)
	select {
	case l.calls <- &memoryConn{in: there, out: back, local: l.addr, remote: own}:
		return &memoryConn{in: back, out: there, local: own, remote: l.addr}, nil
	case <-l.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
	}
}

// flight is how long what is written is under way. Without it a bubble's clock would stand
// still through any number of calls.
const flight = 100 * time.Microsecond

func (n *Network) flight() time.Duration {
	if n.Stall == nil {
		return flight
	}
	return flight + n.Stall()
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
	in, out       *stream
	local, remote net.Addr
}

func (c *memoryConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *memoryConn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *memoryConn) LocalAddr() net.Addr         { return c.local }
func (c *memoryConn) RemoteAddr() net.Addr        { return c.remote }

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
	c.out.finish()
	return nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.readUntil(t)
	return nil
}

func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	c.out.writeUntil(t)
	return nil
}

func (c *memoryConn) SetDeadline(t time.Time) error {
	c.in.readUntil(t)
	c.out.writeUntil(t)
	return nil
}

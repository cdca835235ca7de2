package recv

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// listener gives net/http its connections, those of TLS after the handshake. It bounds how
// many are open, and with them the memory that they hold. At the bound, the connection
// that has been silent longest makes room, so that silent callers, however many, keep
// nobody out. A connection on whose request the receiver is at work stays.
type listener struct {
	net.Listener
	limit   int
	tls     *tls.Config // nil for plain HTTP
	timeout time.Duration
	waits   func() bool                                 // an answer may wait for more than the disk, and end when the caller hangs up
	refused func(remote string, status int, why string) // what HTTP itself refuses
	failed  func(error)                                 // of a handshake

	ready chan accepted // the connections of TLS
	ended chan struct{} // closed by Close
	begin sync.Once     // to accept for TLS
	once  sync.Once
	tasks sync.WaitGroup // handshakes, and what accepts for them

	clock atomic.Uint64
	mu    sync.Mutex
	conns map[*conn]struct{} // nil once all were closed
}

// accepted is what Accept returns.
type accepted struct {
	net.Conn
	err error
}

// open prepares to accept.
func (l *listener) open() {
	l.ready, l.ended, l.conns = make(chan accepted), make(chan struct{}), make(map[*conn]struct{})
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	if l.tls == nil {
		c, err := l.next()
		if err != nil {
			return nil, err
		}
		return &http1{Conn: c, conn: c}, nil
	}
	l.begin.Do(func() { l.tasks.Go(l.acceptTLS) }) // only once somebody serves: what is accepted may be reported at once
	select {
	case a := <-l.ready:
		return a.Conn, a.err
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// acceptTLS makes each handshake in a goroutine of its own, so that a slow caller delays no
// other. Errors of accepting go to net/http, which decides whether to go on.
func (l *listener) acceptTLS() {
	for {
		c, err := l.next()
		if err == nil {
			l.tasks.Go(func() { l.handshake(c) })
		} else if !l.give(nil, err) {
			return
		}
	}
}

// give hands a connection or an error to Accept, unless the listener is closed.
func (l *listener) give(c net.Conn, err error) bool {
	select {
	case l.ready <- accepted{c, err}:
		return true
	case <-l.ended:
		return false
	}
}

func (l *listener) handshake(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	t := tls.Server(c, l.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		if inClear(err) {
			l.answerInClear(c)
		} else {
			l.failed(err)
		}
		_ = c.Close()
		return
	}
	given := net.Conn(t)
	if t.ConnectionState().NegotiatedProtocol != "h2" {
		given = &http1{Conn: t, conn: c, tls: true}
	}
	if !l.give(given, nil) {
		_ = c.Close()
	}
}

// next waits for the next connection and makes room for it.
func (l *listener) next() (*conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: nc, of: l}
		c.heard.Store(l.clock.Add(1))
		if l.add(c) {
			return c, nil
		}
		_ = nc.Close() // this caller has to come again
	}
}

// add takes in a connection. It returns false if no other one can make room, and after the
// listener was closed.
func (l *listener) add(c *conn) bool {
	for {
		l.mu.Lock()
		full := len(l.conns) >= l.limit
		if !full && l.conns != nil {
			l.conns[c] = struct{}{}
		}
		ended := l.conns == nil
		l.mu.Unlock()
		if ended || !full {
			return !ended
		}
		if !l.makeRoom() {
			return false
		}
	}
}

// makeRoom closes the connection that has been silent longest. It returns false if the
// receiver is at work for all of them.
func (l *listener) makeRoom() bool {
	var silent *conn
	l.mu.Lock()
	for c := range l.conns {
		if c.working.Load() == 0 && (silent == nil || c.heard.Load() < silent.heard.Load()) {
			silent = c
		}
	}
	l.mu.Unlock()
	if silent == nil {
		return false
	}
	if silent.working.CompareAndSwap(0, dropped) {
		_ = silent.Close()
	}
	return true
}

// Close takes no more connections. Those that are open stay.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return l.Listener.Close()
}

// closeUnasked closes the connections on which no request has come yet.
func (l *listener) closeUnasked() {
	for _, c := range l.list() {
		if !c.asked.Load() {
			_ = c.Close()
		}
	}
}

// closeAll closes every connection and takes no other.
func (l *listener) closeAll() {
	all := l.list()
	l.mu.Lock()
	l.conns = nil
	l.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
}

// count is how many connections there are.
func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

func (l *listener) list() []*conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		list = append(list, c)
	}
	return list
}

// dropped takes the place of the number of requests at work on a connection that was
// chosen to make room: no further request is begun on it.
const dropped = -1 << 30

// conn is an open connection.
type conn struct {
	net.Conn
	of      *listener
	served  net.Conn      // as net/http has it: with TLS on it
	heard   atomic.Uint64 // when something was read last, by the listener's clock
	working atomic.Int32  // requests that were read whole and are not answered yet
	streams atomic.Int64  // requests of HTTP/2 under way
	asked   atomic.Bool   // a request has come
	handled atomic.Bool   // the receiver answers the request under way, not net/http
	reads   deadline
	writes  deadline
}

// Close closes the connection and forgets it.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite tells the caller that nothing more comes; net/http asks for it before
// it closes, so that an answer is not cut off.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// begin notes that a request is being answered. It returns false if the connection was
// chosen to make room. Tests have no connection: c is then nil.
func (c *conn) begin() bool { return c == nil || c.working.Add(1) > 0 }

// end notes that a request which has begun is answered.
func (c *conn) end() {
	if c != nil {
		c.working.Add(-1)
	}
}

type connKey struct{}

// connContext lets the handler find the connection; it is net/http's ConnContext.
func connContext(ctx context.Context, nc net.Conn) context.Context {
	c := connOf(nc)
	if c != nil {
		c.served = nc
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection behind what Accept gave.
func connOf(nc net.Conn) *conn {
	switch c := nc.(type) {
	case *http1:
		return c.conn
	case *tls.Conn:
		return connOf(c.NetConn())
	case *conn:
		return c
	}
	return nil
}

// connState is net/http's ConnState.
func connState(nc net.Conn, state http.ConnState) {
	c := connOf(nc)
	if c == nil {
		return
	}
	switch state {
	case http.StateActive:
		c.asked.Store(true)
	case http.StateIdle:
		c.handled.Store(false)
	}
}

package recv

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxConns bounds the open connections, and with them the memory that idle
// ones hold.
const maxConns = 2048

// connSet is a listener that bounds its open connections. At the bound the
// connection that has been silent longest makes room, so that idle callers,
// however many, never keep a busy one out.
type connSet struct {
	net.Listener
	limit int

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newConnSet(l net.Listener, limit int) *connSet {
	return &connSet{Listener: l, limit: limit, conns: make(map[*conn]struct{})}
}

// conn is an open connection with what the server says of it.
type conn struct {
	net.Conn
	set    *connSet
	state  atomic.Int32 // an http.ConnState
	silent atomic.Int64 // since when it carries no request, in Unix nanoseconds
}

// Accept waits for the next connection and makes room for it.
func (s *connSet) Accept() (net.Conn, error) {
	for {
		nc, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: nc, set: s}
		c.silent.Store(time.Now().UnixNano())
		if s.add(c) {
			return c, nil
		}
		// Every connection is busy with a request; this caller has to come again.
		_ = nc.Close()
	}
}

// add takes the connection in, at the bound in the place of the one that has
// been silent longest; it says false where all are busy.
func (s *connSet) add(c *conn) bool {
	s.mu.Lock()
	var oldest *conn
	if len(s.conns) >= s.limit {
		for o := range s.conns {
			if http.ConnState(o.state.Load()) != http.StateActive && (oldest == nil || o.silent.Load() < oldest.silent.Load()) {
				oldest = o
			}
		}
		if oldest == nil {
			s.mu.Unlock()
			return false
		}
		delete(s.conns, oldest)
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	if oldest != nil {
		_ = oldest.Conn.Close()
	}
	return true
}

// Close closes the connection and forgets it.
func (c *conn) Close() error {
	c.set.mu.Lock()
	delete(c.set.conns, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}

// closeFresh closes the connections that have not begun a request.
func (s *connSet) closeFresh() {
	s.mu.Lock()
	var fresh []*conn
	for c := range s.conns {
		if http.ConnState(c.state.Load()) == http.StateNew {
			fresh = append(fresh, c)
		}
	}
	s.mu.Unlock()
	for _, c := range fresh {
		_ = c.Close()
	}
}

// noteState is the server's ConnState hook.
func noteState(nc net.Conn, state http.ConnState) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	if state == http.StateIdle {
		c.silent.Store(time.Now().UnixNano())
	}
	c.state.Store(int32(state))
}

package serve

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connSet bounds the open connections of a listener, and with them the memory
// that idle ones hold. At the bound the connection that has been silent longest
// makes room, so that idle callers, however many, never keep a busy one out.
type connSet struct {
	net.Listener
	limit int

	running sync.WaitGroup // the loops, one of each connection that was added

	mu     sync.Mutex
	closed bool
	conns  map[*conn]struct{}
}

func newConnSet(l net.Listener, limit int) *connSet {
	return &connSet{Listener: l, limit: limit, conns: make(map[*conn]struct{})}
}

// What a connection is at.
const (
	stateNew    int32 = iota // nothing was asked yet
	stateActive              // a request is under way, its head has arrived
	stateIdle                // between two requests
	stateClosed              // chosen to be closed: what comes now is not begun
)

// conn is an open connection and what it is at.
type conn struct {
	net.Conn
	set    *connSet
	state  atomic.Int32
	silent atomic.Int64 // since when it carries no request, in Unix nanoseconds
}

// begin notes that a request comes, and says false where the connection was
// chosen to be closed.
func (c *conn) begin() bool {
	return c.state.CompareAndSwap(stateIdle, stateActive) || c.state.CompareAndSwap(stateNew, stateActive)
}

// rest notes that the request is answered.
func (c *conn) rest(now time.Time) {
	c.silent.Store(now.UnixNano())
	c.state.Store(stateIdle)
}

// drop closes the connection if it is in the state.
func (c *conn) drop(state int32) bool {
	if !c.state.CompareAndSwap(state, stateClosed) {
		return false
	}
	_ = c.Close()
	return true
}

// accept waits for the next connection and makes room for it.
func (s *connSet) accept() (*conn, error) {
	for {
		nc, err := s.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: nc, set: s}
		c.silent.Store(time.Now().UnixNano())
		if s.add(c) {
			return c, nil
		}
		// Every connection is busy with a request, so this caller has to come again;
		// or the end came between.
		_ = nc.Close()
	}
}

// add takes the connection in, at the bound in the place of the one that has
// been silent longest; it says false where all are busy, or the set is closed.
// What was added counts as running.
func (s *connSet) add(c *conn) bool {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return false
		}
		if len(s.conns) < s.limit {
			s.conns[c] = struct{}{}
			s.running.Add(1)
			s.mu.Unlock()
			return true
		}
		oldest, state := s.oldest()
		s.mu.Unlock()
		if oldest == nil {
			return false
		}
		oldest.drop(state) // or it was asked something meanwhile
	}
}

// oldest is the connection that has been silent longest, nil for none.
func (s *connSet) oldest() (oldest *conn, state int32) {
	for c := range s.conns {
		if now := c.state.Load(); now != stateActive && (oldest == nil || c.silent.Load() < oldest.silent.Load()) {
			oldest, state = c, now
		}
	}
	return oldest, state
}

// Close takes no more connections. Those that are open stay.
func (s *connSet) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	return s.Listener.Close()
}

// Close closes the connection and forgets it.
func (c *conn) Close() error {
	c.set.mu.Lock()
	delete(c.set.conns, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite tells the caller that nothing more comes.
func (c *conn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (s *connSet) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *connSet) list() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// closeSilent closes the connections in that state, in which none is asked
// anything.
func (s *connSet) closeSilent(state int32) {
	for _, c := range s.list() {
		c.drop(state)
	}
}

func (s *connSet) closeAll() {
	for _, c := range s.list() {
		_ = c.Close()
	}
}

// noteState is net/http's ConnState hook.
func noteState(nc net.Conn, state http.ConnState) {
	if h, ok := nc.(*handed); ok {
		nc = h.Conn
	}
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		c.state.Store(stateActive)
	case http.StateIdle:
		c.rest(time.Now())
	}
}

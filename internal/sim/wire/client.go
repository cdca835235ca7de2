// Package wire makes one HTTP call, exactly controlled: its bytes, its
// deadline, and where it breaks off. A call never fails with an error: what
// went wrong is a Failure in its Result.
//
// Begin at Call and Result, then at Client.Do. The package knows nothing of
// events and deliveries, and never repeats a call.
package wire

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"relayctl/internal/auth"
)

// Result is what one call brought: an answer or a failure.
type Result struct {
	Status  int         // 0 when there was none
	Header  http.Header // when Call.Details is set
	Body    []byte      // the first bytes of the body, as many as Call asks for
	Failure Failure
	Detail  string // the failure's cause, free of secrets
	// Endless says that the answer's body was read and did not end before the deadline:
	// its length was not told, or not kept to, and the connection stayed open.
	Endless bool
	// Sent says that there was a connection to the endpoint and the request, or a
	// part of it, went out.
	Sent bool
	// Reused says that the call went over a connection that had carried another.
	Reused bool
	HTTP10 bool // the answer was of HTTP/1.0; when Call.Details is set
}

// Call is one HTTP call. The zero value of a field is what Relay does.
type Call struct {
	Method      string        // POST
	Body        []byte        // not changed
	ContentType string        // application/json; "-" leaves the header out
	Headers     []auth.Header // beside the sender's own, in their exact spelling
	Signed      []auth.Header // the credentials
	Timeout     time.Duration // of the whole call, connecting included
	// DropAnswer cuts the connection once the whole body is out and the answer
	// has begun (R-DUP). The answer's status is still told.
	DropAnswer bool
	// HangUp cuts the connection once the whole body is out, without waiting for
	// an answer: the failure is Cut (R-TIMEOUT).
	HangUp   bool
	KeepBody int // how much of the answer's body to return
	// KeepFailed takes the place of KeepBody for answers other than 2xx, if it is larger.
	KeepFailed int
	Details    bool // return the answer's headers and its version of HTTP
	// Cuts are places in the body, in their order, at which it is cut into pieces that
	// are written one after the other, far enough apart to arrive so.
	Cuts []int
}

// keep is how much of the body of an answer is kept.
func (k *Call) keep(status int) int {
	if status/100 == 2 {
		return k.KeepBody
	}
	return max(k.KeepBody, k.KeepFailed)
}

// bigRequest is the size in bytes from which a request is written while the answer is
// already read: an endpoint may answer before it has read everything, and then stop
// reading.
const bigRequest = 64 << 10

// writeGrace is how long such a write may go on after the answer has come. It may be
// complete already, with only its goroutine still to report that.
const writeGrace = 5 * time.Millisecond

// Client makes calls over one connection at a time. It is written by hand because an HTTP
// library costs more than the rest of a call together, and none can drop an answer
// half-way. It is not safe for concurrent use, except for EndWith; each worker has its own.
type Client struct {
	target  *Target
	conn    net.Conn
	answers answerReader
	request []byte
	sending sending
	calls   int // that the connection has carried

	mu     sync.Mutex
	open   net.Conn // conn, for EndWith
	killed bool
}

// NewClient returns a client that has not connected yet.
func NewClient(t *Target) *Client { return &Client{target: t} }

// EndWith ends the call under way and every later one when ctx is done: their failure is
// Interrupted. Call stop when the client is no longer used; it returns false if ctx was
// done before.
func (c *Client) EndWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.killed = true
		if c.open != nil {
			_ = c.open.SetDeadline(time.Unix(1, 0)) // it can only be closed already
		}
	})
}

// Do makes one call, which begins at now. It never fails: what went wrong is in the
// Result. k.Timeout covers connecting, writing and reading the answer; an answer that has
// arrived at its end is read all the same. ctx ends only the connecting; for the rest see
// EndWith.
func (c *Client) Do(ctx context.Context, now time.Time, k *Call) Result {
	deadline := now.Add(k.Timeout)
	c.build(k)
	c.look()
	for {
		if c.conn == nil {
			if a := c.connect(ctx, deadline); a.Failure != NoFailure {
				return a
			}
			if err := c.unasked(); err != nil {
				return c.failed(ctx, err)
			}
		}
		if !c.setDeadline(deadline) {
			return c.failed(ctx, ErrEnded)
		}
		reused := c.calls > 0
		a, untouched := c.exchange(ctx, k)
		if a.Failure == Cut && reused && untouched {
			// Nothing of the call left this machine: the connection had ended
			// before it, so this was not an attempt yet.
			continue
		}
		if a.Status == http.StatusProxyAuthRequired && c.target.proxy != nil {
			c.Close()
			a = c.target.failure(ctx, &ProxyError{Addr: c.target.proxy.addr, Status: a.Status, Known: c.target.proxy.authorization != ""}, Connect)
		}
		a.Sent = a.Failure != Connect
		a.Reused = reused
		return a
	}
}

// look closes a connection that cannot carry another call: one that has ended, or
// that brings bytes which were not asked for. These would pass for the answer to
// the next call.
func (c *Client) look() {
	if c.conn == nil {
		return
	}
	if secure, ok := c.conn.(*tls.Conn); ok && !silent(secure) || !ok && !quiet(c.conn) {
		c.Close()
	}
}

// quiet looks, without reading anything, whether a connection is open and has
// brought nothing.
func quiet(conn net.Conn) bool {
	something, err := peek(conn)
	return !something && err == nil
}

// unasked says what a connection that was just made has brought already: nothing of it
// can be the answer to a call, so none is made. What comes a moment later cannot be told
// from an answer.
func (c *Client) unasked() error {
	for range mostLooks {
		something, err := peek(under(c.conn))
		switch {
		case errors.Is(err, io.EOF): // the call finds it
			return nil
		case err != nil || !something:
			return err
		}
		if _, ok := c.conn.(*tls.Conn); ok { // it may be what TLS itself says, and nothing more
			_ = c.conn.SetReadDeadline(time.Now().Add(freshTime)) // a failure shows in the read
		}
		_ = c.answers.fill() // the call meets the error, too
		if err := c.answers.early(); err != nil {
			return err
		}
	}
	return nil
}

// under is the connection that carries TLS, also within that to a proxy.
func under(conn net.Conn) net.Conn {
	for {
		secure, ok := conn.(*tls.Conn)
		if !ok {
			return conn
		}
		conn = secure.NetConn()
	}
}

// What came first over a new connection is looked at mostLooks times, as long as there is
// more. With TLS a look takes at most freshTime.
const (
	freshTime = 200 * time.Microsecond
	mostLooks = 10
)

// ticketTime is how long the rest of a record of TLS may take to come.
const ticketTime = 2 * time.Millisecond

// silent says whether an idle TLS connection is open and has brought nothing. What
// TLS itself says, such as a session ticket, is read and does not count.
func silent(conn *tls.Conn) bool {
	if !nothingBy(conn, time.Unix(1, 0)) { // of what was received together with the last answer
		return false
	}
	return quiet(under(conn)) || nothingBy(conn, time.Now().Add(ticketTime))
}

// nothingBy says whether nothing can be read until then. A failure to set the
// deadline shows in the read.
func nothingBy(conn *tls.Conn, until time.Time) bool {
	var b [1]byte
	_ = conn.SetReadDeadline(until)
	n, err := conn.Read(b[:])
	return n == 0 && isTimeout(err)
}

// Prepare connects, unless there is a connection already, so that the next call need not.
// A failure is not told: the call itself will have it.
func (c *Client) Prepare(ctx context.Context, timeout time.Duration) {
	c.look()
	if c.conn == nil {
		c.connect(ctx, time.Now().Add(timeout))
	}
}

// ErrEnded says that the context ended.
var ErrEnded = errors.New("the run was ended")

func (c *Client) setDeadline(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	// An error means a closed connection, which the exchange will find.
	_ = c.conn.SetDeadline(t)
	return !c.killed
}

// lastLook is how long is read on after the deadline where an answer has arrived.
const lastLook = 100 * time.Millisecond

// arrived says whether an answer is there that the deadline kept from being read, and
// gives the time to read it: on a machine too busy to run relayctl in time, it is not the
// endpoint that was late.
func (c *Client) arrived() bool {
	something, err := peek(under(c.conn))
	return something && err == nil && c.setDeadline(time.Now().Add(lastLook))
}

func (c *Client) connect(ctx context.Context, deadline time.Time) Result {
	dctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := c.target.dial(dctx, "tcp", c.target.addr)
	if err != nil {
		return c.target.failure(ctx, err, Connect)
	}
	if c.target.tls != nil {
		secure := tls.Client(conn, c.target.tls)
		if err := secure.HandshakeContext(dctx); err != nil {
			conn.Close()
			return c.target.handshakeFailure(ctx, err)
		}
		conn = secure
	}
	c.conn, c.calls = conn, 0
	c.answers.reset(conn)
	c.mu.Lock()
	c.open = conn
	c.mu.Unlock()
	return Result{}
}

// build writes the request into the client's buffer.
func (c *Client) build(k *Call) {
	b := c.request[:0]
	if k.Method == "" && k.ContentType == "" {
		b = append(b, c.target.head...)
	} else {
		b = c.target.appendHead(b, cmp.Or(k.Method, http.MethodPost), cmp.Or(k.ContentType, "application/json"))
	}
	b = appendHeaders(b, k.Headers)
	b = appendHeaders(b, k.Signed)
	if len(k.Body) > 0 || k.Method == "" || k.Method == http.MethodPost || k.Method == http.MethodPut {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(k.Body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	c.request = append(b, k.Body...)
}

// exchange sends the request and reads the answer. untouched says, of a call that failed,
// that not a byte of it was written, so the endpoint cannot have seen it.
func (c *Client) exchange(ctx context.Context, k *Call) (a Result, untouched bool) {
	c.calls++
	sent := c.send(k)
	if k.HangUp {
		sent.finish()
		c.Close()
		return Result{Failure: Cut, Detail: "hung up on purpose after the body"}, false
	}
	h, raw, err := c.answers.head()
	if err != nil && isTimeout(err) && c.arrived() {
		h, raw, err = c.answers.head()
	}
	if err != nil {
		n, werr, _ := sent.wait(c.conn)
		if werr != nil {
			err = werr
		}
		return c.failed(ctx, err), werr != nil && n == 0 && !isTimeout(werr)
	}
	a = Result{Status: h.status}
	if k.Details {
		a.Header, a.HTTP10 = fullHeader(raw), bytes.HasPrefix(raw, []byte("HTTP/1.0"))
	}
	if k.DropAnswer {
		sent.finish()
		c.Close()
		return a, false
	}
	var keep []byte
	if n := k.keep(h.status); n > 0 {
		keep = make([]byte, 0, min(n, drainLimit))
	}
	var open bool
	// The status decides; a body that goes wrong only costs the connection.
	a.Body, open, err = c.answers.body(h, keep)
	a.Endless = err != nil && isTimeout(err)
	if _, werr, whole := sent.wait(c.conn); werr != nil || !whole {
		open = false
	}
	if !open {
		c.Close()
	}
	return a, false
}

// sending is the writing of a request: done already, or under way beside the
// reading.
type sending struct {
	n    int
	err  error
	done chan struct{} // nil when it is done
}

// send writes the request. A failed write is looked at only when there is no
// answer either: an endpoint may answer and hang up before it has read
// everything (413).
func (c *Client) send(k *Call) *sending {
	s := &c.sending
	*s = sending{}
	switch {
	case len(k.Cuts) > 0:
		s.done = make(chan struct{})
		go s.pieces(c.conn, c.request, len(c.request)-len(k.Body), k.Cuts)
		return s
	case len(c.request) < bigRequest:
		s.n, s.err = c.conn.Write(c.request)
		return s
	}
	s.done = make(chan struct{})
	go func(conn net.Conn, b []byte) {
		defer close(s.done)
		s.n, s.err = conn.Write(b)
	}(c.conn, c.request)
	return s
}

// pieceGap lies between the pieces of a body: more than a system waits to put what is
// written into one packet.
const pieceGap = 80 * time.Millisecond

// pieces writes a request whose body begins at that place in pieces.
func (s *sending) pieces(conn net.Conn, request []byte, body int, cuts []int) {
	defer close(s.done)
	from := 0
	for _, cut := range append(cuts[:len(cuts):len(cuts)], len(request)-body) {
		if from > 0 {
			time.Sleep(pieceGap)
		}
		n, err := conn.Write(request[from : body+cut])
		if s.n += n; err != nil {
			s.err = err
			return
		}
		from = body + cut
	}
}

// finish waits until the request is out, or cannot be.
func (s *sending) finish() {
	if s.done != nil {
		<-s.done
	}
}

// wait ends the writing, if it still goes on, and says whether it had ended by
// itself.
func (s *sending) wait(conn net.Conn) (n int, err error, whole bool) {
	if s.done == nil {
		return s.n, s.err, true
	}
	timer := time.NewTimer(writeGrace)
	defer timer.Stop()
	select {
	case <-s.done:
		return s.n, s.err, true
	case <-timer.C:
		conn.Close()
		<-s.done
		return s.n, nil, false
	}
}

func (c *Client) failed(ctx context.Context, err error) Result {
	c.mu.Lock()
	killed := c.killed
	c.mu.Unlock()
	c.Close()
	if killed {
		return Result{Failure: Interrupted, Detail: ErrEnded.Error()}
	}
	return c.target.failure(ctx, err, Cut)
}

// Close closes the connection, if there is one.
func (c *Client) Close() {
	if c.conn != nil {
		c.mu.Lock()
		c.open = nil
		c.mu.Unlock()
		c.conn.Close()
		c.conn = nil
	}
}

package sim

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"relayctl/internal/auth"
)

// Answer is what one call brought.
type Answer struct {
	Status  int         // 0 when there was none
	Header  http.Header // when Call.Details is set
	Body    []byte      // the first bytes of the body, as many as Call.KeepBody
	Failure Failure
	Detail  string // the failure's cause, free of secrets
	// Reused says that the call went over a connection that had carried another.
	Reused bool
	HTTP10 bool                 // the answer was of HTTP/1.0; when Call.Details is set
	TLS    *tls.ConnectionState // when Call.Details is set and the endpoint is https
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
	KeepBody int  // how much of the answer's body to return
	Details  bool // return the answer's headers and the connection's TLS state
}

// A connection is looked at before a call unless it has proven itself with so
// many calls and was idle for so short a time: a look costs a system call, but a
// call on a connection that the endpoint has closed looks like a lost one.
const (
	provenCalls = 50
	idleTrust   = time.Millisecond
)

// bigRequest is the size from which a request is written beside the reading:
// an endpoint may answer before it has read everything, and not read on.
const bigRequest = 64 << 10

// writeGrace is how long such a writing may still take once the answer is
// there: one that has ended may not have been able to say so yet.
const writeGrace = 5 * time.Millisecond

// httpClient makes calls over one connection at a time: the core of the
// Sender, written by hand because an HTTP library costs more than the rest of
// a call together and none can drop an answer half-way. It is not safe for
// concurrent use, except for kill; each worker has its own.
type httpClient struct {
	target  *target
	conn    net.Conn
	answers answerReader
	request []byte
	sending sending
	calls   int       // that the connection has carried
	wary    bool      // a connection was closed without a word
	lastUse time.Time // when the last call on the connection ended

	mu     sync.Mutex
	open   net.Conn // conn, for kill
	killed bool
}

// target is where calls go; it is shared and not changed.
type target struct {
	addr string // host:port
	host string // of the Host header
	path string
	tls  *tls.Config
	head []byte // the usual call's head up to the headers that vary
	own  []auth.Header
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

func newTarget(u *url.URL, headers []auth.Header, tlsConf *tls.Config, dial func(context.Context, string, string) (net.Conn, error)) *target {
	t := &target{addr: u.Host, host: u.Host, path: u.RequestURI(), own: headers, dial: dial}
	if u.Port() == "" {
		port := "80"
		if u.Scheme == "https" {
			port = "443"
		}
		t.addr = net.JoinHostPort(u.Hostname(), port)
	}
	if t.dial == nil {
		t.dial = (&net.Dialer{}).DialContext
	}
	if u.Scheme == "https" {
		t.tls = clientTLS(tlsConf, u.Hostname())
	}
	t.head = t.appendHead(nil, http.MethodPost, "application/json")
	return t
}

// clientTLS completes the caller's trust with what every call needs.
func clientTLS(given *tls.Config, host string) *tls.Config {
	conf := given.Clone()
	if conf == nil {
		conf = &tls.Config{}
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12) // R-HTTPS
	conf.NextProtos = []string{"http/1.1"}
	if conf.ServerName == "" {
		conf.ServerName = host
	}
	if conf.ClientSessionCache == nil {
		conf.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	// An event fits one record; small records at first would make it two writes.
	conf.DynamicRecordSizingDisabled = true
	return conf
}

func (t *target) appendHead(b []byte, method, contentType string) []byte {
	b = fmt.Appendf(b, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: relayctl\r\n", method, t.path, t.host)
	if contentType != "-" {
		b = fmt.Appendf(b, "Content-Type: %s\r\n", contentType)
	}
	return appendHeaders(b, t.own)
}

func appendHeaders(b []byte, headers []auth.Header) []byte {
	for _, h := range headers {
		b = append(b, h.Name...)
		b = append(b, ": "...)
		b = append(b, h.Value...)
		b = append(b, "\r\n"...)
	}
	return b
}

// watch ends the client's call at once when ctx is done, and every later one;
// the caller calls the function that it returns when the client is done with.
func (c *httpClient) watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.killed = true
		if c.open != nil {
			_ = c.open.SetDeadline(time.Unix(1, 0)) // it can only be closed already
		}
	})
}

// do makes one call, which begins now, and never fails: what went wrong is in the answer. The
// deadline covers connecting, writing and reading the answer. ctx ends the
// connecting; once connected, watch's context does.
func (c *httpClient) do(ctx context.Context, now time.Time, k *Call) Answer {
	deadline := now.Add(k.Timeout)
	c.build(k)
	if c.conn != nil && (c.wary || c.calls < provenCalls || now.Sub(c.lastUse) > idleTrust) {
		c.look()
	}
	for {
		if c.conn == nil {
			if a := c.connect(ctx, deadline); a.Failure != NoFailure {
				return a
			}
		}
		if !c.setDeadline(deadline) {
			return c.failed(ctx, errKilled)
		}
		reused := c.calls > 0
		a, untouched := c.exchange(ctx, k)
		if a.Failure == Cut && reused {
			c.wary = true
			if untouched {
				// Nothing of the call left this machine: the connection had ended
				// before it, so this was no attempt yet.
				continue
			}
		}
		a.Reused = reused
		return a
	}
}

// look closes a connection that can carry no further call.
func (c *httpClient) look() {
	if !alive(c.conn) {
		c.close()
	}
}

// prepare sees to it that the next call finds a connection. That it cannot is
// for the call itself to say.
func (c *httpClient) prepare(ctx context.Context, timeout time.Duration) {
	if c.conn != nil {
		c.look()
	}
	if c.conn == nil {
		c.connect(ctx, time.Now().Add(timeout))
	}
}

// errKilled stands for the end of the run.
var errKilled = errors.New("the run was ended")

func (c *httpClient) setDeadline(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	// An error means a closed connection, which the exchange will find.
	_ = c.conn.SetDeadline(t)
	return !c.killed
}

func (c *httpClient) connect(ctx context.Context, deadline time.Time) Answer {
	dctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := c.target.dial(dctx, "tcp", c.target.addr)
	if err != nil {
		return failure(ctx, err, Connect)
	}
	if c.target.tls != nil {
		secure := tls.Client(conn, c.target.tls)
		if err := secure.HandshakeContext(dctx); err != nil {
			conn.Close()
			return handshakeFailure(ctx, err)
		}
		conn = secure
	}
	c.conn, c.calls = conn, 0
	c.answers.reset(conn)
	c.mu.Lock()
	c.open = conn
	c.mu.Unlock()
	return Answer{}
}

// build writes the request into the client's buffer.
func (c *httpClient) build(k *Call) {
	b := c.request[:0]
	if k.Method == "" && k.ContentType == "" {
		b = append(b, c.target.head...)
	} else {
		b = c.target.appendHead(b, orDefault(k.Method, http.MethodPost), orDefault(k.ContentType, "application/json"))
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

// exchange sends the request and reads the answer. untouched says that a
// failed one surely did not reach the endpoint: not a byte was written.
func (c *httpClient) exchange(ctx context.Context, k *Call) (a Answer, untouched bool) {
	c.calls++
	sent := c.send()
	if k.HangUp {
		sent.finish()
		c.close()
		return Answer{Failure: Cut, Detail: "hung up on purpose after the body"}, false
	}
	h, raw, err := c.answers.head()
	if err != nil {
		n, werr, _ := sent.wait(c.conn)
		if werr != nil {
			err = werr
		}
		return c.failed(ctx, err), werr != nil && n == 0 && !isTimeout(werr)
	}
	a = Answer{Status: h.status}
	if k.Details {
		a.Header, a.HTTP10 = fullHeader(raw), bytes.HasPrefix(raw, []byte("HTTP/1.0"))
		if secure, ok := c.conn.(*tls.Conn); ok {
			state := secure.ConnectionState()
			a.TLS = &state
		}
	}
	if k.DropAnswer {
		sent.finish()
		c.close()
		return a, false
	}
	var keep []byte
	if k.KeepBody > 0 {
		keep = make([]byte, 0, min(k.KeepBody, drainLimit))
	}
	var open bool
	// The status decides; a body that goes wrong only costs the connection.
	a.Body, open = c.answers.body(h, keep)
	if _, werr, whole := sent.wait(c.conn); werr != nil || !whole {
		open = false
	}
	if !open {
		c.close()
	} else {
		c.lastUse = time.Now()
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
func (c *httpClient) send() *sending {
	s := &c.sending
	*s = sending{}
	if len(c.request) < bigRequest {
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

func (c *httpClient) failed(ctx context.Context, err error) Answer {
	c.mu.Lock()
	killed := c.killed
	c.mu.Unlock()
	c.close()
	if killed {
		return Answer{Failure: Interrupted, Detail: errKilled.Error()}
	}
	return failure(ctx, err, Cut)
}

func (c *httpClient) close() {
	if c.conn != nil {
		c.mu.Lock()
		c.open = nil
		c.mu.Unlock()
		c.conn.Close()
		c.conn = nil
	}
}

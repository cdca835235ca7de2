package sim

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/auth"
)

// drainLimit is how much of an answer's body is read to keep the connection;
// Relay ignores the body.
const drainLimit = 64 << 10

// Answer is what one call brought.
type Answer struct {
	Status  int // 0 when there was none
	Header  http.Header
	Body    []byte // the first bytes of the body, when asked for
	Failure Failure
	Detail  string // the failure's cause
}

// call is one request on its way.
type call struct {
	body    []byte
	signed  []auth.Header
	timeout time.Duration
	// dropAnswer cuts the connection once the answer begins (R-DUP).
	dropAnswer bool
	keepBody   int // how much of the answer's body to return
}

// httpClient makes calls over one connection at a time, so that it can drop an
// answer at will. It is not safe for concurrent use: each worker has its own.
type httpClient struct {
	target  *target
	conn    net.Conn
	reader  *bufio.Reader
	used    bool // the connection has carried a call
	scratch []byte
}

// target is where calls go; it is shared and not changed.
type target struct {
	url     *url.URL
	addr    string // host:port
	tls     *tls.Config
	head    []byte // the request's head up to the headers that vary
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	request *http.Request // tells the response parser that it was a POST
}

func newTarget(u *url.URL, headers []auth.Header, tlsConf *tls.Config, dial func(context.Context, string, string) (net.Conn, error)) *target {
	t := &target{url: u, addr: u.Host, dial: dial, request: &http.Request{Method: http.MethodPost}}
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
		t.tls = tlsConf.Clone()
		if t.tls == nil {
			t.tls = &tls.Config{}
		}
		t.tls.MinVersion = max(t.tls.MinVersion, tls.VersionTLS12) // R-HTTPS
		t.tls.NextProtos = []string{"http/1.1"}
		if t.tls.ServerName == "" {
			t.tls.ServerName = u.Hostname()
		}
		t.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	var head strings.Builder
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: relayctl\r\nContent-Type: application/json\r\n", u.RequestURI(), u.Host)
	for _, h := range headers {
		fmt.Fprintf(&head, "%s: %s\r\n", h.Name, h.Value)
	}
	t.head = []byte(head.String())
	return t
}

// do makes one call and never fails: what went wrong is in the answer. The
// deadline covers connecting, writing and reading the answer.
func (c *httpClient) do(ctx context.Context, k call) Answer {
	if c.conn != nil && c.used && !alive(c.conn) {
		c.close()
	}
	deadline := time.Now().Add(k.timeout)
	if c.conn == nil {
		if a := c.connect(ctx, deadline); a.Failure != NoFailure {
			return a
		}
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return c.failed(ctx, err)
	}
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return c.exchange(ctx, k)
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
			return failure(ctx, err, TLS)
		}
		conn = secure
	}
	c.conn, c.used = conn, false
	if c.reader == nil {
		c.reader = bufio.NewReaderSize(conn, 4<<10)
	} else {
		c.reader.Reset(conn)
	}
	return Answer{}
}

// exchange writes the request in one piece and reads the answer.
func (c *httpClient) exchange(ctx context.Context, k call) Answer {
	b := append(c.scratch[:0], c.target.head...)
	for _, h := range k.signed {
		b = append(b, h.Name...)
		b = append(b, ": "...)
		b = append(b, h.Value...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(k.body)), 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, k.body...)
	c.scratch = b
	c.used = true
	_, werr := c.conn.Write(b)
	// An endpoint may answer before it has read everything (413), so a failed
	// write is looked at only when there is no answer either.
	if werr != nil && isTimeout(werr) {
		return c.failed(ctx, werr)
	}
	resp, err := c.readHead()
	if err != nil {
		if werr != nil {
			err = werr
		}
		return c.failed(ctx, err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if k.dropAnswer {
		c.close()
		return a
	}
	if k.keepBody > 0 {
		a.Body, err = io.ReadAll(io.LimitReader(resp.Body, int64(k.keepBody)))
	}
	n := int64(0)
	if err == nil {
		n, err = io.CopyN(io.Discard, resp.Body, drainLimit)
	}
	// The status decides; a body that goes wrong only costs the connection.
	if werr != nil || resp.Close || n == drainLimit || !errors.Is(err, io.EOF) {
		c.close()
	}
	return a
}

// readHead reads the answer's head and passes over interim (1xx) answers.
func (c *httpClient) readHead() (*http.Response, error) {
	for range 8 {
		resp, err := http.ReadResponse(c.reader, c.target.request)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, errors.New("too many interim answers")
}

func (c *httpClient) failed(ctx context.Context, err error) Answer {
	c.close()
	return failure(ctx, err, Cut)
}

func (c *httpClient) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// failure classifies an error; otherwise is what it is when it is nothing more
// special.
func failure(ctx context.Context, err error, otherwise Failure) Answer {
	switch {
	case ctx.Err() != nil:
		return Answer{Failure: Interrupted, Detail: "the run was ended"}
	case isTimeout(err):
		return Answer{Failure: Timeout, Detail: "no answer within the deadline"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Answer{Failure: otherwise, Detail: "the connection was closed without an answer"}
	}
	return Answer{Failure: otherwise, Detail: explain(err)}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// explain words an error for people, with what to do where that is known.
func explain(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "the certificate is signed by an unknown authority (--cacert FILE trusts one, --insecure any)"
	case errors.As(err, &host):
		return host.Error()
	case errors.As(err, &record):
		return "the endpoint does not speak TLS on this port"
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}

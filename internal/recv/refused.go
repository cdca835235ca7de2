package recv

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
)

// http1 is a connection of HTTP/1.1, in clear or over TLS, as net/http sees it. net/http
// answers some requests itself, such as one with too large a header, and calls no handler;
// this tells of them.
type http1 struct {
	net.Conn // conn, or TLS on it
	conn     *conn
	tls      bool
	begun    bool // something was read
}

const (
	tlsRecord     = 0x16 // the first byte of a TLS handshake
	tlsOnPlain    = "TLS was spoken to a port that is served without it"
	plainOnTLS    = "plain HTTP was spoken to a TLS port"
	inClearAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	lingerTime    = 500 * time.Millisecond
	lingerBytes   = 64 << 10
)

// Read implements net.Conn. A handshake ends the connection at once: net/http would
// wait for the end of a line. While a handler is at work, net/http reads one byte
// beside it to learn whether the caller hung up, at the cost of a goroutine, a system
// call and two deadlines; where no answer waits for that, the read ends with nothing.
func (h *http1) Read(p []byte) (int, error) {
	if len(p) == 1 && !h.conn.of.waits() && h.conn.handled.Load() {
		return 0, nil
	}
	n, err := h.Conn.Read(p)
	if !h.begun && n > 0 {
		h.begun = true
		if p[0] == tlsRecord && !h.tls {
			h.conn.of.refused(h.RemoteAddr().String(), http.StatusBadRequest, tlsOnPlain)
			h.conn.handled.Store(true)
			h.conn.tell(inClearAnswer + "This port is served without TLS: call it with http:// instead of https://\n")
			return 0, io.EOF
		}
	}
	return n, err
}

// Write implements net.Conn.
func (h *http1) Write(p []byte) (int, error) {
	if !h.conn.handled.Load() {
		if status, why, ok := statusLine(p); ok {
			h.conn.handled.Store(true) // the rest of it may follow
			h.conn.of.refused(h.RemoteAddr().String(), status, why)
		}
	}
	return h.Conn.Write(p)
}

// CloseWrite implements what net/http asks for before it closes.
func (h *http1) CloseWrite() error {
	if t, ok := h.Conn.(*tls.Conn); ok {
		return t.CloseWrite()
	}
	return h.conn.CloseWrite()
}

// statusLine reads the first line of an answer that is the last one.
func statusLine(answer []byte) (status int, why string, ok bool) {
	line, _, _ := bytes.Cut(answer, []byte("\r\n"))
	rest, ok := strings.CutPrefix(string(line), "HTTP/1.1 ")
	code, why, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	return status, why, ok && err == nil && status >= 400
}

// tell writes a last answer and gives the caller time to read it. To close a connection
// with unread bytes would cut the answer off.
func (c *conn) tell(answer string) {
	_ = c.SetDeadline(time.Now().Add(lingerTime))
	if _, err := io.WriteString(c, answer); err == nil && c.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, lingerBytes)
	}
}

// inClear says whether a handshake failed because the caller spoke plain HTTP.
func inClear(err error) bool {
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil {
		return false
	}
	switch string(record.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "PRI *":
		return true
	}
	return false
}

func (l *listener) answerInClear(c *conn) {
	l.refused(c.RemoteAddr().String(), http.StatusBadRequest, plainOnTLS)
	c.tell(inClearAnswer + "This port speaks TLS: call it with https:// instead of http://\n")
}

// refused counts and shows a request that HTTP, or TLS below it, refused before it reached
// the handler. There is nothing of it to judge or to store.
func (r *Receiver) refused(remote string, status int, why string) {
	now := time.Now()
	rc := &judge.Receipt{
		Seq: r.seq.Add(1), ReceivedAt: now, Remote: remote, Attempt: 1,
		Status: status, Answer: "from " + remote + ": " + why,
	}
	r.count(judge.Answer{At: now, Status: status}, []*judge.Receipt{rc})
	told := *rc // what is shown belongs to the observer from then on
	if r.observed(rc) {
		r.show(rc)
	}
	if r.cfg.Watch != nil {
		rec := &capture.Record{ReceivedAt: now, Remote: remote, Omitted: true, Status: status, Attempt: 1}
		r.exchanges.offer(judge.Exchange{Record: rec, Receipts: []*judge.Receipt{&told}}, told.Weight())
	}
}

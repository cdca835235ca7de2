package recv

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"

	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
)

// scripted takes the answer that a script gives, and says why.
func (x *exchange) scripted(a script.Answer) {
	x.script, x.status, x.by = a, a.Status, judge.ByScript
	switch a.Fault {
	case script.NoFault:
		x.reason = "by script"
		if a.Status == http.StatusUnauthorized {
			x.challenge()
		}
	case script.Timeout:
		x.reason = "no answer, by script"
	case script.Close:
		x.reason = "connection closed, by script"
	case script.Reset:
		x.reason = "connection reset, by script"
	case script.Garbage:
		x.reason = "bytes that are not HTTP, by script"
	case script.Cut:
		x.reason = "the answer's body ends half-way, by script"
	}
}

// fault is how the request ends without a whole answer by script.
func (x *exchange) fault() script.Fault {
	if x.by != judge.ByScript {
		return script.NoFault
	}
	return x.script.Fault
}

const (
	// garbage begins neither an answer of HTTP/1 nor a frame of HTTP/2 that may be so long.
	garbage = "\xfe\xedthese bytes are not HTTP\x00\xff\r\n\r\n"
	cutBody = "this is the first half of the answer, and this is the second half of it\n"
)

// abort ends the request without a whole answer, and does not return. With HTTP/2
// it ends the stream (RST_STREAM), except for bytes that are not HTTP, which end
// the connection.
func (x *exchange) abort(c *conn) {
	switch x.fault() {
	case script.Timeout:
		x.wait(hangFor)
	case script.Reset:
		if x.req.ProtoMajor == 1 {
			c.reset()
		}
	case script.Garbage:
		c.breakOff(garbage)
	case script.Cut:
		x.w.Header().Set("Content-Length", strconv.Itoa(len(cutBody)))
		x.text(cutBody[:len(cutBody)/2])
		_ = http.NewResponseController(x.w).Flush()
	}
	x.body.release()
	panic(http.ErrAbortHandler)
}

// answerScripted writes the headers and the body that a script gives.
func (x *exchange) answerScripted() {
	h := x.w.Header()
	for _, s := range x.script.Headers {
		h.Set(s.Name, s.Value)
	}
	body := x.script.Body
	switch {
	case bodiless(x.status):
		x.w.WriteHeader(x.status)
		return
	case body == "" && x.status != http.StatusOK:
		body = x.reason + "\n"
	case h.Get("Content-Type") == "" && json.Valid([]byte(body)):
		h.Set("Content-Type", "application/json")
	}
	x.text(body)
}

// reset ends the connection so that the caller learns of it by a reset (TCP RST).
func (c *conn) reset() {
	if c == nil {
		return
	}
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // or it is closed already
	}
	_ = c.Close()
}

// breakOff writes bytes of its own and ends the connection.
func (c *conn) breakOff(bytes string) {
	if c == nil {
		return
	}
	_, _ = io.WriteString(c.served, bytes) // the caller may be gone
	_ = c.served.Close()
}

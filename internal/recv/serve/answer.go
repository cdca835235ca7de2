package serve

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// answer is the ResponseWriter of a loop. It keeps the whole answer, which is
// short, and is used again for the next one.
type answer struct {
	header http.Header
	status int
	body   []byte
	out    bytes.Buffer
}

func (a *answer) reset() {
	clear(a.header)
	a.status, a.body = 0, a.body[:0]
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header {
	if a.header == nil {
		a.header = make(http.Header)
	}
	return a.header
}

// WriteHeader implements http.ResponseWriter. There are no informational answers.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if bodiless(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	a.body = append(a.body, p...)
	return len(p), nil
}

func bodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// closes says whether the handler wants the connection closed.
func (a *answer) closes() bool { return a.header.Get("Connection") == "close" }

// render gives the bytes of the answer, valid until the next one.
func (a *answer) render(date string, last bool) []byte {
	a.WriteHeader(http.StatusOK)
	o := &a.out
	o.Reset()
	o.WriteString("HTTP/1.1 ")
	o.Write(strconv.AppendInt(o.AvailableBuffer(), int64(a.status), 10))
	o.WriteByte(' ')
	o.WriteString(http.StatusText(a.status))
	o.WriteString("\r\nDate: ")
	o.WriteString(date)
	o.WriteString("\r\n")
	if !bodiless(a.status) {
		o.WriteString("Content-Length: ")
		o.Write(strconv.AppendInt(o.AvailableBuffer(), int64(len(a.body)), 10))
		o.WriteString("\r\n")
	}
	if last {
		a.Header().Set("Connection", "close")
	}
	if len(a.header) > 0 {
		_ = a.header.Write(o) // a buffer takes everything
	}
	o.WriteString("\r\n")
	o.Write(a.body)
	return o.Bytes()
}

// date is the text of a second.
type date struct {
	second int64
	text   string
}

func (s *Server) dateAt(now time.Time) string {
	d := s.date.Load()
	if d == nil || d.second != now.Unix() {
		d = &date{now.Unix(), now.UTC().Format(http.TimeFormat)}
		s.date.Store(d)
	}
	return d.text
}

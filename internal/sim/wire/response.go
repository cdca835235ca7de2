package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
)

const (
	// drainLimit is how much of an answer's body is read to keep the connection;
	// Relay ignores the body.
	drainLimit = 64 << 10
	// maxAnswerHead bounds an answer's status line and headers, and each line of
	// a chunked body.
	maxAnswerHead = 64 << 10
	// maxInterim is how many interim (1xx) answers are passed over.
	maxInterim = 16
)

// answerHead holds what decides how an answer is read. A head with a doubtful
// part sets close, because it is then not certain where the next answer begins.
type answerHead struct {
	status  int
	length  int64 // of the body, -1 when it goes on until the end or is chunked
	chunked bool
	close   bool // the connection carries no further call
}

// Answers whose first bytes are not an HTTP/1 status line.
var (
	errNoHTTP = errors.New("the answer is not HTTP/1")
	errHTTP2  = errors.New("the endpoint speaks only HTTP/2; it is called with HTTP/1.1")
)

// notHTTP says what an answer is that does not begin like one of HTTP/1. An HTTP/2 server
// begins with a SETTINGS or a GOAWAY frame on stream 0.
func notHTTP(b []byte) error {
	const settings, goaway = 4, 7
	if len(b) >= 9 && b[0] == 0 && (b[3] == settings || b[3] == goaway) && string(b[5:9]) == "\x00\x00\x00\x00" {
		return errHTTP2
	}
	return errNoHTTP
}

// parseHead reads a status line and its headers, which end with an empty line.
// Only a status line that cannot be read is an error.
func parseHead(b []byte) (answerHead, error) {
	line, rest := cutLine(b)
	h, keepAlive, err := parseStatusLine(line)
	if err != nil {
		return h, err
	}
	for len(rest) > 0 {
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || line[0] == ' ' || line[0] == '\t' {
			h.close = true
			continue
		}
		switch name := line[:colon]; {
		case equalFold(name, "content-length"):
			h.setLength(bytes.Trim(line[colon+1:], " \t"))
		case equalFold(name, "transfer-encoding"):
			h.setEncoding(bytes.Trim(line[colon+1:], " \t"))
		case equalFold(name, "connection"):
			h.close = h.close || hasToken(line[colon+1:], "close")
			keepAlive = keepAlive || hasToken(line[colon+1:], "keep-alive")
		}
	}
	h.close = h.close || !keepAlive || h.status == http.StatusSwitchingProtocols
	switch {
	case h.status < 200 || h.status == http.StatusNoContent || h.status == http.StatusNotModified:
		h.chunked, h.length = false, 0
	case h.chunked:
		// An answer must not have both framings (RFC 9112, 6.3).
		h.close = h.close || h.length >= 0
		h.length = -1
	case h.length < 0:
		h.close = true
	}
	return h, nil
}

func parseStatusLine(line []byte) (h answerHead, keepAlive bool, err error) {
	h.length = -1
	// HTTP/1.1 200, then perhaps a space and a reason.
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[7] < '0' || line[7] > '9' || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return h, false, errNoHTTP
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return h, false, errNoHTTP
		}
		h.status = h.status*10 + int(c-'0')
	}
	if h.status < 100 {
		return h, false, errNoHTTP
	}
	return h, line[7] != '0', nil
}

func (h *answerHead) setLength(value []byte) {
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' || n > 1<<50 {
			h.close = true
			return
		}
		n = n*10 + int64(c-'0')
	}
	if len(value) == 0 || h.length >= 0 && h.length != n {
		h.close = true
		return
	}
	h.length = n
}

func (h *answerHead) setEncoding(value []byte) {
	if h.chunked || !equalFold(value, "chunked") {
		h.close = true // the body ends with the connection
	}
	h.chunked = equalFold(value, "chunked")
}

// cutLine returns the first line without its end, which may be a bare line
// feed, and what follows.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && b[i-1] == '\r' {
		line = b[:i-1]
	}
	return line, rest
}

// equalFold compares with a lower-case ASCII name.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hasToken looks for a word in a list separated by commas.
func hasToken(list []byte, lower string) bool {
	for item := range bytes.SplitSeq(list, []byte{','}) {
		if equalFold(bytes.Trim(item, " \t"), lower) {
			return true
		}
	}
	return false
}

// headEnd returns the length of a head with the empty line that ends it, 0 when
// that has not come yet.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		switch {
		case i < len(b) && b[i] == '\n':
			return i + 1
		case i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n':
			return i + 2
		}
	}
}

// answerReader reads answers from a connection through one reused buffer. The
// unread part is buf[r:w].
type answerReader struct {
	src  io.Reader
	buf  []byte
	r, w int
}

func (a *answerReader) reset(src io.Reader) {
	if a.buf == nil {
		a.buf = make([]byte, 4<<10)
	}
	a.src, a.r, a.w = src, 0, 0
}

// buffered is how much has been read and not used.
func (a *answerReader) buffered() int { return a.w - a.r }

// fill reads more, at least one byte.
func (a *answerReader) fill() error {
	if a.r > 0 {
		a.w = copy(a.buf, a.buf[a.r:a.w])
		a.r = 0
	}
	if a.w == len(a.buf) {
		if len(a.buf) >= maxAnswerHead {
			return fmt.Errorf("the answer's head is larger than %d KiB", maxAnswerHead>>10)
		}
		a.buf = append(a.buf, make([]byte, len(a.buf))...)
	}
	for range 100 {
		n, err := a.src.Read(a.buf[a.w:])
		if a.w += n; n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// early tells what was read before anything was asked, nil for nothing.
func (a *answerReader) early() error {
	b := a.buf[a.r:a.w]
	line, _ := cutLine(b)
	h, _, err := parseStatusLine(line)
	switch {
	case len(b) == 0:
		return nil
	case err == nil:
		return fmt.Errorf("the endpoint answered %d before it was asked", h.status)
	}
	return notHTTP(b)
}

// head reads the head of the final answer and passes over interim ones. The
// bytes are valid until the next read.
func (a *answerReader) head() (answerHead, []byte, error) {
	for range maxInterim {
		end := headEnd(a.buf[a.r:a.w])
		for end == 0 {
			if n := a.w - a.r; (n >= 9 || n == 8 && a.buf[a.r] != 0) && !bytes.HasPrefix(a.buf[a.r:a.w], []byte("HTTP/1.")) {
				return answerHead{}, nil, notHTTP(a.buf[a.r:a.w])
			}
			if err := a.fill(); err != nil {
				return answerHead{}, nil, err
			}
			end = headEnd(a.buf[a.r:a.w])
		}
		raw := a.buf[a.r : a.r+end]
		a.r += end
		h, err := parseHead(raw)
		if err != nil || h.status >= 200 || h.status == http.StatusSwitchingProtocols {
			return h, raw, err
		}
	}
	return answerHead{}, nil, errors.New("too many interim answers")
}

// body reads an answer's body, keeps its first bytes in keep (as many as fit
// its capacity) and says whether the connection can carry another call.
func (a *answerReader) body(h answerHead, keep []byte) (kept []byte, open bool, err error) {
	left := int64(drainLimit)
	take := func(b []byte) {
		keep = append(keep, b[:min(len(b), cap(keep)-len(keep))]...)
		left -= int64(len(b))
	}
	switch {
	case h.chunked:
		err = a.chunks(take, &left)
	case h.length >= 0:
		err = a.discard(h.length, take, &left)
	case cap(keep) > 0: // until the connection ends
		err = a.discard(drainLimit, take, &left)
	}
	// More bytes than were announced do not belong to this call.
	return keep, err == nil && !h.close && a.buffered() == 0, err
}

var errLong = errors.New("the answer's body is longer than is worth reading")

func (a *answerReader) discard(n int64, take func([]byte), left *int64) error {
	for n > 0 {
		if *left <= 0 {
			return errLong
		}
		if a.r == a.w {
			if err := a.fill(); err != nil {
				return err
			}
		}
		got := int(min(n, int64(a.w-a.r)))
		take(a.buf[a.r : a.r+got])
		a.r += got
		n -= int64(got)
	}
	return nil
}

// chunks reads a chunked body and its trailer.
func (a *answerReader) chunks(take func([]byte), left *int64) error {
	for {
		line, err := a.line()
		if err != nil {
			return err
		}
		size, err := chunkSize(line)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if err := a.discard(size, take, left); err != nil {
			return err
		}
		if line, err = a.line(); err != nil || len(line) > 0 {
			return errors.Join(err, errors.New("a chunk does not end where it said"))
		}
	}
	for range 64 { // the trailer
		if line, err := a.line(); err != nil || len(line) == 0 {
			return err
		}
	}
	return errLong
}

func (a *answerReader) line() ([]byte, error) {
	for {
		if bytes.IndexByte(a.buf[a.r:a.w], '\n') >= 0 {
			line, rest := cutLine(a.buf[a.r:a.w])
			a.r = a.w - len(rest)
			return line, nil
		}
		if err := a.fill(); err != nil {
			return nil, err
		}
	}
}

func chunkSize(line []byte) (int64, error) {
	digits, _, _ := bytes.Cut(line, []byte{';'})
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 12 {
		return 0, errors.New("a chunk has no size")
	}
	n := int64(0)
	for _, c := range digits {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 || c < '0' {
			return 0, errors.New("a chunk has no size")
		}
		n = n<<4 | int64(i)
	}
	return n, nil
}

// fullHeader returns a head's headers, for Call.Details. Lines without a colon are
// left out.
func fullHeader(raw []byte) http.Header {
	h := http.Header{}
	_, rest := cutLine(raw)
	for len(rest) > 0 {
		var line []byte
		line, rest = cutLine(rest)
		if name, value, ok := bytes.Cut(line, []byte{':'}); ok && len(name) > 0 {
			key := textproto.CanonicalMIMEHeaderKey(string(name))
			h[key] = append(h[key], strings.Trim(string(value), " \t"))
		}
	}
	return h
}

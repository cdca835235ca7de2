package serve

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

const (
	headBuffer = 4 << 10
	// slack is the share of a timeout by which it may come early, so that it need
	// not be set anew for every request.
	slack = 8
)

// errUnusual says that the request is one for net/http. Nothing of it is lost:
// it is in the loop's buffer.
var errUnusual = errors.New("not a plain request")

// loop answers the plain requests of one connection, one after the other.
type loop struct {
	s   *Server
	c   *conn
	nc  net.Conn             // c, or TLS on it
	tls *tls.ConnectionState // nil without TLS

	buf    []byte // what was read of the connection is buf[r:w]
	r, w   int
	left   int // of the body under way, not yet given to the handler
	head   head
	req    http.Request // what the handler gets: a copy that it may fill in
	answer answer
	now    time.Time // of the request under way
	armed  time.Time // when the read deadline was set that ends idleness, zero for none
	sent   time.Time // when the write deadline was set
}

// run answers until the connection ends. Its error is errUnusual where
// net/http has to go on.
func (l *loop) run() error {
	l.buf = make([]byte, headBuffer)
	l.head.req.RemoteAddr, l.head.req.TLS = l.nc.RemoteAddr().String(), l.tls
	l.now = time.Now()
	// A connection that takes no deadline is broken, and reading tells.
	_ = l.nc.SetReadDeadline(l.now.Add(l.s.cfg.HeaderTimeout))
	for {
		if err := l.next(); err != nil {
			if errors.Is(err, errUnusual) {
				_ = l.nc.SetDeadline(time.Time{}) // net/http sets its own
			}
			return err
		}
		if err := l.request(); err != nil {
			return err
		}
		l.c.rest(l.now)
		if l.s.closing.Load() && l.c.drop(stateIdle) {
			return net.ErrClosed
		}
	}
}

// next waits for the next request and reads its head.
func (l *loop) next() error {
	if l.r == l.w {
		l.r, l.w = 0, 0
		if err := l.fill(); err != nil {
			return err
		}
	}
	seen := 0
	for waiting := false; ; waiting = true {
		text := l.buf[l.r:l.w]
		if end := bytes.Index(text[seen:], []byte("\r\n\r\n")); end >= 0 {
			return l.begin(seen + end + 4)
		}
		if endsOtherwise(text[seen:]) {
			return l.begin(0)
		}
		if !bytes.HasPrefix(text, []byte(methodAndPath)[:min(len(text), len(methodAndPath))]) {
			return errUnusual
		}
		if seen = max(0, len(text)-3); l.w == len(l.buf) {
			if l.r == 0 {
				return errUnusual
			}
			l.r, l.w = 0, copy(l.buf, text)
		}
		if !waiting {
			l.expect(l.s.cfg.HeaderTimeout)
		}
		if err := l.fill(); err != nil {
			return err
		}
	}
}

// endsOtherwise says whether a head ends there whose lines do not all end as they
// should, given that it does not end as it should.
func endsOtherwise(text []byte) bool {
	return bytes.Contains(text, []byte("\n\n")) || bytes.Contains(text, []byte("\n\r\n"))
}

// begin takes the request whose head is the next n bytes, 0 for one that is
// unusual. Until the head is there the connection counts as silent: whoever
// sends heads byte by byte, on however many connections, keeps nobody out.
func (l *loop) begin(n int) error {
	if !l.c.begin() {
		return net.ErrClosed
	}
	l.now = time.Now()
	if n == 0 || !l.head.parse(l.buf[l.r:l.r+n]) || l.head.body > l.s.cfg.ShortBody {
		return errUnusual
	}
	l.r += n
	return nil
}

// fill reads once into the rest of the buffer.
func (l *loop) fill() error {
	n, err := l.nc.Read(l.buf[l.w:])
	l.w += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// expect sets when what comes next has to be there.
func (l *loop) expect(d time.Duration) {
	_ = l.nc.SetReadDeadline(time.Now().Add(d))
	l.armed = time.Time{}
}

// request lets the handler answer the request whose head was read.
func (l *loop) request() error {
	l.left = l.head.body
	waits := l.w-l.r < l.left
	if waits {
		l.expect(l.s.cfg.ReadTimeout)
	}
	l.req = l.head.req
	l.req.Body = (*body)(l)
	l.answer.reset()
	if !l.handle() {
		return net.ErrClosed
	}
	if waits {
		l.now = time.Now() // the time for the answer begins
	}
	last := l.answer.closes() || l.s.closing.Load()
	if l.now.Sub(l.sent) > l.s.cfg.WriteTimeout/slack {
		_ = l.nc.SetWriteDeadline(l.now.Add(l.s.cfg.WriteTimeout))
		l.sent = l.now
	}
	if _, err := l.nc.Write(l.answer.render(l.s.dateAt(l.now), last)); err != nil {
		return err
	}
	if last {
		linger(l.nc, int64(l.s.cfg.ShortBody))
		return net.ErrClosed
	}
	if l.left > 0 {
		if _, err := io.Copy(io.Discard, (*body)(l)); err != nil {
			return err
		}
	}
	if l.now.Sub(l.armed) > l.s.cfg.IdleTimeout/slack {
		_ = l.nc.SetReadDeadline(l.now.Add(l.s.cfg.IdleTimeout))
		l.armed = l.now
	}
	return nil
}

// handle calls the handler and says whether there is an answer.
func (l *loop) handle() (ok bool) {
	defer func() {
		if ok {
			return
		}
		fault := recover()
		if err, _ := fault.(error); !errors.Is(err, http.ErrAbortHandler) {
			l.s.logf("http: panic serving %v: %v\n%s", l.nc.RemoteAddr(), fault, debug.Stack())
		}
	}()
	l.s.cfg.Handler.ServeHTTP(&l.answer, &l.req)
	return true
}

// linger lets the caller read the last answer before the connection is closed:
// to close it while something is unread would cut the answer off.
func linger(c net.Conn, body int64) {
	if closeWrite(c) != nil {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c, body+headBuffer)
}

const lingerTime = 500 * time.Millisecond

// body gives the handler the body of the request under way.
type body loop

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(len(p), b.left)]
	n, err := 0, error(nil)
	if b.r < b.w {
		n = copy(p, b.buf[b.r:b.w])
		b.r += n
	} else if n, err = b.nc.Read(p); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if b.left -= n; b.left == 0 {
		err = io.EOF
	}
	return n, err
}

// Close leaves what is unread to the loop.
func (b *body) Close() error { return nil }

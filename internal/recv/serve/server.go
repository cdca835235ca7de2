// Package serve answers HTTP for a handler that has to be quick: the plain
// HTTP/1.1 requests that a sender of webhooks makes are read and answered in a
// short loop, and a connection on which anything else is asked, HTTP/2 included,
// is handed over to net/http. To the handler both look alike.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Config says how to serve. The durations have to be positive.
type Config struct {
	Handler http.Handler
	TLS     *tls.Config // nil for plain HTTP
	// ShortBody lets the loop take the requests with a body of at most that many
	// bytes. For these, the handler must not hold on to the request, change its
	// header, or wait for the end of its context, which never comes; the writer
	// has no controls. 0 leaves everything to net/http.
	ShortBody int

	HeaderTimeout  time.Duration // for a request's header to arrive
	ReadTimeout    time.Duration // for a whole request to arrive
	WriteTimeout   time.Duration // for the caller to take an answer
	IdleTimeout    time.Duration // between two requests of a connection
	MaxHeaderBytes int           // of a request
	// FreshTimeout is how long a connection that was opened is left to ask its
	// first request when the server shuts down.
	FreshTimeout time.Duration
	// MaxConns may be open at once; the one that is silent longest makes room. Of
	// HTTP/2, on all its connections, as many requests may be under way, and one
	// beyond is cut off.
	MaxConns int
	ErrorLog *log.Logger // told in the words of net/http
}

// streamBuffer bounds what net/http reads of an HTTP/2 body before the handler
// asks for it: its own bound, for each of many connections, is a megabyte.
const streamBuffer = 64 << 10

// Server serves one listener. Its methods are safe for concurrent use.
type Server struct {
	cfg     Config
	conns   *connSet
	rest    *http.Server // what is not plain
	given   *handedOver
	streams atomic.Int64 // requests of HTTP/2 under way
	closing atomic.Bool
	date    atomic.Pointer[date]
}

// New makes a server for a listener, which it closes at its end.
func New(l net.Listener, cfg Config) *Server {
	s := &Server{cfg: cfg, conns: newConnSet(l, cfg.MaxConns)}
	s.given = &handedOver{addr: l.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	s.rest = &http.Server{
		Handler:           http.HandlerFunc(s.serveRest),
		TLSConfig:         cfg.TLS,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.ReadTimeout + cfg.WriteTimeout, // it runs from the head on
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxReceiveBufferPerConnection: 2 * streamBuffer, MaxReceiveBufferPerStream: streamBuffer},
		ConnState:         noteState,
		ConnContext:       withTLSState,
		ErrorLog:          cfg.ErrorLog,
	}
	return s
}

// Addr is the listener's address.
func (s *Server) Addr() net.Addr { return s.conns.Addr() }

// Open says how many connections are open.
func (s *Server) Open() int { return s.conns.size() }

// Serve answers until Shutdown or Close, and then returns http.ErrServerClosed.
// Another error is the listener's.
func (s *Server) Serve() error {
	rest := make(chan error, 1)
	go func() { rest <- s.rest.Serve(s.given) }()
	err := s.accept()
	if !errors.Is(err, http.ErrServerClosed) {
		_ = s.Close()
	}
	<-rest
	return err
}

// accept takes connections until the listener is closed. Running out of file
// descriptors and the like passes.
func (s *Server) accept() error {
	var pause time.Duration
	for {
		c, err := s.conns.accept()
		switch {
		case err == nil:
			pause = 0
			go func() {
				defer s.conns.running.Done()
				s.serve(c)
			}()
		case s.closing.Load():
			return http.ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.logf("http: Accept error: %v; retrying in %v", err, pause)
			time.Sleep(pause)
		}
	}
}

// Shutdown takes no more connections, closes those without a request, and
// waits until the requests under way are answered or ctx is done; its error is
// then that of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	_ = s.conns.Close() // it may be closed already
	s.conns.closeSilent(stateIdle)
	fresh := time.AfterFunc(s.cfg.FreshTimeout, func() { s.conns.closeSilent(stateNew) })
	defer fresh.Stop()
	done := make(chan struct{})
	go func() {
		s.conns.running.Wait()
		close(done)
	}()
	err := s.rest.Shutdown(ctx)
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends everything at once.
func (s *Server) Close() error {
	s.closing.Store(true)
	err := s.conns.Close()
	_ = s.rest.Close()
	s.conns.closeAll()
	return err
}

func (s *Server) logf(format string, args ...any) {
	if s.cfg.ErrorLog != nil {
		s.cfg.ErrorLog.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

// serve answers on a connection until it ends or is handed over.
func (s *Server) serve(c *conn) {
	l := loop{s: s, c: c, nc: c}
	if s.cfg.TLS != nil {
		t, err := s.handshake(c)
		if err != nil {
			_ = c.Close()
			return
		}
		state := t.ConnectionState()
		l.nc, l.tls = t, &state
		if state.NegotiatedProtocol == "h2" {
			s.given.add(t)
			return
		}
	}
	if s.cfg.ShortBody == 0 || errors.Is(l.run(), errUnusual) {
		s.given.add(&handed{Conn: l.nc, tls: l.tls, read: l.buf[l.r:l.w]})
		return
	}
	_ = l.nc.Close()
}

func (s *Server) handshake(c *conn) (*tls.Conn, error) {
	t := tls.Server(c, s.cfg.TLS)
	// A connection that takes no deadline is broken, and the handshake tells.
	_ = c.SetDeadline(time.Now().Add(s.cfg.HeaderTimeout))
	err := t.HandshakeContext(context.Background())
	if err == nil {
		_ = c.SetDeadline(time.Time{})
		return t, nil
	}
	cause := err.Error()
	var record tls.RecordHeaderError
	inClear := errors.As(err, &record) && record.Conn != nil && asksInClear(record.RecordHeader)
	if inClear {
		cause = "client sent an HTTP request to an HTTPS server"
	}
	s.logf("http: TLS handshake error from %s: %s", c.RemoteAddr(), cause)
	if inClear {
		_, _ = io.WriteString(record.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nThis port speaks TLS: call it with https:// instead of http://\n")
		linger(record.Conn, int64(s.cfg.ShortBody))
	}
	return nil, fmt.Errorf("handshake: %w", err)
}

// asksInClear says whether the first bytes are those of an HTTP request.
func asksInClear(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET":
		return true
	}
	return false
}

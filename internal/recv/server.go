package recv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
)

// TLSMode says how the receiver is reached.
type TLSMode string

// The modes.
const (
	TLSAuto TLSMode = "auto" // a leaf of the local authority, or Cert and Key
	TLSOff  TLSMode = "off"
)

// Config says how the receiver behaves. The zero value of a field is the
// default that is named with it.
type Config struct {
	Addr      string // 127.0.0.1:8443; port 0 picks a free one
	TLS       TLSMode
	CertFile  string // with KeyFile: the certificate to show instead
	KeyFile   string
	Authority *Authority // of TLSAuto; nil makes one in memory

	Auth   auth.Scheme  // the credentials to expect, nil for none
	Issuer http.Handler // answers POST /oauth/token, nil for none

	AllowFrom  []netip.Prefix // who may call (R-IP), nil for everybody
	TrustProxy []netip.Prefix // whose X-Forwarded-For is believed

	Script  *Script // nil answers 200
	MaxBody int64   // 1 MiB
	Capture *capture.Writer
	// Sensitive names headers whose values a capture must not show, beside those
	// that look like credentials.
	Sensitive []string

	// Observe is told of every event from one goroutine, off the path of the
	// answers: when it is slow, receipts are dropped and counted. Nil for none.
	Observe func(*Receipt)
	// Counted is told the number of events after each request, on the path of
	// the answers, so it must be quick. Nil for none.
	Counted func(events uint64)
	// Notice is told what the user should know at once, such as a capture that
	// cannot be written. It may be called from several goroutines.
	Notice func(string)
}

const (
	defaultAddr    = "127.0.0.1:8443"
	defaultMaxBody = 1 << 20
	headerTimeout  = 10 * time.Second
	bodyTimeout    = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	shutdownGrace  = 3 * time.Second
	// hangFor ends a scripted timeout whose caller never hangs up.
	hangFor = 2 * time.Minute
)

// Receiver is a listening endpoint.
type Receiver struct {
	cfg      Config
	listener net.Listener
	server   *http.Server
	tls      *tls.Config
	tracker  *Tracker
	feed     *feed
	ending   chan struct{} // closed when the receiver stops: scripted waits end

	mu      sync.Mutex
	summary Summary
	seq     uint64
	bodies  sync.Pool
}

// New checks the configuration and binds the address, so that a port in use is
// an error here and nothing is announced before it is true. The caller has to
// Serve or Close it.
func New(cfg Config) (*Receiver, error) {
	if cfg.Addr == "" {
		cfg.Addr = defaultAddr
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.Auth == nil {
		none, err := auth.New(auth.Config{})
		if err != nil {
			return nil, err
		}
		cfg.Auth = none
	}
	r := &Receiver{cfg: cfg, tracker: NewTracker(), ending: make(chan struct{}), summary: newSummary()}
	if err := r.prepareTLS(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, &ListenError{cfg.Addr, err}
	}
	r.listener = l
	r.feed = newFeed(cfg.Observe)
	r.server = &http.Server{
		Handler:           r,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         r.tls,
		// Handshake failures and cut connections are the callers' affair.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return r, nil
}

// ListenError says that the address could not be bound.
type ListenError struct {
	Addr string
	Err  error
}

// Error implements error.
func (e *ListenError) Error() string {
	var op *net.OpError
	if errors.As(e.Err, &op) {
		return fmt.Sprintf("cannot listen on %s: %v", e.Addr, op.Err)
	}
	return fmt.Sprintf("cannot listen on %s: %v", e.Addr, e.Err)
}

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

func (r *Receiver) prepareTLS() error {
	var cert tls.Certificate
	var err error
	switch {
	case r.cfg.TLS == TLSOff:
		return nil
	case r.cfg.CertFile != "" || r.cfg.KeyFile != "":
		if cert, err = tls.LoadX509KeyPair(r.cfg.CertFile, r.cfg.KeyFile); err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
		r.cfg.Authority = nil
	default:
		if r.cfg.Authority == nil {
			if r.cfg.Authority, err = NewAuthority(); err != nil {
				return err
			}
		}
		if cert, err = r.cfg.Authority.Leaf(); err != nil {
			return err
		}
	}
	r.tls = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	return nil
}

// URL is where the receiver takes events.
func (r *Receiver) URL() string {
	addr, ok := r.listener.Addr().(*net.TCPAddr)
	host := "localhost"
	if ok && !addr.IP.IsLoopback() && !addr.IP.IsUnspecified() {
		host = addr.IP.String()
	} else if ok && addr.IP.IsLoopback() {
		host = addr.IP.String()
	}
	scheme := "https"
	if r.tls == nil {
		scheme = "http"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(addr.Port)) + "/"
}

// CAFile is the file that makes senders trust the receiver, "" where there is
// none to name.
func (r *Receiver) CAFile() string {
	if r.cfg.Authority == nil {
		return ""
	}
	return r.cfg.Authority.Path
}

// CertPool trusts the receiver's authority; nil when it has none of its own.
func (r *Receiver) CertPool() *x509.CertPool {
	if r.cfg.Authority == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(r.cfg.Authority.Cert)
	return pool
}

// Serve answers until ctx is done, lets requests under way end for a moment,
// tells the observer what is left, and returns. Its error is nil after an
// ordinary end.
func (r *Receiver) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		close(r.ending)
		grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		if r.server.Shutdown(grace) != nil {
			// Who hangs longer than that is cut off; nothing of theirs was answered.
			_ = r.server.Close()
		}
	})
	defer stop()
	var err error
	if r.tls != nil {
		err = r.server.ServeTLS(r.listener, "", "")
	} else {
		err = r.server.Serve(r.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
		<-r.ending
		// Shutdown has closed the listener; wait for the handlers it waits for.
		grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		_ = r.server.Shutdown(grace)
	}
	r.feed.close()
	return err
}

// Close gives the address back without having served.
func (r *Receiver) Close() error {
	r.feed.close()
	return r.listener.Close()
}

// Summary returns what was received so far. It is safe to call at any time.
func (r *Receiver) Summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary.clone()
	s.Dropped = r.feed.dropped.Load()
	return s
}

func (r *Receiver) notice(format string, args ...any) {
	if r.cfg.Notice != nil {
		r.cfg.Notice(fmt.Sprintf(format, args...))
	}
}

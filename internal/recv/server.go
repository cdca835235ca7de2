package recv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/serve"
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

	Script *Script // nil answers 200
	// Rules is a file of more rules, which come after those of Script; it is
	// loaded again when it changes. "" for none.
	Rules   string
	MaxBody int64 // 1 MiB
	Capture Store // nil for none
	// Sensitive names headers whose values a capture must not show, beside those
	// that look like credentials.
	Sensitive []string

	// Forward passes what the script lets through on to an app, whose answer is
	// then the receiver's. The first route that matches takes a request; one that
	// none matches is answered 200.
	Forward        []Route
	ForwardTimeout time.Duration // 10 s

	// Observed selects by name the events that Observe is told of. The zero value
	// is all of them, and also the requests in which no event could be read.
	Observed event.Filter
	// Observe is told of these events from one goroutine, off the path of the
	// answers: when it is slow, receipts are dropped and counted. Nil for none.
	Observe func(*Receipt)
	// Enough says after each request whether what was received ends the receiver:
	// the requests under way are still answered, and Serve returns as when its
	// context is done. It is called by one goroutine at a time, on the path of the
	// answers, so it must be quick, and it must not hold on to the summary, whose
	// totals alone are there. Nil for never.
	Enough func(*Summary) bool
	// Notice is told what the user should know at once, such as a capture that
	// cannot be written. It may be called from several goroutines.
	Notice func(string)
}

// Store keeps records of requests; capture.Writer is one.
type Store interface {
	// Append returns when the record is kept as promised. It must not hold on to
	// the record. It is called from several goroutines.
	Append(*capture.Record) error
}

const (
	defaultAddr    = "127.0.0.1:8443"
	defaultMaxBody = 1 << 20
	maxHeaderBytes = 64 << 10
	maxConns       = 2048 // open at once
	// slowBody is how many bytes a second of the largest body have to arrive.
	slowBody = 64 << 10
	// hangFor ends a scripted timeout whose caller never hangs up.
	hangFor = 2 * time.Minute
	// feedBytes bounds the bodies that wait for a slow observer.
	feedBytes = 32 << 20
)

// limits keep callers from holding the receiver up.
type limits struct {
	header time.Duration // for a request's header to arrive
	body   time.Duration // for its body, at least
	idle   time.Duration // between two requests of a connection
	write  time.Duration // for the caller to take its answer
	watch  time.Duration // for the observer to take a receipt when the receiver ends
	grace  time.Duration // for requests under way when the receiver ends
	fresh  time.Duration // for a connection to begin its first request then
	conns  int           // open at once
}

func defaultLimits() limits {
	return limits{
		header: 10 * time.Second, body: 20 * time.Second, idle: 2 * time.Minute, write: time.Minute, watch: 2 * time.Second,
		grace: 3 * time.Second, fresh: 100 * time.Millisecond, conns: maxConns,
	}
}

// Receiver is a listening endpoint.
type Receiver struct {
	cfg     Config
	lim     limits
	server  *serve.Server
	tls     *tls.Config
	tokens  http.Handler // POST /oauth/token, nil for none
	tracker *Tracker
	rules   *rulesFile // nil for none
	forward *forwarder // nil for none
	bodies  *bodies
	feed    *feed
	waiting atomic.Int64  // bytes of receipts that wait for the observer
	ending  chan struct{} // closed when the receiver stops: scripted waits end
	enough  chan struct{} // told by the first request after which it is enough
	storing health
	pool    sync.Pool // of *exchange
	seq     atomic.Uint64

	troubles *troubles

	mu      sync.Mutex
	summary Summary
	recent  recent
}

// New checks the configuration and binds the address, so that a port in use is
// an error here (a *ListenError) and nothing is announced before it is true. The
// caller has to Serve or Close it.
func New(cfg Config) (*Receiver, error) { return newReceiver(cfg, defaultLimits()) }

func newReceiver(cfg Config, lim limits) (*Receiver, error) {
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
	r := &Receiver{lim: lim, tracker: NewTracker(), bodies: newBodies(cfg.MaxBody), ending: make(chan struct{}), enough: make(chan struct{}, 1), summary: newSummary()}
	var err error
	if r.tls, err = tlsConfig(&cfg); err != nil {
		return nil, err
	}
	if cfg.Rules != "" {
		if cfg.Script == nil {
			cfg.Script = &Script{}
		}
		if r.rules, err = openRules(cfg.Rules, cfg.Script, r.notice); err != nil {
			return nil, err
		}
	}
	r.cfg = cfg
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		r.rules.close()
		return nil, &ListenError{cfg.Addr, err}
	}
	r.forward = newForwarder(&cfg, r.notice)
	if cfg.Issuer != nil {
		r.tokens = &guard{names: ownNames(cfg.Addr), next: cfg.Issuer}
	}
	r.feed = r.newFeed(cfg.Observe)
	r.troubles = newTroubles(func(msg string) { r.notice("%s", msg) }, time.Now)
	r.server = r.newServer(l)
	return r, nil
}

// newServer sets what bounds a caller in time and size. Where an answer waits for
// nothing but the disk, short bodies are served the short way.
func (r *Receiver) newServer(l net.Listener) *serve.Server {
	slowest := max(r.lim.body, time.Duration(r.cfg.MaxBody/slowBody)*time.Second)
	short := 0
	if r.cfg.Script == nil && r.forward == nil {
		short = int(min(r.cfg.MaxBody, smallBody))
	}
	return serve.New(l, serve.Config{
		Handler:        r,
		TLS:            r.tls,
		ShortBody:      short,
		HeaderTimeout:  r.lim.header,
		ReadTimeout:    r.lim.header + slowest,
		WriteTimeout:   r.lim.write,
		IdleTimeout:    r.lim.idle,
		MaxHeaderBytes: maxHeaderBytes,
		FreshTimeout:   r.lim.fresh,
		MaxConns:       r.lim.conns,
		ErrorLog:       log.New(r.troubles, "", 0),
	})
}

// newFeed counts the bytes that wait for the observer, beside the receipts.
func (r *Receiver) newFeed(observe func(*Receipt)) *feed {
	if observe == nil {
		return newFeed(nil)
	}
	return newFeed(func(rc *Receipt) {
		size := rc.weight()
		observe(rc)
		r.waiting.Add(-size)
	})
}

// weight is about how much memory a receipt holds: its bytes, and the copy that
// its strings share.
func (r *Receipt) weight() int64 { return 512 + 2*int64(len(r.Event.Raw)) + int64(len(r.Path)) }

// ownNames are the names by which the token endpoint may be called, beside
// localhost and addresses.
func ownNames(addr string) []string {
	names := []string{strings.ToLower(hostOf(addr))}
	if host, err := os.Hostname(); err == nil {
		names = append(names, strings.ToLower(host))
	}
	return names
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

// URL is where the receiver takes events.
func (r *Receiver) URL() string {
	host, port, err := net.SplitHostPort(r.server.Addr().String())
	if err != nil {
		host, port = "localhost", "" // cannot be: it is a TCP listener
	}
	given := hostOf(r.cfg.Addr)
	switch ip := net.ParseIP(host); {
	case given != "" && net.ParseIP(given) == nil:
		host = given // a name, which the certificate is for
	case ip == nil || ip.IsUnspecified():
		host = "localhost"
	}
	scheme := "https"
	if r.tls == nil {
		scheme = "http"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/"
}

// CAFile is the file that makes senders trust the receiver, "" where there is
// none to name.
func (r *Receiver) CAFile() string {
	if r.cfg.Authority == nil {
		return ""
	}
	return r.cfg.Authority.Path
}

// Seed is that of the answers by chance; ok is false where none is.
func (r *Receiver) Seed() (seed uint64, ok bool) {
	if !r.cfg.Script.ByChance() {
		return 0, false
	}
	return r.cfg.Script.Seed, true
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

// ErrStuck says that the observer did not return, and may still be at work.
var ErrStuck = errors.New("the observer is stuck")

// Serve answers until ctx is done or the configuration's Enough says so, lets
// requests under way end for a moment, tells the observer what is left, and
// returns. Its error is nil after an ordinary end, and ErrStuck where the observer
// hung. It is called once.
func (r *Receiver) Serve(ctx context.Context) error {
	r.cfg.Script.begin(time.Now())
	defer r.follow(ctx)()
	served := make(chan error, 1)
	go func() { served <- r.server.Serve() }()
	var err error
	select {
	case err = <-served:
		_ = r.server.Close()
	case <-ctx.Done():
		err = r.shutdown(served)
	case <-r.enough:
		err = r.shutdown(served)
	}
	r.forward.close()
	if !r.feed.close(r.lim.watch) && err == nil {
		err = ErrStuck
	}
	return err
}

// follow keeps the rules like their file until the function that it returns is
// called.
func (r *Receiver) follow(ctx context.Context) (stop func()) {
	if r.rules == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.rules.run(ctx)
	}()
	return func() { cancel(); <-done }
}

// shutdown ends the scripted waits, lets requests under way be answered, and
// returns what the server says of its end but that it was shut down.
func (r *Receiver) shutdown(served <-chan error) error {
	close(r.ending)
	grace := r.lim.grace
	if r.forward != nil {
		grace += r.forward.timeout // the app's answer is worth waiting for
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		// Who hangs longer than that is cut off; nothing of theirs was answered.
		_ = r.server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// end ends Serve.
func (r *Receiver) end() {
	select {
	case r.enough <- struct{}{}:
	default: // it is told already
	}
}

// Close gives the address back without having served.
func (r *Receiver) Close() error {
	r.rules.close()
	r.feed.close(r.lim.watch)
	return r.server.Close()
}

// Summary returns what was received so far. It is safe to call at any time.
func (r *Receiver) Summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary.clone()
	s.Journeys = r.recent.journeys()
	s.Dropped = r.feed.dropped.Load()
	s.ForgottenEvents, s.ForgottenCustomers = r.tracker.Forgotten()
	s.LeftOut = r.tracker.LeftOut()
	s.Unstored = r.storing.failing()
	return s
}

func (r *Receiver) notice(format string, args ...any) {
	if r.cfg.Notice != nil {
		r.cfg.Notice(fmt.Sprintf(format, args...))
	}
}

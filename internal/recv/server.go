// Package recv is the endpoint of Relay's customer: it takes requests over HTTP,
// checks who calls, reads the body, has its events judged, decides the answer,
// makes the request durable and answers. Begin with Receiver.ServeHTTP in handler.go,
// the way of one request: conns.go has what comes before it, store.go and
// observerqueue.go where it leads. Each decision has a package of its own: judge,
// script, forward, localca, outage. The package knows nothing of flags or of how receipts
// are shown.
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
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/forward"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/localca"
	"relayctl/internal/recv/outage"
	"relayctl/internal/recv/script"
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
	Authority *localca.Authority // of TLSAuto; nil makes one in memory

	Auth   auth.Scheme  // the credentials to expect, nil for none
	Issuer http.Handler // answers POST /oauth/token, nil for none

	// Hosts are names by which it may be called, beside localhost, addresses, and the
	// name in Addr.
	Hosts []string
	// AllowHost words, in the answer to a caller that is refused, how its host name can be
	// allowed. Nil adds nothing.
	AllowHost  func(host string) string
	AllowFrom  []netip.Prefix // who may call (R-IP), nil for everybody
	TrustProxy []netip.Prefix // whose X-Forwarded-For is believed

	Script *script.Rules // nil answers 200
	// Rules is a file of more rules, which come after those of Script; it is
	// loaded again when it changes. "" for none.
	Rules string
	// Interrupt ends New's wait for the writer of a pipe of rules; nil never does.
	Interrupt context.Context
	MaxBody   int64 // 1 MiB
	Capture   Store // nil for none
	// Sensitive names headers whose values a capture must not show, beside those
	// that look like credentials.
	Sensitive []string

	// Forward passes on to an app what the script answers with a plain 200; the app's
	// answer is then the receiver's. The first route that matches takes a request; a
	// request that matches none is answered 200.
	Forward []forward.Route
	App     forward.Options // how the app is called

	// Observed selects, by name, the events that Observe is called for. The zero value
	// selects all, and the requests in which no event could be read as well.
	Observed event.Filter
	// ObservedCustomers limits Observe to the events of these customers, by ccid or else
	// by Relay's customer_id. Empty means all.
	ObservedCustomers []string
	// Observe is called for each of these events, from one goroutine and off the path of
	// the answers: if it is slow, receipts are dropped and counted. Nil for none.
	Observe func(*judge.Receipt)
	// Watch is called for every request as a whole, in the same way as Observe, but from a
	// goroutine of its own: neither waits for the other. Nil for none.
	Watch func(judge.Exchange)
	// Enough says, after each request, whether the receiver has got all that it is for.
	// Serve then lets requests under way be answered, and returns as if its context were
	// done. Enough is called by one goroutine at a time, on the path of the answers: it
	// must be quick, and must not keep the summary, of which only the totals are set. Nil
	// for never.
	Enough func(*judge.Summary) bool
	// Notice is called with what the user should know at once, such as a capture that
	// cannot be written. It is called from several goroutines.
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
	// streamBuffer bounds what net/http reads of an HTTP/2 body before the handler
	// asks for it: its own bound, for each of many connections, is a megabyte.
	streamBuffer = 64 << 10
	// slowBody is the least speed, in bytes a second, of a body of the largest size.
	slowBody = 64 << 10
	// recentReceipts are remembered for the journeys of the summary, of which the
	// last few customers' are shown.
	recentReceipts  = 512
	recentCustomers = 3
	// hangFor ends a scripted timeout whose caller never hangs up.
	hangFor = 2 * time.Minute
)

// limits keep callers from holding the receiver up.
type limits struct {
	header  time.Duration // for a request's header to arrive
	body    time.Duration // for its body, at least
	idle    time.Duration // between two requests of a connection
	write   time.Duration // for the caller to take its answer
	observe time.Duration // for Observe and Watch to take what waits for them when the receiver ends
	grace   time.Duration // for requests under way when the receiver ends
	fresh   time.Duration // for a connection to begin its first request then
	conns   int           // open at once
}

func defaultLimits() limits {
	return limits{
		header: 10 * time.Second, body: 20 * time.Second, idle: 2 * time.Minute, write: time.Minute, observe: 2 * time.Second,
		grace: 3 * time.Second, fresh: 100 * time.Millisecond, conns: maxConns,
	}
}

// Receiver is a listening endpoint.
type Receiver struct {
	cfg       Config
	lim       limits
	server    *http.Server
	conns     *listener
	slowest   time.Duration // for a body to arrive
	streams   atomic.Int64  // requests of HTTP/2 under way
	tls       *tls.Config
	names     names
	tokens    http.Handler // POST /oauth/token, nil for none
	tracker   *judge.Tracker
	rules     *script.File  // nil for none
	apps      *forward.Apps // nil for none
	bodies    *bodies
	receipts  *observerQueue[*judge.Receipt]
	exchanges *observerQueue[judge.Exchange]
	ending    chan struct{} // closed when the receiver stops: scripted waits end
	enough    chan struct{} // told by the first request after which it is enough
	storing   outage.Watch
	pool      sync.Pool // of *exchange
	seq       atomic.Uint64

	troubles *troubles

	mu      sync.Mutex
	summary judge.Summary
	recent  *judge.Journeys
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
	r := &Receiver{lim: lim, tracker: judge.NewTracker(), bodies: newBodies(cfg.MaxBody), ending: make(chan struct{}), enough: make(chan struct{}, 1), summary: judge.NewSummary(), recent: judge.NewJourneys(recentReceipts)}
	var err error
	if r.tls, err = tlsConfig(&cfg); err != nil {
		return nil, err
	}
	if cfg.Rules != "" {
		if cfg.Script == nil {
			cfg.Script = &script.Rules{}
		}
		if cfg.Interrupt == nil {
			cfg.Interrupt = context.Background()
		}
		if r.rules, err = script.Open(cfg.Interrupt, cfg.Rules, cfg.Script, r.notice); err != nil {
			return nil, err
		}
	}
	r.cfg = cfg
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		r.rules.Close()
		return nil, &ListenError{cfg.Addr, err}
	}
	cfg.App.Notice, cfg.App.Sensitive = r.notice, cfg.Sensitive
	r.names = namesOf(cfg.Addr, cfg.Hosts, cfg.AllowHost)
	r.apps = forward.New(cfg.Forward, cfg.App)
	if cfg.Issuer != nil {
		r.tokens = cfg.Issuer
	}
	r.newQueues()
	r.troubles = newTroubles(func(msg string) { r.notice("%s", msg) }, time.Now)
	r.newServer(l)
	return r, nil
}

// newServer sets what bounds a caller in time and size. How long a body may take is
// set for each request, see ServeHTTP.
func (r *Receiver) newServer(l net.Listener) {
	r.lim.conns = min(r.lim.conns, descriptors()/perCaller(r.apps != nil))
	r.slowest = max(r.lim.body, time.Duration(r.cfg.MaxBody/slowBody)*time.Second)
	r.conns = &listener{
		Listener: l, limit: r.lim.conns, tls: r.tls, timeout: r.lim.header, refused: r.refused,
		waits:  func() bool { return r.apps != nil || r.cfg.Script.Active() },
		failed: func(err error) { r.troubles.report(handshakeTrouble(err)) },
	}
	r.server = &http.Server{
		Handler:                      r,
		ReadHeaderTimeout:            r.lim.header,
		WriteTimeout:                 r.slowest + r.lim.write, // it runs from the header on
		IdleTimeout:                  r.lim.idle,
		MaxHeaderBytes:               maxHeaderBytes,
		HTTP2:                        &http.HTTP2Config{MaxReceiveBufferPerConnection: 2 * streamBuffer, MaxReceiveBufferPerStream: streamBuffer},
		DisableGeneralOptionsHandler: true, // it is answered like any other request
		ConnContext:                  connContext,
		ConnState:                    connState,
		ErrorLog:                     log.New(r.troubles, "", 0),
	}
	r.conns.open()
}

// perCaller is how many file descriptors a caller takes: its connection, and the one
// to the app.
func perCaller(forwards bool) int {
	if forwards {
		return 2
	}
	return 1
}

// watchGather is how long requests are collected before Watch is woken again: to wake its
// goroutine for each of them costs answers under load.
const watchGather = time.Millisecond

// newQueues begins to tell those who observe.
func (r *Receiver) newQueues() {
	var observe func(*judge.Receipt, uint64, bool)
	if r.cfg.Observe != nil {
		observe = func(rc *judge.Receipt, dropped uint64, more bool) {
			rc.Dropped, rc.More = dropped, more
			r.cfg.Observe(rc)
		}
	}
	var watch func(judge.Exchange, uint64, bool)
	if r.cfg.Watch != nil {
		watch = func(x judge.Exchange, _ uint64, more bool) {
			r.cfg.Watch(x)
			if !more {
				time.Sleep(watchGather)
			}
		}
	}
	r.receipts, r.exchanges = newObserverQueue(observe), newObserverQueue(watch)
}

// Unwatched is how many requests were dropped because Watch was too slow.
func (r *Receiver) Unwatched() uint64 { return r.exchanges.dropped.Load() }

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
	host, port, err := net.SplitHostPort(r.conns.Addr().String())
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
	return r.scheme() + "://" + net.JoinHostPort(host, port) + "/"
}

func (r *Receiver) scheme() string {
	if r.tls == nil {
		return "http"
	}
	return "https"
}

// CAFile is the file that makes senders trust the receiver, "" where there is
// none to name.
func (r *Receiver) CAFile() string {
	if r.cfg.Authority == nil {
		return ""
	}
	return r.cfg.Authority.Path
}

// Seed returns the seed of the answers by chance. ok is false if no rule acts by chance.
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

// Serve answers requests until ctx is done or Config.Enough says so. It then gives
// requests under way a moment to end, tells the observer what is left, and returns nil;
// ErrStuck if the observer hung, or the error of the server. Call it once.
func (r *Receiver) Serve(ctx context.Context) error {
	r.cfg.Script.Begin(time.Now())
	defer r.follow(ctx)()
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(r.conns) }()
	var err error
	select {
	case err = <-served:
		r.closeConns()
	case <-ctx.Done():
		err = r.shutdown(served)
	case <-r.enough:
		err = r.shutdown(served)
	}
	r.apps.Close()
	r.exchanges.close(r.lim.observe)
	if !r.receipts.close(r.lim.observe) && err == nil {
		err = ErrStuck
	}
	return err
}

// follow loads the rules again whenever their file changes, until stop is called.
func (r *Receiver) follow(ctx context.Context) (stop func()) {
	if r.rules == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.rules.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// shutdown ends the scripted waits and gives requests under way some time to be answered.
// It returns the server's error, nil if the server only says that it was shut down.
func (r *Receiver) shutdown(served <-chan error) error {
	close(r.ending)
	grace := r.lim.grace
	if r.apps != nil {
		grace += r.apps.Timeout() // the app's answer is worth waiting for
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	fresh := time.AfterFunc(r.lim.fresh, r.conns.closeUnasked)
	defer fresh.Stop()
	_ = r.server.Shutdown(ctx)
	// Requests that still wait are cut off, without an answer.
	r.closeConns()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// closeConns ends every connection at once.
func (r *Receiver) closeConns() {
	_ = r.server.Close()
	r.conns.closeAll()
	r.conns.tasks.Wait()
}

// end ends Serve.
func (r *Receiver) end() {
	select {
	case r.enough <- struct{}{}:
	default: // it is told already
	}
}

// Close gives the address back. It is for a receiver that was never served. The error is
// that of closing the listener.
func (r *Receiver) Close() error {
	r.rules.Close()
	r.receipts.close(r.lim.observe)
	r.exchanges.close(r.lim.observe)
	err := r.conns.Close()
	r.closeConns()
	return err
}

// Summary returns a copy of what was counted so far. It is safe for concurrent use.
func (r *Receiver) Summary() judge.Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.summary.Clone()
	s.Journeys = r.recent.Last(recentCustomers)
	s.Dropped = r.receipts.dropped.Load()
	s.ForgottenEvents, s.ForgottenCustomers = r.tracker.Forgotten()
	s.LeftOut = r.tracker.LeftOut()
	s.Unstored = r.storing.Failed()
	return s
}

func (r *Receiver) notice(format string, args ...any) {
	if r.cfg.Notice != nil {
		r.cfg.Notice(fmt.Sprintf(format, args...))
	}
}

// Package forward passes requests on to the app behind the endpoint and gives its
// answer back. Begin with Apps.Pass; ParseRoute reads one --forward. The package
// knows nothing of the server, and only the customers of receipts.
package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/outage"
)

const (
	defaultTimeout = event.Deadline // as long as Relay waits (R-DEADLINE)
	locks          = 256
	maxBody        = 64 << 10
	// appIdle is less than the 5 s after which Node closes an idle connection: an
	// event that is sent at that moment would be lost on the way.
	appIdle = 4 * time.Second
)

// Options say how apps are called. The zero value of a field is the default that is
// named with it.
type Options struct {
	Timeout time.Duration  // within which an app has to answer, 10 s
	Header  http.Header    // set in each request beside those that came
	RootCAs *x509.CertPool // whom to trust; nil for the system's, and anybody on loopback
	// Insecure trusts any certificate.
	Insecure bool
	// Proxy gives the proxy for a request, as http.Transport has it; nil for none.
	Proxy func(*http.Request) (*url.URL, error)
	// Keep is how many bytes of an answer's body are recorded; 0 records nothing of
	// the answer.
	Keep int64
	// Sensitive names headers whose values a record must not show, beside those
	// that look like credentials.
	Sensitive []string
	// Mask takes the secrets of the run out of a body before it is cut; nil for none.
	Mask func([]byte) []byte
	// Notice is called when an app stops answering, and when it answers again; nil for
	// none. It is called from several goroutines.
	Notice func(format string, args ...any)
}

// Apps passes requests on to the app. Requests of one customer are passed
// on one after the other, in the order in which they came. Safe for concurrent
// use.
type Apps struct {
	opt  Options
	apps []*App
	seed maphash.Seed
	// Customers share the locks by hash.
	locks [locks]fairLock
}

// App is the target of a route with its health.
type App struct {
	Route
	name string // the URL, as it is shown
	// keeping reuses connections; fresh has a new one for each request.
	keeping, fresh *http.Transport
	health         outage.Watch
}

// New returns the apps of the routes, nil if there are none. The first route that matches
// takes a request.
func New(routes []Route, opt Options) *Apps {
	if len(routes) == 0 {
		return nil
	}
	f := &Apps{opt: opt, seed: maphash.MakeSeed()}
	if f.opt.Timeout <= 0 {
		f.opt.Timeout = defaultTimeout
	}
	f.opt.Sensitive = slices.AppendSeq(slices.Clone(opt.Sensitive), maps.Keys(opt.Header)) // what is added may be a secret
	if f.opt.Notice == nil {
		f.opt.Notice = func(string, ...any) {}
	}
	for _, r := range routes {
		a := &App{Route: r, name: shownURL(r.URL.String()), keeping: f.transport(r.URL), fresh: f.transport(r.URL)}
		a.keeping.MaxIdleConnsPerHost = locks
		a.fresh.MaxIdleConnsPerHost = -1 // unlike DisableKeepAlives, it adds no header
		f.apps = append(f.apps, a)
	}
	for i := range f.locks {
		f.locks[i].held = make(chan struct{}, 1)
	}
	return f
}

// Timeout is how long an app may take.
func (f *Apps) Timeout() time.Duration { return f.opt.Timeout }

// transport calls an app. Certificates are verified except on loopback, where
// development servers sign their own and nobody is in between; where an authority is
// named, it counts there too.
func (f *Apps) transport(u *url.URL) *http.Transport {
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return &http.Transport{
		Proxy: f.opt.Proxy, OnProxyConnectResponse: tunnelled,
		DialContext: (&net.Dialer{Timeout: f.opt.Timeout}).DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, RootCAs: f.opt.RootCAs,
			InsecureSkipVerify: f.opt.Insecure || loopback && f.opt.RootCAs == nil, //nolint:gosec // see above
		},
		IdleConnTimeout:    appIdle,
		DisableCompression: true, // it would add a header
		ForceAttemptHTTP2:  true,
	}
}

// Close closes idle connections to the apps. It may be called on nil.
func (f *Apps) Close() {
	if f == nil {
		return
	}
	for _, a := range f.apps {
		a.keeping.CloseIdleConnections()
		a.fresh.CloseIdleConnections()
	}
}

// Route returns the app that an event's request goes to, nil for none.
func (f *Apps) Route(name string) *App {
	for _, a := range f.apps {
		if a.Filter.Match(name) {
			return a
		}
	}
	return nil
}

// ErrHungUp says that the caller left while its request waited its turn; the
// app has not seen it.
var ErrHungUp = errors.New("the caller hung up")

// Pass hands the request to the app and returns its answer. With ErrHungUp the app has not
// seen the request. Any other error is the app's failure; Reply.Record then tells of it.
func (f *Apps) Pass(a *App, req *http.Request, body []byte, receipts []*judge.Receipt) (Reply, error) {
	unlock, err := f.lock(req.Context(), receipts)
	if err != nil {
		return Reply{}, err
	}
	defer unlock()
	// A caller that hangs up now does not cut the app short: what it has begun
	// it shall end, for the event will come again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), f.opt.Timeout)
	defer cancel()
	out, err := f.request(ctx, a, req, body)
	if err != nil {
		return Reply{}, err
	}
	begin := time.Now()
	resp, err := a.call(out)
	if err == nil {
		if err = f.byProxy(out, resp); err == nil && (resp.StatusCode < 200 || resp.StatusCode > 599) {
			err = fmt.Errorf("it answered %d, which is not a status", resp.StatusCode)
		}
		if err != nil {
			_ = resp.Body.Close()
		}
	}
	took := time.Since(begin)
	if err != nil {
		err = appError(ctx, err)
		a.failedWith(err, f.opt.Notice)
		return Reply{Took: took, Record: f.record(out, nil, took, nil, err.Error())}, err
	}
	defer resp.Body.Close()
	answer, kept, why := f.read(resp, bodyPatience(f.opt.Timeout, took), cancel)
	answer.Took = took
	answer.Record = f.record(out, resp, took, kept, why)
	a.answered(f.opt.Notice)
	return answer, nil
}

// call makes the request; it follows no redirect, which is the app's answer like
// any other. Apps close connections that were idle for a while. A request that met
// such a moment, so that no byte of an answer came, is made once more on a fresh
// connection.
func (a *App) call(req *http.Request) (*http.Response, error) {
	var reused, begun atomic.Bool // an answer that begins after the deadline is still told of
	trace := &httptrace.ClientTrace{
		GotConn:              func(c httptrace.GotConnInfo) { reused.Store(c.Reused) },
		GotFirstResponseByte: func() { begun.Store(true) },
	}
	resp, err := a.keeping.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err == nil || !reused.Load() || begun.Load() || req.Context().Err() != nil {
		return resp, err
	}
	again := req.Clone(req.Context())
	if again.Body, err = req.GetBody(); err != nil {
		return nil, err
	}
	return a.fresh.RoundTrip(again)
}

// failedWith notes that the app gave no answer, and tells it the first time.
func (a *App) failedWith(err error, notice func(string, ...any)) {
	if a.health.Fail() {
		notice("the app at %s does not answer (%v): its events are answered 500, so that Relay sends them again", a.name, err)
	}
}

// answered notes that the app is up, and tells it when it was not.
func (a *App) answered(notice func(string, ...any)) {
	if lasted, failed := a.health.Work(); failed > 0 {
		notice("the app at %s is back after %s; requests answered 500 meanwhile: %d", a.name, duration.Text(lasted), failed)
	}
}

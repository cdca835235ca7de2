package recv

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/suggest"
)

// Route sends the requests of some events to an app.
type Route struct {
	Filter event.Filter // by event name; a batch goes where its first event goes
	// URL is the app's. With a path it is called as it is, without one the
	// request's own path is kept; the request's query is kept either way.
	URL *url.URL
}

// ParseRoute reads one --forward: a URL, or PATTERN=URL for some events only,
// such as 'notification.*=http://127.0.0.1:3000/sms'.
func ParseRoute(text string) (Route, error) {
	pattern, target := "", text
	if before, rest, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(before, ":/?") { // or it is of a query
		if strings.TrimSpace(before) == "" {
			return Route{}, errors.New("the event pattern before = is missing")
		}
		pattern, target = before, rest
	}
	filter, err := event.ParseFilter(pattern)
	if err != nil {
		return Route{}, err
	}
	u, err := parseTarget(target)
	return Route{Filter: filter, URL: u}, err
}

func parseTarget(target string) (*url.URL, error) {
	if target == "" {
		return nil, errors.New("the URL is missing")
	}
	u, err := url.Parse(target)
	switch bare := !strings.Contains(target, "://"); {
	case (bare || err != nil) && strings.Contains(target, "@"):
		return nil, errors.New("what was given is no URL") // it may hold a password
	case bare && suggest.URL(target) != "":
		return nil, fmt.Errorf("%q is no URL; did you mean %s?", shownURL(target), suggest.URL(shownURL(target)))
	case bare || err != nil:
		return nil, fmt.Errorf("%q is no URL", shownURL(target))
	}
	port, perr := strconv.ParseUint(cmp.Or(u.Port(), "1"), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is no http or https URL", shownURL(u.Redacted()))
	case u.User != nil:
		return nil, errors.New("a forward URL carries no credentials: the request's own headers are passed on")
	case u.Fragment != "":
		return nil, fmt.Errorf("%q has a fragment, which no request carries", shownURL(u.Redacted()))
	case perr != nil || port == 0:
		return nil, fmt.Errorf("%q is no port; ports go from 1 to 65535", u.Port())
	}
	return u, nil
}

// shownURL is a URL as it may be shown: without the secrets of its query.
func shownURL(text string) string { return capture.Redactor{}.Target(text) }

const (
	defaultForwardTimeout = 10 * time.Second // as long as Relay waits (R-DEADLINE)
	forwardLanes          = 256
	maxRelayedBody        = 64 << 10
	// appIdle is less than the 5 s after which Node closes an idle connection: an
	// event that is sent at that moment would be lost on the way.
	appIdle = 4 * time.Second
)

// forwarder passes requests on to the app. Requests of one customer are passed
// on one after the other, in the order in which they came. Safe for concurrent
// use.
type forwarder struct {
	apps    []*app
	timeout time.Duration
	seed    maphash.Seed
	// Customers share the lanes by hash.
	lanes  [forwardLanes]lane
	notice func(format string, args ...any)
}

// lane is a lock that is given in the order in which it was asked for, which a
// sync.Mutex does not promise.
type lane struct {
	held    chan struct{}
	waiting atomic.Int32
}

func (l *lane) lock(ctx context.Context) error {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	select {
	case l.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errHungUp
	}
}

func (l *lane) unlock() { <-l.held }

// app is the target of a route with its health.
type app struct {
	Route
	name      string // the URL, as it is shown
	transport *http.Transport
	health    health
}

// newForwarder returns nil where there is nothing to forward to.
func newForwarder(cfg *Config, notice func(string, ...any)) *forwarder {
	if len(cfg.Forward) == 0 {
		return nil
	}
	f := &forwarder{timeout: cfg.ForwardTimeout, seed: maphash.MakeSeed(), notice: notice}
	if f.timeout <= 0 {
		f.timeout = defaultForwardTimeout
	}
	for _, r := range cfg.Forward {
		f.apps = append(f.apps, &app{Route: r, name: shownURL(r.URL.String()), transport: appTransport(r.URL, f.timeout)})
	}
	for i := range f.lanes {
		f.lanes[i].held = make(chan struct{}, 1)
	}
	return f
}

// appTransport keeps connections to an app. Certificates are verified except on
// loopback, where development servers sign their own and nobody is in between.
func appTransport(u *url.URL, timeout time.Duration) *http.Transport {
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: loopback},
		MaxIdleConnsPerHost: forwardLanes,
		IdleConnTimeout:     appIdle,
		DisableCompression:  true, // it would add a header
		ForceAttemptHTTP2:   true,
	}
}

func (f *forwarder) close() {
	if f == nil {
		return
	}
	for _, a := range f.apps {
		a.transport.CloseIdleConnections()
	}
}

// route returns the app that an event's request goes to, nil for none.
func (f *forwarder) route(name string) *app {
	for _, a := range f.apps {
		if a.Filter.Match(name) {
			return a
		}
	}
	return nil
}

// relayed is an app's answer.
type relayed struct {
	status int
	header http.Header
	body   []byte // nil when it was larger than maxRelayedBody
}

// appReason says that the app gave an answer, and what Relay makes of one that it
// does not document.
func appReason(status int) string {
	const by = "by the app"
	switch {
	case status == http.StatusOK || status == http.StatusInternalServerError:
		return by
	case status < 300:
		return fmt.Sprintf("%s: taken for accepted, but only 200 is documented (R-2XX, assumed)", by)
	case status == http.StatusUnauthorized:
		return by + ": it means invalid access and is not retried (R-401)"
	case status == http.StatusBadRequest:
		return by + ": it is never to be answered, and not documented as retried (R-NO-400)"
	}
	return by + ": not documented as retried (R-RETRY-ONLY, assumed)"
}

// errHungUp says that the caller left while its request waited its turn; the
// app has not seen it.
var errHungUp = errors.New("the caller hung up")

// pass hands the request to the app and returns its answer. An error other
// than errHungUp is the app's failure.
func (f *forwarder) pass(a *app, req *http.Request, body []byte, receipts []*Receipt) (*relayed, error) {
	unlock, err := f.lock(req.Context(), receipts)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// A caller that hangs up now does not cut the app short: what it has begun
	// it shall end, for the event will come again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), f.timeout)
	defer cancel()
	out, err := a.request(ctx, req, body)
	if err != nil {
		return nil, err
	}
	// RoundTrip follows no redirect: it is the app's answer like any other.
	resp, err := a.transport.RoundTrip(out)
	if err != nil {
		err = appError(ctx, err)
		a.failedWith(err, f.notice)
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := readAnswer(resp)
	if err != nil {
		err = appError(ctx, err)
		a.failedWith(err, f.notice)
		return nil, err
	}
	a.answered(f.notice)
	return answer, nil
}

// appError words why the app gave no answer.
func appError(ctx context.Context, err error) error {
	var op *net.OpError
	switch {
	case ctx.Err() != nil:
		return errors.New("no answer in time")
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

// readAnswer reads what is passed back, and enough of the rest for the
// connection to be used again.
func readAnswer(resp *http.Response) (*relayed, error) {
	if resp.StatusCode < 200 || resp.StatusCode > 599 {
		return nil, fmt.Errorf("it answered %d, which is no status", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRelayedBody+1))
	if err != nil {
		return nil, err
	}
	// One without a type gets none: the server would guess it.
	r := &relayed{status: resp.StatusCode, header: http.Header{"Content-Type": nil}, body: body}
	names := []string{"Location", "Retry-After", "Www-Authenticate"}
	if len(body) > maxRelayedBody {
		r.body = nil
	} else {
		names = append(names, "Content-Type", "Content-Encoding", "Content-Language")
	}
	for _, n := range names {
		if v := resp.Header.Values(n); len(v) > 0 {
			r.header[n] = v
		}
	}
	return r, nil
}

// request builds the request to the app: the exact body, and the headers as
// they came except those that belong to the connection. Host is the app's, for
// a development server answers to its own name only.
func (a *app) request(ctx context.Context, req *http.Request, body []byte) (*http.Request, error) {
	u := *a.URL
	if u.Path == "" {
		u.Path, u.RawPath = req.URL.Path, req.URL.RawPath
	}
	if q := req.URL.RawQuery; q != "" {
		if u.RawQuery != "" {
			q = u.RawQuery + "&" + q
		}
		u.RawQuery = q
	}
	out, err := http.NewRequestWithContext(ctx, req.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = endToEnd(req.Header)
	return out, nil
}

// endToEnd returns a request's headers without those of the connection (RFC
// 9110, section 7.6.1).
func endToEnd(h http.Header) http.Header {
	out := h.Clone()
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Content-Length"} {
		out.Del(name)
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = nil // or the transport would add its own
	}
	if v, ok := out["Apikey"]; ok {
		delete(out, "Apikey")
		out["ApiKey"] = v // as Relay spells it (R-AUTH-KEY)
	}
	return out
}

// lock takes the lanes of the receipts' customers, in a fixed order so that
// two batches cannot wait for each other.
func (f *forwarder) lock(ctx context.Context, receipts []*Receipt) (unlock func(), err error) {
	lanes := f.lanesOf(receipts)
	unlock = func() {
		for _, l := range lanes {
			f.lanes[l].unlock()
		}
	}
	for i, l := range lanes {
		if err := f.lanes[l].lock(ctx); err != nil {
			lanes = lanes[:i]
			unlock()
			return nil, err
		}
	}
	return unlock, nil
}

// lanesOf returns the lanes of the receipts' customers, sorted. An event
// without a customer has no order to keep.
func (f *forwarder) lanesOf(receipts []*Receipt) []int {
	var lanes []int
	for _, rc := range receipts {
		if customer := customerOf(&rc.Event.Payload); customer != "" {
			lanes = append(lanes, int(maphash.String(f.seed, customer)%forwardLanes))
		}
	}
	slices.Sort(lanes)
	return slices.Compact(lanes)
}

// failedWith notes that the app gave no answer, and tells it the first time.
func (a *app) failedWith(err error, notice func(string, ...any)) {
	if a.health.fail() {
		notice("the app at %s does not answer (%v): its events are answered 500, so that Relay sends them again", a.name, err)
	}
}

// answered notes that the app is up, and tells it when it was not.
func (a *app) answered(notice func(string, ...any)) {
	if outage, failed := a.health.work(); failed > 0 {
		notice("the app at %s is back after %s; requests answered 500 meanwhile: %d", a.name, shortDuration(outage), failed)
	}
}

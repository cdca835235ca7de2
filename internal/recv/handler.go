package recv

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// exchange is one request on its way through the receiver.
type exchange struct {
	r        *Receiver
	w        http.ResponseWriter
	req      *http.Request
	seq      uint64
	at       time.Time
	remote   string
	body     []byte
	omitted  bool
	shape    event.Shape
	receipts []*Receipt
	scripted bool
	hang     bool // do not answer until the caller hangs up
	status   int
	reason   string
}

// ServeHTTP answers one request. The order of the checks is fixed: method,
// caller, credentials, content type, size, and only then is the body looked at.
// What could be read and stored is answered 200, also when the event is invalid
// (R-NO-400).
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.cfg.Issuer != nil && req.URL.Path == "/oauth/token" {
		r.cfg.Issuer.ServeHTTP(w, req)
		return
	}
	x := &exchange{r: r, w: w, req: req, at: time.Now(), remote: r.remote(req)}
	r.mu.Lock()
	r.seq++
	x.seq = r.seq
	r.mu.Unlock()
	if !x.admit() || !x.read() {
		x.finish()
		return
	}
	x.judge()
	x.answerScripted()
	x.finish()
}

// refuse sets an answer other than 200.
func (x *exchange) refuse(status int, reason string) bool {
	x.status, x.reason = status, reason
	return false
}

// admit checks what can be checked without the body.
func (x *exchange) admit() bool {
	h := x.w.Header()
	if x.req.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		return x.refuse(http.StatusMethodNotAllowed, "only POST carries an event")
	}
	if !x.r.allowed(x.remote) {
		return x.refuse(http.StatusForbidden, "the caller's address is not allowed (R-IP)")
	}
	if v := x.r.cfg.Auth.Verify(x.req.Header); !v.OK {
		h.Set("WWW-Authenticate", x.r.cfg.Auth.Challenge())
		return x.refuse(http.StatusUnauthorized, v.Reason)
	}
	mediaType, _, err := mime.ParseMediaType(x.req.Header.Get("Content-Type"))
	if err != nil && mediaType == "" || !strings.EqualFold(mediaType, "application/json") {
		return x.refuse(http.StatusUnsupportedMediaType, "the content type is not application/json (R-JSON)")
	}
	if enc := x.req.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return x.refuse(http.StatusUnsupportedMediaType, "Relay sends no compressed bodies")
	}
	if x.req.ContentLength > x.r.cfg.MaxBody {
		return x.tooLarge()
	}
	return true
}

func (x *exchange) tooLarge() bool {
	x.omitted, x.body = true, nil
	x.w.Header().Set("Connection", "close")
	return x.refuse(http.StatusRequestEntityTooLarge, "the body is larger than --max-body")
}

// read reads the body up to the limit, within a deadline of its own.
func (x *exchange) read() bool {
	// Not every connection can set one (HTTP/2 streams can); the idle and header
	// timeouts then bound the connection instead.
	_ = http.NewResponseController(x.w).SetReadDeadline(x.at.Add(bodyTimeout))
	var err error
	if n := x.req.ContentLength; n >= 0 {
		x.body = make([]byte, n)
		_, err = io.ReadFull(x.req.Body, x.body)
	} else {
		x.body, err = io.ReadAll(io.LimitReader(x.req.Body, x.r.cfg.MaxBody+1))
		if int64(len(x.body)) > x.r.cfg.MaxBody {
			return x.tooLarge()
		}
	}
	if err != nil {
		x.w.Header().Set("Connection", "close")
		x.omitted = true
		return x.refuse(http.StatusRequestTimeout, "the body did not arrive whole")
	}
	return true
}

// judge decodes, validates and tracks the events of the body.
func (x *exchange) judge() {
	var findings []event.Finding
	var members [][]byte
	x.shape, members, findings = event.Split(x.body)
	if findings != nil && len(members) == 0 {
		x.receipts = append(x.receipts, &Receipt{Findings: findings, Shape: x.shape, Attempt: 1})
	}
	dec, _ := x.r.bodies.Get().(*event.Decoder)
	if dec == nil {
		dec = &event.Decoder{}
	}
	for i, m := range members {
		env, findings := dec.Decode(m)
		v := x.r.tracker.Observe(&env)
		rc := &Receipt{Event: env, Findings: findings, Shape: x.shape, Attempt: v.Attempt, Times: v.Times, Badges: v.Badges}
		if x.shape != event.Single {
			rc.Member, rc.Members = i, len(members)
		}
		x.receipts = append(x.receipts, rc)
	}
	x.r.bodies.Put(dec)
	x.status, x.reason = http.StatusOK, "accepted"
}

// answerScripted lets the script replace the answer; a batch is answered by
// what its first event gets, for the answer covers all of it (R-BATCH).
func (x *exchange) answerScripted() {
	if x.r.cfg.Script == nil || len(x.receipts) == 0 {
		return
	}
	first := x.receipts[0]
	a := x.r.cfg.Script.Decide(first.Event.Name, first.Event.ID, first.Times)
	if a.Delay > 0 {
		x.wait(a.Delay)
	}
	switch {
	case a.Timeout:
		x.scripted, x.status, x.reason = true, 0, "no answer, by script"
	case a.Close:
		x.scripted, x.status, x.reason = true, 0, "connection cut, by script"
	case a.Status != http.StatusOK:
		x.scripted, x.status, x.reason = true, a.Status, "by script"
	}
	x.hang = a.Timeout
}

// wait lasts for d, or until the caller hangs up or the receiver stops.
func (x *exchange) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.req.Context().Done():
	case <-x.r.ending:
	}
}

// finish stores the request, tells the tracker and the summary, answers, and
// hands the receipts to the observer.
func (x *exchange) finish() {
	if err := x.store(); err != nil {
		// An answer 200 promises that the event is kept, so this one may not be 200.
		x.r.notice("the capture cannot be written, so requests are answered 500: %v", err)
		if x.status == http.StatusOK {
			x.status, x.reason = http.StatusInternalServerError, "the capture could not be written"
		}
	}
	if len(x.receipts) == 0 {
		x.receipts = []*Receipt{{Shape: event.Single, Attempt: 1}}
	}
	for _, rc := range x.receipts {
		rc.Seq, rc.ReceivedAt, rc.Remote, rc.Method, rc.Path = x.seq, x.at, x.remote, x.req.Method, x.req.URL.RequestURI()
		rc.Status, rc.Answer = x.status, x.reason
		x.r.tracker.Answered(&rc.Event, x.status)
	}
	x.r.mu.Lock()
	x.r.summary.addRequest(x.at, x.status, x.scripted)
	for _, rc := range x.receipts {
		x.r.summary.addEvent(rc)
	}
	events := x.r.summary.Events
	x.r.mu.Unlock()
	if x.r.cfg.Counted != nil {
		defer x.r.cfg.Counted(events)
	}
	if x.status == 0 {
		// Told before the connection is cut, for the cut unwinds the handler.
		x.tell()
	}
	if x.hang {
		x.wait(hangFor)
	}
	x.answer()
	x.tell()
}

// tell hands the receipts to the observer.
func (x *exchange) tell() {
	took := time.Since(x.at)
	for _, rc := range x.receipts {
		rc.Took = took
		x.r.feed.offer(rc)
	}
}

// answer writes the status. Status 0 cuts the connection: the caller never
// learns what became of its event.
func (x *exchange) answer() {
	switch x.status {
	case 0:
		panic(http.ErrAbortHandler)
	case http.StatusOK, http.StatusNoContent, http.StatusNotModified:
		x.w.WriteHeader(x.status)
	default:
		x.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		x.w.WriteHeader(x.status)
		// The caller may be gone; there is nobody else to tell.
		_, _ = io.WriteString(x.w, x.reason+"\n")
	}
}

// store appends the request to the capture, if there is one.
func (x *exchange) store() error {
	if x.r.cfg.Capture == nil {
		return nil
	}
	rec := &capture.Record{
		ReceivedAt: x.at, Remote: x.remote, Method: x.req.Method, Path: capture.Redactor{Names: x.r.cfg.Sensitive}.Target(x.req.URL.RequestURI()),
		Headers: capture.Headers(x.req.Header, x.r.cfg.Sensitive...), Body: x.body, Omitted: x.omitted, Status: x.status,
	}
	for i, rc := range x.receipts {
		badges := make([]string, len(rc.Badges))
		for j, b := range rc.Badges {
			badges[j] = b.String()
		}
		if i == 0 {
			rec.EventID, rec.EventName, rec.EventTS = rc.Event.ID, rc.Event.Name, rc.Event.TSText
			rec.Attempt, rec.Badges = rc.Attempt, badges
		}
		for _, f := range rc.Findings {
			f.Path = memberPath(rc, f.Path)
			rec.Findings = append(rec.Findings, f)
		}
		if rc.Members > 0 {
			rec.Members = append(rec.Members, capture.Member{EventID: rc.Event.ID, EventName: rc.Event.Name, Attempt: rc.Attempt, Badges: badges})
		}
	}
	return x.r.cfg.Capture.Append(rec)
}

// remote is the caller's address; behind trusted proxies it is the last
// address in X-Forwarded-For that is not theirs.
func (r *Receiver) remote(req *http.Request) string {
	host, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil || len(r.cfg.TrustProxy) == 0 || !contains(r.cfg.TrustProxy, host) {
		return req.RemoteAddr
	}
	hops := strings.Split(strings.Join(req.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			break // what lies before an unreadable hop is hearsay
		}
		host = hop
		if !contains(r.cfg.TrustProxy, hop) {
			break
		}
	}
	return host
}

func (r *Receiver) allowed(remote string) bool {
	if r.cfg.AllowFrom == nil {
		return true
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	return contains(r.cfg.AllowFrom, host)
}

func contains(prefixes []netip.Prefix, host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, p := range prefixes {
		if p.Contains(addr.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// ParseAllow reads a list of staging, production, CIDRs and addresses (R-IP).
func ParseAllow(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		switch item {
		case "staging":
			item = "50.112.172.205"
		case "production":
			item = "52.73.72.6"
		}
		if addr, err := netip.ParseAddr(item); err == nil {
			out = append(out, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(item)
		if err != nil {
			return nil, errors.New(`"` + item + `" is neither staging, production, an address nor a CIDR such as 10.0.0.0/8`)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// memberPath puts a finding's path under its member of the batch.
func memberPath(rc *Receipt, path string) string {
	if rc.Members == 0 {
		return path
	}
	prefix := fmt.Sprintf("[%d]", rc.Member)
	if path == "" {
		return prefix
	}
	return prefix + "." + path
}

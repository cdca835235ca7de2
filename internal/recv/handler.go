package recv

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/forward"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
)

// exchange is one request on its way through the receiver. It is used again for
// another request, together with its buffers.
type exchange struct {
	r       *Receiver
	w       http.ResponseWriter
	req     *http.Request
	seq     uint64
	at      time.Time
	remote  string
	body    body
	omitted bool // the body was not read whole
	judge.Judging

	record  *capture.Record // made once it is asked for
	told    bool            // somebody was given receipts, and with them the body
	status  int             // 0 for none: the connection is cut
	reason  string
	by      string         // who gave the answer, see judge.Receipt
	script  script.Answer  // what the script asks for, where by says so
	app     *forward.Reply // what the app said; nil where it was not asked
	relayed *forward.Reply // the app's answer, where it is passed back
}

// ServeHTTP answers one request. The order of the checks is fixed: method, the
// caller's address, host and origin, credentials, content type and encoding, size, and
// only then is the body looked at.
// What could be read and stored is answered 200, also when the event is invalid
// (R-NO-400), unless the script or the app answers otherwise.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c, _ := req.Context().Value(connKey{}).(*conn)
	if !r.take(c, w, req) {
		return
	}
	if req.ProtoMajor == 2 {
		defer r.endStream(c)
	}
	remote, allowed := r.caller(req)
	if r.tokens != nil && req.URL.Path == auth.TokenPath {
		r.serveToken(w, req, allowed)
		return
	}
	x := r.exchange()
	x.w, x.req, x.at, x.remote, x.seq = w, req, time.Now(), remote, r.seq.Add(1)
	ok := x.admit(allowed) && x.read()
	defer c.end()
	if !c.begin() {
		x.body.release()
		panic(http.ErrAbortHandler) // its connection was closed to make room for another
	}
	if ok {
		x.Judge(x.r.tracker, x.body.buf)
		x.status, x.reason = http.StatusOK, "accepted"
		x.decide()
	}
	x.finish(c)
	x.recycle()
}

// take prepares for a request on a connection, and says false for one that is
// answered already.
func (r *Receiver) take(c *conn, w http.ResponseWriter, req *http.Request) bool {
	if c != nil {
		c.handled.Store(true)
	}
	if req.Method == "PRI" { // the preface of HTTP/2 (RFC 9113, section 3.4)
		http.Error(w, noPriorKnowledge, http.StatusHTTPVersionNotSupported)
		r.refused(req.RemoteAddr, http.StatusHTTPVersionNotSupported, noPriorKnowledge)
		return false
	}
	if req.ProtoMajor == 2 && !r.beginStream(c) {
		panic(http.ErrAbortHandler)
	}
	if req.ContentLength != 0 {
		// Where no deadline can be set, there is no connection to hold up.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(r.slowest))
	}
	return true
}

// noPriorKnowledge is what callers of HTTP/2 learn who do not ask by TLS.
const noPriorKnowledge = "HTTP/2 with prior knowledge is not served: call with HTTP/1.1, or with HTTP/2 over TLS"

func (r *Receiver) exchange() *exchange {
	if x, ok := r.pool.Get().(*exchange); ok {
		return x
	}
	return &exchange{r: r}
}

// recycle gives the exchange back, without what receipts in a queue refer to.
func (x *exchange) recycle() {
	x.body.release()
	buf := x.body.buf[:0]
	if x.told || cap(buf) > smallBody {
		buf = nil
	}
	x.Reset()
	*x = exchange{r: x.r, Judging: x.Judging, body: body{buf: buf}}
	x.r.pool.Put(x)
}

// refuse sets an answer other than 200.
func (x *exchange) refuse(status int, reason string) bool {
	x.status, x.reason = status, reason
	return false
}

// admit checks what can be checked without the body.
func (x *exchange) admit(allowed bool) bool {
	x.omitted = true
	h := x.req.Header
	switch {
	case x.req.Method != http.MethodPost:
		x.w.Header().Set("Allow", http.MethodPost)
		return x.refuse(http.StatusMethodNotAllowed, "only POST carries an event")
	case !allowed:
		return x.refuse(http.StatusForbidden, "the caller's address is not allowed (R-IP)")
	}
	if why := x.r.names.refuse(x.req); why != "" {
		return x.refuse(http.StatusForbidden, why)
	}
	if v := x.r.cfg.Auth.Verify(h); !v.OK {
		x.challenge()
		return x.refuse(http.StatusUnauthorized, v.Reason)
	}
	switch {
	case !isJSON(h["Content-Type"]):
		// A missing type is refused too: a web page can send that without asking.
		return x.refuse(http.StatusUnsupportedMediaType, "the content type is not application/json (R-JSON)")
	case !plain(h["Content-Encoding"]):
		return x.refuse(http.StatusUnsupportedMediaType, "the body is compressed, which Relay does not document")
	}
	return true
}

// challenge names the credentials that a 401 asks for, where some are expected.
func (x *exchange) challenge() {
	if c := x.r.cfg.Auth.Challenge(); c != "" {
		x.w.Header().Set("WWW-Authenticate", c)
	}
}

// isJSON says whether a Content-Type is application/json, in any case and with
// any parameters.
func isJSON(values []string) bool {
	if len(values) != 1 {
		return false
	}
	if values[0] == "application/json" {
		return true // as nearly everybody writes it
	}
	mediaType, _, _ := strings.Cut(values[0], ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/json")
}

func plain(encodings []string) bool {
	for _, e := range encodings {
		if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "identity") {
			return false
		}
	}
	return true
}

// read reads the body up to the limit. What cannot be read whole is recorded
// without it.
func (x *exchange) read() bool {
	x.body.bodies, x.body.req = x.r.bodies, x.req
	err := x.body.read()
	if err == nil {
		x.omitted = false
		return true
	}
	x.w.Header().Set("Connection", "close")
	switch {
	case errors.Is(err, errTooLarge):
		drain(x.w, x.req)
		return x.refuse(http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, errPartial):
		return x.refuse(http.StatusRequestTimeout, err.Error())
	}
	return x.refuse(0, "the caller hung up")
}

// decide finds the answer to an event that was received: the script's, and
// where that is 200, the app's.
func (x *exchange) decide() {
	a := x.scriptedAnswer()
	if a.Delay > 0 {
		x.wait(a.Delay)
	}
	switch {
	case !a.Ordinary():
		x.scripted(a)
	case x.r.apps != nil:
		x.pass()
	}
	if (a.Delay > 0 || x.r.apps != nil) && x.req.Context().Err() != nil {
		// The event will come again; it is then a retry, not a duplicate.
		x.status, x.reason, x.by, x.relayed = 0, "the caller hung up before the answer", "", nil
	}
}

// scriptedAnswer returns the script's answer. A batch gets one answer (R-BATCH): that of
// its first event that does not get a plain 200.
func (x *exchange) scriptedAnswer() script.Answer {
	if x.r.cfg.Script != nil {
		for _, rc := range x.Receipts {
			if a := x.r.cfg.Script.Decide(rc.Event.Name, rc.Event.ID, rc.Times, x.at); !a.Ordinary() || a.Delay > 0 {
				return a
			}
		}
	}
	return script.Answer{Status: http.StatusOK}
}

// pass lets the app answer. If the app gives no answer, the receiver answers 500, so that
// Relay sends the event again.
func (x *exchange) pass() {
	app := x.r.apps.Route(x.Receipts[0].Event.Name)
	if app == nil {
		return
	}
	x.lingers(x.r.apps.Timeout())
	answer, err := x.r.apps.Pass(app, x.req, x.body.buf, x.Receipts)
	if errors.Is(err, forward.ErrHungUp) {
		x.status, x.reason = 0, err.Error()
		return
	}
	x.app, x.by = &answer, judge.ByApp
	if err != nil {
		x.status, x.reason = http.StatusInternalServerError, "app: "+err.Error()
		return
	}
	x.status, x.reason, x.relayed = answer.Status, forward.Reason(answer.Status), &answer
}

// lingers keeps the connection writable although the answer takes up to d, and lets
// the caller be silent meanwhile.
func (x *exchange) lingers(d time.Duration) {
	// Where no deadline can be set, the server's own applies.
	c := http.NewResponseController(x.w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Now().Add(d + x.r.lim.write))
}

// wait lasts for d, or until the caller hangs up or the receiver stops.
func (x *exchange) wait(d time.Duration) {
	x.lingers(d)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.req.Context().Done():
	case <-x.r.ending:
	}
}

// finish stores the request, tells the tracker and the summary, then Observe and
// Watch, and answers.
func (x *exchange) finish(c *conn) {
	x.Empty()
	if err := x.store(); err != nil && event.Accepted(x.status) {
		// An answer 200 promises that the event is kept, and any 2xx may be taken for
		// one (R-2XX), so this one may not be.
		x.status, x.reason, x.by, x.relayed = http.StatusInternalServerError, "the capture could not be written", "", nil
	}
	for _, rc := range x.Receipts {
		rc.Seq, rc.ReceivedAt, rc.Remote, rc.Method, rc.Path = x.seq, x.at, x.remote, x.req.Method, x.req.RequestURI
		rc.Status, rc.Answer, rc.By = x.status, x.reason, x.by
		if x.app != nil {
			rc.AppTook, rc.App = x.app.Took, x.app.Record
		}
		x.r.tracker.Answered(rc)
	}
	x.r.count(x.answered(), x.Receipts) // it may end Serve, which waits for answers under way
	// Told before the answer: the caller's next request is then told after it.
	x.tell()
	if x.status == 0 || x.fault() != script.NoFault {
		x.abort(c)
	}
	x.answer()
}

// answered is what the summary counts of the request.
func (x *exchange) answered() judge.Answer {
	failed := x.app != nil && (x.app.Status == 0 || x.app.Status >= http.StatusInternalServerError)
	return judge.Answer{At: x.at, Status: x.status, Scripted: x.by == judge.ByScript, AppFailed: failed}
}

// count adds a request to the summary, and ends the receiver where that is enough.
func (r *Receiver) count(a judge.Answer, receipts []*judge.Receipt) {
	if r.enoughWith(a, receipts) {
		r.end()
	}
}

func (r *Receiver) enoughWith(a judge.Answer, receipts []*judge.Receipt) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.AddRequest(a)
	for _, rc := range receipts {
		r.summary.AddEvent(rc)
		r.recent.Add(rc, false)
	}
	return r.cfg.Enough != nil && r.cfg.Enough(&r.summary)
}

// tell hands copies of the receipts to those who observe.
func (x *exchange) tell() {
	took := time.Since(x.at)
	for _, rc := range x.Receipts {
		rc.Took = took
		if !x.r.observed(rc) {
			continue
		}
		told := *rc // the exchange's own is used again
		if x.r.show(&told) {
			x.told = true
		}
	}
	if x.r.cfg.Watch != nil && x.tellWhole() {
		x.told = true
	}
}

// tellWhole hands the request over as a whole, and says whether there was room.
func (x *exchange) tellWhole() bool {
	whole := judge.Exchange{Record: x.toRecord(), Header: x.req.Header, Target: x.req.RequestURI, Receipts: make([]*judge.Receipt, len(x.Receipts))}
	whole.Record.Status = x.status
	copies := make([]judge.Receipt, len(x.Receipts))
	for i, rc := range x.Receipts {
		copies[i] = *rc
		whole.Receipts[i] = &copies[i]
	}
	return x.r.exchanges.offer(whole, whole.Weight())
}

// observed says whether the observer asked for such receipts.
func (r *Receiver) observed(rc *judge.Receipt) bool {
	if r.cfg.Observe == nil || !r.cfg.Observed.Match(rc.Event.Name) {
		return false
	}
	customer, _ := judge.JourneyKey(&rc.Event)
	return len(r.cfg.ObservedCustomers) == 0 || slices.Contains(r.cfg.ObservedCustomers, customer)
}

// show hands a receipt to the observer, or counts it as dropped where too many bytes
// wait for it.
func (r *Receiver) show(rc *judge.Receipt) bool {
	return r.receipts.offer(rc, rc.Weight())
}

// answer writes the status, and what a person at the other end wants to read.
func (x *exchange) answer() {
	h := x.w.Header()
	switch {
	case x.relayed != nil:
		for name, values := range x.relayed.Header {
			h[name] = values
		}
		x.w.WriteHeader(x.status)
		if !bodiless(x.status) {
			_, _ = x.w.Write(x.relayed.Body)
		}
	case x.by == judge.ByScript:
		x.answerScripted()
	case x.status == http.StatusOK || bodiless(x.status):
		x.w.WriteHeader(x.status)
	default:
		x.text(x.reason + "\n")
	}
}

// text answers with a text, unless the headers say that it is something else.
func (x *exchange) text(body string) {
	if h := x.w.Header(); h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	x.w.WriteHeader(x.status)
	_, _ = io.WriteString(x.w, body) // the caller may be gone; there is nobody else to tell
}

func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// memberPath puts a finding's path under its member of the batch.
func memberPath(rc *judge.Receipt, path string) string {
	if rc.Members == 0 {
		return path
	}
	prefix := fmt.Sprintf("[%d]", rc.Member)
	if path == "" {
		return prefix
	}
	return prefix + "." + path
}

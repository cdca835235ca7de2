package recv

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
)

// maxMembers bounds how many events of a batch are judged: a body of a million
// empty members must not become a million receipts.
const maxMembers = 1000

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
	dec     event.Decoder

	receipts []*Receipt
	ids      map[string]*Receipt // of a batch
	spare    Receipt             // the first of receipts
	told     bool                // the observer was given receipts, and with them the body
	scripted bool                // the script asked for this status
	hang     bool                // do not answer until the caller hangs up
	status   int                 // 0 for none: the connection is cut
	reason   string
	relayed  *relayed // the app's answer
}

// ServeHTTP answers one request. The order of the checks is fixed: method,
// caller, credentials, content type, size, and only then is the body looked at.
// What could be read and stored is answered 200, also when the event is invalid
// (R-NO-400).
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	remote, allowed := r.caller(req)
	if r.tokens != nil && req.URL.Path == auth.TokenPath {
		r.serveToken(w, req, allowed)
		return
	}
	x := r.exchange()
	x.w, x.req, x.at, x.remote, x.seq = w, req, time.Now(), remote, r.seq.Add(1)
	if x.admit(allowed) && x.read() {
		x.judge()
		x.decide()
	}
	x.finish()
	x.recycle()
}

func (r *Receiver) exchange() *exchange {
	if x, ok := r.pool.Get().(*exchange); ok {
		return x
	}
	return &exchange{r: r}
}

// recycle gives the exchange back, without what receipts in the feed refer to.
func (x *exchange) recycle() {
	x.body.release()
	buf := x.body.buf[:0]
	if x.told || cap(buf) > smallBody {
		buf = nil
	}
	clear(x.receipts)
	*x = exchange{r: x.r, dec: x.dec, receipts: x.receipts[:0], body: body{buf: buf}}
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

// judge decodes, validates and tracks the events of the body.
func (x *exchange) judge() {
	shape, members, findings := event.Split(x.body.buf)
	if len(members) == 0 {
		x.receipt().Findings = findings
		x.receipts[0].Shape = shape
	}
	for i, m := range members[:min(len(members), maxMembers)] {
		rc := x.receipt()
		rc.Shape = shape
		rc.Event, rc.Findings = x.dec.Decode(m)
		if shape == event.Single {
			rc.verdicts(x.r.tracker.Observe(&rc.Event))
			break
		}
		rc.Member, rc.Members = i, len(members)
		if twin := x.twin(rc); twin != nil {
			rc.verdicts(twin.again(rc))
		} else {
			rc.verdicts(x.r.tracker.Observe(&rc.Event))
		}
	}
	if len(members) > maxMembers {
		x.receipts[0].Findings = append(x.receipts[0].Findings, event.Finding{
			Clause: "R-BATCH-SIZE", Level: event.Warning,
			Message: fmt.Sprintf("the batch has %d events; only the first %d are judged", len(members), maxMembers),
		})
	}
	x.status, x.reason = http.StatusOK, "accepted"
}

// twin returns the member of the same batch that has the event's id and came
// before it, nil for none.
func (x *exchange) twin(rc *Receipt) *Receipt {
	if rc.Event.ID == "" {
		return nil
	}
	if x.ids == nil {
		x.ids = make(map[string]*Receipt)
	}
	if twin, ok := x.ids[rc.Event.ID]; ok {
		return twin
	}
	x.ids[rc.Event.ID] = rc
	return nil
}

// receipt adds a receipt to the exchange.
func (x *exchange) receipt() *Receipt {
	rc := &x.spare
	if len(x.receipts) > 0 {
		rc = &Receipt{}
	}
	*rc = Receipt{Shape: event.Single, Attempt: 1}
	x.receipts = append(x.receipts, rc)
	return rc
}

// decide finds the answer to an event that was received: the script's, and
// where that is 200, the app's.
func (x *exchange) decide() {
	a := x.script()
	if a.Delay > 0 {
		x.wait(a.Delay)
	}
	switch {
	case a.Timeout:
		x.status, x.reason, x.scripted, x.hang = 0, "no answer, by script", true, true
		return
	case a.Close:
		x.status, x.reason, x.scripted = 0, "connection cut, by script", true
		return
	case a.Status != http.StatusOK:
		x.status, x.reason, x.scripted = a.Status, "by script", true
		if a.Status == http.StatusUnauthorized {
			x.challenge()
		}
	case x.r.forward != nil:
		x.pass()
	}
	if (a.Delay > 0 || x.r.forward != nil) && x.req.Context().Err() != nil {
		// It will come again, and that is then a retry and no duplicate.
		x.status, x.reason, x.relayed = 0, "the caller hung up before the answer", nil
	}
}

// script returns what the script has for the request. The answer covers a whole
// batch (R-BATCH), so it is that of the first member that does not get a plain
// 200.
func (x *exchange) script() Answer {
	plain := Answer{Status: http.StatusOK}
	if x.r.cfg.Script == nil {
		return plain
	}
	for _, rc := range x.receipts {
		if a := x.r.cfg.Script.Decide(rc.Event.Name, rc.Event.ID, rc.Times, x.at); a != plain {
			return a
		}
	}
	return plain
}

// pass lets the app answer. When it does not, the answer is 500, for that is
// what makes Relay send the event again.
func (x *exchange) pass() {
	app := x.r.forward.route(x.receipts[0].Event.Name)
	if app == nil {
		return
	}
	x.lingers(x.r.forward.timeout)
	answer, err := x.r.forward.pass(app, x.req, x.body.buf, x.receipts)
	switch {
	case errors.Is(err, errHungUp):
		x.status, x.reason = 0, err.Error()
	case err != nil:
		x.status, x.reason = http.StatusInternalServerError, "app: "+err.Error()
	default:
		x.status, x.reason, x.relayed = answer.status, appReason(answer.status), answer
	}
}

// lingers keeps the connection writable although the answer takes up to d.
func (x *exchange) lingers(d time.Duration) {
	// Where no deadline can be set, the server's own applies.
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(d + x.r.lim.write))
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

// finish stores the request, tells the tracker and the summary, hands the
// receipts to the observer, and answers.
func (x *exchange) finish() {
	if len(x.receipts) == 0 {
		x.receipt()
	}
	if err := x.store(); err != nil && x.status >= 200 && x.status < 300 {
		// An answer 200 promises that the event is kept, and any 2xx may be taken for
		// one (R-2XX), so this one may not be.
		x.status, x.reason, x.relayed = http.StatusInternalServerError, "the capture could not be written", nil
	}
	for _, rc := range x.receipts {
		rc.Seq, rc.ReceivedAt, rc.Remote, rc.Method, rc.Path = x.seq, x.at, x.remote, x.req.Method, x.req.RequestURI
		rc.Status, rc.Answer = x.status, x.reason
		if rc.Event.Raw != nil {
			rc.first = x.r.tracker.Answered(&rc.Event, x.status)
		}
	}
	if x.r.count(x) {
		x.r.end() // what is under way, such as this, is still answered
	}
	// Told before the answer: the caller's next request is then told after it.
	x.tell()
	if x.status == 0 {
		if x.hang {
			x.wait(hangFor)
		}
		x.body.release()
		panic(http.ErrAbortHandler)
	}
	x.answer()
}

// count adds the request to the summary and says whether that is enough.
func (r *Receiver) count(x *exchange) (enough bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.addRequest(x.at, x.status, x.scripted)
	for _, rc := range x.receipts {
		r.summary.addEvent(rc)
		r.recent.add(rc)
	}
	return r.cfg.Enough != nil && r.cfg.Enough(&r.summary)
}

// tell hands the receipts that it asked for to the observer, or counts them as
// dropped where too many bytes wait for it.
func (x *exchange) tell() {
	if x.r.cfg.Observe == nil {
		return
	}
	took := time.Since(x.at)
	for _, rc := range x.receipts {
		if !x.r.cfg.Observed.Match(rc.Event.Name) {
			continue
		}
		told := *rc // the exchange's own is used again
		told.Took = took
		if x.r.tell(&told) {
			x.told = true
		}
	}
}

func (r *Receiver) tell(rc *Receipt) bool {
	size := rc.weight()
	if r.waiting.Add(size) > feedBytes || !r.feed.offer(rc) {
		r.waiting.Add(-size)
		r.feed.dropped.Add(1)
		return false
	}
	return true
}

// answer writes the status, and what a person at the other end wants to read.
func (x *exchange) answer() {
	h := x.w.Header()
	switch {
	case x.relayed != nil:
		for name, values := range x.relayed.header {
			h[name] = values
		}
		x.w.WriteHeader(x.status)
		if !bodiless(x.status) {
			_, _ = x.w.Write(x.relayed.body)
		}
	case x.status == http.StatusOK || bodiless(x.status):
		x.w.WriteHeader(x.status)
	default:
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		x.w.WriteHeader(x.status)
		// The caller may be gone; there is nobody else to tell.
		_, _ = io.WriteString(x.w, x.reason+"\n")
	}
}

func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
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

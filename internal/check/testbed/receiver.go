// Package testbed is what the conformance suite is itself tested with: a good
// webhook receiver, and the table of flaws that real teams build into theirs.
// Only tests import it. It shares no code with the receiver of relayctl listen,
// so that a mistake there does not hide one here.
package testbed

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
)

// maxBody is what the good receiver reads of a request.
const maxBody = 8 << 20

// Receiver is a webhook receiver in memory. New gives a good one; its steps are
// functions in the order in which they take a request, and a flaw replaces one
// or wraps the handler. They must not be changed once it serves.
type Receiver struct {
	// Route says whether a request is for the webhook; other paths are 404.
	Route func(*http.Request) bool
	// Method answers a request whose method is not POST.
	Method func(http.ResponseWriter, *http.Request)
	// Authentic says whether the request carries the right credentials.
	Authentic func(*http.Request) bool
	// Refuse answers a request that does not.
	Refuse func(http.ResponseWriter, *http.Request)
	// Media says whether the content type is taken.
	Media func(*http.Request) bool
	// Read reads the body; a status other than 0 is the answer.
	Read func(http.ResponseWriter, *http.Request) ([]byte, int)
	// Parse takes the body apart; a status other than 0 is the answer.
	Parse func([]byte) ([]Event, int)
	// Admit looks at an event before it is stored; a status other than 0 is the
	// answer.
	Admit func(*Event) int
	// Key is what a duplicate is known by.
	Key func(*Event) string
	// Store applies the events of one call; a status other than 0 is the answer.
	Store func(*http.Request, []Event) int
	// Answer says that the call was accepted.
	Answer func(http.ResponseWriter, *http.Request)
	// Page shows a customer's state; nil shows State.
	Page func(w http.ResponseWriter, ccid string)
	// Outer are wrapped around everything else, the last one outermost.
	Outer []func(http.Handler) http.Handler

	// Server changes the server before it starts.
	Server func(*httptest.Server)
	// Certificate is what it shows over TLS.
	Certificate Certificate
	// Controls are run by POST /control/{name}: a restart, a fault.
	Controls map[string]func()

	State  *State
	Creds  Credentials
	Calls  atomic.Int64 // requests to the webhook
	tokens tokens
	once   sync.Once
	serve  http.Handler
}

// New makes a good receiver that expects those credentials.
func New(creds Credentials) *Receiver {
	r := &Receiver{State: NewState(), Creds: creds}
	r.Route = func(req *http.Request) bool { return req.URL.Path == "/" }
	r.Method = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)
	}
	r.Authentic = r.authentic
	r.Refuse = r.refuse
	r.Media = isJSON
	r.Read = readBody
	r.Parse = parse
	r.Admit = func(*Event) int { return 0 }
	r.Key = func(e *Event) string { return e.ID }
	r.Store = func(_ *http.Request, events []Event) int {
		r.State.Commit(events, r.Key)
		return 0
	}
	r.Answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	return r
}

// ServeHTTP serves the webhook at "/", the customers' state at /state/{ccid},
// the controls and, for OAuth, the tokens at /oauth/token. Safe for concurrent use.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.once.Do(func() {
		r.serve = http.HandlerFunc(r.webhook)
		for _, wrap := range r.Outer {
			r.serve = wrap(r.serve)
		}
	})
	switch {
	case strings.HasPrefix(req.URL.Path, "/state/") && r.Page != nil:
		r.Page(w, strings.TrimPrefix(req.URL.Path, "/state/"))
	case strings.HasPrefix(req.URL.Path, "/state/"):
		r.State.ServeHTTP(w, req)
	case strings.HasPrefix(req.URL.Path, "/control/"):
		if run := r.Controls[strings.TrimPrefix(req.URL.Path, "/control/")]; run != nil && req.Method == http.MethodPost {
			run()
			return
		}
		http.NotFound(w, req)
	case req.URL.Path == TokenPath:
		r.grant(w, req)
	default:
		r.serve.ServeHTTP(w, req)
	}
}

func (r *Receiver) webhook(w http.ResponseWriter, req *http.Request) {
	r.Calls.Add(1)
	switch {
	case !r.Route(req):
		http.NotFound(w, req)
		return
	case req.Method != http.MethodPost:
		r.Method(w, req)
		return
	case !r.Authentic(req):
		r.Refuse(w, req)
		return
	case !r.Media(req):
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	body, status := r.Read(w, req)
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	events, status := r.Parse(body)
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	for i := range events {
		if status := r.Admit(&events[i]); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if status := r.Store(req, events); status != 0 {
		w.WriteHeader(status)
		return
	}
	r.Answer(w, req)
}

func isJSON(req *http.Request) bool {
	media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && media == "application/json"
}

func readBody(w http.ResponseWriter, req *http.Request) ([]byte, int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		return nil, http.StatusRequestEntityTooLarge
	}
	return body, 0
}

// parse reads one envelope or a batch of them, in either shape.
func parse(body []byte) ([]Event, int) {
	if e, err := decode(body); err == nil {
		return []Event{e}, 0
	}
	var members []json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		var wrapped struct {
			Batch []json.RawMessage `json:"batch"`
		}
		if json.Unmarshal(body, &wrapped) != nil || wrapped.Batch == nil {
			return nil, http.StatusBadRequest
		}
		members = wrapped.Batch
	}
	events := make([]Event, len(members))
	for i, m := range members {
		var err error
		if events[i], err = decode(m); err != nil {
			return nil, http.StatusBadRequest
		}
	}
	return events, 0
}

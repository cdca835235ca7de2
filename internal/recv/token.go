package recv

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// serveToken answers a request for a token. Such a request carries no event, so it has no
// receipt. A refusal is reported as a trouble, because it explains why a sender sends
// nothing.
func (r *Receiver) serveToken(w http.ResponseWriter, req *http.Request, allowed bool) {
	rec := &recordedAnswer{ResponseWriter: w}
	switch why := r.names.refuse(req); {
	case !allowed:
		http.Error(rec, "the caller's address is not allowed (R-IP)", http.StatusForbidden)
	case why != "":
		http.Error(rec, why, http.StatusForbidden)
	default:
		r.tokens.ServeHTTP(rec, req)
	}
	if rec.status >= http.StatusBadRequest {
		r.troubles.report(fmt.Sprintf("a request for a token was answered %d: %s", rec.status, rec.why()))
	}
}

// recordedAnswer remembers what a refusal says, which comes in one piece.
type recordedAnswer struct {
	http.ResponseWriter
	status int
	text   string
}

// WriteHeader implements http.ResponseWriter.
func (a *recordedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *recordedAnswer) Write(p []byte) (int, error) {
	if a.status >= http.StatusBadRequest {
		a.text = string(p)
	}
	return a.ResponseWriter.Write(p)
}

// why is the reason in an error of RFC 6749, section 5.2, or else the text.
func (a *recordedAnswer) why() string {
	var e struct {
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal([]byte(a.text), &e) // or it is a plain text
	return cmp.Or(e.Description, strings.TrimSpace(a.text))
}

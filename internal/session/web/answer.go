package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/session"
)

// reply writes a whole answer, the secrets of the run taken out.
func (w *Server) reply(rw http.ResponseWriter, status int, contentType string, body []byte) {
	// Where no deadline can be set, there is no connection to hold up.
	_ = http.NewResponseController(rw).SetWriteDeadline(time.Now().Add(writeTime))
	body = w.cfg.Mask.Bytes(body)
	rw.Header().Set("Content-Type", contentType)
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(status)
	_, _ = rw.Write(body) // the caller may be gone
}

// json answers with an object.
func (w *Server) json(rw http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // no such value is made here
		status, b = http.StatusInternalServerError, bytes.Buffer{}
	}
	w.reply(rw, status, "application/json", b.Bytes())
}

// fail answers with an error: as JSON, or as a page to a browser that asks for one. The
// status is that of the session's error, if err is one; status otherwise.
func (w *Server) fail(rw http.ResponseWriter, r *http.Request, status int, err error) {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, session.ErrGone), errors.Is(err, session.ErrNobody):
		status = http.StatusNotFound
	case errors.Is(err, session.ErrNoApp), errors.Is(err, session.ErrCapture), errors.Is(err, session.ErrNoBody):
		status = http.StatusConflict
	case errors.Is(err, session.ErrUnsaved):
		status = http.StatusInternalServerError
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	}
	if w.pages != nil && strings.Contains(r.Header.Get("Accept"), "text/html") {
		var b bytes.Buffer
		if w.pages.ExecuteTemplate(&b, "problem", err.Error()) == nil {
			w.reply(rw, status, html, b.Bytes())
			return
		}
	}
	w.json(rw, status, map[string]string{"error": err.Error()})
}

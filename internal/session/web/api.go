package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/session"
)

// The bounds of GET /api/wait.
const (
	defaultWait = 30 * time.Second
	mostWait    = 10 * time.Minute
)

// query reads the query of a request; false means that it was answered.
func (w *Server) query(rw http.ResponseWriter, r *http.Request) (session.Query, bool) {
	q, err := session.ParseQuery(r.URL.Query())
	if err != nil {
		w.fail(rw, r, http.StatusBadRequest, err)
	}
	return q, err == nil
}

// request finds the one that the path names; false means that it was answered.
func (w *Server) request(rw http.ResponseWriter, r *http.Request) (*session.Request, bool) {
	number, err := strconv.ParseUint(r.PathValue("number"), 10, 64)
	if err != nil {
		err = session.ErrGone
	}
	var req *session.Request
	if err == nil {
		req, err = w.session.Get(r.Context(), number)
	}
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
	}
	return req, err == nil
}

type listJSON struct {
	Requests []requestJSON `json:"requests"`
	Next     uint64        `json:"next,omitempty"`
	Dropped  uint64        `json:"dropped"`
}

func (w *Server) apiList(rw http.ResponseWriter, r *http.Request) {
	q, ok := w.query(rw, r)
	if !ok {
		return
	}
	l, err := w.session.List(r.Context(), q)
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	o := listJSON{Requests: []requestJSON{}, Next: l.Next, Dropped: w.session.Stats().Dropped}
	for _, req := range l.Requests {
		o.Requests = append(o.Requests, briefOf(req))
	}
	w.json(rw, http.StatusOK, o)
}

func (w *Server) apiClear(rw http.ResponseWriter, r *http.Request) {
	if err := w.session.Clear(); err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

func (w *Server) apiGet(rw http.ResponseWriter, r *http.Request) {
	req, ok := w.request(rw, r)
	if !ok {
		return
	}
	o := wholeOf(req)
	attempts, err := w.session.Attempts(r.Context(), req.First().Event.ID, req.Number)
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	for _, a := range attempts {
		o.Attempts = append(o.Attempts, a.Number)
	}
	for _, done := range w.session.Replays(req.Number) {
		o.Replays = append(o.Replays, replayOf(done))
	}
	o.Curl, _ = w.session.Curl(req)
	w.json(rw, http.StatusOK, o)
}

// decode reads the JSON object in a body strictly. An empty body stands for an empty
// object. example is such an object, to be shown in the error.
func decode(body io.Reader, into any, example string) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && dec.More() {
		err = errors.New("more text after the JSON object")
	}
	return inWords(err, example)
}

// inWords says in plain words what is wrong with a body; encoding/json says it in terms of
// Go.
func inWords(err error, example string) error {
	syntax, kind := new(json.SyntaxError), new(json.UnmarshalTypeError)
	what := ""
	switch name, unknown := strings.CutPrefix(fmt.Sprint(err), "json: unknown field "); {
	case unknown:
		what = "the object has no property " + name
	case errors.Is(err, io.ErrUnexpectedEOF):
		what = "the JSON of the body ends too early"
	case errors.As(err, &syntax):
		what = fmt.Sprintf("the body is not JSON, from byte %d on", syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		what = "the body is not a JSON object"
	case errors.As(err, &kind):
		what = fmt.Sprintf("%s cannot be a JSON %s", kind.Field, kind.Value)
	default:
		return err
	}
	return fmt.Errorf("%s; the body looks like %s", what, example)
}

func (w *Server) apiReplay(rw http.ResponseWriter, r *http.Request) {
	req, ok := w.request(rw, r)
	if !ok {
		return
	}
	var edit editJSON
	err := decode(r.Body, &edit, `{"set":{"payload.ccid":"1002"},"fresh_id":true}`)
	var done session.Replayed
	if err == nil {
		done, err = w.session.Replay(r.Context(), req.Number, session.Edit{Set: edit.Set, FreshID: edit.FreshID, Body: edit.Body})
	}
	if err != nil {
		w.fail(rw, r, http.StatusUnprocessableEntity, err)
		return
	}
	w.json(rw, http.StatusOK, replayOf(done))
}

// apiNoJourney answers a call that names no customer.
func (w *Server) apiNoJourney(rw http.ResponseWriter, r *http.Request) {
	w.fail(rw, r, http.StatusNotFound, errNoCustomer)
}

var errNoCustomer = errors.New("which customer's journey? GET /api/journeys/CCID has the one of a customer")

func (w *Server) apiJourney(rw http.ResponseWriter, r *http.Request) {
	j, err := w.session.Journey(r.Context(), r.PathValue("customer"))
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	w.json(rw, http.StatusOK, journeyOf(j))
}

// apiWait answers as soon as so many requests have come that match, those that were
// there already included; 408 after the timeout, with those that came.
func (w *Server) apiWait(rw http.ResponseWriter, r *http.Request) {
	q, ok := w.query(rw, r)
	if !ok {
		return
	}
	count, timeout, err := waitArgs(r)
	if err != nil {
		w.fail(rw, r, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	found, err := w.session.WaitFor(ctx, q, count)
	if r.Context().Err() != nil {
		return // nobody waits any more
	}
	if err != nil && ctx.Err() == nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	o := struct {
		Error    string        `json:"error,omitempty"`
		Requests []requestJSON `json:"requests"`
	}{Requests: []requestJSON{}}
	for _, req := range found {
		o.Requests = append(o.Requests, wholeOf(req))
	}
	status := http.StatusOK
	if err != nil {
		status, o.Error = http.StatusRequestTimeout, fmt.Sprintf("%d of %d requests within %s", len(found), count, timeout)
	}
	w.json(rw, status, o)
}

func waitArgs(r *http.Request) (count int, timeout time.Duration, err error) {
	count, timeout = 1, defaultWait
	if text := r.URL.Query().Get("count"); text != "" {
		if count, err = strconv.Atoi(text); err != nil || count < 1 || count > session.MostListed {
			return 0, 0, fmt.Errorf("count: %q is not a whole number from 1 to %d", text, session.MostListed)
		}
	}
	if text := r.URL.Query().Get("timeout"); text != "" {
		if timeout, err = time.ParseDuration(text); err != nil || timeout <= 0 || timeout > mostWait {
			return 0, 0, fmt.Errorf("timeout: %q is not a duration up to %s, such as 10s", text, mostWait)
		}
	}
	return count, timeout, nil
}

func (w *Server) apiRules(rw http.ResponseWriter, r *http.Request) {
	w.replyRules(rw, r, nil)
}

func (w *Server) replyRules(rw http.ResponseWriter, r *http.Request, warnings []string) {
	rules, err := w.session.Rules()
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	w.json(rw, http.StatusOK, rulesJSON{rules.Mode, orEmpty(rules.Fixed), rules.Text, rules.File, rules.Saved, warnings})
}

func (w *Server) apiSetRules(rw http.ResponseWriter, r *http.Request) {
	var set setRulesJSON
	err := decode(r.Body, &set, `{"text":"rules: [{event: message.*, respond: 500}]"}`)
	var warnings []string
	if err == nil {
		warnings, err = w.session.SetRules(session.Change(set))
	}
	if err != nil {
		w.fail(rw, r, http.StatusUnprocessableEntity, err)
		return
	}
	w.replyRules(rw, r, warnings)
}

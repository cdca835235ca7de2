package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

const html = "text/html; charset=utf-8"

// rowsAtOnce is how many rows a page of the list has.
const rowsAtOnce = 60

// pageFuncs are what the templates call. Texts from outside are escaped by the
// templates; shown and clean make visible in them what could mislead a reader.
func pageFuncs(s *session.Session) template.FuncMap {
	return template.FuncMap{
		"clean": term.Clean, "shown": shown, "shortID": term.ShortID,
		// As long as the lines of a capture are counted, a number counts from the end.
		"place": func(n uint64) string { return strings.TrimPrefix(s.Place(n), "#") },
		"clock": func(t time.Time) string { return term.Clock(t.Local()) },
		"day":   func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000") },
		"took":  duration.Text,
		"ago":   func(t time.Time) string { return duration.Text(time.Since(t).Round(time.Second)) },
		"family": func(name string) string {
			known, ok := event.Lookup(name)
			if !ok {
				return "other"
			}
			return strings.ReplaceAll(event.FamilyOf(known.Name), "_", "-")
		},
		"statusText": statusText, "statusClass": statusClass,
		"badgeText": func(b judge.Badge) string { return term.Clean(b.String()) },
		"badgeClass": func(b judge.Badge) string {
			if !slices.Contains(judge.Kinds(), string(b.Kind)) {
				return "other"
			}
			return string(b.Kind)
		},
		"badgeMeaning": judge.Badge.Meaning,
		"explains": func(answer string) bool { // more than the line above it
			return !slices.Contains([]string{"", "accepted", "by the app", "by script"}, answer)
		},
		"query": url.QueryEscape,
		"path":  url.PathEscape,
		"inc":   func(n int) int { return n + 1 },
		"bytes": byteText,
		"kinds": judge.Kinds, "names": event.Names, "modes": session.Modes,
	}
}

// shown makes visible what could mislead a reader of a text of several lines.
func shown(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = term.Clean(strings.ReplaceAll(strings.TrimSuffix(l, "\r"), "\t", "  "))
	}
	return strings.Join(lines, "\n")
}

func statusText(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}

func statusClass(status int) string {
	switch {
	case status == 0:
		return "none"
	case event.Accepted(status):
		return "good"
	case status < 400:
		return "other"
	case status < 500:
		return "refused"
	}
	return "bad"
}

func byteText(n int) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// fragment renders a template whose data cannot fail it.
func (w *Server) fragment(name string, data any) string {
	var b strings.Builder
	if err := w.pages.ExecuteTemplate(&b, name, data); err != nil {
		return ""
	}
	return b.String()
}

func (w *Server) show(rw http.ResponseWriter, r *http.Request, name string, data any) {
	var b bytes.Buffer
	if err := w.pages.ExecuteTemplate(&b, name, data); err != nil {
		w.fail(rw, r, http.StatusInternalServerError, errors.New("the page could not be rendered"))
		return
	}
	w.reply(rw, http.StatusOK, html, b.Bytes())
}

func (w *Server) title() string {
	if w.cfg.Title == nil {
		return ""
	}
	return w.cfg.Title()
}

func (w *Server) page(rw http.ResponseWriter, r *http.Request) {
	w.show(rw, r, "page", struct {
		Title string
		Stats session.Stats
	}{w.title(), w.session.Stats()})
}

// rows is a part of the list. Its headers say up to which number it knows all, and the
// number that older rows come before, 0 for none.
func (w *Server) rows(rw http.ResponseWriter, r *http.Request) {
	q, ok := w.query(rw, r)
	if !ok {
		return
	}
	if q.Limit == 0 || q.Limit > rowsAtOnce {
		q.Limit = rowsAtOnce
	}
	newest := w.session.Stats().Newest
	if q.Before == 0 { // what comes meanwhile is for the next question
		q.Before = newest + 1
	}
	l, err := w.session.List(r.Context(), q)
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	rw.Header().Set("X-Newest", strconv.FormatUint(newest, 10))
	rw.Header().Set("X-Next", strconv.FormatUint(l.Next, 10))
	w.show(rw, r, "rows", l)
}

// detailView is one request whole.
type detailView struct {
	*session.Request
	Stats     session.Stats
	Attempts  []*session.Request
	Replays   []replayView
	Body, Raw bodyView
	App       bodyView
	Curl      string
	Variables []string
	CanReplay bool
	Finding   string // how many findings, in words
}

// replayView is a replay with its body formatted.
type replayView struct {
	session.Replayed
	Said bodyView
}

func (w *Server) detail(rw http.ResponseWriter, r *http.Request) {
	req, ok := w.request(rw, r)
	if !ok {
		return
	}
	v := detailView{Request: req, Stats: w.session.Stats(), Body: w.formatted(req.Record.Body), Raw: asItCame(w.cfg.Mask.Bytes(req.Record.Body))}
	var err error
	if v.Attempts, err = w.session.Attempts(r.Context(), req.First().Event.ID, req.Number); err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	for _, done := range slices.Backward(w.session.Replays(req.Number)) {
		v.Replays = append(v.Replays, replayView{done, w.formatted(done.App.Body)})
	}
	if req.Record.App != nil {
		v.App = w.formatted(req.Record.App.Body)
	}
	v.Curl, v.Variables = w.session.Curl(req)
	v.CanReplay = len(v.Stats.Apps) > 0
	v.Finding = term.Count(len(req.Findings()), "finding")
	w.show(rw, r, "detail", v)
}

func (w *Server) editForm(rw http.ResponseWriter, r *http.Request) {
	if req, ok := w.request(rw, r); ok {
		w.show(rw, r, "edit", struct {
			Number uint64
			Body   string
		}{req.Number, string(pretty(req.Record.Body))})
	}
}

func (w *Server) rulesForm(rw http.ResponseWriter, r *http.Request) {
	rules, err := w.session.Rules()
	w.show(rw, r, "rules", struct {
		session.Rules
		None bool
	}{rules, err != nil})
}

// diffView is two requests side by side.
type diffView struct {
	session.Compared
	Lines []pair
	Cut   bool
}

func (w *Server) diffPage(rw http.ResponseWriter, r *http.Request) {
	a, errA := strconv.ParseUint(r.URL.Query().Get("a"), 10, 64)
	b, errB := strconv.ParseUint(r.URL.Query().Get("b"), 10, 64)
	if errA != nil || errB != nil {
		w.fail(rw, r, http.StatusBadRequest, errors.New("a and b are the numbers of two requests"))
		return
	}
	c, err := w.session.Diff(r.Context(), a, b)
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	v := diffView{Compared: c}
	if c.Body != capture.SameBytes {
		v.Lines, v.Cut = sideBySide(pretty(c.A.Record.Body), pretty(c.B.Record.Body))
	}
	w.show(rw, r, "diff", v)
}

func (w *Server) journeyPage(rw http.ResponseWriter, r *http.Request) {
	j, err := w.session.Journey(r.Context(), r.PathValue("customer"))
	if err != nil {
		w.fail(rw, r, http.StatusInternalServerError, err)
		return
	}
	w.show(rw, r, "journey", timelineOf(j))
}

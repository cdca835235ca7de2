package standin

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// The parts of a request that are counted beside the properties of its body.
const (
	partRemote      = "remote address"
	partPath        = "path"
	partHeaders     = "headers"
	partHeaderNames = "names of headers"
	partNames       = "names of properties"
	partApp         = "app's URL"
	partAnswer      = "app's answers"
	partSecret      = "credentials"
)

// Record replaces in a record, whose memory it takes over, all that tells whose data it
// is. What it replaces in one place it replaces in all: an id of the body also where the
// record names it.
func (m *Maker) Record(rec *capture.Record) {
	rec.Remote = m.part(partRemote, rec.Remote, Local, m.hostPort)
	if !knownMethod(rec.Method) {
		rec.Method = string(m.unlike(nil, []byte(rec.Method), false, knownMethod))
	}
	rec.Path = m.part(partPath, m.target(rec.Path), Usual, m.pathOf)
	m.headers(rec.Headers, exchange{rec.ReceivedAt, rec.Body})
	rec.Body = m.body(rec.Body)
	rec.EventID, rec.EventName, rec.EventTS = m.String(rec.EventID), m.field("event_name", rec.EventName), m.field("event_ts", rec.EventTS)
	m.badges(rec.Badges)
	for i := range rec.Members {
		member := &rec.Members[i]
		member.EventID, member.EventName = m.String(member.EventID), m.field("event_name", member.EventName)
		m.badges(member.Badges)
	}
	for i := range rec.Findings {
		rec.Findings[i] = m.finding(rec.Findings[i])
	}
	if rec.App != nil {
		m.app(rec.App, rec.ReceivedAt)
	}
}

func knownMethod(method string) bool {
	switch method {
	case http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace:
		return true
	}
	return false
}

// part replaces a part of the request that counts as one value; stays is why it may
// stay.
func (m *Maker) part(name, value string, stays Reason, with func(string) string) string {
	out := with(value)
	switch {
	case value == "":
	case out != value:
		m.count(name, true, "")
	default:
		m.count(name, true, stays)
	}
	return out
}

// badge is the form of the badges that relayctl gives.
var badge = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(attempt [0-9]{1,3}/[0-9]{1,3}|duplicate|conflict|early|late -?([0-9]{1,4}h)?([0-9]{1,3}m)?([0-9]{1,3}(\.[0-9])?(s|ms|µs))?)$`)
})

func (m *Maker) badges(list []string) {
	for i, b := range list {
		if !badge().MatchString(b) {
			list[i] = m.String(b)
		}
	}
}

// clause is the form of the clauses of Relay's contract.
var clause = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(R-(200|2XX|401|500|NO-400|[A-Z]{2,8}(-(BASIC|KEY|OAUTH|NONE|BODY|SIZE|SAME|ONLY))?))?$`)
})

func (m *Maker) finding(f event.Finding) event.Finding {
	f.Path, f.Message = m.path(f.Path), m.message(f.Message)
	if !clause().MatchString(f.Clause) {
		f.Clause = m.String(f.Clause)
	}
	if f.Level != event.Error && f.Level != event.Warning {
		f.Level = event.Level(m.String(string(f.Level)))
	}
	return f
}

// target takes the secrets out of a path, which another program may have recorded.
func (m *Maker) target(path string) string {
	out := capture.Redactor{}.Target(path)
	if out != path {
		m.count(partSecret, true, "")
	}
	return out
}

// pathOf is the stand-in of a path with its query: common words stay, as do the usual names
// of parameters.
func (m *Maker) pathOf(target string) string {
	if u, err := url.Parse(target); err == nil && u.Host != "" && u.IsAbs() {
		return m.url(target)
	}
	path, query, asked := strings.Cut(target, "?")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if !commonSegment(s) {
			segments[i] = m.encoded(s, m.String, url.PathUnescape, url.PathEscape)
		}
	}
	out := strings.Join(segments, "/")
	if !asked {
		return out
	}
	params := strings.Split(query, "&")
	for i, p := range params {
		name, value, given := strings.Cut(p, "=")
		name = m.encoded(name, func(s string) string { out, _ := m.memberName(nil, []byte(s), false); return string(out) }, url.QueryUnescape, url.QueryEscape)
		if params[i] = name; given {
			if value != capture.Redacted {
				value = m.encoded(value, m.String, url.QueryUnescape, url.QueryEscape)
			}
			params[i] = name + "=" + value
		}
	}
	return out + "?" + strings.Join(params, "&")
}

// encoded is the stand-in of a text in which some characters are percent-encoded.
func (m *Maker) encoded(s string, with func(string) string, decode func(string) (string, error), encode func(string) string) string {
	plain, err := decode(s)
	if err != nil || plain == s {
		return with(s)
	}
	return encode(with(plain))
}

func commonSegment(s string) bool {
	switch strings.ToLower(s) {
	case "relay", "webhook", "webhooks", "hook", "hooks", "event", "events", "push", "api", "v1", "v2", "v3", "callback":
		return true
	}
	return false
}

// url is the stand-in of a URL; its scheme and port stay.
func (m *Maker) url(s string) string {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return m.String(s)
	}
	host, path, hasPath := strings.Cut(rest, "/")
	if _, after, ok := strings.Cut(host, "@"); ok {
		host = after
	}
	out := scheme + "://" + m.hostPort(host)
	if hasPath {
		out += m.pathOf("/" + path)
	}
	return out
}

// app replaces what tells of the app, and all that it answered.
func (m *Maker) app(a *capture.App, at time.Time) {
	a.URL = m.part(partApp, m.target(a.URL), Local, m.url)
	m.headers(a.Headers, exchange{at, a.Body})
	if len(a.Body) > 0 {
		a.Body = m.answer(a.Body)
		m.count(partAnswer, true, "")
	}
	a.Error = m.why(a.Error)
}

// why is the stand-in of the reason of a failure: the usual words of such reasons stay.
func (m *Maker) why(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		bare := strings.Trim(w, `.,:;"()/`)
		at := strings.Index(w, bare)
		switch _, err := strconv.Atoi(bare); {
		case bare == "" || m.words.phrases[strings.ToLower(bare)] || err == nil && len(bare) == len("200"):
		case strings.Contains(bare, "://"):
			words[i] = w[:at] + m.url(bare) + w[at+len(bare):]
		case strings.Contains(bare, ":"):
			words[i] = w[:at] + m.hostPort(bare) + w[at+len(bare):]
		default:
			words[i] = w[:at] + m.String(bare) + w[at+len(bare):]
		}
	}
	return strings.Join(words, " ")
}

// Package capture is the JSON Lines record of received requests: a durable
// writer and a tolerant reader.
package capture

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"relayctl/internal/event"
)

// Version is the value of a record's "v".
const Version = 1

// Record is one received request as a line of a capture. A batch is one record
// whose Members name its events.
type Record struct {
	ReceivedAt time.Time
	Remote     string
	Method     string
	Path       string
	Headers    []Header // as received, secrets replaced by Redacted
	Body       []byte   // the exact bytes
	Omitted    bool     // the body was too large, or not read, and is not recorded
	Status     int      // the answer; 0 where none was given
	EventID    string
	EventName  string
	EventTS    string
	Attempt    int
	Badges     []string
	Findings   []event.Finding
	Members    []Member
}

// Header is one header field of a record.
type Header struct{ Name, Value string }

// Member is an event of a recorded batch.
type Member struct {
	EventID   string   `json:"event_id"`
	EventName string   `json:"event_name"`
	Attempt   int      `json:"attempt"`
	Badges    []string `json:"badges,omitempty"`
}

// Redacted stands in a record for the value of a header that carries a secret.
const Redacted = "[redacted]"

// Headers copies a request's headers for a record, sorted by name, several
// values joined by a comma, and the values of sensitive ones replaced by
// Redacted. Names that look like credentials are sensitive, and those listed.
func Headers(h http.Header, sensitive ...string) []Header {
	out := make([]Header, 0, len(h))
	for name, values := range h {
		v := strings.Join(values, ", ")
		if Sensitive(name) || slices.ContainsFunc(sensitive, func(s string) bool { return strings.EqualFold(s, name) }) {
			v = Redacted
		}
		out = append(out, Header{name, v})
	}
	slices.SortFunc(out, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Sensitive says whether a header of that name may carry a secret.
func Sensitive(name string) bool {
	n := strings.ToLower(name)
	for _, part := range []string{"authorization", "apikey", "api-key", "api_key", "cookie", "token", "secret", "password", "passwd", "credential", "signature", "session", "auth-key", "access-key", "private"} {
		if strings.Contains(n, part) {
			return true
		}
	}
	return false
}

// Append appends the record to dst as one JSON line with its line break.
func (r *Record) Append(dst []byte) []byte {
	dst = append(dst, `{"v":1,"received_at":"`...)
	dst = r.ReceivedAt.UTC().AppendFormat(dst, event.TimeLayout)
	dst = append(dst, `","remote":`...)
	dst = quote(dst, r.Remote)
	dst = append(dst, `,"method":`...)
	dst = quote(dst, r.Method)
	dst = append(dst, `,"path":`...)
	dst = quote(dst, r.Path)
	dst = append(dst, `,"headers":{`...)
	for i, h := range r.Headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = quote(dst, h.Name)
		dst = append(dst, ':')
		dst = quote(dst, h.Value)
	}
	dst = append(dst, '}')
	switch {
	case r.Omitted:
		dst = append(dst, `,"body_omitted":true`...)
	case utf8.Valid(r.Body):
		dst = append(dst, `,"body":`...)
		dst, _ = jsontext.AppendQuote(dst, r.Body)
	default:
		dst = append(dst, `,"body_base64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, r.Body)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"status":`...)
	if r.Status == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, int64(r.Status), 10)
	}
	dst = append(dst, `,"event_id":`...)
	dst = quote(dst, r.EventID)
	dst = append(dst, `,"event_name":`...)
	dst = quote(dst, r.EventName)
	dst = append(dst, `,"event_ts":`...)
	dst = quote(dst, r.EventTS)
	dst = append(dst, `,"attempt":`...)
	dst = strconv.AppendInt(dst, int64(r.Attempt), 10)
	return r.appendVerdicts(dst)
}

func (r *Record) appendVerdicts(dst []byte) []byte {
	dst = append(dst, `,"badges":[`...)
	for i, b := range r.Badges {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = quote(dst, b)
	}
	dst = append(dst, `],"findings":`...)
	dst = appendList(dst, r.Findings)
	if len(r.Members) > 0 {
		dst = append(dst, `,"members":`...)
		dst = appendList(dst, r.Members)
	}
	return append(dst, "}\n"...)
}

// appendList marshals a list that is mostly empty. Its element types always
// can be marshalled.
func appendList[T any](dst []byte, list []T) []byte {
	if len(list) == 0 {
		return append(dst, "[]"...)
	}
	b, _ := json.Marshal(list)
	return append(dst, b...)
}

func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}

// line is a record as it stands in the file.
type line struct {
	V          int             `json:"v"`
	ReceivedAt time.Time       `json:"received_at"`
	Remote     string          `json:"remote"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Headers    jsontext.Value  `json:"headers"`
	Body       *string         `json:"body"`
	BodyBase64 *string         `json:"body_base64"`
	Omitted    bool            `json:"body_omitted"`
	Status     *int            `json:"status"`
	EventID    string          `json:"event_id"`
	EventName  string          `json:"event_name"`
	EventTS    string          `json:"event_ts"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
	Members    []Member        `json:"members"`
}

// errNoRecord says that a line is JSON, but no record.
var errNoRecord = errors.New(`the line is no record of a capture: it has no "v"`)

// Parse reads one line of a capture. Unknown fields are ignored; a line of
// another version is an error.
func Parse(text []byte) (*Record, error) {
	var l line
	if err := unmarshal(text, &l); err != nil {
		return nil, err
	}
	switch {
	case l.V == 0:
		return nil, errNoRecord
	case l.V != Version:
		return nil, fmt.Errorf("the record has version %d; this relayctl reads version %d", l.V, Version)
	}
	r := &Record{
		ReceivedAt: l.ReceivedAt, Remote: l.Remote, Method: l.Method, Path: l.Path, Omitted: l.Omitted,
		EventID: l.EventID, EventName: l.EventName, EventTS: l.EventTS, Attempt: l.Attempt,
		Badges: l.Badges, Findings: l.Findings, Members: l.Members,
	}
	if l.Status != nil {
		r.Status = *l.Status
	}
	switch {
	case l.Body != nil:
		r.Body = []byte(*l.Body)
	case l.BodyBase64 != nil:
		body, err := base64.StdEncoding.DecodeString(*l.BodyBase64)
		if err != nil {
			return nil, fmt.Errorf("the record's body_base64: %w", err)
		}
		r.Body = body
	}
	return r, r.readHeaders(l.Headers)
}

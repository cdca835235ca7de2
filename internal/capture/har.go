package capture

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Exchange is a request and its answer, for a file in the HTTP Archive format.
type Exchange struct {
	StartedAt time.Time
	Took      time.Duration
	Method    string
	URL       string
	Headers   []Header // of the request, as sent: HAR redacts them
	Body      []byte
	Status    int // 0 where there was no answer
	Answered  http.Header
	Answer    []byte // the first bytes of the answer's body
	Cut       bool   // the body of the answer was longer
	Comment   string // why there was no answer, which check made it
}

// HAR writes exchanges as HTTP Archive 1.2, each as it comes, so that a long run
// is not held in memory. Values of sensitive headers and query parameters are
// redacted. Safe for concurrent use.
type HAR struct {
	Redactor Redactor

	mu      sync.Mutex
	w       io.Writer // guarded by mu
	entries int       // guarded by mu
	err     error     // guarded by mu: the first one; nothing is written after it
}

// NewHAR begins a file; version is that of the program that writes it. Close ends
// it, and returns the first error of all the writing.
func NewHAR(w io.Writer, version string) *HAR {
	h := &HAR{w: w}
	creator, err := json.Marshal(map[string]string{"name": "relayctl", "version": version})
	h.err = err
	h.write(`{"log":{"version":"1.2","creator":` + string(creator) + `,"entries":[`)
	return h
}

func (h *HAR) write(s string) {
	if h.err == nil {
		_, h.err = io.WriteString(h.w, s)
	}
}

// Add writes an exchange.
func (h *HAR) Add(x Exchange) {
	line, err := json.Marshal(h.entry(x))
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
	}
	if h.entries > 0 {
		h.write(",")
	}
	h.entries++
	h.write("\n" + string(line))
}

// Close ends the file.
func (h *HAR) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.write("\n]}}\n")
	return h.err
}

// The parts of an archive. What the format demands and nobody knows is -1 or
// empty, as it says.
type harEntry struct {
	Started  string      `json:"startedDateTime"`
	Time     float64     `json:"time"`
	Request  harRequest  `json:"request"`
	Response harResponse `json:"response"`
	Cache    struct{}    `json:"cache"`
	Timings  harTimings  `json:"timings"`
	Comment  string      `json:"comment,omitempty"`
}

type harTimings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

type harPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type harRequest struct {
	Method      string     `json:"method"`
	URL         string     `json:"url"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harPair  `json:"cookies"`
	Headers     []harPair  `json:"headers"`
	QueryString []harPair  `json:"queryString"`
	PostData    harContent `json:"postData"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harPair  `json:"cookies"`
	Headers     []harPair  `json:"headers"`
	Content     harContent `json:"content"`
	RedirectURL string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
}

type harContent struct {
	Size     int    `json:"size"`
	MimeType string `json:"mimeType"`
	Text     string `json:"text"`
	Encoding string `json:"encoding,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

func (h *HAR) entry(x Exchange) harEntry {
	const version = "HTTP/1.1"
	took := float64(x.Took.Microseconds()) / 1000
	target := h.Redactor.Target(x.URL)
	e := harEntry{
		Started: x.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Time: took, Timings: harTimings{Wait: took}, Comment: x.Comment,
		Request: harRequest{
			Method: x.Method, URL: target, HTTPVersion: version, Cookies: []harPair{}, Headers: []harPair{}, QueryString: query(target),
			HeadersSize: -1, BodySize: len(x.Body),
		},
		Response: harResponse{
			Status: x.Status, StatusText: http.StatusText(x.Status), HTTPVersion: version, Cookies: []harPair{}, Headers: []harPair{},
			HeadersSize: -1, BodySize: -1,
		},
	}
	mime := ""
	for _, header := range x.Headers {
		if strings.EqualFold(header.Name, "Content-Type") {
			mime = header.Value
		}
		if h.Redactor.Sensitive(header.Name) {
			header.Value = Redacted
		}
		e.Request.Headers = append(e.Request.Headers, harPair(header))
	}
	e.Request.PostData = content(x.Body, mime)
	for _, header := range h.Redactor.Headers(x.Answered) {
		e.Response.Headers = append(e.Response.Headers, harPair(header))
	}
	e.Response.Content = content(x.Answer, x.Answered.Get("Content-Type"))
	if x.Cut {
		e.Response.Content.Comment = "only the beginning is kept; the body was longer"
	}
	e.Response.RedirectURL = x.Answered.Get("Location")
	return e
}

func query(target string) []harPair {
	out := []harPair{}
	_, text, _ := strings.Cut(target, "?")
	for part := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == "" {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		out = append(out, harPair{name, value})
	}
	return out
}

// content is a body as text, in base64 where it is not UTF-8.
func content(body []byte, mime string) harContent {
	c := harContent{Size: len(body), MimeType: mime, Text: string(body)}
	if !utf8.Valid(body) {
		c.Text, c.Encoding = base64.StdEncoding.EncodeToString(body), "base64"
	}
	return c
}

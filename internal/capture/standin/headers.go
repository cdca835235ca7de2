package standin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/capture"
)

// exchange is what the headers of a request or answer belong to.
type exchange struct {
	at   time.Time // when the request came
	body []byte
}

// nearby is how far a date in a header may be from the request: further away it tells
// of something else.
const nearby = 24 * time.Hour

// headers replaces names and values of headers, but for those that are the same in
// everybody's requests.
func (m *Maker) headers(list []capture.Header, x exchange) {
	for i := range list {
		h := &list[i]
		name := strings.ToLower(h.Name)
		switch {
		case h.Value == capture.Redacted:
			m.count(partSecret, true, Gone)
		case capture.Sensitive(h.Name):
			h.Value = capture.Redacted
			m.count(partSecret, true, "")
		default:
			h.Value = m.part(partHeaders, h.Value, Usual, func(v string) string { return m.headerValue(name, v, x) })
		}
		h.Name = m.part(partHeaderNames, h.Name, Usual, func(string) string { return m.headerName(h.Name) })
	}
}

func (m *Maker) headerName(name string) string {
	known := func(s string) bool { return m.words.headers[strings.ToLower(s)] }
	if known(name) {
		return name
	}
	return string(m.unlike(nil, []byte(name), false, known))
}

func (m *Maker) headerValue(name, value string, x exchange) string {
	switch name {
	case "host":
		return m.hostPort(value)
	case "content-length":
		if value == strconv.Itoa(len(x.body)) {
			return value
		}
	case "date":
		if at, err := http.ParseTime(value); err == nil && at.Sub(x.at).Abs() <= nearby && value == at.UTC().Format(http.TimeFormat) {
			return value
		}
	case "accept", "accept-encoding", "allow", "cache-control", "connection", "content-encoding", "content-type", "expect", "pragma",
		"retry-after", "server", "te", "transfer-encoding", "user-agent", "vary", "x-content-type-options":
		return string(m.eachWord(nil, value, "._+-*", func(w string) bool { return m.words.inHeader[strings.ToLower(w)] }))
	}
	return m.String(value)
}

// headerNames are those of HTTP, of proxies and of common tools.
const headerNames = `accept accept-charset accept-encoding accept-language access-control-allow-origin age allow apikey authorization
cache-control connection content-encoding content-language content-length content-security-policy content-type cookie date etag expect
expires forwarded host idempotency-key if-modified-since if-none-match keep-alive last-modified location origin pragma
proxy-authorization referer retry-after server set-cookie strict-transport-security te traceparent tracestate trailer transfer-encoding
upgrade user-agent vary via www-authenticate x-api-key x-content-type-options x-correlation-id x-forwarded-for x-forwarded-host
x-forwarded-proto x-frame-options x-powered-by x-real-ip x-request-id x-runtime`

// headerWords are what stands in the values of headers everywhere: media types, encodings,
// directives, common programs. Of versions only those of HTTP stay.
const headerWords = `* 0 1 2 5 10 15 20 30 60 90 120 300 600 900 1800 3600 7200 86400 604800 31536000
0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0 1.1 2.0 100-continue accept accept-encoding accept-language apache application audio authorization
axios bad boundary br browser bytes cache charset chunked close cloudflare compress content-encoding content-type cookie csv curl deflate delete
envoy event-stream express font form-data get go-http-client gunicorn gzip head html identity image immutable iso-8859-1 javascript jpeg json
keep-alive kestrel max-age microsoft-iis mixed mozilla multipart must-revalidate ndjson nginx no-cache no-store no-transform node node-fetch nosniff
octet-stream okhttp openresty options origin patch pdf plain png post private problem+json public put python python-requests q relay
relay-webhook relayctl s-maxage stale-while-revalidate svg+xml text trailers undici upgrade urllib3 us-ascii user-agent utf-8 uvicorn vary werkzeug
wget windows-1252 x-www-form-urlencoded xhtml+xml xml zstd`

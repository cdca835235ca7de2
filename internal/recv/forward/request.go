package forward

import (
	"bytes"
	"context"
	"net/http"
	"strings"
)

// request builds the request to the app: the exact body, and the headers as
// they came except those that belong to the connection, and those that were asked
// for. Host is the app's, for a development server answers to its own name only;
// the receiver has checked the caller's.
func (f *Apps) request(ctx context.Context, a *App, req *http.Request, body []byte) (*http.Request, error) {
	u := *a.URL
	if u.Path == "" {
		u.Path, u.RawPath = req.URL.Path, req.URL.RawPath
	}
	if q := req.URL.RawQuery; q != "" {
		if u.RawQuery != "" {
			q = u.RawQuery + "&" + q
		}
		u.RawQuery = q
	}
	out, err := http.NewRequestWithContext(ctx, req.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = endToEnd(req.Header)
	for name, values := range f.opt.Header {
		out.Header[name] = values
	}
	return out, nil
}

// endToEnd returns a request's headers without those of the connection (RFC
// 9110, section 7.6.1).
func endToEnd(h http.Header) http.Header {
	out := h.Clone()
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Content-Length"} {
		out.Del(name)
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = nil // or the transport would add its own
	}
	if v, ok := out["Apikey"]; ok {
		delete(out, "Apikey")
		out["ApiKey"] = v // as Relay spells it (R-AUTH-KEY)
	}
	return out
}

package recv

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// guard protects what is not the webhook from web pages that the developer
// has open: a page may make the browser call a loopback address, by a name of
// its own that it rebinds (the Host then tells) or across origins (the Origin
// then tells). The webhook itself needs no guard: it is called by any name
// through tunnels and proxies, and a page cannot send it application/json
// without a preflight request, which is answered 405.
type guard struct {
	names []string // in lower case, besides localhost and plain addresses
	next  http.Handler
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.known(r.Host) {
		http.Error(w, "unknown Host", http.StatusForbidden)
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" && !g.sameOrigin(origin, r) {
		http.Error(w, "calls from web pages are refused", http.StatusForbidden)
		return
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		http.Error(w, "calls from web pages are refused", http.StatusForbidden)
		return
	}
	g.next.ServeHTTP(w, r)
}

// known says whether a Host can be meant for this receiver. An address cannot
// be rebound, so any is taken.
func (g *guard) known(hostport string) bool {
	host := strings.ToLower(hostOf(hostport))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		net.ParseIP(strings.Trim(host, "[]")) != nil || host != "" && slices.Contains(g.names, host)
}

func (g *guard) sameOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return err == nil && u.Scheme == scheme && strings.EqualFold(u.Host, r.Host)
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

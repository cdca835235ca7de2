package recv

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
)

// names are those by which the receiver may be called, in lower case, beside
// localhost and plain addresses. They protect it, and the app behind it, from web
// pages that somebody has open: a page may make the browser call a loopback address,
// by a name of its own that it rebinds (the Host then tells) or across origins (the
// Origin and Sec-Fetch-Site then tell).
type names struct {
	list  []string
	allow func(host string) string // how a further name is allowed, may be nil
}

// namesOf returns the host that is listened on, the name of this machine, and the names
// that were given.
func namesOf(addr string, given []string, allow func(host string) string) names {
	list := []string{strings.ToLower(hostOf(addr))}
	if host, err := os.Hostname(); err == nil {
		list = append(list, strings.ToLower(host))
	}
	for _, name := range given {
		list = append(list, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	return names{list, allow}
}

// mostShown bounds what a caller's words take up in an answer.
const mostShown = 100

// refuse says why a request must come from a web page, "" if nothing shows that it does.
func (n names) refuse(r *http.Request) string {
	site := r.Header.Get("Sec-Fetch-Site")
	switch host := hostOf(r.Host); {
	case r.Header["Origin"] != nil || site != "" && site != "none":
		return "requests of web pages are refused (it has an Origin, or a Sec-Fetch-Site)"
	case !n.known(host):
		if len(host) > mostShown {
			host = host[:mostShown] + "…"
		}
		why := fmt.Sprintf("it was called by the name %q, which is not its own", host)
		if n.allow != nil {
			why += "; " + n.allow(host)
		}
		return why
	}
	return ""
}

// known says whether a Host can be meant for this receiver. An address cannot be
// rebound, so any is taken; only HTTP/1.0, which no browser speaks, has none.
func (n names) known(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		net.ParseIP(strings.Trim(host, "[]")) != nil || slices.Contains(n.list, host)
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

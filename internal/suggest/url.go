package suggest

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// URL returns the URL that a text without a scheme most likely meant, or "" when
// that cannot be told: a mere port is one of this machine, and what runs on this
// machine is most likely called without TLS.
func URL(text string) string {
	host := strings.TrimPrefix(text, "//")
	port, _, _ := strings.Cut(strings.TrimPrefix(host, ":"), "/")
	if _, err := strconv.ParseUint(port, 10, 16); err == nil {
		host = "127.0.0.1:" + strings.TrimPrefix(host, ":")
	}
	u, err := url.Parse("https://" + host)
	if err != nil || u.User != nil || u.Hostname() == "" || strings.Contains(text, "://") {
		return ""
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Hostname() == "localhost" || ip != nil && ip.IsLoopback():
		return "http://" + host
	case u.Port() != "" || strings.Contains(u.Hostname(), "."):
		return "https://" + host
	}
	return ""
}

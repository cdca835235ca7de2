package recv

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"relayctl/internal/suggest"
)

// relayAddrs are Relay's own addresses by the names that ParseAllow takes (R-IP).
func relayAddrs() map[string]string {
	return map[string]string{"staging": "50.112.172.205", "production": "52.73.72.6"}
}

// ParseAllow reads a list of staging, production, CIDRs and addresses (R-IP).
func ParseAllow(list string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for word := range strings.SplitSeq(list, ",") {
		p, err := parseAllowed(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func parseAllowed(word string) (netip.Prefix, error) {
	text := word
	if addr, ok := relayAddrs()[word]; ok {
		text = addr
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.Masked(), nil
	}
	return netip.Prefix{}, fmt.Errorf("%q is neither staging, production, an address nor a CIDR such as 10.0.0.0/8%s",
		word, suggest.DidYouMean(word, []string{"production", "staging"}))
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// clientAddr returns who made the request: the peer, or, when the peer is a
// trusted proxy, the nearest address in X-Forwarded-For that is not one.
// The header is walked from the right, for only what trusted proxies appended
// can be believed: the client may have made up everything further left.
// A word that is not an address ends the walk at the proxy that passed it on.
func clientAddr(peer netip.Addr, h http.Header, trusted []netip.Prefix) netip.Addr {
	client := peer.Unmap().WithZone("")
	if !contains(trusted, client) {
		return client
	}
	lines := h["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		words := strings.Split(lines[i], ",")
		for j := len(words) - 1; j >= 0; j-- {
			a, ok := forwardedAddr(words[j])
			if !ok {
				return client
			}
			if client = a; !contains(trusted, a) {
				return client
			}
		}
	}
	return client
}

// forwardedAddr reads one word of X-Forwarded-For; some proxies add the port.
func forwardedAddr(word string) (netip.Addr, bool) {
	word = strings.TrimSpace(word)
	if a, err := netip.ParseAddr(strings.Trim(word, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(word); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

// caller returns who made a request, as it is shown, and whether the
// allow-list admits it (R-IP).
func (r *Receiver) caller(req *http.Request) (remote string, allowed bool) {
	if r.cfg.AllowFrom == nil && r.cfg.TrustProxy == nil {
		return req.RemoteAddr, true
	}
	peer, err := netip.ParseAddrPort(req.RemoteAddr)
	if err != nil {
		return req.RemoteAddr, false
	}
	client := clientAddr(peer.Addr(), req.Header, r.cfg.TrustProxy)
	remote = req.RemoteAddr
	if client != peer.Addr().Unmap().WithZone("") {
		remote = client.String()
	}
	return remote, r.cfg.AllowFrom == nil || contains(r.cfg.AllowFrom, client)
}

package auth

import (
	"net/netip"
	"strconv"
	"strings"
)

// Loopback says whether a URL's host is this machine, so that plain http to it
// does not leave it (R-HTTPS). addr is what to connect to, because not every
// resolver knows localhost with a dot, names below it, or short forms such as 127.1.
func Loopback(host string) (addr string, ok bool) {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return "localhost", true
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.String(), ip.Unmap().IsLoopback()
	}
	return shortLoopback(name)
}

// shortLoopback reads 127.1 and 127.0.1, whose last part stands for several bytes.
func shortLoopback(name string) (addr string, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != "127" {
		return "", false
	}
	ip := [4]byte{127}
	for i, part := range parts[1 : len(parts)-1] {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return "", false
		}
		ip[i+1] = byte(n)
	}
	rest := 4 - (len(parts) - 1) // bytes of the last part
	n, err := strconv.ParseUint(parts[len(parts)-1], 10, 8*rest)
	if err != nil {
		return "", false
	}
	for i := range rest {
		ip[3-i] = byte(n >> (8 * i))
	}
	return netip.AddrFrom4(ip).String(), true
}

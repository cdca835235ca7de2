package localca

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// CertificateFor returns a function for tls.Config.GetCertificate. It shows a certificate
// for loopback and for the host that is listened on ("" for every interface), and replaces
// it before it expires. The function is safe for concurrent use. The error says that the
// authority cannot vouch for the host: no sender would trust such a certificate.
func (a *Authority) CertificateFor(host string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	names, ips, err := subjects(a, host)
	if err != nil {
		return nil, err
	}
	l := &leaves{ca: a, names: names, ips: ips, now: time.Now}
	if _, err := l.get(nil); err != nil {
		return nil, fmt.Errorf("certificate of the local CA: %w", err)
	}
	return l.get, nil
}

// subjects lists what the certificate is for: always loopback, and the host that is
// listened on.
func subjects(a *Authority, host string) (names []string, ips []net.IP, err error) {
	names = []string{"localhost"}
	ips = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	ip := net.ParseIP(host)
	switch {
	case host == "" || ip != nil && ip.IsUnspecified():
		for _, ip := range interfaceIPs() {
			if a.vouches(ip.String()) && !slices.ContainsFunc(ips, ip.Equal) {
				ips = append(ips, ip)
			}
		}
	case !a.vouches(host):
		return nil, nil, fmt.Errorf("the local CA only vouches for loopback and private addresses and for names such as x.localhost, x.test or x.internal, not for %s: give a certificate and its key, or switch TLS off", host)
	case ip != nil:
		if !slices.ContainsFunc(ips, ip.Equal) {
			ips = append(ips, ip)
		}
	default:
		if host = strings.ToLower(host); !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	return names, ips, nil
}

func interfaceIPs() []net.IP {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the leaf is for the loopback then
	}
	var out []net.IP
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			out = append(out, n.IP)
		}
	}
	return out
}

// leaves holds the current leaf and replaces it before it expires: a receiver
// may run for months. Safe for concurrent use.
type leaves struct {
	ca    *Authority
	names []string
	ips   []net.IP
	now   func() time.Time

	mu   sync.Mutex
	leaf *tls.Certificate
}

func (l *leaves) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if l.leaf != nil && now.Add(leafRenew).Before(l.leaf.Leaf.NotAfter) {
		return l.leaf, nil
	}
	leaf, err := l.ca.leaf(now, l.names, l.ips)
	if err != nil {
		return nil, err
	}
	l.leaf = leaf
	return leaf, nil
}

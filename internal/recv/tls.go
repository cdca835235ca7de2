package recv

import (
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// tlsConfig returns how the receiver proves who it is, nil for plain HTTP. It
// drops an authority that is not used.
func tlsConfig(cfg *Config) (*tls.Config, error) {
	if cfg.TLS == TLSOff {
		cfg.Authority = nil
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if cfg.CertFile != "" || cfg.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", cfg.CertFile, cfg.KeyFile, err)
		}
		cfg.Authority = nil
		config.Certificates = []tls.Certificate{pair}
		return config, nil
	}
	if cfg.Authority == nil {
		a, err := NewAuthority()
		if err != nil {
			return nil, err
		}
		cfg.Authority = a
	}
	names, ips, err := subjects(cfg.Authority, hostOf(cfg.Addr))
	if err != nil {
		return nil, err
	}
	l := &leaves{ca: cfg.Authority, names: names, ips: ips, now: time.Now}
	if _, err := l.get(nil); err != nil {
		return nil, fmt.Errorf("certificate of the local CA: %w", err)
	}
	config.GetCertificate = l.get
	return config, nil
}

// subjects lists what the leaf is for: always the loopback, and the host that
// is listened on. A host that the authority cannot vouch for is an error here
// rather than in every sender.
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

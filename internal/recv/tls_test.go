package recv

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relayctl/internal/recv/localca"
)

func TestTLSHosts(t *testing.T) {
	b := start(t, Config{TLS: TLSAuto})
	_, port, err := net.SplitHostPort(b.conns.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "::1"} {
		conf := &tls.Config{RootCAs: b.CertPool(), ServerName: host}
		c, err := tls.Dial("tcp", "127.0.0.1:"+port, conf)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		c.Close()
	}
	for _, conf := range []*tls.Config{
		{RootCAs: b.CertPool(), ServerName: "127.0.0.1", MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10},
	} {
		if c, err := tls.Dial("tcp", "127.0.0.1:"+port, conf); err == nil {
			c.Close()
			t.Error("TLS 1.1 was taken (R-HTTPS)")
		}
	}
	// A sender that does not trust the authority is told about once.
	for range 3 {
		if c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: x509.NewCertPool()}); err == nil {
			c.Close()
			t.Error("an unknown authority was trusted")
		}
	}
	b.told("does not trust the certificate")
	if got := b.raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"); got != 400 {
		t.Errorf("plain http was answered %d", got)
	}
	if rc := b.received(1)[0]; rc.Status != 400 || !strings.Contains(rc.Answer, plainOnTLS) {
		t.Errorf("receipt %+v", rc)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	told := 0
	for _, n := range b.notices {
		if strings.Contains(n, "does not trust") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %q", told, b.notices)
	}
}

func TestOwnCertificate(t *testing.T) {
	dir := t.TempDir()
	a, err := localca.Load(dir) // a pair like any other
	if err != nil {
		t.Fatal(err)
	}
	cert, key := localca.CertFile(dir), filepath.Join(dir, "ca-key.pem")
	b := start(t, Config{TLS: TLSAuto, CertFile: cert, KeyFile: key})
	if b.CAFile() != "" || b.CertPool() != nil {
		t.Error("it names an authority of its own")
	}
	var seen *x509.Certificate
	conf := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error { seen = s.PeerCertificates[0]; return nil }}
	c, err := tls.Dial("tcp", b.conns.Addr().String(), conf)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if !seen.Equal(a.Cert) {
		t.Error("it shows another certificate")
	}
	for _, pair := range [][2]string{{cert, cert}, {cert, "missing.pem"}, {"missing.pem", key}, {cert, ""}} {
		if _, err := New(Config{Addr: "127.0.0.1:0", CertFile: pair[0], KeyFile: pair[1]}); err == nil {
			t.Errorf("%v was taken", pair)
		}
	}
}

func TestAddresses(t *testing.T) {
	b := start(t, Config{})
	_, err := New(Config{Addr: b.conns.Addr().String(), TLS: TLSOff})
	var listen *ListenError
	if !errors.As(err, &listen) || !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), listen.Addr) {
		t.Errorf("a port in use: %v", err)
	}
	if _, err := New(Config{Addr: "example.com:0"}); err == nil || !strings.Contains(err.Error(), "example.com") {
		t.Errorf("a public name: %v", err)
	}
	for addr, want := range map[string]string{"localhost:0": "https://localhost:", "127.0.0.1:0": "https://127.0.0.1:", ":0": "https://localhost:", "0.0.0.0:0": "https://localhost:"} {
		r, err := New(Config{Addr: addr})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.URL(), want) || !strings.HasSuffix(r.URL(), "/") {
			t.Errorf("%s is reached at %s", addr, r.URL())
		}
		if r.CAFile() != "" {
			t.Errorf("an authority in memory has the file %s", r.CAFile())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The client of a test speaks plain http to start's receivers by default; this
// one checks that off is really off.
func TestTLSOff(t *testing.T) {
	b := start(t, Config{TLS: TLSOff})
	if !strings.HasPrefix(b.URL(), "http://") || b.CertPool() != nil {
		t.Errorf("%s", b.URL())
	}
	if got := b.post(delivered("1")); got.status != http.StatusOK {
		t.Errorf("answered %d", got.status)
	}
}

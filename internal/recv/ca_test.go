package recv

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestAuthorityIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "relayctl")
	first, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Cert.Equal(second.Cert) || first.Path != second.Path || first.Path == "" {
		t.Error("the second start has another authority")
	}
	if info, err := os.Stat(filepath.Join(dir, caKeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	if got, err := os.ReadFile(first.Path); err != nil || string(got) != string(first.PEM) || strings.Contains(string(got), "PRIVATE") {
		t.Errorf("the certificate's file: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".relayctl-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestConcurrentStartsShareTheAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "relayctl")
	got := make([]*Authority, 16)
	var wg sync.WaitGroup
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			a, err := LoadAuthority(dir)
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = a
		}()
	}
	wg.Wait()
	for _, a := range got {
		if a == nil || !a.Cert.Equal(got[0].Cert) {
			t.Fatal("two starts have different authorities")
		}
	}
}

func TestUnusableAuthorityIsReplaced(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"torn key": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, caKeyFile), []byte("-----BEGIN EC"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"key gone": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, caKeyFile)); err != nil {
				t.Fatal(err)
			}
		},
		"nearly expired": func(t *testing.T, dir string) {
			old, err := newAuthority(time.Now().Add(-authorityLife + renewBefore - time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if err := old.write(dir); err != nil {
				t.Fatal(err)
			}
		},
		"not yet valid": func(t *testing.T, dir string) {
			old, err := newAuthority(time.Now().Add(48 * time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if err := old.write(dir); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first, err := LoadAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, dir)
			second, err := LoadAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			if second.Cert.Equal(first.Cert) || time.Until(second.Cert.NotAfter) < renewBefore || time.Now().Before(second.Cert.NotBefore) {
				t.Error("it was not replaced by a good one")
			}
			if file, err := os.ReadFile(second.Path); err != nil || string(file) != string(second.PEM) {
				t.Errorf("the certificate's file is another's: %v", err)
			}
		})
	}
}

func TestAuthorityIsRepaired(t *testing.T) {
	dir := t.TempDir()
	first, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, caKeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(first.Path); err != nil {
		t.Fatal(err)
	}
	second, err := LoadAuthority(dir)
	if err != nil || !second.Cert.Equal(first.Cert) {
		t.Fatalf("another authority, %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, caKeyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	if _, err := os.Stat(first.Path); err != nil {
		t.Error(err)
	}
}

func TestAuthorityFolderThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadAuthority(filepath.Join(file, "relayctl"))
	var path *fs.PathError
	if !errors.As(err, &path) {
		t.Errorf("%v names no path", err)
	}
}

// Whoever trusts the authority trusts it for local names only.
func TestAuthorityIsConstrained(t *testing.T) {
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.Cert)
	for host, want := range map[string]bool{
		"localhost": true, "api.localhost": true, "hooks.test": true, "127.0.0.1": true, "::1": true, "192.168.1.5": true,
		"example.com": false, "notlocalhost": false, "localhost.example.com": false, "8.8.8.8": false,
	} {
		names, ips := []string{host}, []net.IP(nil)
		if ip := net.ParseIP(host); ip != nil {
			names, ips = nil, []net.IP{ip}
		}
		leaf, err := a.leaf(time.Now(), names, ips)
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		if (err == nil) != want || a.vouches(host) != want {
			t.Errorf("%s: verified %v, vouched for %v", host, err, a.vouches(host))
		}
	}
}

func TestLeafIsRenewedWhileServing(t *testing.T) {
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	l := &leaves{ca: a, names: []string{"localhost"}, now: func() time.Time { return now }}
	serial := func() string {
		leaf, err := l.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		if left := leaf.Leaf.NotAfter.Sub(now); left < leafRenew {
			t.Errorf("%s left", left)
		}
		return leaf.Leaf.SerialNumber.String()
	}
	first := serial()
	now = now.Add(leafLife - leafRenew - time.Hour)
	if serial() != first {
		t.Error("renewed too early")
	}
	now = now.Add(2 * time.Hour)
	if serial() == first {
		t.Error("not renewed")
	}
}

func TestTLSHosts(t *testing.T) {
	b := start(t, Config{TLS: TLSAuto})
	_, port, err := net.SplitHostPort(b.server.Addr().String())
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
	b.told("plain http")
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
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := a.write(dir); err != nil { // a pair like any other
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, caCertFile), filepath.Join(dir, caKeyFile)
	b := start(t, Config{TLS: TLSAuto, CertFile: cert, KeyFile: key})
	if b.CAFile() != "" || b.CertPool() != nil {
		t.Error("it names an authority of its own")
	}
	var seen *x509.Certificate
	conf := &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error { seen = s.PeerCertificates[0]; return nil }}
	c, err := tls.Dial("tcp", b.server.Addr().String(), conf)
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
	_, err := New(Config{Addr: b.server.Addr().String(), TLS: TLSOff})
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

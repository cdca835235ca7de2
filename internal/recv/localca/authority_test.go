package localca

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAuthorityIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "relayctl")
	first, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Cert.Equal(second.Cert) || first.Path != second.Path || first.Path == "" {
		t.Error("the second start has another authority")
	}
	if info, err := os.Stat(filepath.Join(dir, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
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
			a, err := Load(dir)
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
			if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("-----BEGIN EC"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"key gone": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
				t.Fatal(err)
			}
		},
		"nearly expired": func(t *testing.T, dir string) {
			old, err := generate(time.Now().Add(-authorityLife + renewBefore - time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			if err := old.write(dir); err != nil {
				t.Fatal(err)
			}
		},
		"not yet valid": func(t *testing.T, dir string) {
			old, err := generate(time.Now().Add(48 * time.Hour))
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
			first, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, dir)
			second, err := Load(dir)
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
	first, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(first.Path); err != nil {
		t.Fatal(err)
	}
	second, err := Load(dir)
	if err != nil || !second.Cert.Equal(first.Cert) {
		t.Fatalf("another authority, %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
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
	_, err := Load(filepath.Join(file, "relayctl"))
	var path *fs.PathError
	if !errors.As(err, &path) {
		t.Errorf("%v names no path", err)
	}
}

// Whoever trusts the authority trusts it for local names only.
func TestAuthorityIsConstrained(t *testing.T) {
	a, err := New()
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

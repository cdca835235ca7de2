// Package localca is the development CA: an authority for names and addresses
// near by, which is made once and kept in the user's folder, so that senders have
// to trust it only once. Begin with Load, which gives the authority, and
// Authority.CertificateFor, which serves with it. The package knows nothing of
// the receiver.
package localca

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relayctl/internal/atomicfile"
	"relayctl/internal/input"
)

// Authority is a local certificate authority for names and addresses near by.
// Its certificate can be given to senders; its key never leaves the machine.
// It is immutable and safe for concurrent use.
type Authority struct {
	Cert *x509.Certificate
	PEM  []byte // the certificate, as --cacert takes it
	Path string // where PEM lies, "" for one in memory
	key  *ecdsa.PrivateKey
}

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 90 * 24 * time.Hour
	leafRenew     = 30 * 24 * time.Hour // a leaf with less left than this is replaced
	// renewBefore replaces an authority early enough for a leaf to live out.
	renewBefore = leafLife + 24*time.Hour
	clockSlack  = time.Hour // senders' clocks may be behind
)

// The files of an authority within its folder.
const (
	certFile = "ca.pem"
	keyFile  = "ca-key.pem"
	lockName = "ca.lock"
)

// CertFile is the path of the certificate that Load keeps in a folder. The file may not
// exist yet.
func CertFile(dir string) string { return filepath.Join(dir, certFile) }

// New makes an authority that lives in memory only. It can vouch only for local names and
// addresses, so that a stolen key is of no use against a public site.
func New() (*Authority, error) { return generate(time.Now()) }

func generate(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "relayctl local CA", Organization: []string{"relayctl"}},
		NotBefore: now.Add(-clockSlack), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         localDomains(),
		PermittedIPRanges:           localRanges(),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{Cert: cert, PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: key}, nil
}

// localDomains are the names that can only mean something near by.
func localDomains() []string { return []string{"localhost", "local", "test", "internal", "home.arpa"} }

// localRanges are the loopback, link-local and private addresses.
func localRanges() []*net.IPNet {
	var out []*net.IPNet
	for _, s := range []string{
		"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
		"::1/128", "fc00::/7", "fe80::/10",
	} {
		if _, n, err := net.ParseCIDR(s); err == nil { // they are constants
			out = append(out, n)
		}
	}
	return out
}

// Load returns the authority of dir: ca.pem, and ca-key.pem with mode 0600. It makes one
// if there is none, if it is about to expire, or if it cannot be read. Several processes
// may call it at once: all get the authority of the first.
func Load(dir string) (*Authority, error) { return load(dir, time.Now()) }

func load(dir string, now time.Time) (*Authority, error) {
	if a, err := read(dir, now); err == nil {
		return a, nil
	}
	a, err := create(dir, now)
	if err != nil {
		return nil, fmt.Errorf("local CA: %w", err)
	}
	return a, nil
}

// create makes the authority of dir while holding the folder's lock.
func create(dir string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another process may have made it while this one waited.
	if a, err := read(dir, now); err == nil {
		return a, nil
	}
	a, err := generate(now)
	if err != nil {
		return nil, err
	}
	a.Path = filepath.Join(dir, certFile)
	return a, a.write(dir)
}

// write stores both parts as one file, so that they can never belong to
// different authorities, and then the certificate on its own for senders.
func (a *Authority) write(dir string) error {
	der, err := x509.MarshalECPrivateKey(a.key)
	if err != nil {
		return err
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), a.PEM...)
	if err := atomicfile.WriteFile(filepath.Join(dir, keyFile), both, 0o600); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, certFile), a.PEM, 0o644)
}

// read reads the authority of a folder and refuses one that cannot be
// used now.
func read(dir string, now time.Time) (*Authority, error) {
	keyPath := filepath.Join(dir, keyFile)
	data, err := readFile(keyPath)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	switch {
	case !ok || !pair.Leaf.IsCA || !pair.Leaf.PermittedDNSDomainsCritical:
		return nil, fmt.Errorf("%s is not of a local CA", keyPath)
	case now.Before(pair.Leaf.NotBefore) || pair.Leaf.NotAfter.Sub(now) <= renewBefore:
		return nil, fmt.Errorf("the local CA in %s has expired or soon will", dir)
	}
	if info, err := os.Stat(keyPath); err != nil || info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(keyPath, 0o600); err != nil {
			return nil, err
		}
	}
	a := &Authority{
		Cert: pair.Leaf, key: key, Path: filepath.Join(dir, certFile),
		PEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
	}
	if got, err := readFile(a.Path); err != nil || string(got) != string(a.PEM) {
		return a, atomicfile.WriteFile(a.Path, a.PEM, 0o644)
	}
	return a, nil
}

// readFile reads a file of the authority's folder, which holds a few hundred bytes.
func readFile(path string) ([]byte, error) {
	return input.ReadFile(context.Background(), path, 1<<20)
}

// leaf issues a server certificate for the names and addresses, which expires
// before the authority does.
func (a *Authority) leaf(now time.Time, names []string, ips []net.IP) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	end := now.Add(leafLife)
	if end.After(a.Cert.NotAfter) {
		end = a.Cert.NotAfter
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: now.Add(-clockSlack), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: names, IPAddresses: ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.Cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.Cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// vouches says whether certificates of the authority can be for that host: an
// authority is constrained, and a leaf outside the constraint fails in every
// client.
func (a *Authority) vouches(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return slices.ContainsFunc(a.Cert.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	return slices.ContainsFunc(a.Cert.PermittedDNSDomains, func(d string) bool {
		return strings.EqualFold(host, d) || strings.HasSuffix(strings.ToLower(host), "."+d)
	})
}

// serial returns a random certificate number of 127 bits.
func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: the runtime would end the process
	b[0] &= 0x7f
	b[15] |= 1 // not zero
	return new(big.Int).SetBytes(b)
}

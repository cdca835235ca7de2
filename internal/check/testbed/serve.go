package testbed

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// Certificate says what is wrong with a server's certificate; the zero value is
// a good one.
type Certificate struct {
	Begins, Ends time.Duration // from now; 0 is an hour ago and in 90 days
	Host         string        // instead of loopback's addresses
	Stranger     bool          // signed by an authority that nobody trusts
}

// Served is a receiver that takes calls, on loopback or on a network in memory.
type Served struct {
	URL   string
	Roots *x509.CertPool // that verify its certificate
	// Dial is the way to it, nil for the machine's network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Serve starts the receiver and stops it when the test ends. network is where it
// listens, nil for the machine's.
func Serve(tb testing.TB, r *Receiver, network *Network, https bool) Served {
	tb.Helper()
	s := network.Server(r)
	served := Served{Roots: x509.NewCertPool()}
	if network != nil {
		served.Dial = network.Dial
	}
	if https {
		authority := newAuthority(tb)
		served.Roots.AddCert(authority.Leaf)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{r.Certificate.Issue(tb, authority)}}
	}
	if r.Server != nil {
		r.Server(s)
	}
	if https {
		s.StartTLS()
	} else {
		s.Start()
	}
	tb.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	served.URL = s.URL + "/"
	return served
}

func newAuthority(tb testing.TB) tls.Certificate {
	tb.Helper()
	return issue(tb, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test bed"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(2, 0, 0),
	}, nil)
}

// Issue makes the certificate.
func (c Certificate) Issue(tb testing.TB, authority tls.Certificate) tls.Certificate {
	tb.Helper()
	if c.Begins == 0 {
		c.Begins = -time.Hour
	}
	if c.Ends == 0 {
		c.Ends = 90 * 24 * time.Hour
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "receiver"}, NotBefore: time.Now().Add(c.Begins), NotAfter: time.Now().Add(c.Ends),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
	}
	if c.Host != "" {
		leaf.DNSNames, leaf.IPAddresses = []string{c.Host}, nil
	}
	if c.Stranger {
		authority = newAuthority(tb)
	}
	return issue(tb, leaf, &authority)
}

func issue(tb testing.TB, cert *x509.Certificate, by *tls.Certificate) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	parent, signer := cert, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

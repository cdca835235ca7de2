//go:build unix

package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	neturl "net/url"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What comes over a new connection before anything was asked is no answer either: the
// call fails, and is not made. A session ticket of TLS is no such thing.
func TestWhatANewConnectionBringsUnaskedIsNoAnswer(t *testing.T) {
	cert := certificate(t, time.Now().Add(time.Hour), "localhost")
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	for _, scheme := range []string{"http", "https"} {
		for said, want := range map[string]string{okAnswer: "the endpoint answered 200 before it was asked", "SSH-2.0-x\r\n": errNoHTTP.Error(), "": ""} {
			arrived := make(chan error, 1)
			addr := serveTCP(t, func(conn net.Conn) {
				if scheme == "https" {
					conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: said != ""}
					conn = tls.Server(conn, conf)
				}
				_, _ = io.WriteString(conn, said)
				_, err := readRequest(bufio.NewReader(conn))
				arrived <- err
				_, _ = io.WriteString(conn, okAnswer)
			})
			u, err := neturl.Parse(strings.Replace(scheme+"://"+addr, "127.0.0.1", "localhost", 1))
			if err != nil {
				t.Fatal(err)
			}
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				late := &lateConn{conn.(*net.TCPConn)}
				if scheme == "http" && said != "" {
					late.await()
				}
				return late, err
			}
			conf := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
			c := NewCaller(NewTarget(TargetConfig{URL: u, Dial: dial, TLS: conf}), 10*time.Second)
			a := c.Do(t.Context(), Call{Body: []byte("{}")})
			if a.Detail != want || (a.Failure == Cut) != (want != "") || a.Sent != (want == "") {
				t.Errorf("%s, %q: %+v", scheme, said, a)
			}
			c.Close()
			if err := <-arrived; (err == nil) != (want == "") {
				t.Errorf("%s, %q: the call: %v", scheme, said, err)
			}
		}
	}
}

// lateConn returns from writing only once something has come back.
type lateConn struct{ *net.TCPConn }

func (l *lateConn) Write(b []byte) (int, error) {
	n, err := l.TCPConn.Write(b)
	l.await()
	return n, err
}

func (l *lateConn) await() {
	for something, err := peek(l.TCPConn); !something && err == nil; something, err = peek(l.TCPConn) {
		runtime.Gosched()
	}
}

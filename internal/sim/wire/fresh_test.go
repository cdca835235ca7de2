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

// What comes over a new connection before anything was asked is not an answer: the call
// fails, and is not made. A session ticket of TLS does no harm.
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
			c := NewConn(NewTarget(TargetConfig{URL: u, Dial: dial, TLS: conf}), 10*time.Second)
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

// An answer that has arrived counts, however late it is read: the deadline is over only
// because nothing ran on this machine.
func TestAnAnswerThatArrivedCountsWhenItIsReadLate(t *testing.T) {
	for _, answers := range []bool{true, false} {
		done := make(chan struct{})
		addr := serveTCP(t, func(conn net.Conn) {
			_, _ = readRequest(bufio.NewReader(conn))
			if answers {
				_, _ = io.WriteString(conn, okAnswer)
			}
			<-done
		})
		u, err := neturl.Parse("http://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return &starvedConn{lateConn{conn.(*net.TCPConn)}, answers}, err
		}
		c := NewConn(NewTarget(TargetConfig{URL: u, Dial: dial}), 10*time.Second)
		a := c.Do(t.Context(), Call{Body: []byte("{}")})
		if answers && a.Status != 200 || !answers && a.Failure != Timeout {
			t.Errorf("answers: %v: %+v", answers, a)
		}
		c.Close()
		close(done)
	}
}

// starvedConn is a connection whose deadline is over once its request is written, and
// the answer, where there is one, has arrived.
type starvedConn struct {
	lateConn
	answered bool
}

func (s *starvedConn) Write(b []byte) (int, error) {
	n, err := s.TCPConn.Write(b)
	if s.answered {
		s.await()
	}
	_ = s.SetReadDeadline(time.Unix(1, 0)) // a failure shows in the read
	return n, err
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

package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxyServer is an HTTP proxy that answers what refuse says, and else passes on.
type proxyServer struct {
	mu     sync.Mutex
	heads  []string // the request lines, with the credentials
	refuse int
}

func (p *proxyServer) serve(conn net.Conn) {
	br := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.heads = append(p.heads, req.Method+" "+req.RequestURI+" "+req.Header.Get("Proxy-Authorization"))
		p.mu.Unlock()
		if p.refuse != 0 {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", p.refuse)
			continue
		}
		to, err := net.Dial("tcp", req.Host)
		if err != nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		if req.Method == http.MethodConnect {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
			go func() { _, _ = io.Copy(to, br); to.Close() }()
			_, _ = io.Copy(conn, to)
			return
		}
		_ = req.Write(to)
		resp, err := http.ReadResponse(bufio.NewReader(to), req)
		if err != nil {
			return
		}
		_ = resp.Write(conn)
		resp.Body.Close()
		to.Close()
	}
}

func throughProxy(t *testing.T, url, proxy string, conf *tls.Config) *Conn {
	t.Helper()
	u, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	pu, err := neturl.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProxy(pu, conf)
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(NewTarget(TargetConfig{URL: u, TLS: conf, Proxy: p, Advice: Advice{Proxy: "with a password"}}), 10*time.Second)
	t.Cleanup(c.Close)
	return c
}

func TestCallsThroughAProxy(t *testing.T) {
	cert := certificate(t, time.Now().Add(time.Hour), "localhost")
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	conf := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	secure := func(conn net.Conn) net.Conn {
		return tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	answer := func(conn net.Conn) {
		br := bufio.NewReader(conn)
		for {
			if _, err := readRequest(br); err != nil {
				return
			}
			_, _ = io.WriteString(conn, okAnswer)
		}
	}
	local := func(addr string) string { return strings.Replace(addr, "127.0.0.1", "localhost", 1) }
	https := local(serveTCP(t, func(conn net.Conn) { answer(secure(conn)) }))
	http := serveTCP(t, answer)
	for _, tc := range []struct{ name, url, userinfo, scheme, want string }{
		{"https", "https://" + https + "/a?b=c", "", "http", "CONNECT " + https + " "},
		{"http", "http://" + http + "/a?b=c", "", "http", "POST http://" + http + "/a?b=c "},
		{"https with credentials", "https://" + https, "u:p%40ss@", "http", "CONNECT " + https + " Basic dTpwQHNz"},
		{"http with credentials", "http://" + http + "/", "u:p%40ss@", "http", "POST http://" + http + "/ Basic dTpwQHNz"},
		{"https through an https proxy", "https://" + https, "", "https", "CONNECT " + https + " "},
		{"http through an https proxy", "http://" + http + "/", "", "https", "POST http://" + http + "/ "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &proxyServer{}
			at := local(serveTCP(t, func(conn net.Conn) {
				if tc.scheme == "https" {
					conn = secure(conn)
				}
				p.serve(conn)
			}))
			c := throughProxy(t, tc.url, tc.scheme+"://"+tc.userinfo+at, conf)
			for i := range 3 {
				if a := c.Do(t.Context(), Call{Body: []byte("{}")}); a.Status != 200 || a.Reused != (i > 0) {
					t.Errorf("%+v", a)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.heads) == 0 || p.heads[0] != tc.want {
				t.Errorf("the proxy got %q, want %q", p.heads, tc.want)
			}
		})
	}
}

// What a proxy says is told as the proxy's, and never with its password.
func TestWhatAProxyRefuses(t *testing.T) {
	gone := serveTCP(t, func(net.Conn) {})
	for refuse, want := range map[int]string{
		407: "does not take the credentials (407) (with a password)",
		401: "does not take the credentials (401) (with a password)",
		403: "makes no connection to the endpoint: it answered 403 Forbidden",
		502: "makes no connection to the endpoint: it answered 502 Bad Gateway",
	} {
		p := &proxyServer{refuse: refuse}
		at := serveTCP(t, p.serve)
		for _, url := range []string{"https://" + gone, "http://" + gone} {
			a := throughProxy(t, url, "http://u:hunter2@"+at, nil).Do(t.Context(), Call{Body: []byte("{}")})
			if strings.HasPrefix(url, "http:") && refuse != 407 { // it could as well be the endpoint's
				if a.Status != refuse {
					t.Errorf("%+v", a)
				}
				continue
			}
			if a.Failure != Connect || a.Status != 0 || a.Detail != "the proxy "+at+" "+want {
				t.Errorf("%s, %d: %+v", url, refuse, a)
			}
		}
	}
	const vacant = "127.0.0.1:1" // who asks for a free port gets no number below 1024
	hangup := serveTCP(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
	for proxy, want := range map[string]string{vacant: "connection refused", hangup: "", gone: ""} {
		a := throughProxy(t, "https://relay.test", "http://u:hunter2@"+proxy, nil).Do(t.Context(), Call{Body: []byte("{}")})
		if a.Failure != Connect || !strings.HasPrefix(a.Detail, "the proxy "+proxy+": ") || !strings.Contains(a.Detail, want) {
			t.Errorf("%+v", a)
		}
	}
}

func TestAProxyThatHangs(t *testing.T) {
	at := serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	c := throughProxy(t, "https://relay.test", "http://"+at, nil)
	if a := c.Do(t.Context(), Call{Timeout: 20 * time.Millisecond}); a.Failure != Timeout {
		t.Errorf("%+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if a := c.Do(ctx, Call{Timeout: time.Hour}); a.Failure != Interrupted {
		t.Errorf("%+v", a)
	}
}

func TestClientCertificates(t *testing.T) {
	cert, mine := certificate(t, time.Now().Add(time.Hour), "localhost"), certificate(t, time.Now().Add(time.Hour), "client")
	trusted, clients := x509.NewCertPool(), x509.NewCertPool()
	trusted.AddCert(cert.Leaf)
	clients.AddCert(mine.Leaf)
	addr := serveTCP(t, func(conn net.Conn) {
		secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12})
		br := bufio.NewReader(secure)
		if _, err := readRequest(br); err == nil {
			_, _ = io.WriteString(secure, okAnswer)
		}
	})
	for _, max := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conf := &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12, MaxVersion: max, ServerName: "localhost"}
		c := func() *Conn {
			u, _ := neturl.Parse("https://" + addr)
			c := NewConn(NewTarget(TargetConfig{URL: u, TLS: conf, Advice: Advice{ClientCert: "show one"}}), 10*time.Second)
			t.Cleanup(c.Close)
			return c
		}
		// TLS 1.2 has no alert of its own for it.
		if a := c().Do(t.Context(), Call{}); a.Failure != TLS || max == tls.VersionTLS13 && a.Detail != "the endpoint asks for a certificate of the client (show one)" {
			t.Errorf("%s without a certificate: %+v", tls.VersionName(max), a)
		}
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }
		if a := c().Do(t.Context(), Call{}); a.Status != 200 {
			t.Errorf("%s with a certificate: %+v", tls.VersionName(max), a)
		}
	}
}

func TestAnEndpointOfHTTP2IsNamed(t *testing.T) {
	cert := certificate(t, time.Now().Add(time.Hour), "localhost")
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	settings := "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"
	plain := serveTCP(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, settings)
		_, _ = io.Copy(io.Discard, conn)
	})
	secure := serveTCP(t, func(conn net.Conn) {
		conf := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h3"}, MinVersion: tls.VersionTLS12}
		_ = tls.Server(conn, conf).Handshake()
	})
	for url, want := range map[string]Result{
		"http://" + plain: {Failure: Cut, Detail: "the endpoint speaks only HTTP/2; it is called with HTTP/1.1"},
		"https://" + strings.Replace(secure, "127.0.0.1", "localhost", 1): {Failure: TLS,
			Detail: "the endpoint does not take HTTP/1.1 over TLS, by which it is called; it takes only another protocol, such as HTTP/2"},
	} {
		if a := connTo(t, url, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}).Do(t.Context(), Call{}); a.Failure != want.Failure || a.Detail != want.Detail {
			t.Errorf("%s: %+v", url, a)
		}
	}
}

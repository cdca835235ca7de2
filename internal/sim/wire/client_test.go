package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relayctl/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serveTCP answers each connection of a loopback listener with handle and
// returns the address.
func serveTCP(t *testing.T, handle func(conn net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

func connTo(t *testing.T, url string, conf *tls.Config) *Conn {
	t.Helper()
	u, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(NewTarget(TargetConfig{URL: u, TLS: conf, Advice: Advice{UnknownCA: "--cacert trusts one"}}), 10*time.Second)
	t.Cleanup(c.Close)
	return c
}

func readRequest(br *bufio.Reader) (string, error) {
	req, err := http.ReadRequest(br)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(req.Body)
	return string(body), err
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

func TestAConnectionIsKept(t *testing.T) {
	var conns atomic.Int64
	addr := serveTCP(t, func(conn net.Conn) {
		conns.Add(1)
		br := bufio.NewReader(conn)
		for {
			if _, err := readRequest(br); err != nil {
				return
			}
			_, _ = io.WriteString(conn, okAnswer)
		}
	})
	c := connTo(t, "http://"+addr, nil)
	for i := range 100 {
		if a := c.Do(t.Context(), Call{Body: []byte("{}")}); a.Status != 200 || a.Reused != (i > 0) {
			t.Fatalf("call %d: %+v", i, a)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// Every name of this machine is one, whatever the resolver knows.
func TestLoopbackByItsNames(t *testing.T) {
	addr := serveTCP(t, func(conn net.Conn) {
		if _, err := readRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, okAnswer)
		}
	})
	_, port, _ := net.SplitHostPort(addr)
	for _, host := range []string{"LOCALHOST", "localhost.", "127.1", "app.localhost"} {
		if a := connTo(t, "http://"+host+":"+port, nil).Do(t.Context(), Call{Body: []byte("{}")}); a.Status != 200 {
			t.Errorf("%s: %+v", host, a)
		}
	}
}

// An endpoint that closes idle connections, with or without a word before, has
// not lost a call.
func TestAConnectionThatTheEndpointClosedIsReplaced(t *testing.T) {
	for name, farewell := range map[string]string{"silent": "", "with an answer": "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan struct{}, 100)
			addr := serveTCP(t, func(conn net.Conn) {
				defer func() { closed <- struct{}{} }()
				if _, err := readRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.WriteString(conn, okAnswer+farewell)
				}
				conn.Close()
			})
			c := connTo(t, "http://"+addr, nil)
			for i := range 5 {
				if a := c.Do(t.Context(), Call{Body: []byte("{}")}); a.Status != 200 {
					t.Fatalf("call %d: %+v", i, a)
				}
				<-closed
			}
		})
	}
}

// An answer that comes before it was asked for is not the answer of the next
// call, however it comes: with the last answer or after it, also over TLS, where
// it may have been received and not decrypted yet.
func TestAnAnswerThatWasNotAskedForIsNotUsed(t *testing.T) {
	cert := certificate(t, time.Now().Add(time.Hour), "localhost")
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	const refusal = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
	for name, send := range map[string]func(conn net.Conn, flush func()){
		"with the last answer": func(conn net.Conn, flush func()) { _, _ = io.WriteString(conn, refusal+okAnswer); flush() },
		"in a record of its own": func(conn net.Conn, flush func()) {
			_, _ = io.WriteString(conn, refusal)
			_, _ = io.WriteString(conn, okAnswer)
			flush()
		},
		"a moment later": func(conn net.Conn, flush func()) {
			_, _ = io.WriteString(conn, refusal)
			flush()
			_, _ = io.WriteString(conn, okAnswer)
			flush()
		},
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(scheme+" "+name, func(t *testing.T) {
				sent := make(chan struct{}, 100)
				addr := serveTCP(t, func(raw net.Conn) {
					held := &holding{Conn: raw}
					conn := net.Conn(held)
					if scheme == "https" {
						conn = tls.Server(held, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
						held.flush = true // the handshake
					}
					br := bufio.NewReader(conn)
					for {
						if _, err := readRequest(br); err != nil {
							return
						}
						held.flush = false
						send(conn, held.release)
						sent <- struct{}{}
					}
				})
				c := connTo(t, strings.Replace(scheme+"://"+addr, "127.0.0.1", "localhost", 1), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
				for i := range 70 {
					if a := c.Do(t.Context(), Call{Body: []byte("{}")}); a.Status != 500 {
						t.Fatalf("call %d: %+v", i, a)
					}
					<-sent
				}
			})
		}
	}
}

// holding holds back what is written until it is released, as one segment.
type holding struct {
	net.Conn
	held  []byte
	flush bool
}

func (h *holding) Write(b []byte) (int, error) {
	h.held = append(h.held, b...)
	if h.flush {
		h.release()
	}
	return len(b), nil
}

func (h *holding) release() {
	_, _ = h.Conn.Write(h.held)
	h.held = nil
}

// A connection that was made ahead is used, also where TLS says something after
// the handshake.
func TestAPreparedConnectionIsUsed(t *testing.T) {
	var conns atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	// A server that asks for a certificate sends its ticket after the client's last word.
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13}
	srv.StartTLS()
	defer srv.Close()
	c := connTo(t, srv.URL, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	c.client.Prepare(t.Context(), time.Second)
	secure := c.client.conn.(*tls.Conn)
	for begin := time.Now(); quiet(secure.NetConn()) && time.Since(begin) < time.Second; {
		runtime.Gosched() // until the session ticket is there
	}
	if a := c.Do(t.Context(), Call{Body: []byte("{}")}); a.Status != 200 || conns.Load() != 1 {
		t.Errorf("%+v over %d connections", a, conns.Load())
	}
}

// A call whose connection ends before the answer may have been taken: it is
// never made again in silence.
func TestACallThatMayHaveArrivedIsNotRepeated(t *testing.T) {
	var mu sync.Mutex
	var got []string
	addr := serveTCP(t, func(conn net.Conn) {
		br := bufio.NewReader(conn)
		for i := range 2 {
			body, err := readRequest(br)
			if err != nil {
				return
			}
			mu.Lock()
			got = append(got, body)
			mu.Unlock()
			if i == 0 {
				_, _ = io.WriteString(conn, okAnswer)
			}
		}
	})
	c := connTo(t, "http://"+addr, nil)
	first, second := c.Do(t.Context(), Call{Body: []byte("1")}), c.Do(t.Context(), Call{Body: []byte("2")})
	mu.Lock()
	defer mu.Unlock()
	if first.Status != 200 || second.Failure != Cut || !second.Reused || strings.Join(got, " ") != "1 2" {
		t.Errorf("%+v %+v, arrived %v", first, second, got)
	}
}

func TestAnAnswerBeforeTheBodyWasRead(t *testing.T) {
	answered := make(chan struct{})
	addr := serveTCP(t, func(conn net.Conn) {
		br := bufio.NewReader(conn)
		for { // the head only
			line, err := br.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
		<-answered // the connection stays open, and nobody reads on
	})
	c := connTo(t, "http://"+addr, nil)
	if a := c.Do(t.Context(), Call{Body: bytes.Repeat([]byte("x"), 32<<20)}); a.Status != 413 {
		t.Errorf("%+v", a)
	}
	close(answered)
}

func TestALargeBodyArrivesWhole(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n != 8<<20 {
			w.WriteHeader(500)
		}
	}))
	defer srv.Close()
	c := connTo(t, srv.URL, nil)
	for i := range 3 {
		if a := c.Do(t.Context(), Call{Body: bytes.Repeat([]byte("x"), 8<<20)}); a.Status != 200 || a.Reused != (i > 0) {
			t.Fatalf("%+v", a)
		}
	}
}

func TestADroppedAnswerLeavesTheWholeBodyBehind(t *testing.T) {
	bodies, resumed := make(chan string, 2), make(chan bool, 2)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- string(b)
		resumed <- r.TLS.DidResume
	}))
	defer srv.Close()
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	c := connTo(t, srv.URL, &tls.Config{RootCAs: pool})
	a := c.Do(t.Context(), Call{Body: []byte(`{"event_id":"1"}`), DropAnswer: true})
	if a.Status != 200 || <-bodies != `{"event_id":"1"}` || <-resumed {
		t.Errorf("%+v", a)
	}
	if a = c.Do(t.Context(), Call{Body: []byte("{}")}); a.Reused || !<-resumed {
		t.Errorf("the next call goes over a new connection with the old session: %+v", a)
	}
}

func TestABodyComesInPieces(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, seen := make([]byte, 100), ""
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				seen += string(b[:n]) + "|"
			}
			if err != nil {
				break
			}
		}
		_, _ = io.WriteString(w, seen)
	}))
	defer srv.Close()
	c := connTo(t, srv.URL, nil)
	for i, call := range []Call{{Body: []byte("abcdef"), Cuts: []int{1, 4}, KeepBody: 100}, {Body: []byte("abcdef"), KeepBody: 100}} {
		want := []string{"a|bcd|ef|", "abcdef|"}[i]
		if a := c.Do(t.Context(), call); a.Status != 200 || string(a.Body) != want || a.Reused != (i > 0) {
			t.Errorf("%q, want %q: %+v", a.Body, want, a)
		}
	}
}

func TestACallInEveryDetail(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Saw"] = []string{r.Method + " " + r.Header.Get("Content-Type") + " " + r.Header.Get("ApiKey") + " " + r.Header.Get("X-Own")}
		w.WriteHeader(404)
		_, _ = io.WriteString(w, "a long text")
	}))
	defer srv.Close()
	c := connTo(t, srv.URL, nil)
	a := c.Do(t.Context(), Call{
		Method: "GET", ContentType: "text/plain", Headers: []auth.Header{{Name: "X-Own", Value: "o"}},
		Signed: []auth.Header{{Name: "ApiKey", Value: "k"}}, KeepBody: 6, Details: true,
	})
	if a.Status != 404 || a.Header.Get("X-Saw") != "GET text/plain k o" || string(a.Body) != "a long" {
		t.Errorf("%+v %s", a, a.Body)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := c.Do(ctx, Call{}); a.Failure != Interrupted {
		t.Errorf("%+v", a)
	}
}

// What an endpoint says to a call that it does not accept is kept; of an answer that
// accepts nothing is.
func TestTheBodyOfAFailureIsKept(t *testing.T) {
	var status atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(status.Load()))
		_, _ = io.WriteString(w, "no such table")
	}))
	defer srv.Close()
	c := connTo(t, srv.URL, nil)
	for code, want := range map[int]string{200: "", 201: "", 302: "no such", 400: "no such", 503: "no such"} {
		status.Store(int32(code))
		if a := c.Do(t.Context(), Call{KeepFailed: 7}); a.Status != code || string(a.Body) != want || !a.Sent {
			t.Errorf("%d: %q of %+v", code, a.Body, a)
		}
	}
	srv.Close()
	if a := c.Do(t.Context(), Call{KeepFailed: 7}); a.Sent || a.Failure != Connect {
		t.Errorf("without an endpoint: %+v", a)
	}
}

// certificate makes a self-signed one for 127.0.0.1.
func certificate(t *testing.T, until time.Time, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	conf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until}
	if ip := net.ParseIP(host); ip != nil {
		conf.IPAddresses = []net.IP{ip}
	} else {
		conf.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, conf, conf, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestFailuresAreTold(t *testing.T) {
	secure := func(cert tls.Certificate, conf *tls.Config) string {
		conf.Certificates = []tls.Certificate{cert}
		return "https://" + serveTCP(t, func(conn net.Conn) {
			_ = tls.Server(conn, conf).Handshake()
		})
	}
	good := certificate(t, time.Now().Add(time.Hour), "127.0.0.1")
	expired := certificate(t, time.Now().Add(-time.Hour), "127.0.0.1")
	other := certificate(t, time.Now().Add(time.Hour), "elsewhere.test")
	pool := x509.NewCertPool()
	for _, c := range []tls.Certificate{good, expired, other} {
		pool.AddCert(c.Leaf)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	plain := serveTCP(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") })
	hangup := serveTCP(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
	for _, tt := range []struct {
		name, url string
		conf      *tls.Config
		want      Failure
		detail    string
	}{
		{"refused", "http://" + gone.Addr().String(), nil, Connect, "refused"},
		{"unknown authority", secure(good, &tls.Config{}), nil, TLS, "--cacert"},
		{"expired", secure(expired, &tls.Config{}), &tls.Config{RootCAs: pool}, TLS, "valid from"},
		{"another name", secure(other, &tls.Config{}), &tls.Config{RootCAs: pool}, TLS, "the certificate is not for 127.0.0.1, only for elsewhere.test"},
		{"old TLS", secure(good, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10}, TLS, "protocol version"},
		{"no TLS", "https://" + plain, nil, TLS, "does not speak TLS on this port (did you mean http://" + plain + "/?)"},
		{"gone in the handshake", "https://" + hangup, nil, Connect, "handshake"},
		{"cut", "http://" + hangup, nil, Cut, ""},
		{"no HTTP", "http://" + serveTCP(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-x\r\n") }), nil, Cut, ""},
	} {
		if a := connTo(t, tt.url, tt.conf).Do(t.Context(), Call{Body: []byte("{}")}); a.Failure != tt.want || !strings.Contains(a.Detail, tt.detail) {
			t.Errorf("%s: %s (%s)", tt.name, a.Failure, a.Detail)
		}
	}
}

// A body whose end nobody tells has none; the status was told all the same.
func TestAnAnswerWithoutAnEndIsTold(t *testing.T) {
	hold := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		if req.Method == http.MethodPut {
			return
		}
		_ = http.NewResponseController(w).Flush() // the client may be gone
		<-hold
	}))
	defer srv.Close()
	defer close(hold)
	c := connTo(t, srv.URL, nil)
	if a := c.Do(t.Context(), Call{Method: http.MethodPut, KeepBody: 1}); a.Endless {
		t.Errorf("%+v", a)
	}
	if a := c.Do(t.Context(), Call{KeepBody: 1, Timeout: 50 * time.Millisecond}); a.Status != 401 || a.Failure != NoFailure || !a.Endless {
		t.Errorf("%+v", a)
	}
}

func TestAHangingEndpointTimesOut(t *testing.T) {
	addr := serveTCP(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	c := connTo(t, "http://"+addr, nil)
	if a := c.Do(t.Context(), Call{Body: []byte("{}"), Timeout: 20 * time.Millisecond}); a.Failure != Timeout {
		t.Errorf("%+v", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if a := c.Do(ctx, Call{Body: []byte("{}"), Timeout: time.Hour}); a.Failure != Interrupted {
		t.Errorf("%+v", a)
	}
}

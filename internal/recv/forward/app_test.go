package forward

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// appOf makes the app at a URL.
func appOf(t *testing.T, url string, opt Options) *Apps {
	t.Helper()
	to, err := ParseRoute(url)
	if err != nil {
		t.Fatal(err)
	}
	opt.Notice = t.Logf
	apps := New([]Route{to}, opt)
	t.Cleanup(apps.Close)
	return apps
}

func pass(apps *Apps, header ...string) (Reply, error) {
	req := httptest.NewRequest(http.MethodPost, "/", nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return apps.Pass(apps.Route("message.delivered"), req, []byte("{}"), of("1"))
}

// closing is an app that answers as many requests of a connection as its number
// says, and closes it when the next one has come.
func closing(t *testing.T, answers ...int) (url string, got *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got = new(atomic.Int64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			most := answers[min(i, len(answers)-1)]
			wg.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for n := 0; ; n++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, req.Body)
					got.Add(1)
					if n == most {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return "http://" + l.Addr().String(), got
}

// A connection that the app closed while it was idle costs no answer.
func TestReusedConnectionThatDiesIsTriedOnceMore(t *testing.T) {
	url, got := closing(t, 1)
	apps := appOf(t, url, Options{})
	for i := range 20 {
		if a, err := pass(apps); err != nil || a.Status != 200 {
			t.Errorf("request %d: %+v, %v", i, a, err)
		}
	}
	if got.Load() > 40 {
		t.Errorf("the app got %d requests", got.Load())
	}
}

// On a fresh connection a hang-up is the app's failure: it may have done something.
func TestFreshConnectionThatDiesIsNotTriedAgain(t *testing.T) {
	for _, tt := range []struct {
		answers []int // of each connection
		want    int64 // requests
	}{{[]int{0}, 1}, {[]int{1, 0}, 3}} {
		url, got := closing(t, tt.answers...)
		apps := appOf(t, url, Options{Keep: 100})
		for range tt.answers {
			if a, err := pass(apps); err != nil && (a.Record == nil || a.Record.Error != "it closed the connection without an answer") {
				t.Errorf("%+v, %v", a.Record, err)
			}
		}
		if got.Load() != tt.want {
			t.Errorf("%v: the app got %d requests, want %d", tt.answers, got.Load(), tt.want)
		}
	}
}

// lateConn is a connection on which the answer arrives as it is closed.
type lateConn struct{ net.Conn }

func (c lateConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, net.ErrClosed) {
		return copy(p, "HTTP/1.1 200 OK\r\n\r\n"), nil
	}
	return n, err
}

// An answer that begins while its request is given up does not race with that.
func TestAnswerThatBeginsTooLate(t *testing.T) {
	asked, ended := make(chan struct{}, 1), make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			asked <- struct{}{}
			<-ended
		}
	}))
	defer app.Close()
	defer close(ended)
	a := appOf(t, app.URL, Options{}).apps[0]
	a.keeping.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return lateConn{c}, err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, path := range []string{"/", "/slow"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, app.URL+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if path == "/slow" {
			go func() { <-asked; cancel() }()
		}
		switch resp, err := a.call(req); {
		case path == "/" && err != nil:
			t.Fatal(err)
		case err == nil:
			_ = resp.Body.Close()
		case !errors.Is(err, context.Canceled):
			t.Error(err)
		}
	}
}

// What people paste may have blanks in it; the request line is sound all the same.
func TestTargetIsEscaped(t *testing.T) {
	target := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { target <- r.RequestURI }))
	t.Cleanup(srv.Close)
	apps := appOf(t, srv.URL+"/a b?q=a b&p=\"\u00e9\"", Options{})
	if a, err := pass(apps); err != nil || a.Status != 200 {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, want := <-target, "/a%20b?q=a%20b&p=%22%C3%A9%22"; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

// The record has what a person needs, but no secret of the request, in whatever form
// the app echoes it.
func TestAnswerIsKeptWithoutSecrets(t *testing.T) {
	const basic, added = "u:p4ssw&rd", "t0ken/x"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=hush")
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "Traceback\n"+r.Header.Get("Authorization")+" p4ssw&rd p4ssw%26rd "+r.Header.Get("X-Added")+" t0ken%2Fx "+
			base64.StdEncoding.EncodeToString([]byte(added))+strings.Repeat(".", 1000))
	}))
	t.Cleanup(srv.Close)
	apps := appOf(t, srv.URL+"/hook?token=hush", Options{Keep: 500, Header: http.Header{"X-Added": {added}}})
	a, err := pass(apps, "Authorization", "basic "+base64.StdEncoding.EncodeToString([]byte(basic)))
	if err != nil || a.Status != 500 {
		t.Fatalf("%+v, %v", a, err)
	}
	line := string(a.Record.Append(nil))
	for _, secret := range []string{"hush", "p4ssw", "t0ken", base64.StdEncoding.EncodeToString([]byte(basic)), base64.StdEncoding.EncodeToString([]byte(added))} {
		if strings.Contains(line, secret) {
			t.Errorf("%s stands in %s", secret, line)
		}
	}
	if r := a.Record; r.Said() != "Traceback" || !r.Truncated || r.Status != 500 || r.Latency <= 0 || r.URL != srv.URL+"/hook?token=[redacted]" {
		t.Errorf("record %+v", r)
	}
}

// A body is cut where it is kept, but not within a secret.
func TestNoHalfOfASecretIsKept(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "it is hunter2-of-the-run") }))
	t.Cleanup(srv.Close)
	apps := appOf(t, srv.URL, Options{Keep: 15, Mask: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("hunter2-of-the-run"), []byte("[redacted]")) }})
	if a, err := pass(apps); err != nil || string(a.Record.Body) != "it is [redacted"[:15] {
		t.Errorf("%s, %v", a.Record.Body, err)
	}
}

// On loopback any certificate is taken, unless an authority is named.
// What a proxy answers in place of the app does not count as the app's answer.
func TestWhatAProxyRefusesIsNotTheApps(t *testing.T) {
	for _, status := range []int{407, 403, 401} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(proxy.Close)
		at, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		opt := Options{Proxy: http.ProxyURL(at)}
		for _, app := range []string{"https://app.example", "http://app.example"} {
			reply, err := pass(appOf(t, app, opt))
			if status != 407 && app == "http://app.example" { // it could as well be the app's
				if err != nil || reply.Status != status {
					t.Errorf("%s, %d: %+v, %v", app, status, reply, err)
				}
				continue
			}
			if err == nil || !strings.HasPrefix(err.Error(), "the proxy "+at.Host+" ") || !strings.Contains(err.Error(), strconv.Itoa(status)) {
				t.Errorf("%s, %d: %+v, %v", app, status, reply, err)
			}
		}
		proxy.Close()
		if _, err := pass(appOf(t, "https://app.example", opt)); err == nil || !strings.HasPrefix(err.Error(), "the proxy: ") {
			t.Errorf("no proxy: %v", err)
		}
	}
}

func TestWhichCertificatesAreTrusted(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(srv.Close)
	own, other := x509.NewCertPool(), x509.NewCertPool()
	own.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}))
	for i, tt := range []struct {
		opt Options
		ok  bool
	}{{Options{}, true}, {Options{RootCAs: own}, true}, {Options{RootCAs: other}, false}, {Options{RootCAs: other, Insecure: true}, true}} {
		if _, err := pass(appOf(t, srv.URL, tt.opt)); (err == nil) != tt.ok {
			t.Errorf("%d: %v", i, err)
		}
	}
	for url, trusted := range map[string]bool{"https://127.0.0.1": true, "https://localhost": true, "https://192.0.2.1": false, "https://app.example": false} {
		apps := appOf(t, url, Options{})
		if got := apps.apps[0].keeping.TLSClientConfig.InsecureSkipVerify; got != trusted {
			t.Errorf("%s: unchecked %v", url, got)
		}
	}
}

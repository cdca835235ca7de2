package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tell answers with what it was asked.
func tell(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s := see(r)
	s.Header = r.Header.Clone()
	switch r.URL.Path {
	case "/fault":
		panic("a fault")
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/none":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/close":
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-B", "c")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]any{"head": s, "body": string(body), "err": err != nil, "tls": r.TLS != nil})
}

type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start serves until the test ends; the configuration's zero values are
// filled in.
func start(t *testing.T, cfg Config) (*Server, *logged) {
	t.Helper()
	return startOn(t, listen(t), cfg)
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startOn(t *testing.T, l net.Listener, cfg Config) (*Server, *logged) {
	t.Helper()
	return startWith(t, l, cfg, func(*Server) {})
}

// startWith lets the test change the server before it serves.
func startWith(t *testing.T, l net.Listener, cfg Config, change func(*Server)) (*Server, *logged) {
	t.Helper()
	if cfg.Handler == nil {
		cfg.Handler = http.HandlerFunc(tell)
	}
	for _, d := range []*time.Duration{&cfg.HeaderTimeout, &cfg.ReadTimeout, &cfg.WriteTimeout, &cfg.IdleTimeout, &cfg.FreshTimeout} {
		if *d == 0 {
			*d = 20 * time.Second
		}
	}
	cfg.ShortBody, cfg.MaxConns, cfg.MaxHeaderBytes = 64<<10, 100, 64<<10
	out := &logged{}
	cfg.ErrorLog = log.New(out, "", 0)
	s := New(l, cfg)
	change(s)
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		s.conns.running.Wait()
	})
	return s, out
}

func dial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// said writes the parts, reads all that comes until the other end closes, and
// gives it in a form in which answers can be compared.
func said(t *testing.T, c net.Conn, parts ...string) string { return talk(t, c, false, parts) }

// talk is said, and where ends is set it tells the other end that it has no
// more to say.
func talk(t *testing.T, c net.Conn, ends bool, parts []string) string {
	t.Helper()
	go func() {
		for _, p := range parts {
			_, _ = io.WriteString(c, p)
			time.Sleep(time.Millisecond) // so that they likely arrive in parts: it is right in any case
		}
		if ends {
			_ = closeWrite(c)
		}
	}()
	var out strings.Builder
	r := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return out.String()
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Header.Del("Date")
		resp.Header.Del("Content-Length") // or it is chunked: the body tells
		fmt.Fprintln(&out, resp.Proto, resp.Status, resp.Close, resp.Header, string(body))
	}
}

const lastCall = "POST /close HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"

// Whatever is asked, and in whatever parts it arrives, the answers are those
// that net/http would give.
func TestAnswersAreThoseOfNetHTTP(t *testing.T) {
	model := httptest.NewUnstartedServer(http.HandlerFunc(tell))
	model.Config.MaxHeaderBytes = 64 << 10
	model.Config.ErrorLog = log.New(io.Discard, "", 0)
	model.Start()
	defer model.Close()
	s, _ := start(t, Config{})
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	large := strings.Repeat("x", 70<<10)
	calls := map[string][]string{
		"in a row":          {post("/1", "a"), post("/2", "bc"), post("/3", ""), lastCall},
		"pipelined":         {post("/1", "a") + post("/2", "bc") + post("/3", "") + lastCall},
		"a head in parts":   {"P", "OST /1 HT", "TP/1.1\r\nHost: x\r\nContent-Length: 3\r", "\n\r", "\nabc" + lastCall},
		"a body in parts":   {"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n", "ab", "cd", "ef", lastCall},
		"no content":        {post("/none", "abc"), lastCall},
		"unread body":       {post("/none", large[:60<<10]), post("/1", "a"), lastCall},
		"then GET":          {post("/1", "a") + "GET /2 HTTP/1.1\r\nHost: x\r\n\r\n" + post("/3", "c") + lastCall},
		"then chunked":      {post("/1", "a"), "POST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", lastCall},
		"then close":        {post("/1", "a"), "POST /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"},
		"HTTP/1.0":          {"POST /2 HTTP/1.0\r\nContent-Length: 1\r\n\r\na"},
		"a long head":       {"POST /1 HTTP/1.1\r\nHost: x\r\nX-A: " + large[:10000] + "\r\nContent-Length: 1\r\n\r\na" + lastCall},
		"a head too long":   {"POST /1 HTTP/1.1\r\nHost: x\r\nX-A: " + large + "\r\nContent-Length: 1\r\n\r\na" + lastCall},
		"a long body":       {post("/1", large), post("/2", "b"), lastCall},
		"a fault":           {post("/1", "a"), post("/fault", "a"), lastCall},
		"an abort":          {post("/1", "a"), post("/abort", "a"), lastCall},
		"at the buffer end": {post("/1", large[:headBuffer-60]) + post("/2", large[:headBuffer-40]) + lastCall},
		"bare line feeds":   {post("/1", "a"), "POST /2 HTTP/1.1\nHost: x\nContent-Length: 1\n\na"},
		"a bare line feed":  {"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\na"},
		"another":           {"POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\n\r\na"},
		"garbage":           {post("/1", "a") + "\x00garbage\r\n\r\n" + post("/2", "a")},
	}
	plain, other := heads()
	for _, h := range append(plain, other...) {
		calls[h] = []string{h + "hello, world" + lastCall}
	}
	for name, parts := range calls {
		want := talk(t, dial(t, model.Listener.Addr()), true, parts)
		// The same, arriving at once and torn elsewhere.
		all := strings.Join(parts, "")
		for _, way := range [][]string{parts, {all}, {all[:len(all)/3], all[len(all)/3:]}} {
			if got := talk(t, dial(t, s.Addr()), true, way); got != want {
				t.Errorf("%s:\n%s", name, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
				break
			}
		}
	}
}

func tlsConfig(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	model := httptest.NewUnstartedServer(nil)
	model.EnableHTTP2 = true
	model.StartTLS()
	defer model.Close()
	client = model.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	server = model.TLS.Clone()
	server.NextProtos = []string{"h2", "http/1.1"}
	return server, client
}

func TestTLS(t *testing.T) {
	server, client := tlsConfig(t)
	s, out := start(t, Config{TLS: server})
	for _, protocol := range []string{"h2", "http/1.1", ""} {
		config := client.Clone()
		config.NextProtos = nil
		if protocol != "" {
			config.NextProtos = []string{protocol}
		}
		tr := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: protocol == "h2"}
		for _, method := range []string{"POST", "POST", "GET", "POST"} {
			req, err := http.NewRequest(method, "https://"+s.Addr().String()+"/hook", strings.NewReader("abc"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 202 || !strings.Contains(string(body), `"tls":true`) || (resp.ProtoMajor == 2) != (protocol == "h2") {
				t.Errorf("%s by %q: %s %s %s", method, protocol, resp.Proto, resp.Status, body)
			}
		}
		tr.CloseIdleConnections()
	}
	c := dial(t, s.Addr())
	if got := said(t, c, "POST / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.Contains(got, "400") || !strings.Contains(got, "https://") {
		t.Errorf("in clear: %q", got)
	}
	if !strings.Contains(out.String(), "client sent an HTTP request to an HTTPS server") {
		t.Errorf("logged %q", out)
	}
	if got := said(t, dial(t, s.Addr()), "\x00\x01garbage garbage"); got != "" {
		t.Errorf("garbage: %q", got)
	}
}

func TestFaultIsLogged(t *testing.T) {
	s, out := start(t, Config{})
	said(t, dial(t, s.Addr()), "POST /fault HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	if !strings.HasPrefix(out.String(), "http: panic serving 127.0.0.1:") || !strings.Contains(out.String(), "a fault") {
		t.Errorf("logged %q", out)
	}
}

// What a handler notes in a request, such as its form, is not there in the next.
func TestRequestIsNew(t *testing.T) {
	s, _ := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.PostFormValue("a"))
	})})
	c := dial(t, s.Addr())
	r := bufio.NewReader(c)
	for _, want := range []string{"1", "2", "3"} {
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=%s", want)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(resp.Body); string(got) != want {
			t.Errorf("the form says %q, not %q", got, want)
		}
	}
}

// Each timeout ends a connection that the others would leave open.
func TestTimeouts(t *testing.T) {
	const soon = 50 * time.Millisecond
	for name, c := range map[string]struct {
		cfg  Config
		said string
		want string
	}{
		"nothing":         {Config{HeaderTimeout: soon}, "", ""},
		"half a head":     {Config{HeaderTimeout: soon}, "POST / HTTP", ""},
		"half a body":     {Config{ReadTimeout: soon}, "POST /close HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", "202"},
		"idle":            {Config{IdleTimeout: soon}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "202"},
		"idle at net":     {Config{IdleTimeout: soon}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "202"},
		"half a new head": {Config{HeaderTimeout: soon}, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nPOST", "202"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, c.cfg)
			got := said(t, dial(t, s.Addr()), c.said)
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("answered %q", got)
			}
		})
	}
}

// A request under way is answered, a connection that is idle or fresh is closed.
func TestShutdown(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, _ := start(t, Config{FreshTimeout: time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-release
		}
	})})
	call := func(method, path string) net.Conn {
		c := dial(t, s.Addr())
		fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", method, path)
		return c
	}
	fresh := dial(t, s.Addr())
	var idle, slow []net.Conn
	for _, method := range []string{"POST", "GET"} {
		c := call(method, "/")
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		idle = append(idle, c)
		slow = append(slow, call(method, "/slow"))
		<-entered
	}
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	for _, c := range append(idle, fresh) {
		if got := said(t, c); got != "" {
			t.Errorf("a silent connection was told %q", got)
		}
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(release)
	for _, c := range slow {
		if got := said(t, c); !strings.Contains(got, "200 OK true") {
			t.Errorf("a request under way was answered %q", got)
		}
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestShutdownGivesUp(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s, _ := start(t, Config{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})})
	defer close(release)
	fmt.Fprint(dial(t, s.Addr()), lastCall)
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
}

// scarce is a listener that fails a few times.
type scarce struct {
	net.Listener
	fails int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.fails > 0 {
		s.fails--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.Listener.Accept()
}

func TestAcceptGoesOn(t *testing.T) {
	s, out := startOn(t, &scarce{listen(t), 2}, Config{})
	if got := said(t, dial(t, s.Addr()), lastCall); !strings.Contains(got, "202") {
		t.Errorf("answered %q", got)
	}
	if n := strings.Count(out.String(), "http: Accept error: "); n != 2 {
		t.Errorf("logged %q", out)
	}
}

// A connection chosen to make room is not one on which a request has begun.
func TestBusyConnectionMakesNoRoom(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	set := newConnSet(nil, 1)
	c := &conn{Conn: a, set: set}
	set.add(c)
	if !c.begin() || set.add(&conn{Conn: a, set: set}) {
		t.Error("a busy connection made room")
	}
	c.rest(time.Now())
	if !set.add(&conn{Conn: b, set: set}) || c.begin() {
		t.Error("an idle connection did not make room")
	}
}

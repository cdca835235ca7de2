package recv

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"relayctl/internal/recv/forward"
	"relayctl/internal/recv/judge"
)

func route(t *testing.T, text string) forward.Route {
	t.Helper()
	r, err := forward.ParseRoute(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// app is a developer's app that records what it got.
type fakeApp struct {
	*httptest.Server
	mu  sync.Mutex
	got []seen
}

type seen struct {
	method, target, host, body string
	header                     http.Header
}

func newFakeApp(t *testing.T, answer http.HandlerFunc) *fakeApp {
	a := &fakeApp{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		a.got = append(a.got, seen{r.Method, r.RequestURI, r.Host, string(body), r.Header.Clone()})
		a.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *fakeApp) requests() []seen {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// The app gets the exact bytes and headers, and its answer is Relay's.
func TestForwardPassesOn(t *testing.T) {
	a := newFakeApp(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/x-app")
		w.Header().Set("X-Internal", "1")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}})
	body := "{ \"event_id\" : \"x\",\r\n\t\"odd\":\"\\u00e9\xff\" } "
	text := fmt.Sprintf("POST /hook?a=1 HTTP/1.1\r\nHost: relay.example\r\nContent-Type: application/json\r\nApiKey: k\r\nAuthorization: basic eDp5\r\nX-Custom: a\r\nX-Custom: b\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTe: trailers\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	c := b.dial()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := "" // the 100 comes first
	for buf := make([]byte, 4096); !strings.Contains(got, "short and stout"); {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got += string(buf[:n])
	}
	if !strings.Contains(got, " 418 ") || !strings.Contains(got, "text/x-app") || strings.Contains(got, "X-Internal") {
		t.Errorf("answered %q", got)
	}
	s := a.requests()[0]
	if s.method != "POST" || s.target != "/hook?a=1" || s.body != body || "http://"+s.host != a.URL {
		t.Errorf("the app got %+v", s)
	}
	for _, h := range []string{"Connection", "X-Hop", "Keep-Alive", "Te", "Expect", "User-Agent", "Accept-Encoding", "X-Forwarded-For"} {
		if v, ok := s.header[h]; ok {
			t.Errorf("the app got %s: %s", h, v)
		}
	}
	if s.header.Get("Apikey") != "k" || s.header.Get("Authorization") != "basic eDp5" || !slices.Equal(s.header["X-Custom"], []string{"a", "b"}) || s.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", s.header)
	}
	if rc := b.received(1)[0]; rc.Status != 418 || rc.Answer != "by the app: not documented as retried (R-RETRY-ONLY, assumed)" {
		t.Errorf("receipt %+v", rc)
	}
}

func TestForwardTargets(t *testing.T) {
	a := newFakeApp(t, func(http.ResponseWriter, *http.Request) {})
	b := start(t, Config{Forward: []forward.Route{
		route(t, "notification.*="+a.URL+"/sms"), route(t, "message.*="+a.URL+"/feed?k=v"), route(t, "notification.delivered="+a.URL+"/never"),
	}})
	b.post(eventBody("1", "notification.delivered", "1"))
	b.post(delivered("2"))
	b.post(eventBody("3", "account.deactivate", "1")) // nobody's: answered here
	b.post("[" + delivered("4") + "," + eventBody("5", "notification.attempted", "1") + "]")
	var targets []string
	for _, s := range a.requests() {
		targets = append(targets, s.target)
	}
	if want := []string{"/sms", "/feed?k=v", "/feed?k=v"}; !slices.Equal(targets, want) {
		t.Errorf("targets %v, want %v", targets, want)
	}
	if s := b.Summary(); s.ByStatus[200] != 4 {
		t.Errorf("summary %+v", s)
	}
}

// Redirects, refusals and empty answers are the app's answer like any other.
func TestForwardRelaysStatuses(t *testing.T) {
	want := 0
	a := newFakeApp(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(want)
	})
	store := &memory{}
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, Capture: store})
	statuses := []int{200, 201, 204, 302, 304, 307, 400, 401, 404, 500, 503, 599}
	for i, s := range statuses {
		want = s
		if got := b.post(delivered(fmt.Sprint(i))); got.status != s || got.header.Get("Location") != "/elsewhere" {
			t.Errorf("%d became %d", s, got.status)
		}
	}
	if n := len(a.requests()); n != len(statuses) {
		t.Errorf("the app got %d requests", n)
	}
	for i, rec := range store.records(t) {
		if rec.Status != statuses[i] {
			t.Errorf("record %d has status %d", i, rec.Status)
		}
	}
}

// Any 2xx may be taken for accepted (R-2XX), so none is answered to what could
// not be stored.
func TestFailedStoreIsNoOther2xxEither(t *testing.T) {
	a := newFakeApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	store := &memory{}
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, Capture: store})
	store.breakWith(errors.New("no space left on device"))
	if got := b.post(delivered("1")); got.status != 500 {
		t.Errorf("answered %d", got.status)
	}
}

// An answer without a type is passed on without one.
func TestForwardGuessesNoType(t *testing.T) {
	a := newFakeApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}})
	if got := b.post(delivered("1")); got.body != "<html>" || got.header.Get("Content-Type") != "" {
		t.Errorf("%q as %q", got.body, got.header.Get("Content-Type"))
	}
}

func TestForwardRelaysNoHugeBody(t *testing.T) {
	a := newFakeApp(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 10<<20))
	})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}})
	if got := b.post(delivered("1")); got.status != 200 || got.body != "" {
		t.Errorf("answered %d with %d bytes", got.status, len(got.body))
	}
}

// The script decides first: the app sees the attempt that it lets through.
func TestScriptBeforeForward(t *testing.T) {
	a := newFakeApp(t, func(http.ResponseWriter, *http.Request) {})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, Script: rules(t, "500,500,200")})
	for i, want := range []int{500, 500, 200} {
		if got := b.post(delivered("1")); got.status != want {
			t.Errorf("attempt %d: %d", i+1, got.status)
		}
		if n := len(a.requests()); n != i/2 {
			t.Errorf("after attempt %d the app has %d requests", i+1, n)
		}
	}
}

// An app that is down is told once, answered 500 so that Relay comes again, and
// told again when it is back.
func TestAppDownAndBack(t *testing.T) {
	// The port of a caller's connection is nobody else's, and nobody listens there.
	other := start(t, Config{})
	held := other.dial()
	addr := held.LocalAddr().String()
	b := start(t, Config{Forward: []forward.Route{route(t, "http://"+addr+"/?token=hush")}})
	for range 3 {
		if got := b.post(delivered("1")); got.status != 500 || !strings.Contains(got.body, "refused") {
			t.Errorf("answered %d %q", got.status, got.body)
		}
	}
	b.told("does not answer")
	other.stop() // which ends the connection first: the port is free at once
	held.Close()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	defer func() { srv.Close(); <-done }()
	if got := b.post(delivered("1")); got.status != 200 {
		t.Errorf("answered %d", got.status)
	}
	b.told("is back")
	b.post(delivered("2"))
	b.received(5)
	if len(b.notices) != 2 || !strings.Contains(b.notices[1], ": 3") || strings.Contains(b.notices[0]+b.notices[1], "hush") {
		t.Errorf("notices %q", b.notices)
	}
	if rc := b.receipts[3]; rc.Attempt != 4 {
		t.Errorf("receipt %+v", rc)
	}
}

func TestAppThatHangs(t *testing.T) {
	release := make(chan struct{})
	a := newFakeApp(t, func(http.ResponseWriter, *http.Request) { <-release })
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, App: forward.Options{Timeout: 50 * time.Millisecond}})
	got := b.post(delivered("1"))
	close(release)
	if got.status != 500 || !strings.Contains(got.body, "no answer in time") {
		t.Errorf("answered %d %q", got.status, got.body)
	}
}

// An app that sends its status and then its body byte by byte is answered for in
// time all the same.
func TestAppThatDribbles(t *testing.T) {
	release := make(chan struct{})
	a := newFakeApp(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, App: forward.Options{Timeout: 200 * time.Millisecond}})
	got := b.post(delivered("1"))
	close(release)
	if got.status != 200 {
		t.Errorf("answered %d %q", got.status, got.body)
	}
}

// The status decides, also where the body is cut.
func TestAppThatCutsTheAnswer(t *testing.T) {
	a := newFakeApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}, App: forward.Options{Keep: 1 << 10}})
	if got := b.post(delivered("1")); got.status != 200 {
		t.Errorf("answered %d %q", got.status, got.body)
	}
	if rc := b.received(1)[0]; rc.By != judge.ByApp || string(rc.App.Body) != "half" || !rc.App.Truncated || rc.App.Error == "" {
		t.Errorf("receipt %+v, app %+v", rc, rc.App)
	}
}

// A caller that hangs up does not cut the app short, and its next call is a
// retry.
func TestHangUpDoesNotReachTheApp(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	finished := make(chan error, 2)
	a := newFakeApp(t, func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(begun) })
		<-release
		finished <- r.Context().Err()
	})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}})
	c := b.dial()
	body := delivered("1")
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	<-begun
	c.Close()
	close(release)
	if err := <-finished; err != nil {
		t.Errorf("the app's request ended: %v", err)
	}
	if rc := b.received(1)[0]; rc.Status != 0 && rc.Status != 200 {
		t.Errorf("receipt %+v", rc)
	}
}

// Batches of the same customers in opposite order do not wait for each other
// forever.
func TestBatchesDoNotDeadlock(t *testing.T) {
	a := newFakeApp(t, func(http.ResponseWriter, *http.Request) {})
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			x, y := eventBody(fmt.Sprint("x", i), "message.delivered", "one"), eventBody(fmt.Sprint("y", i), "message.delivered", "two")
			if i%2 == 0 {
				x, y = y, x
			}
			if got, err := b.try("[" + x + "," + y + "]"); err != nil || got.status != 200 {
				t.Errorf("%d, %v", got.status, err)
			}
		}()
	}
	wg.Wait()
}

// The app's connections are used again.
func TestForwardReusesConnections(t *testing.T) {
	var mu sync.Mutex
	opened := 0
	a := &fakeApp{}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	a.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			mu.Lock()
			opened++
			mu.Unlock()
		}
	}
	a.Start()
	t.Cleanup(a.Close)
	b := start(t, Config{Forward: []forward.Route{route(t, a.URL)}})
	for i := range 50 {
		b.post(delivered(fmt.Sprint(i)))
	}
	mu.Lock()
	defer mu.Unlock()
	if opened != 1 {
		t.Errorf("%d connections for 50 requests", opened)
	}
}

// An https app with a certificate of its own works on loopback.
func TestForwardToLocalTLS(t *testing.T) {
	app := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }))
	t.Cleanup(app.Close)
	b := start(t, Config{Forward: []forward.Route{route(t, app.URL)}})
	if got := b.post(delivered("1")); got.status != 202 {
		t.Errorf("answered %d %q", got.status, got.body)
	}
}

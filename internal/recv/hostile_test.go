package recv

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/recv/judge"
)

// hasty are limits that a test can wait for.
func hasty() limits {
	lim := defaultLimits()
	lim.header, lim.body, lim.idle, lim.write = 150*time.Millisecond, 150*time.Millisecond, 150*time.Millisecond, 150*time.Millisecond
	return lim
}

// ended reads until the connection ends and returns what came.
func ended(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Fatalf("the connection was not ended; it said %q", b)
	}
	return string(b)
}

func TestSlowHeaderIsCut(t *testing.T) {
	b := startWith(t, Config{}, hasty())
	c := b.dial()
	go func() {
		for _, err := io.WriteString(c, "POST / HTTP/1.1\r\n"); err == nil; _, err = io.WriteString(c, "X-A: b\r\n") {
			time.Sleep(10 * time.Millisecond) // the slowness is the caller's
		}
	}()
	if got := ended(t, c); strings.Contains(got, "200") {
		t.Errorf("answered %q", got)
	}
}

func TestStalledBodyIsCut(t *testing.T) {
	t.Parallel()
	store := &memory{}
	b := startWith(t, Config{Capture: store, MaxBody: 1000}, hasty())
	for name, length := range map[string]string{"length": "Content-Length: 100", "chunked": "Transfer-Encoding: chunked"} {
		c := b.dial()
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n", length); err != nil {
			t.Fatal(err)
		}
		if got := ended(t, c); strings.Contains(got, " 200 ") {
			t.Errorf("%s: answered %q", name, got)
		}
	}
	for _, rc := range b.received(2) {
		if rc.Status != http.StatusRequestTimeout || rc.Event.Raw != nil {
			t.Errorf("receipt %+v", rc)
		}
	}
	for _, rec := range store.records(t) {
		if !rec.Omitted {
			t.Errorf("record %+v", rec)
		}
	}
}

func TestIdleConnectionIsCut(t *testing.T) {
	b := startWith(t, Config{}, hasty())
	c := b.dial()
	body := delivered("1")
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	if got := ended(t, c); !strings.HasPrefix(got, "HTTP/1.1 200 OK") {
		t.Errorf("answered %q", got)
	}
}

func TestGarbage(t *testing.T) {
	t.Parallel()
	b := startWith(t, Config{}, hasty())
	body := delivered("1")
	good := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for name, text := range map[string]string{
		"noise":               "\x00\x01\x02\xff\xfe\r\n\r\n",
		"a TLS hello":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("A", 600),
		"no host":             "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"two lengths":         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"negative length":     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"length of 2^64":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n",
		"header without end":  "POST / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 2*maxHeaderBytes) + "\r\n\r\n",
		"many headers":        "POST / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", maxHeaderBytes/4) + "\r\n",
		"control in a header": "POST / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
		"prior-knowledge h2":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.raw(text); got == 200 {
				t.Errorf("answered %d", got)
			}
		})
	}
	// What is right before the garbage is answered, and the garbage ends it.
	c := b.dial()
	go func() { _, _ = io.WriteString(c, good+good+"\x00garbage\r\n\r\n"+good) }()
	if got := strings.Count(ended(t, c), "HTTP/1.1 200 OK"); got != 2 {
		t.Errorf("%d requests before the garbage were answered", got)
	}
	if got := b.raw(good); got != 200 {
		t.Errorf("the next caller was answered %d", got)
	}
}

// Chunked bodies are measured as they come; what the caller announces costs
// no memory.
func TestAnnouncedSizeCostsNothing(t *testing.T) {
	b := start(t, Config{MaxBody: 1 << 30})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 50 {
		c := b.dial()
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{", 1<<30); err != nil {
			t.Fatal(err)
		}
	}
	b.until("arrival", func() bool { return b.seq.Load() == 50 || poke(b) })
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("50 announcements of 1 GiB cost %d MiB", grown>>20)
	}
}

// Large bodies share a budget and all get through.
func TestLargeBodiesTakeTurns(t *testing.T) {
	t.Parallel()
	b := start(t, Config{MaxBody: 64 << 20})
	body := `{"event_id":"big","pad":"` + strings.Repeat("x", 20<<20) + `"}`
	var wg sync.WaitGroup
	for range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if a, err := b.try(body); err != nil || a.status != 200 {
				t.Errorf("%d, %v", a.status, err)
			}
		}()
	}
	wg.Wait()
	if !b.bodies.budget.TryAcquire(b.bodies.total) {
		t.Error("a part of the budget was not given back")
	}
}

// Idle connections, however many, keep nobody out: the one that was silent
// longest makes room.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	lim := defaultLimits()
	lim.conns = 20
	b := startWith(t, Config{}, lim)
	conns := make([]net.Conn, 100)
	for i := range conns {
		conns[i] = b.dial()
	}
	for i := range 3 {
		if got := b.post(delivered(fmt.Sprint(i))); got.status != 200 {
			t.Errorf("answered %d", got.status)
		}
	}
	if got := ended(t, conns[0]); got != "" {
		t.Errorf("the first idle connection was told %q", got)
	}
	if open := len(b.conns.list()); open > lim.conns {
		t.Errorf("%d connections are open", open)
	}
}

// A connection with a request under way is not the one that makes room.
func TestBusyConnectionsStay(t *testing.T) {
	lim := defaultLimits()
	lim.conns = 2
	b := startWith(t, Config{Script: rules(t, "200~1h")}, lim)
	body := delivered("e1")
	busy := make([]net.Conn, 2)
	for i := range busy {
		busy[i] = b.dial()
		if _, err := fmt.Fprintf(busy[i], "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
		b.until("work", func() bool { return b.atWork() == i+1 || poke(b) })
	}
	if got := ended(t, b.dial()); got != "" {
		t.Errorf("a third caller was told %q", got)
	}
	b.stop()
	for _, c := range busy {
		if got := status(c); got != 200 {
			t.Errorf("a busy connection was answered %d", got)
		}
	}
}

// atWork counts the connections with a request whose body has been read.
func (b *testbed) atWork() (n int) {
	for _, c := range b.conns.list() {
		if c.working.Load() > 0 {
			n++
		}
	}
	return n
}

// A connection that makes room while its body comes gives back the body's share of the
// budget.
func TestWhatMakesRoomGivesItsShareBack(t *testing.T) {
	lim := defaultLimits()
	lim.conns = 1
	b := startWith(t, Config{}, lim)
	whole := func() bool {
		ok := b.bodies.budget.TryAcquire(b.bodies.total)
		if ok {
			b.bodies.budget.Release(b.bodies.total)
		}
		return ok
	}
	if _, err := fmt.Fprintf(b.dial(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", 4*smallBody, strings.Repeat(" ", 3*smallBody)); err != nil {
		t.Fatal(err)
	}
	b.until("a share", func() bool { return !whole() || poke(b) })
	b.dial()
	b.until("its return", func() bool { return whole() || poke(b) })
}

// Callers who send part of a request and stall, on however many connections, keep
// nobody out.
func TestStalledConnectionsMakeRoom(t *testing.T) {
	lim := defaultLimits()
	lim.conns = 20
	for name, part := range map[string]string{
		"one byte":       "P",
		"half a header":  "POST / HTTP/1.1\r\nHost: x\r\n",
		"a byte of body": strings.Replace(call("{"), "Length: 1", "Length: 100", 1),
		"a chunk":        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{",
		"refused":        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			b := startWith(t, Config{}, lim)
			for range 3 * lim.conns {
				_, _ = io.WriteString(b.dial(), part) // it may have made room already
			}
			if got := b.post(delivered("1")); got.status != 200 {
				t.Errorf("the next caller was answered %d", got.status)
			}
		})
	}
}

// A connection that was chosen to make room begins no request, and one that has
// begun does not make room.
func TestBusyConnectionMakesNoRoom(t *testing.T) {
	a, other := net.Pipe()
	defer other.Close()
	l := &listener{limit: 1}
	l.open()
	c := &conn{Conn: a, of: l}
	if !l.add(c) || !c.begin() || l.add(&conn{Conn: other, of: l}) {
		t.Error("a busy connection made room")
	}
	c.end()
	if !l.add(&conn{Conn: other, of: l}) || c.begin() {
		t.Error("an idle connection did not make room")
	}
}

// Nobody waits for the rest of a header when the receiver ends.
func TestShutdownDoesNotWaitForHalfAHeader(t *testing.T) {
	for _, mode := range []TLSMode{TLSOff, TLSAuto} {
		b := start(t, Config{TLS: mode})
		_, _ = io.WriteString(b.dial(), "POST")
		begin := time.Now()
		b.stop()
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("TLS %s: it took %s", mode, took)
		}
	}
}

// pipes is a listener whose connections a test makes itself.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	defer func() { _ = recover() }() // closed already
	close(p)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// However long a body may take, the time for the answer begins after it; and while
// the answer waits, the caller may be silent.
func TestSlowBodyAndSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := defaultLimits()
		lim.body, lim.write = time.Hour, time.Second
		r, err := newReceiver(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Hosts: []string{"x"}, Script: rules(t, "200~3h")}, lim)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.conns.Listener.Close()
		l := make(pipes)
		r.conns.Listener = l
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Serve(ctx) }()
		c, other := net.Pipe()
		l <- other
		text := call(delivered("1"))
		go func() {
			_, _ = io.WriteString(c, text[:len(text)-10])
			time.Sleep(30 * time.Minute)
			_, _ = io.WriteString(c, text[len(text)-10:])
		}()
		if got := status(c); got != 200 {
			t.Errorf("answered %d", got)
		}
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownDoesNotWaitForTheSilent(t *testing.T) {
	b := start(t, Config{})
	for range 5 {
		b.dial()
	}
	begin := time.Now()
	b.stop()
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	b := start(t, Config{TLS: TLSAuto, Script: rules(t, "account.*=close", "message.undelivered=200~10ms")})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			req, err := http.NewRequest(http.MethodPost, b.URL(), strings.NewReader(delivered(fmt.Sprint(i))))
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := b.client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != 200 || resp.ProtoMajor != 2 {
				t.Errorf("%s %s", resp.Proto, resp.Status)
			}
		}()
	}
	wg.Wait()
	if _, err := b.try(eventBody("a", "account.deactivate", "1")); err == nil {
		t.Error("a cut stream was answered")
	}
	if got := b.post(eventBody("u", "message.undelivered", "1")); got.status != 200 {
		t.Errorf("after a delay: %d", got.status)
	}
	if got := b.post(strings.Repeat(" ", 2<<20)); got.status != 413 {
		t.Errorf("a body too large: %d", got.status)
	}
}

func TestHeaderInjection(t *testing.T) {
	store := &memory{}
	b := start(t, Config{Capture: store, Sensitive: []string{"X-Relay-Custom"}})
	body := delivered("1")
	got := b.raw(fmt.Sprintf("POST /hook?token=abc&a=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Relay-Custom: hush\r\nApiKey: hush\r\nCookie: hush\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if got != 200 {
		t.Fatalf("answered %d", got)
	}
	line := store.lines[0]
	if strings.Contains(line, "hush") || strings.Contains(line, "abc") {
		t.Errorf("the record shows a secret: %s", line)
	}
}

// A slow observer delays no answer; what it misses is counted, and what waits
// for it is bounded in bytes.
func TestSlowObserver(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	r, err := New(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Hosts: []string{"x"}, Observe: func(*judge.Receipt) { <-release }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer close(release)
	big := []byte(`{"pad":"` + strings.Repeat("x", 1<<20-20) + `"}`)
	const n = 100
	for range n {
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(fmt.Sprintf(
			"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(big), big))))
		if err != nil {
			t.Fatal(err)
		}
		w := &discard{header: make(http.Header)}
		r.ServeHTTP(w, req)
		if w.status != 200 {
			t.Fatalf("answered %d", w.status)
		}
	}
	s := r.Summary()
	if s.Arrivals != n || s.Dropped < n-queueBytes>>21-1 {
		t.Errorf("%d arrivals, %d dropped", s.Arrivals, s.Dropped)
	}
	if w := r.receipts.waiting.Load(); w > queueBytes {
		t.Errorf("%d bytes wait", w)
	}
}

// discard is a ResponseWriter that keeps the status only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

package recv

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// patience bounds every wait of a test for something that has to happen.
const patience = 10 * time.Second

// testbed is a running receiver with what it told its user.
type testbed struct {
	*Receiver
	t      *testing.T
	client *http.Client
	stop   func() // ends the receiver and waits for it

	mu       sync.Mutex
	receipts []*judge.Receipt
	notices  []string
	changed  chan struct{}
}

// start runs a receiver on a free port, plain unless the config says otherwise.
func start(t *testing.T, cfg Config) *testbed { return startWith(t, cfg, defaultLimits()) }

func startWith(t *testing.T, cfg Config, lim limits) *testbed {
	cfg.Hosts = append(cfg.Hosts, "x", "relay.example") // as raw requests of tests name it
	t.Helper()
	b := &testbed{t: t, changed: make(chan struct{}, 1)}
	cfg.Addr = "127.0.0.1:0"
	if cfg.TLS == "" {
		cfg.TLS = TLSOff
	}
	cfg.Observe = func(rc *judge.Receipt) { b.note(func() { b.receipts = append(b.receipts, rc) }) }
	cfg.Notice = func(msg string) { b.note(func() { b.notices = append(b.notices, msg) }) }
	r, err := newReceiver(cfg, lim)
	if err != nil {
		t.Fatal(err)
	}
	b.Receiver = r
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx) }()
	var once sync.Once
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.CertPool()}, ForceAttemptHTTP2: true, ExpectContinueTimeout: patience}
	b.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	b.stop = func() {
		once.Do(func() {
			cancel()
			transport.CloseIdleConnections()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("Serve: %v", err)
				}
			case <-time.After(patience):
				t.Error("Serve does not end")
			}
		})
	}
	t.Cleanup(b.stop)
	return b
}

func (b *testbed) note(change func()) {
	b.mu.Lock()
	change()
	b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// until waits for the condition, which may look at receipts and notices.
func (b *testbed) until(what string, ok func() bool) {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		done := ok()
		b.mu.Unlock()
		if done {
			return
		}
		select {
		case <-b.changed:
		case <-deadline:
			b.t.Fatalf("%s did not happen; notices: %q", what, b.notices)
		}
	}
}

// received waits for n receipts and returns them.
func (b *testbed) received(n int) []*judge.Receipt {
	b.t.Helper()
	var got []*judge.Receipt
	b.until(fmt.Sprintf("receipt %d", n), func() bool { got = b.receipts; return len(got) >= n })
	return got
}

// told waits for a notice that contains the text.
func (b *testbed) told(text string) {
	b.t.Helper()
	b.until("the notice "+text, func() bool { return strings.Contains(strings.Join(b.notices, "\n"), text) })
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// post sends a body with headers given as "Name: value".
func (b *testbed) post(body string, headers ...string) answer {
	b.t.Helper()
	a, err := b.try(body, headers...)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *testbed) try(body string, headers ...string) (answer, error) {
	req, err := http.NewRequest(http.MethodPost, b.URL(), strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header[name] = []string{value}
	}
	return b.do(req)
}

func (b *testbed) do(req *http.Request) (answer, error) {
	resp, err := b.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// dial opens a raw connection.
func (b *testbed) dial() net.Conn {
	b.t.Helper()
	c, err := net.Dial("tcp", b.conns.Addr().String())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	return c
}

// raw writes text to a fresh connection and returns the status of the first
// answer, 0 when the connection ended without one.
func (b *testbed) raw(text string) int {
	b.t.Helper()
	c := b.dial()
	go func() { _, _ = io.WriteString(c, text) }()
	return status(c)
}

func status(c net.Conn) int {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// eventBody is a valid event of a customer.
func eventBody(id, name, ccid string) string {
	return fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":"2024-01-02T03:04:05.678Z","payload":{"ccid":%q,"message_id":"m-%s"}}`, id, name, ccid, ccid)
}

func delivered(id string) string { return eventBody(id, "message.delivered", "1002") }

// memory is a Store that can be made to fail.
type memory struct {
	mu    sync.Mutex
	lines []string
	err   error
}

func (m *memory) Append(r *capture.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	m.lines = append(m.lines, string(r.Append(nil)))
	return nil
}

func (m *memory) breakWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) records(t *testing.T) []*capture.Record {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := capture.NewReader(strings.NewReader(strings.Join(m.lines, "")))
	var out []*capture.Record
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		c := *rec
		c.Body = bytes.Clone(rec.Body)
		c.Headers = append([]capture.Header(nil), rec.Headers...)
		out = append(out, &c)
	}
}

// The observer is told of what it asked for, and keeps it unchanged while the
// rest is served with buffers that are used again.
func TestObserved(t *testing.T) {
	only, err := event.ParseFilter("message.*")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, Config{Observed: only, ObservedCustomers: []string{"1"}})
	var want []string
	for i := range 50 {
		id := fmt.Sprint("e", i)
		b.post(eventBody(id, "account.deactivate", "1"))
		if i%5 == 0 {
			want = append(want, eventBody(id+"m", "message.delivered", "1"))
			b.post(want[len(want)-1])
			b.post(eventBody(id+"o", "message.delivered", "2"))
		}
	}
	for i, rc := range b.received(len(want)) {
		if string(rc.Event.Raw) != want[i] || rc.Event.Name != "message.delivered" || rc.Status != 200 {
			t.Errorf("told of %d %s", rc.Status, rc.Event.Raw)
		}
	}
	if s := b.Summary(); s.Events != 70 || s.Dropped != 0 {
		t.Errorf("%d events, %d dropped", s.Events, s.Dropped)
	}
}

// A fault in the work on one request costs that request, and nobody else waits for it.
func TestAFaultCostsOneRequest(t *testing.T) {
	first := true
	b := start(t, Config{Enough: func(*judge.Summary) bool {
		if first {
			first = false
			panic(http.ErrAbortHandler) // net/http does not print this one
		}
		return false
	}})
	if resp, err := http.Post(b.URL(), "application/json", strings.NewReader(eventBody("1", "message.delivered", "1"))); err == nil {
		resp.Body.Close()
		t.Error("the fault was answered")
	}
	if got := b.post(eventBody("2", "message.delivered", "1")); got.status != http.StatusOK {
		t.Errorf("the next request got %d", got.status)
	}
}

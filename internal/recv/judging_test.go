package recv

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
)

// launched is a serving receiver with a client that trusts it.
type launched struct {
	*Receiver
	client *http.Client
	mu     sync.Mutex
	seen   []*judge.Receipt
	stop   func()
}

func launch(t *testing.T, cfg Config) *launched {
	t.Helper()
	s := &launched{}
	cfg.Addr = "127.0.0.1:0"
	cfg.Observe = func(r *judge.Receipt) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Receiver = r
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.CertPool()}, ForceAttemptHTTP2: true}
	s.client = &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx) }()
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			tr.CloseIdleConnections()
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(s.stop)
	return s
}

func (s *launched) post(t *testing.T, body string, headers ...string) int {
	t.Helper()
	return s.do(t, http.MethodPost, body, append([]string{"Content-Type", "application/json"}, headers...)...).StatusCode
}

func (s *launched) do(t *testing.T, method, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = []string{headers[i+1]}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return &http.Response{StatusCode: 0}
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

// badges ends the receiver and gives each receipt's badges.
func (s *launched) badges() []string {
	s.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.seen {
		var b []string
		for _, x := range r.Badges {
			b = append(b, x.String())
		}
		out = append(out, strings.Join(b, "+"))
	}
	return out
}

func envelope(id, name, ts, payload string) string {
	return fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":"2026-01-31T12:00:%sZ","payload":%s}`, id, name, ts, payload)
}

func TestBadges(t *testing.T) {
	rule, err := script.Parse("notification.attempted=500,200")
	if err != nil {
		t.Fatal(err)
	}
	s := launch(t, Config{Script: &script.Rules{Fixed: []script.Rule{rule}}})
	delivered := envelope("d", "notification.delivered", "05.000", `{"ccid":"1","notification_id":"n"}`)
	attempted := envelope("a", "notification.attempted", "01.800", `{"ccid":"1","notification_id":"N"}`)
	s.post(t, delivered)
	s.post(t, attempted)
	s.post(t, attempted)
	s.post(t, attempted)
	s.post(t, strings.Replace(delivered, `"1"`, `"2"`, 1))
	s.post(t, envelope("x", "notification.delivered", "06.000", `{"ccid":"1","notification_id":"n"}`))
	want := []string{"early", "late 3.2s", "attempt 2/4+late 3.2s", "duplicate", "conflict", ""}
	if got := s.badges(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if sum := s.Summary(); sum.ByStatus[500] != 1 || sum.Unexpected != 0 || sum.ByBadge[judge.Duplicate] != 1 {
		t.Errorf("%+v", sum)
	}
}

func TestCaptureComesBeforeTheAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	w, err := capture.Open(path, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := launch(t, Config{Capture: w})
	body := " " + envelope("a", "message.delivered", "00.000", "{}") + "\n"
	if got := s.post(t, body, "ApiKey", "very-secret"); got != 200 {
		t.Fatal(got)
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, []byte("very-secret")) {
		t.Fatalf("%s %v", text, err)
	}
	rec, err := capture.NewReader(bytes.NewReader(text)).Next()
	if err != nil || string(rec.Body) != body || rec.Status != 200 || rec.EventID != "a" {
		t.Errorf("%+v %v", rec, err)
	}
}

func TestOAuthEndToEnd(t *testing.T) {
	secret := auth.NewSecret("s")
	issuer, err := auth.NewIssuer(auth.IssuerConfig{ClientID: "c", ClientSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	s := launch(t, Config{Issuer: issuer, Auth: issuer.Scheme()})
	for _, raw := range []bool{false, true} {
		sender, err := auth.New(auth.Config{Kind: "oauth", TokenURL: s.URL() + "oauth/token", ClientID: "c", ClientSecret: secret, RawToken: raw, HTTP: s.client})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := sender.Sign(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := s.post(t, "{}", signed[0].Name, signed[0].Value); got != 200 {
			t.Errorf("raw=%v: %d", raw, got)
		}
	}
	if got := s.post(t, "{}", "Authorization", "Bearer x.y.z"); got != 401 {
		t.Errorf("a forged token got %d", got)
	}
}

func TestASlowObserverDelaysNoAnswer(t *testing.T) {
	release, missed := make(chan struct{}), uint64(0)
	f := newObserverQueue(func(_ *judge.Receipt, before uint64, _ bool) { <-release; missed += before })
	taken := 0
	for range queueItems + 100 {
		if f.offer(&judge.Receipt{}, 1) {
			taken++
		}
	}
	// One more than fits may be in the observer's hands.
	if taken != queueItems && taken != queueItems+1 {
		t.Errorf("%d taken", taken)
	}
	close(release)
	if !f.close(time.Hour) || missed == 0 || missed > f.dropped.Load() {
		t.Errorf("%d of %d dropped receipts were told", missed, f.dropped.Load())
	}
}

func TestAStuckObserverIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := newObserverQueue(func(*judge.Receipt, uint64, bool) {
			select {
			case <-release:
			case <-time.After(3 * time.Second):
			}
		})
		for range 10 {
			f.offer(&judge.Receipt{}, 1)
		}
		if !f.close(4*time.Second) || f.dropped.Load() != 0 {
			t.Error("a slow one was not waited for")
		}
		f = newObserverQueue(func(*judge.Receipt, uint64, bool) { <-release })
		for range 10 {
			f.offer(&judge.Receipt{}, 1)
		}
		if f.close(4*time.Second) || f.dropped.Load() != 10 {
			t.Errorf("a stuck one was waited for; %d are dropped", f.dropped.Load())
		}
		close(release)
	})
}

// A batch is judged member by member, and a pair within it is not a retry.
func TestABatchIsJudgedByMember(t *testing.T) {
	s := launch(t, Config{Script: rules(t, "500,200")})
	a, b := envelope("a", "message.delivered", "02.000", `{"ccid":"1"}`), envelope("b", "message.delivered", "01.000", `{"ccid":"1"}`)
	batch := "[" + strings.Join([]string{a, b, a, strings.Replace(b, `"1"`, `"2"`, 1)}, ",") + "]"
	for range 2 {
		s.post(t, batch)
	}
	s.post(t, a+"\n")
	want := "|late 1s|duplicate|conflict|attempt 2/4|attempt 2/4+late 1s|duplicate|conflict|duplicate"
	if got := strings.Join(s.badges(), "|"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if n := s.Summary().Accepted; n != 2 {
		t.Errorf("%d different events were accepted, want 2", n)
	}
}

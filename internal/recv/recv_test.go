package recv

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relayctl/fixtures"
	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is a serving receiver with a client that trusts it.
type started struct {
	*Receiver
	client *http.Client
	mu     sync.Mutex
	seen   []*Receipt
	stop   func()
}

func start(t *testing.T, cfg Config) *started {
	t.Helper()
	s := &started{}
	cfg.Addr = "127.0.0.1:0"
	cfg.Observe = func(r *Receipt) {
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

func (s *started) addr(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func (s *started) post(t *testing.T, body string, headers ...string) int {
	t.Helper()
	return s.do(t, http.MethodPost, body, append([]string{"Content-Type", "application/json"}, headers...)...).StatusCode
}

func (s *started) do(t *testing.T, method, body string, headers ...string) *http.Response {
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
func (s *started) badges() []string {
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

func TestAnswers(t *testing.T) {
	s := start(t, Config{MaxBody: 2000})
	valid := string(fixtures.DocSamples()[0].Body)
	for _, tc := range []struct {
		name, method, contentType, body string
		want                            int
	}{
		{"the documentation's sample", "POST", "application/json", valid, 200},
		{"a charset", "POST", "Application/JSON; charset=utf-8", valid, 200},
		{"an invalid event", "POST", "application/json", `{"event_id":7}`, 200},
		{"broken JSON", "POST", "application/json", `{"event_id"`, 200},
		{"an empty body", "POST", "application/json", ``, 200},
		{"a batch", "POST", "application/json", `[` + envelope("a", "message.delivered", "00.000", "{}") + `]`, 200},
		{"GET", "GET", "application/json", ``, 405},
		{"text", "POST", "text/plain", valid, 415},
		{"no content type", "POST", "", valid, 415},
		{"a large body", "POST", "application/json", strings.Repeat(" ", 2001), 413},
	} {
		resp := s.do(t, tc.method, tc.body, "Content-Type", tc.contentType)
		if resp.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, resp.StatusCode, tc.want)
		}
		if tc.want == 405 && resp.Header.Get("Allow") != "POST" {
			t.Error("405 without Allow")
		}
	}
	s.stop()
	if sum := s.Summary(); sum.Errors == 0 || sum.Unexpected != 4 || len(sum.Failures(FailOn{[]string{"error"}})) != 1 {
		t.Errorf("%+v", sum)
	}
}

func TestCredentials(t *testing.T) {
	mk := func(c auth.Config) auth.Scheme {
		s, err := auth.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	basic := start(t, Config{Auth: mk(auth.Config{Kind: "basic", Username: "u", Password: auth.NewSecret("p")})})
	key := start(t, Config{Auth: mk(auth.Config{Kind: "api-key", APIKey: auth.NewSecret("k")})})
	for _, tc := range []struct {
		s             *started
		header, value string
		want          int
	}{
		{basic, "Authorization", "basic dTpw", 200},
		{basic, "Authorization", "BASIC dTpw", 200},
		{basic, "Authorization", "basic dTpx", 401},
		{basic, "X", "y", 401},
		{key, "ApiKey", "k", 200},
		{key, "apikey", "k", 200},
		{key, "ApiKey", "l", 401},
	} {
		resp := tc.s.do(t, "POST", "{", "Content-Type", "application/json", tc.header, tc.value)
		if resp.StatusCode != tc.want || tc.want == 401 && resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s: %d, want %d", tc.header, tc.value, resp.StatusCode, tc.want)
		}
	}
}

func TestBadges(t *testing.T) {
	script, err := ParseRule("notification.attempted=500,200")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Script: &Script{Rules: []Rule{script}}})
	delivered := envelope("d", "notification.delivered", "05.000", `{"ccid":"1","notification_id":"n"}`)
	attempted := envelope("a", "notification.attempted", "01.800", `{"ccid":"1","notification_id":"N"}`)
	s.post(t, delivered)
	s.post(t, attempted)
	s.post(t, attempted)
	s.post(t, attempted)
	s.post(t, strings.Replace(delivered, `"1"`, `"2"`, 1))
	s.post(t, envelope("x", "notification.delivered", "06.000", `{"ccid":"1","notification_id":"n"}`))
	want := []string{"early", "late 3.2s", "attempt 2/4", "duplicate", "conflict", ""}
	if got := s.badges(); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if sum := s.Summary(); sum.ByStatus[500] != 1 || sum.Unexpected != 0 || sum.ByBadge[Duplicate] != 1 {
		t.Errorf("%+v", sum)
	}
}

func TestScripts(t *testing.T) {
	rules := func(texts ...string) *Script {
		s := &Script{}
		for _, text := range texts {
			r, err := ParseRule(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Rules = append(s.Rules, r)
		}
		return s
	}
	s := start(t, Config{Script: rules("message.*=500x2,204", "account.deactivate=close", "notification.*=401")})
	var got []int
	for range 4 {
		got = append(got, s.post(t, envelope("m", "message.delivered", "00.000", "{}")))
	}
	got = append(got, s.post(t, envelope("c", "account.deactivate", "00.000", "{}")), s.post(t, envelope("n", "notification.delivered", "00.000", "{}")), s.post(t, envelope("o", "channel_consent.update", "00.000", "{}")))
	if want := []int{500, 500, 204, 204, 0, 401, 200}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	share := rules("500@25%")
	hits := 0
	for i := range 4000 {
		if share.Decide("e", fmt.Sprint(i), 1).Status == 500 {
			hits++
		}
	}
	if hits < 900 || hits > 1100 {
		t.Errorf("%d of 4000 by a chance of 25%%", hits)
	}
	for _, bad := range []string{"", "50", "600", "timeot", "500x0", "500~x", "500@x", "500@200%", "message.deliverd=500", "200,,500"} {
		if _, err := ParseRule(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if a := rules("200~3s").Decide("", "", 1); a.Delay != 3*time.Second || a.Status != 200 {
		t.Errorf("%+v", a)
	}
}

func TestScriptedTimeoutLastsUntilTheCallerLeaves(t *testing.T) {
	s := start(t, Config{Script: &Script{Rules: []Rule{{Answers: []Answer{{Timeout: true}}, Chance: 1}}}})
	s.client.Timeout = 50 * time.Millisecond
	if got := s.post(t, envelope("m", "message.delivered", "00.000", "{}")); got != 0 {
		t.Errorf("answered %d", got)
	}
	s.badges()
	if sum := s.Summary(); sum.ByStatus[0] != 1 {
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
	s := start(t, Config{Capture: w})
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

func TestAFailedCaptureIsNeverA200(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	w, err := capture.Open("/dev/full", capture.Options{Sync: capture.None})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var notices sync.Map
	s := start(t, Config{Capture: w, Notice: func(m string) { notices.Store(m, true) }})
	if got := s.post(t, envelope("a", "message.delivered", "00.000", "{}")); got != 500 {
		t.Errorf("answered %d", got)
	}
	if got := s.post(t, envelope("a", "message.delivered", "00.000", "{}")); got != 500 {
		t.Errorf("answered %d", got)
	}
	n := 0
	notices.Range(func(any, any) bool { n++; return true })
	if n == 0 {
		t.Error("nobody was told")
	}
}

func TestAllowList(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	allow, err := ParseAllow("production")
	if err != nil {
		t.Fatal(err)
	}
	behind := start(t, Config{AllowFrom: allow, TrustProxy: proxies})
	direct := start(t, Config{AllowFrom: allow})
	for _, tc := range []struct {
		s    *started
		xff  string
		want int
	}{
		{behind, "52.73.72.6", 200},
		{behind, "6.6.6.6, 52.73.72.6, 10.1.1.1", 200},
		{behind, "52.73.72.6, 6.6.6.6", 403}, // the forged part stands on the left
		{behind, "nonsense", 403},
		{behind, "", 403},
		{direct, "52.73.72.6", 403},
	} {
		if got := tc.s.post(t, "{}", "X-Forwarded-For", tc.xff); got != tc.want {
			t.Errorf("%q: %d, want %d", tc.xff, got, tc.want)
		}
	}
	if _, err := ParseAllow("stagin"); err == nil {
		t.Error("stagin was taken")
	}
}

func TestOAuthEndToEnd(t *testing.T) {
	secret := auth.NewSecret("s")
	issuer, err := auth.NewIssuer(auth.IssuerConfig{ClientID: "c", ClientSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Issuer: issuer, Auth: issuer.Scheme()})
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

func TestHostileClients(t *testing.T) {
	s := start(t, Config{TLS: TLSOff})
	deep := strings.Repeat("[", 20000)
	for _, body := range []string{
		deep, strings.Repeat(`{"a":`, 20000), "\xff\xfe", `{"event_id":"` + "\\u001b[2J/../../etc" + `"}`, `{"event_id":"a","event_id":"b"}`, "null", "[]", "[1,[2]]", `{"batch":[null]}`,
	} {
		if got := s.post(t, body); got != 200 {
			t.Errorf("%.20q: %d", body, got)
		}
	}
	for _, raw := range []string{
		"GARBAGE\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000000000\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 100<<10) + "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
	} {
		conn, err := net.Dial("tcp", s.addr(t))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, raw)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode < 400 {
			t.Errorf("%.60q: %v %v", raw, resp, err)
		}
		conn.Close()
	}
	if got := s.post(t, "{}"); got != 200 {
		t.Errorf("afterwards: %d", got)
	}
}

func TestAuthorityIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "relayctl")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := LoadAuthority(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	a, err := LoadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadAuthority(dir)
	if err != nil || !a.Cert.Equal(b.Cert) {
		t.Error("another authority at the second time", err)
	}
	info, err := os.Stat(filepath.Join(dir, "ca-key.pem"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if text, err := os.ReadFile(a.Path); err != nil || !bytes.Equal(text, a.PEM) {
		t.Error(err)
	}
	s := start(t, Config{Authority: a})
	if got := s.post(t, "{}"); got != 200 || s.CAFile() != a.Path {
		t.Error(got, s.CAFile())
	}
}

func TestPortInUseFailsAtOnce(t *testing.T) {
	s := start(t, Config{})
	_, err := New(Config{Addr: s.addr(t)})
	var listen *ListenError
	if !errors.As(err, &listen) || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
}

func TestASlowObserverDelaysNoAnswer(t *testing.T) {
	release := make(chan struct{})
	f := newFeed(func(*Receipt) { <-release })
	taken := 0
	for range feedSize + 100 {
		if f.offer(&Receipt{}) {
			taken++
		}
	}
	// One more than fits may be in the observer's hands.
	if taken != feedSize && taken != feedSize+1 {
		t.Errorf("%d taken", taken)
	}
	close(release)
	f.close()
}

func TestTrackerForgetsTheOldest(t *testing.T) {
	tr := NewTracker()
	env := func(i int) *event.Envelope {
		return &event.Envelope{ID: fmt.Sprint(i), Raw: []byte("x"), Name: "n"}
	}
	const n = 3 * trackerShards * perShard
	for i := range n {
		tr.Observe(env(i))
		tr.Answered(env(i), 200)
	}
	total := 0
	for i := range tr.shards {
		total += len(tr.shards[i].events.young) + len(tr.shards[i].events.old)
	}
	if total > 2*trackerShards*perShard {
		t.Errorf("%d events are kept", total)
	}
	if v := tr.Observe(env(n - 1)); len(v.Badges) != 1 || v.Badges[0].Kind != Duplicate {
		t.Errorf("a recent one: %+v", v)
	}
}

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{"500,500,200", "notification.*=500x3,200", "500@10%", "200~3s", "timeout", "close"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRule(s); err == nil && len(r.Answers) == 0 {
			t.Errorf("%q has no answer", s)
		}
	})
}

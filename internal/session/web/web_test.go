package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/mask"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
	"relayctl/internal/session"
)

const token = "the-token-of-the-tests"

// bench is an inspector on loopback with a session behind it.
type bench struct {
	t *testing.T
	*session.Session
	*Server
	client  *http.Client
	replays []string // targets and bodies
}

func start(t *testing.T, cfg Config) *bench {
	t.Helper()
	b := &bench{t: t}
	b.Session = session.New(session.Config{
		MostRequests: 1000, Rules: &script.Rules{}, Apps: []string{"http://127.0.0.1:1/app"},
		Replay: func(_ context.Context, method, target string, _ http.Header, body []byte) (capture.App, error) {
			b.replays = append(b.replays, method+" "+target+" "+string(body))
			return capture.App{URL: "http://127.0.0.1:1/app", Status: 201, Body: []byte("<script>alert(1)</script>")}, nil
		},
		Curl: func(rec *capture.Record) (string, []string) { return "curl " + rec.Path, nil },
	})
	b.serve(cfg)
	return b
}

// startFile is an inspector of a capture.
func startFile(t *testing.T, r io.ReaderAt, size int64, cfg session.Config) *bench {
	t.Helper()
	s, err := session.Open(t.Context(), cfg, []session.File{{R: r, Size: size}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b := &bench{t: t, Session: s}
	b.serve(Config{})
	return b
}

func (b *bench) serve(cfg Config) {
	t := b.t
	t.Helper()
	b.client = &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cfg.Addr = "127.0.0.1:0"
	cfg.Token = token
	var err error
	if b.Server, err = New(b.Session, cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx) }()
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// add tells the session of a request.
func (b *bench) add(body string, status int) {
	rec := &capture.Record{ReceivedAt: time.Now(), Remote: "127.0.0.1:1", Method: "POST", Path: "/hook", Body: []byte(body), Status: status, Attempt: 1,
		Headers: []capture.Header{{Name: "Content-Type", Value: "application/json"}}}
	env, findings := event.Decode(rec.Body)
	rec.EventID, rec.EventName, rec.Findings = env.ID, env.Name, findings
	b.Add(judge.Exchange{Record: rec, Receipts: judge.Recorded(rec, 1)})
}

func delivered(id, ccid string) string {
	return fmt.Sprintf(`{"event_id":%q,"event_name":"message.delivered","event_ts":"2026-01-31T12:00:00.000Z","payload":{"ccid":%q,"event_type":"message","event_subtype":"delivered"}}`, id, ccid)
}

// do makes a call with the token unless an edit takes it away.
func (b *bench) do(method, path, body string, edit func(*http.Request)) (int, http.Header, string) {
	b.t.Helper()
	req, err := http.NewRequest(method, strings.TrimSuffix(b.URL(), "/")+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if edit != nil {
		edit(req)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") == "text/event-stream" { // it has no end
		return resp.StatusCode, resp.Header, ""
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestMethods(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("a", "1"), 200)
	for _, c := range []struct{ method, path string }{
		{"POST", "/"}, {"POST", "/api/requests"}, {"GET", "/api/requests/1/replay"}, {"DELETE", "/api/requests/1"}, {"POST", "/api/rules"},
		{"PUT", "/api/wait"}, {"POST", "/ui/rows"}, {"POST", "/metrics"}, {"TRACE", "/api/requests"},
		{"POST", "/livez"}, {"PUT", "/readyz"}, {"OPTIONS", "/api/requests"},
	} {
		status, h, text := b.do(c.method, c.path, "", nil)
		if status != 405 || h.Get("Allow") == "" || h.Get("Content-Type") != "application/json" || !strings.HasPrefix(text, `{"error":"`+c.method) {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, status, h, text)
		}
	}
	for _, path := range []string{"/x", "/static/", "/static/..%2fweb.go", "/static/inspector.exe", "/api", "/ui/requests/x", "/api/requests/99", "/api/requests/-1"} {
		if status, h, text := b.do("GET", path, "", nil); status != 404 || h.Get("Content-Type") != "application/json" || !strings.HasPrefix(text, `{"error":"`) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	status, h, text := b.do("GET", "/", "", func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Accept", "text/html,*/*") })
	if status != 401 || !strings.HasPrefix(h.Get("Content-Type"), "text/html") || !strings.Contains(text, "token is missing") {
		t.Errorf("a browser without a token gets %d %s", status, text)
	}
}

// A parameter that a call does not take selects nothing instead of everything.
func TestParameters(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("a", "1"), 200)
	for _, call := range []string{
		"GET /api/wait?evnt=message.delivered", "GET /api/wait?limit=1", "GET /api/wait?event=", "GET /api/wait?event=%zz", "GET /api/wait?count=1&count=2",
		"GET /api/requests?count=1", "GET /api/requests?before=1&before=2", "GET /api/requests/1?x=1", "DELETE /api/requests?ccid=2", "POST /api/requests/1/replay?fresh_id=true",
		"GET /api/journeys/1?limit=1", "GET /api/rules?x", "PUT /api/rules?save=true", "GET /api/stream?before=1", "GET /metrics?event=x",
		"GET /ui/rows?evnt=x", "GET /ui/requests/1?x=1", "GET /ui/diff?a=1&b=x", "GET /ui/live?x=1", "GET /ui/rules?x=1", "GET /ui/requests/1/edit?x=1", "GET /ui/journeys/1?x=1",
	} {
		method, path, _ := strings.Cut(call, " ")
		if status, _, text := b.do(method, path, "", nil); status != 400 || !strings.HasPrefix(text, `{"error":"`) {
			t.Errorf("%s: %d %s", call, status, text)
		}
	}
	if b.Stats().Kept != 1 || len(b.replays) != 0 {
		t.Error("a refused call did something")
	}
	for _, path := range []string{"/livez?verbose", "/?ccid=1&anything=1", "/static/inspector.js?v=2"} {
		if status, _, _ := b.do("GET", path, "", nil); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestBodies(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("a", "1"), 200)
	large := `{"body":"` + strings.Repeat("x", mostBody) + `"}`
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/requests/1/replay", large, 413},
		{"PUT", "/api/rules", large, 413},
		{"POST", "/api/requests/1/replay", `{"url":"http://evil.example/"}`, 422},
		{"POST", "/api/requests/1/replay", `{"target":"http://evil.example/"}`, 422},
		{"POST", "/api/requests/1/replay", `[1]`, 422},
		{"POST", "/api/requests/1/replay", `{} {}`, 422},
		{"POST", "/api/requests/1/replay", `{"set":{"paylod.ccid":1}}`, 422},
		{"POST", "/api/requests/7/replay", ``, 404},
		{"PUT", "/api/rules", `{"mode":"300"}`, 422},
		{"PUT", "/api/rules", `{"text":"rules: 1"}`, 422},
		{"PUT", "/api/rules", `{"save":true}`, 422},
		{"PUT", "/api/rules", `{"text":"","save":true}`, 422},
		{"GET", "/api/requests?status=x", ``, 400},
		{"GET", "/api/wait?timeout=1h", ``, 400},
		{"GET", "/api/wait?count=0", ``, 400},
	} {
		status, _, text := b.do(c.method, c.path, c.body, nil)
		if status != c.want || !strings.Contains(text, `"error":`) {
			t.Errorf("%s %s %.40s: %d %.200s, want %d", c.method, c.path, c.body, status, text, c.want)
		}
	}
	if len(b.replays) != 0 {
		t.Errorf("something was sent: %q", b.replays)
	}
}

// A replay goes where the receiver's own requests go: nothing that a caller or the
// request says is the target.
func TestReplay(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("a", "1"), 200)
	status, _, text := b.do("POST", "/api/requests/1/replay", `{"set":{"payload.ccid":"77"}}`, nil)
	if status != 200 || !strings.Contains(text, `"status":201`) || len(b.replays) != 1 || !strings.Contains(b.replays[0], `"ccid":"77"`) || !strings.HasPrefix(b.replays[0], "POST /hook {") {
		t.Errorf("%d %s %q", status, text, b.replays)
	}
	_, _, page := b.do("GET", "/ui/requests/1", "", nil)
	if !strings.Contains(page, "Replays") || strings.Contains(page, "<script>") {
		t.Errorf("the replay is not shown, or its answer runs: %s", page)
	}
}

// Nothing from outside becomes markup, in a page or a fragment.
func TestHostileTexts(t *testing.T) {
	b := start(t, Config{Title: func() string { return `<script>alert("title")</script>` }})
	const evil = `\"'></textarea><script>alert(1)</script><img src=x onerror=alert(2)>\u202e`
	b.add(`{"event_id":"`+evil+`","event_name":"message.`+evil+`","event_ts":"`+evil+`","payload":{"ccid":"`+evil+`","x":"`+evil+`"}}`, 200)
	b.add(`</pre><script>alert(3)</script>`, 0)
	for _, path := range []string{"/", "/ui/rows", "/ui/requests/1", "/ui/requests/1/edit", "/ui/requests/2", "/ui/requests/2/edit", "/ui/diff?a=1&b=2",
		"/ui/journeys/" + `%22%27%3E%3C%2Ftextarea%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%3Cimg%20src=x%20onerror=alert(2)%3E%E2%80%AE`, "/ui/rules"} {
		status, h, page := b.do("GET", path, "", nil)
		if head, rest, ok := strings.Cut(page, ` data-customer="`); ok { // the exact one, which nobody sees
			_, rest, _ = strings.Cut(rest, `"`)
			page = head + rest
		}
		lower := strings.ToLower(page)
		if status != 200 || strings.Contains(lower, "<script>") || strings.Contains(lower, "<img") || strings.Contains(page, "\u202e") && !strings.Contains(path, "edit") {
			t.Errorf("%s: %d %s", path, status, page)
		}
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		if h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
	_, h, _ := b.do("GET", "/api/requests/1", "", nil)
	if h.Get("Content-Type") != "application/json" {
		t.Error(h)
	}
}

// The secrets of the run stand in nothing that the inspector says.
func TestSecrets(t *testing.T) {
	secrets := &mask.Mask{}
	secrets.Add("s3cr3t-value")
	b := start(t, Config{Mask: secrets})
	b.add(delivered("a", "s3cr3t-value"), 200)
	b.add("not UTF-8 \xff: S3CR3T-value", 200) // it is shown in hex
	for _, path := range []string{"/api/requests", "/api/requests/1", "/ui/rows", "/ui/requests/1", "/ui/requests/2", "/ui/requests/1/edit", "/api/wait", "/ui/journeys/s3cr3t-value", "/api/journeys/s3cr3t-value"} {
		if status, _, text := b.do("GET", path, "", nil); status != 200 || strings.Contains(text, "s3cr3t") || strings.Contains(text, "53 33 43 52") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

func TestAPI(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("a", "1"), 500)
	b.add(delivered("a", "1"), 200)
	b.add("["+delivered("b", "2")+","+delivered("c", "1")+"]", 200)
	var l listJSON
	_, _, text := b.do("GET", "/api/requests?ccid=1&limit=2", "", nil)
	if err := json.Unmarshal([]byte(text), &l); err != nil || len(l.Requests) != 2 || l.Requests[0].Number != 3 || len(l.Requests[0].Events) != 2 || l.Next != 2 {
		t.Errorf("%v %s", err, text)
	}
	var r struct {
		Attempts []uint64
		Body     string
		Status   int
	}
	_, _, text = b.do("GET", "/api/requests/1", "", nil)
	if err := json.Unmarshal([]byte(text), &r); err != nil || len(r.Attempts) != 2 || r.Body != delivered("a", "1") || r.Status != 500 {
		t.Errorf("%v %s", err, text)
	}
	var j journeyJSON
	_, _, text = b.do("GET", "/api/journeys/1", "", nil)
	if err := json.Unmarshal([]byte(text), &j); err != nil || j.CCID != "1" || len(j.Events) != 2 || len(j.Events[0].Arrivals) != 2 {
		t.Errorf("%v %s", err, text)
	}
	_, _, text = b.do("PUT", "/api/rules", `{"text":"rules: [{respond: 503}]","mode":"401"}`, nil)
	if !strings.Contains(text, `"mode":"401"`) || !strings.Contains(text, "503") {
		t.Error(text)
	}
	if status, _, text := b.do("GET", "/api/wait?event=message.delivered&count=3&timeout=5ms", "", nil); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := b.do("GET", "/api/wait?event=message.delivered&count=4&timeout=5ms", "", nil); status != 408 || !strings.Contains(text, "3 of 4") {
		t.Errorf("%d %s", status, text)
	}
	if status, _, _ := b.do("DELETE", "/api/requests", "", nil); status != 204 {
		t.Error(status)
	}
	if _, _, text := b.do("GET", "/api/requests", "", nil); !strings.Contains(text, `"requests":[]`) {
		t.Error(text)
	}
}

func TestBadgesAndFamiliesHaveAColour(t *testing.T) {
	css, err := os.ReadFile("static/inspector.css")
	if err != nil {
		t.Fatal(err)
	}
	var classes []string
	for _, kind := range judge.Kinds() {
		classes = append(classes, ".badge."+kind)
	}
	for _, name := range event.Names() {
		if e, _ := event.Lookup(name); e.Default {
			classes = append(classes, ".family-"+strings.ReplaceAll(event.FamilyOf(name), "_", "-"))
		}
	}
	for _, class := range classes {
		if !regexp.MustCompile(regexp.QuoteMeta(class) + "[ ,{]").Match(css) {
			t.Errorf("inspector.css has nothing for %s", class)
		}
	}
}

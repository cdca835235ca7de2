package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// inspected is a run of relayctl with an inspector.
type inspected struct {
	t          *testing.T
	stop       func() (code int) // ends it
	ui, url    string            // of the inspector and of listen, "" where there is none
	out, error *guarded
}

// guarded is a buffer that is written to while it is read.
type guarded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.buf.String()
}

const uiToken = "a-token-for-tests"

// inspectRun starts relayctl with an inspector on a free port.
func inspectRun(t *testing.T, args ...string) *inspected {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	i := &inspected{t: t, out: &guarded{}, error: &guarded{}}
	code := make(chan int, 1)
	args = append(args, "--ui=127.0.0.1:0", "--ui-token", "env:UI_TOKEN")
	go func() {
		code <- run(ctx, context.Background(), nil, args, strings.NewReader(""), i.out, i.error, []string{"UI_TOKEN=" + uiToken, "XDG_CONFIG_HOME=" + t.TempDir()})
	}()
	ended := sync.OnceValue(func() int { cancel(); return <-code })
	i.stop = ended
	t.Cleanup(func() { ended() })
	i.ui = found(t, i.error, `inspector (http://\S+)/`)
	if args[0] == "listen" {
		i.url = found(t, i.out, `"url":"([^"]+)"`)
	}
	return i
}

// found waits until a pattern stands in an output, and returns its group.
func found(t *testing.T, in *guarded, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(in.String()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("no %s in %q", pattern, in)
	return ""
}

// wellFormed holds metrics to promtool, where it is there.
func wellFormed(t *testing.T, metrics string) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not here")
		return
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(metrics)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v %s in %s", err, out, metrics)
	}
}

func (i *inspected) call(method, path, body string) (int, string) {
	i.t.Helper()
	req, err := http.NewRequest(method, i.ui+path, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+uiToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		i.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func postEvent(t *testing.T, url, id string) int {
	t.Helper()
	body := fmt.Sprintf(`{"event_id":%q,"event_name":"message.delivered","event_ts":"2026-01-31T12:00:00.000Z","payload":{"ccid":"1002","message_name":"Payment reminder","event_type":"message","event_subtype":"delivered"}}`, id)
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// What listen receives is there for tests: waited for, replayed to the app, answered by
// rules that change; the metrics are the summary's.
func TestListenUI(t *testing.T) {
	var mu sync.Mutex
	var got []string
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("X-Kept")+string(body))
	}))
	defer app.Close()
	i := inspectRun(t, "listen", "--tls", "off", "--addr", "127.0.0.1:0", "--output", "json", "--forward", app.URL+"/relay")
	postEvent(t, i.url, "a")
	if status, text := i.call("GET", "/api/wait?event=message.*&ccid=1002&timeout=10s", ""); status != 200 || !strings.Contains(text, `"by":"app"`) {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := i.call("POST", "/api/requests/1/replay", `{"set":{"payload.message_name":"Hi"},"fresh_id":true}`); status != 200 || !strings.Contains(text, `"status":200`) {
		t.Errorf("%d %s", status, text)
	}
	mu.Lock()
	if len(got) != 2 || !strings.Contains(got[1], `"message_name":"Hi"`) || strings.Contains(got[1], `"event_id":"a"`) {
		t.Errorf("the app got %q", got)
	}
	mu.Unlock()
	if status, text := i.call("PUT", "/api/rules", `{"text":"rules: [{event: message.*, respond: 503}]"}`); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if status := postEvent(t, i.url, "b"); status != 503 {
		t.Errorf("by the new rules: %d", status)
	}
	i.call("PUT", "/api/rules", `{"mode":"401"}`)
	if status := postEvent(t, i.url, "c"); status != 401 {
		t.Errorf("by the mode: %d", status)
	}
	_, metrics := i.call("GET", "/metrics", "")
	wellFormed(t, metrics)
	if code := i.stop(); code != exitOK {
		t.Errorf("the verdict is %d: %s", code, i.error)
	}
	lines := strings.Split(strings.TrimSpace(i.out.String()), "\n")
	var sum struct {
		Statuses map[string]int
		ByName   map[string]int `json:"by_name"`
		Accepted int
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sum); err != nil {
		t.Fatal(err)
	}
	for status, n := range sum.Statuses {
		if want := fmt.Sprintf("relayctl_requests_total{status=%q} %d\n", status, n); !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
	for _, want := range []string{
		fmt.Sprintf("relayctl_events_total{event=\"message.delivered\"} %d\n", sum.ByName["message.delivered"]), fmt.Sprintf("relayctl_accepted_events_total %d\n", sum.Accepted),
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
	if strings.Contains(i.error.String()+i.out.String(), uiToken) || strings.Contains(metrics, "1002") {
		t.Error("the token was printed, or a customer is in the metrics")
	}
}

func TestInspectUI(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.jsonl")
	i := inspectRun(t, "listen", "--tls", "off", "--addr", "127.0.0.1:0", "--output", "json", "--capture", path)
	postEvent(t, i.url, "a")
	postEvent(t, i.url, "a")
	i.stop()
	i = inspectRun(t, "inspect", path, "--to", "http://127.0.0.1:3000/")
	if status, text := i.call("GET", "/api/requests?badge=duplicate", ""); status != 200 || !strings.Contains(text, `"number":2`) || strings.Contains(text, `"number":1,`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := i.call("GET", "/api/requests/1", ""); status != 200 || !strings.Contains(text, "http://127.0.0.1:3000/") {
		t.Errorf("%d %s", status, text)
	}
	for _, c := range [][3]string{{"PUT", "/api/rules", `{"mode":"500"}`}, {"DELETE", "/api/requests", ""}, {"POST", "/api/requests/1/replay", ""}} {
		if status, text := i.call(c[0], c[1], c[2]); status != 409 || !strings.Contains(text, "a capture is read") {
			t.Errorf("%s %s of a capture: %d %s", c[0], c[1], status, text)
		}
	}
	var sum struct {
		Statuses map[string]int
		ByName   map[string]int `json:"by_name"`
		ByBadge  map[string]int `json:"by_badge"`
		Accepted int
	}
	var out bytes.Buffer
	if code := run(t.Context(), context.Background(), nil, []string{"inspect", path, "--output", "json"}, strings.NewReader(""), &out, io.Discard, nil); code != exitOK {
		t.Fatal(code)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte{'\n'})
	if err := json.Unmarshal(lines[len(lines)-1], &sum); err != nil {
		t.Fatal(err)
	}
	_, metrics := i.call("GET", "/metrics", "")
	t.Logf("%s\n%s", lines[len(lines)-1], metrics)
	wellFormed(t, metrics)
	for _, want := range []string{`requests_total{status="200"} 2`, `events_total{event="message.delivered"} 1`, "accepted_events_total 1", "badge_duplicate_total 1", "session_requests 2"} {
		if !strings.Contains(metrics, "relayctl_"+want+"\n") {
			t.Errorf("no %s in %s", want, metrics)
		}
	}
	if code := i.stop(); code != exitOK {
		t.Errorf("%d %s", code, i.error)
	}
}

// The examples of docs/ci.md do what they say. The heavy tests have the one in Go.
func TestExamplesOfWaiting(t *testing.T) {
	tryExamples(t, map[string][]string{"js": {"node", "x.mjs"}, "python": {"python3", "x.py"}})
}

// tryExamples runs the examples of those languages by these commands.
func tryExamples(t *testing.T, languages map[string][]string) {
	t.Helper()
	t.Parallel()
	text, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Wait for an event in a test")
	i := inspectRun(t, "listen", "--tls", "off", "--addr", "127.0.0.1:0", "--output", "json")
	postEvent(t, i.url, "before")
	trigger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { postEvent(t, i.url, "after") }))
	defer trigger.Close()
	for language, run := range languages {
		code := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(section)
		if code == nil {
			t.Fatalf("no example in %s", language)
		}
		if _, err := exec.LookPath(run[0]); err != nil {
			t.Logf("%s is not here", run[0])
			continue
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, run[len(run)-1]), []byte(code[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(run[0], run[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "RELAY_UI_TOKEN="+uiToken, "INSPECTOR="+i.ui, "TRIGGER="+trigger.URL)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "got message.delivered\n" {
			t.Errorf("%s: %v %s", language, err, out)
		}
	}
}

func TestSendMetrics(t *testing.T) {
	release := make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer endpoint.Close()
	code := make(chan int, 1)
	said := &guarded{}
	go func() {
		code <- run(t.Context(), context.Background(), nil, []string{"send", "message.delivered", "--count", "3", "--to", endpoint.URL, "--metrics", "0.0.0.0:0", "-q"}, strings.NewReader(""), io.Discard, said, nil)
	}()
	url := found(t, said, `metrics (http://localhost:\d+/metrics)\n`)
	found(t, said, `(other machines can read the metrics, without a token)`)
	text := ""
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(text, "relayctl_calls_in_flight 3") && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(url); err == nil {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			text = string(body)
		}
	}
	close(release)
	wellFormed(t, text)
	if c := <-code; c != exitOK || !strings.Contains(text, "relayctl_calls_in_flight 3") {
		t.Errorf("%d %s", c, text)
	}
}

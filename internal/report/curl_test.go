package report

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"relayctl/internal/capture"
)

// TestCurlRepeats pastes the command into a real shell and holds what arrives
// against what was recorded.
func TestCurlRepeats(t *testing.T) {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here", tool)
		}
	}
	type got struct {
		method, target string
		header         http.Header
		body           string
	}
	seen := make(chan got, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- got{r.Method, r.RequestURI, r.Header, string(body)}
	}))
	defer srv.Close()
	for _, tc := range []struct{ name, method, path, body string }{
		{"plain", "POST", "/relay", `{"a":"b"}`},
		{"quotes and newlines", "POST", "/a//../b", "{\n  \"a\": \"it's $HOME `id` \\\\ \\u0021!\"\n}\n"},
		{"text in other scripts", "POST", "/", "{\"name\":\"Zoë 😀\"}"},
		{"a mark that turns the text", "POST", "/", "\u202e{}"},
		{"tabs", "POST", "/", "{\t\"a\":\r\n1}"},
		{"escape sequences", "POST", "/", "\x1b]0;owned\x07\x00"},
		{"no UTF-8", "POST", "/?x=[1-3]&y={a,b}", "\xff\xfe%s\\n"},
		{"a file's name", "POST", "/", "@/etc/hostname"},
		{"nothing", "POST", "/", ""},
		{"much", "POST", "/", strings.Repeat("é'", 200_000)},
		{"no body", "GET", "/health?a=1", ""},
		{"another method", "DELETE", "/", "{}"},
	} {
		rec := &capture.Record{Method: tc.method, Path: tc.path, Body: []byte(tc.body), Headers: []capture.Header{
			{Name: "Authorization", Value: capture.Redacted}, {Name: "Content-Type", Value: "application/json; charset=utf-8"},
			{Name: "User-Agent", Value: "it's me"}, {Name: "X-Empty", Value: ""}, {Name: "Content-Length", Value: "7"},
		}}
		command, secrets := Curl(rec, srv.URL, "")
		if len(secrets) != 1 || secrets[0] != "RELAY_AUTHORIZATION" {
			t.Errorf("%s: secrets %v", tc.name, secrets)
		}
		if strings.ContainsFunc(command, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Errorf("%s: the command has control characters: %q", tc.name, command)
		}
		cmd := exec.CommandContext(t.Context(), "sh")
		cmd.Stdin = strings.NewReader(command + "\n")
		cmd.Env = append(cmd.Environ(), "RELAY_AUTHORIZATION=basic dTpw", "http_proxy=", "HTTP_PROXY=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s\n%.500s", tc.name, err, out, command)
		}
		g := <-seen
		if g.method != tc.method || g.target != tc.path || g.body != tc.body {
			t.Errorf("%s: got %s %s %.80q, want %s %s %.80q", tc.name, g.method, g.target, g.body, tc.method, tc.path, tc.body)
		}
		if h := g.header; h.Get("Authorization") != "basic dTpw" || h.Get("User-Agent") != "it's me" ||
			h.Get("Content-Type") != "application/json; charset=utf-8" || len(h["X-Empty"]) != 1 || len(h["Accept"]) != 0 {
			t.Errorf("%s: headers %v", tc.name, h)
		}
	}
}

// A request for a whole URL, as proxies make them, keeps its path.
func TestCurlOfAWholeURL(t *testing.T) {
	for target, want := range map[string]string{
		"http://relay.example:80/a/b?x=1": "http://h/a/b?x=1", "http://relay.example": "http://h/", "*": "http://h/", "/a?to=http://b/c": "http://h/a?to=http://b/c",
	} {
		if got, _ := Curl(&capture.Record{Method: "GET", Path: target}, "http://h", ""); !strings.Contains(got, " "+ShellQuote(want)+" ") {
			t.Errorf("%s: %s", target, got)
		}
	}
}

func TestCurlKeepsSecretsOfTheQueryOut(t *testing.T) {
	rec := &capture.Record{Method: "POST", Path: "/r?key=[redacted]&a=it's&token=[redacted]", Headers: []capture.Header{
		{Name: `X-"$(id)"-Key`, Value: capture.Redacted},
	}}
	command, secrets := Curl(rec, "http://h", "/ca dir/ca.pem")
	want := `curl -sS --globoff --path-as-is --cacert '/ca dir/ca.pem' 'http://h/r?key='"$RELAY_QUERY_KEY"'&a=it'\''s&token='"$RELAY_QUERY_TOKEN" \
  ${RELAY_X____ID___KEY:+-H'X-"$(id)"-Key: '"$RELAY_X____ID___KEY"} \
  -H Accept: \
  -H User-Agent: \
  -H Content-Type: \
  --data-raw ''`
	if command != want {
		t.Errorf("got\n%s\nwant\n%s", command, want)
	}
	if strings.Join(secrets, " ") != "RELAY_QUERY_KEY RELAY_QUERY_TOKEN RELAY_X____ID___KEY" {
		t.Error(secrets)
	}
}

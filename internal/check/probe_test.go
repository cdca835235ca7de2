package check

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"relayctl/internal/auth"
)

func TestProbeConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  ProbeConfig
		want string
	}{
		{ProbeConfig{URL: "http://a/state"}, "names no customer"},
		{ProbeConfig{Command: "jq '{a: 1}' state.json"}, "names no customer"},
		{ProbeConfig{URL: "http://a/{messageid}"}, "did you mean {message_id}?"},
		{ProbeConfig{URL: "a/{ccid}"}, "not a URL that begins with"},
		{ProbeConfig{URL: "http://{ccid}.example.com/"}, "cannot stand in the host's name"},
		{ProbeConfig{URL: "http://u:p@a/{ccid}"}, "must not carry credentials"},
		{ProbeConfig{URL: "https://a:8443/c/{ccid}?m={message_id}"}, ""},
		{ProbeConfig{Command: `jq '{x: .["{ccid}"]}' state.json`}, ""},
	} {
		_, err := NewProbe(c.cfg)
		if got := errorText(err); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.cfg, got, c.want)
		}
	}
}

func TestProbePage(t *testing.T) {
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked = req.RequestURI + " " + req.Header.Get("X-Key")
		switch req.URL.Query().Get("s") {
		case "404":
			http.NotFound(w, req)
		case "302":
			http.Redirect(w, req, "/elsewhere", http.StatusFound)
		case "401":
			w.WriteHeader(http.StatusUnauthorized)
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	read := func(query string, id string) (bool, error) {
		p, err := NewProbe(ProbeConfig{URL: server.URL + "/{ccid}?s=" + query + "&c={ccid}", Headers: []auth.Header{{Name: "X-Key", Value: "k"}}})
		if err != nil {
			t.Fatal(err)
		}
		body, err := p.source.read(context.Background(), idSet{"ccid": id})
		return body != nil, err
	}
	if known, err := read("200", "a/b c&d"); !known || err != nil || asked != "/a%2Fb%20c&d?s=200&c=a%2Fb+c%26d k" {
		t.Errorf("%v %v, asked for %s", known, err, asked)
	}
	if known, err := read("404", "1"); known || err != nil {
		t.Errorf("404 was taken for a state: %v %v", known, err)
	}
	for status, want := range map[string]string{"302": "redirected to /elsewhere", "401": "needs credentials", "503": "status 503"} {
		if _, err := read(status, "1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", status, err)
		}
		if strings.HasPrefix(asked, "/elsewhere") {
			t.Error("the redirect was followed")
		}
	}
}

func TestProbeCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	for _, c := range []struct{ line, id, out, err string }{
		{line: `echo "{ccid}"`, id: "check-1", out: "check-1"},
		{line: `echo '{ccid}' {ccid} "{ccid}"`, id: "check-1", out: "check-1 check-1 check-1"},
		{line: "echo {ccid}", id: "$(touch /tmp/x)", err: "is not safe in a command"},
		{line: "echo {ccid}", id: "a'b", err: "is not safe in a command"},
		{line: "echo {ccid}", id: "-rf", err: "is not safe in a command"},
		{line: "false {ccid}", id: "1"},
		{line: "echo it is away >&2; exit 1 # {ccid}", id: "1", err: "it is away"},
		{line: "exit 3 # {ccid}", id: "1", err: "exit status 3"},
		{line: "sleep 2 & echo {ccid}", id: "behind", out: "behind"},
	} {
		p, err := NewProbe(ProbeConfig{Command: c.line})
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.source.read(context.Background(), idSet{"ccid": c.id})
		if got := errorText(err); string(out) != c.out || (out != nil) != (c.out != "") || c.err == "" && got != "" || !strings.Contains(got, c.err) {
			t.Errorf("%s: %q %q", c.line, out, got)
		}
	}
}

// What a command started ends with it when its time is over.
func TestACommandThatIsCutOffLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	beats := filepath.Join(t.TempDir(), "beats")
	p, err := NewProbe(ProbeConfig{Command: "(while :; do echo beat >>" + beats + "; sleep 0.02; done) & wait; echo {ccid}", Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.source.read(t.Context(), idSet{"ccid": "1"}); errorText(err) != "the command of the probe does not answer in time" {
		t.Errorf("%v", err)
	}
	size := func() int64 {
		i, err := os.Stat(beats)
		if err != nil {
			t.Fatal(err)
		}
		return i.Size()
	}
	before := size()
	for range 10 { // so many of its steps
		wait(t.Context(), 20*time.Millisecond)
	}
	if after := size(); after > before {
		t.Errorf("it goes on: %d bytes, then %d", before, after)
	}
}

// A probe of messages or events is read once for each of them.
func TestReadings(t *testing.T) {
	tr := teller(t)
	events := tr.written(life())
	for uses, want := range map[string]int{"{ccid}": 1, "{message_id}": 5, "{notification_id}": 5, "{event_id}": len(events), "{ccid}/{message_id}": 5} {
		p, err := NewProbe(ProbeConfig{URL: "http://127.0.0.1:1/" + uses})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(p.readings(events)); got != want {
			t.Errorf("%s is read %d times, want %d", uses, got, want)
		}
	}
}

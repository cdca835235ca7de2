package web

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"relayctl/internal/capture"
	"relayctl/internal/oracle"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
	"relayctl/internal/session"
)

// breaking is a capture that cannot be read once it is broken.
type breaking struct {
	io.ReaderAt
	broken bool
}

// ReadAt implements io.ReaderAt.
func (b *breaking) ReadAt(p []byte, at int64) (int, error) {
	if b.broken {
		return 0, errors.New("the disk is gone")
	}
	return b.ReaderAt.ReadAt(p, at)
}

// provoked is a call and the answer that it leads to.
type provoked struct {
	method, path string // of the schema
	call         string // "" for path
	body         string
	edit         func(*http.Request)
	want         int
}

func provokedLive() []provoked {
	large := `{"text":"` + strings.Repeat("x", mostBody) + `"}`
	return []provoked{
		{"get", "/api/requests", "", "", nil, 200},
		{"get", "/api/requests/{number}", "/api/requests/1", "", nil, 200},
		{"get", "/api/requests/{number}", "/api/requests/9", "", nil, 404},
		{"post", "/api/requests/{number}/replay", "/api/requests/1/replay", "{}", nil, 200},
		{"post", "/api/requests/{number}/replay", "/api/requests/9/replay", "", nil, 404},
		{"post", "/api/requests/{number}/replay", "/api/requests/1/replay", large, nil, 413},
		{"post", "/api/requests/{number}/replay", "/api/requests/1/replay", `{"set":{"x..y":1}}`, nil, 422},
		{"get", "/api/wait", "", "", nil, 200},
		{"get", "/api/wait", "/api/wait?count=9&timeout=1ms", "", nil, 408},
		{"get", "/api/journeys/{customer}", "/api/journeys/1", "", nil, 200},
		{"get", "/api/journeys/{customer}", "/api/journeys/2", "", nil, 404},
		{"get", "/api/rules", "", "", nil, 200},
		{"put", "/api/rules", "", `{"text":"","mode":"500"}`, nil, 200},
		{"put", "/api/rules", "", large, nil, 413},
		{"put", "/api/rules", "", `{"mode":"300"}`, nil, 422},
		{"put", "/api/rules", "", `{"text":"rules: []","save":true}`, nil, 500},
		{"get", "/api/stream", "", "", nil, 200},
		{"get", "/metrics", "", "", nil, 200},
		{"get", "/livez", "", "", nil, 200},
		{"get", "/readyz", "", "", nil, 200},
		{"delete", "/api/requests", "", "", nil, 204},
	}
}

func provokedCapture() []provoked {
	return []provoked{
		{"delete", "/api/requests", "", "", nil, 409},
		{"post", "/api/requests/{number}/replay", "/api/requests/1/replay", "", nil, 409},
		{"get", "/api/rules", "", "", nil, 409},
		{"put", "/api/rules", "", `{"mode":"500"}`, nil, 409},
	}
}

func provokedBroken() []provoked {
	return []provoked{
		{"get", "/api/requests", "", "", nil, 500},
		{"get", "/api/requests/{number}", "/api/requests/1", "", nil, 500},
		{"post", "/api/requests/{number}/replay", "/api/requests/1/replay", "", nil, 500},
		{"get", "/api/wait", "", "", nil, 500},
		{"get", "/api/journeys/{customer}", "/api/journeys/1", "", nil, 500},
		{"get", "/metrics", "", "", nil, 500},
	}
}

// described is the API's description, from which each answer that was seen is taken away.
type described map[string]object // "get /api/wait 400": the answer

func describe() described {
	d := described{}
	for path, item := range Schema()["paths"].(object) {
		for method, op := range item.(object) {
			for status, a := range op.(object)["responses"].(object) {
				d[method+" "+path+" "+status] = a.(object)
			}
		}
	}
	return d
}

// Each answer that the API gives stands in its description, with what it holds, and it
// gives each that stands there.
func TestAnswersAreDescribed(t *testing.T) {
	live := &bench{t: t}
	live.Session = session.New(session.Config{
		Rules: &script.Rules{}, RulesFile: filepath.Join(t.TempDir(), "gone", "rules.yaml"),
		Replay: func(context.Context, string, string, http.Header, []byte) (capture.App, error) {
			return capture.App{URL: "http://127.0.0.1:1/app", Status: 200}, nil
		},
	})
	live.serve(Config{})
	live.add(delivered("a", "1"), 200)
	req, err := live.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	line := string(req.Record.Append(nil))
	disk := &breaking{ReaderAt: strings.NewReader(line)}
	noCount := func() (judge.Summary, error) { return judge.Summary{}, errors.New("the disk is gone") }
	file := startFile(t, disk, int64(len(line)), session.Config{Summary: noCount})

	left := describe()
	seen := map[string]bool{}
	schemas := Schema()["components"].(object)["schemas"]
	check := func(b *bench, p provoked) {
		t.Helper()
		call := p.call
		if call == "" {
			call = p.path
		}
		status, h, text := b.do(strings.ToUpper(p.method), call, p.body, p.edit)
		key := p.method + " " + p.path + " " + strconv.Itoa(p.want)
		a := left[key]
		seen[key] = true
		kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
		contents, _ := a["content"].(object)
		if status != p.want || a == nil || len(contents) > 0 && contents[kind] == nil {
			t.Errorf("%s %s: %d %s %s, described as %v", p.method, call, status, kind, text, a)
			return
		}
		if kind == "application/json" {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			schema := maps.Clone(contents[kind].(object)["schema"].(object))
			schema["components"] = object{"schemas": schemas}
			if err == nil {
				err = oracle.Schema(t, schema).Validate(doc)
			}
			if err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	for key := range left {
		method, rest, _ := strings.Cut(key, " ")
		path, status, _ := strings.Cut(rest, " ")
		call := strings.NewReplacer("{number}", "1", "{customer}", "1").Replace(path)
		switch status {
		case "400":
			check(live, provoked{method, path, call + "?unknown=1", "", nil, 400})
		case "401":
			check(live, provoked{method, path, call, "", func(r *http.Request) { r.Header.Del("Authorization") }, 401})
		case "403":
			check(live, provoked{method, path, call, "", header("Origin", "http://evil.example"), 403})
		}
	}
	for _, p := range provokedLive() {
		check(live, p)
	}
	for _, p := range provokedCapture() {
		check(file, p)
	}
	disk.broken = true
	for _, p := range provokedBroken() {
		check(file, p)
	}
	for key := range left {
		if !seen[key] {
			t.Errorf("%s is described, but nothing leads to it", key)
		}
	}
}

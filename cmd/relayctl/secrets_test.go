package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// secretSet are the secrets of some runs.
type secretSet struct{ password, key, client, header, user, query, probe, token string }

func (s secretSet) all() []string {
	return []string{s.password, s.key, s.client, s.header, s.user, s.query, s.probe, s.token}
}

// mixedSecrets have capitals, small letters and what encoders write in another way.
func mixedSecrets() secretSet {
	return secretSet{`Pa55"Word'&<pW>%01\é`, "K3y+/=0123 456Äß", `Cl1ent_"Secret'\<Ab>&`, `X7Gf2-"Header'<&>%q`, "Us3rInfo-ZZ*(9)", "Qu3ry_Token-77XyZ", "Pr0be~Header-5Qq", `T0ken.Of_The-Run+/1Q==`}
}

// echo is an endpoint, a token endpoint and a probe that say back, in every
// encoding, all that they are told.
func echo(t *testing.T, s secretSet) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		said := r.URL.RequestURI() + "\n" + string(body[:min(len(body), 2000)])
		for name, values := range r.Header {
			for _, v := range values {
				said += "\n" + name + ": " + v + " " + url.QueryEscape(v) + " " + base64.StdEncoding.EncodeToString([]byte(v))
				if _, pair, ok := strings.Cut(v, "Basic "); ok {
					plain, _ := base64.StdEncoding.DecodeString(pair)
					said += " " + string(plain)
				}
			}
		}
		quoted, _ := json.Marshal(said)
		switch {
		case strings.HasPrefix(r.URL.Path, "/token/bad"):
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":%s}`, quoted)
		case strings.HasPrefix(r.URL.Path, "/token/odd"):
			fmt.Fprintf(w, `{"token_type":%s,"expires_in":%s}`, quoted, quoted)
		case strings.HasPrefix(r.URL.Path, "/token"):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"bearer","expires_in":3600}`, s.token)
		case strings.HasPrefix(r.URL.Path, "/301"):
			w.Header().Set("Location", "https://elsewhere.test/?said="+url.QueryEscape(said))
			w.WriteHeader(http.StatusMovedPermanently)
		default:
			status := 200
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			w.Header().Set("WWW-Authenticate", strings.ReplaceAll(said, "\n", " "))
			w.WriteHeader(status)
			fmt.Fprintln(w, said)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// secretRuns are commands that are given the secrets. $ is the echo's URL.
func secretRuns(s secretSet) [][]string {
	basic := []string{"--auth", "basic", "--username", "relay", "--password", s.password}
	key := []string{"--auth", "api-key", "--api-key", s.key}
	oauth := func(path string) []string {
		return []string{"--auth", "oauth", "--token-url", "$/token" + path, "--client-id", "relay", "--client-secret", s.client}
	}
	custom := []string{"--header", "X-Custom: " + s.header}
	reports := []string{"--report", "json=r.json", "--report", "junit=r.xml", "--report", "html=r.html"}
	send := []string{"send", "message.delivered", "--attempts", "2", "--retry-delays", "1ms"}
	check := []string{"check", "--only", "http.*,auth.*,event.accept", "--report", "github=r.md", "--har", "r.har", "--save", "saved"}
	campaign := []string{"send", "--csv", "@/rows.csv", "--rejects", "rejects.txt"}
	list := [][]string{
		join([]string{refusedRun, "listen", "--addr", "secret.invalid:0"}, basic),
		{refusedRun, "listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--forward", "http://relay:" + s.user + "@127.0.0.1:1/"},
		{"listen", "http://127.0.0.1:1/?token=" + s.query + "&%zz", "--for", "1ms", "--addr", "127.0.0.1:0"},
		join([]string{refusedRun}, send, []string{"--to", "http://relay:" + s.user + "@127.0.0.1:1/"}),
		join([]string{refusedRun}, send, []string{"--to", "http://relay:" + s.user + "@%zz/"}),
		join([]string{refusedRun}, send, []string{"--to", "relay:" + s.user + "@localhost"}),
		join(send, []string{"--to", "http://127.0.0.1:1/?api_key=" + s.query}),
		join([]string{refusedRun}, send, []string{"--to", "http://127.0.0.1:1/?token=" + s.query + "&%zz x"}),
		join(send, []string{"--to", "$/200?token=" + s.query}, reports),
		join(send, []string{"--to", "$/500", "--journal", "j.jsonl"}, basic, custom),
		join(send, custom, basic),
		join(send, []string{"--to", "http://relay.test/", "--insecure-http", "--proxy", "http://relay:" + s.user + "@127.0.0.1:1"}),
		join(send, []string{"--to", "$/200", "--proxy", "$/" + s.query + "@"}),
		join(send, []string{"--dry-run"}, custom, basic),
		join([]string{refusedRun}, send, []string{"--tiemout", "3s"}, basic),
		join([]string{refusedRun}, send, []string{"--header", s.header}),
		join([]string{"config", "--output", "json"}),
		{refusedRun, "inspect", "c.jsonl", "--curl", "1", "--to", "http://relay:" + s.user + "@127.0.0.1:1"},
		{"inspect", "c.jsonl", "--curl", "1", "--to", "http://127.0.0.1:1/?token=" + s.query + "&%zz"},
		{refusedRun, "inspect", "c.jsonl", "--curl", "1", "--to", "http://relay:" + s.user + "@[/"},
		{"inspect", "c.jsonl"},
		{"inspect", "c.jsonl", "--har", "c.har", "--to", "http://127.0.0.1:1/" + s.query + "?token=" + s.query},
		{"redact", "c.jsonl", "-o", "red.jsonl", "--salt", s.key},
		join(campaign, []string{"--dry-run", "--output", "json"}, basic, custom),
		join(campaign, []string{"--to", "$/200", "--journal", "j.jsonl"}, basic, reports),
		join([]string{"send", "--csv", "@/rows.csv", "--dry-run"}, basic),
		join([]string{"send", "--csv", "@/header.csv", "--dry-run"}, basic),
		join([]string{"send", "@/events.jsonl", "--to", "$/500", "--journal", "j.jsonl", "--attempts", "1"}, basic, custom, reports),
		join([]string{"send", "@/events.jsonl", "--to", "$/200", "--journal", "j.jsonl", "--output", "json", "--metrics", "127.0.0.1:0"}, basic, reports),
		join([]string{"send", "@/events.jsonl", "--output", "json"}, basic, reports),
		join(send, []string{"--to", "$/200", "--set", "payload.message_name=" + s.password, "--journal", "j.jsonl"}, basic, reports),
		join(check, []string{"--to", "$/500", "--write-baseline", "new.yaml", "--baseline", "@/known.yaml"}, basic, custom, reports),
		join(check, []string{"--to", "$/200", "--only", "duplicate.sequential,duplicate.lost-ack", "--probe-cmd", "echo " + s.probe + " {ccid}; echo token=" + s.probe + " >&2; false"}, basic, custom, reports),
		join(check, []string{"--to", "$/200", "--probe", "$/200/{ccid}?token=" + s.query, "--probe-header", "X-Probe: " + s.probe, "--max-duration", "2s"}, basic, custom, reports),
		join(check, []string{"--to", "$/500", "--probe-cmd", "echo Authorization: Bearer " + s.probe + " {ccid}; false"}, key, custom, reports),
		join(check, []string{"--to", "$/301", "--output", "json"}, oauth(""), custom, reports),
		join(check, []string{"--to", "$/401", "--verbose"}, oauth("/bad"), reports),
	}
	for _, output := range []string{"text", "json"} {
		for _, status := range []string{"200", "401", "301"} {
			for _, auth := range [][]string{basic, key, oauth("")} {
				list = append(list, join(send, []string{"--to", "$/" + status, "--output", output}, auth, custom, reports))
			}
		}
		list = append(list,
			join(send, []string{"--to", "$/200", "--output", output}, oauth("/bad"), reports),
			join(send, []string{"--to", "$/200", "--output", output}, oauth("/odd"), reports),
			join(send, []string{"--output", output}, key, custom, reports),
			[]string{"config", "send", "--output", output})
	}
	return list
}

// refusedRun stands before a run that is refused, and shows a message and nothing else.
const refusedRun = "!"

func join(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestNoSecretIsShown(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	runs, outputs := noSecretIsShown(t, mixedSecrets(), nil)
	t.Logf("%d runs, %d outputs searched", runs, outputs)
}

// noSecretIsShown makes the runs, and others, and searches what each has written.
func noSecretIsShown(t *testing.T, s secretSet, others [][]string) (runs, outputs int) {
	t.Chdir(t.TempDir())
	at, files := echo(t, s), secretFiles(t, s)
	home := secretConfig(t, s, at)
	environ := []string{
		"RELAYCTL_PASSWORD=" + s.password, "RELAYCTL_HEADER=X-Env: " + s.header, "RELAYCTL_CLIENT_SECRET=" + s.client,
		"XDG_CONFIG_HOME=" + home, "GITHUB_STEP_SUMMARY=summary.md",
	}
	inJSON := []string{"--output", "json", "--capture", "c.jsonl", "--auth", "basic", "--username", "relay", "--password", "env:RELAYCTL_PASSWORD"}
	inText := []string{"--rules", filepath.Join(files, "rules.yaml"), "--auth", "api-key", "--api-key", s.key}
	for _, args := range [][]string{inJSON, inText} {
		outputs += searched(t, s, join([]string{"listen"}, args), listened(t, s, at, environ, args))
		runs++
	}
	for _, args := range slices.Concat(secretRuns(s), others) {
		refused := args[0] == refusedRun
		if refused {
			args = args[1:]
		}
		var out, errs bytes.Buffer
		typed := make([]string, len(args))
		for i, a := range args {
			typed[i] = strings.Replace(a, "$/", at+"/", 1)
			if name, ok := strings.CutPrefix(a, "@/"); ok {
				typed[i] = filepath.Join(files, name)
			}
		}
		env := environ[3:]
		if args[0] == "config" {
			env = environ
		}
		ctx, interrupt := context.WithCancel(context.Background())
		watch := &onWriting{Writer: &errs, text: "watching", do: func() {
			if slices.Contains(args, "--watch") {
				interrupt()
			}
		}}
		code := run(ctx, context.Background(), nil, typed, strings.NewReader(""), &out, watch, env)
		interrupt()
		if (code == exitUsage) != refused {
			t.Errorf("%q: exit code %d, %s", args, code, errs.String())
		}
		outputs += searched(t, s, args, map[string]string{"stdout": out.String(), "stderr": errs.String()})
		runs++
	}
	return runs, outputs
}

// onWriting does something once a text is written.
type onWriting struct {
	io.Writer
	text string
	do   func()
}

func (w *onWriting) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.do()
	}
	return w.Writer.Write(p)
}

// secretFiles are files of people whose texts happen to be the secrets of the run.
func secretFiles(t *testing.T, s secretSet) string {
	dir := t.TempDir()
	quote := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
	event, _ := json.Marshal(map[string]any{
		"event_id": s.password, "event_name": "message." + s.password, "event_ts": s.password,
		"payload": map[string]string{"ccid": s.password, s.password: s.header, "event_type": s.header},
	})
	for name, text := range map[string]string{
		"rows.csv":     "ccid,consent_type,phone_number\n1001," + quote(s.password) + ",\n1002,," + quote(s.password) + "\n1003,stop,\n",
		"header.csv":   "ccid," + quote(s.password) + "\n1001,1\n",
		"events.jsonl": string(event) + "\n",
		"rules.yaml":   fmt.Sprintf("rules:\n  - respond: [{status: 503, headers: {Retry-After: 1, X-Said: %q}, body: %q}, 200]\n", url.QueryEscape(s.key), "it says "+s.key),
		"broken.yaml":  fmt.Sprintf("profiles:\n  full: {pasword: %q, header: [%q]}\n", s.password, "X-Custom: "+s.header),
		"known.yaml":   fmt.Sprintf("known_failures:\n  - id: event.accept\n    reason: %q\n", "it says "+s.password+" and "+s.header),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// secretConfig is a configuration folder with a profile that holds secrets as they are.
func secretConfig(t *testing.T, s secretSet, at string) (home string) {
	home = t.TempDir()
	full := map[string]any{
		"to": at + "/500?token=" + s.query, "auth": "basic", "username": "relay", "password": s.password, "header": []string{"X-Custom: " + s.header},
		"proxy": "none", "probe": at + "/200/{ccid}?token=" + s.query, "probe-header": []string{"X-Probe: " + s.probe}, "forward": []string{at + "/200?token=" + s.query}, "salt": s.key, "ui-token": s.token,
	}
	text, _ := json.Marshal(map[string]any{"profiles": map[string]any{"full": full}})
	if err := os.MkdirAll(filepath.Join(home, "relayctl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "relayctl", "relayctl.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

// listened runs listen with more flags, an app that says everything back, and
// callers with right and with wrong credentials.
func listened(t *testing.T, s secretSet, app string, environ, more []string) map[string]string {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stdout, in := io.Pipe()
	errs := &guarded{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx, ctx, nil, join([]string{
			"listen", "--addr", "127.0.0.1:0", "--verbose", "--forward", app + "/200?token=" + s.query,
			"--forward-header", "X-Added: " + s.header, "--ui=127.0.0.1:0", "--ui-token", s.token,
		}, more), strings.NewReader(""), in, errs, environ)
		_ = in.Close()
	}()
	r := bufio.NewReader(stdout)
	first, err := r.ReadString('\n')
	at := regexp.MustCompile(`https://127\.0\.0\.1:\d+/`).FindString(first)
	if err != nil || at == "" {
		t.Fatalf("%v: %q %s", err, first, errs.String())
	}
	rest := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		rest <- string(all)
	}()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // its own CA
	defer client.CloseIdleConnections()
	for _, password := range []string{s.password, "wrong"} {
		body := fmt.Sprintf(`{"event_id":"1","event_name":"message.delivered","event_ts":"2026-01-31T12:00:00.000Z","payload":{"note":%q,"b":"\u00ff"}}`, s.password)
		for _, send := range []string{body, body + "\xff"} {
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, at+"?token="+s.query, strings.NewReader(send))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Said", base64.StdEncoding.EncodeToString([]byte("relay:"+s.password)))
			if slices.Contains(more, "api-key") {
				req.Header.Set("ApiKey", strings.Replace(password, s.password, s.key, 1))
			} else {
				req.SetBasicAuth("relay", password)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	}
	shown := inspectorShows(t, client, regexp.MustCompile(`inspector (http://\S+)`).FindStringSubmatch(errs.String())[1], s)
	stop()
	<-ended
	shown["stdout"], shown["stderr"] = first+<-rest, errs.String()
	return shown
}

// inspectorShows asks the inspector for all that it shows of a few requests.
func inspectorShows(t *testing.T, client *http.Client, url string, s secretSet) map[string]string {
	shown := map[string]string{}
	for _, path := range []string{
		"/", "/ui/rows", "/ui/requests/1", "/ui/requests/1/edit", "/ui/requests/2", "/ui/requests/3", "/ui/diff?a=1&b=2", "/ui/rules",
		"/api/requests", "/api/requests/1", "/api/requests/2", "/api/wait?count=1", "/api/journeys/x", "/api/rules", "/metrics", "!/api/requests/1/replay", "/ui/requests/1",
	} {
		method := http.MethodGet
		at, replay := strings.CutPrefix(path, "!")
		if replay {
			method = http.MethodPost
		}
		req, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(url, "/")+at, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode >= 500 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		shown[path+" of the inspector"] += string(text)
	}
	return shown
}

// searched looks for the secrets in what was printed and in every file, and takes
// away the files but the capture.
func searched(t *testing.T, s secretSet, args []string, printed map[string]string) int {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		printed[path] = string(text)
		if path != "c.jsonl" && !strings.HasPrefix(path, "part") {
			_ = os.Remove(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range printed {
		all := peel(text)
		for _, secret := range s.all() {
			if where := findSecret(all, secret); where != "" {
				t.Errorf("%q\n%s shows %q: %s", args, name, secret, where)
			}
		}
	}
	return len(printed)
}

// peeled is a text, and what its words are once their base64 is undone.
type peeled struct {
	text  string
	plain []string
}

// encodedWords may be base64; escapeForms are those of URLs, JSON, Go, HTML and C.
var (
	encodedWords = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`)
	escapeForms  = regexp.MustCompile(`%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|&#x?[0-9a-fA-F]+;|\\[0-3][0-7]{2}`)
)

// peel returns a text, and what it is once its escapes are undone once and twice.
func peel(text string) (all []peeled) {
	standard := strings.NewReplacer("-", "+", "_", "/")
	for range 3 {
		p := peeled{text: strings.ToLower(text)}
		for _, word := range encodedWords.FindAllString(text, -1) {
			word = standard.Replace(word)
			for offset := range 4 {
				part := word[min(offset, len(word)):]
				plain, _ := base64.RawStdEncoding.DecodeString(part[:len(part)/4*4])
				p.plain = append(p.plain, strings.ToLower(string(plain)))
			}
		}
		all = append(all, p)
		plainer := undo(text)
		if plainer == text {
			break
		}
		text = plainer
	}
	return all
}

// findSecret looks for a secret, in any case, in a peeled text. It returns what stands around it.
func findSecret(all []peeled, secret string) string {
	secret = strings.ToLower(secret)
	once := undo(secret) // escapes of the secret itself are taken off with those of the text
	for _, p := range all {
		for _, form := range []string{secret, once, undo(once)} {
			if i := strings.Index(p.text, form); i >= 0 {
				return p.text[max(0, i-60):min(len(p.text), i+len(form)+20)]
			}
		}
		for _, plain := range p.plain {
			if strings.Contains(plain, secret[:len(secret)-1]) {
				return "base64 of " + plain
			}
		}
	}
	return ""
}

// undo takes one layer of escapes off.
func undo(text string) string {
	text = escapeForms.ReplaceAllStringFunc(text, func(e string) string {
		var c rune
		for _, format := range []string{`\u%x`, `\x%x`, "&#x%x;", "&#%d;"} {
			if n, _ := fmt.Sscanf(e, format, &c); n == 1 {
				return string(c)
			}
		}
		for _, format := range []string{"%%%x", `\%o`} {
			if n, _ := fmt.Sscanf(e, format, &c); n == 1 {
				return string([]byte{byte(c)})
			}
		}
		return e
	})
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `'\''`, "'", "&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", `"`).Replace(text)
}

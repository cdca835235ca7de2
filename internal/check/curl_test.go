package check

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/auth"
	"relayctl/internal/sim"
)

// seen is what arrives of a request, as far as a receiver can tell.
type seen struct {
	Method, Target, Body string
	Header               http.Header
	Length               int64
}

// recorder is a server that notes its last request.
func recorder(t *testing.T) (*httptest.Server, func() seen) {
	var last atomic.Pointer[seen]
	last.Store(&seen{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		last.Store(&seen{r.Method, r.URL.RequestURI(), string(body), r.Header, r.ContentLength})
	}))
	t.Cleanup(srv.Close)
	return srv, func() seen { return *last.Load() }
}

// envFor is the environment of a run against a URL, with those credentials.
func envFor(t *testing.T, url string, cfg auth.Config) *Env {
	t.Helper()
	scheme, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &Env{URL: url, Auth: scheme, AuthCfg: cfg, Timeout: 10 * time.Second, RunID: "r1", SaveDir: t.TempDir(), Start: time.Now()}
}

// secrets is the environment in which a command is run.
var secrets = []string{"RELAY_PASSWORD=p4ss 'w\"ord$x", "RELAY_API_KEY=key-7f3aQ9zLmW0x", "RELAY_HEADER_X_API_TOKEN=t0ken-Value", "RELAY_QUERY_TOKEN=in the query"}

func sh(t *testing.T, command string) string {
	t.Helper()
	for _, need := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("there is no %s on this machine", need)
		}
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Env = append(os.Environ(), secrets...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", command, err, out)
	}
	return string(out)
}

func TestCurlRepeatsACallByteForByte(t *testing.T) {
	basic := auth.Config{Kind: "basic", Username: "re lay'", Password: auth.NewSecret("p4ss 'w\"ord$x")}
	key := auth.Config{Kind: "api-key", APIKey: auth.NewSecret("key-7f3aQ9zLmW0x")}
	pair := base64.StdEncoding.EncodeToString([]byte("re lay':p4ss 'w\"ord$x"))
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, c := range map[string]struct {
		cfg  auth.Config
		call sim.Call
	}{
		"plain":                {auth.Config{}, sim.Call{Body: []byte(`{"a":1}`)}},
		"quotes":               {auth.Config{}, sim.Call{Body: []byte(`{"a":"it's $HOME \"x\" \\ %s !"}`)}},
		"at sign":              {auth.Config{}, sim.Call{Body: []byte(`@/etc/passwd`)}},
		"dash":                 {auth.Config{}, sim.Call{Body: []byte(`-x`)}},
		"unicode":              {auth.Config{}, sim.Call{Body: []byte(`{"a":"ü漢😀"}`)}},
		"line breaks":          {auth.Config{}, sim.Call{Body: []byte("{\r\n \"a\": 1\n}\n")}},
		"all bytes":            {auth.Config{}, sim.Call{Body: every}},
		"digits after a NUL":   {auth.Config{}, sim.Call{Body: []byte("\x001\x0022%d\\n")}},
		"hidden marks":         {auth.Config{}, sim.Call{Body: []byte("\ufeff{}\u202e")}},
		"empty":                {auth.Config{}, sim.Call{}},
		"large":                {auth.Config{}, sim.Call{Body: []byte(`"` + strings.Repeat("x", 2<<20) + `"`)}},
		"get":                  {auth.Config{}, sim.Call{Method: "GET"}},
		"get with a body":      {auth.Config{}, sim.Call{Method: "GET", Body: []byte("{}")}},
		"put":                  {auth.Config{}, sim.Call{Method: "PUT", Body: []byte("{}")}},
		"explicit post":        {auth.Config{}, sim.Call{Method: "POST"}},
		"content type":         {auth.Config{}, sim.Call{Body: []byte("{}"), ContentType: "Application/JSON; charset=utf-8"}},
		"no content type":      {auth.Config{}, sim.Call{Body: []byte("{}"), ContentType: "-"}},
		"headers":              {auth.Config{}, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "X-It's", Value: `a "b" $c`}, {Name: "X-Empty"}}}},
		"basic":                {basic, sim.Call{Body: []byte("{}"), Signed: []auth.Header{{Name: "Authorization", Value: "basic " + pair}}}},
		"basic in upper case":  {basic, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "BASIC " + pair}}}},
		"half of the header":   {basic, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic " + pair[:12]}}}},
		"the header and more":  {basic, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic " + pair + "'x"}}}},
		"a changed header":     {basic, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic " + pair[:16] + "AAAA"}}}},
		"another's credential": {basic, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic d3Jvbmc6d3Jvbmc="}}}},
		"api key":              {key, sim.Call{Body: []byte("{}"), Signed: []auth.Header{{Name: "ApiKey", Value: "key-7f3aQ9zLmW0x"}}}},
		"half of the key":      {key, sim.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "ApiKey", Value: "key-7f3aQ"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, last := recorder(t)
			e := envFor(t, srv.URL+"/hook?a=b&token=in the query&c='", c.cfg)
			e.URL = strings.ReplaceAll(e.URL, "in the query", "plain-enough")
			e.Headers = []auth.Header{{Name: "X-Api-Token", Value: "t0ken-Value"}, {Name: "X-Team", Value: "a b"}}
			tr, err := e.newTrial(&Check{ID: "x.y"})
			if err != nil {
				t.Fatal(err)
			}
			if x := tr.Call(t.Context(), c.call); x.Answer.Status != 200 {
				t.Fatal(x.Describe())
			}
			want := last()
			command := e.Curl(c.call)
			for _, secret := range []string{"p4ss", "key-7f3aQ", "t0ken-Value", "plain-enough", pair[:12]} {
				if strings.Contains(command, secret) {
					t.Errorf("the command shows %q: %s", secret, command)
				}
			}
			if out := sh(t, "RELAY_QUERY_TOKEN=plain-enough; "+command); !strings.Contains(out, "200 OK") {
				t.Errorf("the command does not show the status: %s", out)
			}
			if diff := cmp.Diff(want, last()); diff != "" {
				t.Errorf("%s\nanother request:\n%s", command, diff)
			}
		})
	}
}

func TestCurlTrustsAsConfigured(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer srv.Close()
	e := envFor(t, srv.URL, auth.Config{})
	e.CACert = "my ca.pem"
	if got := e.Curl(sim.Call{}); !strings.Contains(got, " --cacert 'my ca.pem' ") {
		t.Error(got)
	}
	e.CACert, e.TLS = "", srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	e.TLS.InsecureSkipVerify = true
	if out := sh(t, e.Curl(sim.Call{})); !strings.Contains(out, "418") {
		t.Error(out)
	}
}

func TestOAuthTokensNeverShow(t *testing.T) {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"tok-3n-Val-ue","token_type":"bearer","expires_in":3600}`)
	}))
	defer tokens.Close()
	e := envFor(t, "http://127.0.0.1/", auth.Config{Kind: "oauth", TokenURL: tokens.URL, ClientID: "c", ClientSecret: auth.NewSecret("s3cret-of-The-client")})
	signed, err := e.Sign(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := e.Curl(sim.Call{Signed: signed})
	if !strings.Contains(got, `-H 'Authorization: Bearer '"$RELAY_TOKEN"`) || strings.Contains(got, "tok-3n") {
		t.Error(got)
	}
	res := e.scrubResult(Result{Actual: "it echoes tok-3n-Val-ue", Subs: []Sub{{Actual: "s3cret-of-The-client"}}})
	if res.Actual != "it echoes [redacted]" || res.Subs[0].Actual != "[redacted]" {
		t.Errorf("%+v", res)
	}
	send := e.SendCommand("a b.jsonl")
	if want := "relayctl send 'a b.jsonl' --to http://127.0.0.1/ --auth oauth --token-url " + tokens.URL + " --client-id c --client-secret env:RELAY_CLIENT_SECRET"; send != want {
		t.Errorf("%s\nwant %s", send, want)
	}
}

func TestALargeBodyThatIsNotSavedIsSaidSo(t *testing.T) {
	e := envFor(t, "http://127.0.0.1/", auth.Config{})
	e.SaveDir = ""
	got := e.Curl(sim.Call{Body: make([]byte, mostInline+1)})
	if !strings.Contains(got, "# the body of 8193 bytes is not saved") {
		t.Error(got)
	}
}

func TestSequencesAreSavedForSend(t *testing.T) {
	e := envFor(t, "http://127.0.0.1/hook", auth.Config{})
	got := e.SaveSequence("order.x", sim.Delivery{Body: []byte(`{"a":1}`)}, sim.Delivery{Body: []byte("{\n\"b\":2}")})
	path := strings.Fields(got)[2]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != "{\"a\":1}\n{ \"b\":2}\n" || !strings.HasSuffix(got, " --to http://127.0.0.1/hook --workers 1") {
		t.Errorf("%s: %q", got, data)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("it's", []byte("a\x00%\\'\n"))
	f.Fuzz(func(t *testing.T, s string, body []byte) {
		word := quote(s)
		if got := strings.ReplaceAll(word, `'\''`, ""); strings.Count(got, "'")%2 != 0 {
			t.Errorf("%q leaves a quote open", word)
		}
		for _, c := range []byte(strings.Trim(printfFormat(body), "'")) {
			if c < ' ' || c >= 0x7f || c == '\'' {
				t.Errorf("%q is not plain", printfFormat(body))
			}
		}
	})
}

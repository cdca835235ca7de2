package report

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/auth"
	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
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

// repeatsFor words the repeats of a run against a URL, with those credentials.
func repeatsFor(t *testing.T, url string, cfg auth.Config) *CheckRepeats {
	return &CheckRepeats{Settings: &check.Settings{URL: url, AuthConfig: cfg, RunID: "r1", Seed: 7}, Folder: t.TempDir()}
}

// shellSecrets is the environment in which a command is run.
var shellSecrets = []string{"RELAY_PASSWORD=p4ss 'w\"ord$x", "RELAY_API_KEY=key-7f3aQ9zLmW0x", "RELAY_HEADER_X_API_TOKEN=t0ken-Value", "RELAY_QUERY_TOKEN=in the query"}

func sh(t *testing.T, command string) string {
	t.Helper()
	for _, need := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("there is no %s on this machine", need)
		}
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Env = append(os.Environ(), shellSecrets...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v: %s", command, err, out)
	}
	return string(out)
}

func TestACallIsRepeatedByteForByte(t *testing.T) {
	basic := auth.Config{Kind: "basic", Username: "re lay'", Password: auth.NewSecret("p4ss 'w\"ord$x")}
	key := auth.Config{Kind: "api-key", APIKey: auth.NewSecret("key-7f3aQ9zLmW0x")}
	pair := base64.StdEncoding.EncodeToString([]byte("re lay':p4ss 'w\"ord$x"))
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, c := range map[string]struct {
		cfg  auth.Config
		call wire.Call
	}{
		"plain":                {auth.Config{}, wire.Call{Body: []byte(`{"a":1}`)}},
		"quotes":               {auth.Config{}, wire.Call{Body: []byte(`{"a":"it's $HOME \"x\" \\ %s !"}`)}},
		"at sign":              {auth.Config{}, wire.Call{Body: []byte(`@/etc/passwd`)}},
		"dash":                 {auth.Config{}, wire.Call{Body: []byte(`-x`)}},
		"unicode":              {auth.Config{}, wire.Call{Body: []byte(`{"a":"ü漢😀"}`)}},
		"line breaks":          {auth.Config{}, wire.Call{Body: []byte("{\r\n \"a\": 1\n}\n")}},
		"all bytes":            {auth.Config{}, wire.Call{Body: every}},
		"digits after a NUL":   {auth.Config{}, wire.Call{Body: []byte("\x001\x0022%d\\n")}},
		"hidden marks":         {auth.Config{}, wire.Call{Body: []byte("\ufeff{}\u202e")}},
		"empty":                {auth.Config{}, wire.Call{}},
		"large":                {auth.Config{}, wire.Call{Body: []byte(`"` + strings.Repeat("x", 2<<20) + `"`)}},
		"get":                  {auth.Config{}, wire.Call{Method: "GET"}},
		"get with a body":      {auth.Config{}, wire.Call{Method: "GET", Body: []byte("{}")}},
		"put":                  {auth.Config{}, wire.Call{Method: "PUT", Body: []byte("{}")}},
		"explicit post":        {auth.Config{}, wire.Call{Method: "POST"}},
		"content type":         {auth.Config{}, wire.Call{Body: []byte("{}"), ContentType: "Application/JSON; charset=utf-8"}},
		"no content type":      {auth.Config{}, wire.Call{Body: []byte("{}"), ContentType: "-"}},
		"headers":              {auth.Config{}, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "X-It's", Value: `a "b" $c`}, {Name: "X-Empty"}}}},
		"basic":                {basic, wire.Call{Body: []byte("{}"), Signed: []auth.Header{{Name: "Authorization", Value: "basic " + pair}}}},
		"basic in upper case":  {basic, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "BASIC " + pair}}}},
		"half of the header":   {basic, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic " + pair[:12]}}}},
		"the header and more":  {basic, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic " + pair + "'x"}}}},
		"a changed header":     {basic, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic " + pair[:16] + "AAAA"}}}},
		"another's credential": {basic, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "Authorization", Value: "basic d3Jvbmc6d3Jvbmc="}}}},
		"api key":              {key, wire.Call{Body: []byte("{}"), Signed: []auth.Header{{Name: "ApiKey", Value: "key-7f3aQ9zLmW0x"}}}},
		"half of the key":      {key, wire.Call{Body: []byte("{}"), Headers: []auth.Header{{Name: "ApiKey", Value: "key-7f3aQ"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, last := recorder(t)
			r := repeatsFor(t, srv.URL+"/hook?a=b&token=plain-enough&c='", c.cfg)
			r.Settings.Headers = []auth.Header{{Name: "X-Api-Token", Value: "t0ken-Value"}, {Name: "X-Team", Value: "a b"}}
			sender, err := sim.NewSender(sim.SenderConfig{URL: r.Settings.URL, Headers: r.Settings.Headers, Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			caller := sender.Conn()
			defer caller.Close()
			if answer := caller.Do(t.Context(), c.call); answer.Status != 200 {
				t.Fatal(answer.Detail)
			}
			want := last()
			command := r.of("x.y", &check.Repeat{Call: &c.call, Secrets: knownSecrets(c.cfg)})
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

// knownSecrets are those that a run knows of its credentials.
func knownSecrets(c auth.Config) []check.Secret {
	switch c.Kind {
	case auth.KindBasic:
		pair := base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password.Reveal()))
		return []check.Secret{{Kind: check.SecretPair, Text: pair}, {Kind: check.SecretPassword, Text: c.Password.Reveal()}}
	case auth.KindAPIKey:
		return []check.Secret{{Kind: check.SecretKey, Text: c.APIKey.Reveal()}}
	}
	return nil
}

func TestRepeatsTrustAsConfigured(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer srv.Close()
	r := repeatsFor(t, srv.URL, auth.Config{})
	r.CACert = "my ca.pem"
	if got := r.of("x.y", &check.Repeat{Call: &wire.Call{}}); !strings.Contains(got, " --cacert 'my ca.pem' ") {
		t.Error(got)
	}
	r.CACert, r.Settings.TLS = "", srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	r.Settings.TLS.InsecureSkipVerify = true
	if out := sh(t, r.of("x.y", &check.Repeat{Call: &wire.Call{}})); !strings.Contains(out, "418") {
		t.Error(out)
	}
}

func TestTokensNeverShow(t *testing.T) {
	cfg := auth.Config{Kind: "oauth", TokenURL: "http://t/", ClientID: "c", ClientSecret: auth.NewSecret("s3cret-of-The-client")}
	r := repeatsFor(t, "http://127.0.0.1/", cfg)
	call := &wire.Call{Signed: []auth.Header{{Name: "Authorization", Value: "Bearer tok-3n-Val-ue"}}}
	got := r.of("x.y", &check.Repeat{Call: call, Secrets: []check.Secret{{Kind: check.SecretToken, Text: "tok-3n-Val-ue"}}})
	if !strings.Contains(got, `-H 'Authorization: Bearer '"$RELAY_TOKEN"`) || strings.Contains(got, "tok-3n") {
		t.Error(got)
	}
}

// What one call cannot show is a command of relayctl's, with the credentials of
// the run.
func TestRepeatsOfMoreThanACall(t *testing.T) {
	const to = " --to http://127.0.0.1/hook --auth oauth --token-url http://t/ --client-id c --client-secret env:RELAY_CLIENT_SECRET"
	r := repeatsFor(t, "http://127.0.0.1/hook", auth.Config{Kind: "oauth", TokenURL: "http://t/", ClientID: "c"})
	r.Flags = "--probe 'http://p/{ccid}'"
	const itself = "relayctl check --only order.x" + to + " --seed 7 --probe 'http://p/{ccid}'"
	for _, c := range []struct {
		repeat check.Repeat
		want   string // with FILE for the saved one
	}{
		{check.Repeat{Itself: true}, itself},
		{check.Repeat{Load: &check.Load{Events: 80, Rate: sim.Rate{Calls: 5000, Per: time.Minute}, Workers: 4, TimeScale: 0.5}}, "relayctl send --records=10" + to + " --rate 5000/m --workers 4 --time-scale 0.5"},
		{check.Repeat{Sequence: &check.Sequence{Name: "a", Data: []byte("{}\n")}}, itself + " # the calls alone: relayctl send FILE.jsonl" + to + " --workers 1"},
		{check.Repeat{Sequence: &check.Sequence{Name: "a", Batch: 50, Shape: event.Array}}, itself + " # the calls alone: relayctl send FILE.jsonl" + to + " --workers 1 --batch 50 --batch-shape array"},
		{check.Repeat{Sequence: &check.Sequence{Name: "a", Scenario: true, AtOnce: 8}}, itself + " # the calls alone: relayctl send FILE.yaml" + to + " --spread --workers 8"},
		{check.Repeat{Sequence: &check.Sequence{Name: "a", Scenario: true, Hurry: true}}, itself + " # the calls alone: relayctl send FILE.yaml" + to + " --time-scale 0.001"},
		{check.Repeat{Handshake: &check.Handshake{Host: "h", Port: "443", Version: 0x0301}}, "openssl s_client -connect h:443 -servername h -tls1 -cipher ALL:@SECLEVEL=0 </dev/null"},
	} {
		got := r.of("order.x", &c.repeat)
		if again := r.of("order.x", &c.repeat); again != got {
			t.Errorf("worded anew: %s", again)
		}
		if c.repeat.Sequence != nil {
			_, send, _ := strings.Cut(got, " # the calls alone: ")
			path := strings.Fields(send)[2]
			if data, err := os.ReadFile(path); err != nil || string(data) != string(c.repeat.Sequence.Data) {
				t.Errorf("%q %v", data, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Error(info, err)
			}
			got = strings.Replace(got, strings.TrimSuffix(path, filepath.Ext(path)), "FILE", 1)
		}
		if got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}

func TestALargeBodyThatIsNotSavedIsSaidSo(t *testing.T) {
	r := repeatsFor(t, "http://127.0.0.1/", auth.Config{})
	r.Folder = ""
	got := r.of("x.y", &check.Repeat{Call: &wire.Call{Body: make([]byte, mostShown+1)}})
	if !strings.Contains(got, "# the body of 8193 bytes is not saved") {
		t.Error(got)
	}
}

// A run that finds much leaves no more files behind than one can look at.
func TestARunSavesAFewFiles(t *testing.T) {
	r := repeatsFor(t, "http://127.0.0.1/", auth.Config{})
	for range 2 * mostSaved {
		if got := r.of("x.y", &check.Repeat{Sequence: &check.Sequence{Name: "a"}}); !strings.HasPrefix(got, "relayctl check --only x.y ") {
			t.Error(got)
		}
	}
	files, err := os.ReadDir(r.Folder)
	if err != nil || len(files) != mostSaved {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("it's", []byte("a\x00%\\'\n"))
	f.Fuzz(func(t *testing.T, s string, body []byte) {
		word := ShellQuote(s)
		if got := strings.ReplaceAll(word, `'\''`, ""); strings.Count(got, "'")%2 != 0 {
			t.Errorf("%q leaves a quote open", word)
		}
		for _, c := range []byte(strings.Trim(shellBytes(body), "'")) {
			if c < ' ' || c >= 0x7f || c == '\'' {
				t.Errorf("%q is not plain", shellBytes(body))
			}
		}
	})
}

package recv

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/auth"
	"relayctl/internal/recv/forward"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
)

// rules makes rules of scripts as --respond takes them.
func rules(t *testing.T, texts ...string) *script.Rules {
	t.Helper()
	s := &script.Rules{Seed: 1}
	for _, text := range texts {
		r, err := script.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Fixed = append(s.Fixed, r)
	}
	return s
}

func TestScripts(t *testing.T) {
	s := launch(t, Config{Script: rules(t, "message.*=500x2,204", "account.deactivate=close", "notification.*,channel_consent.update=401")})
	var got []int
	for range 4 {
		got = append(got, s.post(t, envelope("m", "message.delivered", "00.000", "{}")))
	}
	for _, name := range []string{"account.deactivate", "notification.delivered", "channel_consent.update", "notification_channel.add"} {
		got = append(got, s.post(t, envelope(name, name, "00.000", "{}")))
	}
	if want := []int{500, 500, 204, 204, 0, 401, 401, 200}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A 401 by script is like any other: it names the credentials that are expected.
func TestScripted401Challenges(t *testing.T) {
	for want, scheme := range map[string]auth.Scheme{`Basic realm="relayctl", charset="UTF-8"`: basicAuth(t), "": nil} {
		b := start(t, Config{Auth: scheme, Script: rules(t, "401,403")})
		sign := "Authorization: basic " + base64.StdEncoding.EncodeToString([]byte("relay:s3cret"))
		got := b.post(delivered("1"), sign)
		if values := strings.Join(got.header.Values("WWW-Authenticate"), "; "); got.status != 401 || values != want {
			t.Errorf("%d with the challenge %q, want %q", got.status, values, want)
		}
		if got = b.post(delivered("1"), sign); got.status != 403 || got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%d with the challenge %q", got.status, got.header.Get("WWW-Authenticate"))
		}
		b.stop()
	}
}

// An event that cannot be read has no id, yet its attempts are told apart: or a
// script would fail it for ever.
func TestScriptsCountAttemptsWithoutAnID(t *testing.T) {
	s := launch(t, Config{Script: rules(t, "500,500,200")})
	var got []int
	for range 3 {
		got = append(got, s.post(t, `{"event_name":"message.delivered"`))
	}
	if want := []int{500, 500, 200}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Each fault is what a caller of HTTP sees of it, and costs others nothing.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		tls  TLSMode
		http int
		want map[string]string
	}{
		"HTTP/1.1 plain": {TLSOff, 1, map[string]string{"close": "EOF", "reset": "connection reset by peer", "garbage": "malformed HTTP", "cut": "unexpected EOF"}},
		"HTTP/1.1 TLS":   {TLSAuto, 1, map[string]string{"close": "EOF", "reset": "connection reset by peer", "garbage": "malformed HTTP", "cut": "unexpected EOF"}},
		"HTTP/2":         {TLSAuto, 2, map[string]string{"close": "INTERNAL_ERROR; received from peer", "reset": "INTERNAL_ERROR; received from peer", "garbage": "frame too large", "cut": "INTERNAL_ERROR; received from peer"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{TLS: c.tls, Script: rules(t, "message.delivered=close", "message.undelivered=reset", "notification.delivered=garbage", "notification.undelivered=cut")})
			if c.http == 1 {
				b.client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
				b.client.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
			}
			for event, fault := range map[string]string{"message.delivered": "close", "message.undelivered": "reset", "notification.delivered": "garbage", "notification.undelivered": "cut"} {
				if got := b.post(eventBody("ok-"+event, "account.deactivate", "1")); got.status != 200 {
					t.Errorf("before %s: %d", fault, got.status)
				}
				got, err := b.try(eventBody(event, event, "1"))
				if err == nil || !strings.Contains(err.Error(), c.want[fault]) {
					t.Errorf("%s: %v, want %s", fault, err, c.want[fault])
				}
				if wanted := map[string]int{"cut": 200}[fault]; got.status != wanted {
					t.Errorf("%s: status %d", fault, got.status)
				}
			}
			for _, rc := range b.received(8) {
				if name, scripted := rc.Event.Name, rc.By == judge.ByScript; scripted == (name == "account.deactivate") || scripted && rc.Status != map[string]int{"notification.undelivered": 200}[name] {
					t.Errorf("receipt %+v", rc)
				}
			}
		})
	}
}

// An answer of a rule is given as it stands, also where it is 200 and an app waits.
func TestAnswersOfRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	text := `rules:
  - event: message.delivered
    respond:
      - {status: 503, headers: {Retry-After: 120, Content-Type: text/html}, body: "<p>busy"}
      - {status: 401, headers: {WWW-Authenticate: Own}}
      - {body: '{"ok":true}'}
      - {status: 204, headers: {X-Seen: yes}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := start(t, Config{Rules: file, Auth: basicAuth(t), Forward: []forward.Route{route(t, "http://127.0.0.1:1")}})
	var got []string
	for range 4 {
		a := b.post(delivered("1"), "Authorization: "+"Basic "+base64.StdEncoding.EncodeToString([]byte("relay:s3cret")))
		got = append(got, fmt.Sprint(a.status, " ", a.header.Get("Retry-After"), " ", a.header["Content-Type"], " ", a.header["Www-Authenticate"], " ", a.header.Get("X-Seen"), " ", a.body))
	}
	if diff := cmp.Diff([]string{
		"503 120 [text/html] []  <p>busy",
		"401  [text/plain; charset=utf-8] [Own]  by script\n",
		`200  [application/json] []  {"ok":true}`,
		"204  [] [] yes ",
	}, got); diff != "" {
		t.Error(diff)
	}
}

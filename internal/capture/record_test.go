package capture

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"relayctl/internal/event"
	"relayctl/internal/oracle"
)

// records draws records; the texts are what text draws.
func records(text *rapid.Generator[string]) *rapid.Generator[*Record] {
	return rapid.Custom(func(t *rapid.T) *Record {
		draw := func(label string) string { return text.Draw(t, label) }
		badges := rapid.SliceOfN(text, 0, 3)
		r := &Record{
			ReceivedAt: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC(),
			Remote:     draw("remote"), Method: draw("method"), Path: draw("path"),
			Omitted: rapid.Bool().Draw(t, "omitted"),
			Status:  rapid.SampledFrom([]int{0, 200, 401, 500}).Draw(t, "status"),
			EventID: draw("id"), EventName: draw("name"), EventTS: draw("ts"),
			Attempt: rapid.IntRange(0, 1000).Draw(t, "attempt"),
			Badges:  badges.Draw(t, "badges"),
		}
		if !r.Omitted {
			r.Body = rapid.OneOf(rapid.SliceOf(rapid.Byte()), rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
				rapid.Map(rapid.StringMatching(`(["\\/ab\n\t\x00-\x1f]|é|😀){0,40}`), func(s string) []byte { return []byte(s) })).Draw(t, "body")
		}
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			r.Headers = append(r.Headers, Header{draw("header"), draw("value")})
			r.Findings = append(r.Findings, event.Finding{Clause: draw("clause"), Level: event.Warning, Path: draw("at"), Message: draw("message")})
			r.Members = append(r.Members, Member{EventID: draw("mid"), EventName: draw("mname"), Attempt: 2, Badges: badges.Draw(t, "mbadges")})
		}
		return r
	})
}

func TestRecordRoundTrip(t *testing.T) {
	r := NewReader(nil) // its decoder is used for all, as in a file
	rapid.Check(t, func(rt *rapid.T) {
		want := records(rapid.String()).Draw(rt, "record")
		line := want.Append(nil)
		if n := bytes.IndexByte(line, '\n'); n != len(line)-1 || !json.Valid(line) {
			rt.Fatalf("not one line of JSON: %q", line)
		}
		got, err := Parse(line)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		if err := r.parser.parse(line); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, r.parser.line.Clone(), cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("with reused memory: %s", diff)
		}
		if again := got.Append(nil); !bytes.Equal(again, line) {
			rt.Fatalf("%s became %s", line, again)
		}
	})
}

// An independent JSON library has to see the same text, and the schema has to
// agree with every line, also where texts are not UTF-8.
func TestLinesAgreeWithOthers(t *testing.T) {
	schema := oracle.Schema(t, Schema())
	anyBytes := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
	rapid.Check(t, func(rt *rapid.T) {
		rec := records(anyBytes).Draw(rt, "record")
		line := rec.Append(nil)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			rt.Fatalf("%v in %q", err, line)
		}
		if err := schema.Validate(v); err != nil {
			rt.Fatal(err)
		}
		m := v.(map[string]any)
		if body, ok := m["body"].(string); ok != (!rec.Omitted && utf8.Valid(rec.Body)) || ok && body != string(rec.Body) {
			rt.Fatalf("body %q became %q", rec.Body, m["body"])
		}
		if want := string([]rune(rec.EventID)); m["event_id"] != want {
			rt.Fatalf("event_id %q became %q, want %q", rec.EventID, m["event_id"], want)
		}
	})
	for _, bad := range []string{`{}`, `{"v":1}`, strings.Replace(string(typical(1).Append(nil)), `"v":1`, `"v":2`, 1),
		strings.Replace(string(typical(1).Append(nil)), `"body":`, `"bodies":`, 1)} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(v) == nil {
			t.Errorf("the schema takes %.80s", bad)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	r := typical(1)
	r.Members = []Member{{EventID: "m", Badges: []string{"duplicate"}}}
	r.Findings = []event.Finding{{Clause: "R-TS"}}
	r.Body = bytes.Clone(r.Body)
	c := r.Clone()
	before := string(c.Append(nil))
	r.Body[0], r.Headers[0].Value, r.Members[0].Badges[0], r.Findings[0].Clause = 'x', "x", "x", "x"
	if after := string(c.Append(nil)); after != before {
		t.Error(after)
	}
}

func TestHeadersAreRedacted(t *testing.T) {
	h := http.Header{"Authorization": {"basic abc"}, "Apikey": {"k"}, "X-Tenant": {"t1", "t2"}, "X-Shared": {"s"}, "Content-Type": {"application/json"}}
	want := []Header{{"Apikey", Redacted}, {"Authorization", Redacted}, {"Content-Type", "application/json"}, {"X-Shared", Redacted}, {"X-Tenant", "t1, t2"}}
	if diff := cmp.Diff(want, Headers(h, "x-shared")); diff != "" {
		t.Error(diff)
	}
}

func TestSensitiveNames(t *testing.T) {
	for _, name := range []string{"Authorization", "authorization", "ApiKey", "Apikey", "X-API-Key", "api_key", "Cookie", "Set-Cookie", "Proxy-Authorization",
		"X-Auth-Token", "X-Client-Secret", "X-Password", "passwd", "X-Signing-Key", "X-Hub-Signature-256", "X-Session-Id", "X-Auth", "jwt", "access_token", "Private-Id"} {
		if !Sensitive(name) {
			t.Errorf("%s is not redacted", name)
		}
	}
	for _, name := range []string{"Accept", "Content-Type", "User-Agent", "Host", "Keep-Alive", "X-Keyboard", "Idempotency-Key", "X-Request-Id", "Traceparent", "X-Author", "X-Forwarded-For", "Monkey"} {
		if Sensitive(name) {
			t.Errorf("%s is redacted", name)
		}
	}
	if r := (Redactor{Names: []string{"host", "X-Tenant"}}); !r.Sensitive("Host") || !r.Sensitive("x-tenant") || r.Sensitive("X-Tenants") {
		t.Error("configured names count in any case, and only they")
	}
}

func TestTargetIsRedacted(t *testing.T) {
	for in, want := range map[string]string{
		"/":                         "/",
		"/hook?a=1&b":               "/hook?a=1&b",
		"/hook?token=abc&x=%2F":     "/hook?token=[redacted]&x=%2F",
		"/hook?x&API%5FKEY=a=b&y=1": "/hook?x&API%5FKEY=[redacted]&y=1",
		"/token/abc":                "/token/abc",
		"/hook?%zztoken=1":          "/hook?%zztoken=[redacted]",
		"/hook?token":               "/hook?token",
	} {
		if got := (Redactor{}).Target(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

package recv

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

func mustScheme(t *testing.T, cfg auth.Config) auth.Scheme {
	t.Helper()
	s, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func basicAuth(t *testing.T) auth.Scheme {
	return mustScheme(t, auth.Config{Kind: auth.KindBasic, Username: "relay", Password: auth.NewSecret("s3cret")})
}

// What could be read is answered 200, whatever it says (R-NO-400).
func TestReadableIsAccepted(t *testing.T) {
	b := start(t, Config{})
	deep := strings.Repeat("[", 20000)
	for name, body := range map[string]string{
		"valid":             delivered("e1"),
		"empty":             "",
		"broken JSON":       `{"event_id":`,
		"not an object":     `"hello"`,
		"number":            "12",
		"10,000 deep":       `{"payload":` + strings.Repeat(`{"a":`, 10001) + "1" + strings.Repeat("}", 10001) + "}",
		"deep array":        deep,
		"deep wrapped":      `{"batch":[` + deep,
		"invalid UTF-8":     "{\"event_id\":\"\xff\xfe\"}",
		"missing fields":    `{}`,
		"null fields":       `{"event_id":null,"event_name":null,"event_ts":null,"payload":null}`,
		"duplicate keys":    `{"event_id":"a","event_id":"b","event_name":"message.delivered","event_ts":"2024-01-02T03:04:05.678Z","payload":{}}`,
		"path in the id":    strings.Replace(delivered("x"), `"x"`, `"../../etc/passwd"`, 1),
		"escapes in the id": strings.Replace(delivered("x"), `"x"`, `"\u001b[2J\r\n\u0000"`, 1),
		"unknown event":     eventBody("u", "message.exploded", "1"),
		"empty batch":       "[]",
		"batch":             "[" + delivered("b1") + "," + delivered("b2") + "]",
		"wrapped":           `{"batch":[` + delivered("w1") + `]}`,
		"batch of junk":     "[1,null,[],{}]",
		"huge batch":        "[" + strings.Repeat("0,", 200000) + "0]",
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.post(body); got.status != http.StatusOK || got.body != "" {
				t.Errorf("answered %d %q", got.status, got.body)
			}
		})
	}
}

func TestReceiptIsComplete(t *testing.T) {
	b := start(t, Config{})
	req, err := http.NewRequest(http.MethodPost, b.URL()+"hook?x=1", strings.NewReader(delivered("e1")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if _, err := b.do(req); err != nil {
		t.Fatal(err)
	}
	rc := b.received(1)[0]
	if string(rc.Event.Raw) != delivered("e1") || rc.Event.ID != "e1" || rc.Event.Payload.CCID != "1002" {
		t.Errorf("event %+v", rc.Event)
	}
	if rc.Seq != 1 || rc.Method != "POST" || rc.Path != "/hook?x=1" || rc.Status != 200 || rc.Answer != "accepted" || rc.Attempt != 1 {
		t.Errorf("receipt %+v", rc)
	}
	if !strings.HasPrefix(rc.Remote, "127.0.0.1:") || rc.ReceivedAt.IsZero() || rc.Took <= 0 || rc.Findings != nil || rc.Badges != nil {
		t.Errorf("receipt %+v", rc)
	}
}

// The bytes of a receipt are its own, however many requests follow.
func TestReceiptsKeepTheirBytes(t *testing.T) {
	b := start(t, Config{})
	const n = 50
	for i := range n {
		b.post(delivered(fmt.Sprintf("e%d", i)))
	}
	for i, rc := range b.received(n) {
		if want := delivered(rc.Event.ID); string(rc.Event.Raw) != want {
			t.Errorf("receipt %d holds %s", i, rc.Event.Raw)
		}
	}
}

func TestBatchReceipts(t *testing.T) {
	b := start(t, Config{})
	b.post("[" + delivered("b1") + `,{"event_id":7},` + delivered("b3") + "]")
	got := b.received(3)
	for i, rc := range got {
		if rc.Seq != 1 || rc.Member != i || rc.Members != 3 || rc.Status != 200 {
			t.Errorf("member %d: %+v", i, rc)
		}
	}
	if !event.Invalid(got[1].Findings) || got[2].Event.ID != "b3" {
		t.Errorf("members %+v and %+v", got[1], got[2])
	}
}

func TestHugeBatchIsJudgedInPart(t *testing.T) {
	b := start(t, Config{})
	b.post("[" + strings.TrimSuffix(strings.Repeat(`{},`, judge.MaxMembers+5), ",") + "]")
	got := b.received(judge.MaxMembers)
	b.stop()
	if len(got) != judge.MaxMembers || got[0].Members != judge.MaxMembers+5 {
		t.Errorf("%d receipts of %d members", len(got), got[0].Members)
	}
	last := got[0].Findings[len(got[0].Findings)-1]
	if last.Clause != "R-BATCH-SIZE" {
		t.Errorf("the first member's last finding is %v", last)
	}
}

func TestRefusals(t *testing.T) {
	prefixes, err := ParseAllow("staging,127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	store := &memory{}
	b := start(t, Config{Auth: basicAuth(t), AllowFrom: prefixes, Capture: store, MaxBody: 2000})
	good := "Authorization: basic " + base64.StdEncoding.EncodeToString([]byte("relay:s3cret"))
	bad := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("relay:wrong"))
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	_, _ = zw.Write(make([]byte, 1<<20))
	_ = zw.Close()
	tests := []struct {
		name    string
		body    string
		headers []string
		want    int
	}{
		{"good", delivered("1"), []string{good}, 200},
		{"type with parameters, any case", delivered("2"), []string{good, "Content-Type: Application/JSON ; Charset=UTF-8"}, 200},
		{"identity", delivered("3"), []string{good, "Content-Encoding: identity"}, 200},
		{"no credentials", delivered("4"), nil, 401},
		{"bad credentials, broken JSON", `{"event_id":`, []string{bad}, 401},
		{"bad credentials, other type", "x", []string{bad, "Content-Type: text/plain"}, 401},
		{"bad credentials, too large", strings.Repeat(" ", 3000), []string{bad}, 401},
		{"text", delivered("5"), []string{good, "Content-Type: text/plain"}, 415},
		{"no type", delivered("6"), []string{good, "Content-Type: "}, 415},
		{"nearly JSON", delivered("7"), []string{good, "Content-Type: application/jsonp"}, 415},
		{"gzip bomb", packed.String(), []string{good, "Content-Encoding: gzip"}, 415},
		{"at the limit", strings.Repeat(" ", 2000), []string{good}, 200},
		{"above the limit", strings.Repeat(" ", 2001), []string{good}, 413},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := b.post(tt.body, tt.headers...)
			if got.status != tt.want {
				t.Errorf("answered %d %q, want %d", got.status, got.body, tt.want)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (challenge != "") != (tt.want == 401) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			recs := store.records(t)
			if len(recs) != i+1 {
				t.Fatalf("%d records after request %d", len(recs), i+1)
			}
			rec := recs[i]
			if rec.Status != tt.want || rec.Omitted != (tt.want != 200) {
				t.Errorf("record %+v", rec)
			}
			if tt.want == 200 && string(rec.Body) != tt.body {
				t.Errorf("recorded body %q", rec.Body)
			}
			for _, h := range rec.Headers {
				if h.Name == "Authorization" && strings.Contains(strings.ToLower(h.Value), "basic ") {
					t.Errorf("the record shows %q", h.Value)
				}
			}
		})
	}
}

func TestOtherMethods(t *testing.T) {
	b := start(t, Config{Auth: basicAuth(t)})
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"} {
		req, err := http.NewRequest(method, b.URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.do(req)
		if err != nil {
			t.Fatal(err)
		}
		if got.status != 405 || got.header.Get("Allow") != "POST" || got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", method, got.status, got.header)
		}
	}
}

func TestAllowListIsAsked(t *testing.T) {
	prefixes, err := ParseAllow("production")
	if err != nil {
		t.Fatal(err)
	}
	proxies, err := ParseAllow("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	direct := start(t, Config{AllowFrom: prefixes, Auth: basicAuth(t)})
	if got := direct.post(delivered("1"), "X-Forwarded-For: 52.73.72.6"); got.status != 403 {
		t.Errorf("a spoofed address was answered %d", got.status)
	}
	behind := start(t, Config{AllowFrom: prefixes, TrustProxy: proxies})
	if got := behind.post(delivered("1"), "X-Forwarded-For: 52.73.72.6"); got.status != 200 {
		t.Errorf("Relay through the proxy was answered %d", got.status)
	}
	if got := behind.post(delivered("2"), "X-Forwarded-For: 52.73.72.6, 203.0.113.9"); got.status != 403 {
		t.Errorf("an address spoofed through the proxy was answered %d", got.status)
	}
	if rc := behind.received(2); rc[0].Remote != "52.73.72.6" || rc[1].Remote != "203.0.113.9" {
		t.Errorf("remotes %q and %q", rc[0].Remote, rc[1].Remote)
	}
}

// The documentation's own curl calls, header by header as curl writes them.
func TestDocumentedCalls(t *testing.T) {
	issuer, err := auth.NewIssuer(auth.IssuerConfig{ClientID: "id", ClientSecret: auth.NewSecret("sec"), TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"1-message.delivered-basic", "2-message.delivered-api-key", "3-message.delivered-oauth", "4-notification.auth_link_used-individual"}
	var bodies []string
	for _, f := range files {
		body, err := os.ReadFile("../../fixtures/docs/" + f + ".json")
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, string(body))
	}
	tests := []struct {
		name   string
		cfg    Config
		header func(*testbed) string
	}{
		{"basic", Config{Auth: basicAuth(t)}, func(*testbed) string { return "Authorization: basic cmVsYXk6czNjcmV0" }},
		{"api key", Config{Auth: mustScheme(t, auth.Config{Kind: auth.KindAPIKey, APIKey: auth.NewSecret("k-1")})}, func(*testbed) string { return "ApiKey: k-1" }},
		{"bare token", Config{Auth: issuer.Scheme(), Issuer: issuer}, func(b *testbed) string { return "Authorization: " + token(t, b) }},
		{"bearer token", Config{Auth: issuer.Scheme(), Issuer: issuer}, func(b *testbed) string { return "Authorization: Bearer " + token(t, b) }},
		{"none", Config{}, func(*testbed) string { return "X-Nothing: 1" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := start(t, tt.cfg)
			header := tt.header(b)
			for _, body := range bodies {
				call := "POST /hook HTTP/1.1\r\nHost: " + b.conns.Addr().String() + "\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n%s\r\nContent-Type: application/json\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body
				if got := b.raw(fmt.Sprintf(call, header)); got != 200 {
					t.Errorf("answered %d", got)
				}
				if name, _, _ := strings.Cut(header, ": "); tt.name != "none" {
					if got := b.raw(fmt.Sprintf(call, name+": wrong")); got != 401 {
						t.Errorf("wrong credentials were answered %d", got)
					}
				}
			}
		})
	}
}

// token asks the receiver's own token endpoint.
func token(t *testing.T, b *testbed) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id"}, "client_secret": {"sec"}}
	resp, err := b.client.PostForm(b.URL()+strings.TrimPrefix(auth.TokenPath, "/"), form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	_, rest, ok := strings.Cut(string(text), `"access_token":"`)
	if err != nil || !ok {
		t.Fatalf("%v: %s", err, text)
	}
	tok, _, _ := strings.Cut(rest, `"`)
	return tok
}

func TestTokenEndpointIsGuarded(t *testing.T) {
	issuer, err := auth.NewIssuer(auth.IssuerConfig{ClientID: "id", ClientSecret: auth.NewSecret("sec")})
	if err != nil {
		t.Fatal(err)
	}
	b := start(t, Config{Auth: issuer.Scheme(), Issuer: issuer})
	for _, tt := range []struct {
		name, host, headers string
		want                int
	}{
		{"address", "127.0.0.1:1", "", 200},
		{"localhost", "LOCALHOST:8443", "", 200},
		{"rebound name", "evil.example", "", 403},
		{"rebound name that looks local", "localhost.evil.example", "", 403},
		{"own origin", "127.0.0.1:1", "Origin: http://127.0.0.1:1\r\n", 403},
		{"foreign origin", "127.0.0.1:1", "Origin: https://evil.example\r\n", 403},
		{"opaque origin", "127.0.0.1:1", "Origin: null\r\n", 403},
		{"other port", "127.0.0.1:1", "Origin: http://127.0.0.1:2\r\n", 403},
		{"cross-site without origin", "127.0.0.1:1", "Sec-Fetch-Site: cross-site\r\n", 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			form := "grant_type=client_credentials&client_id=id&client_secret=sec"
			got := b.raw("POST /oauth/token HTTP/1.1\r\nHost: " + tt.host + "\r\n" + tt.headers +
				"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " + fmt.Sprint(len(form)) + "\r\n\r\n" + form)
			if got != tt.want {
				t.Errorf("answered %d, want %d", got, tt.want)
			}
		})
	}
}

// A caller that asks first is answered before it has sent anything.
func TestExpectContinue(t *testing.T) {
	b := start(t, Config{Auth: basicAuth(t), MaxBody: 1000})
	head := "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
	if got := b.raw(head + "Content-Length: 10\r\n\r\n"); got != 401 {
		t.Errorf("bad credentials were answered %d", got)
	}
	head += "Authorization: basic cmVsYXk6czNjcmV0\r\n"
	if got := b.raw(head + "Content-Length: 100000000\r\n\r\n"); got != 413 {
		t.Errorf("a body too large was answered %d", got)
	}
	if got := b.raw(head + "Content-Length: 10\r\n\r\n"); got != 100 {
		t.Errorf("a good request was answered %d", got)
	}
}

// A caller that sends a large body before it listens still learns why it was
// refused.
func TestLargeBodyLearnsWhy(t *testing.T) {
	b := start(t, Config{MaxBody: 1000})
	for _, chunked := range []bool{false, true} {
		body := io.Reader(strings.NewReader(strings.Repeat("x", 2<<20)))
		if chunked {
			body = io.MultiReader(body)
		}
		req, err := http.NewRequest(http.MethodPost, b.URL(), body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		got, err := b.do(req)
		if err != nil || got.status != 413 {
			t.Errorf("chunked %v: %d, %v", chunked, got.status, err)
		}
	}
	if rc := b.received(2)[1]; rc.Status != 413 || rc.Event.Raw != nil {
		t.Errorf("receipt %+v", rc)
	}
}

// A 200 says that the event is stored; where it cannot be, the answer makes it
// come again.
func TestFailedStoreIsNeverALost200(t *testing.T) {
	store := &memory{}
	b := start(t, Config{Capture: store})
	store.breakWith(errors.New("no space left on device"))
	for range 3 {
		if got := b.post(delivered("e1")); got.status != 500 {
			t.Errorf("answered %d", got.status)
		}
	}
	b.told("no space left on device")
	store.breakWith(nil)
	if got := b.post(delivered("e1")); got.status != 200 {
		t.Errorf("answered %d", got.status)
	}
	b.told("can be written again")
	if rc := b.received(4)[3]; rc.Attempt != 4 || len(rc.Badges) != 1 || rc.Badges[0].Kind != judge.Attempt {
		t.Errorf("the fourth attempt: %+v", rc)
	}
	if n := len(b.notices); n != 2 {
		t.Errorf("%d notices: %q", n, b.notices)
	}
	if s := b.Summary(); s.ByStatus[500] != 3 || s.Unexpected != 3 || s.Accepted != 1 {
		t.Errorf("summary %+v", s)
	}
}

func TestScriptedAnswers(t *testing.T) {
	store := &memory{}
	b := start(t, Config{Script: rules(t, "notification.*=500,close,204", "account.*=timeout,200"), Capture: store})
	body := eventBody("n1", "notification.attempted", "7")
	var got []int
	for range 3 {
		a, err := b.try(body)
		if err != nil {
			a.status = 0
		}
		got = append(got, a.status)
	}
	if fmt.Sprint(got) != "[500 0 204]" {
		t.Errorf("answered %v", got)
	}
	rcs := b.received(3)
	for i := range rcs {
		if rcs[i].Attempt != i+1 || rcs[i].Status != got[i] {
			t.Errorf("request %d: attempt %d, status %d", i, rcs[i].Attempt, rcs[i].Status)
		}
	}
	if recs := store.records(t); len(recs) != 3 || recs[1].Status != 0 {
		t.Errorf("records %v", recs)
	}
	if s := b.Summary(); s.Unexpected != 0 {
		t.Errorf("scripted answers count as unexpected: %+v", s)
	}
}

// A scripted timeout hangs until the caller gives up, and is told at once.
func TestScriptedTimeout(t *testing.T) {
	b := start(t, Config{Script: rules(t, "timeout,200")})
	c := b.dial()
	body := delivered("e1")
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	if rc := b.received(1)[0]; rc.Status != 0 || rc.Answer != "no answer, by script" {
		t.Errorf("receipt %+v", rc)
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if got := b.post(body); got.status != 200 {
		t.Errorf("the retry was answered %d", got.status)
	}
	b.stop() // must not wait for the one that hangs
}

// A caller that gives up during a scripted delay was not answered, so that its
// next call is a retry and no duplicate.
func TestHangUpDuringDelay(t *testing.T) {
	b := start(t, Config{Script: rules(t, "200~1h,200")})
	c := b.dial()
	body := delivered("e1")
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	b.until("tracking", func() bool { return b.seq.Load() == 1 || poke(b) })
	c.Close()
	if rc := b.received(1)[0]; rc.Status != 0 {
		t.Errorf("receipt %+v", rc)
	}
	b.post(body)
	if rc := b.received(2)[1]; rc.Attempt != 2 {
		t.Errorf("receipt %+v", rc)
	}
}

// poke makes until look again.
func poke(b *testbed) bool {
	go b.note(func() {})
	return false
}

// Ending the receiver answers what is under way.
func TestShutdownAnswers(t *testing.T) {
	b := start(t, Config{Script: rules(t, "200~1h")})
	got := make(chan answer, 1)
	go func() {
		a, _ := b.try(delivered("e1"))
		got <- a
	}()
	b.until("arrival", func() bool { return b.seq.Load() == 1 || poke(b) })
	b.stop()
	if a := <-got; a.status != 200 {
		t.Errorf("answered %d", a.status)
	}
	if s := b.Summary(); s.Accepted != 1 || s.Events != 1 {
		t.Errorf("summary %+v", s)
	}
}

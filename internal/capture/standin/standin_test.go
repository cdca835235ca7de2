package standin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relayctl/fixtures"
	"relayctl/internal/capture"
	"relayctl/internal/capture/standin"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// secrets draws values of an event, and remembers those that are long enough to be
// missed in a copy. A word of a few letters can stand in a copy by chance.
type secrets struct {
	t    *rapid.T
	long []string
	pool []string
}

func (s *secrets) value(label string) string {
	if len(s.pool) > 0 && rapid.IntRange(0, 2).Draw(s.t, "again") == 0 {
		return rapid.SampledFrom(s.pool).Draw(s.t, label)
	}
	v := rapid.OneOf(
		rapid.StringMatching(`1000555[0-9]{4}`),
		rapid.StringMatching(`0{1,3}[1-9][0-9]{5,8}`),
		rapid.StringMatching(`cust-[0-9]{6,9}`),
		rapid.StringMatching(`[A-F0-9]{8}-[A-F0-9]{4}-4[A-F0-9]{3}-A[A-F0-9]{3}-[A-F0-9]{12}`),
		rapid.StringMatching(`ip-10-3-0-[0-9]{3}-[0-9]{6}-8h-[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-9[a-f0-9]{3}-[a-f0-9]{12}-1mha`),
		rapid.StringMatching(`[A-Z][a-zéüß]{6,12} [A-Z][a-z]{6,12}`),
		rapid.StringMatching(`[a-z]{6,9}\.[a-z]{6,9}@[a-z]{6,9}\.example`),
		rapid.StringMatching(`\([0-9]{3}\) 555 [0-9]{4}`),
		rapid.StringMatching(`王小明[0-9]{6}`),
		rapid.StringMatching(`10\.[1-9][0-9]\.[1-9][0-9]\.[1-9][0-9]`),
		rapid.SampledFrom([]string{"", "a", "7", "null", "default"}),
	).Draw(s.t, label)
	if len(v) >= 6 && v != "default" {
		s.long, s.pool = append(s.long, v), append(s.pool, v, strings.ToUpper(v), v+"1")
		s.long = append(s.long, strings.ToUpper(v))
	}
	return v
}

// record draws a request, and what an app answered to it.
func (s *secrets) record(n int) *capture.Record {
	members := make([]string, rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(s.t, "members"))
	for i := range members {
		members[i] = s.event(n)
	}
	body := []byte(members[0])
	switch {
	case len(members) == 2:
		body = []byte(`{"batch": [` + strings.Join(members, ", ") + `]}`)
	case len(members) == 3:
		body = []byte("[" + strings.Join(members, ",\n") + "]")
	}
	switch rapid.IntRange(0, 9).Draw(s.t, "damage") {
	case 0:
		body = body[:rapid.IntRange(0, len(body)).Draw(s.t, "cut")]
	case 1:
		at := rapid.IntRange(0, len(body)).Draw(s.t, "at")
		body = []byte(string(body[:at]) + rapid.SampledFrom([]string{"\xff", "\xe9", "\"", "{", "}", ",", "x", "\\", "\x00"}).Draw(s.t, "odd") + string(body[at:]))
	case 2:
		body = []byte(s.value("text"))
	}
	rec := &capture.Record{
		ReceivedAt: time.Date(2026, 1, 31, 12, 0, n, 0, time.UTC), Remote: "203.0.113.77:4711", Method: http.MethodPost,
		Path: "/relay/" + strings.ReplaceAll(s.value("path"), " ", "+") + "?customer=10005551234", Body: body, Status: rapid.SampledFrom([]int{200, 200, 500, 0}).Draw(s.t, "status"),
		Headers: []capture.Header{{Name: "Authorization", Value: "Bearer verysecret"}, {Name: "Content-Type", Value: "application/json"}, {Name: "X-Tenant", Value: s.value("header")}},
	}
	if rapid.Bool().Draw(s.t, "app") {
		rec.App = &capture.App{URL: "http://counterdesk.internal.example:3000/hook", Status: 500, Body: []byte("Error: no customer " + s.value("answer") + "\n  at line 7"),
			Headers: []capture.Header{{Name: "X-Trace", Value: s.value("trace")}}}
	}
	return rec
}

func (s *secrets) event(n int) string {
	name := rapid.SampledFrom([]string{"message.delivered", "notification.attempted", "notification.delivered", "message.action_taken", "mesage.delivered", "Something New", ""}).Draw(s.t, "name")
	id := s.value("id")
	ts := rapid.SampledFrom([]string{"2026-01-31T11:59:0%d.000Z", "2026-01-31 11:59:0%d", "1000%d", "yesterday"}).Draw(s.t, "ts")
	if strings.Contains(ts, "%d") {
		ts = fmt.Sprintf(ts, rapid.IntRange(0, 9).Draw(s.t, "second"))
	}
	payload := map[string]any{"ccid": s.value("ccid"), "message_id": s.value("message_id"), "notification_id": s.value("notification_id")}
	for _, p := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"channel_type", "message_name", "event_type", "event_subtype", "customer_id", "birthday", "e-mail", "10005551234"}), rapid.ID).Draw(s.t, "properties") {
		switch p {
		case "event_type", "event_subtype", "channel_type":
			payload[p] = rapid.SampledFrom([]string{"message", "delivered", "sms", "Something New", "pigeon"}).Draw(s.t, p)
		case "birthday":
			payload[p] = map[string]any{"day": "1985-03-02", "n": rapid.SampledFrom([]any{10005551234, -0.25, 1e300, true, nil}).Draw(s.t, "number")}
		default:
			payload[p] = s.value(p)
		}
	}
	raw, _ := json.Marshal(payload)
	text := fmt.Sprintf(`{"event_id":%s,"event_name": %q, "event_ts":%q,"payload":%s}`, quoted(id), name, ts, raw)
	if rapid.IntRange(0, 3).Draw(s.t, "escaped") == 0 {
		text = strings.ReplaceAll(text, "é", `\u00e9`)
	}
	return text
}

func quoted(s string) string {
	out, _ := json.Marshal(s)
	return string(out)
}

// verdict is what inspect says of an event.
type verdict struct {
	Attempt, Member int
	Badges          []judge.Badge
	Findings        []string
	Status          int
	Name, TS        string
}

// documentedNames are the names of Relay's properties, and the empty one.
func documentedNames() map[string]bool {
	out := map[string]bool{"": true, "event_id": true, "event_name": true, "event_ts": true, "payload": true}
	for _, p := range fixtures.Properties() {
		out[p.Name] = true
	}
	return out
}

func verdicts(replay *judge.Readback, rec *capture.Record) (out []verdict) {
	documented := documentedNames()
	for _, rc := range replay.Receipts(rec) {
		v := verdict{rc.Attempt, rc.Member, append([]judge.Badge(nil), rc.Badges...), nil, rc.Status, rc.Event.Name, rc.Event.TSText}
		for _, f := range rc.Findings {
			path := f.Path
			if last := path[strings.LastIndexByte(path, '.')+1:]; !documented[last] {
				path = "data" // in place of a name
			}
			v.Findings = append(v.Findings, fmt.Sprint(f.Clause, f.Level, path))
		}
		if _, known := event.Lookup(v.Name); !known {
			v.Name = "not a name"
		}
		if ts, ok := event.ParseTS(v.TS); ok {
			v.TS = event.FormatTS(ts)
		} else {
			v.TS = "not a time"
		}
		out = append(out, v)
	}
	return out
}

// judged notes in a record what was said of it when it came.
func judged(rec *capture.Record, receipts []*judge.Receipt) {
	for i, rc := range receipts {
		var badges []string
		for _, b := range rc.Badges {
			badges = append(badges, b.String())
		}
		if i == 0 {
			rec.EventID, rec.EventName, rec.EventTS, rec.Attempt, rec.Badges = rc.Event.ID, rc.Event.Name, rc.Event.TSText, rc.Attempt, badges
		}
		if rc.Members > 0 {
			rec.Members = append(rec.Members, capture.Member{EventID: rc.Event.ID, EventName: rc.Event.Name, Attempt: rc.Attempt, Badges: badges})
		}
		for _, f := range rc.Findings {
			if rc.Members > 0 {
				f.Path = fmt.Sprintf("[%d].%s", rc.Member, f.Path)
			}
			rec.Findings = append(rec.Findings, f)
		}
	}
}

func TestEveryBadgeStays(t *testing.T) {
	m := standin.New([]byte("salt"))
	for _, kind := range judge.Kinds() {
		text := judge.Badge{Kind: judge.BadgeKind(kind), Attempt: 2, By: 90 * time.Second}.String()
		rec := &capture.Record{Badges: []string{text}}
		if m.Record(rec); rec.Badges[0] != text {
			t.Errorf("a copy does not keep the badge %q", text)
		}
	}
}

// A copy shows the same badges and findings as the original, and none of its values.
func TestCopyTellsTheSameOfOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &secrets{t: t}
		live, before, after := judge.NewReadback(), judge.NewReadback(), judge.NewReadback()
		m := standin.New([]byte("salt"))
		var last *capture.Record
		for n := range rapid.IntRange(1, 8).Draw(t, "records") {
			rec := s.record(n)
			if last != nil && rapid.IntRange(0, 2).Draw(t, "repeat") == 0 {
				rec.Body = bytes.Clone(last.Body)
			}
			last = rec.Clone()
			if rapid.Bool().Draw(t, "judged") {
				judged(rec, live.Receipts(rec.Clone()))
			}
			was := verdicts(before, rec)
			line := rec.Clone()
			m.Record(line)
			text := line.Append(nil)
			again, err := capture.Parse(text)
			if err != nil {
				t.Fatalf("%v:\n%s", err, text)
			}
			if diff := cmp.Diff(was, verdicts(after, again)); diff != "" {
				t.Fatalf("%s\n%s\n%s", diff, rec.Append(nil), text)
			}
			plain := fmt.Sprintf("%s %s %s %+v", text, again.Body, again.Path, again.App)
			for _, secret := range append(s.long, "203.0.113.77", "10005551234", "verysecret", "counterdesk", "internal", "1985-03-02") {
				if strings.Contains(plain, secret) {
					t.Fatalf("%q of\n%s\nstands in\n%s", secret, rec.Append(nil), text)
				}
			}
			if len(again.Body) != len(rec.Body) || again.ReceivedAt != rec.ReceivedAt {
				t.Fatalf("length or time is not that of the original:\n%s", text)
			}
		}
	})
}

func TestStandInsKeepTheirForm(t *testing.T) {
	m := standin.New([]byte("salt"))
	body := func(s string) string {
		rec := &capture.Record{Body: []byte(s)}
		m.Record(rec)
		return string(rec.Body)
	}
	for _, tt := range []struct {
		name, in, form string
	}{
		{"digits with zeros in front", `{"payload":{"ccid":"0001234567"}}`, `{"payload":{"ccid":"000[1-9]\d{6}"}}`},
		{"UUID", `{"event_id":"0B4E3F6A-9C1D-4E2F-8A3B-1C2D3E4F5A6B"}`, `{"event_id":"[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-8[0-9A-F]{3}-[0-9A-F]{12}"}`},
		{"host and UUID", `"ip-10-3-0-224-668176-8h-0b4e3f6a-9c1d-4e2f-8a3b-1c2d3e4f5a6b-1mha"`, `"[a-z]{2}-\d\d-\d-0-\d{3}-\d{6}-\d[a-z]-[0-9a-f-]{36}-\d[a-z]{3}"`},
		{"absent", `{"event_id": null ,"payload":{"ccid":"","a":true}}`, `{"event_id": null ,"payload":{"ccid":"","[b-z]":true}}`},
		{"numbers", `{"a":[-12.5e10,0,1000]}`, `{"[b-z]":\[-[1-9]\d\.[1-9]e10,0,[1-9]\d{3}\]}`},
		{"words of Relay", `{"event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":{"channel_type":"sms","product_group_id":"default"}}`,
			`{"event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":{"channel_type":"sms","product_group_id":"default"}}`},
		{"time with many digits", `{"event_ts":"2026-01-02T10:11:12.4477009001+02:00"}`, `{"event_ts":"2026-01-02T10:11:12.447[1-9]?\d{6,7}\+02:00"}`},
		{"day", `{"born":"1985-03-31","seen":"2026-01-02T10:11:12.5Z"}`, `{"[a-z]{4}":"[1-9]\d{3}-03-31","[a-z]{4}":"[1-9]\d{3}-\d\d-\d\dT10:11:12.5Z"}`},
		{"escapes", `{"a":"x\u00E9\n\"y\ud83d"}`, `{"[b-z]":"[a-z]\\u[0-9A-F]{4}\\n\\"[a-z]\\ud83d"}`},
		{"address", `"10.20.30.40"`, `"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"`},
		{"Relay's address", `"50.112.172.205"`, `"50.112.172.205"`},
		{"key that is data", `{"10005552222":1}`, `{"\d{11}":\d}`},
		{"not JSON", `Dear Anna, call 10005552222`, `[A-Z][a-z]{3} [A-Z][a-z]{3}, [a-z]{4} [1-9]\d{10}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := body(tt.in)
			if !regexp.MustCompile("^" + tt.form + "$").MatchString(got) {
				t.Errorf("%s became %s, want the form %s", tt.in, got, tt.form)
			}
		})
	}
}

func TestSameTextSameStandIn(t *testing.T) {
	m, again, other := standin.New([]byte("salt")), standin.New([]byte("salt")), standin.New([]byte("other"))
	const id = "ip-10-3-0-224-cust-000123"
	if a, b := m.String(id), again.String(id); a != b || a == id || a == other.String(id) {
		t.Errorf("%s became %s, %s and %s", id, a, b, other.String(id))
	}
	if a, b := m.String("ABCDE-12345"), m.String("abcde-12345"); !strings.EqualFold(a, b) || a == b {
		t.Errorf("ids in the other case became %s and %s", a, b)
	}
	seen := map[string]string{}
	for i := range 10000 {
		text := fmt.Sprintf("%04d", i)
		out := m.String(text)
		if first, taken := seen[out]; taken || len(out) != len(text) {
			t.Fatalf("%s and %s both became %s", first, text, out)
		}
		seen[out] = text
	}
}

func TestFailuresStayReadable(t *testing.T) {
	m := standin.New(nil)
	rec := &capture.Record{
		Findings: []event.Finding{{Clause: "R-NAME", Level: event.Error, Path: "event_name", Message: `"message.delivered" contradicts the payload's event_type and event_subtype, which say "Anna.Bell"`}},
		App:      &capture.App{URL: "http://127.0.0.1:3000/relay", Error: "connect: connection refused by shop.example:80, \"Anna\""},
	}
	m.Record(rec)
	if got := rec.Findings[0].Message; !strings.HasPrefix(got, `"message.delivered" contradicts`) || strings.Contains(got, "Anna") {
		t.Error(got)
	}
	if got := rec.App.Error; !strings.HasPrefix(got, "connect: connection refused by ") || strings.Contains(got, "shop") || strings.Contains(got, "Anna") {
		t.Error(got)
	}
	for _, usual := range []string{"connect: connection refused", "no answer in time", "its body was cut short", "it closed the connection without an answer", "x509: certificate signed by unknown authority"} {
		rec := &capture.Record{App: &capture.App{Error: usual}}
		if m.Record(rec); rec.App.Error != usual {
			t.Errorf("%q became %q", usual, rec.App.Error)
		}
	}
	path := &capture.Record{Path: "/relay/J%C3%B6rg?name=J%C3%B6rg+M&key=[redacted]"}
	m.Record(path)
	if u, err := url.ParseRequestURI(path.Path); err != nil || strings.Contains(u.Path, "J") && strings.Contains(u.Path, "rg") || u.Query().Get("key") != "[redacted]" || len(path.Path) != len("/relay/J%C3%B6rg?name=J%C3%B6rg+M&key=[redacted]") {
		t.Errorf("%s: %v", path.Path, err)
	}
	if rec.App.URL != "http://127.0.0.1:3000/relay" {
		t.Error(rec.App.URL)
	}
}

// Whatever a body holds, its stand-in is as long, and is JSON when it is.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"event_id":"a","payload":{"ccid":"0001"}}`, `[{"a":1e5},-0]`, `"\u00e9\ud83d\`, "\xff\xfe\x00a", `{"a":"10.0.0.1 2026-01-31T10:00`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rec := &capture.Record{Body: bytes.Clone(body), App: &capture.App{Status: 500, Body: bytes.Clone(body), Error: string(body)}, Path: string(body)}
		standin.New(nil).Record(rec)
		lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
		if len(rec.Body) != len(body) || jsontext.Value(rec.Body).IsValid(lenient...) != jsontext.Value(body).IsValid(lenient...) {
			t.Errorf("%q became %q", body, rec.Body)
		}
	})
}

// All that stays is counted, with the reason.
func TestWhatStaysIsCounted(t *testing.T) {
	m := standin.New([]byte("salt"))
	m.Record(&capture.Record{
		Remote: "127.0.0.1:5", Path: "/relay", Headers: []capture.Header{{Name: "Accept", Value: "*/*"}, {Name: "ApiKey", Value: capture.Redacted}},
		Body: []byte(`{"event_ts":"2026-01-31T11:59:00Z","payload":{"product_group_id":"default","channel_type":"sms","channel_addr":"","ccid":null,"job_id":"000-0","action_label":true}}`),
	})
	got := map[string]string{}
	for _, c := range m.Counts() {
		got[c.Name] = fmt.Sprint(c.Replaced, " ", c.Left, " ", c.Why)
	}
	want := map[string]string{
		"event_ts": "0 1 [a time]", "product_group_id": "0 1 [documented by Relay]", "channel_type": "0 1 [documented by Relay]", "channel_addr": "0 1 [empty or null]",
		"ccid": "0 1 [empty or null]", "job_id": "0 1 [zero or punctuation]", "action_label": "0 1 [true or false]", "credentials": "0 1 [taken out before]",
		"headers": "0 1 [a usual word or value]", "names of headers": "0 2 [a usual word or value]", "names of properties": "0 8 [a usual word or value]",
		"path": "0 1 [a usual word or value]", "remote address": "0 1 [loopback or Relay's]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

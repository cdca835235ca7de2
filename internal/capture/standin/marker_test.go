package standin_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"relayctl/internal/capture"
	"relayctl/internal/capture/standin"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// markers draws texts that stand nowhere else, and remembers them.
type markers struct {
	t   *rapid.T
	all []string
}

func (m *markers) text(label string) string {
	s := rapid.OneOf(
		rapid.StringMatching(`[a-z]{9,12}`),
		rapid.StringMatching(`[a-z]{5}_[a-z]{5}`),
		rapid.StringMatching(`[A-Z][a-z]{8}`),
		rapid.StringMatching(`[A-Z]{9}`),
		rapid.StringMatching(`1[0-9]{10}`),
		rapid.StringMatching(`[a-zäöüéèß]{4}[äöüéèÄÖÜ]{5}`),
		rapid.StringMatching(`[а-я]{8}`),
		rapid.StringMatching(`[Α-Ρ]{8}`),
		rapid.StringMatching(`[ก-ฮ]{8}`),
		rapid.StringMatching(`[王小明李雷韩梅]{6}`),
		rapid.StringMatching("[\U00020000-\U00020fff]{6}"),
		rapid.StringMatching("[\U0001d400-\U0001d433]{8}"),
		rapid.StringMatching("[ⓐ-ⓩ]{9}"),
	).Draw(m.t, label)
	m.all = append(m.all, s)
	return s
}

// ascii draws a marker for where HTTP takes no other characters.
func (m *markers) ascii(label string) string {
	s := rapid.StringMatching(`[A-Za-z]{9,12}|[0-9]{11}`).Draw(m.t, label)
	m.all = append(m.all, s)
	return s
}

// written is a text as a JSON string, a percent-encoded or a base64 one.
func (m *markers) written(s string) string {
	switch rapid.IntRange(0, 4).Draw(m.t, "written") {
	case 0:
		return base64.StdEncoding.EncodeToString([]byte(s))
	case 1:
		return url.QueryEscape(s)
	case 2:
		return strings.ToUpper(s)
	}
	return s
}

// string is a marker as a JSON string, at times with escapes.
func (m *markers) string(label string) string {
	s := m.written(m.text(label))
	if rapid.IntRange(0, 3).Draw(m.t, "escaped") == 0 {
		return `"` + escapedText(s) + `"`
	}
	return quoted(s)
}

func escapedText(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, `\u%04x`, u)
	}
	return b.String()
}

func (m *markers) body() string {
	var payload []string
	for name := range documentedNames() {
		if name != "" && !strings.HasPrefix(name, "event_") && name != "payload" {
			payload = append(payload, fmt.Sprintf(`%q: %s`, name, m.string(name)))
		}
	}
	slices.Sort(payload)
	payload = append(payload,
		fmt.Sprintf(`%s: {%s: [%s, {%s: %s}], "n": %s}`, m.string("key"), m.string("key"), m.string("element"), m.string("key"), m.string("nested"), "1"+m.number()),
		fmt.Sprintf(`"born": "1985-03-02T10:00:00.%s"`, m.number()), fmt.Sprintf(`"big": 1e1%s`, m.number()))
	name := rapid.SampledFrom([]string{`"message.delivered"`, m.string("event_name"), `"message.` + m.ascii("subtype") + `"`}).Draw(m.t, "name")
	ts := rapid.SampledFrom([]string{`"2026-01-31T11:59:00.000Z"`, m.string("event_ts"), `"2026-01-31 ` + m.number() + `"`, `"2026-01-31T11:59:00.` + m.number() + `Z"`}).Draw(m.t, "ts")
	return fmt.Sprintf(`{"event_id":%s,"event_name":%s,"event_ts":%s,%s:%s,"payload":{%s}}`,
		m.string("event_id"), name, ts, m.string("member"), m.string("value"), strings.Join(payload, ","))
}

func (m *markers) number() string {
	s := rapid.StringMatching(`[1-9][0-9]{9}`).Draw(m.t, "number")
	m.all = append(m.all, s)
	return s
}

func (m *markers) record() *capture.Record {
	body := m.body()
	switch rapid.IntRange(0, 5).Draw(m.t, "damage") {
	case 0:
		body = body[:rapid.IntRange(len(body)/2, len(body)).Draw(m.t, "cut")]
	case 1:
		body = strings.Replace(body, ":", rapid.SampledFrom([]string{"", "x", "::", "\xff", `:"\`}).Draw(m.t, "odd"), 1)
	case 2:
		body = "call " + m.text("plain") + ", " + body
	case 3:
		body = "[" + body + "," + m.body() + "]"
	}
	var headers []capture.Header
	for _, name := range []string{"Accept", "Accept-Language", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Host", "Referer", "Retry-After",
		"Server", "User-Agent", "Vary", "Via", "X-Content-Type-Options", "X-Tenant", "X-" + m.ascii("header"), "X-Api-" + m.ascii("secret") + "-Key"} {
		value := rapid.SampledFrom([]string{"%s", "application/json; charset=%s", "curl/%s", "Mon, 02 Mar 1985 %s GMT", "a,%s;q=0.5"}).Draw(m.t, "form")
		headers = append(headers, capture.Header{Name: name, Value: fmt.Sprintf(value, m.written(m.text(name)))})
	}
	return &capture.Record{
		ReceivedAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Remote: m.ascii("remote") + ".example:" + m.number(), Method: strings.ToUpper(m.ascii("method")),
		Path:    fmt.Sprintf("/relay/%s/%s?%s=%s&key=%s&%s", url.PathEscape(m.text("segment")), m.ascii("segment"), url.QueryEscape(m.text("name")), url.QueryEscape(m.text("value")), m.ascii("key"), m.ascii("flag")),
		Headers: headers, Body: []byte(body), Status: 200,
		Badges: []string{m.text("badge"), "late " + m.number() + "s"}, EventID: m.text("id"), EventName: m.text("name") + "." + m.text("subtype"), EventTS: m.text("ts"),
		Findings: []event.Finding{{Clause: "R-" + strings.ToUpper(m.ascii("clause")), Level: event.Level(m.text("level")), Path: "payload." + m.text("path"),
			Message: fmt.Sprintf(`broken JSON near %s: invalid character '%s' after "%s" (%s)`, m.text("message"), m.text("quoted"), m.text("quoted"), m.number())}},
		Members: []capture.Member{{EventID: m.text("id"), EventName: m.text("name"), Badges: []string{m.text("badge")}}},
		App: &capture.App{URL: "http://" + m.ascii("user") + ":" + m.ascii("password") + "@" + m.ascii("host") + ":3000/" + m.ascii("path") + "?" + m.ascii("query"), Status: 500,
			Headers: headers[:len(headers)/2], Body: []byte(rapid.SampledFrom([]string{body, "<p>" + m.text("answer"), "\xff\xfe" + m.ascii("binary")}).Draw(m.t, "answer")),
			Error: "dial tcp " + m.ascii("host") + ":80: " + m.text("error")},
	}
}

// Of a record that is full of markers none is left in its copy, in whatever way it is
// written, and the copy is judged like the original.
func TestNoMarkerIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &markers{t: t}
		before, after, maker := judge.NewReadback(), judge.NewReadback(), standin.New([]byte("salt"))
		rec := m.record()
		was := verdicts(before, rec)
		copied := rec.Clone()
		maker.Record(copied)
		line := copied.Append(nil)
		again, err := capture.Parse(line)
		if err != nil {
			t.Fatalf("%v:\n%s", err, line)
		}
		// Text that is not a badge is not compared: redact replaces it.
		noBadge := cmpopts.IgnoreSliceElements(func(b judge.Badge) bool {
			return !slices.Contains(judge.Kinds(), string(b.Kind)) || b.By > 10000*time.Hour
		})
		if diff := cmp.Diff(was, verdicts(after, again), noBadge, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s\n%s\n%s", diff, rec.Append(nil), line)
		}
		shown := everyForm(again, line)
		for _, marker := range m.all {
			for _, form := range []string{marker, url.QueryEscape(marker), base64.StdEncoding.EncodeToString([]byte(marker)), escapedText(marker)} {
				if strings.Contains(shown, strings.ToLower(form)) {
					t.Fatalf("%q of\n%s\nstands in\n%s", form, rec.Append(nil), line)
				}
			}
		}
	})
}

// everyForm is all that a record shows, as written and decoded, in lower case.
func everyForm(rec *capture.Record, line []byte) string {
	var all any
	_ = json.Unmarshal(rec.Body, &all) // where it is JSON
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%v\n%+v\n%+v", line, rec.Body, all, rec, rec.App)
	for _, part := range strings.FieldsFunc(b.String()+rec.Path, func(r rune) bool { return strings.ContainsRune("\"\\ ,:{}[]", r) }) {
		if plain, err := base64.StdEncoding.DecodeString(part); err == nil {
			b.Write(plain)
		}
		if plain, err := url.QueryUnescape(part); err == nil {
			b.WriteString(plain)
		}
	}
	return strings.ToLower(b.String())
}

// Letters of two cases have stand-ins of two cases, as ids come in both (R-ABSENT).
func TestCasesGoTogether(t *testing.T) {
	maker := standin.New(nil)
	for _, s := range []string{"josé-müller-42", "жанна", "κώστα", "ưng-hoàng", "ａｎｎａ"} {
		small, great := maker.String(s), maker.String(strings.ToUpper(s))
		if strings.ToLower(great) != small || len(small) != len(s) {
			t.Errorf("%s and %s became %s and %s", s, strings.ToUpper(s), small, great)
		}
	}
}

// What this program says of broken bodies stays readable.
func TestFindingsStayReadable(t *testing.T) {
	for _, body := range []string{`{"event_id":1`, `{event`, `{"event_id":"a",}`, `[{}`, `{"a":"\x"}`, `{"a":"\ud83d"}`, `x`, ``, `null`, "{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", `{"a":tru}`, `{"a" 1}`, `{"a":1}{`,
		`{"event_id":"","event_name":"mesage.delivered","event_ts":"2022-04-12","payload":{"ccid":"` + strings.Repeat("9", 256) + `","ccid":"1","channel_type":"mms","event_type":"message","event_subtype":"delivered","cid":1}}`,
		`{"event_id":"a","event_name":"a.b","event_ts":"2022-12-31T23:59:60Z","payload":[]}`, `{"event_id":"a","event_name":"a.b","event_ts":"2022-12-31T23:59:59,1Z","payload":{"channel_type":{}}}`, `[]`} {
		_, members, findings := event.Split([]byte(body))
		for _, member := range members {
			_, more := event.Decode(member)
			findings = append(findings, more...)
		}
		rec := &capture.Record{Findings: slices.Clone(findings)}
		standin.New(nil).Record(rec)
		for i, f := range findings {
			if got := rec.Findings[i]; unquotedWords(got.Message) != unquotedWords(f.Message) || got.Clause != f.Clause || got.Level != f.Level {
				t.Errorf("%s became %s", f, got)
			}
		}
	}
	for _, kind := range judge.Kinds() {
		for _, b := range []judge.Badge{{Kind: judge.BadgeKind(kind), Attempt: 3, By: 3200 * time.Millisecond}, {Kind: judge.BadgeKind(kind), Attempt: 12, By: 26 * time.Hour}} {
			rec := &capture.Record{Badges: []string{b.String()}}
			if standin.New(nil).Record(rec); rec.Badges[0] != b.String() {
				t.Errorf("%s became %s", b, rec.Badges[0])
			}
		}
	}
}

// unquotedWords is a message without what it quotes.
func unquotedWords(s string) string {
	return regexp.MustCompile("\"[^\"]*\"|'[^ ]+'|`[^`]*`").ReplaceAllString(s, "…")
}

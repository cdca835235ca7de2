package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"relayctl/fixtures"
	"relayctl/internal/oracle"
)

// agree holds the Go validator and both schemas to the same verdict.
func agree(t interface{ Errorf(string, ...any) }, tolerant, strict *jsonschema.Schema, body []byte) {
	_, findings := Decode(body)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	switch {
	case !utf8.Valid(body): // the library mends it, which no receiver can count on
		if !Invalid(findings) {
			t.Errorf("%q is not UTF-8, but Decode says %v", body, findings)
		}
		return
	case err != nil:
		if !Invalid(findings) || findings[len(findings)-1].Clause != "R-JSON" {
			t.Errorf("%q: broken for the library (%v), for Decode %v", body, err, findings)
		}
		return
	}
	said := fmt.Sprint(findings)
	repeated, halves := strings.Contains(said, "stands twice"), strings.Contains(said, "half a character")
	if got, want := tolerant.Validate(doc) == nil, !Invalid(findings); got != want && !repeated {
		t.Errorf("%q\nschema says valid=%v, Decode %v", body, got, findings)
	}
	if repeated || halves {
		return // a schema sees neither: for the strict verdict Decode knows more
	}
	if got, want := strict.Validate(doc) == nil, len(findings) == 0; got != want {
		t.Errorf("%q\nstrict schema says valid=%v (%v), Decode %v", body, got, strict.Validate(doc), findings)
	}
}

// value draws a JSON value that is often, but not always, what belongs there.
func value(good ...any) *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.SampledFrom(good), rapid.SampledFrom(good),
		rapid.SampledFrom([]any{nil, "", 1, true, []any{}, map[string]any{"a": nil}, strings.Repeat("é", 256)}),
		rapid.Map(rapid.String(), func(s string) any { return s }),
	)
}

func TestSchemaAgreesWithDecode(t *testing.T) {
	tolerant, strict := oracle.Schema(t, Schema("", false)), oracle.Schema(t, Schema("", true))
	names := anySlice(append(Names(), "account.deactive", "power.up"))
	times := []any{"2022-04-12T14:53:11.958Z", "2024-02-29T00:00:00.000Z", "2023-02-29T00:00:00.000Z", "1900-02-29T00:00:00Z",
		"2000-02-29T23:59:59.1+05:30", "2022-04-31T00:00:00.000Z", "2022-04-12T24:00:00.000Z", "2022-04-12T1:00:00.000Z",
		"2022-04-12T14:53:60.000Z", "2022-04-12T14:53:11,958Z", "2022-04-12t14:53:11.958z", "2022-04-12T14:53:11.958+24:00", "2022-04-12", "0000-02-29T00:00:00.000Z"}
	types := []any{"message", "notification", "delivered", "undelivered", "account", "deactivate", nil, ""}
	rapid.Check(t, func(rt *rapid.T) {
		e := map[string]any{}
		put := func(m map[string]any, name string, g *rapid.Generator[any]) {
			if rapid.IntRange(0, 9).Draw(rt, name+"?") > 0 {
				m[name] = g.Draw(rt, name)
			}
		}
		p := map[string]any{}
		for _, prop := range fixtures.Properties() {
			if rapid.Bool().Draw(rt, prop.Name+"?") {
				p[prop.Name] = value(append(anySlice(prop.Values), "x")...).Draw(rt, prop.Name)
			}
		}
		put(p, "event_type", value(types...))
		put(p, "event_subtype", value(types...))
		if rapid.IntRange(0, 3).Draw(rt, "extra") == 0 {
			p["extra"] = 1
		}
		put(e, "event_id", value("id-1"))
		put(e, "event_name", value(names...))
		put(e, "event_ts", value(times...))
		put(e, "payload", value(p, p, p))
		body, err := json.Marshal(e)
		if err != nil {
			rt.Fatal(err)
		}
		agree(rt, tolerant, strict, body)
	})
}

// TestSchemaAgreesOnOddBodies tries what a random generator seldom hits.
func TestSchemaAgreesOnOddBodies(t *testing.T) {
	tolerant, strict := oracle.Schema(t, Schema("", false)), oracle.Schema(t, Schema("", true))
	for _, ts := range []string{
		"2016-12-31T23:59:60.000Z", "2022-04-12T14:53:11.958-00:00", "2022-04-12T14:53:11.958+0000", "2022-04-12T14:53:11.958+23:60",
		"2022-04-12T14:53:11.958z", "2022-04-12t14:53:11.958Z", "2022-04-12 14:53:11.958Z", "2022-04-12T14:53:11.Z", "2022-04-12T14:53Z",
		"2022-00-01T00:00:00.000Z", "2022-01-32T00:00:00.000Z", "2022-06-31T00:00:00.000Z", "0100-02-29T14:53:11.958Z", "9999-12-31T23:59:59.999Z",
		"10000-01-01T00:00:00.000Z", "2022-04-12T14:53:11.95812345678901234567Z", " 2022-04-12T14:53:11.958Z", `2022-04-12T14:53:11.958Z\n`,
		`2022-04-12T14:53:11.958\u005a`, `2022-04-12T14:53:11.958Z\u0000`, "２022-04-12T14:53:11.958Z", "2022-W15-2T14:53:11.958Z", "2022-04-12T14:53:11.9580Z",
	} {
		agree(t, tolerant, strict, []byte(envelopeWith(`event_ts="`+ts+`"`)))
	}
	values := []string{
		`1`, `1e400`, `-0`, `true`, `null`, `{}`, `[]`, `""`, `" "`, `"\u0000"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, "\"\xff\"", "\"\xed\xa0\x80\"",
		"\"a\nb\"", `"\x41"`, `'a'`, `NaN`, `01`, `+1`, `"` + strings.Repeat("x", 100000) + `"`, `"` + strings.Repeat("😀", 256) + `"`,
		`"` + strings.Repeat(`\ud83d\ude00`, 255) + `"`, strings.Repeat("[", 9999) + strings.Repeat("]", 9999), strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
	}
	for _, v := range values {
		for _, where := range []string{"event_id=%s", "event_name=%s", "event_ts=%s", "payload=%s", "extra=%s", `payload={"ccid":%s}`,
			`payload={"channel_type":%s}`, `payload={"event_type":"message","event_subtype":%s}`, `payload={%s:1}`} {
			agree(t, tolerant, strict, []byte(envelopeWith(fmt.Sprintf(where, v))))
		}
	}
	good := envelopeWith(`event_id="a"`)
	for _, body := range []string{
		"\ufeff" + good, good + "\x00", good + " \n", good + good, "\f" + good, strings.Replace(good, "event_id", `\u0065vent_id`, 1),
		strings.Replace(good, "event_id", "Event_ID", 1), strings.TrimSuffix(good, "}") + ",}", "null", "1", "// note\n" + good,
		envelopeWith(`event_name="message\u002eundelivered"`), envelopeWith(`payload={"event_type":"message","event_\u0073ubtype":"undelivered"}`),
		envelopeWith(`payload={"event_type":".","event_subtype":"."}`), envelopeWith(`payload={"ccid":"a","ccid":"b"}`), envelopeWith(`payload={"event_type":"Message","event_subtype":"delivered"}`),
	} {
		agree(t, tolerant, strict, []byte(body))
	}
}

func FuzzDecodeAgreesWithSchema(f *testing.F) {
	for _, s := range fixtures.DocSamples() {
		f.Add(s.Body)
	}
	f.Add([]byte(`{"event_id":"a","event_name":"message.delivered","event_ts":"2022-02-30T00:00:00.000Z","payload":{"event_type":"x"}}`))
	f.Add([]byte(envelopeWith(`event_id="\ud83d"`)))
	f.Add([]byte(`[{"event_id":1}]`))
	f.Add([]byte(`{"batch":[{"event_id":1},{}]}`))
	tolerant, strict := oracle.Schema(f, Schema("", false)), oracle.Schema(f, Schema("", true))
	f.Fuzz(func(t *testing.T, body []byte) {
		agree(t, tolerant, strict, body)
		_, members, _ := Split(body)
		for _, m := range members {
			Decode(m)
		}
	})
}

func TestSchemaOfOneEvent(t *testing.T) {
	s := oracle.Schema(t, Schema("message.delivered", false))
	for name, want := range map[string]bool{"message.delivered": true, "message.undelivered": false} {
		body, _ := fixtures.Sample(name)
		doc, _ := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if got := s.Validate(doc) == nil; got != want {
			t.Errorf("%s: valid=%v, want %v", name, got, want)
		}
	}
}

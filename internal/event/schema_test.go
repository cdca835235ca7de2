package event

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"relayctl/fixtures"
)

// compile turns an emitted schema into a validator of another making.
func compile(t testing.TB, name string, strict bool) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(Schema(name, strict))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("event.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// agree holds the Go validator and both schemas to the same verdict.
func agree(t interface{ Errorf(string, ...any) }, tolerant, strict *jsonschema.Schema, body []byte) {
	_, findings := Decode(body)
	for _, f := range findings {
		if f.Clause == "R-JSON" && !strings.HasPrefix(f.Message, "the body is") || strings.Contains(f.Message, "stands twice") {
			return // JSON Schema judges neither broken JSON nor repeated names
		}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		if len(findings) == 0 || findings[0].Clause != "R-JSON" {
			t.Errorf("%s: broken for the library (%v), not for Decode", body, err)
		}
		return
	}
	if got, want := tolerant.Validate(doc) == nil, !Invalid(findings); got != want {
		t.Errorf("%s\nschema says valid=%v, Decode %v", body, got, findings)
	}
	if got, want := strict.Validate(doc) == nil, len(findings) == 0; got != want {
		t.Errorf("%s\nstrict schema says valid=%v (%v), Decode %v", body, got, strict.Validate(doc), findings)
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
	tolerant, strict := compile(t, "", false), compile(t, "", true)
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

func FuzzDecodeAgreesWithSchema(f *testing.F) {
	for _, s := range fixtures.DocSamples() {
		f.Add(s.Body)
	}
	f.Add([]byte(`{"event_id":"a","event_name":"message.delivered","event_ts":"2022-02-30T00:00:00.000Z","payload":{"event_type":"x"}}`))
	f.Add([]byte(`[{"event_id":1}]`))
	f.Add([]byte(`{"batch":[{"event_id":1},{}]}`))
	tolerant, strict := compile(f, "", false), compile(f, "", true)
	f.Fuzz(func(t *testing.T, body []byte) {
		agree(t, tolerant, strict, body)
		_, members, _ := Split(body)
		for _, m := range members {
			Decode(m)
		}
	})
}

func TestSchemaOfOneEvent(t *testing.T) {
	s := compile(t, "message.delivered", false)
	for name, want := range map[string]bool{"message.delivered": true, "message.undelivered": false} {
		body, _ := fixtures.Sample(name)
		doc, _ := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if got := s.Validate(doc) == nil; got != want {
			t.Errorf("%s: valid=%v, want %v", name, got, want)
		}
	}
}

package event

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/fixtures"
)

func envelopeWith(change string) string {
	base := map[string]string{
		"event_id": `"e-1"`, "event_name": `"message.delivered"`,
		"event_ts": `"2022-04-12T14:53:11.958Z"`, "payload": `{"ccid":"1002"}`,
	}
	order := []string{"event_id", "event_name", "event_ts", "payload"}
	if name, val, ok := strings.Cut(change, "="); ok {
		if _, known := base[name]; !known {
			order = append(order, name)
		}
		base[name] = val
	} else {
		delete(base, change)
	}
	var parts []string
	for _, n := range order {
		if v, ok := base[n]; ok {
			parts = append(parts, fmt.Sprintf("%q: %s", n, v))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func TestDecodeFindings(t *testing.T) {
	for _, tc := range []struct{ change, want string }{
		{"event_id=\"e-1\"", ""},
		{"event_id", "error R-ENVELOPE event_id: the property is missing"},
		{"event_id=7", "error R-ID event_id: the property is a number, not a string"},
		{"event_id=null", "error R-ID event_id: the property is null, not a string"},
		{"event_id=\"\"", "error R-ID event_id: the property is empty"},
		{"event_name", "error R-ENVELOPE event_name: the property is missing"},
		{"event_name=[1]", "error R-ENVELOPE event_name: the property is an array, not a string"},
		{"event_ts", "error R-ENVELOPE event_ts: the property is missing"},
		{"event_ts=12", "error R-TS event_ts: the property is a number, not a string"},
		{"event_ts=\"2022-02-30T00:00:00.000Z\"", `error R-TS event_ts: "2022-02-30T00:00:00.000Z" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`},
		{"event_ts=\"yesterday\"", `error R-TS event_ts: "yesterday" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`},
		{"event_ts=\"2022-04-12T14:53:11Z\"", `warning R-TS event_ts: "2022-04-12T14:53:11Z" is not in UTC with milliseconds as Relay writes it`},
		{"event_ts=\"2022-04-12T14:53:11.958+02:00\"", `warning R-TS event_ts: "2022-04-12T14:53:11.958+02:00" is not in UTC with milliseconds as Relay writes it`},
		{"event_ts=\"2016-12-31T23:59:60.000Z\"", `warning R-TS event_ts: "2016-12-31T23:59:60.000Z" is a leap second, which ISO 8601 knows and Relay does not document`},
		{"event_ts=\"2022-04-12T14:53:11,958Z\"", `warning R-TS event_ts: "2022-04-12T14:53:11,958Z" has a decimal comma, which ISO 8601 allows and Relay does not write`},
		{"event_ts=\"2022-04-12T14:53:60.000Z\"", `error R-TS event_ts: "2022-04-12T14:53:60.000Z" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`},
		{"event_ts=\"2022-04-12T14:53:11,Z\"", `error R-TS event_ts: "2022-04-12T14:53:11,Z" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`},
		{"payload", "error R-ENVELOPE payload: the property is missing"},
		{"payload=[]", "error R-ENVELOPE payload: the property is an array, not an object"},
		{"payload=null", "error R-ENVELOPE payload: the property is null, not an object"},
		{"payload={}", ""},
		{"payload={\"cid\":1}", `warning R-TOLERANT payload.cid: unknown property; did you mean "ccid"?`},
		{"payload={\"ccid\":1002}", "warning R-TOLERANT payload.ccid: the property is a number; Relay sends a string or null"},
		{"payload={\"ccid\":null,\"message_id\":\"\"}", ""},
		{"payload={\"channel_type\":\"fax\"}", `warning R-TOLERANT payload.channel_type: "fax" is not one of the documented values (sms)`},
		{"payload={\"event_type\":\"message\",\"event_subtype\":\"delivered\"}", ""},
		{"payload={\"event_type\":\"message\",\"event_subtype\":\"\"}", ""},
		{"payload={\"event_type\":\"message\",\"event_subtype\":\"undelivered\"}", `error R-NAME event_name: "message.delivered" contradicts the payload's event_type and event_subtype, which say "message.undelivered"`},
		{"event_name=\"account.deactive\"", `warning R-TOLERANT event_name: unknown event name "account.deactive"; did you mean "account.deactivate"?`},
		{"event_name=\"power.up\"", `warning R-TOLERANT event_name: unknown event name "power.up"`},
		{`payload={"message_name":"Pay \ud83d"}`, `warning R-JSON: an escape such as \ud83d without its other half is half a character; readers differ in what they make of it`},
		{"extra={\"a\":[1,2]}", `warning R-TOLERANT extra: unknown property`},
	} {
		_, findings := Decode([]byte(envelopeWith(tc.change)))
		var got []string
		for _, f := range findings {
			got = append(got, f.String())
		}
		if s := strings.Join(got, "\n"); s != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.change, s, tc.want)
		}
	}
}

func TestDecodeBroken(t *testing.T) {
	for body, want := range map[string]string{
		"":                         "the body is empty",
		" \n":                      "the body is empty",
		"{":                        "broken JSON at line 1, column 2: it ends too early",
		"[1]":                      "the body is an array, not a JSON object",
		`"x"`:                      "the body is a string, not a JSON object",
		"{\n\"event_id\" \"x\"}":   "broken JSON at line 2, column 12: found a double quote, expected ':' after the name of a property",
		envelopeWith("x=1") + "{}": "more text after the JSON object",
		"{\"event_id\":\"\xff\"}":  "broken JSON at line 1, column",
		`{"event_id":"\ud800",}`:   "broken JSON at line 1, column",
	} {
		_, findings := Decode([]byte(body))
		last := Finding{}
		if len(findings) > 0 {
			last = findings[len(findings)-1]
		}
		if last.Level != Error || last.Clause != "R-JSON" || !strings.HasPrefix(last.Message, want) {
			t.Errorf("%q: got %v, want an error %q", body, findings, want)
		}
	}
}

func TestDecodeFields(t *testing.T) {
	raw := []byte(`{"payload":{"ccid":"caf\u00e9 \"7\"","notification_id":null,"message_id":"m1"},
		"event_ts":"2022-04-12T14:53:11.958Z","event_name":"notification.delivered","event_id":"A"}`)
	var d Decoder
	if _, f := d.Decode([]byte(`{"payload":{"ccid":"before"}`)); !Invalid(f) {
		t.Fatal("the first body is broken")
	}
	got, findings := d.Decode(raw)
	want := Envelope{
		Raw: raw, ID: "A", Name: "notification.delivered", TSText: "2022-04-12T14:53:11.958Z",
		TS:      time.Date(2022, 4, 12, 14, 53, 11, 958e6, time.UTC),
		Payload: Payload{CCID: `café "7"`, MessageID: "m1"},
	}
	if diff := cmp.Diff(want, got); diff != "" || findings != nil {
		t.Errorf("%s\nfindings %v", diff, findings)
	}
}

func TestDecodeRepeated(t *testing.T) {
	env, findings := Decode([]byte(`{"event_id":"a","event_id":"b","event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":{"ccid":"1","ccid":"2"}}`))
	if env.ID != "b" || env.Payload.CCID != "2" || len(findings) != 2 || Invalid(findings) {
		t.Errorf("got %q %q %v, want the last values and two warnings", env.ID, env.Payload.CCID, findings)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{`)
	for i := range 10000 {
		fmt.Fprintf(&b, `"p%d":1,`, i)
	}
	b.WriteString(`"event_id":5}`)
	_, findings := Decode([]byte(b.String()))
	if len(findings) > maxFindings || !Invalid(findings) {
		t.Errorf("%d findings, invalid %v; want at most %d with the error among them", len(findings), Invalid(findings), maxFindings)
	}
}

func TestSamplesAreValid(t *testing.T) {
	for _, name := range Names() {
		body, ok := fixtures.Sample(name)
		if !ok {
			t.Errorf("%s has no sample", name)
			continue
		}
		env, findings := Decode(body)
		if findings != nil || env.Name != name {
			t.Errorf("%s: name %q, findings %v", name, env.Name, findings)
		}
	}
	if n := len(fixtures.DocSamples()); n != 4 {
		t.Errorf("%d documentation samples, want 4", n)
	}
	for _, s := range fixtures.DocSamples() {
		if _, findings := Decode(s.Body); findings != nil {
			t.Errorf("%s: %v", s.Name, findings)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body := fixtures.DocSamples()[0].Body
	var d Decoder
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, f := d.Decode(body); f != nil {
			b.Fatal(f)
		}
	}
}

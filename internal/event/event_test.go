package event

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	for _, tc := range []struct {
		body    string
		shape   Shape
		members string
		finding string
	}{
		{`{"event_id":"a"}`, Single, `{"event_id":"a"}`, ""},
		{` [ {"a":1} , 2 ] `, Array, `{"a":1}|2`, ""},
		{`{"batch":[{"a":1},{"b":[2]}]}`, Wrapped, `{"a":1}|{"b":[2]}`, ""},
		{`{"meta":{},"batch":[1]}`, Wrapped, `1`, ""},
		{`{"batch":"x"}`, Single, `{"batch":"x"}`, ""},
		{`{"event_id":"a","batch":[1]}`, Single, `{"event_id":"a","batch":[1]}`, ""},
		{`{"batch":[1]`, Single, `{"batch":[1]`, ""},
		{`[]`, Array, ``, "the batch is empty"},
		{`[1`, Array, ``, "broken JSON at line 1, column 3: it ends too early"},
		{`[1] 2`, Array, ``, "more text after the batch's array"},
	} {
		shape, members, findings := Split([]byte(tc.body))
		var got []string
		for _, m := range members {
			got = append(got, string(m))
		}
		msg := ""
		if len(findings) > 0 {
			msg = findings[0].Message
		}
		if shape != tc.shape || strings.Join(got, "|") != tc.members || msg != tc.finding {
			t.Errorf("%s: got %s %q %q", tc.body, shape, got, msg)
		}
	}
}

func TestApply(t *testing.T) {
	const in = `{ "event_id": "a", "payload": {"ccid": "1", "x": [1, 2]} }`
	for _, tc := range []struct{ set, want string }{
		{"payload.ccid=1002", `{ "event_id": "a", "payload": {"ccid": "1002", "x": [1, 2]} }`},
		{"payload.ccid=true", `{ "event_id": "a", "payload": {"ccid": "true", "x": [1, 2]} }`},
		{"payload.ccid={\"a\"", `{ "event_id": "a", "payload": {"ccid": "{\"a\"", "x": [1, 2]} }`},
		{"payload.ccid=\"1002\"", `{ "event_id": "a", "payload": {"ccid": "1002", "x": [1, 2]} }`},
		{"payload.ccid=null and void", `{ "event_id": "a", "payload": {"ccid": "null and void", "x": [1, 2]} }`},
		{"payload.ccid:=1002", `{ "event_id": "a", "payload": {"ccid": 1002, "x": [1, 2]} }`},
		{"payload.y=1002", `{ "event_id": "a", "payload": {"ccid": "1", "x": [1, 2],"y":1002} }`},
		{"notification.*,message.*:payload.y:=[1]", `{ "event_id": "a", "payload": {"ccid": "1", "x": [1, 2],"y":[1]} }`},
		{"-notification.*:payload.ccid", `{ "event_id": "a", "payload": { "x": [1, 2]} }`},
		{"payload.ccid=one two", `{ "event_id": "a", "payload": {"ccid": "one two", "x": [1, 2]} }`},
		{"payload.message_id=null", `{ "event_id": "a", "payload": {"ccid": "1", "x": [1, 2],"message_id":null} }`},
		{"event_id=\"b\"", `{ "event_id": "b", "payload": {"ccid": "1", "x": [1, 2]} }`},
		{"zzzzz.deep.er=1", `{ "event_id": "a", "payload": {"ccid": "1", "x": [1, 2]},"zzzzz":{"deep":{"er":1}} }`},
		{"-payload.ccid", `{ "event_id": "a", "payload": { "x": [1, 2]} }`},
		{"-event_id", `{ "payload": {"ccid": "1", "x": [1, 2]} }`},
		{"-payload", `{ "event_id": "a" }`},
		{"-payload.message_id", in},
	} {
		var o Override
		var err error
		if p, ok := strings.CutPrefix(tc.set, "-"); ok {
			o, err = ParseUnset(p)
		} else {
			o, err = ParseSet(tc.set)
		}
		if err != nil {
			t.Errorf("%s: %v", tc.set, err)
			continue
		}
		got, err := Apply([]byte(in), []Override{o})
		if err != nil || string(got) != tc.want {
			t.Errorf("%s: got %s %v\nwant %s", tc.set, got, err, tc.want)
		}
	}
}

func TestOverrideSuggests(t *testing.T) {
	for arg, want := range map[string]string{
		"payload.cid=1":             `unknown path "payload.cid"; did you mean "payload.ccid"? (+payload.cid adds a new property)`,
		"ccid=1":                    `unknown path "ccid"; did you mean "payload.ccid"? (+ccid adds a new property)`,
		"event_idd=1":               `unknown path "event_idd"; did you mean "event_id"? (+event_idd adds a new property)`,
		"paylod.ccid=1":             `unknown path "paylod.ccid"; did you mean "payload.ccid"? (+paylod.ccid adds a new property)`,
		"payload..x=1":              `path "payload..x" has an empty part; paths look like payload.ccid`,
		"payload.ccid":              `"payload.ccid" is not of the form PATH=VALUE, for example payload.ccid=1002`,
		"payload.ccid:=1002x":       `the value of payload.ccid: "1002x" is not JSON, which := takes`,
		"notificaton.*:payload.x=1": `event pattern "notificaton.*" matches no known event; did you mean "notification.*"?`,
		":payload.x=1":              `":payload.x" begins with a colon; a pattern of events such as notification.* stands before it`,
		"+payload.cid=1":            "",
		"payload.tenant_region=1":   "",
	} {
		_, err := ParseSet(arg)
		if got := errText(err); got != want {
			t.Errorf("%s: got %q, want %q", arg, got, want)
		}
	}
}

// An override is for the events that it names, and doubts a property that their
// family does not have.
func TestOverrideForSomeEvents(t *testing.T) {
	for arg, want := range map[string]string{
		"notification.*:payload.notification_id=1": "",
		"payload.action_label=x":                   "notification events have no property action_label; it is added all the same (+payload.action_label says that it is meant)",
		"payload.x=1":                              "notification events have no property x; it is added all the same (+payload.x says that it is meant)",
		"+payload.x=1":                             "",
		"event_id=7":                               "",
		"+extra.x=1":                               "",
	} {
		o, err := ParseSet(arg)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Doubt("notification.delivered"); got != want {
			t.Errorf("%s: got %q, want %q", arg, got, want)
		}
		if got := o.Doubt("their.own"); got != "" {
			t.Errorf("%s: an unknown event: %q", arg, got)
		}
		if scoped := strings.HasPrefix(arg, "notification"); o.Events().Match("message.delivered") == scoped {
			t.Errorf("%s is for %s", arg, o.Events())
		}
	}
}

func TestFilter(t *testing.T) {
	f, err := ParseFilter("notification.*, message.delivered")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"notification.delivered": true, "message.delivered": true, "message.undelivered": false} {
		if f.Match(name) != want {
			t.Errorf("Match(%q) = %v", name, !want)
		}
	}
	if !(Filter{}).Match("anything") {
		t.Error("the empty filter selects everything")
	}
	for p, want := range map[string]string{
		"notificaton.*":    `event pattern "notificaton.*" matches no known event; did you mean "notification.*"?`,
		"message.deliverd": `event pattern "message.deliverd" matches no known event; did you mean "message.delivered"?`,
		"[":                `event pattern "[" cannot be read: syntax error in pattern`,
		"mesage*":          `event pattern "mesage*" matches no known event; did you mean "message.*"?`,
		"message":          `event pattern "message" matches no known event; did you mean "message.*"?`,
		"*.deliverd":       `event pattern "*.deliverd" matches no known event; did you mean "*.delivered"?`,
		"channel_consnt.*": `event pattern "channel_consnt.*" matches no known event; did you mean "channel_consent.*"?`,
		// Another family's name is nearer by its letters alone.
		"notification_chanel.*": `event pattern "notification_chanel.*" matches no known event; did you mean "notification_channel.*"?`,
	} {
		_, err := ParseFilter(p)
		if got := errText(err); got != want {
			t.Errorf("%s: got %q, want %q", p, got, want)
		}
	}
}

// What may be a new name is taken (R-TOLERANT), and told apart from the known.
func TestFilterTakesNewNames(t *testing.T) {
	f, err := ParseFilter("billing.*,message.deleted,message.*,*.delivered,notification.atempt*")
	if err != nil || !f.Match("billing.paid") || !f.Match("message.deleted") {
		t.Fatal(f, err)
	}
	want := `event pattern "billing.*" matches no known event
event pattern "message.deleted" matches no known event; did you mean "message.delivered"?
event pattern "notification.atempt*" matches no known event; did you mean "notification.attempted"?`
	if got := strings.Join(f.Unknown(), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// An override beside the payload is most likely meant for it.
func TestOverrideBesideThePayload(t *testing.T) {
	o, err := ParseSet("extra.x=1")
	if err != nil {
		t.Fatal(err)
	}
	want := "the envelope has no property extra; it is added all the same, beside the payload (payload.extra.x sets it there, +extra.x says that it is meant)"
	if got := o.Doubt("their.own"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTimesAreAppendedAsTheyAreFormatted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(-1e14, 1e15).Draw(t, "ms")).UTC()
		if got, want := string(AppendTS(nil, at)), FormatTS(at); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	})
}

// A text keeps the letters that encoding/json writes as escapes for web pages: a firewall
// looks at them as they are.
func TestNewSetKeepsLetters(t *testing.T) {
	o, err := NewSet("payload.message_name", "<b>&")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(o.value), `"<b>&"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

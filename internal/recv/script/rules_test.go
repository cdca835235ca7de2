package script

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"relayctl/internal/oracle"
)

func TestRulesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "r.yaml: the file is empty",
		"rule: []\n":                     `r.yaml:1:1: unknown key "rule"; did you mean "rules"?`,
		"rules:\n":                       "r.yaml:1:1: the list of rules is missing",
		"rules:\n  - event: message.*\n": "r.yaml:2:5: a rule needs respond, such as 500,500,200",
		"rules:\n  - respond: 500\n    events: message.*\n":          `r.yaml:3:5: unknown key "events"; did you mean "event"?`,
		"rules:\n  - respond: 500\n    event: mesage.*\n":            `r.yaml:3:12: event pattern "mesage.*" matches no known event; did you mean "message.*"?`,
		"rules:\n  - respond: timeuot\n":                             `r.yaml:2:14: "timeuot" is not a status between 200 and 599, timeout, close, reset, garbage or cut; did you mean "timeout"?`,
		"rules:\n  - respond: []\n":                                  "r.yaml:2:14: the list of answers is empty",
		"rules:\n  - respond: true\n":                                `r.yaml:2:14: "true" is not a status between 200 and 599, timeout, close, reset, garbage or cut`,
		"rules:\n  - respond: [500, [500]]\n":                        "r.yaml:2:20: an answer is expected here, such as 500, timeout, 200~3s or {status: 503}",
		"rules:\n  - respond: {stauts: 1}\n":                         `r.yaml:2:15: unknown key "stauts"; did you mean "status"?`,
		"rules:\n  - respond: {}\n":                                  "r.yaml:2:14: the answer is empty: it has status, headers, body, delay",
		"rules:\n  - respond:\n      - 500\n      - status: reset\n": `r.yaml:4:17: "reset" is not a status between 200 and 599`,
		"rules:\n  - respond: {status: 503, delay: soon}\n":          `r.yaml:2:35: "soon" is not a delay such as 3s`,
		"rules:\n  - respond: {status: 204, body: x}\n":              "r.yaml:2:34: an answer 204 has no body",
		"rules:\n  - respond: {headers: [a]}\n":                      "r.yaml:2:24: a mapping is expected here: {Retry-After: 120}",
		"rules:\n  - respond: {headers: {a b: 1}}\n":                 `r.yaml:2:30: "a b" is not the name of a header`,
		"rules:\n  - respond: {headers: {X-A: [1]}}\n":               "r.yaml:2:30: a single value is expected here",
		"rules:\n  - respond: {headers: {X-A: \"a\\nb\"}}\n":         "r.yaml:2:30: header X-A: its value has a control character",
		"rules:\n  - respond: {headers: {content-length: 5}}\n":      "r.yaml:2:41: header content-length: it follows from the body",
		"rules:\n  - respond: 500\n    event: 7\n":                   "r.yaml:3:12: an event pattern is expected here, such as notification.*",
		"rules:\n  - respond: 500\n    chance: [10%]\n":              "r.yaml:3:13: a single value is expected here",
		"rules:\n  - respond: 500\n    chance: 10\n":                 `r.yaml:3:13: "10" is not a chance such as 10%`,
		"rules:\n  - respond: 500\n    window: 3m\n":                 `r.yaml:3:13: "3m" is not a window such as 1m..3m, 1m.. or ..30s`,
		"rules:\n  - respond: 500\n    window: 3m..1m\n":             `r.yaml:3:13: the window 3m..1m ends before it begins`,
	} {
		if _, _, err := ParseFile("r.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestRulesOfEveryForm(t *testing.T) {
	const text = `# what the app gets to see
rules:
  - event: notification.*
    respond: 500,500,200
    chance: 12.5%
  - respond: [500x2, timeout, 204]
    window: 1m..3m
  - event: message.delivered
    respond: 401
  - respond:
      - {status: 503, headers: {Retry-After: 120, X-Version: 1.50}, body: busy, delay: 2s}
      - 'reset, garbage, cut'
  - respond: {body: '{"ok":true}'}
`
	rules, _, err := ParseFile("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(len(rules[0].Answers), rules[0].Chance, len(rules[1].Answers), rules[1].Window, rules[2].Answers); got != "3 0.125 4 {1m0s 3m0s} [{401 0s  [] }]" {
		t.Error(got)
	}
	if got, want := rules[3].Answers, []Answer{
		{Status: 503, Delay: 2 * time.Second, Headers: []Header{{"Retry-After", "120"}, {"X-Version", "1.50"}}, Body: "busy"},
		{Fault: Reset}, {Fault: Garbage}, {Status: 200, Fault: Cut},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if a := rules[4].Answers[0]; a.Status != 200 || a.Ordinary() {
		t.Errorf("%+v", a)
	}
	if doc, ok := oracle.YAML([]byte(text)); !ok || oracle.Schema(t, Schema()).Validate(doc) != nil {
		t.Error("the schema refuses it")
	}
}

// The schema and the parser agree on documents near the border between right
// and wrong.
func TestSchemaAgreesWithTheParser(t *testing.T) {
	schema := oracle.Schema(t, Schema())
	values := map[string]*rapid.Generator[any]{
		"event":   rapid.SampledFrom([]any{"notification.*", "message.delivered,account.deactivate", "", nil, 7, []any{"message.*"}}),
		"respond": rapid.SampledFrom([]any{"500", 500, 199, 600, 500.5, "500,500,200", "500 , 200", "500x3", "500x03", "500x1000", "200~3s", "200~-3s", "200~3", "200~1h30m", "timeout", "timeot", "close~1s", "", true, []any{500, "timeout"}, []any{}, []any{[]any{500}}, map[string]any{"a": 1}, map[string]any{}, nil, "reset", "cut x2"}),
		"chance":  rapid.SampledFrom([]any{"10%", "100%", "100.5%", "0%", "0.25%", "10", 10, "-1%", "1e1%", "", nil}),
		"window":  rapid.SampledFrom([]any{"1m..3m", "1m..", "..30s", "..", "1m", "1m...3m", "-1m..3m", "99999h..", "999999h..", 5, "", nil}),
		"wnidow":  rapid.Just[any]("1m..3m"),
	}
	answer := map[string]*rapid.Generator[any]{
		"status": rapid.SampledFrom([]any{503, 204, "304", "503", 600, 503.5, "reset", "", nil, true}),
		"headers": rapid.SampledFrom([]any{map[string]any{"Retry-After": 120}, map[string]any{"X-A": "b c"}, map[string]any{"trailer": 1}, map[string]any{"a b": 1}, map[string]any{"": 1},
			map[string]any{"X-A": "a\nb"}, map[string]any{"X-A": true, "X-B": nil, "x-c": 1.5}, map[string]any{"X-A": []any{1}}, map[string]any{"X-Ü": 1}, map[string]any{}, "X-A: b", nil}),
		"body":  rapid.SampledFrom([]any{"busy", "", nil, 7, []any{"x"}, map[string]any{"a": 1}}),
		"delay": rapid.SampledFrom([]any{"3s", "-3s", 3, "", nil}),
		"dealy": rapid.Just[any]("3s"),
	}
	mapped := rapid.Custom(func(t *rapid.T) any {
		m := map[string]any{}
		for _, k := range []string{"status", "headers", "body", "delay", "dealy"} {
			if rapid.IntRange(0, 9).Draw(t, k+" is there") < map[string]int{"dealy": 1}[k]+2*len(k)/3 && (k != "dealy" || len(m) == 0) {
				m[k] = answer[k].Draw(t, k)
			}
		}
		return m
	})
	values["respond"] = rapid.OneOf(values["respond"], mapped, rapid.Map(mapped, func(a any) any { return []any{500, a} }))
	rapid.Check(t, func(t *rapid.T) {
		rule := map[string]any{}
		for _, k := range []string{"event", "respond", "chance", "window", "wnidow"} {
			if rapid.IntRange(0, 9).Draw(t, k+" is there") < map[string]int{"respond": 9, "wnidow": 1}[k]+3*len(k)/5 {
				rule[k] = values[k].Draw(t, k)
			}
		}
		text, err := yaml.Marshal(map[string]any{"rules": []any{rule}})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = ParseFile("r.yaml", text)
		doc, ok := oracle.YAML(text)
		if !ok {
			t.Fatalf("no JSON: %s", text)
		}
		if serr := schema.Validate(doc); (err == nil) != (serr == nil) {
			t.Fatalf("%s\nparser: %v\nschema: %v", text, err, serr)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	for _, s := range []string{"rules: []", "rules:\n  - {event: notification.*, respond: 500x3, chance: 10%, window: 1m..3m}", "rules:\n  - respond: [500, timeout]", "rules:\n  - respond:\n      - {status: 503, headers: {Retry-After: 120}, body: busy, delay: 2s}\n      - cut"} {
		f.Add([]byte(s))
	}
	schema := oracle.Schema(f, Schema())
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, _, err := ParseFile("r.yaml", text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		for _, r := range rules {
			if len(r.Answers) == 0 {
				t.Errorf("no answer: %+v", r)
			}
		}
		if doc, ok := oracle.YAML(text); ok && schema.Validate(doc) != nil {
			t.Errorf("taken, but the schema refuses it: %q", text)
		}
	})
}

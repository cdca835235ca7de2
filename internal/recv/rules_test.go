package recv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		"rules:\n  - respond: 500\n    events: message.*\n": `r.yaml:3:5: unknown key "events"; did you mean "event"?`,
		"rules:\n  - respond: 500\n    event: mesage.*\n":   `r.yaml:3:12: event pattern "mesage.*" matches no known event; did you mean "message.*"?`,
		"rules:\n  - respond: timeuot\n":                    `r.yaml:2:14: "timeuot" is no status between 200 and 599, timeout or close; did you mean "timeout"?`,
		"rules:\n  - respond: []\n":                         "r.yaml:2:14: the list of answers is empty",
		"rules:\n  - respond: {a: 1}\n":                     "r.yaml:2:15: an answer is expected here, such as 500, timeout or 200~3s",
		"rules:\n  - respond: 500\n    event: 7\n":          "r.yaml:3:12: an event pattern is expected here, such as notification.*",
		"rules:\n  - respond: 500\n    chance: [10%]\n":     "r.yaml:3:13: a single value is expected here",
		"rules:\n  - respond: 500\n    chance: 10\n":        `r.yaml:3:13: "10" is no chance such as 10%`,
		"rules:\n  - respond: 500\n    window: 3m\n":        `r.yaml:3:13: "3m" is no window such as 1m..3m, 1m.. or ..30s`,
		"rules:\n  - respond: 500\n    window: 3m..1m\n":    `r.yaml:3:13: the window 3m..1m ends before it begins`,
	} {
		if _, _, err := ParseRules("r.yaml", []byte(text)); err == nil || err.Error() != want {
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
`
	rules, _, err := ParseRules("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(len(rules[0].Answers), rules[0].Chance, len(rules[1].Answers), rules[1].Window, rules[2].Answers); got != "3 0.125 4 {1m0s 3m0s} [{401 0s false false}]" {
		t.Error(got)
	}
	if doc, ok := oracle.YAML([]byte(text)); !ok || oracle.Schema(t, RulesSchema()).Validate(doc) != nil {
		t.Error("the schema refuses it")
	}
}

// The schema and the parser agree on documents near the border between right
// and wrong.
func TestRulesSchemaAgreesWithTheParser(t *testing.T) {
	schema := oracle.Schema(t, RulesSchema())
	values := map[string]*rapid.Generator[any]{
		"event":   rapid.SampledFrom([]any{"notification.*", "message.delivered,account.deactivate", "", nil, 7, []any{"message.*"}}),
		"respond": rapid.SampledFrom([]any{"500", 500, 199, 600, 500.5, "500,500,200", "500 , 200", "500x3", "500x03", "500x1000", "200~3s", "200~-3s", "200~3", "200~1h30m", "timeout", "timeot", "close~1s", "", true, []any{500, "timeout"}, []any{}, []any{[]any{500}}, map[string]any{"a": 1}, nil}),
		"chance":  rapid.SampledFrom([]any{"10%", "100%", "100.5%", "0%", "0.25%", "10", 10, "-1%", "1e1%", "", nil}),
		"window":  rapid.SampledFrom([]any{"1m..3m", "1m..", "..30s", "..", "1m", "1m...3m", "-1m..3m", "99999h..", "999999h..", 5, "", nil}),
		"wnidow":  rapid.Just[any]("1m..3m"),
	}
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
		_, _, err = ParseRules("r.yaml", text)
		doc, ok := oracle.YAML(text)
		if !ok {
			t.Fatalf("no JSON: %s", text)
		}
		if serr := schema.Validate(doc); (err == nil) != (serr == nil) {
			t.Fatalf("%s\nparser: %v\nschema: %v", text, err, serr)
		}
	})
}

func FuzzParseRules(f *testing.F) {
	for _, s := range []string{"rules: []", "rules:\n  - {event: notification.*, respond: 500x3, chance: 10%, window: 1m..3m}", "rules:\n  - respond: [500, timeout]"} {
		f.Add([]byte(s))
	}
	schema := oracle.Schema(f, RulesSchema())
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, _, err := ParseRules("r.yaml", text)
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

func TestRulesAreLoadedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+"~", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+"~", file); err != nil {
			t.Fatal(err)
		}
	}
	put("rules: [{respond: 500}]")
	notices := make(chan string, 10)
	s := launch(t, Config{Rules: file, Script: script(t, "account.*=401"), Notice: func(m string) { notices <- m }})
	expect := func(notice string, status int) {
		t.Helper()
		if notice != "" {
			if got := strings.ReplaceAll(<-notices, file, "F"); got != notice {
				t.Errorf("told %q, want %q", got, notice)
			}
		}
		if got := s.post(t, envelope("a", "message.delivered", "00.000", "{}")); got != status {
			t.Errorf("after %q: answered %d, want %d", notice, got, status)
		}
	}
	expect("", 500)
	put("rules: [{respond: 503}]")
	expect("F: 1 rule in force", 503)
	put("rules: [{respond: 50}]")
	expect(`the last good rules stay in force: F:1:19: "50" is no status between 200 and 599, timeout or close`, 503)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect("F is gone: its last rules stay in force", 503)
	put("rules: [{respond: 500@7%}, {respond: 418}]")
	expect(`the last good rules stay in force: F:1:19: "500@7%": a chance or a window is a key of its own beside respond`, 503)
	put("rules: [{respond: 500, chance: 0%}, {respond: 418}]")
	expect("F: 2 rules in force (seed 1)", 418)
	put("rules: [{event: billing.*, respond: 418}]")
	expect("F: 1 rule in force", 200)
	expect(`F:1:17: event pattern "billing.*" matches no known event (the rule is in force all the same)`, 200)
	put("rules: []")
	expect("F: 0 rules in force", 200)
	if got := s.post(t, envelope("b", "account.deactivate", "00.000", "{}")); got != 401 {
		t.Errorf("the script's own rules come first, but it answered %d", got)
	}
}

func TestRulesThatCannotBeLoaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if _, err := New(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Rules: file}); err == nil {
		t.Error("a missing file is no error")
	}
	if err := os.WriteFile(file, []byte("rules: 7"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Addr: "127.0.0.1:0", TLS: TLSOff, Rules: file}); err == nil {
		t.Error("a broken file is no error")
	}
}

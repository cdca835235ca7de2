package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"relayctl/fixtures"
	"relayctl/internal/auth"
	"relayctl/internal/oracle"
)

// validBySchema says what the schema says of a scenario.
func validBySchema(s *jsonschema.Schema, text []byte) bool {
	doc, ok := oracle.YAML(text)
	return ok && s.Validate(doc) == nil
}

func TestBuiltInScenarios(t *testing.T) {
	schema := oracle.Schema(t, ScenarioSchema())
	if len(fixtures.ScenarioNames()) < 10 {
		t.Fatal("scenarios are missing")
	}
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		sc, err := ParseScenario(name, text)
		if err != nil || sc.Name != name || sc.Summary == "" || !bytes.HasPrefix(text, []byte("#")) {
			t.Errorf("%s: %v, or its name, summary or comment is missing", name, err)
			continue
		}
		if !validBySchema(schema, text) {
			t.Errorf("%s does not agree with the schema", name)
		}
		for _, d := range collect(t, Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart}) {
			if len(d.Events) != 1 {
				t.Errorf("%s: %s", name, d.Body)
			}
		}
	}
}

func TestTheAuthSchemesAreThoseOfAuth(t *testing.T) {
	if got := authSchemes(); !slices.Equal(got, auth.Kinds()) {
		t.Errorf("%v, auth has %v", got, auth.Kinds())
	}
}

func TestScenarioErrors(t *testing.T) {
	schema := oracle.Schema(t, ScenarioSchema())
	const step = "steps:\n  - event: message.delivered\n"
	for text, want := range map[string]string{
		"stpes: []\n":                                                    `s.yaml:1:1: unknown key "stpes"; did you mean "steps"?`,
		"name: x\n":                                                      "s.yaml:1:1: a scenario needs steps, such as - event: message.delivered",
		"name: 7\n" + step:                                               "s.yaml:1:7: 7 is not a text; put it in quotes",
		"steps:\n  - event: mesage.delivered\n":                          `s.yaml:2:12: unknown event "mesage.delivered"; did you mean "message.delivered"?`,
		"steps:\n  - at: 1s\n":                                           "s.yaml:2:5: a step needs an event",
		"steps:\n  -\n":                                                  "s.yaml:2:5: a step needs an event",
		step + "    copies: 0\n":                                         "s.yaml:3:13: 0 is not between 1 and 1000",
		step + "    copies: 2.5\n":                                       "s.yaml:3:13: 2.5 is not a whole number",
		step + "    copies: \"2\"\n":                                     `s.yaml:3:13: "2" is not a whole number`,
		step + "    lost_acks: true\n":                                   "s.yaml:3:16: true is not a whole number",
		step + "    at: soon\n":                                          `s.yaml:3:9: "soon" is not a duration such as 4s, -2s or 1m30s`,
		step + "    at: 5\n":                                             "s.yaml:3:9: 5 is not a duration such as 4s, -2s or 1m30s; did you mean 5s?",
		step + "    arrives: [1s]\n":                                     "s.yaml:3:14: a list is not a duration such as 4s, -2s or 1m30s",
		step + "    channel: 2\n":                                        "s.yaml:3:14: there is no number 2: the scenario has channels: 1",
		step + "    message: 3\n":                                        "s.yaml:3:14: there is no number 3: the scenario has messages: 1",
		step + "    consent: stop\n":                                     "s.yaml:3:14: only channel_consent.update has a consent",
		step + "    lost_ack: 1\n":                                       `s.yaml:3:5: unknown key "lost_ack"; did you mean "lost_acks"?`,
		step + "    set: {payload.cid: 1}\n":                             `s.yaml:3:11: unknown path "payload.cid"; did you mean "payload.ccid"? (+payload.cid adds a new property)`,
		step + "    unset: [payload.cid]\n":                              `s.yaml:3:13: unknown path "payload.cid"; did you mean "payload.ccid"? (+payload.cid removes it all the same)`,
		step + "every: -1s\n":                                            `s.yaml:3:8: "-1s" is not a duration such as 4s or 1m30s`,
		step + "send: {worker: 2}\n":                                     `s.yaml:3:8: unknown key "worker"; did you mean "workers"?`,
		step + "send: {workers: 0}\n":                                    "s.yaml:3:17: 0 is not between 1 and 10000",
		step + "send: {retry_delays: 10}\n":                              "s.yaml:3:22: 10 is not a list of delays such as 10s,30s,2m",
		step + "send: {retry_on: 5x}\n":                                  `s.yaml:3:18: "5x" is not a list such as 500,5xx,timeout,connect`,
		step + "send: {timeout: 0s}\n":                                   "s.yaml:3:17: a timeout must be positive",
		step + "send: {time_scale: -1}\n":                                "s.yaml:3:20: -1 is not a number between 0 and 1000",
		step + "send: {spread: yes}\n":                                   `s.yaml:3:16: "yes" is neither true nor false`,
		step + "send: {auth: oath}\n":                                    `s.yaml:3:14: unknown scheme "oath" (one of none, basic, api-key, oauth); did you mean "oauth"?`,
		step + "send: {pace: orignal}\n":                                 `s.yaml:3:14: unknown pace "orignal" (one of fast, original); did you mean "original"?`,
		step + "send: {rate: 5}\n":                                       "s.yaml:3:14: 5 is not a rate such as 50/s or 5000/m",
		step + "receiver: {respond: 500}\n":                              "s.yaml:3:21: a list is expected here: [a, b]",
		step + "receiver: {token_ttl: 500ms}\n":                          `s.yaml:3:23: "500ms" is not a whole number of seconds, minutes or hours, such as 2s`,
		"send: 5\nsteps: []\n":                                           "s.yaml:1:7: a mapping is expected here: {key: value}",
		"steps:\n  - event: channel_consent.update\n    consent: halt\n": `s.yaml:3:14: unknown consent "halt" (one of written, express, stop)`,
	} {
		_, err := ParseScenario("s.yaml", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
		// The schema cannot know a property's nearest name, nor how many channels
		// the scenario declares elsewhere.
		if !strings.Contains(text, "set:") && !strings.Contains(text, "channel:") && !strings.Contains(text, "message: 3") && validBySchema(schema, []byte(text)) {
			t.Errorf("%q is valid by the schema", text)
		}
	}
}

func TestScenarioOfTheManual(t *testing.T) {
	const text = `name: undelivered-before-attempted
steps:
  - event: notification.attempted
    at: 0s
  - event: notification.undelivered
    at: 4s
    arrives: -2s
  - event: message.delivered
    at: 5s
    copies: 2
    lost_acks: 1
    set: {payload.message_name: Payment reminder}
`
	sc, err := ParseScenario("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	ds := collect(t, Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart})
	var got []string
	for _, d := range ds {
		got = append(got, d.Events[0].Name)
	}
	if strings.Join(got, " ") != "notification.undelivered notification.attempted message.delivered message.delivered" {
		t.Errorf("order %v", got)
	}
	last := ds[2:]
	if last[0].LostAcks != 1 || last[1].Copy != 1 || !bytes.Equal(last[0].Body, last[1].Body) || !bytes.Contains(last[0].Body, []byte(`"message_name":"Payment reminder"`)) {
		t.Errorf("%+v", last)
	}
}

// TestSchemaAndParserAgree draws documents of right and wrong values: what one
// takes, the other takes.
func TestSchemaAndParserAgree(t *testing.T) {
	schema := oracle.Schema(t, ScenarioSchema())
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(drawScenario(t))
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseScenario("s.yaml", text)
		if valid := validBySchema(schema, text); valid != (err == nil) {
			t.Errorf("%s\nparser: %v, schema: %v", text, err, valid)
		}
		if err == nil {
			good++
		}
	})
	if good == 0 {
		t.Error("no document was right; the test says little")
	}
}

// drawScenario draws a document of mostly right values.
func drawScenario(t *rapid.T) map[string]any {
	// mostly draws a right value, now and then any of the others.
	mostly := func(label string, right, wrong []any) any {
		if rapid.IntRange(0, 99).Draw(t, label+" wrong?") == 99 {
			return rapid.SampledFrom(append(wrong, []any{}, map[string]any{}, "", "x", -1, 1.5, true)).Draw(t, label)
		}
		return rapid.SampledFrom(append(right, nil)).Draw(t, label)
	}
	type key struct {
		name         string
		right, wrong []any
	}
	list := func(v ...any) []any { return v }
	durations := list("0s", "1.5s", "2m3s", "99999h", "1h1m1s1ms", 0, 0.0)
	wrongTimes := list("1d", "5", 5, "--1s", "1s ", "1us", "999999s", "+1s", ".5s", "1.s")
	draw := func(where string, keys ...key) map[string]any {
		m := map[string]any{}
		for _, k := range keys {
			if rapid.Bool().Draw(t, where+k.name+"?") {
				m[k.name] = mostly(where+k.name, k.right, k.wrong)
			}
		}
		if rapid.IntRange(0, 99).Draw(t, where+"unknown?") == 99 {
			m["unknown"] = 1
		}
		return m
	}
	signed := append(list("-2s", "-1m30s"), durations...)
	var steps []any
	for range 3 - rapid.IntRange(0, 3).Draw(t, "steps left out") {
		step := draw("step.",
			key{"at", signed, wrongTimes}, key{"arrives", signed, wrongTimes}, key{"for", list(1, 1.0, []any{1, 1}), list(0, "1", []any{}, []any{0}, []any{"1"}, 100001)}, key{"copies", list(1, 2, 1000, 2.0), list(0, 1001, "2")},
			key{"lost_acks", list(0, 100), list(101)}, key{"channel", list(1, 50), list(0, 51)}, key{"message", list(1, 1000), list(0, 1001)},
			key{"set", list(map[string]any{"payload.ccid": 7, "+payload.new": nil}, map[string]any{}), list("a")},
			key{"unset", list([]any{"payload.ccid"}, []any{}), list([]any{1}, "a")})
		step["event"] = "channel_consent.update"
		if rapid.IntRange(0, 9).Draw(t, "other event?") == 9 {
			step["event"] = rapid.SampledFrom(list("message.delivered", "nonsense", nil, 7)).Draw(t, "event")
		}
		if rapid.Bool().Draw(t, "consent?") {
			step["consent"] = mostly("consent", list("stop", "written"), list("no"))
		}
		steps = append(steps, step)
	}
	doc := draw("",
		key{"name", list("n", ""), list(1)}, key{"summary", list("s"), list(false)}, key{"customers", list(1, 100000), list(0, 100001)}, key{"every", durations, append(wrongTimes, "-1s")})
	doc["channels"], doc["messages"], doc["steps"] = 50, 1000, steps
	doc["send"] = draw("send.",
		key{"attempts", list(1, 1000), list(0)}, key{"retry_delays", list("10s", "10s,30s , 2m", "0s"), list("10", "10s,", "-1s")},
		key{"retry_on", list("500", "5xx, timeout", "none"), list("600", "500;501")}, key{"timeout", list("1s", "0.5s", "1m0s"), list("0s", "0.0m0s", "-1s")},
		key{"time_scale", list(0, 0.01, 1000), list(-0.1, 1001, "1")}, key{"pace", list("fast", "original"), list("slow")},
		key{"rate", list("5/s", "5000/m", "1.5/h"), list("0/s", "5/d", "5")}, key{"workers", list(1, 10000), list(0, 10001)},
		key{"spread", list(true, false), list("true")}, key{"batch", list(1, 50), list(0)}, key{"batch_shape", list("array", "wrapped"), list("object")},
		key{"auth", list("none", "oauth"), list("digest")})
	doc["receiver"] = draw("receiver.",
		key{"respond", list([]any{"500,200", 500}, []any{}), list([]any{""}, []any{true}, "500", []any{1.5})}, key{"token_ttl", list("1s", "2m", "99999h"), list("0s", "1ms", "1m1s", 5)})
	return doc
}

// A step may be for some customers, in each repetition of the scenario; who has no
// step does not come.
func TestStepsForSomeCustomers(t *testing.T) {
	sc, err := ParseScenario("s", []byte("customers: 4\nevery: 1s\nsteps:\n  - event: message.delivered\n    for: [1, 3]\n    at: 5s\n  - event: notification.attempted\n    for: 2\n  - event: notification.delivered\n    for: [3]\n    at: 9s\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range collect(t, Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Count: 2, Start: testStart}) {
		got = append(got, fmt.Sprintf("%s %s %s", d.Arrives, d.Events[0].CCID, d.Events[0].Name))
	}
	want := []string{
		"1s 1002 notification.attempted", "5s 1001 message.delivered", "5s 1006 notification.attempted", "7s 1003 message.delivered",
		"9s 1005 message.delivered", "11s 1003 notification.delivered", "11s 1007 message.delivered", "15s 1007 notification.delivered",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCustomersOfAScenarioOverlap(t *testing.T) {
	sc, err := ParseScenario("s", []byte("customers: 3\nevery: 2s\nsteps:\n  - event: message.delivered\n    at: 1s\n  - event: notification.attempted\n    at: 5s\n    arrives: -1s\n    copies: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range collect(t, Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart}) {
		got = append(got, fmt.Sprintf("%s %s %s +%s", d.Arrives, d.Events[0].CCID, d.Events[0].Name, d.Events[0].TS.Sub(testStart)))
	}
	want := []string{
		"-1s 1001 notification.attempted +5s", "-1s 1001 notification.attempted +5s", "1s 1001 message.delivered +1s", "1s 1002 notification.attempted +7s", "1s 1002 notification.attempted +7s",
		"3s 1002 message.delivered +3s", "3s 1003 notification.attempted +9s", "3s 1003 notification.attempted +9s", "5s 1003 message.delivered +5s",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestAScenarioOfManyCustomersIsNotHeldInMemory(t *testing.T) {
	sc, err := ParseScenario("s", []byte("customers: 100000\nevery: 1s\nsteps:\n  - event: message.delivered\n  - event: notification.attempted\n    at: 10s\n"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := New(Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart})
	if err != nil {
		t.Fatal(err)
	}
	last, n := time.Duration(0), 0
	for d, err := range plan {
		if err != nil || d.Arrives < last {
			t.Fatal(err, d.Arrives, last)
		}
		last = d.Arrives
		if n++; n == 3000 { // the stream can be left at any time
			break
		}
	}
}

func FuzzParseScenario(f *testing.F) {
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sc, err := ParseScenario("s.yaml", text)
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("an error of several lines: %q", err)
		}
		if err != nil {
			return
		}
		if len(sc.Steps) == 0 || sc.Customers < 1 {
			t.Errorf("taken: %+v", sc)
		}
		// What was taken can be planned: every body is an object.
		n := 0
		plan, err := New(Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart})
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range plan {
			if err == nil && !json.Valid(d.Body) {
				t.Errorf("planned: %s", d.Body)
			}
			if n++; n > 20 || err != nil {
				break
			}
		}
	})
}

// TestScenariosPage holds docs/scenarios.md to what is true.
func TestScenariosPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(page), "```yaml\n")
	first, _, _ := strings.Cut(parts[1], "```")
	second, _, _ := strings.Cut(parts[2], "```")
	if sc, err := ParseScenario("docs/scenarios.md", []byte(first+second)); err != nil || len(sc.Presets) != 2 || sc.Steps[1].Arrives != -2*time.Second {
		t.Errorf("the example: %v", err)
	}
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		if sc, err := ParseScenario(name, text); err == nil && !strings.Contains(string(page), "| `"+name+"` | "+sc.Summary+" |\n") {
			t.Errorf("the page does not list %s: %s", name, sc.Summary)
		}
	}
}

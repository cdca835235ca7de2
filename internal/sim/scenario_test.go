package sim

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"relayctl/fixtures"
)

func scenarioSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(ScenarioSchema())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validBySchema(t testing.TB, s *jsonschema.Schema, text []byte) bool {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return false
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc) == nil
}

func TestBuiltInScenarios(t *testing.T) {
	schema := scenarioSchema(t)
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
		if !validBySchema(t, schema, text) {
			t.Errorf("%s does not agree with the schema", name)
		}
		for _, d := range collect(t, PlanConfig{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart}) {
			if len(d.Events) != 1 {
				t.Errorf("%s: %s", name, d.Body)
			}
		}
	}
}

func TestScenarioErrors(t *testing.T) {
	schema := scenarioSchema(t)
	for text, want := range map[string]string{
		"stpes: []\n":                           `s.yaml:1:1: unknown key "stpes"; did you mean "steps"?`,
		"name: x\n":                             "s.yaml:1:1: a scenario needs steps",
		"steps:\n  - event: mesage.delivered\n": `s.yaml:2:12: unknown event "mesage.delivered"; did you mean "message.delivered"?`,
		"steps:\n  - at: 1s\n":                  "s.yaml:2:5: a step needs an event",
		"steps:\n  - event: message.delivered\n    copies: 0\n":             "s.yaml:3:13: 0 is not between 1 and 1000",
		"steps:\n  - event: message.delivered\n    at: soon\n":              `s.yaml:3:9: "soon" is no duration such as 4s, -2s or 1m30s`,
		"steps:\n  - event: message.delivered\n    channel: 2\n":            "s.yaml:3:14: 2 is not between 1 and 1",
		"steps:\n  - event: message.delivered\n    lost_ack: 1\n":           `s.yaml:3:5: unknown key "lost_ack"; did you mean "lost_acks"?`,
		"steps:\n  - event: message.delivered\n    set: {payload.cid: 1}\n": `s.yaml:3:11: unknown path "payload.cid"; did you mean "payload.ccid"? (+payload.cid adds a new property)`,
	} {
		_, err := ParseScenario("s.yaml", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
		// The schema cannot know a property's nearest name, nor how many channels
		// the scenario declares elsewhere.
		if !strings.Contains(text, "set:") && !strings.Contains(text, "channel:") && validBySchema(t, schema, []byte(text)) {
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
	ds := collect(t, PlanConfig{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}, Start: testStart})
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

func FuzzParseScenario(f *testing.F) {
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sc, err := ParseScenario("s.yaml", text)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("an error of several lines: %q", err)
		}
		if err == nil && (len(sc.Steps) == 0 || sc.Customers < 1) {
			t.Errorf("taken: %+v", sc)
		}
	})
}

package plan

import (
	"strings"
	"testing"
)

// What is set in a text property stays the text that is written; in any other
// one a number is a number.
func TestSetKeepsTexts(t *testing.T) {
	text := "\uFEFFsteps:\n  - event: message.delivered\n    set:\n" +
		"      payload.channel_addr: 05551230001\n" +
		"      payload.ccid: 010\n" +
		"      payload.message_id: 1_2\n" +
		"      payload.journey_id: 1.10\n" +
		"      payload.trigger_id: 7\n" +
		"      payload.message_name: true\n" +
		"      payload.action_value: null\n" +
		"      +payload.count: 7\n" +
		"      +payload.code: 007\n"
	sc, err := ParseScenario("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := New(Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}})
	if err != nil {
		t.Fatal(err)
	}
	for d, err := range stream {
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`"channel_addr":"05551230001"`, `"ccid":"010"`, `"message_id":"1_2"`, `"journey_id":"1.10"`, `"trigger_id":"7"`,
			`"message_name":"true"`, `"count":7`, `"code":"007"`,
		} {
			if !strings.Contains(string(d.Body), want) {
				t.Errorf("no %s in %s", want, d.Body)
			}
		}
	}
	whole := "steps:\n  - event: message.delivered\n    set: {payload: {ccid: 1.0, other: 1.0}}\n"
	if sc, err = ParseScenario("s.yaml", []byte(whole)); err != nil {
		t.Fatal(err)
	}
	if stream, err = New(Config{Sources: []Source{{Kind: ScenarioFile, Scenario: sc}}}); err != nil {
		t.Fatal(err)
	}
	for d := range stream {
		if want := `"payload":{"ccid":"1.0","other":1}`; !strings.Contains(string(d.Body), want) {
			t.Errorf("no %s in %s", want, d.Body)
		}
	}
}

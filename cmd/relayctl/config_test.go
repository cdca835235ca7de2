package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"relayctl/internal/auth"
)

// configTexts says of files whether they are configurations.
func configTexts() map[string]bool {
	return map[string]bool{
		sampleConfig:                                true,
		"profiles: {}":                              true,
		"profiles: {a: {}}":                         true,
		"profiles: {a: {count: 3, timeout: 5s}}":    true,
		"profiles: {a: {username: 007}}":            true,
		"profiles: {a: {insecure: true}}":           true,
		"profiles: {a: {header: ['A: 1', 'B: 2']}}": true,
		"profiles: {a: {header: 'A: 1'}}":           true,
		"profiles: {a: {header: []}}":               true,
		"profiles: {a: {header: [[x]]}}":            false,
		"profiles: {a: {timeout: [1s, 2s]}}":        false,
		"profiles: {a: {timeout: {b: 1}}}":          false,
		"profiles: {a: {timeout: null}}":            false,
		"profiles: {a: {tiemout: 1s}}":              false,
		"profiles: {a: {profile: b}}":               false,
		"profiles: {a: {help: true}}":               false,
		"profiles: [a]":                             false,
		"profile: {}":                               false,
	}
}

func TestSchemesAreNamedWhereTheyAreChosen(t *testing.T) {
	action, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := auth.Kinds()
	last := len(kinds) - 1
	want := strings.Join(kinds[:last], ", ") + " or " + kinds[last]
	for place, text := range map[string]string{"action.yml": string(action), "the file of init": sampleConfig} {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", place, want)
		}
	}
}

// The heavy tests hold the schema that editors use to the same.
func TestConfigIsTakenOrRefused(t *testing.T) {
	root := newRootCmd(&app{kill: context.Background()})
	for config, want := range configTexts() {
		if _, err := parseConfig("relayctl.yaml", []byte(config), root); (err == nil) != want {
			t.Errorf("%s\nwant valid=%v: %v", config, want, err)
		}
	}
}

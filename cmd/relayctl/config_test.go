package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestConfigSchemaAgreesWithTheParser holds the schema that editors use to
// what the parser takes.
func TestConfigSchemaAgreesWithTheParser(t *testing.T) {
	root := newRootCmd(&app{kill: context.Background(), env: func(string) (string, bool) { return "", false }})
	text, err := json.Marshal(configSchema(root))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("config.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("config.json")
	if err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]bool{
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
	} {
		_, err := parseConfig("relayctl.yaml", []byte(config), root)
		asJSON, jsonErr := yaml.YAMLToJSON([]byte(config))
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		doc, jsonErr := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if schemaErr := schema.Validate(doc); (err == nil) != want || (schemaErr == nil) != want {
			t.Errorf("%s\nwant valid=%v, parser: %v, schema: %v", config, want, err, schemaErr)
		}
	}
}

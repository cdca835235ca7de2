package main

import (
	"context"
	"testing"

	"relayctl/internal/oracle"
)

// TestConfigSchemaAgreesWithTheParser holds the schema that editors use to
// what the parser takes.
func TestConfigSchemaAgreesWithTheParser(t *testing.T) {
	root := newRootCmd(&app{kill: context.Background()})
	schema := oracle.Schema(t, configSchema(root))
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
		doc, ok := oracle.YAML([]byte(config))
		if !ok {
			t.Fatalf("%s is not YAML", config)
		}
		if schemaErr := schema.Validate(doc); (err == nil) != want || (schemaErr == nil) != want {
			t.Errorf("%s\nwant valid=%v, parser: %v, schema: %v", config, want, err, schemaErr)
		}
	}
}

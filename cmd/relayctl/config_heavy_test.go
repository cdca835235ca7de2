//go:build heavy

package main

import (
	"context"
	"testing"

	"relayctl/internal/oracle"
)

// TestConfigSchemaAgreesWithTheParser holds the schema that editors use to what the
// parser takes. The oracle's library compiles its own schemas when a program with it
// starts: the commands of seven hundred lines of transcripts do without.
func TestConfigSchemaAgreesWithTheParser(t *testing.T) {
	schema := oracle.Schema(t, configSchema(newRootCmd(&app{kill: context.Background()})))
	for config, want := range configTexts() {
		doc, ok := oracle.YAML([]byte(config))
		if !ok {
			t.Fatalf("%s is not YAML", config)
		}
		if err := schema.Validate(doc); (err == nil) != want {
			t.Errorf("%s\nwant valid=%v: %v", config, want, err)
		}
	}
}

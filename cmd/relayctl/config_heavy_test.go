//go:build heavy

package main

import (
	"context"
	"testing"

	"relayctl/internal/oracle"
)

// The schema that editors use agrees with what the parser takes. It is a heavy test because
// the oracle's library compiles schemas whenever a program with it starts, and each command
// of a transcript is such a program.
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

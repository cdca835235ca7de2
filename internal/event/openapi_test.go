package event

import (
	"encoding/json"
	"maps"
	"testing"

	"relayctl/fixtures"
	"relayctl/internal/oracle"
)

// The schemas for other tools accept every sample, and what a receiver has to tolerate.
func TestOpenAPIDescribesTheSamples(t *testing.T) {
	for name, doc := range map[string]map[string]any{"OpenAPI": OpenAPI("v1"), "AsyncAPI": AsyncAPI("v1")} {
		schemas := map[string]any{"schemas": doc["components"].(map[string]any)["schemas"]}
		for _, e := range fixtures.Catalogue() {
			schema := oracle.Schema(t, map[string]any{"$schema": schemaDialect, "$ref": "#/components/schemas/" + typeName(e.Name), "components": schemas})
			text, _ := fixtures.Sample(e.Name)
			var sample map[string]any
			if err := json.Unmarshal(text, &sample); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(sample); err != nil {
				t.Errorf("%s of %s: %v", e.Name, name, err)
			}
			more := maps.Clone(sample)
			more["new"] = 1.0
			if err := schema.Validate(more); err != nil {
				t.Errorf("%s of %s with a new property: %v", e.Name, name, err)
			}
			less := maps.Clone(sample)
			delete(less, "payload")
			if schema.Validate(less) == nil {
				t.Errorf("%s of %s: accepted without a payload", e.Name, name)
			}
		}
	}
}

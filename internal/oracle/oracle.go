// Package oracle lets tests compare this program's verdict on a document with
// the verdict of independent libraries for JSON Schema and YAML, and its reports
// with their schemas. Only tests import it.
package oracle

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schema compiles a JSON Schema that this program emits.
func Schema(t testing.TB, emitted any) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(emitted)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("emitted.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("emitted.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// YAML decodes a YAML document into the values that a schema validates; ok is
// false where JSON cannot express it.
func YAML(text []byte) (doc any, ok bool) {
	b, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, false
	}
	doc, err = jsonschema.UnmarshalJSON(bytes.NewReader(b))
	return doc, err == nil
}

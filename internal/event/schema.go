package event

import (
	"relayctl/fixtures"
)

// schemaDialect is the JSON Schema version that every schema here is written in.
const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// tsPattern is what readTS accepts, as a regular expression: dates that exist,
// with any fraction and offset, and leap seconds. It is spelt out because validators may ignore
// "format".
const tsPattern = `^(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))` +
	`|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)` +
	`T(?:[01][0-9]|2[0-3]):(?:[0-5][0-9]:[0-5][0-9]|59:60)(?:[.,][0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$`

// tsPatternStrict narrows tsPattern to the form that Relay writes (R-TS).
const tsPatternStrict = `^.{17}[0-5][0-9]\.[0-9]{3}Z$`

// Schema returns the JSON Schema (2020-12) of an envelope, ready to be
// marshalled. It accepts exactly what Decode finds no error in; strict, exactly
// what Decode finds neither error nor warning in (repeated property names and
// escapes of half a character aside, which JSON Schema cannot see). With a name it describes that event
// only. Safe for concurrent use.
func Schema(name string, strict bool) map[string]any {
	eventName := map[string]any{"type": "string", "minLength": 1, "description": "The kind of event."}
	ts := map[string]any{"type": "string", "pattern": tsPattern, "description": "When it happened: ISO 8601, UTC, milliseconds (R-TS).",
		"examples": []any{"2022-04-12T14:53:11.958Z"}}
	title := "Relay event"
	all := contradictions()
	switch {
	case name != "":
		eventName["const"] = name
		title = "Relay event " + name
	case strict:
		eventName["enum"] = anySlice(catalogue().names)
	default:
		eventName["examples"] = anySlice(catalogue().names)
	}
	if strict {
		ts["allOf"] = []any{map[string]any{"pattern": tsPatternStrict}}
	}
	s := map[string]any{
		"$schema": schemaDialect,
		"title":   title,
		"type":    "object",
		"properties": map[string]any{
			"event_id":   map[string]any{"type": "string", "minLength": 1, "description": "Opaque and unique per event; a retry carries the same one (R-ID)."},
			"event_name": eventName,
			"event_ts":   ts,
			"payload":    payloadSchema(name, strict),
		},
		"required": anySlice(envelopeNames()),
		"allOf":    all,
	}
	if e, ok := Lookup(name); ok {
		s["description"] = e.Meaning
	}
	if strict {
		s["additionalProperties"] = false
	}
	return s
}

func payloadSchema(name string, strict bool) map[string]any {
	props := map[string]any{}
	list := catalogue().properties
	e, known := Lookup(name)
	if known && !strict {
		list = PropertiesOf(e.Family)
	}
	for _, p := range list {
		props[p.Name] = propertySchema(p, strict)
	}
	s := map[string]any{"type": "object", "properties": props}
	if known && e.Family.PayloadMark() == fixtures.Assumed {
		s["description"] = "Assumed: Relay's documentation shows no payload of " + string(e.Family) + " events."
	}
	if strict {
		s["additionalProperties"] = false
	}
	return s
}

// propertySchema describes a payload property. Only the strict schema
// constrains it, for a receiver has to tolerate other values (R-TOLERANT).
func propertySchema(p fixtures.Property, strict bool) map[string]any {
	meaning := p.Meaning
	if p.Mark != fixtures.Documented {
		meaning += " (" + string(p.Mark) + ")"
	}
	s := map[string]any{"description": meaning}
	if !strict {
		if p.Values != nil {
			s["examples"] = anySlice(p.Values)
		}
		return s
	}
	s["type"] = []any{"string", "null"}
	if p.MaxLen > 0 {
		s["maxLength"] = p.MaxLen
	}
	if p.Values != nil {
		s["enum"] = append(anySlice(p.Values), "", nil)
	}
	return s
}

// contradictions is R-NAME: for every known name, the payload's event_type and
// event_subtype agree with event_name where both are given.
func contradictions() []any {
	var all []any
	for _, name := range catalogue().names {
		eventType, subtype := splitName(name)
		given := map[string]any{"type": "string", "minLength": 1}
		both := []any{"event_type", "event_subtype"}
		agree := map[string]any{"event_type": map[string]any{"const": eventType}, "event_subtype": map[string]any{"const": subtype}}
		all = append(all,
			map[string]any{
				"if": map[string]any{
					"required": []any{"event_name", "payload"},
					"properties": map[string]any{
						"event_name": map[string]any{"const": name},
						"payload": map[string]any{"type": "object", "required": both,
							"properties": map[string]any{"event_type": given, "event_subtype": given}},
					},
				},
				"then": map[string]any{"properties": map[string]any{"payload": map[string]any{"properties": agree}}},
			},
			map[string]any{
				"if": map[string]any{
					"required":   []any{"payload"},
					"properties": map[string]any{"payload": map[string]any{"type": "object", "required": both, "properties": agree}},
				},
				"then": map[string]any{"properties": map[string]any{"event_name": map[string]any{"const": name}}},
			})
	}
	return all
}

func anySlice(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

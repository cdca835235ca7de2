package sim

import "relayctl/internal/event"

// ScenarioSchema is the JSON Schema (2020-12) of a scenario file, ready to be
// marshalled.
func ScenarioSchema() map[string]any {
	text := func(what string) map[string]any { return map[string]any{"type": "string", "description": what} }
	number := func(least, most int, what string) map[string]any {
		return map[string]any{"type": "integer", "minimum": least, "maximum": most, "description": what}
	}
	duration := func(what string) map[string]any {
		return map[string]any{"type": "string", "pattern": `^[-+]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$|^[-+]?0$|^$`, "description": what}
	}
	object := func(props map[string]any, required ...any) map[string]any {
		o := map[string]any{"type": "object", "properties": props, "additionalProperties": false}
		if required != nil {
			o["required"] = required
		}
		return o
	}
	names := make([]any, 0)
	for _, n := range event.Names() {
		names = append(names, n)
	}
	step := object(map[string]any{
		"event":     map[string]any{"enum": names, "description": "the event's name"},
		"at":        duration("its event_ts, after the start"),
		"arrives":   duration("when it is sent, after the start; default: at"),
		"copies":    number(1, 1000, "how often it is delivered, byte-identical"),
		"lost_acks": number(0, 100, "how many first answers are dropped: it comes again"),
		"channel":   number(1, maxChannels, "which of the customer's numbers, from 1"),
		"message":   number(1, 1000, "which of the customer's messages, from 1"),
		"consent":   map[string]any{"enum": []any{"written", "express", "stop", ""}, "description": "of channel_consent.update; default: stop"},
		"set":       map[string]any{"type": "object", "description": "properties to override, by path"},
		"unset":     map[string]any{"type": "array", "items": text("a path to remove")},
	}, "event")
	send := map[string]any{}
	for _, k := range []string{"retry_delays", "time_scale", "timeout", "workers", "spread", "batch", "batch_shape", "auth", "pace"} {
		send[k] = map[string]any{"type": []any{"string", "number", "boolean"}, "description": "the flag of send of that name, unless it is given"}
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "relayctl scenario",
		"type": "object", "required": []any{"steps"}, "additionalProperties": false,
		"properties": map[string]any{
			"name": text("its name"), "summary": text("what it shows, in a sentence"),
			"customers": number(1, maxCustomers, "how many customers go through it"),
			"channels":  number(1, maxChannels, "how many numbers each customer has"),
			"messages":  number(1, 1000, "how many messages each customer gets"),
			"steps":     map[string]any{"type": "array", "minItems": 1, "maxItems": maxSteps, "items": step},
			"send":      object(send),
			"receiver": object(map[string]any{
				"respond":   map[string]any{"type": "array", "items": text("a script of listen --respond, for the embedded receiver")},
				"token_ttl": duration("how long the embedded receiver's OAuth tokens live"),
			}),
		},
	}
}

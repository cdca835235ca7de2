package sim

import (
	"relayctl/internal/auth"
	"relayctl/internal/event"
)

// ScenarioSchema is the JSON Schema (2020-12) of a scenario file, ready to be
// marshalled. It cannot say which paths set may name, nor that channel and
// message stay within what the scenario declares; the parser can.
func ScenarioSchema() map[string]any {
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "relayctl scenario",
		"type": "object", "required": []any{"steps"}, "additionalProperties": false,
		"properties": map[string]any{
			"name": schemaText("its name"), "summary": schemaText("what it shows, in a sentence"),
			"customers": schemaNumber(1, maxCustomers, "how many customers go through it; default: 1"),
			"every":     schemaDuration(false, "from one customer's begin to the next one's; default: 0s"),
			"channels":  schemaNumber(1, maxChannels, "how many numbers each customer has; default: 1"),
			"messages":  schemaNumber(1, maxMessages, "how many messages each customer gets; default: 1"),
			"steps":     map[string]any{"type": "array", "minItems": 1, "maxItems": maxSteps, "items": schemaStep()},
			"send":      schemaSend(),
			"receiver":  schemaReceiver(),
		},
	}
}

func schemaStep() map[string]any {
	step := schemaObject("one event", map[string]any{
		"event":     map[string]any{"enum": anyList(event.Names()), "description": "the event's name"},
		"at":        schemaDuration(true, "its event_ts, after the start; default: 0s"),
		"arrives":   schemaDuration(true, "when it is sent, after the start; default: at"),
		"copies":    schemaNumber(1, maxCopies, "how often it is delivered, byte-identical; default: 1"),
		"lost_acks": schemaNumber(0, maxLostAcks, "how many first answers are dropped: it comes again; default: 0"),
		"channel":   schemaNumber(1, maxChannels, "which of the customer's numbers, from 1; default: 1"),
		"message":   schemaNumber(1, maxMessages, "which of the customer's messages, from 1; default: 1"),
		"consent":   schemaWord("of channel_consent.update; default: stop", consents()...),
		"set":       map[string]any{"type": []any{"object", "null"}, "description": "properties to override, by path: {payload.ccid: \"1002\"}"},
		"unset":     map[string]any{"type": []any{"array", "null"}, "items": schemaText("a path to remove")},
	}, "event")
	// Only a consent's change has a consent.
	step["if"] = map[string]any{"properties": map[string]any{"consent": map[string]any{"type": "string"}}, "required": []any{"consent"}}
	step["then"] = map[string]any{"properties": map[string]any{"event": map[string]any{"const": "channel_consent.update"}}}
	return step
}

func schemaSend() map[string]any {
	form := func(form, what string) map[string]any {
		return map[string]any{"type": []any{"string", "null"}, "pattern": "^(?:" + form + ")$", "description": what}
	}
	timeout := form(durationForm, "deadline of a call, such as 10s (R-DEADLINE)")
	timeout["not"] = map[string]any{"type": "string", "pattern": `^(?:[0.]+(?:ms|s|m|h))+$`}
	return schemaObject("flags of send, unless they are given on the command line", map[string]any{
		"attempts":     schemaNumber(1, maxAttempts, "attempts in total (R-FOUR)"),
		"retry_delays": form(delaysForm, "waits between the attempts, such as 10s,30s,2m (R-DELAYS)"),
		"retry_on":     form(retriesForm, "what is tried again: statuses, 5xx, timeout, connect (R-RETRY-ONLY)"),
		"timeout":      timeout,
		"time_scale":   map[string]any{"type": []any{"number", "null"}, "minimum": 0, "maximum": maxTimeScale, "description": "multiplies every simulated wait"},
		"pace":         schemaWord("original keeps the offsets", "fast", "original"),
		"rate":         form(rateForm, "pace in calls, such as 50/s"),
		"workers":      schemaNumber(1, maxWorkers, "serial workers (R-WORKERS)"),
		"spread":       map[string]any{"type": []any{"boolean", "null"}, "description": "each delivery to the next free worker"},
		"batch":        schemaNumber(1, maxBatch, "events a call (R-BATCH)"),
		"batch_shape":  schemaWord("the shape of a batch (R-BATCH-BODY)", string(event.Array), string(event.Wrapped)),
		"auth":         schemaWord("the embedded receiver's scheme", auth.Kinds()...),
	})
}

func schemaReceiver() map[string]any {
	script := map[string]any{
		"type": []any{"string", "integer"}, "minLength": 1, "minimum": -1 << 53, "maximum": 1 << 53,
		"description": "a script of listen --respond, such as 500,500,200",
	}
	return schemaObject("how the embedded receiver behaves; other endpoints are not touched", map[string]any{
		"respond":   map[string]any{"type": []any{"array", "null"}, "maxItems": maxScripts, "items": script},
		"token_ttl": map[string]any{"type": []any{"string", "null"}, "pattern": "^(?:" + ttlForm + ")$", "description": "how long its OAuth tokens live, such as 2s"},
	})
}

func schemaText(what string) map[string]any {
	return map[string]any{"type": []any{"string", "null"}, "description": what}
}

func schemaNumber(least, most int, what string) map[string]any {
	return map[string]any{"type": []any{"integer", "null"}, "minimum": least, "maximum": most, "description": what}
}

func schemaWord(what string, words ...string) map[string]any {
	return map[string]any{"enum": append(anyList(words), nil), "description": what}
}

func schemaDuration(signed bool, what string) map[string]any {
	form := durationForm
	if signed {
		form = "-?" + form
	}
	return map[string]any{"description": what, "anyOf": []any{
		map[string]any{"type": "string", "pattern": "^(?:" + form + ")$"}, map[string]any{"enum": []any{0, nil}},
	}}
}

func schemaObject(what string, props map[string]any, required ...any) map[string]any {
	o := map[string]any{"type": []any{"object", "null"}, "description": what, "properties": props, "additionalProperties": false}
	if required != nil {
		o["required"], o["type"] = required, "object"
	}
	return o
}

func anyList(words []string) []any {
	out := make([]any, 0, len(words)+1)
	for _, w := range words {
		out = append(out, w)
	}
	return out
}

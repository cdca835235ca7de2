package event

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"relayctl/fixtures"
)

// about is the head of the descriptions for other tools.
const about = "What Relay's push-event webhook sends, as far as it is documented; what is assumed is marked. " +
	"A receiver ignores properties and events that it does not know (R-TOLERANT), processes by event_ts (R-ORDER), and expects events to come again with the same event_id (R-DUP). " +
	"Made by relayctl; not a document of Relay's."

// OpenAPI returns an OpenAPI 3.1 document with a webhook for each event, ready to be
// marshalled, for generators of code. version is that of the program. Safe for
// concurrent use.
func OpenAPI(version string) map[string]any {
	hooks := map[string]any{}
	for _, e := range catalogue().events {
		hooks[e.Name] = map[string]any{"post": operation(e.Name, e.Meaning, typeName(e.Name), sample(e.Name))}
	}
	batch := operation("batch", "Several events in one call, where batch processing is configured: the one answer covers all of them (R-BATCH). The form of the body is assumed (R-BATCH-BODY).", "Batch", nil)
	hooks["batch"] = map[string]any{"post": batch}
	schemas := components("#/components/schemas/")
	var members []any
	for _, e := range catalogue().events {
		members = append(members, map[string]any{"$ref": "#/components/schemas/" + typeName(e.Name)})
	}
	schemas["Batch"] = map[string]any{
		"description": "A batch of events: an array of envelopes (assumed, R-BATCH-BODY).",
		"type":        "array", "items": map[string]any{"anyOf": members},
	}
	return map[string]any{
		"openapi": "3.1.0", "jsonSchemaDialect": schemaDialect,
		"info": info(version),
		"tags": tags(),
		"servers": []any{map[string]any{
			"url": "{endpoint}", "description": "The URL that is configured with Relay.",
			"variables": map[string]any{"endpoint": map[string]any{"default": "https://127.0.0.1:8443", "description": "Where relayctl listen is, unless told otherwise."}},
		}},
		"webhooks": hooks,
		"security": []any{map[string]any{}, map[string]any{"basic": []any{}}, map[string]any{"apiKey": []any{}}, map[string]any{"oauth": []any{}}},
		"components": map[string]any{
			"schemas": schemas,
			"securitySchemes": map[string]any{
				"basic":  map[string]any{"type": "http", "scheme": "basic", "description": "R-AUTH-BASIC"},
				"apiKey": map[string]any{"type": "apiKey", "in": "header", "name": "ApiKey", "description": "R-AUTH-KEY"},
				"oauth":  map[string]any{"type": "http", "scheme": "bearer", "description": "A token that Relay gets by OAuth 2 client credentials (R-AUTH-OAUTH); that \"Bearer \" stands before it is assumed."},
			},
		},
	}
}

func info(version string) map[string]any {
	return map[string]any{"title": "Relay push-event webhook", "version": version, "description": about}
}

func tags() []any {
	var out []any
	for _, f := range []fixtures.Family{fixtures.Message, fixtures.Notification, fixtures.Connection} {
		out = append(out, map[string]any{"name": string(f), "description": "Events of the " + string(f) + " family."})
	}
	return out
}

// operation describes a call of the webhook.
func operation(name, meaning, schema string, example any) map[string]any {
	content := map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/" + schema}}
	if example != nil {
		content["example"] = example
	}
	op := map[string]any{
		"operationId": "receive" + typeName(name), "summary": name, "description": meaning,
		"requestBody": map[string]any{"required": true, "content": map[string]any{"application/json": content}},
		"responses": map[string]any{
			"200": map[string]any{"description": "Accepted (R-200). Also the answer to an event that is invalid or cannot be processed (R-NO-400)."},
			"401": map[string]any{"description": "Invalid access; the call is not made again (R-401)."},
			"500": map[string]any{"description": "The service is down; the call is made again, four times in total (R-500, R-FOUR)."},
		},
	}
	if e, ok := Lookup(name); ok {
		op["tags"] = []any{string(e.Family)}
		if e.Order != "" {
			op["description"] = meaning + " " + e.Order
		}
	} else {
		op["tags"] = []any{string(fixtures.Message)}
	}
	return op
}

// components are the schemas of all events and payloads, one of which refers to another
// by the prefix and its name.
func components(prefix string) map[string]any {
	out := map[string]any{}
	for _, e := range catalogue().events {
		family := typeName(string(e.Family)) + "Payload"
		envelope := Schema(e.Name, false)
		for _, key := range []string{"$schema", "allOf"} {
			delete(envelope, key)
		}
		props := maps.Clone(envelope["properties"].(map[string]any))
		props["payload"] = map[string]any{"$ref": prefix + family}
		envelope["properties"] = props
		out[typeName(e.Name)] = envelope
		if out[family] == nil {
			out[family] = familyPayload(e.Name, e.Family)
		}
	}
	return out
}

// familyPayload is the payload of a family's events. Every property may be absent, null or
// empty (R-ABSENT), and others may come (R-TOLERANT).
func familyPayload(name string, family fixtures.Family) map[string]any {
	s := payloadSchema(name, false)
	s["title"] = "Payload of " + string(family) + " events"
	for _, p := range s["properties"].(map[string]any) {
		p.(map[string]any)["type"] = []any{"string", "null"}
	}
	return s
}

// typeName is a name for programs: MessageDelivered of message.delivered.
func typeName(name string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '_' }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// sample is the example of an event, nil where there is none.
func sample(name string) any {
	text, ok := fixtures.Sample(name)
	if !ok {
		return nil
	}
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil
	}
	return v
}

// AsyncAPI returns an AsyncAPI 3.0 document of the same, ready to be marshalled. version is
// that of the program. Safe for concurrent use.
func AsyncAPI(version string) map[string]any {
	messages, refs, own := map[string]any{}, map[string]any{}, []any{}
	for _, e := range catalogue().events {
		name := typeName(e.Name)
		m := map[string]any{
			"name": e.Name, "title": e.Name, "summary": e.Meaning, "contentType": "application/json",
			"payload":       map[string]any{"$ref": "#/components/schemas/" + name},
			"correlationId": map[string]any{"description": "The same event in all attempts (R-ID).", "location": "$message.payload#/event_id"},
			"tags":          []any{map[string]any{"name": string(e.Family)}},
		}
		if e.Order != "" {
			m["description"] = e.Order
		}
		if s := sample(e.Name); s != nil {
			m["examples"] = []any{map[string]any{"payload": s}}
		}
		messages[name] = m
		refs[name] = map[string]any{"$ref": "#/components/messages/" + name}
	}
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		own = append(own, map[string]any{"$ref": "#/channels/webhook/messages/" + name})
	}
	return map[string]any{
		"asyncapi": "3.0.0", "info": info(version), "defaultContentType": "application/json",
		"channels": map[string]any{"webhook": map[string]any{
			"address": nil, "title": "Webhook", "description": "The URL that is configured with Relay; one event per call (R-SINGLE).", "messages": refs,
		}},
		"operations": map[string]any{"receiveEvent": map[string]any{
			"action": "receive", "channel": map[string]any{"$ref": "#/channels/webhook"}, "summary": "Receive an event of Relay's.",
			"messages": own, "bindings": map[string]any{"http": map[string]any{"method": "POST", "bindingVersion": "0.3.0"}},
		}},
		"components": map[string]any{"messages": messages, "schemas": components("#/components/schemas/")},
	}
}

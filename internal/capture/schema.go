package capture

// Schema returns the JSON Schema (2020-12) of a capture's line, ready to be
// marshalled. Readers have to ignore unknown properties, so it allows them.
func Schema() map[string]any {
	text := func(description string) map[string]any {
		return map[string]any{"type": "string", "description": description}
	}
	badges := map[string]any{"type": "array", "items": map[string]any{"type": "string"},
		"description": "How it came: attempt 2/4, duplicate, conflict, late 3.2s, early."}
	attempt := map[string]any{"type": "integer", "minimum": 0, "description": "Which delivery of this event it is, from 1; 0 where unknown."}
	return map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "relayctl capture line",
		"description": "One received request. A capture has one such object a line; a torn last line is to be skipped.",
		"type":        "object",
		"properties": map[string]any{
			"v": map[string]any{"const": version, "description": "Version of this format."},
			"received_at": map[string]any{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$`,
				"description": "When it came: RFC 3339, UTC, milliseconds."},
			"remote": text("The sender's host and port."),
			"method": text("The HTTP method."),
			"path":   text("Path and query; secrets in it are replaced by " + Redacted + "."),
			"headers": map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"},
				"description": "Headers as received; secrets are replaced by " + Redacted + "."},
			"body":         text("The exact bytes, where they are UTF-8."),
			"body_base64":  map[string]any{"type": "string", "contentEncoding": "base64", "description": "The exact bytes, where they are not UTF-8."},
			"body_omitted": map[string]any{"const": true, "description": "The body was too large or not read."},
			"status": map[string]any{"type": []any{"integer", "null"}, "minimum": 100, "maximum": 999,
				"description": "The answer's status; null where none was given."},
			"event_id":   text("Empty where the body has none, or several."),
			"event_name": text("Empty where the body has none, or several."),
			"event_ts":   text("As the event has it."),
			"attempt":    attempt,
			"badges":     badges,
			"findings":   findingsSchema(text),
			"app":        appSchema(text),
			"members": map[string]any{"type": "array", "description": "The events of a batch.", "items": map[string]any{
				"type": "object", "required": []any{"event_id", "event_name", "attempt", "badges"},
				"properties": map[string]any{
					"event_id": text("Empty where the event has none."), "event_name": text("Empty where the event has none."),
					"attempt": attempt, "badges": badges,
				},
			}},
		},
		"required": []any{"v", "received_at", "remote", "method", "path", "headers", "status", "event_id", "event_name", "attempt", "badges", "findings"},
		"oneOf": []any{
			map[string]any{"required": []any{"body"}},
			map[string]any{"required": []any{"body_base64"}},
			map[string]any{"required": []any{"body_omitted"}},
		},
	}
}

func appSchema(text func(string) map[string]any) map[string]any {
	return map[string]any{"type": "object", "required": []any{"url", "status", "latency_ms"},
		"description": "What the app behind the receiver answered.",
		"properties": map[string]any{
			"url": text("Where it was asked; secrets in the query are replaced by " + Redacted + "."),
			"status": map[string]any{"type": []any{"integer", "null"}, "minimum": 100, "maximum": 999,
				"description": "The app's status; null where it gave none."},
			"headers": map[string]any{"type": "object", "additionalProperties": map[string]any{"type": "string"},
				"description": "The app's headers; secrets are replaced by " + Redacted + "."},
			"body":           text("The first bytes, where they are UTF-8."),
			"body_base64":    map[string]any{"type": "string", "contentEncoding": "base64", "description": "The first bytes, where they are not UTF-8."},
			"body_truncated": map[string]any{"const": true, "description": "The body was longer, or cut short."},
			"latency_ms":     map[string]any{"type": "number", "minimum": 0, "description": "Until the head of the answer came."},
			"error":          text("Why there is no answer, or not a whole one."),
		},
	}
}

func findingsSchema(text func(string) map[string]any) map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{
		"type": "object", "required": []any{"clause", "level", "path", "message"},
		"properties": map[string]any{
			"clause":  text("The clause of Relay's contract, such as R-TS."),
			"level":   map[string]any{"enum": []any{"error", "warning"}},
			"path":    text("Where: event_ts, payload.ccid, empty for the whole body."),
			"message": text("What, in one sentence."),
		},
	}}
}

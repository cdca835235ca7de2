package web

import (
	"slices"

	"relayctl/internal/recv/judge"
	"relayctl/internal/session"
)

// Schema is the API as OpenAPI 3.1, ready to be marshalled.
func Schema() map[string]any {
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "relayctl inspector", "version": "1",
			"description": "The requests of a session of relayctl listen --ui, or of a capture. Every call needs the token that was printed, or that of --ui-token.",
		},
		"servers":  list{object{"url": "http://" + DefaultAddr}},
		"security": list{object{"token": list{}}},
		"paths":    apiPaths(),
		"components": object{
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
			"schemas":         apiSchemas(),
		},
	}
}

type (
	object = map[string]any
	list   = []any
)

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func content(schema any) object { return object{"application/json": object{"schema": schema}} }

func answer(what string, schema any) object {
	return object{"description": what, "content": content(schema)}
}

func param(name, where, what string, schema object) object {
	return object{"name": name, "in": where, "required": where == "path", "description": what, "schema": schema}
}

// filters are the parameters that select requests.
func filters() list {
	text := object{"type": "string"}
	return list{
		param("event", "query", "Names or patterns of events, with commas between them: notification.*", text),
		param("ccid", "query", "The customer.", text),
		param("id", "query", "What the event_id begins with.", text),
		param("status", "query", "The answer: 500, 5xx, none, or several with commas between them.", text),
		param("badge", "query", "Kinds of badges, one of which is enough.", object{"type": "string", "examples": judge.Kinds()}),
		param("finding", "query", "A clause (R-TS), a level (error, warning), or any.", text),
		param("q", "query", "A text anywhere in the request or the app's answer, in any case.", text),
		param("after", "query", "Only requests with a higher number.", object{"type": "integer", "minimum": 0}),
	}
}

func paged() list {
	return append(filters(),
		param("before", "query", "Only requests with a lower number: the next of the answer before.", object{"type": "integer", "minimum": 0}),
		param("limit", "query", "How many at most.", object{"type": "integer", "minimum": 1, "maximum": session.MostListed, "default": session.DefaultLimit}))
}

func waited() list {
	return append(filters(),
		param("count", "query", "How many have to have come, those already there included.", object{"type": "integer", "minimum": 1, "maximum": session.MostListed, "default": 1}),
		param("timeout", "query", "How long to wait, such as 10s; at most 10m.", object{"type": "string", "default": "30s"}))
}

func number() list {
	return list{param("number", "path", "The number of a request.", object{"type": "integer", "minimum": 1})}
}

// operation is a call with its own answers beside those that every call has.
func operation(id, what string, parameters list, responses object) object {
	for status, why := range map[string]string{"400": "A parameter is not known, or cannot be read.", "401": "The token is missing or wrong.", "403": "The Host or the origin is not allowed."} {
		responses[status] = answer(why, ref("Error"))
	}
	return object{"operationId": id, "summary": what, "parameters": parameters, "responses": responses}
}

// with is an operation that takes a body, which may be left out.
func with(op object, body object) object {
	op["requestBody"] = object{"content": content(body)}
	op["responses"].(object)["413"] = answer("The body is larger than 2 MiB.", ref("Error"))
	return op
}

func apiPaths() object {
	gone := answer("There is no such request, or not any more.", ref("Error"))
	capture := answer("A capture is read, which stays as it is.", ref("Error"))
	broken := answer("The capture cannot be read.", ref("Error"))
	plain := func(id, what, kind string) object {
		op := operation(id, what, list{}, object{"200": object{"description": "It is so.", "content": object{kind: object{"schema": object{"type": "string"}}}}})
		return object{"get": op}
	}
	stream := operation("stream", "Every request that matches, as server-sent events: request, cleared, missed, restart. Last-Event-ID resumes.",
		append(filters(), param("last", "query", "The Last-Event-ID, for who cannot set headers.", object{"type": "string"})),
		object{"200": object{"description": "Events without an end.", "content": object{"text/event-stream": object{"schema": object{"type": "string"}}}}})
	metrics := plain("metrics", "The counts of the receiver or of the whole capture, for Prometheus.", "text/plain")
	metrics["get"].(object)["responses"].(object)["500"] = broken
	health := func(id, what string) object {
		o := plain(id, what, "text/plain")
		get := o["get"].(object)
		get["security"] = list{}
		for _, needless := range []string{"400", "401"} { // it takes no token and passes over parameters
			delete(get["responses"].(object), needless)
		}
		return o
	}
	return object{
		"/api/requests": object{
			"get":    operation("listRequests", "The requests that match, the newest first.", paged(), object{"200": answer("A part of the list.", ref("List")), "500": broken}),
			"delete": operation("clearRequests", "Forgets all requests; numbers go on.", list{}, object{"204": object{"description": "They are forgotten."}, "409": capture}),
		},
		"/api/requests/{number}": object{
			"get": operation("getRequest", "One request whole.", number(), object{"200": answer("The request.", ref("Request")), "404": gone, "500": broken}),
		},
		"/api/requests/{number}/replay": object{
			"post": with(operation("replayRequest", "Makes the request again to the app of --forward, and nowhere else.", number(),
				object{"200": answer("What the app answered, or why it gave no answer.", ref("Replay")), "404": gone, "500": broken,
					"409": answer("There is no app, or no body, or a capture is read.", ref("Error")), "422": answer("The edit is not possible.", ref("Error"))}), ref("Edit")),
		},
		"/api/wait": object{
			"get": operation("waitForRequests", "Answers as soon as so many requests match.", waited(),
				object{"200": answer("The first ones, the oldest first.", ref("Waited")), "408": answer("The time is over; with those that came.", ref("Waited")), "500": broken}),
		},
		"/api/journeys/{customer}": object{
			"get": operation("getJourney", "What came of a customer, in the order of event_ts.",
				list{param("customer", "path", "The ccid, or Relay's customer_id where there is none.", object{"type": "string"})},
				object{"200": answer("The journey.", ref("Journey")), "404": answer("Nothing of that customer is kept.", ref("Error")), "500": broken}),
		},
		"/api/rules": object{
			"get": operation("getRules", "The rules in force.", list{}, object{"200": answer("The rules.", ref("Rules")), "409": capture}),
			"put": with(operation("setRules", "Changes the rules or the mode at once; what is absent stays. The file is written only with save.", list{},
				object{"200": answer("The rules in force now.", ref("Rules")), "409": capture,
					"422": answer("The rules are not sound, or the mode is not known; nothing is changed.", ref("Error")), "500": answer("They are in force, but the file could not be written.", ref("Error"))}), ref("SetRules")),
		},
		"/api/stream": object{"get": stream},
		"/metrics":    metrics,
		"/livez":      health("livez", "The inspector runs."),
		"/readyz":     health("readyz", "The inspector answers."),
	}
}

// shape is the schema of an object whose members are all required but those that end
// with a question mark.
func shape(members object) object {
	required, properties := []string{}, object{}
	for name, schema := range members {
		if plain := name[:len(name)-1]; name[len(name)-1] == '?' {
			properties[plain] = schema
			continue
		}
		properties[name] = schema
		required = append(required, name)
	}
	slices.Sort(required)
	o := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func arrayOf(schema any) object { return object{"type": "array", "items": schema} }

func apiSchemas() object {
	text, whole, ms, yes := object{"type": "string"}, object{"type": "integer"}, object{"type": "number"}, object{"type": "boolean"}
	at := object{"type": "string", "format": "date-time"}
	status := object{"type": list{"integer", "null"}, "description": "null for no answer"}
	texts := arrayOf(text)
	mode := object{"enum": session.Modes()}
	app := shape(object{"url": text, "status": status, "latency_ms": ms, "error?": text, "headers?": object{"type": "object", "additionalProperties": text}, "body?": text, "body_base64?": text, "body_truncated?": yes})
	return object{
		"Error":   shape(object{"error": text}),
		"List":    shape(object{"requests": arrayOf(ref("Request")), "next?": object{"type": "integer", "description": "the before of older ones"}, "dropped": whole}),
		"Waited":  shape(object{"requests": arrayOf(ref("Request")), "error?": text}),
		"Finding": shape(object{"clause": text, "level": object{"enum": list{"error", "warning"}}, "path": text, "message": text}),
		"Event":   shape(object{"event_id": text, "event_name": text, "event_ts": text, "ccid": text, "attempt": whole, "badges": texts, "findings": arrayOf(ref("Finding"))}),
		"Request": shape(object{
			"number": whole, "received_at": at, "remote": text, "method": text, "path": text, "status": status, "answer?": text, "by?": text, "took_ms?": object{"type": "number", "description": "from the first byte to the answer; not known of a capture"}, "events": arrayOf(ref("Event")),
			"headers?": object{"type": "object", "additionalProperties": text, "description": "this and what follows only where one request is asked for, or waited for"},
			"body?":    text, "body_base64?": text, "body_omitted?": yes, "app?": app, "attempts?": arrayOf(whole), "replays?": arrayOf(ref("Replay")), "curl?": text,
		}),
		"Edit":     shape(object{"set?": object{"type": "object", "description": "properties by path: payload.ccid"}, "fresh_id?": yes, "body?": text}),
		"Replay":   shape(object{"sent_at": at, "edited": yes, "body": text, "app": app}),
		"Arrival":  shape(object{"request": whole, "received_at": at, "status": status, "attempt": whole, "badges": texts, "findings": arrayOf(ref("Finding"))}),
		"Journey":  shape(object{"ccid": text, "customer_id?": text, "whole": yes, "events": arrayOf(shape(object{"event_id": text, "event_name": text, "event_ts": text, "accepted": yes, "lacks?": text, "arrivals": arrayOf(ref("Arrival"))}))}),
		"Rules":    shape(object{"mode": mode, "fixed": texts, "text": text, "file?": text, "saved": yes, "warnings?": texts}),
		"SetRules": shape(object{"mode?": mode, "text?": text, "save?": yes}),
	}
}

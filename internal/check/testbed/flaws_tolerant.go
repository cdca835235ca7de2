package testbed

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// tolerantFlaws are stricter than Relay allows, or less able to read.
func tolerantFlaws() []Flaw {
	return slices.Concat(propertyFlaws(), nameFlaws(), idFlaws(), textFlaws(), clockFlaws())
}

func propertyFlaws() []Flaw {
	return []Flaw{
		{
			Name: "strict-envelope", Story: "additionalProperties: false",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return len(e.Top()) > 4 }),
			Fails: []string{"tolerant.properties"},
		},
		{
			Name: "strict-payload", Story: "FAIL_ON_UNKNOWN_PROPERTIES",
			Break: refuseIf(http.StatusUnprocessableEntity, func(e *Event) bool { return e.unknownProperty() }),
			Fails: []string{"tolerant.properties"},
		},
		{
			Name: "unknown-property-is-internal", Story: "the row has no such column",
			Break: refuseIf(http.StatusInternalServerError, func(e *Event) bool { return e.unknownProperty() }),
			Fails: []string{"tolerant.properties", "retry.recovers"},
		},
		{
			Name: "flat-payload-only", Story: "values are taken for texts",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool {
				for _, v := range e.Payload {
					switch v.(type) {
					case map[string]any, []any:
						return true
					}
				}
				return false
			}),
			Fails: []string{"tolerant.properties"},
		},
		{
			Name: "null-refused", Story: "the schema says string",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool {
				return e.Name != "message.delivered" && e.hasNull("client_message_tag", "trigger_id")
			}),
			Fails: []string{"tolerant.absent"},
		},
		{
			Name: "null-refused-everywhere", Story: "the schema says string, for every property",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool {
				for _, v := range e.Payload {
					if v == nil {
						return true
					}
				}
				return false
			}),
			Fails: []string{"event.accept", "event.samples", "tolerant.absent"},
		},
		{
			Name: "empty-refused", Story: "minLength: 1",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { v, ok := e.Payload["message_name"]; return ok && v == "" }),
			Fails: []string{"tolerant.absent"},
		},
		{
			Name: "missing-refused", Story: "required: everything that the samples show",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool {
				_, ok := e.Payload["message_name"]
				return !ok && !strings.HasPrefix(e.Name, "account") && !strings.Contains(e.Name, "channel") && known(e.Name)
			}),
			Fails: []string{"tolerant.absent"},
		},
		{
			Name: "missing-crashes", Story: "payload.message_name.trim()",
			Break: func(r *Receiver) {
				r.Admit = func(e *Event) int {
					if strings.HasPrefix(e.Name, "message.") {
						_ = e.Payload["message_name"].(string)
					}
					return 0
				}
			},
			Fails: []string{"tolerant.absent", "robust.malformed"},
		},
		{
			Name: "name-from-the-payload", Story: "a switch on event_type and event_subtype, for the samples of messages have them",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return lacksItsName(e) }),
			Fails: []string{"tolerant.absent"},
		},
		{
			Name: "order-of-keys", Story: "a regular expression instead of a parser",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool {
				return !regexp.MustCompile(`(?s)^\s*\{\s*"event_(id|name)"`).Match(e.Raw)
			}),
			Fails: []string{"event.unicode", "tolerant.properties"},
		},
		{
			Name: "no-white-space", Story: "the body is searched for \"event_name\":\"",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return bytes.Contains(e.Raw, []byte("\t")) }),
			Fails: []string{"event.unicode"},
		},
		{
			Name: "firewall", Story: "a web application firewall with its usual rules stands before the app",
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					if bytes.Contains(body, []byte("<script")) {
						return nil, http.StatusForbidden
					}
					return parse(body)
				}
			},
			Fails: []string{"event.unicode"},
		},
	}
}

// lacksItsName says whether the payload of a message's event does not repeat its name.
func lacksItsName(e *Event) bool {
	return strings.HasPrefix(e.Name, "message.") && known(e.Name) && (e.Text("event_type") == "" || e.Text("event_subtype") == "")
}

func nameFlaws() []Flaw {
	unknown := func(status int, fails ...string) Flaw {
		return Flaw{
			Name: "unknown-name-" + http.StatusText(status), Story: "a switch without a default",
			Break: refuseIf(status, func(e *Event) bool { return !known(e.Name) && e.Name != "mobile_analysis.rejected" }),
			Fails: append(fails, "tolerant.event-name"),
		}
	}
	only := func(name, story string, status int, fails []string, is func(*Event) bool) Flaw {
		return Flaw{Name: name, Story: story, Break: refuseIf(status, is), Fails: fails}
	}
	return []Flaw{
		unknown(http.StatusBadRequest), unknown(http.StatusNotFound), unknown(http.StatusUnprocessableEntity), unknown(http.StatusNotImplemented),
		unknown(http.StatusInternalServerError, "retry.recovers"),
		only("clicked-unknown", "the example calls it auth_link_used", http.StatusBadRequest, []string{"event.accept"},
			func(e *Event) bool { return e.Name == "notification.auth_link_clicked" }),
		only("used-unknown", "the list of events calls it auth_link_clicked", http.StatusBadRequest, []string{"event.accept", "event.samples"},
			func(e *Event) bool { return e.Name == "notification.auth_link_used" }),
		only("deactivate-crashes", "no number on an account's event", http.StatusInternalServerError, []string{"event.accept", "retry.recovers"},
			func(e *Event) bool { return e.Name == "account.deactivate" }),
		only("consent-refused", "stop is not in the enumeration", http.StatusUnprocessableEntity, []string{"event.accept"},
			func(e *Event) bool { return e.Text("current_consent") == "stop" }),
	}
}

func idFlaws() []Flaw {
	uuid := regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	lower := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	return []Flaw{
		{
			Name: "uuid-only", Story: "the column is of type uuid",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return !uuid.MatchString(e.ID) }),
			Fails: []string{"event.id-forms", "event.samples"},
		},
		{
			Name: "uuid-column", Story: "invalid input syntax for type uuid, and nobody catches it",
			Break: refuseIf(http.StatusInternalServerError, func(e *Event) bool { return !uuid.MatchString(e.ID) }),
			Fails: []string{"event.id-forms", "event.samples", "retry.recovers", "robust.malformed"},
		},
		{
			Name: "lower-case-only", Story: "the pattern has no capitals",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return uuid.MatchString(e.ID) && !lower.MatchString(e.ID) }),
			Fails: []string{"event.id-forms", "event.samples"},
		},
		{
			Name: "short-ids", Story: "varchar(80)",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return len(e.ID) > 80 }),
			Fails: []string{"event.id-forms"},
		},
		{
			Name: "short-ids-internal", Story: "value too long for type character varying(100)",
			Break: refuseIf(http.StatusInternalServerError, func(e *Event) bool { return len(e.ID) > 100 }),
			Fails: []string{"event.id-forms", "retry.recovers"},
		},
		{
			Name: "short-customer-ids", Story: "varchar(64), for ours are short",
			Break: refuseIf(http.StatusInternalServerError, func(e *Event) bool { return len(e.Text("ccid")) > 64 }),
			Fails: []string{"event.id-forms", "retry.recovers"},
		},
		{
			Name: "trigger-is-uuid", Story: "all ids of the samples are UUIDs",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { t := e.Text("trigger_id"); return t != "" && !uuid.MatchString(t) }),
			Fails: []string{"event.id-forms"},
		},
	}
}

func textFlaws() []Flaw {
	return []Flaw{
		{
			Name: "latin-1", Story: "the column's character set",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return e.any(func(r rune) bool { return r > 0xff }) }),
			Fails: []string{"event.unicode"},
		},
		{
			Name: "three-byte-utf8", Story: "utf8 instead of utf8mb4",
			Break: refuseIf(http.StatusInternalServerError, func(e *Event) bool { return e.any(func(r rune) bool { return r > 0xffff }) }),
			Fails: []string{"event.unicode", "retry.recovers"},
		},
		{
			Name: "ascii-only", Story: "a filter against injection",
			Break: refuseIf(http.StatusForbidden, func(e *Event) bool { return e.any(func(r rune) bool { return r > unicode.MaxASCII }) }),
			Fails: []string{"event.unicode"},
		},
		{
			Name: "no-escapes", Story: "a scanner written by hand",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return bytes.Contains(e.Raw, []byte(`\u`)) }),
			Fails: []string{"event.unicode"},
		},
		{
			Name: "exact-content-type", Story: "req.headers['content-type'] === 'application/json'",
			Break: func(r *Receiver) {
				r.Media = func(req *http.Request) bool { return req.Header.Get("Content-Type") == "application/json" }
			},
			Fails: []string{"event.content-type"},
		},
		{
			Name: "case-of-content-type", Story: "startsWith('application/json')",
			Break: func(r *Receiver) {
				r.Media = func(req *http.Request) bool {
					return strings.HasPrefix(req.Header.Get("Content-Type"), "application/json")
				}
			},
			Fails: []string{"event.content-type"},
		},
		{
			Name: "no-parameters", Story: "the parameter is taken for another type",
			Break: func(r *Receiver) {
				r.Media = func(req *http.Request) bool {
					return strings.EqualFold(req.Header.Get("Content-Type"), "application/json")
				}
			},
			Fails: []string{"event.content-type"},
		},
	}
}

func clockFlaws() []Flaw {
	older := func(d time.Duration) func(*Event) bool {
		return func(e *Event) bool { return time.Since(e.TS) > d }
	}
	return []Flaw{
		{Name: "five-minute-window", Story: "a guard against replays, as for signed webhooks", Break: refuseIf(http.StatusBadRequest, older(5*time.Minute)), Fails: []string{"event.old", "event.samples"}},
		{Name: "one-day-window", Story: "yesterday's events are of no use", Break: refuseIf(http.StatusUnprocessableEntity, older(24*time.Hour)), Fails: []string{"event.old", "event.samples"}},
		{
			Name: "week-window", Story: "the partition of that week is closed",
			Break: refuseIf(http.StatusGone, func(e *Event) bool { return older(5*24*time.Hour)(e) && older(-time.Hour)(e) && e.TS.Year() > 2023 }),
			Fails: []string{"event.old"},
		},
	}
}

// Top gives the envelope's properties.
func (e *Event) Top() map[string]json.RawMessage {
	var m map[string]json.RawMessage
	_ = json.Unmarshal(e.Raw, &m) // it was read before
	return m
}

// properties are those that the samples show.
const properties = " action_type product_group_id trigger_id channel_addr channel_type ccid journey_id action_value relay_tracking_id message_id message_name" +
	" notification_id action_label client_id event_type client_message_tag job_id customer_id event_subtype current_consent "

func (e *Event) unknownProperty() bool {
	for name := range e.Payload {
		if !strings.Contains(properties, " "+name+" ") {
			return true
		}
	}
	return false
}

func (e *Event) hasNull(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { v, ok := e.Payload[n]; return ok && v == nil })
}

// any says whether a character of the payload's texts is of a kind.
func (e *Event) any(is func(rune) bool) bool {
	for _, v := range e.Payload {
		if s, ok := v.(string); ok && strings.ContainsFunc(s, is) {
			return true
		}
	}
	return false
}

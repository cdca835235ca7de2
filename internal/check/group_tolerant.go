package check

import (
	"context"
	"time"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// tolerantChecks is the group "tolerant".
func tolerantChecks() []Check {
	return append([]Check{tolerantProperties(), tolerantEventName(), tolerantAbsent()}, tolerantEffects()...)
}

// variation is an event that is unusual in one way.
type variation struct {
	name string
	step sim.Step
}

// takeAll delivers variations for a customer who was introduced.
func (t *Trial) takeAll(ctx context.Context, list []variation) Result {
	return t.after(ctx, func() Result {
		p := t.introduced(ctx)
		var subs []Sub
		for i, v := range list {
			v.step.Message, v.step.At = i+1, time.Duration(i+1)*10*time.Millisecond
			if v.step.Consent = "express"; v.step.Event != "message.delivered" {
				t.Deliver(ctx, write(p, sim.Step{Event: "message.delivered", Message: i + 1, At: v.step.At - 5*time.Millisecond}))
			}
			subs = append(subs, t.takeEvent(ctx, v.name, write(p, v.step)))
		}
		return sum("200 for each of them", subs)
	})
}

func tolerantProperties() Check {
	return Check{
		ID: "tolerant.properties", Level: Must, Clause: "R-TOLERANT",
		Title: "unknown properties are ignored",
		Why:   "Relay may add properties at any time, and asks its receivers not to mind; a strict schema loses every event from that day on",
		How:   "delivers events with properties that nobody knows, of every JSON type, in the envelope and in the payload",
		Fix:   "switch strict validation off (additionalProperties, FAIL_ON_UNKNOWN_PROPERTIES, DisallowUnknownFields, extra=forbid), and read only what you need",
		Run: func(ctx context.Context, t *Trial) Result {
			with := func(name string, event string, o ...event.Override) variation {
				return variation{name, sim.Step{Event: event, Set: o}}
			}
			object := map[string]any{"a": []any{1, "b", nil, true}, "c": map[string]any{}}
			return t.takeAll(ctx, []variation{
				with("a text in the envelope", "message.delivered", set("schema_version", "7")),
				with("an object in the envelope", "message.delivered", set("trace", object)),
				with("a text in the payload", "message.delivered", set("payload.future_property", "x")),
				with("a number in the payload", "notification.attempted", set("payload.segments", 2.5)),
				with("an object in the payload", "notification.attempted", set("payload.carrier", object)),
				with("an array in the payload", "channel_consent.update", set("payload.history", []any{"written", 1, nil})),
			})
		},
	}
}

func tolerantEventName() Check {
	return Check{
		ID: "tolerant.event-name", Level: Must, Clause: "R-TOLERANT",
		Title: "unknown event names are accepted",
		Why:   "Relay may add events at any time; one that is not answered 200 is an error on its side, or comes four times",
		How:   "delivers events with names that nobody knows, of known families and of none",
		Fix:   "answer 200 to an event whose name you do not know, and log it",
		Run: func(ctx context.Context, t *Trial) Result {
			var list []variation
			for _, name := range []string{"message.archived", "notification.expired", "survey.answered"} {
				list = append(list, variation{name, sim.Step{Event: name}})
			}
			return t.takeAll(ctx, list)
		},
	}
}

func tolerantAbsent() Check {
	return Check{
		ID: "tolerant.absent", Level: Must, Clause: "R-ABSENT",
		Title: "properties may be null, empty or missing",
		Why:   "Relay's examples have all three for what does not apply; code that counts on a value fails on the first event without",
		How:   "delivers events whose optional properties (all but the customer's, the message's and the notification's ids) are null, empty texts, or not there",
		Fix:   "treat null, \"\" and a missing property alike, as absent, wherever one is read",
		Run: func(ctx context.Context, t *Trial) Result {
			var list []variation
			for _, name := range []string{"message.delivered", "notification.attempted", "message.action_taken"} {
				list = append(list,
					variation{name + " with null", sim.Step{Event: name, Set: absent(name, func(p string) event.Override { return set(p, nil) })}},
					variation{name + " with empty texts", sim.Step{Event: name, Set: absent(name, func(p string) event.Override { return set(p, "") })}},
					variation{name + " without them", sim.Step{Event: name, Set: absent(name, unset)}},
				)
			}
			return t.takeAll(ctx, list)
		},
	}
}

// absent applies a change to all optional properties of an event: those that
// identify nothing.
func absent(name string, change func(path string) event.Override) []event.Override {
	row, _ := event.Lookup(name)
	var out []event.Override
	for _, p := range event.PropertiesOf(row.Family) {
		switch p.Name {
		case "ccid", "message_id", "event_type", "event_subtype":
			continue
		case "notification_id":
			if row.Family == fixtures.Notification {
				continue
			}
		}
		out = append(out, change("payload."+p.Name))
	}
	return out
}

package check

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relayctl/fixtures"
	"relayctl/internal/check/state"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

// tolerantChecks is the group "tolerant".
func tolerantChecks() []Check {
	return append([]Check{tolerantProperties(), tolerantEventName(), tolerantAbsent()}, tolerantEffects()...)
}

func tolerantProperties() Check {
	return Check{
		ID: "tolerant.properties", Level: Must, Clause: "R-TOLERANT",
		Title: "unknown properties are ignored",
		Why:   "Relay may add properties at any time, and asks its receivers not to mind; a strict schema loses every event from that day on",
		How:   "delivers events with properties that nobody knows, of every JSON type, in the envelope and in the payload, also with the names of known ones of the other place, and one whose type changes",
		Fix:   "switch strict validation off (additionalProperties, FAIL_ON_UNKNOWN_PROPERTIES, DisallowUnknownFields, extra=forbid), read only what you need, and each property from its own place: do not merge the payload and the envelope, nor search the text of the body",
		Run: func(ctx context.Context, t *Trial) Result {
			with := func(name, event string, o event.Override) variation {
				st := step(30, event, 1, 1)
				if st.Consent = "express"; event == "message.delivered" {
					st.Message = 2
				}
				return unusual(name, st, o)
			}
			object := map[string]any{"a": []any{1, "b", nil, true}, "c": map[string]any{}}
			return t.take200(ctx, append(t.namesakes(), []variation{
				with("a text in the envelope", "message.delivered", set("schema_version", "7")),
				with("an object in the envelope", "message.action_taken", set("trace", object)),
				with("a text in the payload", "message.delivered", set("payload.future_property", "x")),
				with("a number in the payload", "notification.delivered", set("payload.segments", 2.5)),
				with("an object in the payload", "notification.auth_link_clicked", set("payload.carrier", object)),
				with("an array in the payload", "channel_consent.update", set("payload.history", []any{"written", 1, nil})),
			}...))
		},
	}
}

// namesakes are events with an unknown property that has the name of a known one in another
// place. A receiver that reads the wrong one takes the event for another customer's, for
// an old one, for a duplicate, or for one of an unknown name.
func (t *Trial) namesakes() []variation {
	const other, longAgo = "message.archived", "2001-02-03T04:05:06.789Z"
	id, nobody := t.Event("message.delivered").Events[0].ID, t.Customer().CCID()
	two := []plan.Step{message(2), message(3)}
	same := variation{name: "an event_id in the payload", usual: two}
	for _, st := range two {
		st.Set = []event.Override{set("payload.event_id", id)}
		same.unusual = append(same.unusual, st)
	}
	retyped := variation{name: "a property that is a number, and an object in the next event", usual: two}
	for i, value := range []any{7, map[string]any{"amount": 7}} {
		st := two[i]
		st.Set = []event.Override{set("payload.weight", value)}
		retyped.unusual = append(retyped.unusual, st)
	}
	front := fmt.Sprintf(`{"cause":{"event_id":%q,"event_name":%q,"event_ts":%q,"payload":{"ccid":%q}},`, id, other, longAgo, nobody)
	return []variation{
		same, retyped,
		unusual("an event_name in the payload", message(2), set("payload.event_name", other)),
		unusual("an event_ts in the payload", consent(30, 1, "express"), set("payload.event_ts", longAgo)),
		unusual("a ccid in the envelope", message(2), set("ccid", nobody)),
		{name: "another envelope in an object before all else", usual: two, rewrite: func(body []byte) []byte {
			return append([]byte(front), bytes.TrimPrefix(body, []byte("{"))...)
		}},
	}
}

func tolerantEventName() Check {
	return Check{
		ID: "tolerant.event-name", Level: Must, Clause: "R-TOLERANT",
		Title: "unknown event names are accepted",
		Why:   "Relay may add events at any time; one that is not answered 200 is an error on its side, or comes four times",
		How:   "delivers events with names that nobody knows, of known families and of none; with a probe, a new customer's events have to have an effect afterwards",
		Fix:   "answer 200 to an event whose name you do not know, and log it; a worker behind a queue passes it by and goes on with the next one",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				var subs []Sub
				p := t.introduced(ctx)
				for i, name := range []string{"message.archived", "notification.expired", unknownFamily} {
					at := time.Duration(i+1) * 10 * time.Millisecond
					t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "message.delivered", Message: i + 1, At: at - 5*time.Millisecond}))
					subs = append(subs, t.takeEvent(ctx, name, t.writePlain(p, plan.Step{Event: name, Message: i + 1, At: at})))
				}
				if why := t.stopped(ctx); why != "" {
					return Unclear(why)
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

func tolerantAbsent() Check {
	return Check{
		ID: "tolerant.absent", Level: Must, Clause: "R-ABSENT",
		Title: "properties may be null, empty or missing",
		Why:   "Relay's examples have all three for what does not apply; code that counts on a value fails on the first event without",
		How:   "delivers events whose optional properties (all but the customer's, the message's and the notification's ids) are null, empty texts, or not there, all at once and one by one, each right after another customer's event that has them all; and events whose payload does not repeat their name as event_type and event_subtype. A channel_consent.update after an opt-out whose current_consent is absent must not lift it, and texts that an earlier event told must be shown, or not, alike after an event in which they are null, empty or missing",
		Fix:   "treat null, \"\" and a missing property alike, as absent, wherever one is read, let none of them be a consent, and take the event's name from event_name: the payload of many events does not hold its parts",
		Run: func(ctx context.Context, t *Trial) Result {
			var list []variation
			for _, st := range []plan.Step{message(2), step(30, "notification.delivered", 1, 1), step(30, "message.action_taken", 1, 1)} {
				for _, a := range absences() {
					v := unusual(st.Event+" with its optional properties "+a.name, st, absent(st.Event, a.change)...)
					v.free = optional(st.Event)
					list = append(list, v)
				}
			}
			list = append(list, withoutSome()...)
			for i := range list {
				list[i].follows = true
			}
			return t.after(ctx, func() Result {
				return sum(t.usualEffect(), append(t.variations(ctx, list), t.silentEvents(ctx)...))
			})
		},
	}
}

// withoutSome are events that lack the parts of their name in the payload, which
// stands in the envelope (R-NAME), or one property.
func withoutSome() []variation {
	var list []variation
	without := func(st plan.Step, properties ...string) {
		var changes []event.Override
		for _, p := range properties {
			changes = append(changes, unset("payload."+p))
		}
		list = append(list, unusual(st.Event+" without "+strings.Join(properties, " and "), st, changes...).freely(properties...))
	}
	action, receipt := step(30, "message.action_taken", 1, 1), step(30, "notification.delivered", 1, 1)
	for _, st := range []plan.Step{message(2), action} {
		without(st, "event_type", "event_subtype")
		without(st, "event_type")
		without(st, "event_subtype")
		list = append(list, unusual(st.Event+" with event_type and event_subtype null", st, set("payload.event_type", nil), set("payload.event_subtype", nil)).freely("event_type", "event_subtype"))
	}
	for _, st := range []plan.Step{action, receipt} {
		for _, property := range optional(st.Event) {
			without(st, property)
		}
	}
	return list
}

// absent applies a change to all optional properties of an event.
func absent(name string, change func(path string) event.Override) []event.Override {
	var out []event.Override
	for _, property := range optional(name) {
		out = append(out, change("payload."+property))
	}
	return out
}

// optional are the properties of an event that identify nothing.
func optional(name string) []string {
	row, _ := event.Lookup(name)
	var out []string
	for _, p := range event.PropertiesOf(row.Family) {
		switch p.Name {
		case "ccid", "message_id", "event_type", "event_subtype":
			continue
		case "notification_id":
			if row.Family == fixtures.Notification {
				continue
			}
		}
		out = append(out, p.Name)
	}
	return out
}

// tolerantEffects are the checks of what unknown events do to the state.
func tolerantEffects() []Check {
	return []Check{{
		ID: "tolerant.unknown-no-effect", Level: Should, Clause: "R-TOLERANT",
		Title: "an unknown event leaves the state as it was",
		Why:   "Relay may add events at any time; one that is taken for another changes what it never meant to",
		How:   "sends events with names that resemble known ones to a customer with a history, and compares the state with that of a customer who got none of them",
		Fix:   "let events whose name you do not know pass: answer 200 and apply nothing, and match whole names and not their beginnings; a mere log of receipts is left out of what the probe compares",
		Needs: []Need{NeedProbe}, Run: probed(unknownHasNoEffect),
	}}
}

// unknownSteps have names that look like known ones to a receiver that matches
// beginnings, all but the last two. Each is about something of a life that the known
// event would change.
func unknownSteps() []plan.Step {
	named := func(name string, channel, message int) plan.Step { return step(0, name, channel, message) }
	return []plan.Step{
		named("notification.auth_link_clicked_v2", 1, 1), named("message.action_taken_late", 1, 1), named("channel_consent.update_requested", 1, 1),
		named("notification_channel.removed", 1, 1), named("notification_channel.added", 3, 1), named("account.deactivate_requested", 1, 1),
		named("notification.delivered_late", 2, 2), named("notification.undelivered_late", 1, 1), named("notification.attempted_again", 1, 1),
		named("notification.not_attempted_yet", 1, 1), named("notification.auth_link_used_twice", 1, 1),
		named("message.delivered_again", 1, 3), named("message.undelivered_yet", 1, 1),
		named("message.pinned", 1, 9), // nobody has told of that message: it is not to be there afterwards
		named(unknownFamily, 1, 1),
	}
}

// unknownNames are their names.
func unknownNames() []string {
	var names []string
	for _, st := range unknownSteps() {
		names = append(names, st.Event)
	}
	return names
}

// unknownFamily is an event that does not even look like a known one.
const unknownFamily = "survey.answered"

// withUnknown adds unknown events to a story, after its end, and returns how
// many of its events are known.
func withUnknown(s story) (whole story, known int) {
	known = len(s.steps)
	whole = story{name: s.name + " with unknown events", steps: slices.Clone(s.steps)}
	for i, st := range unknownSteps() {
		st.At = s.steps[known-1].At + time.Duration(i+2)*2*time.Second
		st.Set = append(st.Set, set("payload.current_consent", "stop"))
		whole.steps = append(whole.steps, st)
	}
	return whole, known
}

func unknownHasNoEffect(ctx context.Context, t *Trial) Result {
	whole, known := withUnknown(life())
	without, with := t.subject(whole), t.subject(whole)
	if why := t.tell(ctx, without, without.inOrder()[:known]); why != "" {
		return BlockedBy(why)
	}
	if why := t.tell(ctx, with, with.inOrder()); why != "" {
		return BlockedBy(why)
	}
	if _, why := visibleAlone(ctx, t); why != "" {
		return Unclear(why)
	}
	states, why := t.states.together(ctx, []*subject{without, with}, func(s []*state.State) bool { return state.Same(s[0], s[1]) }, t.states.patience())
	switch {
	case why != "":
		return Unclear(why)
	case state.Same(states[0], states[1]):
		return Passed()
	}
	return Failed("the state of a customer who got none of the unknown events",
		fmt.Sprintf("after %s: %s", strings.Join(unknownNames(), ", "), state.Differences(states[0], states[1])), repeatEvents(t.run, "unknown-events", whole, with.inOrder()))
}

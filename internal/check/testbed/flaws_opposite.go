package testbed

import "maps"

// oppositeFlaws take an event for its opposite.
func oppositeFlaws() []Flaw {
	instead := func(other func(e Event) Event) func(*Receiver) {
		return storing(func(r *Receiver, e *Event) { r.State.Commit([]Event{other(*e)}, r.Key) })
	}
	return []Flaw{
		{
			Name: "contains-delivered", Story: "if 'delivered' in name, after a look whether the name is known",
			Break: instead(func(e Event) Event {
				if e.Name == "notification.undelivered" {
					e.Name = "notification.delivered"
				}
				return e
			}),
			Fails: []string{"event.opposites"},
		},
		{
			Name: "stop-is-true", Story: "opted_in = bool(current_consent)",
			Break: instead(func(e Event) Event {
				if e.Text("current_consent") == "stop" {
					e.Payload = maps.Clone(e.Payload)
					e.Payload["current_consent"] = "express"
				}
				return e
			}),
			Fails: []string{"event.opposites", "duplicate.distinct"},
		},
		{
			Name: "never-removed", Story: "the handler is registered under notification_channel.removed",
			Break: storing(func(r *Receiver, e *Event) {
				if e.Name != "notification_channel.remove" {
					r.State.Commit([]Event{*e}, r.Key)
				}
			}),
			Fails: []string{"event.opposites"},
		},
	}
}

package testbed

import (
	"maps"
	"strings"
)

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
			Name: "receipts-wait", Story: "a receipt waits in a table until its notification.attempted comes",
			Break: func(r *Receiver) {
				var mu lock
				attempted, waiting := map[string]bool{}, map[string][]Event{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					id, events := e.Text("notification_id"), []Event{*e}
					switch {
					case e.Name == "notification.attempted":
						events = append(events, waiting[id]...)
						attempted[id], waiting[id] = true, nil
					case strings.HasSuffix(e.Name, "delivered") && id != "" && !attempted[id]:
						waiting[id] = append(waiting[id], *e)
						return
					}
					r.State.Commit(events, r.Key)
				})(r)
			},
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

package testbed

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// told is an event with another property.
func (e Event) told(property, value string) Event {
	e.Payload = maps.Clone(e.Payload)
	e.Payload[property] = value
	return e
}

// rewriting applies each event as another one.
func rewriting(change func(e Event) Event) func(*Receiver) {
	return storing(func(r *Receiver, e *Event) { r.State.Commit([]Event{change(*e)}, r.Key) })
}

// besideFlaws take what is told of one number, or one message, for what is told of
// another of the same customer.
func besideFlaws() []Flaw {
	only := []string{"event", "isolation", "duplicate", "order"}
	flaws := []Flaw{
		{
			Name: "consent-of-the-customer", Story: "customer.consent = current_consent",
			Break: rewriting(func(e Event) Event {
				if e.Name == "channel_consent.update" {
					return e.told("channel_addr", "")
				}
				return e
			}),
			Fails: []string{"isolation.numbers"},
		},
		{
			Name: "one-number", Story: "a customer's row has a column for the number's status",
			Break: rewriting(func(e Event) Event {
				if strings.HasPrefix(e.Name, "notification_channel.") {
					return e.told("channel_addr", "")
				}
				return e
			}),
			Fails: []string{"isolation.numbers"},
		},
		{
			Name: "ten-numbers", Story: "numbers VARCHAR(128), joined with commas, and what does not fit is logged",
			Break: func(r *Receiver) {
				var mu lock
				kept := map[string]map[string]bool{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					ccid, number := e.Text("ccid"), e.Text("channel_addr")
					if e.Name == "notification_channel.add" {
						if kept[ccid] == nil {
							kept[ccid] = map[string]bool{}
						}
						if !kept[ccid][number] && len(kept[ccid]) == 10 {
							return
						}
						kept[ccid][number] = true
					}
					r.State.Commit([]Event{*e}, r.Key)
				})(r)
			},
			Fails: []string{"isolation.numbers"},
		},
		{
			Name: "receipts-of-the-message", Story: "the primary key of receipts is the message",
			Break: rewriting(func(e Event) Event {
				if strings.HasPrefix(e.Name, "notification.") {
					return e.told("notification_id", e.Text("message_id"))
				}
				return e
			}),
			Fails: []string{"isolation.receipts"},
		},
		{
			Name: "removed-for-good", Story: "a number that was removed is on a list of those that are not to be written to",
			Break: rewriting(func(e Event) Event {
				if e.Name == "notification_channel.remove" {
					e.TS = e.TS.Add(10 * 365 * 24 * time.Hour)
				}
				return e
			}),
			Fails: []string{"duplicate.distinct"},
		},
	}
	flaws = append(flaws, Flaw{
		Name: "stopped-for-good", Story: "customer.stopped = true, which nothing sets back; beside it there is a log",
		Break: func(r *Receiver) {
			Listing(r)
			store := r.Store
			r.Store = func(req *http.Request, events []Event) int {
				for i := range events {
					if events[i].Text("current_consent") == "stop" {
						events[i].TS = events[i].TS.Add(10 * 365 * 24 * time.Hour)
					}
				}
				return store(req, events)
			}
		},
		Fails: []string{"duplicate.distinct"},
	})
	byTrigger := func(e *Event) bool {
		return e.Text("trigger_id") != "" && (e.Name == "message.delivered" || e.Name == "message.undelivered")
	}
	flaws = append(flaws, Flaw{
		Name: "message-by-trigger", Story: "trigger_id is taken to name the message",
		Break: storing(func(r *Receiver, e *Event) {
			switch id := e.Text("ccid") + " " + e.Text("trigger_id"); {
			case !byTrigger(e):
				r.State.Commit([]Event{*e}, r.Key)
			case r.State.Claim(id): // INSERT … ON CONFLICT DO NOTHING
				r.State.Commit([]Event{*e}, r.Key)
			}
		}),
		Fails: []string{"duplicate.distinct"},
	})
	for i := range flaws {
		flaws[i].Only = only
	}
	return flaws
}

// forgetfulFlaws count copies of some events again.
func forgetfulFlaws() []Flaw {
	return []Flaw{
		{
			Name: "ids-of-today", Story: "DELETE FROM seen WHERE event_ts < now() - interval '1 day', before each insert",
			Break: storing(func(r *Receiver, e *Event) {
				if time.Since(e.TS) < 24*time.Hour {
					r.State.Commit([]Event{*e}, r.Key)
				} else {
					r.State.Apply(e)
				}
			}),
			Only:  []string{"event.effect", "event.old", "duplicate"},
			Fails: []string{"duplicate.sequential"},
		},
		{
			Name: "one-handler-without-dedupe", Story: "the handler of the click's other name was added later",
			Break: storing(func(r *Receiver, e *Event) {
				if e.Name != "notification.auth_link_used" {
					r.State.Commit([]Event{*e}, r.Key)
				} else {
					r.State.Apply(e)
				}
			}),
			Only:  []string{"event", "duplicate.sequential"},
			Fails: []string{"duplicate.sequential"},
		},
	}
}

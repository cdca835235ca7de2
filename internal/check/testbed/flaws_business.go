package testbed

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// businessFlaws answer with a status where the business has a problem, and
// take what is normal at Relay for a mistake.
func businessFlaws() []Flaw {
	return []Flaw{
		{
			Name: "unknown-customer-404", Story: "the customer is looked up first",
			Break: knownOnly(http.StatusNotFound, "ccid", func(e *Event) bool { return e.Name == "notification_channel.add" }, func(*Event) bool { return true }),
			Fails: []string{"business.never-400"},
		},
		{
			Name: "unknown-customer-400", Story: "a business error is a bad request, says the framework",
			Break: knownOnly(http.StatusBadRequest, "ccid", func(e *Event) bool { return e.Name == "notification_channel.add" }, func(*Event) bool { return true }),
			Fails: []string{"business.never-400"},
		},
		{
			Name: "unknown-customer-500", Story: "the foreign key throws, and goes on throwing",
			Break: knownOnly(http.StatusInternalServerError, "ccid", func(e *Event) bool { return e.Name == "notification_channel.add" }, func(*Event) bool { return true }),
			Fails: []string{"business.never-400", "retry.recovers"},
		},
		{
			Name: "action-on-unknown-message", Story: "the action's message must be there",
			Break: knownOnly(http.StatusConflict, "message_id", func(e *Event) bool { return e.Name == "message.delivered" }, func(e *Event) bool { return e.Name == "message.action_taken" }),
			Fails: []string{"business.never-400"},
		},
		{
			Name: "action-of-unknown-customer", Story: "the customer of an action must be there",
			Break: knownOnly(http.StatusNotFound, "ccid", func(e *Event) bool { return e.Name != "message.action_taken" }, func(e *Event) bool { return e.Name == "message.action_taken" }),
			Fails: []string{"business.never-400"},
		},
		{
			Name: "notification-of-unknown-message", Story: "a foreign key on the message",
			Break: knownOnly(http.StatusUnprocessableEntity, "message_id", func(e *Event) bool { return e.Name == "message.delivered" }, func(e *Event) bool { return strings.HasPrefix(e.Name, "notification.") }),
			Fails: []string{"order.accepted", "business.never-400"},
		},
		{
			Name: "receipt-before-attempt", Story: "a state machine: undelivered needs attempted",
			Break: knownOnly(http.StatusConflict, "notification_id", func(e *Event) bool { return e.Name == "notification.attempted" },
				func(e *Event) bool { return e.Name == "notification.delivered" || e.Name == "notification.undelivered" }),
			Fails: []string{"business.never-400", "order.accepted"},
		},
		{
			Name: "receipt-before-attempt-internal", Story: "no row was updated: throw",
			Break: knownOnly(http.StatusInternalServerError, "notification_id", func(e *Event) bool { return e.Name == "notification.attempted" },
				func(e *Event) bool { return e.Name == "notification.delivered" || e.Name == "notification.undelivered" }),
			Fails: []string{"business.never-400", "order.accepted", "retry.recovers"},
		},
		{
			Name: "removal-of-unknown-number", Story: "deleted nothing: 404",
			Break: knownOnly(http.StatusNotFound, "channel_addr", func(e *Event) bool { return e.Name == "notification_channel.add" }, func(e *Event) bool { return e.Name == "notification_channel.remove" }),
			Fails: []string{"business.never-400", "order.accepted"},
		},
		{
			Name: "older-than-the-newest-409", Story: "optimistic locking by event time",
			Break: func(r *Receiver) {
				newest := map[string]Latest{}
				var mu lock
				r.Admit = func(e *Event) int {
					mu.Lock()
					defer mu.Unlock()
					ccid := e.Text("ccid")
					l := newest[ccid]
					if e.TS.Before(l.at) && !isSample(e) {
						return http.StatusConflict
					}
					l.Set("", e)
					newest[ccid] = l
					return 0
				}
			},
			Fails: []string{"order.accepted"},
		},
		{
			Name: "deactivated-410", Story: "an account that is closed is gone",
			Break: func(r *Receiver) {
				var ended sync.Map
				r.Admit = func(e *Event) int {
					if _, ok := ended.Load(e.Text("ccid")); ok && e.Name != "account.deactivate" {
						return http.StatusGone
					}
					if e.Name == "account.deactivate" {
						ended.Store(e.Text("ccid"), true)
					}
					return 0
				}
			},
			Fails: []string{"business.never-400"},
		},
		{
			Name: "consents-are-an-enum", Story: "CHECK (consent IN ('written', 'express', 'stop')), and its error is a bad request",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool {
				c := e.Text("current_consent")
				return c != "" && c != "written" && c != "express" && c != "stop"
			}),
			Fails: []string{"business.never-400"},
		},
		{
			Name: "duplicate-409", Story: "a unique key and its natural status",
			Break: duplicateStatus(http.StatusConflict),
			Fails: []string{"duplicate.accepted"},
		},
		{
			Name: "duplicate-400", Story: "already processed is an error",
			Break: duplicateStatus(http.StatusBadRequest),
			Fails: []string{"duplicate.accepted"},
		},
		{
			Name: "duplicate-500", Story: "a unique key and nobody who catches its exception",
			Break: duplicateStatus(http.StatusInternalServerError),
			Fails: []string{"duplicate.accepted", "retry.recovers"},
		},
		{
			Name: "future-refused", Story: "a plausibility check of the date",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return time.Until(e.TS) > time.Minute }),
			Fails: []string{"business.never-400"},
		},
		{
			Name: "numeric-customers-only", Story: "our own ids are numbers",
			Break: refuseIf(http.StatusBadRequest, func(e *Event) bool { return strings.Trim(e.Text("ccid"), "0123456789") != "" }),
			Fails: []string{"event.accept"},
		},
		{
			Name: "half-stored", Story: "the id is noted before the work, which fails at first; then it is a duplicate",
			Break: func(r *Receiver) {
				r.Admit = func(e *Event) int {
					switch {
					case e.Name != "notification.auth_link_used" || isSample(e):
						return 0
					case r.State.Claim("tried " + e.ID):
						return http.StatusInternalServerError
					}
					return http.StatusConflict
				}
			},
			Fails: []string{"event.accept", "retry.recovers"},
		},
		{
			Name: "500-for-ever", Story: "a poison event: a division by its number of channels",
			Break: refuseIf(http.StatusInternalServerError, func(e *Event) bool { return e.Name == "notification.not_attempted" }),
			Fails: []string{"event.accept", "retry.recovers"},
		},
	}
}

// knownOnly answers with a status where the events that need it come before the
// one that introduces a property's value.
func knownOnly(status int, property string, introduces, needs func(*Event) bool) func(*Receiver) {
	return func(r *Receiver) {
		var mu lock
		seen := map[string]bool{}
		r.Admit = func(e *Event) int {
			mu.Lock()
			defer mu.Unlock()
			value := e.Text(property)
			if introduces(e) {
				seen[value] = true
			}
			if needs(e) && value != "" && !seen[value] && !isSample(e) {
				return status
			}
			return 0
		}
	}
}

// isSample says whether an event is one of the documentation's examples, which
// have no history.
func isSample(e *Event) bool {
	return slices.Contains([]string{"ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha", "4378439B-1D30-4405-ABE0-BF7F338F3788"}, e.ID)
}

func duplicateStatus(status int) func(*Receiver) {
	return func(r *Receiver) {
		r.Store = func(_ *http.Request, events []Event) int {
			for i := range events {
				if r.State.Seen(events[i].ID) {
					return status
				}
			}
			r.State.Commit(events, r.Key)
			return 0
		}
	}
}

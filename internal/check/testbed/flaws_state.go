package testbed

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf16"
)

// stateFlaws answer as they should and keep the wrong state: only a probe sees
// them.
func stateFlaws() []Flaw {
	flaws := slices.Concat(duplicateFlaws(), forgetfulFlaws(), memoryFlaws(), orderFlaws(), receiptFlaws(), lossyFlaws(), concurrentFlaws(), isolationFlaws(), besideFlaws(), fileFlaws(), memberFlaws(), lossFlaws(), ignoredFlaws(), fineFlaws(), oppositeFlaws(), restartFlaws(), absentFlaws(), workerFlaws(), placeFlaws(), deadFlaws())
	for i := range flaws {
		flaws[i].Probe = true
	}
	return flaws
}

// storing replaces what is done with each event of a call.
func storing(store func(r *Receiver, e *Event)) func(*Receiver) {
	return func(r *Receiver) {
		r.Store = func(_ *http.Request, events []Event) int {
			for i := range events {
				store(r, &events[i])
			}
			return 0
		}
	}
}

// keyed tells duplicates by another key.
func keyed(key func(*Event) string) func(*Receiver) {
	return func(r *Receiver) { r.Key = key }
}

// duplicateFlaws count events twice, or not at all.
func duplicateFlaws() []Flaw {
	return []Flaw{
		{
			Name: "no-dedupe", Story: "events are applied as they come",
			Break: storing(func(r *Receiver, e *Event) { r.State.Apply(e) }),
			Fails: []string{"duplicate.sequential", "duplicate.concurrent", "duplicate.lost-ack", "order.converges", "batch.converges"},
		},
		{
			Name: "look-then-write", Story: "SELECT, then INSERT, in no transaction",
			Break: func(r *Receiver) {
				r.Store = func(_ *http.Request, events []Event) int {
					fresh := slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return r.State.Seen(e.ID) })
					time.Sleep(2 * time.Millisecond) // the round trip to the database
					written := map[string]bool{}
					for i := range fresh {
						if e := &fresh[i]; !written[e.ID] {
							written[e.ID] = true
							r.State.Apply(e)
							r.State.Claim(e.ID)
						}
					}
					return 0
				}
			},
			Fails: []string{"duplicate.concurrent"},
		},
		{
			Name: "short-memory", Story: "the last five ids in a ring",
			Break: func(r *Receiver) {
				var mu lock
				last := map[string][]string{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					ids := last[e.Text("ccid")]
					if slices.Contains(ids, e.ID) {
						return
					}
					last[e.Text("ccid")] = append(ids, e.ID)[max(0, len(ids)-4):]
					r.State.Apply(e)
				})(r)
			},
			Fails: []string{"order.converges", "batch.converges", "duplicate.memory"},
		},
		{
			Name: "client-gone", Story: "the id is forgotten when the client has hung up, the effect is not",
			Break: func(r *Receiver) {
				r.Store = func(req *http.Request, events []Event) int {
					r.State.Commit(events, r.Key)
					select {
					case <-req.Context().Done():
						for i := range events {
							r.State.Release(r.Key(&events[i]))
						}
					case <-time.After(10 * time.Millisecond):
					}
					return 0
				}
			},
			Fails: []string{"duplicate.lost-ack"},
		},
		{
			Name: "twice-later", Story: "a duplicate is told by the endpoint and not by the worker behind it",
			Break: storing(func(r *Receiver, e *Event) {
				if r.State.Claim(e.ID) {
					r.State.Apply(e)
					return
				}
				again := *e
				time.AfterFunc(100*time.Millisecond, func() { r.State.Apply(&again) })
			}),
			Fails: []string{"duplicate.sequential", "duplicate.concurrent", "duplicate.lost-ack", "order.converges", "batch.converges"},
		},
		{
			Name: "one-of-a-kind", Story: "customer and event name are the key",
			Break: keyed(func(e *Event) string { return e.Text("ccid") + e.Name }),
			Fails: []string{"duplicate.distinct", "order.converges", "batch.converges"},
		},
		{
			Name: "time-is-the-key", Story: "event_ts is taken to be unique",
			Break: keyed(func(e *Event) string { return e.TS.String() }),
			Only:  []string{"duplicate.distinct"},
			Fails: []string{"duplicate.distinct"},
		},
		{
			Name: "hash-codes", Story: "the hash codes of the ids are kept, for they are short",
			Break: keyed(func(e *Event) string {
				h := int32(0)
				for _, c := range utf16.Encode([]rune(e.ID)) {
					h = 31*h + int32(c)
				}
				return strconv.Itoa(int(h))
			}),
			Only:  []string{"duplicate.distinct"},
			Fails: []string{"duplicate.distinct"},
		},
		{
			Name: "actions-by-time", Story: "the primary key of actions is message and time",
			Break: keyed(func(e *Event) string {
				if e.Name == "message.action_taken" {
					return e.Text("message_id") + e.TS.String()
				}
				return e.ID
			}),
			Fails: []string{"duplicate.distinct"},
		},
		{
			Name: "customer-and-time", Story: "a unique index on customer, name and time",
			Break: keyed(func(e *Event) string { return e.Text("ccid") + e.Name + e.TS.String() }),
			Fails: []string{"duplicate.distinct"},
		},
		{
			Name: "message-is-the-key", Story: "message_id is taken for the id of the event",
			Break: keyed(func(e *Event) string { return e.Text("message_id") + e.Text("channel_addr") + e.Name }),
			Fails: []string{"duplicate.distinct", "order.converges", "batch.converges", "isolation.customers"},
		},
	}
}

// orderFlaws depend on the order of arrival.
func orderFlaws() []Flaw {
	return []Flaw{
		{
			Name: "last-write-wins", Story: "UPDATE … SET consent, without a look at event_ts",
			Break: func(r *Receiver) {
				var arrived atomic.Int64
				storing(func(r *Receiver, e *Event) {
					e.TS = time.Unix(arrived.Add(1), 0)
					r.State.Commit([]Event{*e}, r.Key)
				})(r)
			},
			Fails: []string{"order.fine", "order.reversed", "order.converges", "batch.converges"},
		},
		{
			Name: "late-is-lost", Story: "an event older than the customer's newest is stale and skipped",
			Break: func(r *Receiver) {
				var mu lock
				newest := map[string]time.Time{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					if e.TS.Before(newest[e.Text("ccid")]) {
						return
					}
					newest[e.Text("ccid")] = e.TS
					r.State.Commit([]Event{*e}, r.Key)
				})(r)
			},
			Fails: []string{"order.converges", "batch.converges"},
		},
		{
			Name: "needs-its-predecessor", Story: "a receipt for a notification that was never attempted is dropped",
			Break: func(r *Receiver) {
				var mu lock
				known := map[string]bool{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					id := e.Text("notification_id")
					switch e.Name {
					case "notification.attempted":
						known[id] = true
					case "notification.delivered", "notification.undelivered":
						if !known[id] {
							return
						}
					}
					r.State.Commit([]Event{*e}, r.Key)
				})(r)
			},
			Fails: []string{"event.opposites", "order.fine", "order.reversed", "order.converges"},
		},
		{
			Name: "update-without-insert", Story: "UPDATE … WHERE ccid = $1 changes no row where there is none, and nobody looks how many it changed",
			Break: storing(func(r *Receiver, e *Event) {
				if e.Name == "notification_channel.add" || r.State.Count(e.Text("ccid")) > 0 || isSample(e) {
					r.State.Commit([]Event{*e}, r.Key)
				}
			}),
			Fails: []string{"order.converges"},
		},
		{
			Name: "actions-update-without-insert", Story: "every handler makes the customer's row but the last one that was written",
			Break: storing(func(r *Receiver, e *Event) {
				if e.Name != "message.action_taken" || r.State.Count(e.Text("ccid")) > 0 || isSample(e) {
					r.State.Commit([]Event{*e}, r.Key)
				}
			}),
			Fails: []string{"order.converges"},
		},
		{
			Name: "unknown-receipt-is-known", Story: "a switch on the beginning of the names of receipts",
			Break: storing(func(r *Receiver, e *Event) {
				if strings.HasPrefix(e.Name, "notification.delivered") {
					e.Name = "notification.delivered"
				}
				r.State.Commit([]Event{*e}, r.Key)
			}),
			Fails: []string{"tolerant.unknown-no-effect"},
		},
		{
			Name: "unknown-is-known", Story: "a switch on the beginning of the name",
			Break: storing(func(r *Receiver, e *Event) {
				for _, name := range []string{"notification.auth_link_clicked", "message.action_taken", "channel_consent.update", "account.deactivate"} {
					if strings.HasPrefix(e.Name, name) {
						e.Name = name
					}
				}
				r.State.Commit([]Event{*e}, r.Key)
			}),
			Fails: []string{"tolerant.unknown-no-effect"},
		},
		{
			Name: "row-for-the-unknown", Story: "the row of the message is made before the switch on the name",
			Break: storing(func(r *Receiver, e *Event) {
				r.State.Commit([]Event{*e}, r.Key)
				if !known(e.Name) && e.Text("message_id") != "" {
					r.State.Touch(e)
				}
			}),
			Fails: []string{"tolerant.unknown-no-effect"},
		},
		{
			Name: "stores-then-checks", Story: "the middleware that stores comes before the one that authenticates", Auth: "basic",
			Break: func(r *Receiver) {
				refuse := r.Refuse
				r.Refuse = func(w http.ResponseWriter, req *http.Request) {
					if body, status := r.Read(w, req); status == 0 {
						if events, status := r.Parse(body); status == 0 {
							r.State.Commit(events, r.Key)
						}
					}
					refuse(w, req)
				}
			},
			Fails: []string{"auth.no-effect"},
		},
	}
}

// memberFlaws lose members of a batch.
func memberFlaws() []Flaw {
	members := func(pick func([]Event) []Event) func(*Receiver) {
		return func(r *Receiver) {
			r.Store = func(_ *http.Request, events []Event) int {
				r.State.Commit(pick(events), r.Key)
				return 0
			}
		}
	}
	return []Flaw{
		{
			Name: "first-member-only", Story: "body[0]",
			Break: members(func(events []Event) []Event { return events[:min(1, len(events))] }),
			Fails: []string{"batch.converges", "batch.unknown-member"},
		},
		{
			Name: "last-member-only", Story: "a variable that the loop overwrites",
			Break: members(func(events []Event) []Event { return events[max(0, len(events)-1):] }),
			Fails: []string{"batch.converges", "batch.unknown-member"},
		},
		{
			Name: "fifty-members", Story: "if i >= 50 { break }, against batches that are too large",
			Break: members(func(events []Event) []Event { return events[:min(50, len(events))] }),
			Fails: []string{"batch.whole"},
		},
		{
			Name: "one-per-customer", Story: "the members are grouped by customer in a map",
			Break: members(func(events []Event) []Event {
				byCustomer := map[string]Event{}
				for _, e := range events {
					byCustomer[e.Text("ccid")] = e
				}
				var out []Event
				for _, e := range byCustomer {
					out = append(out, e)
				}
				return out
			}),
			Fails: []string{"batch.converges", "batch.unknown-member"},
		},
		{
			Name: "ends-at-the-unknown", Story: "return where continue was meant",
			Break: members(func(events []Event) []Event {
				if i := slices.IndexFunc(events, func(e Event) bool { return !known(e.Name) }); i >= 0 {
					return events[:i]
				}
				return events
			}),
			Fails: []string{"batch.unknown-member"},
		},
		{
			Name: "begins-after-the-unknown", Story: "the list of what is to be done is emptied with the error",
			Break: members(func(events []Event) []Event {
				for i := len(events) - 1; i >= 0; i-- {
					if !known(events[i].Name) {
						return events[i+1:]
					}
				}
				return events
			}),
			Fails: []string{"batch.unknown-member"},
		},
		{
			Name: "ends-at-the-unknown-family", Story: "the batch is read until an event of no known family",
			Break: members(func(events []Event) []Event {
				families := []string{"account", "channel_consent", "notification_channel", "message", "notification"}
				if i := slices.IndexFunc(events, func(e Event) bool {
					family, _, _ := strings.Cut(e.Name, ".")
					return !slices.Contains(families, family)
				}); i >= 0 {
					return events[:i]
				}
				return events
			}),
			Fails: []string{"batch.unknown-member"},
		},
		{
			Name: "named-by-its-first", Story: "the whole batch goes to the handler of its first member",
			Break: members(func(events []Event) []Event {
				if len(events) > 0 && !known(events[0].Name) {
					return nil
				}
				return events
			}),
			Fails: []string{"batch.unknown-member"},
		},
		{
			Name: "rolled-back-for-one", Story: "the action's customer is not there, the transaction is rolled back, and the error is logged",
			Break: func(r *Receiver) {
				r.Store = func(_ *http.Request, events []Event) int {
					alone := func(e Event) bool {
						return e.Name == "message.action_taken" && r.State.Count(e.Text("ccid")) == 0 &&
							!slices.ContainsFunc(events, func(o Event) bool { return o.Text("ccid") == e.Text("ccid") && o.Name != e.Name })
					}
					if len(events) == 1 || !slices.ContainsFunc(events, alone) {
						r.State.Commit(events, r.Key)
					}
					return 0
				}
			},
			Fails: []string{"batch.unknown-member"},
		},
	}
}

// lossFlaws lose what they acknowledged.
func lossFlaws() []Flaw {
	return []Flaw{
		{
			Name: "drops-everything", Story: "the worker behind the queue has been down for a week",
			Break: storing(func(*Receiver, *Event) {}),
			Fails: []string{"event.effect"},
		},
		{
			Name: "overflows", Story: "a full channel drops what comes", Load: true,
			Break: func(r *Receiver) {
				var busy, n atomic.Int64
				r.Store = func(_ *http.Request, events []Event) int {
					defer busy.Add(-1)
					full := busy.Add(1) > 2
					time.Sleep(20 * time.Millisecond)
					if !full || n.Add(1)%20 != 0 {
						r.State.Commit(events, r.Key)
					}
					return 0
				}
			},
			Fails: []string{"load.no-loss"},
		},
		{
			Name: "id-before-effect", Story: "the id is committed, then the work fails",
			Break: func(r *Receiver) {
				fault := Faulty(r)
				r.Store = func(_ *http.Request, events []Event) int {
					for i := range events {
						if !r.State.Claim(r.Key(&events[i])) {
							continue
						}
						if fault.Load() {
							return http.StatusInternalServerError
						}
						r.State.Apply(&events[i])
					}
					return 0
				}
			},
			Fails: []string{"retry.effect"},
		},
		{
			Name: "accepted-while-down", Story: "the error of the write is logged, and 200 follows",
			Break: func(r *Receiver) {
				fault := Faulty(r)
				var n atomic.Int64
				r.Store = func(_ *http.Request, events []Event) int {
					switch {
					case !fault.Load():
						r.State.Commit(events, r.Key)
					case n.Add(1)%2 == 0:
						return http.StatusInternalServerError
					}
					return 0
				}
			},
			Fails: []string{"retry.effect"},
		},
		{
			Name: "acknowledges-first", Story: "200 is sent before the database is asked",
			Break: func(r *Receiver) {
				fault := Faulty(r)
				r.Store = func(_ *http.Request, events []Event) int {
					if !fault.Load() {
						r.State.Commit(events, r.Key)
					}
					return 0
				}
			},
			Fails: []string{"retry.effect"},
		},
		{
			Name: "drops-in-between", Story: "the id and the answer first, then the work, whose error is only logged",
			Break: func(r *Receiver) {
				fault := Faulty(r)
				store := r.Store
				r.Store = func(req *http.Request, events []Event) int {
					status := store(req, nil)
					if status != 0 {
						return status
					}
					for i := range events {
						e := events[i]
						if r.State.Claim(r.Key(&e)) {
							time.AfterFunc(20*time.Millisecond, func() {
								if !fault.Load() {
									r.State.Apply(&e)
								}
							})
						}
					}
					return 0
				}
			},
			Fails: []string{"retry.effect"},
		},
		{
			Name: "forgets-at-a-crash", Story: "a broken body ends the process, and what it knew was in memory", Only: []string{"event.effect", "robust.malformed"},
			Break: func(r *Receiver) {
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					if status != 0 {
						r.State.Replace(NewState())
					}
					return events, status
				}
			},
			Fails: []string{"robust.malformed"},
		},
	}
}

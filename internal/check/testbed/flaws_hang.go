package testbed

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Hang is a receiver that never answers one kind of call, for as long as the client
// waits, and goes on answering all others.
type Hang struct {
	Name  string
	Story string
	Named string          // the check that names it; "" for the one that is busy when it happens
	Break func(*Receiver) // makes it
	Hung  *atomic.Int64   // the calls that it did not answer
}

// longestHang is longer than any client of the tests waits.
const longestHang = 15 * time.Second

// Hangs lists them.
func Hangs() []Hang {
	var all []Hang
	add := func(name, named, story string, breaks func(hang func(*http.Request) int) func(*Receiver)) {
		hung := new(atomic.Int64)
		all = append(all, Hang{Name: name, Story: story, Named: named, Hung: hung, Break: breaks(func(req *http.Request) int {
			hung.Add(1)
			_, _ = io.Copy(io.Discard, req.Body) // only then the server learns that the client has gone
			select {
			case <-req.Context().Done(): // the client has gone
			case <-time.After(longestHang):
			}
			return http.StatusServiceUnavailable
		})})
	}
	events := func(name, named, story string, is func(r *Receiver, e *Event) bool) {
		add(name, named, story, func(hang func(*http.Request) int) func(*Receiver) {
			return func(r *Receiver) {
				store := r.Store
				r.Store = func(req *http.Request, events []Event) int {
					if slices.ContainsFunc(events, func(e Event) bool { return is(r, &e) }) {
						return hang(req)
					}
					return store(req, events)
				}
			}
		})
	}
	events("one-name", "event.accept", "the handler of actions waits for a service that is gone", func(_ *Receiver, e *Event) bool { return e.Name == "message.action_taken" })
	events("long-ids", "event.id-forms", "a regular expression that goes back and forth", func(_ *Receiver, e *Event) bool { return len(e.ID) > 64 })
	events("unknown-names", "tolerant.event-name", "the default case waits for a queue that nobody reads", func(_ *Receiver, e *Event) bool { return !known(e.Name) })
	events("old-events", "event.old", "the archive's connection is gone", func(_ *Receiver, e *Event) bool { return time.Since(e.TS) > 24*time.Hour })
	events("quotes", "event.unicode", "the parser of texts looks for the other quote", func(_ *Receiver, e *Event) bool { return e.any(func(c rune) bool { return c == '"' }) })
	events("null", "tolerant.absent", "a promise of what is null is never kept", func(_ *Receiver, e *Event) bool { return e.hasNull("client_message_tag", "trigger_id") })
	events("copies", "duplicate.accepted", "it waits for the lock of an id, which is never given back", func(r *Receiver, e *Event) bool { return r.State.Seen(e.ID) })
	var introduced sync.Map
	events("unknown-customers", "business.never-400", "it waits for the row of the customer, which another event is to bring", func(_ *Receiver, e *Event) bool {
		if e.Name == "notification_channel.add" {
			introduced.Store(e.Text("ccid"), true)
		}
		_, ok := introduced.Load(e.Text("ccid"))
		return !ok
	})
	var mu lock
	newest := map[string]time.Time{}
	events("late-events", "order.accepted", "a late event waits for its turn", func(_ *Receiver, e *Event) bool {
		mu.Lock()
		defer mu.Unlock()
		late := e.TS.Before(newest[e.Text("ccid")])
		if !late {
			newest[e.Text("ccid")] = e.TS
		}
		return late
	})
	otherHangs(add)
	return all
}

// otherHangs do not look at one event.
func otherHangs(add func(name, named, story string, breaks func(hang func(*http.Request) int) func(*Receiver))) {
	storing := func(hangs func(events []Event) bool) func(hang func(*http.Request) int) func(*Receiver) {
		return func(hang func(*http.Request) int) func(*Receiver) {
			return func(r *Receiver) {
				store := r.Store
				r.Store = func(req *http.Request, events []Event) int {
					if hangs(events) {
						return hang(req)
					}
					return store(req, events)
				}
			}
		}
	}
	add("batches", "batch.accepted", "a member of a batch waits for the transaction of the one before it", storing(func(events []Event) bool { return len(events) > 1 }))
	add("wrong-credentials", "auth.missing", "the refusal waits for the log of refusals", func(hang func(*http.Request) int) func(*Receiver) {
		return func(r *Receiver) { r.Refuse = func(_ http.ResponseWriter, req *http.Request) { hang(req) } }
	})
	add("refusals-without-end", "auth.missing", "the refusal has no Content-Length, and its connection stays open", func(hang func(*http.Request) int) func(*Receiver) {
		return func(r *Receiver) {
			refuse := r.Refuse
			r.Refuse = func(w http.ResponseWriter, req *http.Request) {
				refuse(w, req)
				_ = http.NewResponseController(w).Flush() // the client may be gone
				hang(req)
			}
		}
	})
	var taken atomic.Int64
	add("after-300-events", "", "a pool whose connections do not come back", storing(func([]Event) bool { return taken.Add(1) > 300 }))
	add("at-once", "concurrent.accepted", "a second connection of the same pool inside the transaction", func(hang func(*http.Request) int) func(*Receiver) {
		return func(r *Receiver) {
			var busy atomic.Int64
			store := r.Store
			r.Store = func(req *http.Request, events []Event) int {
				defer busy.Add(-1)
				if busy.Add(1) > 4 {
					return hang(req)
				}
				time.Sleep(2 * time.Millisecond)
				return store(req, events)
			}
		}
	})
	add("broken-bodies", "robust.malformed", "the callback of a broken body is never called", func(hang func(*http.Request) int) func(*Receiver) {
		return func(r *Receiver) {
			r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					next.ServeHTTP(&hangsOn400{w, func() { hang(req) }}, req)
				})
			})
		}
	})
}

// hangsOn400 does not answer what it would answer 400.
type hangsOn400 struct {
	http.ResponseWriter
	hang func()
}

func (h *hangsOn400) WriteHeader(status int) {
	if status == http.StatusBadRequest {
		h.hang()
	}
	h.ResponseWriter.WriteHeader(status)
}

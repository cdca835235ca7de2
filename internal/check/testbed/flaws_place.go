package testbed

import (
	"encoding/json"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"
)

// placeFlaws read a property in another place than its own: nothing is amiss until Relay
// adds a property of that name.
func placeFlaws() []Flaw {
	only := []string{"event.effect", "event.unicode", "tolerant"}
	first := regexp.MustCompile(`"event_id"\s*:\s*"([^"]*)"`)
	flaws := []Flaw{
		{
			Name: "payload-over-envelope", Story: "const e = {...event, ...event.payload}",
			Break: rewriting(func(e Event) Event {
				for name, value := range map[string]*string{"event_id": &e.ID, "event_name": &e.Name} {
					if text := e.Text(name); text != "" {
						*value = text
					}
				}
				if ts, err := time.Parse(time.RFC3339, e.Text("event_ts")); err == nil {
					e.TS = ts
				}
				return e
			}),
		},
		{
			Name: "envelope-over-payload", Story: "const e = {...event.payload, ...event}",
			Break: rewriting(func(e Event) Event {
				var ccid string
				if json.Unmarshal(e.Top()["ccid"], &ccid) == nil {
					return e.told("ccid", ccid)
				}
				return e
			}),
		},
		{
			Name: "first-of-that-name", Story: "a regular expression takes the event_id out of the body, before it is parsed",
			Break: keyed(func(e *Event) string {
				if found := first.FindSubmatch(e.Raw); found != nil {
					return string(found[1])
				}
				return e.ID
			}),
		},
	}
	flaws = append(flaws, Flaw{
		Name: "typed-by-its-first", Story: "the search index takes a new property's type from its first value (dynamic mapping), and the error is logged",
		Break: func(r *Receiver) {
			var mu lock
			objects := map[string]bool{} // by name of a property: whether it is one
			ignoring(func(e *Event) bool {
				mu.Lock()
				defer mu.Unlock()
				for name, value := range e.Payload {
					_, object := value.(map[string]any)
					if was, ok := objects[name]; ok && was != object {
						return true
					}
					objects[name] = object
				}
				return false
			})(r)
		},
	})
	for i := range flaws {
		flaws[i].Only, flaws[i].Fails = only, []string{"tolerant.properties"}
	}
	return flaws
}

// deadFlaws answer 200 for ever, and do nothing from some event on: what takes the events
// from the queue has ended.
func deadFlaws() []Flaw {
	after := func(is func(*Event) bool) func(*Receiver) {
		return func(r *Receiver) {
			var dead atomic.Bool
			r.Store = func(_ *http.Request, events []Event) int {
				for i := range events {
					if is(&events[i]) {
						dead.Store(true)
					}
					if !dead.Load() {
						r.State.Commit(events[i:i+1], r.Key)
					}
				}
				return 0
			}
		}
	}
	return []Flaw{
		{
			Name: "dies-of-the-unknown", Story: "handlers[name] is undefined, and the exception ends the worker",
			Break: after(func(e *Event) bool { return !known(e.Name) }),
			Only:  []string{"event.effect", "tolerant.event-name"}, Fails: []string{"tolerant.event-name"},
		},
		{
			Name: "dies-of-null", Story: "the worker calls a method of null",
			Break: after(func(e *Event) bool { return e.Name == "message.action_taken" && e.hasNull("action_value") }),
			Only:  []string{"event.effect", "tolerant.absent"}, Fails: []string{"tolerant.absent"},
		},
	}
}

package testbed

import (
	"net/http"
	"time"
)

// restartFlaws lose in a restart what is in memory only.
func restartFlaws() []Flaw {
	return []Flaw{
		{
			Name: "write-behind", Story: "events are written to disk in twenties",
			Break: func(r *Receiver) { Restartable(r, 20, true) },
			Fails: []string{"durable.restart"},
		},
		{
			Name: "lines-in-lines", Story: "splitlines() on a file with an event a line, which ends lines at U+2028 as well",
			Break: func(r *Receiver) {
				restartable(r, 0, true, func(e *Event) bool { return !e.any(func(c rune) bool { return c == '\u2028' }) })
			},
			Fails: []string{"durable.restart"},
		},
		{
			Name: "ids-in-memory", Story: "the set of event ids is a variable",
			Break: func(r *Receiver) { Restartable(r, 0, false) },
			Fails: []string{"durable.restart"},
		},
		{
			Name: "ids-in-memory-of-a-queue", Story: "a durable queue hands the events to a worker, whose set of event ids is a variable",
			Break: func(r *Receiver) {
				Restartable(r, 0, false)
				work := r.Store
				var queue Queue
				r.Store = func(req *http.Request, events []Event) int {
					due := time.Now().Add(300 * time.Millisecond)
					queue.Add(func() {
						time.Sleep(time.Until(due))
						work(req, events)
					})
					return 0
				}
			},
			Only: []string{"event.effect", "durable"}, Fails: []string{"durable.restart"},
		},
	}
}

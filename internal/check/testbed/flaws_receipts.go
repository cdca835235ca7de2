package testbed

import (
	"net/http"
	"strings"
	"time"
)

// receiptFlaws let what is told of one SMS depend on which event came first.
func receiptFlaws() []Flaw {
	return []Flaw{
		{
			Name: "final-receipt", Story: "UPDATE … WHERE status <> 'delivered'", Only: []string{"order.reversed", "order.converges"},
			Break: func(r *Receiver) {
				var mu lock
				final := map[string]bool{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					sms := e.Text("notification_id")
					if isReceipt(e) && final[sms] {
						e.TS = time.Time{} // it counts, and changes nothing
					}
					r.State.Commit([]Event{*e}, r.Key)
					if e.Name == "notification.delivered" {
						final[sms] = true
					}
				})(r)
			},
			Fails: []string{"order.converges"},
		},
		{
			Name: "click-proves-delivery", Story: "who clicked has the SMS: status = 'delivered', whatever was there and whenever it was told", Only: []string{"order.reversed", "order.converges"},
			Break: storing(func(r *Receiver, e *Event) {
				r.State.Commit([]Event{*e}, r.Key)
				if strings.HasPrefix(e.Name, "notification.auth_link_") {
					r.State.Prove(e)
				}
			}),
			Fails: []string{"order.converges"},
		},
	}
}

func isReceipt(e *Event) bool {
	family, what, _ := strings.Cut(e.Name, ".")
	return family == "notification" && !strings.HasPrefix(what, "auth_link_")
}

// lossyFlaws lose events whatever they are.
func lossyFlaws() []Flaw {
	return []Flaw{{
		Name: "loses-one-in-five", Story: "database is locked: it is logged, and answered 200", Only: []string{"event.effect"},
		Break: func(r *Receiver) {
			var mu lock
			n := 0
			r.Store = func(_ *http.Request, events []Event) int {
				mu.Lock()
				defer mu.Unlock()
				if n++; n%5 != 0 {
					r.State.Commit(events, r.Key)
				}
				return 0
			}
		},
		Fails: []string{"event.effect"},
	}}
}

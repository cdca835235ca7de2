package testbed

import (
	"net/http"
	"sync/atomic"
	"time"
)

// loadFlaws show when many events come at once.
func loadFlaws() []Flaw {
	return []Flaw{
		{
			Name: "slow", Story: "every event calls three other services before its answer", Timed: true, Load: true,
			Break: wrapped(func(next http.Handler, w http.ResponseWriter, req *http.Request) {
				time.Sleep(slowAnswer)
				next.ServeHTTP(w, req)
			}),
			Fails: []string{"load.deadline"},
		},
		{
			Name: "lock-over-the-work", Story: "one lock, held while the work is done", Timed: true, Load: true,
			Break: func(r *Receiver) {
				var one lock
				r.Store = func(_ *http.Request, events []Event) int {
					one.Lock()
					defer one.Unlock()
					time.Sleep(200 * time.Millisecond)
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"load.burst", "load.deadline"},
		},
		{
			Name: "rate-limit", Story: "the gateway's default limit per client", Load: true,
			Break: func(r *Receiver) {
				var mu lock
				var left, last = 10.0, time.Now()
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						mu.Lock()
						now := time.Now()
						left = min(10, left+now.Sub(last).Seconds()*10)
						last = now
						ok := left >= 1
						if ok {
							left--
						}
						mu.Unlock()
						if !ok {
							w.Header().Set("Retry-After", "0")
							w.WriteHeader(http.StatusTooManyRequests)
							return
						}
						next.ServeHTTP(w, req)
					})
				})
			},
			Fails: []string{"load.burst"},
		},
		{
			Name: "sheds-load", Story: "503 when more than a few are at work", Load: true,
			Break: func(r *Receiver) {
				var busy atomic.Int64
				r.Store = func(_ *http.Request, events []Event) int {
					if busy.Add(1) > 1 {
						busy.Add(-1)
						return http.StatusServiceUnavailable
					}
					defer busy.Add(-1)
					time.Sleep(60 * time.Millisecond)
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"load.burst"},
		},
	}
}

// slowAnswer is how long the slow receiver takes: more than half of the deadline.
const slowAnswer = 850 * time.Millisecond

func wrapped(serve func(next http.Handler, w http.ResponseWriter, req *http.Request)) func(*Receiver) {
	return func(r *Receiver) {
		r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { serve(next, w, req) })
		})
	}
}

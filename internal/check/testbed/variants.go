package testbed

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// Variant is a good receiver of another kind: nothing may be said against it.
type Variant struct {
	Name   string
	Change func(*Receiver)
}

// Variants lists them.
func Variants() []Variant {
	return append(unsteadyVariants(),
		Variant{"talks", func(r *Receiver) {
			r.Answer = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"status":"ok","received_at":"2026-11-24 20:07:21"}`)
			}
		}},
		Variant{"chunked-answers", func(r *Receiver) {
			r.Answer = func(w http.ResponseWriter, _ *http.Request) {
				for range 3 {
					_, _ = io.WriteString(w, "ok ")
					w.(http.Flusher).Flush()
				}
			}
		}},
		Variant{"200-to-everything-it-can-read", func(r *Receiver) {
			r.Parse = func(body []byte) ([]Event, int) {
				events, _ := parse(body)
				return events, 0
			}
		}},
		Variant{"takes-any-content-type", func(r *Receiver) { r.Media = func(*http.Request) bool { return true } }},
		Variant{"names-no-method", func(r *Receiver) { r.Method = always(http.StatusNotFound) }},
		Variant{"get-not-implemented", func(r *Receiver) { r.Method = always(http.StatusNotImplemented) }},
		Variant{"words-its-refusals", func(r *Receiver) {
			r.Refuse = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", "Basic")
				w.WriteHeader(http.StatusUnauthorized)
				_ = json.NewEncoder(w).Encode(map[string]string{"error": "wrong user name or password, at 10:11:12"})
			}
		}},
		Variant{"small-bodies-for-singles", func(r *Receiver) {
			r.Read = func(w http.ResponseWriter, req *http.Request) ([]byte, int) {
				if req.ContentLength > 800<<10 {
					return nil, http.StatusRequestEntityTooLarge
				}
				return readBody(w, req)
			}
		}},
		Variant{"queues", func(r *Receiver) {
			var later lock
			r.Store = func(_ *http.Request, events []Event) int {
				go func() {
					later.Lock()
					defer later.Unlock()
					r.State.Commit(events, r.Key)
				}()
				return 0
			}
		}},
		Variant{"few-connections-of-few-calls", func(r *Receiver) {
			r.Server = func(s *httptest.Server) { s.Config.IdleTimeout = 100 * time.Millisecond }
		}},
	)
}

// unsteadyVariants fail now and then, which the retries of Relay get over.
func unsteadyVariants() []Variant {
	every := func(n int64, fail func(http.ResponseWriter)) func(*Receiver) {
		return func(r *Receiver) {
			var calls atomic.Int64
			r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if calls.Add(1)%n == 0 {
						fail(w)
						return
					}
					next.ServeHTTP(w, req)
				})
			})
		}
	}
	return []Variant{
		{"fails-once-for-every-event", func(r *Receiver) {
			r.Store = func(_ *http.Request, events []Event) int {
				if len(events) > 0 && r.State.Claim("first "+events[0].ID) {
					return http.StatusInternalServerError
				}
				r.State.Commit(events, r.Key)
				return 0
			}
		}},
		{"loses-a-connection-in-twenty", func(r *Receiver) {
			var calls atomic.Int64
			r.Store = func(_ *http.Request, events []Event) int {
				// Never the same event's twice: nothing could then be said of it.
				if len(events) > 0 && calls.Add(1)%20 == 0 && r.State.Claim("lost "+events[0].ID) {
					panic(http.ErrAbortHandler)
				}
				r.State.Commit(events, r.Key)
				return 0
			}
		}},
		{"limits-now-and-then", every(15, func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		})},
		{"slow-now-and-then", func(r *Receiver) {
			r.Store = func(_ *http.Request, events []Event) int {
				if rand.IntN(10) == 0 {
					time.Sleep(300 * time.Millisecond)
				}
				r.State.Commit(events, r.Key)
				return 0
			}
		}},
	}
}

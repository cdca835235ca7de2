package testbed

import (
	"encoding/json"
	"net/http"
	"time"
)

// batchFlaws are wrong about several events in one call. Those that lose some
// of them need the probe to be seen.
func batchFlaws() []Flaw {
	return []Flaw{
		{
			Name: "no-batch", Story: "the body is one event", Batch: 50,
			Break: parsing(func(events []Event, body []byte) int {
				if body[0] == '[' {
					return http.StatusBadRequest
				}
				return 0
			}),
			Fails: []string{"batch.accepted"},
		},
		{
			Name: "small-bodies", Story: "the framework's limit of 100 kB", Batch: 50,
			Break: func(r *Receiver) {
				r.Read = func(w http.ResponseWriter, req *http.Request) ([]byte, int) {
					if req.ContentLength > 100<<10 {
						return nil, http.StatusRequestEntityTooLarge
					}
					return readBody(w, req)
				}
			},
			Fails: []string{"batch.accepted"},
		},
		{
			Name: "hundred-a-call", Story: "maxItems: 100", Batch: 50,
			Break: parsing(func(events []Event, _ []byte) int {
				if len(events) > 100 {
					return http.StatusBadRequest
				}
				return 0
			}),
			Fails: []string{"batch.accepted"},
		},
		{
			Name: "batch-of-one", Story: "an array of one is unwrapped by a proxy's script and then missed", Batch: 50,
			Break: parsing(func(events []Event, body []byte) int {
				if body[0] == '[' && len(events) == 1 {
					return http.StatusBadRequest
				}
				return 0
			}),
			Fails: []string{"batch.accepted"},
		},
		{
			Name: "slow-batch", Story: "a transaction and a call elsewhere for every member", Timed: true, Batch: 50,
			Break: func(r *Receiver) {
				r.Store = func(_ *http.Request, events []Event) int {
					if len(events) > 100 {
						time.Sleep(hang)
					}
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"batch.accepted"},
		},
		{
			Name: "multi-status", Story: "207: each member has a status of its own", Batch: 50,
			Break: func(r *Receiver) {
				r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
						next.ServeHTTP(batchStatus{w, req}, req)
					})
				})
			},
			Fails: []string{"batch.accepted"},
		},
	}
}

// batchStatus answers 207 to batches that are accepted.
type batchStatus struct {
	http.ResponseWriter
	req *http.Request
}

func (b batchStatus) WriteHeader(status int) {
	if status == http.StatusOK && b.req.ContentLength > 8<<10 {
		status = http.StatusMultiStatus
	}
	b.ResponseWriter.WriteHeader(status)
}

// parsing puts a look at the whole call after the reading.
func parsing(look func(events []Event, body []byte) int) func(*Receiver) {
	return func(r *Receiver) {
		r.Parse = func(body []byte) ([]Event, int) {
			events, status := parse(body)
			if status != 0 || !json.Valid(body) {
				return nil, max(status, http.StatusBadRequest)
			}
			return events, look(events, body)
		}
	}
}

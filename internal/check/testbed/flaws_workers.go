package testbed

import (
	"encoding/json"
	"net/http"
)

// workers are how many processes serve the endpoint of a worker's flaw. They take calls
// in turn.
const workers = 2

// shifts is in turn one worker and the other. Safe for concurrent use.
type shifts struct {
	mu   lock
	next int // guarded by mu
}

func (s *shifts) worker() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.next % workers
}

// workerFlaws have several workers who do not know of each other.
func workerFlaws() []Flaw {
	only := []string{"event", "tolerant.absent", "duplicate.sequential", "order"}
	return []Flaw{
		{
			Name: "row-in-each-worker", Story: "the mapper keeps the rows that it has read, and writes the whole of one back", Only: only,
			Break: keepsRows, Fails: []string{"event.effect"},
		},
		{
			Name: "state-in-each-worker", Story: "a variable, and a cluster of two", Only: only,
			Break: func(r *Receiver) {
				states := [workers]*State{NewState(), NewState()}
				var calls, reads shifts
				r.Store = func(_ *http.Request, events []Event) int {
					states[calls.worker()].Commit(events, r.Key)
					return 0
				}
				r.Page = func(w http.ResponseWriter, ccid string) { states[reads.worker()].Show(w, ccid, ccid) }
			},
			Fails: []string{"event.effect"},
		},
		{
			Name: "ids-in-each-worker", Story: "the set of event ids is a variable, and there is a cluster of two", Only: only,
			Break: func(r *Receiver) {
				seen := [workers]*State{NewState(), NewState()}
				var calls shifts
				r.Store = func(_ *http.Request, events []Event) int {
					mine := seen[calls.worker()]
					for i := range events {
						if mine.Claim(r.Key(&events[i])) {
							r.State.Apply(&events[i])
						}
					}
					return 0
				}
			},
			Fails: []string{"duplicate.sequential", "order.converges"},
		},
	}
}

// keepsRows makes each worker keep the customers' rows that it has seen.
func keepsRows(r *Receiver) {
	var mu lock
	var calls shifts
	shared := map[string]book{} // guarded by mu
	kept := [workers]map[string]book{{}, {}}
	r.Store = func(_ *http.Request, events []Event) int {
		mine := kept[calls.worker()]
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			e := &events[i]
			ccid := e.Text("ccid")
			if ccid == "" || !known(e.Name) || !r.State.Claim(r.Key(e)) {
				continue
			}
			if mine[ccid] == nil {
				if mine[ccid] = shared[ccid]; mine[ccid] == nil {
					mine[ccid] = rows(nil)
				}
			}
			mine[ccid] = mine[ccid].with(e, nil)
			shared[ccid] = mine[ccid]
		}
		return 0
	}
	r.Page = func(w http.ResponseWriter, ccid string) {
		mu.Lock()
		defer mu.Unlock()
		if shared[ccid] == nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(shared[ccid].page(nil)) // the reader may be gone
	}
}

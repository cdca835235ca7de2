package testbed

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// memoryFlaws forget the events that they have seen.
func memoryFlaws() []Flaw {
	return []Flaw{
		{
			Name: "last-four-hundred-ids", Story: "a ring of the newest ids, for memory is dear", Only: []string{"event.effect", "duplicate.sequential", "duplicate.memory"},
			Break: func(r *Receiver) {
				var mu lock
				var ids []string
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					if slices.Contains(ids, e.ID) {
						return
					}
					ids = append(ids, e.ID)[max(0, len(ids)-399):]
					r.State.Apply(e)
				})(r)
			},
			Fails: []string{"duplicate.memory"},
		},
		{
			Name: "ids-for-seconds", Story: "SET NX EX 2", Timed: true, Only: []string{"duplicate.sequential", "duplicate.late"},
			Break: storing(func(r *Receiver, e *Event) {
				if !r.State.Claim(e.ID) {
					return
				}
				r.State.Apply(e)
				id := e.ID
				time.AfterFunc(1500*time.Millisecond, func() { r.State.Release(id) })
			}),
			Fails: []string{"duplicate.late"},
		},
	}
}

// concurrentFlaws go wrong when different events come at the same instant.
func concurrentFlaws() []Flaw {
	// few lets so many calls in at a time, and answers the others with a status.
	few := func(most int64, status int) func(*Receiver) {
		return func(r *Receiver) {
			var busy atomic.Int64
			r.Store = func(_ *http.Request, events []Event) int {
				defer busy.Add(-1)
				if busy.Add(1) > most {
					return status
				}
				time.Sleep(5 * time.Millisecond)
				r.State.Commit(events, r.Key)
				return 0
			}
		}
	}
	only := []string{"concurrent"}
	return []Flaw{
		{
			Name: "three-at-a-time", Story: "503 when more than three are at work", Only: only,
			Break: few(3, http.StatusServiceUnavailable),
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "eight-at-a-time", Story: "the pool has eight connections, and who finds none free is told 503", Only: []string{"event", "tolerant", "business", "order.accepted", "concurrent.accepted"},
			Break: few(8, http.StatusServiceUnavailable),
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "pool-of-two", Story: "the pool of connections fails instead of waiting", Only: only,
			Break: few(2, http.StatusInternalServerError),
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "ten-a-second", Story: "the gateway's limit per client", Only: []string{"event.accept", "concurrent.accepted"},
			Break: few(4, http.StatusTooManyRequests),
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "slow-kind-under-a-lock", Story: "the end of an account calls another service, under the lock of all such", Timed: true, Only: []string{"event.accept", "concurrent"},
			Break: func(r *Receiver) {
				var one lock
				r.Store = func(_ *http.Request, events []Event) int {
					if len(events) > 0 && events[0].Name == "account.deactivate" {
						one.Lock()
						defer one.Unlock()
						time.Sleep(150 * time.Millisecond)
					}
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "customer-made-twice", Story: "if not exists(ccid): insert, and the error of the second insert is a 500", Only: only,
			Break: func(r *Receiver) {
				var mu lock
				known := map[string]bool{}
				r.Store = func(_ *http.Request, events []Event) int {
					for i := range events {
						ccid := events[i].Text("ccid")
						mu.Lock()
						there := known[ccid]
						mu.Unlock()
						if there {
							continue
						}
						time.Sleep(3 * time.Millisecond)
						mu.Lock()
						there, known[ccid] = known[ccid], true
						mu.Unlock()
						if there {
							return http.StatusInternalServerError
						}
					}
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "batches-lock-crosswise", Story: "a row is locked for each member of a batch, in its order, until the end", Batch: 50, Timed: true, Only: []string{"event.accept", "concurrent"},
			Break: func(r *Receiver) {
				var rows sync.Map
				r.Store = func(_ *http.Request, events []Event) int {
					held := map[string]bool{}
					for i := range events {
						ccid := events[i].Text("ccid")
						if held[ccid] {
							continue
						}
						held[ccid] = true
						row, _ := rows.LoadOrStore(ccid, make(chan bool, 1))
						select {
						case row.(chan bool) <- true:
							defer func() { <-row.(chan bool) }()
						case <-time.After(3 * time.Second):
							return http.StatusInternalServerError
						}
						time.Sleep(2 * time.Millisecond)
					}
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "stuck-pool", Story: "a second connection of the same pool inside the transaction", Timed: true, Only: []string{"event.accept", "concurrent"},
			Break: func(r *Receiver) {
				pool := make(chan bool, 8)
				take := func(ctx context.Context) bool {
					select {
					case pool <- true:
						return true
					case <-ctx.Done():
						return false
					}
				}
				r.Store = func(req *http.Request, events []Event) int {
					if !take(req.Context()) {
						return http.StatusInternalServerError
					}
					defer func() { <-pool }()
					time.Sleep(2 * time.Millisecond)
					if !take(req.Context()) { // with all others waiting here, none comes back
						return http.StatusInternalServerError
					}
					defer func() { <-pool }()
					r.State.Commit(events, r.Key)
					return 0
				}
			},
			Fails: []string{"concurrent.accepted"},
		},
		{
			Name: "get-then-put", Story: "c = map.get(ccid); if (c == null) map.put(ccid, c = new Customer()): the second one takes the place of the first", Only: only,
			Break: func(r *Receiver) {
				var mu lock
				made := map[string]bool{}
				storing(func(r *Receiver, e *Event) {
					if !r.State.Claim(e.ID) {
						return
					}
					mu.Lock()
					there := made[e.Text("ccid")]
					mu.Unlock()
					if !there {
						time.Sleep(2 * time.Millisecond)
						r.State.Forget(e.Text("ccid"))
						mu.Lock()
						made[e.Text("ccid")] = true
						mu.Unlock()
					}
					r.State.Apply(e)
				})(r)
			},
			Fails: []string{"concurrent.events"},
		},
		{
			Name: "read-change-write", Story: "row = find(ccid); row.events += 1; save(row)", Only: only,
			Break: storing(func(r *Receiver, e *Event) {
				if !r.State.Claim(e.ID) {
					return
				}
				before := r.State.Count(e.Text("ccid"))
				time.Sleep(2 * time.Millisecond)
				r.State.ApplyAfter(e, before)
			}),
			Fails: []string{"concurrent.events"},
		},
	}
}

// isolationFlaws take one customer for another.
func isolationFlaws() []Flaw {
	// folded keeps and shows customers by another name.
	folded := func(fold func(string) string) func(*Receiver) {
		return func(r *Receiver) {
			storing(func(r *Receiver, e *Event) {
				if ccid := e.Text("ccid"); ccid != "" {
					e.Payload["ccid"] = fold(ccid)
				}
				r.State.Commit([]Event{*e}, r.Key)
			})(r)
			r.Page = func(w http.ResponseWriter, ccid string) { r.State.Show(w, fold(ccid), ccid) }
		}
	}
	only := []string{"event.effect", "isolation", "duplicate.sequential", "concurrent.events"}
	cut := func(s string) string { return s[:min(64, len(s))] }
	flaws := []Flaw{
		{
			Name: "ccid-cut-and-shown-cut", Story: "the database cuts without an error, and the page shows what it kept",
			Break: func(r *Receiver) {
				folded(cut)(r)
				r.Page = func(w http.ResponseWriter, ccid string) { r.State.Show(w, cut(ccid), cut(ccid)) }
			},
		},
		{Name: "ccid-is-a-number", Story: "parseInt of what looks like one", Break: folded(func(s string) string { return strings.TrimLeft(s, "0") })},
		{Name: "ccid-in-any-case", Story: "a collation that does not tell letters' case", Break: folded(strings.ToLower)},
		{Name: "ccid-without-accents", Story: "a collation that does not tell accents (utf8mb4_0900_ai_ci)", Break: folded(func(s string) string { return strings.ReplaceAll(s, "é", "e") })},
		{Name: "ccid-as-file-name", Story: "what no file name may have becomes an underscore", Break: folded(func(s string) string {
			return strings.Map(func(r rune) rune {
				if strings.ContainsRune("/&", r) {
					return '_'
				}
				return r
			}, s)
		})},
		{Name: "ccid-as-slug", Story: "the name of the customer's file", Break: folded(func(s string) string {
			return strings.Map(func(r rune) rune {
				if strings.ContainsRune(".+@ ", r) {
					return '-'
				}
				return r
			}, s)
		})},
		{Name: "ccid-without-signs", Story: "/[^A-Za-z0-9]/ is taken out", Break: folded(func(s string) string { return strings.NewReplacer("-", "", "_", "", ".", "").Replace(s) })},
		{Name: "ccid-is-an-address", Story: "what follows the plus sign is a tag", Break: folded(func(s string) string {
			name, domain, _ := strings.Cut(s, "@")
			name, _, _ = strings.Cut(name, "+")
			return name + "@" + domain
		})},
		{Name: "ccid-before-the-colon", Story: "key.split(':')[1] of customer:ccid", Break: folded(func(s string) string { before, _, _ := strings.Cut(s, ":"); return before })},
		{Name: "ccid-cut", Story: "varchar(64)", Break: folded(cut)},
		{
			Name: "state-by-number", Story: "the number is the key of consent and connection",
			Break: func(r *Receiver) {
				var mu lock
				owners := map[string][]string{}
				storing(func(r *Receiver, e *Event) {
					mu.Lock()
					defer mu.Unlock()
					number, ccid := e.Text("channel_addr"), e.Text("ccid")
					if !slices.Contains(owners[number], ccid) {
						owners[number] = append(owners[number], ccid)
					}
					if e.Name != "channel_consent.update" {
						r.State.Commit([]Event{*e}, r.Key)
						return
					}
					if r.State.Claim(e.ID) {
						for _, owner := range owners[number] {
							e.Payload["ccid"] = owner
							r.State.Apply(e)
						}
					}
				})(r)
			},
		},
	}
	for i := range flaws {
		flaws[i].Only, flaws[i].Fails = only, []string{"isolation.customers"}
	}
	return flaws
}

package testbed

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// Later makes a good receiver that answers when the event is in a durable queue
// and does its work a while afterwards, in the order of the queue.
func Later(r *Receiver) {
	var queue Queue
	r.Store = func(_ *http.Request, events []Event) int {
		queue.Add(func() {
			time.Sleep(200 * time.Microsecond)
			r.State.Commit(events, r.Key)
		})
		return 0
	}
}

// Delayed makes a good receiver whose page shows what happened so long ago.
func Delayed(d time.Duration) func(*Receiver) {
	return func(r *Receiver) {
		r.Store = func(_ *http.Request, events []Event) int {
			time.AfterFunc(d, func() { r.State.Commit(events, r.Key) })
			return 0
		}
	}
}

// Cached makes a good receiver whose page is cached for so long, each customer's
// from its first reading.
func Cached(d time.Duration) func(*Receiver) {
	return func(r *Receiver) {
		r.Page = cachedPage(d, func(w http.ResponseWriter, ccid string) { r.State.Show(w, ccid, ccid) })
	}
}

// cachedPage shows each customer's page for so long from its first reading.
func cachedPage(d time.Duration, page func(w http.ResponseWriter, ccid string)) func(w http.ResponseWriter, ccid string) {
	type entry struct {
		at  time.Time
		rec *httptest.ResponseRecorder
	}
	var mu lock
	cache := map[string]entry{}
	return func(w http.ResponseWriter, ccid string) {
		mu.Lock()
		defer mu.Unlock()
		e, ok := cache[ccid]
		if !ok || time.Since(e.at) > d {
			e = entry{time.Now(), httptest.NewRecorder()}
			page(e.rec, ccid)
			cache[ccid] = e
		}
		w.WriteHeader(e.rec.Code)
		_, _ = w.Write(e.rec.Body.Bytes()) // the reader may be gone
	}
}

// Timing makes a good receiver whose page tells how long it took to make it, and
// a digest over that.
func Timing(r *Receiver) {
	r.Page = func(w http.ResponseWriter, ccid string) {
		began := time.Now()
		rec := httptest.NewRecorder()
		r.State.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/state/"+ccid, nil))
		page := json.RawMessage(rec.Body.Bytes())
		if rec.Code == http.StatusNotFound {
			page = json.RawMessage("null")
		}
		spent := time.Since(began).Nanoseconds() % 3
		_ = json.NewEncoder(w).Encode(map[string]any{ // the reader may be gone
			"customer": page, "spent": spent, "digest": fmt.Sprintf("d%x", 7*spent),
		})
	}
}

// listedEvent and listedPage are what the page of Listing shows.
type listedEvent struct {
	ID         int       `json:"id"`
	EventID    string    `json:"event_id"`
	Name       string    `json:"event_name"`
	EventTS    time.Time `json:"event_ts"`
	ReceivedAt time.Time `json:"received_at"`
	StoredUnix int64     `json:"storedUnix"`
}

type listedPage struct {
	ID         int               `json:"id"`
	CCID       string            `json:"ccid"`
	Version    int               `json:"version"`
	UpdatedAt  string            `json:"updated_at"`
	Duplicates int               `json:"duplicates"`
	Consents   map[string]Latest `json:"consents"`
	Events     []listedEvent     `json:"events"`
}

// Listing makes a good receiver whose page is an ordinary one: the customer's
// events in the order in which they came, with rows' ids, times of receipt and
// a version that grows with every write.
func Listing(r *Receiver) {
	var mu lock
	pages, seen, rows := map[string]*listedPage{}, map[string]bool{}, 0
	store := r.Store
	r.Store = func(req *http.Request, events []Event) int {
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			e := &events[i]
			if !known(e.Name) {
				continue
			}
			p := pages[e.Text("ccid")]
			if p == nil {
				p = &listedPage{ID: len(pages) + 1, CCID: e.Text("ccid"), Consents: map[string]Latest{}}
				pages[p.CCID] = p
			}
			if seen[e.ID] {
				p.Duplicates++
				continue
			}
			seen[e.ID] = true
			rows++
			now := time.Now()
			p.Version++
			p.UpdatedAt = now.Format("2006-01-02 15:04:05")
			if e.Name == "channel_consent.update" {
				c := p.Consents[e.Text("channel_addr")]
				old := c.at
				if c.Set(e.Text("current_consent"), e); c.at != old {
					p.Version++
				}
				p.Consents[e.Text("channel_addr")] = c
			}
			p.Events = append(p.Events, listedEvent{rows, e.ID, e.Name, e.TS, now, now.Unix()})
		}
		return store(req, events)
	}
	r.Page = func(w http.ResponseWriter, ccid string) {
		mu.Lock()
		defer mu.Unlock()
		if pages[ccid] == nil {
			fmt.Fprintln(w, "null")
			return
		}
		_ = json.NewEncoder(w).Encode(pages[ccid]) // the reader may be gone
	}
}

// AsText makes a good receiver whose page is what a database's client prints.
func AsText(r *Receiver) {
	var mu lock
	lines, seen := map[string][]string{}, map[string]bool{}
	store := r.Store
	r.Store = func(req *http.Request, events []Event) int {
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			if e := &events[i]; known(e.Name) && !seen[e.ID] {
				seen[e.ID] = true
				ccid := e.Text("ccid")
				lines[ccid] = append(lines[ccid], fmt.Sprintf("%d|%s|%s|%s|%s", len(seen), ccid, e.Name, e.TS.Format(time.RFC3339), time.Now().Format(time.DateTime)))
			}
		}
		return store(req, events)
	}
	r.Page = func(w http.ResponseWriter, ccid string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(w, strings.Join(lines[ccid], "\n"))
	}
}

// Lists makes a good receiver whose page lists which numbers are connected, which said
// stop and which SMS arrived, instead of a status for each.
func Lists(r *Receiver) {
	r.Page = func(w http.ResponseWriter, ccid string) {
		r.State.mu.Lock()
		defer r.State.mu.Unlock()
		c := r.State.customers[ccid]
		if c == nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		page := map[string]any{"account": c.Account}
		list := func(name, value string, status map[string]Latest) {
			keys := []string{}
			for key, latest := range status {
				if latest.Value == value {
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			page[name] = keys
		}
		plain := func(m map[string]*Latest) map[string]Latest {
			out := map[string]Latest{}
			for key, latest := range m {
				out[key] = *latest
			}
			return out
		}
		sms, clicks := map[string]Latest{}, 0
		for id, n := range c.Notifications {
			sms[id] = n.Status
			clicks += n.Actions
		}
		messages, actions := map[string]Latest{}, 0
		for id, m := range c.Messages {
			messages[id] = m.Status
			actions += m.Actions
		}
		list("connected", "add", plain(c.Channels))
		list("stopped", "stop", plain(c.Consent))
		list("arrived", "delivered", sms)
		list("failed", "undelivered", sms)
		list("in_the_feed", "delivered", messages)
		page["clicks"], page["actions"] = clicks, actions
		_ = json.NewEncoder(w).Encode(page)
	}
}

// Command after is the receiver that passes: it keeps what came by its id, and
// works out what is true from what happened last.
package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// event has only what is used of an event: the rest may change at any time.
type event struct {
	ID      string         `json:"event_id"`
	Name    string         `json:"event_name"`
	TS      string         `json:"event_ts"`
	Payload map[string]any `json:"payload"`
}

func (e *event) text(name string) string {
	s, _ := e.Payload[name].(string) // null, "" and missing are all "absent"
	return s
}

// time is when it happened, as a time: the same moment can be written in more
// than one way.
func (e *event) time() time.Time {
	t, _ := time.Parse(time.RFC3339, e.TS) // what cannot be read is the oldest
	return t
}

type receiver struct {
	secret    [32]byte
	mu        sync.Mutex
	customers map[string]map[string]event // by ccid, by event_id
}

func (r *receiver) relay(w http.ResponseWriter, req *http.Request) {
	// Before the body is read: who is not Relay gets 401, whatever was sent.
	user, password, _ := req.BasicAuth()
	given := sha256.Sum256([]byte(user + ":" + password))
	if subtle.ConstantTimeCompare(given[:], r.secret[:]) != 1 {
		w.Header().Set("WWW-Authenticate", `Basic realm="relay"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 5<<20))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	events, err := decode(body)
	if err != nil {
		log.Print("cannot be read: ", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.keep(events)
	w.WriteHeader(http.StatusOK)
}

// decode reads one event, or a batch of them.
func decode(body []byte) ([]event, error) {
	var events []event
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		err := json.Unmarshal(body, &events)
		return events, err
	}
	var one struct {
		event
		Batch []event `json:"batch"`
	}
	err := json.Unmarshal(body, &one)
	if one.Batch != nil {
		return one.Batch, err
	}
	return []event{one.event}, err
}

// keep stores what came, by id: a second copy changes nothing. Unknown events,
// and those without a customer, are accepted; Relay must not send them again.
func (r *receiver) keep(events []event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		ccid := e.text("ccid")
		if r.customers[ccid] == nil {
			r.customers[ccid] = map[string]event{}
		}
		if _, known := r.customers[ccid][e.ID]; !known {
			r.customers[ccid][e.ID] = e
		}
	}
}

// state is what is true now, worked out in the order in which things happened.
func state(events map[string]event) map[string]any {
	consent, sms, messages := map[string]string{}, map[string]string{}, map[string]string{}
	clicks, actions, active := 0, 0, true
	for _, e := range slices.SortedFunc(maps.Values(events), func(a, b event) int {
		return cmp.Or(a.time().Compare(b.time()), cmp.Compare(a.ID, b.ID))
	}) {
		switch e.Name {
		case "channel_consent.update":
			consent[e.text("channel_addr")] = e.text("current_consent")
		case "notification_channel.add":
			if consent[e.text("channel_addr")] == "" {
				consent[e.text("channel_addr")] = "written"
			}
		case "notification_channel.remove":
			delete(consent, e.text("channel_addr"))
		case "notification.auth_link_clicked", "notification.auth_link_used":
			clicks++
		case "message.action_taken":
			actions++
		case "account.deactivate":
			active = false
		case "message.delivered", "message.undelivered":
			messages[e.text("message_id")] = e.Name
		case "notification.attempted", "notification.not_attempted", "notification.delivered", "notification.undelivered":
			sms[e.text("notification_id")] = e.Name
		}
	}
	return map[string]any{"consent": consent, "sms": sms, "messages": messages, "clicks": clicks, "actions": actions, "active": active}
}

func (r *receiver) customer(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.customers[req.PathValue("ccid")]
	if events == nil {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(state(events)); err != nil {
		log.Print(err)
	}
}

func main() {
	r := &receiver{secret: sha256.Sum256([]byte("relay:" + os.Getenv("RELAY_PASSWORD"))), customers: map[string]map[string]event{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /relay", r.relay)
	mux.HandleFunc("GET /customers/{ccid}", r.customer)
	srv := &http.Server{Addr: "127.0.0.1:" + strings.TrimSpace(os.Getenv("PORT")), Handler: mux, ReadTimeout: 15 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

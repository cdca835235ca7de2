package testbed

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// State is what the receiver knows of its customers. Safe for concurrent use.
type State struct {
	mu        lock
	seen      map[string]bool
	customers map[string]*customer
}

// NewState is the state of a receiver that has received nothing.
func NewState() *State {
	return &State{seen: map[string]bool{}, customers: map[string]*customer{}}
}

// Latest is a value that the newest event decides, whatever the order in which
// they arrive.
type Latest struct {
	Value string
	at    time.Time
	by    string // the event, for those of the same millisecond
}

// Set takes the value unless a newer event has decided already.
func (l *Latest) Set(value string, e *Event) {
	if e.TS.Before(l.at) || e.TS.Equal(l.at) && e.ID < l.by {
		return
	}
	*l = Latest{value, e.TS, e.ID}
}

// MarshalJSON writes the value alone.
func (l Latest) MarshalJSON() ([]byte, error) { return json.Marshal(l.Value) }

type customer struct {
	CCID          string             `json:"ccid"`
	Events        int                `json:"events"` // distinct ones
	Account       Latest             `json:"account"`
	Channels      map[string]*Latest `json:"channels"`      // by number: connected or removed
	Consent       map[string]*Latest `json:"consent"`       // by number
	Messages      map[string]*thread `json:"messages"`      // by id
	Notifications map[string]*thread `json:"notifications"` // by id
}

// thread is a message or a notification: its status by event time, and how
// often the customer acted or clicked.
type thread struct {
	Status  Latest `json:"status"`
	Actions int    `json:"actions"`
}

// Commit applies the events that key has not been seen of, all at once.
func (s *State) Commit(events []Event, key func(*Event) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		if e := &events[i]; s.claim(key(e)) {
			s.apply(e)
		}
	}
}

// Seen says whether a key was claimed, without claiming it.
func (s *State) Seen(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[key]
}

// Claim notes a key and says whether it is new.
func (s *State) Claim(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claim(key)
}

func (s *State) claim(key string) bool {
	if s.seen[key] {
		return false
	}
	s.seen[key] = true
	return true
}

// Apply applies an event without asking whether it is a duplicate.
func (s *State) Apply(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(e)
}

func (s *State) apply(e *Event) {
	ccid := e.Text("ccid")
	if ccid == "" || !known(e.Name) {
		return
	}
	c := s.customers[ccid]
	if c == nil {
		c = &customer{
			CCID: ccid, Channels: map[string]*Latest{}, Consent: map[string]*Latest{},
			Messages: map[string]*thread{}, Notifications: map[string]*thread{},
		}
		s.customers[ccid] = c
	}
	c.Events++
	family, what, _ := strings.Cut(e.Name, ".")
	switch {
	case e.Name == "account.deactivate":
		c.Account.Set("deactivated", e)
	case e.Name == "channel_consent.update":
		consent := entry(c.Consent, e.Text("channel_addr"))
		if told := e.Text("current_consent"); told != "" {
			consent.Set(told, e)
		}
	case family == "notification_channel":
		entry(c.Channels, e.Text("channel_addr")).Set(what, e)
	case e.Name == "message.action_taken":
		entry(c.Messages, e.Text("message_id")).Actions++
	case family == "message":
		entry(c.Messages, e.Text("message_id")).Status.Set(what, e)
	case what == "auth_link_clicked", what == "auth_link_used":
		entry(c.Notifications, e.Text("notification_id")).Actions++
	case family == "notification":
		entry(c.Notifications, e.Text("notification_id")).Status.Set(what, e)
	}
}

func entry[T any](m map[string]*T, key string) *T {
	if m[key] == nil {
		m[key] = new(T)
	}
	return m[key]
}

// known says whether the receiver has something to do for events of that name.
func known(name string) bool {
	switch name {
	case "account.deactivate", "channel_consent.update", "notification_channel.add", "notification_channel.remove",
		"message.delivered", "message.undelivered", "message.action_taken",
		"notification.attempted", "notification.not_attempted", "notification.delivered", "notification.undelivered",
		"notification.auth_link_clicked", "notification.auth_link_used":
		return true
	}
	return false
}

// Release forgets that a key was claimed.
func (s *State) Release(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, key)
}

// Replace puts another state in the place of this one: what a restart brings
// back.
func (s *State) Replace(o *State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.customers = o.seen, o.customers
}

// Forget takes a customer out.
func (s *State) Forget(ccid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.customers, ccid)
}

// Touch makes the row of an event's message where its customer is known.
func (s *State) Touch(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.customers[e.Text("ccid")]; c != nil {
		entry(c.Messages, e.Text("message_id"))
	}
}

// Prove takes an SMS for delivered, and does not keep when that was told.
func (s *State) Prove(e *Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.customers[e.Text("ccid")]; c != nil {
		entry(c.Notifications, e.Text("notification_id")).Status.Value = "delivered"
	}
}

// Count is how many events of a customer were applied.
func (s *State) Count(ccid string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.customers[ccid]; c != nil {
		return c.Events
	}
	return 0
}

// ApplyAfter applies an event and counts it as the one after so many, however
// many there are by now.
func (s *State) ApplyAfter(e *Event, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apply(e)
	if c := s.customers[e.Text("ccid")]; c != nil {
		c.Events = count + 1
	}
}

// ServeHTTP answers GET /state/{ccid} with the customer as JSON, 404 for one
// that is not known.
func (s *State) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ccid := strings.TrimPrefix(req.URL.Path, "/state/")
	s.Show(w, ccid, ccid)
}

// Show writes the customer that is kept under a key as JSON, under the id that
// was asked for; 404 for one that is not known.
func (s *State) Show(w http.ResponseWriter, key, ccid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.customers[key]
	if kept == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	c := *kept
	c.CCID = ccid
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(&c) // the reader may be gone
}

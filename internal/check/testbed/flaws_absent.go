package testbed

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"time"
)

// absentFlaws take what an event does not tell for something that it tells.
func absentFlaws() []Flaw {
	consenting := func(absent func(value any, told bool) bool) func(*Receiver) {
		return storing(func(r *Receiver, e *Event) {
			if value, told := e.Payload["current_consent"]; e.Name == "channel_consent.update" && absent(value, told) {
				e.Payload = maps.Clone(e.Payload)
				e.Payload["current_consent"] = "written"
			}
			r.State.Commit([]Event{*e}, r.Key)
		})
	}
	return []Flaw{
		{
			Name: "consent-by-default", Story: "current_consent || 'written'",
			Break: consenting(func(value any, _ bool) bool { return value == nil || value == "" }),
			Only:  []string{"event", "tolerant"}, Fails: []string{"tolerant.absent"},
		},
		{
			Name: "consent-of-the-model", Story: "current_consent: str = 'written', for whoever signs up has consented",
			Break: consenting(func(_ any, told bool) bool { return !told }),
			Only:  []string{"event", "tolerant"}, Fails: []string{"tolerant.absent"},
		},
		{
			Name: "null-overwrites", Story: "Object.assign(message, payload): what is missing stays, what is null or empty does not",
			Break: merged(func(_ any, told bool) bool { return told }),
			Only:  []string{"event", "tolerant"}, Fails: []string{"tolerant.absent"},
		},
		{
			Name: "empty-overwrites", Story: "if tag is not None: message.tag = tag",
			Break: merged(func(value any, _ bool) bool { return value != nil }),
			Only:  []string{"event", "tolerant"}, Fails: []string{"tolerant.absent"},
		},
	}
}

// merged shows of each message, beside the state, the tag that the newest event told of
// which overwrites says that its value counts.
func merged(overwrites func(value any, told bool) bool) func(*Receiver) {
	type tag struct {
		value any
		at    time.Time
	}
	return func(r *Receiver) {
		var mu lock
		tags := map[string]map[string]tag{} // guarded by mu, by customer and message
		store := r.Store
		r.Store = func(req *http.Request, events []Event) int {
			mu.Lock()
			defer mu.Unlock()
			for i := range events {
				e := &events[i]
				ccid, message := e.Text("ccid"), e.Text("message_id")
				value, told := e.Payload["client_message_tag"]
				if message == "" || !known(e.Name) || !overwrites(value, told) || e.TS.Before(tags[ccid][message].at) {
					continue
				}
				if tags[ccid] == nil {
					tags[ccid] = map[string]tag{}
				}
				tags[ccid][message] = tag{value, e.TS}
			}
			return store(req, events)
		}
		r.Page = func(w http.ResponseWriter, ccid string) {
			mu.Lock()
			defer mu.Unlock()
			rec := httptest.NewRecorder()
			r.State.Show(rec, ccid, ccid)
			if rec.Code != http.StatusOK {
				w.WriteHeader(rec.Code)
				return
			}
			shown := map[string]any{}
			for message, t := range tags[ccid] {
				shown[message] = t.value
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"customer": json.RawMessage(rec.Body.Bytes()), "tags": shown}) // the reader may be gone
		}
	}
}

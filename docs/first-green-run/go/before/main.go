// Command before is a first attempt at a receiver, as one writes it from the
// sample alone.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

type event struct {
	ID      string `json:"event_id"`
	Name    string `json:"event_name"`
	Payload struct {
		CCID    string `json:"ccid"`
		Consent string `json:"current_consent"`
	} `json:"payload"`
}

type customer struct {
	SMS, Consent string
	Clicks       int
}

var customers = map[string]*customer{}

func relay(w http.ResponseWriter, r *http.Request) {
	if _, password, _ := r.BasicAuth(); password != os.Getenv("RELAY_PASSWORD") {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	var e event
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		http.Error(w, fmt.Sprintf("cannot decode: %+v", err), http.StatusInternalServerError)
		return
	}
	c := customers[e.Payload.CCID]
	if c == nil {
		c = &customer{}
		customers[e.Payload.CCID] = c
	}
	switch e.Name {
	case "notification.attempted", "notification.delivered", "notification.undelivered":
		c.SMS = e.Name
	case "notification.auth_link_clicked":
		c.Clicks++
	case "channel_consent.update":
		c.Consent = e.Payload.Consent
	}
	w.WriteHeader(http.StatusAccepted)
}

func main() {
	http.HandleFunc("/relay", relay)
	http.HandleFunc("GET /customers/{ccid}", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(customers[r.PathValue("ccid")])
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

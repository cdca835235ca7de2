//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// planned is a line of send --dry-run.
type planned struct {
	Type, Body string
	EventID    string `json:"event_id"`
	LostAcks   int    `json:"lost_acks"`
}

// travelling is what of a body says whose event it is and when it happened.
type travelling struct {
	EventID   string    `json:"event_id"`
	EventName string    `json:"event_name"`
	EventTS   time.Time `json:"event_ts"`
	Payload   struct {
		CCID           string `json:"ccid"`
		NotificationID string `json:"notification_id"`
		MessageID      string `json:"message_id"`
	}
}

// foreseen judges a customer's deliveries by the plan alone.
type foreseen struct {
	newest time.Time
	came   map[string]bool // event ids, and what predecessors are known by
}

func (f *foreseen) badges(e *travelling) string {
	if f.came[e.EventID] {
		return "duplicate"
	}
	f.came[e.EventID] = true
	var out []string
	if e.EventTS.Before(f.newest) {
		out = append(out, "late")
	} else {
		f.newest = e.EventTS
	}
	needs := ""
	switch e.EventName {
	case "notification.attempted", "notification.not_attempted":
		f.came["sms "+e.Payload.NotificationID] = true
	case "message.delivered":
		f.came["feed "+e.Payload.MessageID] = true
	case "notification.delivered", "notification.undelivered", "notification.auth_link_clicked":
		needs = "sms " + e.Payload.NotificationID
	case "message.action_taken":
		needs = "feed " + e.Payload.MessageID
	}
	if needs != "" && !f.came[needs] {
		out = append(out, "early")
	}
	return strings.Join(out, "+")
}

// relayctl runs the command to its end and gives its NDJSON lines.
func relayctl(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("relayctl", args...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// What send plans to do to an app, listen says of it, event by event, and the
// app behind listen gets the same requests in the same order.
func TestBadgesAgreeWithThePlan(t *testing.T) {
	var mu sync.Mutex
	var app []string // bodies as they came
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		app = append(app, string(body))
	}))
	defer srv.Close()
	l := startBinary(t, "--forward", srv.URL, "--fail-on", "never")
	args := []string{"send", "--records", "60", "--seed", "5", "--start", "2026-01-31T12:00:00Z", "--reorder", "0.1", "--duplicates", "0.1",
		"--lost-acks", "0.1", "--time-scale", "0.0001", "--output", "json"}
	plan := relayctl(t, append(args, "--dry-run")...)
	relayctl(t, append(args, "--to", l.url)...)
	l.end(os.Interrupt)

	owner := make(map[string]string)
	want, got, sent, passed := map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{}
	models := make(map[string]*foreseen)
	kinds := make(map[string]int)
	for _, line := range plan {
		var p planned
		var e travelling
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		if p.Type != "planned" {
			continue
		}
		if err := json.Unmarshal([]byte(p.Body), &e); err != nil {
			t.Fatal(err)
		}
		who := e.Payload.CCID
		owner[e.EventID] = who
		if models[who] == nil {
			models[who] = &foreseen{came: make(map[string]bool)}
		}
		for range p.LostAcks + 1 {
			badges := models[who].badges(&e)
			kinds[badges]++
			want[who] = append(want[who], e.EventID+" "+badges)
			sent[who] = append(sent[who], p.Body)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(l.out.String()), "\n") {
		var r struct {
			Type    string
			EventID string `json:"event_id"`
			Badges  []string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Type == "receipt" {
			for i, b := range r.Badges {
				r.Badges[i], _, _ = strings.Cut(b, " ")
			}
			who := owner[r.EventID]
			got[who] = append(got[who], r.EventID+" "+strings.Join(r.Badges, "+"))
		}
	}
	for _, body := range app {
		var e travelling
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		passed[e.Payload.CCID] = append(passed[e.Payload.CCID], body)
	}
	for who := range want {
		if fmt.Sprint(got[who]) != fmt.Sprint(want[who]) {
			t.Errorf("customer %s:\n got %s\nwant %s", who, strings.Join(got[who], "\n     "), strings.Join(want[who], "\n     "))
		}
		if fmt.Sprint(passed[who]) != fmt.Sprint(sent[who]) {
			t.Errorf("customer %s: the app got other bytes, or in another order", who)
		}
	}
	if len(want) != 60 || kinds["duplicate"] < 20 || kinds["late"] < 5 || kinds["early"] < 2 {
		t.Errorf("the plan tests too little: %d customers, %v", len(want), kinds)
	}
}

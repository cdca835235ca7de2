//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"relayctl/fixtures"
	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
	"relayctl/internal/sim/plan"
)

// sentEvent is what a body says of whose event it is and when it happened.
type sentEvent struct {
	EventID   string    `json:"event_id"`
	EventName string    `json:"event_name"`
	EventTS   time.Time `json:"event_ts"`
	Payload   struct {
		CCID           string `json:"ccid"`
		ChannelAddr    string `json:"channel_addr"`
		NotificationID string `json:"notification_id"`
		MessageID      string `json:"message_id"`
	}
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

// linesOf decodes the NDJSON lines of a type.
func linesOf[T any](t *testing.T, lines []string, kind string) []T {
	t.Helper()
	var out []T
	for _, line := range lines {
		var head struct{ Type string }
		var v T
		if err := errors.Join(json.Unmarshal([]byte(line), &head), json.Unmarshal([]byte(line), &v)); err != nil {
			t.Fatal(err)
		}
		if head.Type == kind {
			out = append(out, v)
		}
	}
	return out
}

// journal is what happened to customers, in the order of each one's calls.
type journal map[string][]string

func (j journal) add(customer, format string, args ...any) {
	j[customer] = append(j[customer], fmt.Sprintf(format, args...))
}

// same fails unless the journal of who has the same lines as the wanted one.
func (j journal) same(t *testing.T, who string, want journal) {
	t.Helper()
	for customer := range want {
		if !slices.Equal(j[customer], want[customer]) {
			t.Errorf("%s, customer %s:\n got %s\nwant %s", who, customer, strings.Join(j[customer], "\n     "), strings.Join(want[customer], "\n     "))
		}
	}
	if len(j) != len(want) {
		t.Errorf("%s: %d customers, want %d", who, len(j), len(want))
	}
}

// failures are the events whose first call an app answers 500.
type failures map[string]bool

func (m failures) answer(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	first := !m[id]
	m[id] = true
	if first && h.Sum32()%6 == 0 {
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// failingApp notes what it gets. It is safe for concurrent use.
type failingApp struct {
	mu       sync.Mutex
	failures failures
	got      journal
}

func (a *failingApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var e sentEvent
	_ = json.Unmarshal(body, &e) // what cannot be read shows in the journal
	a.mu.Lock()
	defer a.mu.Unlock()
	status := a.failures.answer(e.EventID)
	a.got.add(e.Payload.CCID, "%d %s", status, body)
	w.WriteHeader(status)
}

// number says when a customer's number last joined or left.
type number struct {
	at    time.Time
	joins bool
}

// foreseen tells from the plan and the app's answers alone how listen has to judge a customer's
// calls.
type foreseen struct {
	newest   time.Time
	came     map[string]bool // what predecessors are known by
	numbers  map[string]number
	attempts map[string]int  // of each event since it was accepted
	accepted map[string]bool // of its last call
	ever     map[string]bool // of any call
}

// call gives the attempt and the badges that listen has to give to a call.
func (f *foreseen) call(e *sentEvent, status int) (attempt int, badges []string) {
	if f.accepted[e.EventID] {
		badges = append(badges, "duplicate")
		f.attempts[e.EventID] = 0
	}
	f.attempts[e.EventID]++
	if attempt = f.attempts[e.EventID]; attempt > 1 {
		badges = append(badges, fmt.Sprintf("attempt %d/4", attempt))
	}
	if !f.ever[e.EventID] {
		badges = append(badges, f.order(e)...)
	}
	f.accepted[e.EventID] = status == http.StatusOK
	f.ever[e.EventID] = f.ever[e.EventID] || status == http.StatusOK
	return attempt, badges
}

// order gives the badges of an event that is older than what its customer has
// shown, or that lacks its predecessor.
func (f *foreseen) order(e *sentEvent) (badges []string) {
	if by := f.newest.Sub(e.EventTS); by > 0 {
		badges = append(badges, judge.Badge{Kind: judge.Late, By: by}.String())
	} else {
		f.newest = e.EventTS
	}
	lacks := false
	switch p := &e.Payload; e.EventName {
	case "notification.attempted", "notification.not_attempted":
		f.came["sms "+p.NotificationID] = true
	case "message.delivered":
		f.came["feed "+p.MessageID] = true
	case "notification.delivered", "notification.undelivered", "notification.auth_link_clicked":
		lacks = !f.came["sms "+p.NotificationID]
	case "message.action_taken":
		lacks = !f.came["feed "+p.MessageID]
	case "notification_channel.add", "notification_channel.remove":
		if n := (number{e.EventTS, e.EventName == "notification_channel.add"}); !n.at.Before(f.numbers[p.ChannelAddr].at) {
			f.numbers[p.ChannelAddr] = n
		}
	case "account.deactivate":
		for _, n := range f.numbers {
			lacks = lacks || n.joins
		}
	}
	if lacks {
		badges = append(badges, "early")
	}
	return badges
}

// story is what has to happen when a plan is carried out: what the sender tells,
// what listen tells, and what reaches the app.
type story struct {
	owner                     map[string]string // of each event
	attempts, receipts, calls journal
	kinds                     map[string]int // of badges
}

func storyOf(t *testing.T, plan []string) story {
	t.Helper()
	s := story{owner: make(map[string]string), attempts: make(journal), receipts: make(journal), calls: make(journal), kinds: make(map[string]int)}
	app := make(failures)
	models := make(map[string]*foreseen)
	type planned struct {
		Body     string
		LostAcks int `json:"lost_acks"`
	}
	for _, p := range linesOf[planned](t, plan, "planned") {
		var e sentEvent
		if err := json.Unmarshal([]byte(p.Body), &e); err != nil {
			t.Fatal(err)
		}
		who := e.Payload.CCID
		s.owner[e.EventID] = who
		if models[who] == nil {
			models[who] = &foreseen{came: make(map[string]bool), numbers: make(map[string]number), attempts: make(map[string]int), accepted: make(map[string]bool), ever: make(map[string]bool)}
		}
		for n, done := 1, false; !done; n++ {
			status := app.answer(e.EventID)
			attempt, badges := models[who].call(&e, status)
			s.attempts.add(who, "%s attempt %d: %d, lost %v", e.EventID, n, status, n <= p.LostAcks)
			s.receipts.add(who, "%s attempt %d: %d %s", e.EventID, attempt, status, badges)
			s.calls.add(who, "%d %s", status, p.Body)
			for _, b := range badges {
				kind, _, _ := strings.Cut(b, " ")
				s.kinds[kind]++
			}
			done = status == http.StatusOK && n > p.LostAcks
		}
	}
	return s
}

// toldBySender is what send --output json tells of its calls.
func toldBySender(t *testing.T, lines []string, owner map[string]string) journal {
	t.Helper()
	type attempt struct {
		EventID    string `json:"event_id"`
		Attempt    int
		Status     int
		LostAck    bool `json:"lost_ack"`
		LostStatus int  `json:"lost_status"`
	}
	j := make(journal)
	for _, a := range linesOf[attempt](t, lines, "attempt") {
		j.add(owner[a.EventID], "%s attempt %d: %d, lost %v", a.EventID, a.Attempt, a.Status+a.LostStatus, a.LostAck)
	}
	return j
}

// toldByListen is what listen --output json tells.
func toldByListen(t *testing.T, lines []string, owner map[string]string) journal {
	t.Helper()
	type receipt struct {
		EventID  string `json:"event_id"`
		Attempt  int
		Status   int
		Badges   []string
		Findings []any
	}
	j := make(journal)
	for _, r := range linesOf[receipt](t, lines, "receipt") {
		j.add(owner[r.EventID], "%s attempt %d: %d %s", r.EventID, r.Attempt, r.Status, r.Badges)
		if len(r.Findings) > 0 {
			t.Errorf("%s: %v", r.EventID, r.Findings)
		}
	}
	return j
}

func keptIn(t *testing.T, path string, owner map[string]string) journal {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	j := make(journal)
	for r := capture.NewReader(f); ; {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return j
		}
		if err != nil {
			t.Fatal(err)
		}
		j.add(owner[rec.EventID], "%d %s", rec.Status, rec.Body)
	}
}

// scenariosSentTogether are the scenarios that set nothing for a run of their own, but
// for the time scale, which the caller sets.
func scenariosSentTogether(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		sc, err := plan.ParseScenario(name, text)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(sc.Presets, func(p plan.Preset) bool { return p.Flag != "time-scale" }) {
			names = append(names, name)
		}
	}
	return names
}

// What the plan of send says of each call is what listen says of it, what the app behind
// listen gets, in the same order, and what the capture keeps. The app fails now and then, so
// that answers of 200 and of 500 are lost.
func TestBadgesAgreeWithThePlan(t *testing.T) {
	t.Parallel()
	for name, what := range map[string][]string{"campaign": {"--records", "60"}, "scenarios": append(scenariosSentTogether(t), "--count", "2")} {
		t.Run(name, func(t *testing.T) {
			app := &failingApp{failures: make(failures), got: make(journal)}
			srv := httptest.NewServer(app)
			defer srv.Close()
			file := filepath.Join(t.TempDir(), "c.jsonl")
			l := startBinary(t, "--forward", srv.URL, "--fail-on", "never", "--capture", file)
			args := append([]string{
				"send", "--seed", "5", "--start", "2026-01-31T12:00:00Z", "--reorder", "0.1", "--duplicates", "0.1",
				"--lost-acks", "0.1", "--time-scale", "0.0001", "--output", "json",
			}, what...)
			want := storyOf(t, relayctl(t, append(args, "--dry-run")...))
			sent := relayctl(t, append(args, "--to", l.url)...)
			l.end(os.Interrupt)
			toldBySender(t, sent, want.owner).same(t, "the sender", want.attempts)
			toldByListen(t, strings.Split(strings.TrimSpace(l.out.String()), "\n"), want.owner).same(t, "listen", want.receipts)
			app.got.same(t, "the app", want.calls)
			keptIn(t, file, want.owner).same(t, "the capture", want.calls)
			for kind, least := range map[string]int{"duplicate": 20, "attempt": 20, "late": 5, "early": 2} {
				if want.kinds[kind] < least {
					t.Errorf("the plan tests too little: %v", want.kinds)
				}
			}
		})
	}
}

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

func receipt(id, name string, badges ...judge.Badge) *judge.Receipt {
	return &judge.Receipt{
		Event: event.Envelope{ID: id, Name: name, Raw: []byte(`{}`)}, Status: 200, Badges: badges,
		Findings: []event.Finding{{Clause: "R-TOLERANT", Level: event.Warning, Path: "payload." + id, Message: strings.Repeat("long ", 40)}},
	}
}

func TestLinesFitTheTerminal(t *testing.T) {
	late := judge.Badge{Kind: judge.Late, By: 3200 * time.Millisecond}
	early := judge.Badge{Kind: judge.Early, After: "notification.attempted"}
	for _, width := range []int{80, 120} {
		for _, r := range []*judge.Receipt{
			receipt("ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha", "notification.auth_link_clicked", late, early, judge.Badge{Kind: judge.Conflict}),
			receipt(strings.Repeat("😀", 60), strings.Repeat("漢字", 40), late),
			receipt("x\x1b[2J\r\n\u202e", "a\u0301.b"),
		} {
			var out bytes.Buffer
			st := term.NewStyle(&out, term.ColorNever)
			st.Width = width
			if err := shown(NewListenText(&out, st, false), r); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				line = strings.TrimSuffix(line, "\n")
				if w := term.Columns(line); w > width || strings.ContainsFunc(line, unicode.IsControl) {
					t.Errorf("%d of %d columns: %q", w, width, line)
				}
			}
		}
	}
}

// A window is resized while listen runs in it.
func TestLinesFollowTheTerminal(t *testing.T) {
	var out bytes.Buffer
	st := term.NewStyle(&out, term.ColorNever)
	st.Width = 120
	l := NewListenText(&out, st, false)
	for _, width := range []int{80, 60} {
		out.Reset()
		st.Columns = func() int { return width }
		if err := shown(l, receipt("a", "message.delivered")); err != nil {
			t.Fatal(err)
		}
		longest := 0
		for line := range strings.Lines(out.String()) {
			longest = max(longest, term.Columns(strings.TrimSuffix(line, "\n")))
		}
		if longest > width || longest < width-10 {
			t.Errorf("%d of %d columns", longest, width)
		}
	}
}

func TestAttemptsFitTheTerminal(t *testing.T) {
	id := "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha"
	d := &plan.Delivery{Events: []plan.EventRef{{ID: id, Name: "notification.auth_link_clicked", CCID: "123456789"}}}
	for _, width := range []int{80, 95, 96, 110, 120} {
		var out bytes.Buffer
		st := term.NewStyle(&out, term.ColorNever)
		st.Width = width
		s := NewSendText(&out, st)
		for _, wait := range []time.Duration{100 * time.Millisecond, 30 * time.Second, 2 * time.Minute} {
			s.Attempt(&sim.Attempt{Delivery: d, Number: 1, Of: 4, Status: 500, Latency: 9999 * time.Millisecond, Retry: true, RetryIn: wait})
		}
		s.Attempt(&sim.Attempt{Delivery: d, Number: 4, Of: 4, Failure: wire.Timeout, Latency: 10 * time.Second, Outcome: sim.GivenUp})
		s.Attempt(&sim.Attempt{Delivery: d, Number: 4, Of: 4, Failure: wire.Timeout, LostAck: true, Latency: 10 * time.Second, Outcome: sim.Skipped})
		s.Attempt(&sim.Attempt{Delivery: d, Number: 1, Of: 4, Failure: wire.Interrupted, Latency: 10 * time.Second, Outcome: sim.Skipped})
		s.Attempt(&sim.Attempt{Delivery: d, Number: 2, Of: 4, Status: 200, Latency: time.Millisecond, Outcome: sim.Accepted})
		sum := sim.Summary{Events: 3, Deliveries: 3, Attempts: 5, Outcomes: sim.Outcomes{Accepted: 1}, Statuses: map[int]int{500: 3, 200: 1}}
		sum.Outage.WorstDelay = 162*time.Second + 345*time.Millisecond
		if err := s.Finish(sum, nil); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if w := term.Columns(strings.TrimSuffix(line, "\n")); w > width {
				t.Errorf("%d of %d columns: %q", w, width, line)
			}
		}
		retry, lostAck := " retry in ", " lost ack   10s\n"
		if width < 96 {
			retry, lostAck = " retry ", " lost ack  10s\n"
		}
		for _, whole := range []string{" 123456789 ", retry + "100ms\n", retry + "30s\n", retry + "2m\n", " interrupted 10s\n", lostAck, " accepted\n"} {
			if !strings.Contains(out.String(), whole) {
				t.Errorf("at %d columns no %q:\n%s", width, whole, out.String())
			}
		}
	}
}

// Why an attempt failed is said with the first of its kind, also where it is
// tried again, and not with every one that follows.
func TestAFailureIsExplainedOnce(t *testing.T) {
	var out bytes.Buffer
	s := NewSendText(&out, term.NewStyle(&out, term.ColorNever))
	d := &plan.Delivery{Events: []plan.EventRef{{ID: "a", Name: "message.delivered"}}}
	for n := 1; n <= 4; n++ {
		s.Attempt(&sim.Attempt{Delivery: d, Number: n, Of: 4, Failure: wire.Connect, Detail: "connection refused", Retry: n < 4})
	}
	s.Attempt(&sim.Attempt{Delivery: d, Number: 1, Of: 4, Failure: wire.Connect, Detail: "no route", Retry: true})
	s.Flush()
	first, _, _ := strings.Cut(out.String(), " 2/4 ")
	if !strings.Contains(first, "connection refused") || strings.Count(out.String(), "connection refused") != 1 || !strings.Contains(out.String(), "no route") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestPlansAreRounded(t *testing.T) {
	var out bytes.Buffer
	p := NewPlan(&out, term.NewStyle(&out, term.ColorNever), false)
	p.Delivery(&plan.Delivery{Events: []plan.EventRef{{ID: "a", Name: "message.delivered"}}, Arrives: 276871732306})
	if err := p.Finish(1); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "    1    4m36.872s  message.delivered") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestColourOnlyWhereItIsWanted(t *testing.T) {
	for mode, want := range map[term.ColorMode]bool{term.ColorAuto: false, term.ColorNever: false, term.ColorAlways: true} {
		var out bytes.Buffer
		if err := shown(NewListenText(&out, term.NewStyle(&out, mode), true), receipt("a", "message.delivered")); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "\x1b["); got != want {
			t.Errorf("%s: colours %v", mode, got)
		}
	}
}

func TestSendJSONHasTheBindingFields(t *testing.T) {
	var out bytes.Buffer
	s := NewSendJSON(&out)
	d := &plan.Delivery{Events: []plan.EventRef{{ID: "a", Name: "message.delivered"}}}
	s.Attempt(&sim.Attempt{Delivery: d, Number: 1, Of: 4, Failure: wire.Timeout, Latency: 1500 * time.Microsecond, SentAt: time.UnixMilli(0)})
	s.Attempt(&sim.Attempt{Delivery: d, Number: 2, Of: 4, Status: 200})
	s.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Accepted, Attempts: 2})
	if err := s.Finish(sim.Summary{Events: 1, Statuses: map[int]int{200: 1}, Seed: 7}, nil); err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	for line := range strings.Lines(out.String()) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	first, second, outcome, sum := objects[0], objects[1], objects[2], objects[3]
	if first["type"] != "attempt" || first["status"] != nil || first["error"] != "timeout" || first["latency_ms"] != 1.5 || first["sent_at"] != "1970-01-01T00:00:00.000Z" {
		t.Errorf("%v", first)
	}
	if second["status"] != 200.0 || second["error"] != nil || outcome["outcome"] != "accepted" || outcome["attempts"] != 2.0 {
		t.Errorf("%v %v", second, outcome)
	}
	for _, key := range []string{"events", "attempts", "accepted", "retried", "given_up", "refused", "statuses", "latency_ms", "rate_per_s", "seed"} {
		if _, ok := sum[key]; !ok {
			t.Errorf("the summary lacks %s", key)
		}
	}
}

// Whoever follows an event by its id finds it in a batch too, also in one of a
// single member, and a body without a readable event still has the fields.
func TestSendJSONNamesEveryEventOfABatch(t *testing.T) {
	a, b := plan.EventRef{ID: "a", Name: "message.delivered", CCID: "7"}, plan.EventRef{ID: "b", Name: "message.undelivered"}
	for _, tc := range []struct {
		d       plan.Delivery
		attempt string
		want    []string
	}{
		{plan.Delivery{Events: []plan.EventRef{a, b}, Body: []byte(`[{},{}]`)}, `"event_ids":["a","b"],"ccids":["7",""]`, []string{
			`{"type":"delivery","event_id":"a","event_name":"message.delivered","ccid":"7","outcome":"accepted","attempts":1}`,
			`{"type":"delivery","event_id":"b","event_name":"message.undelivered","ccid":"","outcome":"accepted","attempts":1}`,
		}},
		{plan.Delivery{Events: []plan.EventRef{b}, Body: []byte(`{"batch":[{}]}`)}, `"event_ids":["b"]`, []string{
			`{"type":"delivery","event_id":"b","event_name":"message.undelivered","ccid":"","outcome":"accepted","attempts":1}`,
		}},
		{plan.Delivery{Body: []byte("[]")}, `"event_id":"","event_name":"","ccid":""`, []string{
			`{"type":"delivery","event_id":"","event_name":"","ccid":"","outcome":"accepted","attempts":1}`,
		}},
	} {
		var out bytes.Buffer
		s := NewSendJSON(&out)
		s.Attempt(&sim.Attempt{Delivery: &tc.d, Number: 1, Of: 4, Status: 200})
		s.Outcome(&sim.Outcome{Delivery: &tc.d, Kind: sim.Accepted, Attempts: 1})
		s.Flush()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if !strings.Contains(lines[0], tc.attempt) {
			t.Errorf("attempt %s, want %s", lines[0], tc.attempt)
		}
		if !slices.Equal(lines[1:], tc.want) {
			t.Errorf("outcome %q, want %q", lines[1:], tc.want)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteErrorsAreTold(t *testing.T) {
	if err := NewSendJSON(fullDisk{}).Finish(sim.Summary{}, nil); err == nil {
		t.Error("NDJSON")
	}
	if err := NewSendText(fullDisk{}, term.NewStyle(fullDisk{}, term.ColorNever)).Finish(sim.Summary{}, nil); err == nil {
		t.Error("text")
	}
	if err := shown(NewListenText(fullDisk{}, term.NewStyle(fullDisk{}, term.ColorNever), false), receipt("a", "b")); err == nil {
		t.Error("receipt")
	}
}

func shown(l interface {
	Receipt(*judge.Receipt)
	Flush() error
}, r *judge.Receipt,
) error {
	l.Receipt(r)
	return l.Flush()
}

// Where tokens are issued, the banner says how to get the one that the line
// to try it needs.
func TestBannerTellsWhereTheTokenComesFrom(t *testing.T) {
	var b strings.Builder
	l := NewListenText(&b, term.NewStyle(&b, term.ColorNever), false)
	if err := l.Listening(Banner{URL: "https://127.0.0.1:8443/", CA: "/c/ca.pem", Auth: ` -H "Authorization: Bearer $TOKEN"`, Token: ` -u "$CLIENT_ID:$CLIENT_SECRET"`}); err != nil {
		t.Fatal(err)
	}
	want := "  token curl --cacert /c/ca.pem -u \"$CLIENT_ID:$CLIENT_SECRET\" -d grant_type=client_credentials https://127.0.0.1:8443/oauth/token\n  try "
	if !strings.Contains(b.String(), want) {
		t.Error(b.String())
	}
}

// An app whose URL has no path gets the path of the request: the banner says where it goes.
func TestBannerTellsWhereThePathGoes(t *testing.T) {
	const note = "; its path goes after the address, as in http://127.0.0.1:8443/relay\n"
	for app, want := range map[string]bool{"http://127.0.0.1:3000": true, "http://127.0.0.1:3000/": false, "http://127.0.0.1:3000/relay": false} {
		var b strings.Builder
		l := NewListenText(&b, term.NewStyle(&b, term.ColorNever), false)
		if err := l.Listening(Banner{URL: "http://127.0.0.1:8443/", Apps: []string{app}}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "  app  "+app+note) != want {
			t.Errorf("%s: %s", app, b.String())
		}
	}
}

func TestWhatIsSentAgainIsNamedBriefly(t *testing.T) {
	event := plan.EventRef{ID: "b98185e8-8a01-406f-a9e9-a62a2e437da7", Name: "message.delivered"}
	for n, want := range map[int]string{
		0: "",
		1: "1 in flight when it ended, sent again: b9818…37da7",
		7: "7 in flight when it ended, sent again: " + strings.Repeat("b9818…37da7, ", 5) + "and 2 more (--output json names all)",
	} {
		if got := resumedText(&sim.Summary{Resent: slices.Repeat([]plan.EventRef{event}, n)}); got != want {
			t.Errorf("of %d: %q, want %q", n, got, want)
		}
	}
}

// A time that there is not is null or what was written, never the year 1.
func TestNoTimeIsNotTheYearOne(t *testing.T) {
	sum := sim.Summary{Outage: sim.Outage{Failed: 1, DeliveredLate: 1, WorstDelay: time.Minute}}
	journeys := []judge.Journey{{Customer: "1", Events: []judge.JourneyEvent{{ID: "a", TSText: "soon", Arrivals: []judge.Arrival{{}}}}}}
	for _, v := range []any{sendSummary(&sum, nil), recentsJSON(journeys)} {
		text, err := json.Marshal(v)
		if err != nil || bytes.Contains(text, []byte("0001-01-01")) {
			t.Errorf("%v %s", err, text)
		}
	}
}

package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/recv"
)

// ended is what the summary looks like on a terminal of that width, 0 for none.
func ended(t *testing.T, width int, s recv.Summary) string {
	t.Helper()
	var b strings.Builder
	st := NewStyle(&b, ColorNever)
	st.Width = width
	if err := NewListenText(&b, st, false).Finish(s, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestJourneysEndInNoBlank(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	got := ended(t, 0, recv.Summary{Journeys: []recv.RecentJourney{{Customer: "1001", Events: []recv.RecentEvent{
		{ID: "a", Name: "message.delivered", TS: at, Accepted: true},
		{ID: "b", TS: at, Badges: []recv.Badge{{Kind: recv.Duplicate}}},
	}}}})
	want := "  customer 1001 in true order, UTC\n" +
		"    12:00:00.000 message.delivered              a\n" +
		"    12:00:00.000 (no event_name)                b           not accepted, duplicate\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestJourneysSayAllAt80Columns(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	got := ended(t, 80, recv.Summary{Journeys: []recv.RecentJourney{{Customer: "1001", Events: []recv.RecentEvent{{
		ID: "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha", Name: "notification.auth_link_clicked", TS: at,
		Badges: []recv.Badge{{Kind: recv.Late, By: 53900 * time.Millisecond}},
	}}}}})
	if want := "    12:00:00.000 notification.auth_link_clicked b9…da7 not accepted, late 53.9s\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSummaryNamesWhatWasFound(t *testing.T) {
	ts := event.Finding{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: `"yesterday" is no ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`}
	odd := event.Finding{Clause: "R-TOLERANT", Level: event.Warning, Path: "payload." + strings.Repeat("x", 90) + "\x1b[2J", Message: "unknown property"}
	got := ended(t, 80, recv.Summary{Requests: 9, Events: 9, Errors: 1, Warnings: 7, Found: []recv.Found{
		{Finding: ts, Name: "billing.paid", First: "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha", Count: 1},
		{Finding: odd, Count: 3},
	}})
	want := `  9 requests, 9 events
  findings 1 error, 7 warnings
    error R-TS event_ts: "yesterday" is no ISO 8601 date and time such as
          2022-04-12T14:53:11.958Z (billing.paid
          b98185e8-8a01-406f-a9e9-a62a2e437da7)
    warning R-TOLERANT
            payload.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
            unknown property (3 × no event_name)
    and 4 more
`
	if !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A body without an event is told from an event without a name.
func TestReceiptWithoutAName(t *testing.T) {
	for want, raw := range map[string][]byte{"(no event_name)": []byte(`{}`), "(no event)": nil} {
		var b strings.Builder
		if err := shown(NewListenText(&b, NewStyle(&b, ColorNever), false), &recv.Receipt{Event: event.Envelope{Raw: raw}}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q lacks %q", b.String(), want)
		}
	}
}

// What carried no event is known by its request; a secret in its query is not
// shown. JSON has the request of every receipt, and the body where asked for.
func TestReceiptsNameTheirRequest(t *testing.T) {
	refused := recv.Receipt{Method: "GET", Path: "/hook?token=s3cret&x=\x1b" + strings.Repeat("y", 90), Status: 405, Answer: "only POST carries an event"}
	whole := recv.Receipt{Method: "POST", Path: "/hook", Status: 200, Event: event.Envelope{Raw: []byte(`{"a": 1}`)}}
	odd := recv.Receipt{Status: 200, Event: event.Envelope{Raw: []byte{0xff}}}
	var b strings.Builder
	if err := shown(NewListenText(&b, NewStyle(&b, ColorNever), false), &refused); err != nil {
		t.Fatal(err)
	}
	if want := "             GET /hook?token=[redacted]&x=\\x1byyyyyyyyyyyyyyyyyyyyyyyyyy…: only POST carries an event\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	for _, verbose := range []bool{false, true} {
		for _, r := range []*recv.Receipt{&refused, &whole, &odd} {
			if err := shown(NewListenJSON(&b, verbose), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, n := range map[string]int{`"method":"GET","path":"/hook?token=[redacted]`: 2, `"method":"POST","path":"/hook"`: 2, `"body":"{\"a\": 1}"`: 1, `"body_base64":"/w=="`: 1, "body": 2, "s3cret": 0} {
		if got := strings.Count(b.String(), what); got != n {
			t.Errorf("%d × %s, not %d, in\n%s", got, what, n, b.String())
		}
	}
}

// A finding that does not fit on a line is nothing to guess.
func TestFindingsAreShownWhole(t *testing.T) {
	const message = `"2026-01-31" is no ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`
	found := []event.Finding{{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: message}}
	var listen, inspect strings.Builder
	st := NewStyle(&listen, ColorNever)
	st.Width = 80
	if err := shown(NewListenText(&listen, st, false), &recv.Receipt{Status: 200, Findings: found}); err != nil {
		t.Fatal(err)
	}
	journey := recv.Journey{Customer: "1", Events: []recv.JourneyEvent{{Arrivals: []recv.Arrival{{Seq: 1, Status: 200, Findings: found}}}}}
	if err := NewInspectText(&inspect, st).Journey(&journey, 0); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		listen.String(): `
             error R-TS event_ts: "2026-01-31" is no ISO 8601 date and time
               such as 2022-04-12T14:53:11.958Z
`,
		inspect.String(): `
               │ error R-TS event_ts: "2026-01-31" is no ISO 8601 date and time
               │ such as 2022-04-12T14:53:11.958Z
`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant%s", got, want)
		}
	}
}

// What is nested deeply is shown whole, but not indented.
func TestDeepEventIsNotIndented(t *testing.T) {
	for raw, lines := range map[string]int{
		`{"a":"[[[[[[[[[[[[[[[[[[[[","b":"\"{{{{{{{{{{{{{{{{{{{{"}`:             4,
		`{"a":` + strings.Repeat("[", 15) + "1" + strings.Repeat("]", 15) + `}`: 33,
		`{"a":` + strings.Repeat("[", 16) + "1" + strings.Repeat("]", 16) + `}`: 1,
		strings.Repeat("[", 20000): 1,
	} {
		var b strings.Builder
		l := NewListenText(&b, NewStyle(&b, ColorNever), true)
		if err := shown(l, &recv.Receipt{Status: 200, Event: event.Envelope{Raw: []byte(raw)}}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n") - 1; got != lines {
			t.Errorf("%.40s: %d lines, not %d", raw, got, lines)
		}
	}
}

// JSON is read on terminals too.
func TestJSONControlsNoTerminal(t *testing.T) {
	const id = "a\x1b[2J\x7f\u009b31m\u202e\u2066\ufeff\u2028é\U0001f600"
	var b strings.Builder
	l := NewListenJSON(&b, false)
	l.Receipt(&recv.Receipt{Status: 200, Event: event.Envelope{ID: id, Name: id, TSText: id}})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSuffix(b.String(), "\n")
	if strings.ContainsFunc(line, unsafeRune) {
		t.Errorf("unescaped: %q", line)
	}
	var got receiptJSON
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.EventID != id || got.EventTS != id {
		t.Errorf("%q, %v", got.EventID, err)
	}
}

package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// ended is what the summary looks like on a terminal of that width, 0 for none.
func ended(t *testing.T, width int, s judge.Summary) string {
	t.Helper()
	var b strings.Builder
	st := term.NewStyle(&b, term.ColorNever)
	st.Width = width
	if err := NewListenText(&b, st, false).Finish(s, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestJourneysEndInNoBlank(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	got := ended(t, 0, judge.Summary{Journeys: []judge.Journey{{Customer: "1001", Events: []judge.JourneyEvent{
		{ID: "a", Name: "message.delivered", TS: at, Arrivals: []judge.Arrival{{Status: 200}}},
		{ID: "b", TS: at, Arrivals: []judge.Arrival{{Badges: []judge.Badge{{Kind: judge.Duplicate}}}}},
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
	got := ended(t, 80, judge.Summary{Journeys: []judge.Journey{{Customer: "1001", Events: []judge.JourneyEvent{{
		ID: "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha", Name: "notification.auth_link_clicked", TS: at,
		Arrivals: []judge.Arrival{{Badges: []judge.Badge{{Kind: judge.Late, By: 53900 * time.Millisecond}}}, {Badges: []judge.Badge{{Kind: judge.Duplicate}, {Kind: judge.Early}}}},
	}}}}})
	if want := "    12:00:00.000 notification.auth_link_clicked not accepted, late 53.9s,\n" +
		strings.Repeat(" ", 48) + "duplicate, early\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestSummaryNamesWhatWasFound(t *testing.T) {
	ts := event.Finding{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: `"yesterday" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`}
	odd := event.Finding{Clause: "R-TOLERANT", Level: event.Warning, Path: "payload." + strings.Repeat("x", 90) + "\x1b[2J", Message: "unknown property"}
	got := ended(t, 80, judge.Summary{Requests: 9, Events: 9, Errors: 1, Warnings: 7, Found: []judge.Found{
		{Finding: ts, Name: "billing.paid", First: "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha", Count: 1},
		{Finding: odd, Count: 3},
	}})
	want := `  9 requests, 9 events
  findings 1 error, 7 warnings
    error R-TS event_ts: "yesterday" is not an ISO 8601 date and time such as
          2022-04-12T14:53:11.958Z (billing.paid b9818…37da7)
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
		if err := shown(NewListenText(&b, term.NewStyle(&b, term.ColorNever), false), &judge.Receipt{Event: event.Envelope{Raw: raw}}); err != nil {
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
	refused := judge.Receipt{Method: "GET", Path: "/hook?token=s3cret&x=\x1b" + strings.Repeat("y", 90), Status: 405, Answer: "only POST carries an event"}
	whole := judge.Receipt{Method: "POST", Path: "/hook", Status: 200, Event: event.Envelope{Raw: []byte(`{"a": 1}`)}}
	odd := judge.Receipt{Status: 200, Event: event.Envelope{Raw: []byte{0xff}}}
	var b strings.Builder
	if err := shown(NewListenText(&b, term.NewStyle(&b, term.ColorNever), false), &refused); err != nil {
		t.Fatal(err)
	}
	if want := "             GET /hook?token=[redacted]&x=\\x1byyyyyyyyyyyyyyyyyyyyyyyyyy…: only POST carries an event\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	for _, verbose := range []bool{false, true} {
		for _, r := range []*judge.Receipt{&refused, &whole, &odd} {
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
	const message = `"2026-01-31" is not an ISO 8601 date and time such as 2022-04-12T14:53:11.958Z`
	found := []event.Finding{{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: message}}
	var listen, inspect strings.Builder
	st := term.NewStyle(&listen, term.ColorNever)
	st.Width = 80
	if err := shown(NewListenText(&listen, st, false), &judge.Receipt{Status: 200, Findings: found}); err != nil {
		t.Fatal(err)
	}
	journey := judge.Journey{Customer: "1", Events: []judge.JourneyEvent{{Arrivals: []judge.Arrival{{Seq: 1, Status: 200, Findings: found}}}}}
	if err := NewInspectText(&inspect, st).Journey(&journey, 0); err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		listen.String(): `
             error R-TS event_ts: "2026-01-31" is not an ISO 8601 date and
               time such as 2022-04-12T14:53:11.958Z
`,
		inspect.String(): `
               │ error R-TS event_ts: "2026-01-31" is not an ISO 8601 date and
               │ time such as 2022-04-12T14:53:11.958Z
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
		l := NewListenText(&b, term.NewStyle(&b, term.ColorNever), true)
		if err := shown(l, &judge.Receipt{Status: 200, Event: event.Envelope{Raw: []byte(raw)}}); err != nil {
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
	l.Receipt(&judge.Receipt{Status: 200, Event: event.Envelope{ID: id, Name: id, TSText: id}})
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSuffix(b.String(), "\n")
	if strings.ContainsFunc(line, term.Unsafe) {
		t.Errorf("unescaped: %q", line)
	}
	var got receiptJSON
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.EventID != id || got.EventTS != id {
		t.Errorf("%q, %v", got.EventID, err)
	}
}

// A line says who gave the answer; below it stands what the app said, and that it
// does not answer only once.
func TestLinesSayWhoAnswered(t *testing.T) {
	var b strings.Builder
	l := NewListenText(&b, term.NewStyle(&b, term.ColorNever), false)
	env := event.Envelope{Raw: []byte("{}"), ID: "1", Name: "message.delivered"}
	failed := &capture.App{Status: 500, Body: []byte("\n Traceback \x1b[31m\nmore"), Latency: 1300 * time.Microsecond}
	down := judge.Receipt{Event: env, Status: 500, By: judge.ByApp, AppTook: time.Millisecond, Answer: "app: connection refused", App: &capture.App{Error: "connection refused"}}
	for _, r := range []judge.Receipt{
		{Event: env, Status: 500, By: judge.ByApp, AppTook: failed.Latency, Answer: "by the app", App: failed},
		{Event: env, Status: 500, By: judge.ByScript, Answer: "by script"},
		down, down,
		{Event: env, Status: 200, By: judge.ByApp, AppTook: time.Millisecond, Answer: "by the app"},
		down,
	} {
		l.Receipt(&r)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if _, rest, ok := strings.Cut(line, "  1 "); ok {
			line = rest
		}
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{"500 app 1.3ms", `Traceback \x1b[31m`, "500 script", "500 app 1ms", "app: connection refused", "500 app 1ms", "200 app 1ms", "500 app 1ms", "app: connection refused"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// recordOf makes the record of an event; at counts seconds from the beginning.
func recordOf(at, ts int, id, name, rest string, status, attempt int, badges ...string) *capture.Record {
	begin := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	body := fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":%q,"payload":{%s}}`, id, name, event.FormatTS(begin.Add(time.Duration(ts)*time.Second)), rest)
	return &capture.Record{
		ReceivedAt: begin.Add(time.Duration(at) * time.Second), Method: "POST", Path: "/", Body: []byte(body), Status: status,
		EventID: id, EventName: name, Attempt: attempt, Badges: badges,
	}
}

// sketch writes journeys down in short: events in true order, what they lack,
// and for each arrival its number, status and badges.
func sketch(journeys []Journey) string {
	var lines []string
	for _, j := range journeys {
		for _, e := range j.Events {
			var arrivals []string
			for _, a := range e.Arrivals {
				arrivals = append(arrivals, strings.TrimSpace(fmt.Sprintf("#%d %d %s", a.Seq, a.Status, strings.Join(BadgeTexts(a.Badges), "+"))))
			}
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s %s", j.Customer, e.ID, strings.Join(arrivals, ", "), e.Lacks)))
		}
	}
	return strings.Join(lines, "\n")
}

func TestInspection(t *testing.T) {
	const c, n = `"ccid":"c"`, `"ccid":"c","notification_id":"N"`
	for _, tc := range []struct {
		name    string
		sel     capture.Filter
		records []*capture.Record
		want    string
	}{
		{"what was judged stands", capture.Filter{}, []*capture.Record{
			recordOf(0, 5, "a", "message.delivered", c, 500, 1), recordOf(9, 5, "a", "message.delivered", c, 200, 2, "attempt 2/4"),
			recordOf(10, 3, "b", "notification.attempted", n, 200, 1, "late 2s"),
		}, "c b: #3 200 late 2s\nc a: #1 500, #2 200 attempt 2/4"},
		{"what nobody judged is judged", capture.Filter{}, []*capture.Record{
			recordOf(0, 5, "a", "message.delivered", c, 500, 0), recordOf(1, 5, "a", "message.delivered", c, 200, 0), recordOf(2, 5, "a", "message.delivered", c, 200, 0),
			recordOf(3, 3, "b", "notification.delivered", n, 200, 0), recordOf(4, 4, "b", "notification.delivered", n, 200, 0),
		}, "c b: #4 200 late 2s+early, #5 200 conflict notification.attempted\nc a: #1 500, #2 200 attempt 2/4, #3 200 duplicate"},
		{"a receiver that was started anew", capture.Filter{}, []*capture.Record{
			recordOf(0, 5, "a", "message.delivered", c, 200, 1), recordOf(9, 5, "a", "message.delivered", c, 200, 1),
		}, "c a: #1 200, #2 200 duplicate"},
		{"of two at once the second was stored first", capture.Filter{}, []*capture.Record{
			recordOf(0, 5, "a", "message.delivered", c, 200, 1, "duplicate"), recordOf(0, 5, "a", "message.delivered", c, 200, 1),
		}, "c a: #1 200 duplicate, #2 200"},
		{"a predecessor that is not shown is not missed", capture.Filter{Events: filterOf(t, "notification.delivered")}, []*capture.Record{
			recordOf(0, 3, "d", "notification.delivered", n, 200, 1, "early"), recordOf(1, 2, "b", "notification.attempted", n, 200, 1),
		}, "c d: #1 200 early"},
		{"a selected customer", capture.Filter{Customers: []string{"x"}}, []*capture.Record{
			recordOf(0, 3, "d", "message.delivered", c, 200, 1), recordOf(1, 2, "b", "message.delivered", `"customer_id":"x"`, 200, 1),
		}, "x b: #2 200"},
		{"judged by what came before", capture.Filter{Since: time.Date(2026, 1, 31, 12, 0, 5, 0, time.UTC)}, []*capture.Record{
			recordOf(0, 3, "d", "message.delivered", c, 200, 0), recordOf(6, 3, "d", "message.delivered", c, 200, 0),
		}, "c d: #1 200, #2 200 duplicate"},
		{"a badge of a later version", capture.Filter{}, []*capture.Record{recordOf(0, 3, "d", "message.delivered", c, 200, 1, "late soon", "odd thing")},
			"c d: #1 200 late soon+odd thing"},
	} {
		in := NewInspection(tc.sel)
		for _, r := range tc.records {
			in.Add(r)
		}
		if got := sketch(in.Journeys(0)); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

func filterOf(t *testing.T, patterns string) event.Filter {
	t.Helper()
	f, err := event.ParseFilter(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestInspectionOfABatch(t *testing.T) {
	member := func(id string) string {
		return `{"event_id":"` + id + `","event_name":"message.delivered","event_ts":"2026-01-31T12:00:00.000Z","payload":{"ccid":"` + id + `"}}`
	}
	in := NewInspection(capture.Filter{})
	in.Add(&capture.Record{
		Method: "POST", Body: []byte("[" + member("a") + "," + member("b") + "]"), Status: 200, Attempt: 1,
		Members:  []capture.Member{{EventID: "a", Attempt: 1}, {EventID: "b", Attempt: 1, Badges: []string{"duplicate"}}},
		Findings: []event.Finding{{Clause: "R-X", Level: event.Warning, Path: "[1].payload.y"}, {Clause: "R-Y", Level: event.Error, Path: ""}},
	})
	js := in.Journeys(0)
	if got := sketch(js); got != "a a: #1 200\nb b: #1 200 duplicate" {
		t.Error(got)
	}
	a, b := js[0].Events[0].Arrivals[0], js[1].Events[0].Arrivals[0]
	if a.Member != 0 || b.Member != 1 || b.Members != 2 || len(a.Findings) != 1 || len(b.Findings) != 1 || b.Findings[0].Path != "payload.y" {
		t.Errorf("%+v %+v", a, b)
	}
	if in.Requests != 1 || in.Events != 2 || in.Errors != 1 || in.Warnings != 1 {
		t.Errorf("%+v", in.Summary)
	}
}

func TestInspectionFindsGaps(t *testing.T) {
	in := NewInspection(capture.Filter{})
	for i, r := range []*capture.Record{
		recordOf(0, 0, "a", "message.delivered", `"ccid":"c"`, 500, 0),
		recordOf(1, 1, "b", "notification.delivered", `"ccid":"c","notification_id":"N1"`, 200, 0),
		recordOf(2, 1, "d", "notification.delivered", `"ccid":"c","notification_id":"N2"`, 0, 0),
		recordOf(90, 1, "e", "notification.attempted", `"ccid":"c","notification_id":"n1"`, 200, 0), // ids come in either case
		recordOf(91, 1, "d", "notification.delivered", `"ccid":"c","notification_id":"N2"`, 200, 0),
	} {
		in.Add(r)
		if in.Requests != uint64(i+1) {
			t.Fatal(in.Requests)
		}
	}
	if got, want := fmt.Sprint(in.Unaccepted(), in.Orphans()), "{1 [{1 }]} {1 [{3 }]}"; got != want || in.Silence != (Silence{88 * time.Second, 3}) {
		t.Errorf("gaps %s, want %s, %+v", got, want, in.Silence)
	}
	for i := range 3 * maxExamples {
		in.Add(recordOf(92, 1, fmt.Sprint("x", i), "message.delivered", `"ccid":"c"`, 503, 0))
	}
	if got, want := fmt.Sprint(in.Unaccepted()), "{16 [{1 } {6 } {7 } {8 } {9 }]}"; got != want {
		t.Errorf("gaps %s, want %s", got, want)
	}
}

// What was accepted stays it, however a copy of it is answered, and whoever saw
// the first one.
func TestACopyLeavesNoGap(t *testing.T) {
	copyOf := func(status, attempt int, badges ...string) *capture.Record {
		return recordOf(0, 0, "a", "message.delivered", `"ccid":"c"`, status, attempt, badges...)
	}
	twice := copyOf(500, 0)
	twice.Body = []byte("[" + string(twice.Body) + "," + string(twice.Body) + "]")
	for name, tc := range map[string]struct {
		records  []*capture.Record
		accepted bool
	}{
		"judged now":                   {[]*capture.Record{copyOf(200, 0), copyOf(500, 0), copyOf(503, 0)}, true},
		"judged then":                  {[]*capture.Record{copyOf(500, 1, "duplicate")}, true},
		"refused, and then a conflict": {[]*capture.Record{copyOf(500, 1), copyOf(500, 1, "conflict")}, false},
		"twice in a refused batch":     {[]*capture.Record{twice}, false},
	} {
		in := NewInspection(capture.Filter{})
		for _, r := range tc.records {
			in.Add(r)
		}
		if e := in.Journeys(0)[0].Events[0]; e.Accepted() != tc.accepted || (in.Unaccepted().Count == 0) != tc.accepted {
			t.Errorf("%s: accepted %v, gap %+v", name, e.Accepted(), in.Unaccepted())
		}
	}
}

// TestJourneysAreBounded holds the memory by what is held: many customers, then
// one customer with many events.
func TestJourneysAreBounded(t *testing.T) {
	in := NewInspection(capture.Filter{})
	for i := range MostHeld + 10 {
		in.journeys.Add(&Receipt{Seq: uint64(i), Event: event.Envelope{ID: "x", Payload: event.Payload{CCID: fmt.Sprint(i)}}}, false)
	}
	if j := in.journeys; j.held != MostHeld || len(j.open) != MostHeld || j.Customers() != MostHeld+10 {
		t.Errorf("%d receipts of %d customers are held, %d counted", j.held, len(j.open), j.Customers())
	}
	for i := range MostHeld/trackShare + 10 {
		in.journeys.Add(&Receipt{Seq: uint64(i), Event: event.Envelope{ID: fmt.Sprint(i), Payload: event.Payload{CCID: "0"}}}, false)
	}
	js := in.journeys.Last(1)
	if len(js) != 1 || !js[0].Partial || js[0].Forgotten < 10 || len(js[0].Events)+js[0].Forgotten != MostHeld/trackShare+10 || in.journeys.held > MostHeld {
		t.Errorf("partial %v, %d events, %d forgotten", js[0].Partial, len(js[0].Events), js[0].Forgotten)
	}
}

package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// sampleRun is a run with something of everything, and with names that want to
// break out.
func sampleRun(failures int) SendResult {
	began := time.UnixMilli(0)
	rec := NewSendRecord("https://example.com/<script>alert(1)</script>")
	d := &sim.Delivery{Events: []sim.EventRef{{ID: "a", Name: "message.delivered", CCID: "1001"}}}
	rec.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Accepted, Attempts: 2, Status: 200})
	evil := &sim.Delivery{Events: []sim.EventRef{{ID: `"><img src=x onerror=alert(1)>`, Name: "</td></table>\x00"}}}
	for range failures {
		rec.Outcome(&sim.Outcome{Delivery: evil, Kind: sim.Refused, Attempts: 1, Status: 503, Reason: "503 <b>is</b> not documented as retried (R-RETRY-ONLY)", First: began, At: began.Add(time.Second)})
	}
	rec.Outcome(&sim.Outcome{Delivery: &sim.Delivery{}, Kind: sim.Skipped, Reason: "the run ended"})
	sum := sim.Summary{
		Events: failures + 2, Deliveries: failures + 2, Attempts: failures + 2, Accepted: 1, Retried: 1, Refused: failures, Skipped: 1,
		Statuses: map[int]int{200: 1, 503: failures}, Failures: map[sim.Failure]int{sim.Timeout: 2}, LostAcks: 1, ByAttempt: []int{failures, 1},
		P50: time.Millisecond, Max: time.Second, Began: began, Ended: began.Add(5 * time.Second), Seed: 7,
		Series: sim.Series{Began: began, Width: 100 * time.Millisecond, Buckets: []sim.Bucket{{Attempts: 2, Accepted: 1, Refused: 1}, {}, {Attempts: 1, LostAcks: 1}}},
		Outage: sim.Outage{Failed: 1, DeliveredLate: 1, WorstDelay: time.Minute, PeakRetries: 1},
	}
	return SendResult{Record: rec, Summary: sum, Exit: 1, Embedded: &recv.Summary{Requests: 3, Found: []recv.Found{
		{Finding: event.Finding{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: "<b>no</b> time"}, Name: "billing.paid", Count: 2},
	}}}
}

func rendered(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var out strings.Builder
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// checkHTML holds a page to being whole, closed in itself and without scripts.
func checkHTML(t *testing.T, page string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	depth := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := tok.(type) {
		case xml.StartElement:
			depth++
			if n := e.Name.Local; n == "script" || n == "img" || n == "link" || n == "b" && len(e.Attr) > 0 {
				t.Errorf("<%s> in the page", n)
			}
			for _, a := range e.Attr {
				if n := a.Name.Local; n == "src" || n == "href" || strings.HasPrefix(n, "on") {
					t.Errorf("attribute %s=%q", n, a.Value)
				}
			}
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d elements are not closed", depth)
	}
	if m := regexp.MustCompile(`url\(|@import|NaN|Inf|ZgotmplZ`).FindString(page); m != "" {
		t.Errorf("%s in the page", m)
	}
}

func TestSendPage(t *testing.T) {
	page := rendered(t, sampleRun(3).WriteHTML)
	checkHTML(t, page)
	for _, want := range []string{
		"<title>relayctl send: not everything was delivered</title>", "&lt;script&gt;", "&lt;img src=x", "503 &lt;b&gt;is&lt;/b&gt;",
		"prefers-color-scheme: dark", "Content-Security-Policy", "answer dropped on purpose", "events delivered late", "embedded receiver", "event_ts: &lt;b&gt;no&lt;/b&gt; time", "2 × billing.paid",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "<svg "); n != 2 {
		t.Errorf("%d charts", n)
	}
	// A run that was over before it began is a page, too.
	checkHTML(t, rendered(t, SendResult{Record: NewSendRecord("x")}.WriteHTML))
}

func TestReportsAreBounded(t *testing.T) {
	r := sampleRun(maxTroubles + 500)
	junit := rendered(t, r.WriteJUnit)
	checkJUnit(t, junit)
	if !strings.Contains(junit, "501 more that were not accepted are counted above, but not listed") {
		t.Error("JUnit does not say what it leaves out")
	}
	if page := rendered(t, r.WriteHTML); strings.Count(page, "<tr>") > maxTroubles+60 || !strings.Contains(page, "501 more") {
		t.Error("the page is not bounded, or does not say so")
	}
	var o struct {
		NotAccepted []map[string]any `json:"not_accepted"`
		NotListed   int              `json:"not_listed"`
		Exit        int              `json:"exit"`
		Summary     struct {
			Refused  int            `json:"refused"`
			Statuses map[string]int `json:"statuses"`
		} `json:"summary"`
	}
	if err := json.Unmarshal([]byte(rendered(t, r.WriteJSON)), &o); err != nil {
		t.Fatal(err)
	}
	if len(o.NotAccepted) != maxTroubles || o.NotListed != 501 || o.Exit != 1 || o.Summary.Refused != maxTroubles+500 || o.Summary.Statuses["503"] != maxTroubles+500 {
		t.Errorf("%d listed, %d not, %+v", len(o.NotAccepted), o.NotListed, o.Summary)
	}
	if first := o.NotAccepted[0]; first["outcome"] != "refused" || first["status"] != 503.0 || first["took_ms"] != 1000.0 {
		t.Errorf("%v", first)
	}
}

func TestNamesOfAReportAreBounded(t *testing.T) {
	rec := NewSendRecord("x")
	for i := range 3 * maxNames {
		d := &sim.Delivery{Events: []sim.EventRef{{Name: strings.Repeat("n", i+1)}}}
		rec.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Accepted, Attempts: 1})
	}
	if len(rec.byName) > maxNames+1 || rec.byName["(other)"].Accepted != 2*maxNames {
		t.Errorf("%d names, %+v", len(rec.byName), rec.byName["(other)"])
	}
}

func TestSteps(t *testing.T) {
	for in, want := range map[float64]float64{0.0001: 0.0001, 0.03: 0.05, 1: 1, 1.1: 2, 7: 10, 12: 15, 16: 30, 700: 900, 80000: 86400} {
		if got := timeStep(in); got < want*0.999 || got > want*1.001 {
			t.Errorf("timeStep(%v) = %v, want %v", in, got, want)
		}
	}
	for in, want := range map[float64]string{0: "0", 999: "999", 1500: "1500", 12345: "12.3k", 2e6: "2M"} {
		if got := compact(in); got != want {
			t.Errorf("compact(%v) = %s", in, got)
		}
	}
	for in, want := range map[time.Duration]string{0: "0", 250 * time.Millisecond: "250ms", 90 * time.Second: "1m30s", 2 * time.Minute: "2m", 2 * time.Hour: "2h"} {
		if got := axisTime(in); got != want {
			t.Errorf("axisTime(%v) = %s", in, got)
		}
	}
}

func TestItemsUnfold(t *testing.T) {
	page := rendered(t, Page{Title: "t", Sections: []Section{{Title: "s", Items: []Item{
		{Badge: "FAIL", Tone: Bad, Title: "auth.wrong", Aside: "MUST", Facts: []Fact{{Label: "expected", Value: "401"}}, Code: "curl -d '<x>'", Open: true},
	}}}}.Write)
	checkHTML(t, page)
	if !strings.Contains(page, "<details open>") || !strings.Contains(page, `<span class="badge bad">FAIL</span>`) || !strings.Contains(page, "curl -d &#39;&lt;x&gt;&#39;") {
		t.Error(page)
	}
}

func TestChartsCoverTheWholeRun(t *testing.T) {
	began := time.UnixMilli(0)
	sum := sim.Summary{Began: began, Ended: began.Add(2 * time.Second), Series: sim.Series{Began: began, Width: time.Millisecond, Buckets: []sim.Bucket{{Attempts: 1, Accepted: 1}}}}
	for _, c := range overTime(&sum).Charts {
		rows := append(c.Stack, c.Lines...)
		if n := len(rows[0].Values); n > chartSteps || time.Duration(n)*c.Step < 2*time.Second {
			t.Errorf("%s: %d steps of %v", c.Title, n, c.Step)
		}
		if c.Stack != nil && c.Stack[0].Values[0] != 1 {
			t.Error("the attempt is lost")
		}
	}
}

package report

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/event"
	"relayctl/internal/oracle"
	"relayctl/internal/recv/judge"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// sampleRun is a run with something of everything, and with names that want to
// break out.
func sampleRun(failures int) SendResult {
	began := time.UnixMilli(0)
	rec := NewSendDetails("https://example.com/<script>alert(1)</script>")
	d := &plan.Delivery{Events: []plan.EventRef{{ID: "a", Name: "message.delivered", CCID: "1001"}}}
	rec.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Accepted, Attempts: 2, Status: 200})
	evil := &plan.Delivery{Events: []plan.EventRef{{ID: `"><img src=x onerror=alert(1)>`, Name: "</td></table>\x00"}}}
	for range failures {
		rec.Outcome(&sim.Outcome{Delivery: evil, Kind: sim.Refused, Attempts: 1, Status: 503, Reason: "503 <b>is</b> not documented as retried (R-RETRY-ONLY)", First: began, At: began.Add(time.Second)})
	}
	rec.Outcome(&sim.Outcome{Delivery: &plan.Delivery{}, Kind: sim.Skipped, Reason: "the run ended"})
	sum := sim.Summary{
		Events: failures + 2, Deliveries: failures + 2, Attempts: failures + 2, Outcomes: sim.Outcomes{Accepted: 1, Retried: 1, Refused: failures, Skipped: 1},
		Statuses: map[int]int{200: 1, 503: failures}, Failures: map[wire.Failure]int{wire.Timeout: 2}, LostAcks: 1, ByAttempt: []int{failures, 1},
		P50: time.Millisecond, Max: time.Second, Began: began, Ended: began.Add(5 * time.Second), Seed: 7,
		Series: sim.Series{Began: began, Width: 100 * time.Millisecond, Buckets: []sim.Bucket{{Attempts: 2, Accepted: 1, Refused: 1}, {}, {Attempts: 1, LostAcks: 1}}},
		Outage: sim.Outage{Failed: 1, DeliveredLate: 1, WorstDelay: time.Minute, PeakRetries: 1},
	}
	return SendResult{Details: rec, Summary: sum, Exit: 1, Embedded: &judge.Summary{Requests: 3, Found: []judge.Found{
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

func TestSendPage(t *testing.T) {
	page := rendered(t, sampleRun(3).WriteHTML)
	oracle.HTML(t, page)
	for _, want := range []string{
		"<title>relayctl send: not everything was delivered</title>", "&lt;script&gt;", "&lt;/td&gt;&lt;/table&gt;", "503 &lt;b&gt;is&lt;/b&gt;",
		"prefers-color-scheme: dark", "Content-Security-Policy", "answer dropped on purpose", "events delivered late", "embedded receiver got", "event_ts: &lt;b&gt;no&lt;/b&gt; time", "2 × billing.paid",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "<svg "); n != 2 {
		t.Errorf("%d charts", n)
	}
	// A run that was over before it began is a page, too.
	oracle.HTML(t, rendered(t, SendResult{Details: NewSendDetails("x")}.WriteHTML))
}

// Failures that are the same are one line, with whose they are and what was answered;
// and the cases of JUnit have the same names whatever failed.
func TestFailuresAreGrouped(t *testing.T) {
	run := func(statuses ...int) SendResult {
		rec := NewSendDetails("x")
		for i, status := range statuses {
			kind, reason := sim.Accepted, ""
			if status != 200 {
				kind, reason = sim.Refused, fmt.Sprintf("%d is not retried", status)
			}
			d := &plan.Delivery{Events: []plan.EventRef{{ID: fmt.Sprint("e", i), Name: []string{"message.delivered", "notification.attempted"}[i%2], CCID: fmt.Sprint(1000 + i/4)}}}
			rec.Outcome(&sim.Outcome{Delivery: d, Kind: kind, Attempts: 1, Status: status, Reason: reason, Answer: []byte("no table\n<of> events")})
		}
		return SendResult{Details: rec, Summary: sim.Summary{Events: len(statuses), Deliveries: len(statuses)}}
	}
	bad := run(append(slices.Repeat([]int{503}, 24), 422, 200)...)
	page := rendered(t, bad.WriteHTML)
	oracle.HTML(t, page)
	for _, want := range []string{
		"503 is not retried", "24 deliveries", "message.delivered × 12, notification.attempted × 12", "1000 × 4, 1001 × 4",
		"no table\n&lt;of&gt; events", "message.delivered  1000  e0", "and 4 more", "422 is not retried",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "<details"); n != 2 {
		t.Errorf("%d groups", n)
	}
	names := func(r SendResult) []string {
		return regexp.MustCompile(`<testcase name="[^"]*" classname="[^"]*"`).FindAllString(rendered(t, r.WriteJUnit), -1)
	}
	if diff := cmp.Diff(names(run(200, 200)), names(bad)); diff != "" {
		t.Errorf("the cases of a good run (-) and a bad one (+):\n%s", diff)
	}
	junit := rendered(t, bad.WriteJUnit)
	oracle.JUnit(t, junit)
	for _, want := range []string{`message="13 of 13 not accepted: 503 is not retried"`, `message="12 of 13 not accepted: 503 is not retried"`, "message.delivered  1000  e0"} {
		if !strings.Contains(junit, want) {
			t.Errorf("no %q in\n%s", want, junit)
		}
	}
}

func TestReportsAreBounded(t *testing.T) {
	r := sampleRun(mostNotAccepted + 500)
	junit := rendered(t, r.WriteJUnit)
	oracle.JUnit(t, junit)
	if !strings.Contains(junit, "501 more that were not accepted are counted above, but not listed") {
		t.Error("JUnit does not say what it leaves out")
	}
	if page := rendered(t, r.WriteHTML); strings.Count(page, "<tr>") > mostNotAccepted+60 || !strings.Contains(page, "501 more") {
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
	if len(o.NotAccepted) != mostNotAccepted || o.NotListed != 501 || o.Exit != 1 || o.Summary.Refused != mostNotAccepted+500 || o.Summary.Statuses["503"] != mostNotAccepted+500 {
		t.Errorf("%d listed, %d not, %+v", len(o.NotAccepted), o.NotListed, o.Summary)
	}
	if first := o.NotAccepted[0]; first["outcome"] != "refused" || first["status"] != 503.0 || first["took_ms"] != 1000.0 {
		t.Errorf("%v", first)
	}
}

func TestNamesOfAReportAreBounded(t *testing.T) {
	rec := NewSendDetails("x")
	for i := range 3 * mostNames {
		d := &plan.Delivery{Events: []plan.EventRef{{Name: strings.Repeat("n", i+1)}}}
		rec.Outcome(&sim.Outcome{Delivery: d, Kind: sim.Accepted, Attempts: 1})
	}
	if len(rec.byName) > mostNames+1 || rec.byName["(other)"].Accepted != 2*mostNames {
		t.Errorf("%d names, %+v", len(rec.byName), rec.byName["(other)"])
	}
}

func TestChartsCoverTheWholeRun(t *testing.T) {
	began := time.UnixMilli(0)
	sum := sim.Summary{Began: began, Ended: began.Add(2 * time.Second), Series: sim.Series{Began: began, Width: time.Millisecond, Buckets: []sim.Bucket{{Attempts: 1, Accepted: 1}}}}
	for _, c := range sendCharts(&sum).Charts {
		rows := append(c.Stack, c.Lines...)
		if n := len(rows[0].Values); n > chartSteps || time.Duration(n)*c.Step < 2*time.Second {
			t.Errorf("%s: %d steps of %v", c.Title, n, c.Step)
		}
		if c.Stack != nil && c.Stack[0].Values[0] != 1 {
			t.Error("the attempt is lost")
		}
	}
}

package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"relayctl/internal/check"
	"relayctl/internal/oracle"
	"relayctl/internal/report/term"
)

// aRun is a made-up run with every verdict in it.
func aRun() CheckResult { return aRunRepeatedBy("curl 'a\nb' https://127.0.0.1/") }

// aRunRepeatedBy is the same with that command for its failure.
func aRunRepeatedBy(command string) CheckResult {
	again := &check.Repeat{Itself: true}
	def := func(id string, level check.Level) *check.Check {
		return &check.Check{ID: id, Level: level, Clause: "R-401", Title: "what holds of " + id, Why: "why <so>", How: "how", Fix: "mend it"}
	}
	rep := &check.Report{
		Target: "https://127.0.0.1/hook", RunID: "r1", Seed: 7, StartedAt: time.UnixMilli(0), Duration: 1500 * time.Millisecond,
		Stale: []string{"b.yaml: a.b passes now; remove its entry"},
		Checked: []check.Checked{
			{Check: def("auth.valid", check.Must), Result: check.Passed()},
			{Check: def("auth.wrong", check.Must), Result: check.Result{
				Verdict: check.Fail, Expected: "401", Actual: "200, 100% of it\x1b[31m\n::error::x", Repeat: again, Duration: 2 * time.Millisecond,
				Subs: []check.Sub{{Name: "one", Verdict: check.Pass}, {Name: "two", Verdict: check.Fail, Actual: "a, b: c"}},
			}},
			{Check: def("auth.challenge", check.Should), Result: check.Result{Verdict: check.Warn, Reason: "no header", Expected: "one", Actual: "no header"}},
			{Check: def("event.effect", check.Must), Result: check.Lacking(check.NeedProbe)},
			{Check: def("event.old", check.Must), Result: check.BlockedBy("a valid event was not accepted")},
			{Check: def("load.burst", check.Must), Result: check.Unclear("the generator lagged")},
			{Check: def("load.known", check.Must), Result: check.Failed("x", "y", nil), Known: &check.Known{ID: "load.known", Reason: "until | spring", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}},
		},
	}
	return CheckResult{Report: rep, Exit: 1, Repeats: &CheckRepeats{commands: map[*check.Repeat]string{again: command}}}
}

func checkText(t *testing.T, width int) string {
	t.Helper()
	var out bytes.Buffer
	st := term.NewStyle(&out, term.ColorNever)
	st.Width = width
	r := aRun()
	var list []check.Check
	for i := range r.Checked {
		list = append(list, *r.Checked[i].Check)
	}
	c := NewCheckText(&out, st, list, r.Repeats)
	for i := range r.Checked {
		c.Done(&r.Checked[i])
	}
	if err := c.Finish(r.Report); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCheckTextIsATree(t *testing.T) {
	want := `
auth        1 pass, 1 fail, 1 warn
  FAIL    MUST   auth.wrong     what holds of auth.wrong
          clause   R-401
          expected 401
          actual   200, 100% of it\x1b[31m\n::error::x
          to do    mend it
          repeat   curl 'a
b' https://127.0.0.1/
  warn    SHOULD auth.challenge what holds of auth.challenge
          clause   R-401
          expected one
          actual   no header
          to do    mend it

event       1 skip, 1 blocked
  blocked MUST   event.old    a valid event was not accepted

load        1 inconclusive, 1 known
  inconclusive MUST   load.burst the generator lagged
  known   MUST   load.known what holds of load.known
          clause   R-401
          expected x
          actual   y
          to do    mend it
          known    until | spring (until 2026-12-31)

baseline
  b.yaml: a.b passes now; remove its entry

skipped: 1 check for want of --probe or --probe-cmd

to fix, in this order
  1. auth.wrong: 200, 100% of it\x1b[31m\n::error::x
  2. event.old: a valid event was not accepted
  3. load.burst: the generator lagged
  4. auth.challenge: no header

red: 1 pass, 2 fail, 1 warn, 1 skip, 1 blocked, 1 inconclusive, 1 of them known in 1.5s
`
	if diff := cmp.Diff(want, checkText(t, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestCheckTextFitsTheTerminal(t *testing.T) {
	for _, width := range []int{80, 120} {
		for line := range strings.Lines(checkText(t, width)) {
			line = strings.TrimSuffix(line, "\n")
			// A command to copy is not wrapped.
			if w := runewidth.StringWidth(line); w > width && !strings.Contains(line, "repeat") {
				t.Errorf("%d of %d columns: %q", w, width, line)
			}
		}
	}
}

func TestCheckTextTellsACauseOnce(t *testing.T) {
	var out bytes.Buffer
	c := NewCheckText(&out, term.NewStyle(&out, term.ColorNever), nil, nil)
	c.Obstacle("the endpoint cannot be reached: connection refused")
	r := &check.Report{Cause: "the endpoint cannot be reached: connection refused", Unreachable: true, Duration: time.Millisecond}
	for range 50 {
		r.Checked = append(r.Checked, check.Checked{Check: &check.Check{ID: "a.b"}, Result: check.Unclear(r.Cause)})
		c.Done(&r.Checked[len(r.Checked)-1])
	}
	if err := c.Finish(r); err != nil {
		t.Fatal(err)
	}
	want := "\nthe endpoint cannot be reached: connection refused\n\nnothing can be said of 50 checks, for the reason above\n\nunreachable: 50 inconclusive in 1ms\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestCheckJSONHasTheBindingFields(t *testing.T) {
	var out bytes.Buffer
	if err := aRun().WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Target    string           `json:"target"`
		Seed      uint64           `json:"seed"`
		StartedAt string           `json:"started_at"`
		Checks    []map[string]any `json:"checks"`
		Summary   map[string]any   `json:"summary"`
		Exit      int              `json:"exit"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Target != "https://127.0.0.1/hook" || got.Seed != 7 || got.StartedAt != "1970-01-01T00:00:00.000Z" || got.Exit != 1 {
		t.Errorf("%+v", got)
	}
	for _, c := range got.Checks {
		for _, key := range []string{"id", "level", "clause", "title", "verdict", "reason", "expected", "actual", "fix", "repeat", "duration_ms"} {
			if _, ok := c[key]; !ok {
				t.Errorf("%v lacks %s", c["id"], key)
			}
		}
	}
	for key, want := range map[string]float64{"pass": 1, "fail": 2, "warn": 1, "skip": 1, "blocked": 1, "inconclusive": 1, "checks": 7, "known": 1} {
		if got.Summary[key] != want {
			t.Errorf("summary: %s is %v, want %g", key, got.Summary[key], want)
		}
	}
	out.Reset()
	r := aRun()
	j := NewCheckJSON(&out, r.Repeats)
	for i := range r.Checked {
		j.Done(&r.Checked[i])
	}
	if err := j.Finish(r); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 8 || !strings.Contains(lines[0], `"type":"check"`) || !strings.Contains(lines[7], `"type":"summary"`) {
		t.Errorf("%d lines: %s", len(lines), lines)
	}
}

func TestCheckJUnit(t *testing.T) {
	var out bytes.Buffer
	if err := aRun().WriteJUnit(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<testsuite name="relayctl check: auth" package="relayctl check: auth" id="0" timestamp="1970-01-01T00:00:00" hostname="localhost" tests="3" failures="1" errors="0" skipped="0" time="0.002">`,
		`<failure message="200, 100% of it\x1b[31m\n::error::x" type="fail">`,
		`<testcase name="auth.challenge: what holds of auth.challenge (warning: no header)"`,
		`<error message="the generator lagged" type="inconclusive">`,
		`<skipped message="known failure: until | spring">`,
		`<testsuite name="relayctl check: baseline"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	oracle.JUnit(t, out.String())
}

func TestCheckGitHub(t *testing.T) {
	var out bytes.Buffer
	r := aRun()
	r.Cause = "the cause"
	if err := r.WriteGitHub(&out); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`::error title=relayctl check::the cause`,
		`::error title=auth.wrong (R-401)::what holds of auth.wrong%0Aclause    R-401%0Aexpected  401%0Aactual    200, 100%25 of it\x1b[31m\n::error::x%0Ato do     mend it%0Arepeat    curl 'a%0Ab' https://127.0.0.1/`,
		`::warning title=auth.challenge (R-401)::what holds of auth.challenge%0Aclause    R-401%0Aexpected  one%0Aactual    no header%0Ato do     mend it`,
		`::warning title=event.old (R-401) is blocked::a valid event was not accepted`,
		`::warning title=load.burst (R-401) is inconclusive::the generator lagged`,
		`::notice title=load.known (R-401)::what holds of load.known%0Aclause    R-401%0Aexpected  x%0Aactual    y%0Ato do     mend it%0Aknown     until | spring (until 2026-12-31)`,
		`::error title=baseline::b.yaml: a.b passes now; remove its entry`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Error(diff)
	}
	if got := githubProperty("a:b,c%\r\n"); got != "a%3Ab%2Cc%25%0D%0A" {
		t.Error(got)
	}
}

func TestCheckMarkdown(t *testing.T) {
	var out bytes.Buffer
	r := aRunRepeatedBy("curl '```'")
	if err := r.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## relayctl check: red\n", "against `https://127.0.0.1/hook`, seed 7", "| FAIL `auth.wrong` | MUST | R-401 | 401 | 200, 100% of it\\\\x1b\\[31m\\\\n::error::x |",
		"````sh\ncurl '```'\n````", "| known `load.known` |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestCheckHTMLEscapesEverything(t *testing.T) {
	var out bytes.Buffer
	r := aRun()
	r.Checked[1].Actual = `<script>alert(1)</script>`
	if err := r.WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "<script>") || !strings.Contains(s, "&lt;script&gt;") || !strings.Contains(s, "auth.wrong") {
		t.Error("not escaped, or not there")
	}
}

// What does not hold stands first, with an index that leads to it.
func TestCheckHTMLBeginsWithWhatFails(t *testing.T) {
	var out bytes.Buffer
	if err := aRun().WriteHTML(&out); err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, want := range []string{"<h2>To fix, in this order</h2>", `<a href="#auth.wrong">`, "<h2>What does not hold</h2>", `<details id="auth.wrong" open>`, `<details id="load.burst" open>`, "<h2>auth</h2>", `<details id="auth.valid">`} {
		i := strings.Index(out.String()[at:], want)
		if i < 0 {
			t.Fatalf("no %q after byte %d", want, at)
		}
		at += i
	}
}

func TestCheckErrorsOfWritingAreTold(t *testing.T) {
	if err := NewCheckText(fullDisk{}, term.NewStyle(fullDisk{}, term.ColorNever), nil, nil).Finish(aRun().Report); err == nil {
		t.Error("text")
	}
	if err := NewCheckJSON(fullDisk{}, nil).Finish(aRun()); err == nil {
		t.Error("NDJSON")
	}
	for name, write := range map[string]error{"json": aRun().WriteJSON(fullDisk{}), "github": aRun().WriteGitHub(fullDisk{}), "markdown": aRun().WriteMarkdown(fullDisk{})} {
		if write == nil {
			t.Error(name)
		}
	}
}

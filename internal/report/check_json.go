package report

import (
	"io"

	"relayctl/internal/check"
	"relayctl/internal/duration"
	"relayctl/internal/event"
)

// checkJSON is a check as the JSON outputs have it.
type checkJSON struct {
	Type       string      `json:"type,omitempty"`
	ID         string      `json:"id"`
	Level      check.Level `json:"level"`
	Clause     string      `json:"clause"`
	Title      string      `json:"title"`
	Verdict    string      `json:"verdict"`
	Reason     string      `json:"reason"`
	Expected   string      `json:"expected"`
	Actual     string      `json:"actual"`
	Fix        string      `json:"fix"`
	Repeat     string      `json:"repeat"`
	DurationMS float64     `json:"duration_ms"`
	Flaky      string      `json:"flaky,omitempty"`
	Known      *knownJSON  `json:"known,omitempty"`
	Parts      []partJSON  `json:"parts,omitempty"`
}

type knownJSON struct {
	Reason  string `json:"reason"`
	Expires string `json:"expires,omitempty"`
}

type partJSON struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Actual  string `json:"actual"`
	Repeat  string `json:"repeat,omitempty"`
}

func checkObject(o *check.Checked, repeats *CheckRepeats) checkJSON {
	j := checkJSON{
		ID: o.Check.ID, Level: o.Check.Level, Clause: o.Check.Clause, Title: o.Check.Title, Verdict: string(o.Verdict), Reason: reasonOf(o),
		Expected: o.Expected, Actual: o.Actual, Repeat: repeats.of(o.Check.ID, o.Repeat), DurationMS: duration.Millis(o.Duration), Flaky: o.Flaky,
	}
	if o.Verdict == check.Fail || o.Verdict == check.Warn {
		j.Fix = o.Fix()
	}
	if o.Known != nil {
		j.Known = &knownJSON{o.Known.Reason, lastDay(o.Known)}
	}
	for _, s := range o.Subs {
		j.Parts = append(j.Parts, partJSON{s.Name, string(s.Verdict), s.Actual, repeats.of(o.Check.ID, s.Repeat)})
	}
	return j
}

// lastDay is the last day on which a known failure is excused, "" if it always is.
func lastDay(k *check.Known) string {
	if k.Expires.IsZero() {
		return ""
	}
	return k.Expires.AddDate(0, 0, -1).Format("2006-01-02")
}

func (r CheckResult) counts() map[string]any {
	out := map[string]any{"checks": len(r.Checked), "known": r.KnownFailures(), "status": r.Status(), "duration_ms": duration.Millis(r.Duration)}
	for _, v := range verdicts() {
		out[string(v)] = r.Count(v)
	}
	return out
}

// head is what the JSON outputs say of the run as a whole.
func (r CheckResult) head() map[string]any {
	return map[string]any{
		"read_side": readSideObject(r.ReadSide),
		"target":    r.Target, "seed": r.Seed, "run": r.RunID, "started_at": event.FormatTS(r.StartedAt), "strict": r.Strict,
		"cause": r.Cause, "baseline": orEmpty(r.Stale), "summary": r.counts(), "exit": r.Exit,
	}
}

// readSideJSON is how the probe shows the receiver's state.
type readSideJSON struct {
	LagMS   float64  `json:"lag_ms"`
	Moving  []string `json:"changes_by_itself"`
	Blocked string   `json:"blocked,omitempty"`
}

func readSideObject(r *check.ReadSide) *readSideJSON {
	if r == nil {
		return nil
	}
	return &readSideJSON{duration.Millis(r.Lag), orEmpty(r.Moving), r.Blocked}
}

// WriteJSON writes the run as one JSON object.
func (r CheckResult) WriteJSON(w io.Writer) error {
	checks := []checkJSON{}
	for i := range r.Checked {
		checks = append(checks, checkObject(&r.Checked[i], r.Repeats))
	}
	o := r.head()
	o["checks"] = checks
	return writeObject(w, o)
}

// CheckJSON renders a run of check as NDJSON: an object a check as it ends, and
// a last one with the summary.
type CheckJSON struct {
	lines
	repeats *CheckRepeats
}

// NewCheckJSON makes the renderer of check's JSON output.
func NewCheckJSON(w io.Writer, repeats *CheckRepeats) *CheckJSON {
	return &CheckJSON{newLines(w), repeats}
}

// Obstacle implements check.Observer. The cause stands in the summary.
func (c *CheckJSON) Obstacle(string) {}

// Measured implements check.Observer. It stands in the summary.
func (c *CheckJSON) Measured(*check.ReadSide) {}

// Running implements check.Observer.
func (c *CheckJSON) Running([]string) {}

// Done implements check.Observer.
func (c *CheckJSON) Done(o *check.Checked) {
	j := checkObject(o, c.repeats)
	j.Type = "check"
	c.put(j)
	_ = c.flush() // the error comes back at the end
}

// Finish writes the summary and returns the first error of all the writing.
func (c *CheckJSON) Finish(r CheckResult) error {
	o := r.head()
	o["type"] = "summary"
	c.put(o)
	return c.flush()
}

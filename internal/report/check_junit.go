package report

import (
	"fmt"
	"io"

	"relayctl/internal/check"
)

// WriteJUnit writes the run as a JUnit report: a suite a group, a case a check.
func (r CheckResult) WriteJUnit(w io.Writer) error {
	var out JUnit
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != "relayctl check: "+o.Check.Group() {
			out.Suites = append(out.Suites, JUnitSuite{
				Name: "relayctl check: " + o.Check.Group(), Began: r.StartedAt,
				Properties: []JUnitProperty{{"target", Clean(r.Target)}, {"seed", fmt.Sprint(r.Seed)}, {"run", r.RunID}},
			})
		}
		s := &out.Suites[len(out.Suites)-1]
		s.Cases = append(s.Cases, junitCheck(o))
		s.Took += o.Duration
	}
	if len(r.Stale) > 0 {
		s := JUnitSuite{Name: "relayctl check: baseline", Began: r.StartedAt}
		for _, text := range r.Stale {
			s.Cases = append(s.Cases, JUnitCase{Class: "relayctl.check.baseline", Name: Clean(text), Result: JUnitFailed, Kind: "baseline", Message: Clean(text)})
		}
		out.Suites = append(out.Suites, s)
	}
	return out.Write(w)
}

func junitCheck(o *check.Outcome) JUnitCase {
	c := JUnitCase{Class: "relayctl.check." + o.Check.Group(), Name: o.Check.ID + ": " + o.Check.Title, Took: o.Duration, Kind: string(o.Verdict)}
	switch {
	case o.Known != nil:
		c.Result, c.Message = JUnitSkipped, "known failure: "+Clean(o.Known.Reason)
	case o.Verdict == check.Fail:
		c.Result, c.Message, c.Detail = JUnitFailed, Clean(orText(o.Actual, o.Reason)), details(o)
	case o.Verdict == check.Blocked, o.Verdict == check.Inconclusive:
		c.Result, c.Message = JUnitError, Clean(o.Reason)
	case o.Verdict == check.Skip:
		c.Result, c.Message = JUnitSkipped, Clean(o.Reason)
	case o.Verdict == check.Warn:
		// JUnit knows no warning: the case passes, and its name tells.
		c.Name += " (warning: " + Clean(orText(o.Reason, o.Actual)) + ")"
	}
	return c
}

package report

import (
	"cmp"
	"fmt"
	"io"

	"relayctl/internal/check"
	"relayctl/internal/report/junit"
	"relayctl/internal/report/term"
)

// WriteJUnit writes the run as a JUnit report: a suite a group, a case a check.
func (r CheckResult) WriteJUnit(w io.Writer) error {
	var out junit.Report
	for i := range r.Checked {
		o := &r.Checked[i]
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != "relayctl check: "+o.Check.Group() {
			out.Suites = append(out.Suites, junit.Suite{
				Name: "relayctl check: " + o.Check.Group(), Began: r.StartedAt,
				Properties: [][2]string{{"target", term.Clean(r.Target)}, {"seed", fmt.Sprint(r.Seed)}, {"run", r.RunID}},
			})
		}
		s := &out.Suites[len(out.Suites)-1]
		s.Cases = append(s.Cases, junitCheck(o, r.Repeats))
		s.Took += o.Duration
	}
	if len(r.Stale) > 0 {
		s := junit.Suite{Name: "relayctl check: baseline", Began: r.StartedAt}
		for _, text := range r.Stale {
			s.Cases = append(s.Cases, junit.Case{Class: "relayctl.check.baseline", Name: term.Clean(text), Failure: &junit.Problem{Kind: "baseline", Message: term.Clean(text)}})
		}
		out.Suites = append(out.Suites, s)
	}
	return out.Write(w)
}

func junitCheck(o *check.Checked, repeats *CheckRepeats) junit.Case {
	c := junit.Case{Class: "relayctl.check." + o.Check.Group(), Name: o.Check.ID + ": " + o.Check.Title, Took: junit.Seconds(o.Duration)}
	switch {
	case o.Known != nil:
		c.Skipped = &junit.Skip{Message: "known failure: " + term.Clean(o.Known.Reason)}
	case o.Verdict == check.Fail:
		c.Failure = &junit.Problem{Kind: string(o.Verdict), Message: term.Clean(cmp.Or(o.Actual, reasonOf(o))), Detail: details(o, repeats)}
	case o.Verdict == check.Blocked, o.Verdict == check.Inconclusive:
		c.Error = &junit.Problem{Kind: string(o.Verdict), Message: term.Clean(reasonOf(o))}
	case o.Verdict == check.Skip:
		c.Skipped = &junit.Skip{Message: term.Clean(reasonOf(o))}
	case o.Verdict == check.Warn:
		// JUnit knows no warning: the case passes, and its name tells.
		c.Name += " (warning: " + term.Clean(cmp.Or(reasonOf(o), o.Actual)) + ")"
	}
	return c
}

package report

import (
	"fmt"
	"strings"

	"relayctl/internal/check"
)

// CheckResult is a run of check for the reports.
type CheckResult struct {
	*check.Report
	Exit int // the exit code of the run
}

// verdicts lists the verdicts in the order in which they are counted.
func verdicts() []check.Verdict {
	return []check.Verdict{check.Pass, check.Fail, check.Warn, check.Skip, check.Blocked, check.Inconclusive}
}

// detailRows are what is told of a check that does not hold, in their order.
func detailRows(o *check.Outcome) [][2]string {
	rows := [][2]string{{"clause", o.Check.Clause}, {"expected", o.Expected}, {"actual", o.Actual}}
	if o.Flaky != "" {
		rows = append(rows, [2]string{"flaky", o.Flaky + " runs did not hold"})
	}
	for _, s := range badParts(o) {
		rows = append(rows, [2]string{"", s})
	}
	rows = append(rows, [2]string{"to do", o.Fix()})
	if o.Known != nil {
		until := ""
		if day := lastDay(o.Known); day != "" {
			until = " (until " + day + ")"
		}
		rows = append(rows, [2]string{"known", o.Known.Reason + until})
	}
	out := rows[:0]
	for _, row := range rows {
		if row[1] != "" {
			out = append(out, [2]string{row[0], Clean(row[1])})
		}
	}
	return out
}

// mostParts is how many of the parts that do not hold are listed.
const mostParts = 6

// badParts words the parts of a check that do not hold, where the check itself
// does not say it.
func badParts(o *check.Outcome) []string {
	if o.Actual != "" {
		return nil
	}
	var out []string
	for _, s := range o.Subs {
		if s.Verdict != check.Pass && s.Verdict != check.Skip {
			out = append(out, s.Name+": "+s.Actual)
		}
	}
	if n := len(out); n > mostParts {
		out = append(out[:mostParts-1], fmt.Sprintf("… and %d more", n-mostParts+1))
	}
	return out
}

// repeatOf is the command that shows the failure: the check's own, or that of
// the first part that fails.
func repeatOf(o *check.Outcome) string {
	if o.Repeat != "" {
		return o.Repeat
	}
	for _, s := range o.Subs {
		if s.Verdict == check.Fail && s.Repeat != "" {
			return s.Repeat
		}
	}
	return ""
}

func details(o *check.Outcome) string {
	var b strings.Builder
	for _, row := range detailRows(o) {
		fmt.Fprintf(&b, "%-9s %s\n", row[0], row[1])
	}
	if cmd := repeatOf(o); cmd != "" {
		fmt.Fprintf(&b, "%-9s %s\n", "repeat", cleanCommand(cmd))
	}
	return b.String()
}

// cleanCommand makes a command safe to print. Unlike other text it keeps its
// line breaks, which are part of it.
func cleanCommand(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

package report

import (
	"fmt"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

// CheckResult is a run of check for the reports.
type CheckResult struct {
	*check.Report
	Exit    int // the exit code of the run
	Repeats *CheckRepeats
}

// verdicts lists the verdicts in the order in which they are counted.
func verdicts() []check.Verdict {
	return []check.Verdict{check.Pass, check.Fail, check.Warn, check.Skip, check.Blocked, check.Inconclusive}
}

// detailRows are the labels and texts about a check that does not hold, in their order.
func detailRows(o *check.Checked) [][2]string {
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
			out = append(out, [2]string{row[0], term.Clean(row[1])})
		}
	}
	return out
}

// mostParts is how many of the parts that do not hold are listed.
const mostParts = 6

// badParts words the parts of a check that do not hold, where the check itself
// does not say it.
func badParts(o *check.Checked) []string {
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

// reasonOf is why a result is as it is.
func reasonOf(o *check.Checked) string {
	switch {
	case o.Missing == "":
		return o.Reason
	case o.Missing == check.NeedHTTPS:
		return "not applicable: the endpoint is plain http"
	case o.Reason != "":
		return "not configured: " + needText(o.Missing) + ", and " + o.Reason
	}
	return "not configured: " + needText(o.Missing)
}

// needText is how a user gives a run what a check needs.
func needText(n check.Need) string {
	text, ok := map[check.Need]string{
		check.NeedAuth: "--auth", check.NeedOAuth: "--auth oauth", check.NeedHTTPS: "an https endpoint", check.NeedProbe: "--probe or --probe-cmd",
		check.NeedBatch: "--batch", check.NeedRestart: "--restart-cmd", check.NeedFault: "--fault-on and --fault-off",
	}[n]
	if !ok {
		return string(n)
	}
	return text
}

func details(o *check.Checked, repeats *CheckRepeats) string {
	var b strings.Builder
	for _, row := range detailRows(o) {
		fmt.Fprintf(&b, "%-9s %s\n", row[0], row[1])
	}
	if cmd := repeats.command(o); cmd != "" {
		fmt.Fprintf(&b, "%-9s %s\n", "repeat", cleanCommand(cmd))
	}
	return b.String()
}

// cleanCommand makes a command safe to print. Unlike other text it keeps its
// line breaks, which are part of it.
func cleanCommand(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = term.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

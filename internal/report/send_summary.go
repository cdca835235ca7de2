package report

import (
	"fmt"
	"strings"

	"relayctl/internal/duration"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
)

// namedAtMost is how many events in flight a text summary names.
const namedAtMost = 5

// resumedText says what a run took over from the run that it continues, "" if it
// continues none.
func resumedText(sum *sim.Summary) string {
	var parts []string
	if sum.AcceptedBefore > 0 {
		parts = append(parts, term.Count(sum.AcceptedBefore, "event")+" accepted before, not sent again")
	}
	if n := len(sum.Resent); n > 0 {
		names := make([]string, 0, namedAtMost)
		for _, e := range sum.Resent[:min(n, namedAtMost)] {
			names = append(names, term.ShortID(e.ID))
		}
		if n > namedAtMost {
			names = append(names, fmt.Sprintf("and %d more (--output json names all)", n-namedAtMost))
		}
		parts = append(parts, fmt.Sprintf("%d in flight when it ended, sent again: %s", n, strings.Join(names, ", ")))
	}
	return strings.Join(parts, "; ")
}

// cutShortText says where a run was ended, "" for a run that completed its plan.
func cutShortText(sum *sim.Summary) string {
	if !sum.CutShort {
		return ""
	}
	if sum.Deliveries == 0 {
		return "before the first event"
	}
	return "after " + term.Count(sum.Events+sum.Copies, "event") + "; the rest of the plan was neither read nor sent"
}

// outageText says what a downtime of the endpoint cost, "" if there was none.
func outageText(o *sim.Outage) string {
	if !o.Happened() {
		return ""
	}
	parts := []string{term.Count(o.Failed, "failed attempt")}
	if down := o.Down(); down > 0 {
		text := fmt.Sprintf("down for %s from %s", duration.Text(down), term.Seconds(o.DownFrom.Local()))
		if o.StillDown {
			text += " until the end"
		}
		parts = append(parts, text)
	}
	if o.DeliveredLate > 0 {
		parts = append(parts, fmt.Sprintf("%d delivered late (median %s, at most %s)", o.DeliveredLate, duration.Text(min(o.MedianDelay, o.WorstDelay)), duration.Text(o.WorstDelay)))
	}
	parts = append(parts, fmt.Sprintf("%d lost after the last attempt", o.Lost))
	if o.PeakRetries > 0 {
		parts = append(parts, fmt.Sprintf("at most %s in a second", term.Count(o.PeakRetries, "retry")))
	}
	return strings.Join(parts, ", ")
}

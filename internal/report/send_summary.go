package report

import (
	"fmt"
	"strings"

	"relayctl/internal/sim"
)

// namedAtMost is how many events under way a text summary names.
const namedAtMost = 5

// resumedText says what a run took over from the one that it continues, "" for
// a run of its own.
func resumedText(sum *sim.Summary) string {
	var parts []string
	if sum.Before > 0 {
		parts = append(parts, plural(sum.Before, "event")+" accepted before, not sent again")
	}
	if n := len(sum.Resent); n > 0 {
		names := make([]string, 0, namedAtMost)
		for _, e := range sum.Resent[:min(n, namedAtMost)] {
			names = append(names, shortID(e.ID, idWidth))
		}
		if n > namedAtMost {
			names = append(names, fmt.Sprintf("and %d more (--output json names all)", n-namedAtMost))
		}
		parts = append(parts, fmt.Sprintf("%d in flight when it ended, sent again: %s", n, strings.Join(names, ", ")))
	}
	return strings.Join(parts, "; ")
}

// cutShortText says what a run that was ended knows nothing of, "" for a run
// that had its whole plan.
func cutShortText(sum *sim.Summary) string {
	if !sum.CutShort {
		return ""
	}
	if sum.Events == 0 {
		return "before the first event"
	}
	return "after " + plural(sum.Events, "event") + "; the rest of the plan was neither read nor sent"
}

// outageText says what a down-time of the endpoint cost, "" when there was none.
func outageText(o *sim.Outage) string {
	if !o.Happened() {
		return ""
	}
	parts := []string{plural(o.Failed, "failed attempt")}
	if down := o.Down(); down > 0 {
		text := fmt.Sprintf("down for %s from %s", human(down), o.DownFrom.Local().Format("15:04:05"))
		if o.StillDown {
			text += " until the end"
		}
		parts = append(parts, text)
	}
	if o.DeliveredLate > 0 {
		parts = append(parts, fmt.Sprintf("%d delivered late (median %s, at most %s)", o.DeliveredLate, human(min(o.MedianDelay, o.WorstDelay)), human(o.WorstDelay)))
	}
	parts = append(parts, fmt.Sprintf("%d lost after the last attempt", o.Lost))
	if o.PeakRetries > 0 {
		parts = append(parts, fmt.Sprintf("at most %s in a second", plural(o.PeakRetries, "retry")))
	}
	return strings.Join(parts, ", ")
}

type resentEvent struct {
	EventID   string `json:"event_id"`
	EventName string `json:"event_name"`
}

// resentJSON names the events that were in flight when the run before ended.
func resentJSON(sum *sim.Summary) []resentEvent {
	out := []resentEvent{}
	for _, e := range sum.Resent {
		out = append(out, resentEvent{e.ID, e.Name})
	}
	return out
}

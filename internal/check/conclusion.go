package check

import (
	"cmp"
	"slices"
	"strings"
)

// Advice is one thing to fix, and what is likely to hold once it is.
type Advice struct {
	ID      string // of the check that shows it best, "" where no check does
	Text    string // what was seen
	Follows []string
}

// explains lists, by check, those that fail as well where it fails: they look at
// the same thing in a harder case.
func explains(id string) []string {
	switch id {
	case "event.accept":
		return []string{"event.samples", "duplicate.accepted", "order.accepted", "retry.recovers", "batch.accepted"}
	case "event.effect":
		return []string{"load.no-loss"}
	case "duplicate.sequential":
		return []string{"duplicate.concurrent", "duplicate.lost-ack", "duplicate.memory", "order.converges", "batch.converges", "durable.restart", "load.no-loss"}
	case "duplicate.lost-ack":
		return []string{"retry.effect"}
	case "duplicate.distinct":
		return []string{"order.converges", "batch.converges", "load.no-loss"}
	case "order.reversed":
		return []string{"order.fine", "order.converges", "batch.converges", "concurrent.events"}
	case "order.converges":
		return []string{"batch.converges"}
	case "concurrent.events":
		return []string{"load.no-loss"}
	case "load.burst":
		return []string{"load.deadline", "load.no-loss"}
	}
	return nil
}

// Conclusion is what to fix, in the order in which to do it. Where one cause
// explains several outcomes it stands there once.
func (r *Report) Conclusion() []Advice {
	var all []Advice
	if r.Cause != "" {
		all = append(all, Advice{Text: r.Cause})
	}
	if r.Gone != nil {
		all = append(all, Advice{ID: r.Gone.Check, Text: r.Gone.describe()})
	}
	var open []*Outcome
	for i := range r.Outcomes {
		if urgency(&r.Outcomes[i]) > 0 {
			open = append(open, &r.Outcomes[i])
		}
	}
	slices.SortStableFunc(open, func(a, b *Outcome) int { return cmp.Compare(urgency(a), urgency(b)) })
	for _, o := range open {
		text := cmp.Or(o.Actual, o.Reason)
		if i := slices.IndexFunc(all, func(a Advice) bool { return r.covers(a, o, text) }); i >= 0 {
			if all[i].ID != o.Check.ID {
				all[i].Follows = append(all[i].Follows, o.Check.ID)
			}
			continue
		}
		all = append(all, Advice{ID: o.Check.ID, Text: text})
	}
	return all
}

// urgency orders what is to be fixed; 0 is for what is not.
func urgency(o *Outcome) int {
	switch {
	case o.Known != nil:
		return 0
	case o.Verdict == Fail && o.Check.Level == Must:
		return 1
	case o.Verdict == Blocked:
		return 2
	case o.Verdict == Inconclusive && o.Check.Level == Must:
		return 3
	case o.Verdict == Fail, o.Verdict == Warn:
		return 4
	}
	return 0
}

// covers says whether an outcome says no more than the advice does.
func (r *Report) covers(a Advice, o *Outcome, text string) bool {
	switch {
	case a.ID == o.Check.ID, a.Text == text, slices.Contains(explains(a.ID), o.Check.ID):
		return true
	case r.Cause != "" && a.Text == r.Cause:
		return o.Verdict == Blocked || o.Verdict == Inconclusive
	case r.Gone != nil && a.Text == r.Gone.describe():
		return strings.Contains(text, "stopped answering at")
	}
	// "message.action_taken was not accepted: …" follows from the check that found
	// out that it is not.
	event, _, ok := strings.Cut(text, " was not accepted")
	return ok && o.Verdict == Blocked && strings.Contains(a.Text, event)
}

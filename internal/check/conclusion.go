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

// often lists, by check, those that fail as well where it fails: they look at
// the same thing in a harder case.
func often(id string) []string {
	switch id {
	case "auth.valid":
		return []string{"auth.scheme-case", "auth.oauth-token", "event.accept"}
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

// explains says whether the failure of the check of that id explains a result. An order
// that ends wrong without duplicates in it is not explained by duplicate.sequential. Nor is
// it by duplicate.distinct where order.reversed fails too, which then explains it.
func (r *Report) explains(id string, o *Checked) bool {
	if !slices.Contains(often(id), o.Check.ID) {
		return false
	}
	if o.Check.ID == "order.converges" && !o.OfCopies {
		return id != "duplicate.sequential" && (id != "duplicate.distinct" || !r.fails("order.reversed"))
	}
	return true
}

// fails says whether the check of that id failed.
func (r *Report) fails(id string) bool {
	return slices.ContainsFunc(r.Checked, func(o Checked) bool { return o.Check.ID == id && o.Failed() })
}

// causesFirst puts what failed before what it explains.
func (r *Report) causesFirst(open []*Checked) {
	for i := 0; i < len(open); {
		at := slices.IndexFunc(open[i+1:], func(c *Checked) bool {
			return c.Failed() && urgency(c) == urgency(open[i]) && r.explains(c.Check.ID, open[i])
		})
		if at < 0 {
			i++
			continue
		}
		cause := open[i+1+at]
		copy(open[i+1:i+2+at], open[i:i+1+at])
		open[i] = cause
	}
}

// Conclusion is what to fix, in the order in which to do it. Where one cause
// explains several results it stands there once.
func (r *Report) Conclusion() []Advice {
	var all []Advice
	if r.Cause != "" {
		all = append(all, Advice{ID: r.shownBy(), Text: r.Cause})
	}
	if r.Gone != nil {
		all = append(all, Advice{ID: r.Gone.Check, Text: r.Gone.describe()})
	}
	var open []*Checked
	for i := range r.Checked {
		if urgency(&r.Checked[i]) > 0 {
			open = append(open, &r.Checked[i])
		}
	}
	slices.SortStableFunc(open, func(a, b *Checked) int { return cmp.Compare(urgency(a), urgency(b)) })
	r.causesFirst(open)
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

// shownBy is the check that shows best why no valid event is accepted, "" where none
// does.
func (r *Report) shownBy() string {
	for _, id := range []string{"auth.valid", "event.accept"} {
		if r.fails(id) {
			return id
		}
	}
	return ""
}

// urgency orders what is to be fixed; 0 is for what is not.
func urgency(o *Checked) int {
	switch {
	case o.Known != nil, o.Interrupted():
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

// covers says whether a result says no more than the advice does.
func (r *Report) covers(a Advice, o *Checked, text string) bool {
	switch {
	case a.ID == o.Check.ID, a.Text == text, a.ID != "" && r.explains(a.ID, o):
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

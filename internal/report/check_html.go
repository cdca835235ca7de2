package report

import (
	"fmt"
	"io"
	"strconv"

	"relayctl/internal/check"
)

// WriteHTML writes the run as a page: the counts, then every check with its
// details to unfold, open where it does not hold.
func (r CheckResult) WriteHTML(w io.Writer) error {
	p := Page{
		Title: "relayctl check", Verdict: statusWord(r.Report), Tone: statusTone(r.Status()),
		Subtitle: fmt.Sprintf("%s, %s, seed %d", Clean(r.Target), r.StartedAt.UTC().Format("2 January 2006 15:04:05 UTC"), r.Seed),
		Foot:     "MUST fails a run, SHOULD warns (and fails a strict one), MAY informs. Clauses (R-…) are those of Relay's webhook contract as relayctl documents it.",
	}
	for _, v := range verdicts() {
		f := Fact{Label: string(v), Value: strconv.Itoa(r.Count(v)), Tone: verdictTone(v)}
		if r.Count(v) == 0 {
			f.Tone = Muted
		}
		p.Facts = append(p.Facts, f)
	}
	p.Facts = append(p.Facts, Fact{Label: "duration", Value: human(r.Duration)})
	if r.Cause != "" {
		p.Sections = append(p.Sections, Section{Title: "What stands in the way", Note: Clean(r.Cause)})
	}
	if len(r.Stale) > 0 {
		s := Section{Title: "The baseline is to be mended", Tables: []Table{{Head: []Column{{Title: "entry"}}}}}
		for _, text := range r.Stale {
			s.Tables[0].Rows = append(s.Tables[0].Rows, []Cell{{Text: Clean(text), Tone: Bad}})
		}
		p.Sections = append(p.Sections, s)
	}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if n := len(p.Sections); n == 0 || p.Sections[n-1].Title != o.Check.Group() {
			p.Sections = append(p.Sections, Section{Title: o.Check.Group()})
		}
		s := &p.Sections[len(p.Sections)-1]
		s.Items = append(s.Items, r.item(o))
	}
	return p.Write(w)
}

func (r CheckResult) item(o *check.Outcome) Item {
	it := Item{
		Badge: outcomeWord(o), Tone: verdictTone(o.Verdict), Title: o.Check.ID + ": " + o.Check.Title,
		Aside: string(o.Check.Level) + " " + o.Check.Clause, Open: o.Failed(),
	}
	if o.Verdict == check.Fail || o.Verdict == check.Warn {
		for _, row := range detailRows(o) {
			it.Facts = append(it.Facts, Fact{Label: row[0], Value: row[1]})
		}
		it.Code = cleanCommand(repeatOf(o))
	} else if o.Reason != "" {
		it.Facts = append(it.Facts, Fact{Label: "reason", Value: Clean(o.Reason)})
	}
	it.Facts = append(it.Facts, Fact{Label: "why", Value: o.Check.Why, Tone: Muted}, Fact{Label: "how", Value: o.Check.How, Tone: Muted})
	if o.Duration > 0 {
		it.Facts = append(it.Facts, Fact{Label: "took", Value: human(o.Duration), Tone: Muted})
	}
	return it
}

func verdictTone(v check.Verdict) Tone {
	switch v {
	case check.Pass:
		return Good
	case check.Fail:
		return Bad
	case check.Skip:
		return Muted
	}
	return Warn
}

func statusTone(s check.Status) Tone {
	switch s {
	case check.Green:
		return Good
	case check.Red, check.Unchecked:
		return Bad
	}
	return Warn
}

// statusWord says how a run ended.
func statusWord(r *check.Report) string {
	switch s := r.Status(); {
	case s == check.Unchecked:
		return "nothing was checked"
	case s == check.NothingKnown && r.Unreachable:
		return "unreachable"
	default:
		return string(s)
	}
}

// outcomeWord is how an outcome's verdict is written.
func outcomeWord(o *check.Outcome) string {
	switch {
	case o.Known != nil:
		return "known"
	case o.Verdict == check.Fail:
		return "FAIL"
	}
	return string(o.Verdict)
}

package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/duration"
	"relayctl/internal/report/page"
	"relayctl/internal/report/term"
)

// WriteHTML writes the run as a page: the counts, what to fix in which order, the
// checks that do not hold with their details, and then all others to unfold.
func (r CheckResult) WriteHTML(w io.Writer) error {
	p := page.Page{
		Title: "relayctl check", Verdict: statusWord(r.Report), Tone: statusTone(r.Status()),
		Subtitle: fmt.Sprintf("%s, %s, seed %d", term.Clean(r.Target), r.StartedAt.UTC().Format("2 January 2006 15:04:05 UTC"), r.Seed),
		Foot:     "MUST fails a run, SHOULD warns (and fails a strict one), MAY informs. Clauses (R-…) are those of Relay's webhook contract as relayctl documents it.",
	}
	for _, v := range verdicts() {
		f := page.Fact{Label: string(v), Value: strconv.Itoa(r.Count(v)), Tone: verdictTone(v)}
		if r.Count(v) == 0 {
			f.Tone = term.Muted
		}
		p.Facts = append(p.Facts, f)
	}
	p.Facts = append(p.Facts, page.Fact{Label: "duration", Value: duration.Text(r.Duration)})
	if r.Cause != "" {
		p.Sections = append(p.Sections, page.Section{Title: "What stands in the way", Note: term.Clean(r.Cause)})
	}
	if s, ok := r.toFix(); ok {
		p.Sections = append(p.Sections, s)
	}
	if len(r.Stale) > 0 {
		s := page.Section{Title: "The baseline is to be mended", Tables: []page.Table{{Head: []page.Column{{Title: "entry"}}}}}
		for _, text := range r.Stale {
			s.Tables[0].Rows = append(s.Tables[0].Rows, []page.Cell{{Text: term.Clean(text), Tone: term.Bad}})
		}
		p.Sections = append(p.Sections, s)
	}
	if s := r.notHolding(); len(s.Items) > 0 {
		p.Sections = append(p.Sections, s)
	}
	for i := range r.Checked {
		o := &r.Checked[i]
		if speaks(o) {
			continue
		}
		if n := len(p.Sections); n == 0 || p.Sections[n-1].Title != o.Check.Group() {
			p.Sections = append(p.Sections, page.Section{Title: o.Check.Group()})
		}
		s := &p.Sections[len(p.Sections)-1]
		s.Items = append(s.Items, r.item(o))
	}
	return p.Write(w)
}

// toFix is the index of the page: what to fix, in which order, linked to the check
// that shows it.
func (r CheckResult) toFix() (s page.Section, ok bool) {
	s = page.Section{Title: "To fix, in this order", Tables: []page.Table{{Head: []page.Column{{Title: "check"}, {Title: "what was seen"}, {Title: "explains"}}}}}
	for _, a := range r.Conclusion() {
		if a.ID == "" {
			continue // it stands above
		}
		s.Tables[0].Rows = append(s.Tables[0].Rows, []page.Cell{{Text: a.ID, Link: a.ID}, {Text: term.Clean(a.Text)}, {Text: strings.Join(a.Follows, ", ")}})
	}
	return s, len(s.Tables[0].Rows) > 0
}

// notHolding are the checks that do not hold, before all others.
func (r CheckResult) notHolding() page.Section {
	s := page.Section{Title: "What does not hold"}
	for i := range r.Checked {
		if o := &r.Checked[i]; speaks(o) {
			s.Items = append(s.Items, r.item(o))
		}
	}
	return s
}

func (r CheckResult) item(o *check.Checked) page.Item {
	it := page.Item{
		Badge: verdictWord(o), Tone: verdictTone(o.Verdict), Title: o.Check.ID + ": " + o.Check.Title,
		Aside: string(o.Check.Level) + " " + o.Check.Clause, Open: speaks(o) && o.Known == nil, Anchor: o.Check.ID,
	}
	if o.Verdict == check.Fail || o.Verdict == check.Warn {
		for _, row := range detailRows(o) {
			it.Facts = append(it.Facts, page.Fact{Label: row[0], Value: row[1]})
		}
		it.Code = cleanCommand(r.Repeats.command(o))
	} else if reasonOf(o) != "" {
		it.Facts = append(it.Facts, page.Fact{Label: "reason", Value: term.Clean(reasonOf(o))})
	}
	it.Facts = append(it.Facts, page.Fact{Label: "why", Value: o.Check.Why, Tone: term.Muted}, page.Fact{Label: "how", Value: o.Check.How, Tone: term.Muted})
	if o.Duration > 0 {
		it.Facts = append(it.Facts, page.Fact{Label: "took", Value: duration.Text(o.Duration), Tone: term.Muted})
	}
	return it
}

func verdictTone(v check.Verdict) term.Tone {
	switch v {
	case check.Pass:
		return term.Good
	case check.Fail:
		return term.Bad
	case check.Skip:
		return term.Muted
	}
	return term.Warn
}

func statusTone(s check.Status) term.Tone {
	switch s {
	case check.Green:
		return term.Good
	case check.Red, check.Unchecked:
		return term.Bad
	}
	return term.Warn
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

// verdictWord is how a verdict is written.
func verdictWord(o *check.Checked) string {
	switch {
	case o.Known != nil:
		return "known"
	case o.Verdict == check.Fail:
		return "FAIL"
	}
	return string(o.Verdict)
}

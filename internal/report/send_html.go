package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/page"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

// WriteHTML writes the run as a page with charts.
func (r SendResult) WriteHTML(w io.Writer) error {
	sum := &r.Summary
	text, tone := verdict(sum)
	p := page.Page{
		Title: "relayctl send", Verdict: text, Tone: tone,
		Subtitle: fmt.Sprintf("to %s, %s, seed %d", term.Clean(r.Details.Target), sum.Began.UTC().Format("2 January 2006 15:04:05 UTC"), sum.Seed),
		Facts:    r.facts(),
		Sections: []page.Section{sendCharts(sum)},
		Foot:     "Clauses (R-…) are those of Relay's webhook contract as relayctl documents it.",
	}
	if text := cutShortText(sum); text != "" {
		p.Subtitle += "; cut short: " + text
	}
	if s := r.notAccepted(); s.Items != nil {
		p.Sections = append(p.Sections, s)
	}
	p.Sections = append(p.Sections, answers(sum), attemptsTable(sum), r.byEvent())
	if sum.Outage.Happened() {
		p.Sections = append(p.Sections, outageSection(&sum.Outage))
	}
	if r.Embedded != nil {
		p.Sections = append(p.Sections, receiverSection(r.Embedded))
	}
	return p.Write(w)
}

func (r SendResult) facts() []page.Fact {
	sum := &r.Summary
	fact := func(label string, n int, tone term.Tone, note string) page.Fact {
		return page.Fact{Label: label, Value: strconv.Itoa(n), Tone: toneOf(n, tone), Note: note}
	}
	c := &sum.OfCopies
	note := func(copies int, text string) string { return strings.Trim(andCopies(copies)+"; "+text, " ;") }
	facts := []page.Fact{
		fact("events", sum.Events, term.Plain, strings.TrimPrefix(countsText(sum), term.Count(sum.Events, "event")+", ")),
		fact("accepted", sum.Accepted-c.Accepted, term.Good, note(c.Accepted, fmt.Sprintf("%d after a retry", sum.Retried-c.Retried))),
		fact("given up", sum.GivenUp-c.GivenUp, term.Bad, note(c.GivenUp, "R-FOUR")),
		fact("refused", sum.Refused-c.Refused, term.Bad, note(c.Refused, "R-401, R-RETRY-ONLY")),
	}
	if sum.Skipped > 0 {
		facts = append(facts, fact("skipped", sum.Skipped-c.Skipped, term.Warn, note(c.Skipped, fmt.Sprintf("%d accepted before", sum.AcceptedBefore-c.AcceptedBefore))))
	}
	return append(facts,
		page.Fact{Label: "latency, median", Value: duration.Text(sum.P50), Note: "p90 " + duration.Text(sum.P90)},
		page.Fact{Label: "latency, p99", Value: duration.Text(sum.P99), Note: "max " + duration.Text(sum.Max)},
		page.Fact{Label: "rate", Value: fmt.Sprintf("%g/s", sum.PerSecond), Note: "attempts a second"},
		page.Fact{Label: "duration", Value: duration.Text(sum.Ended.Sub(sum.Began)), Note: "from " + term.Seconds(sum.Began.UTC()) + " UTC"},
	)
}

// toneOf is the tone of a number: a zero is muted.
func toneOf(n int, tone term.Tone) term.Tone {
	if n == 0 {
		return term.Muted
	}
	return tone
}

// chartSteps is how many steps a chart has at most. More would show noise.
const chartSteps = 90

// sendCharts is the section with the charts.
func sendCharts(sum *sim.Summary) page.Section {
	s := sum.Series.Over(sum.Ended.Sub(sum.Began), chartSteps)
	n := len(s.Buckets)
	rows := make([][]float64, 7)
	for i := range rows {
		rows[i] = make([]float64, n)
	}
	for i := range s.Buckets {
		b := &s.Buckets[i]
		for r, v := range []float64{
			float64(b.Accepted), float64(b.LostAcks), float64(b.Failed), float64(b.Refused),
			duration.Millis(b.Quantile(.5)), duration.Millis(b.Quantile(.9)), duration.Millis(b.Quantile(.99)),
		} {
			rows[r][i] = v
		}
	}
	return page.Section{
		Title: "Over time",
		Note:  "From the start of the run; one step is " + duration.Text(s.Width) + ". Latencies count from the intended start of a call.",
		Charts: []page.Chart{
			{Title: "Outcome of attempts", Step: s.Width, Stack: []page.Series{
				{Name: "accepted", Values: rows[0]}, {Name: "answer dropped on purpose", Values: rows[1]}, {Name: "failed, tried again or given up", Values: rows[2]}, {Name: "refused", Values: rows[3]},
			}},
			{Title: "Latency", Step: s.Width, Lines: []page.Series{{Name: "median", Values: rows[4]}, {Name: "p90", Values: rows[5]}, {Name: "p99", Values: rows[6]}}},
		},
	}
}

func (r SendResult) notAccepted() page.Section {
	s := page.Section{Title: "Not accepted", After: r.Details.cutNote()}
	groups := r.Details.failuresOf(nil)
	for i, f := range groups[:min(len(groups), mostGroups)] {
		item := f.item()
		item.Open = i == 0
		s.Items = append(s.Items, item)
	}
	if rest := len(groups) - mostGroups; rest > 0 {
		s.Note = fmt.Sprintf("The %d most frequent of %d different failures; --report json=FILE lists all.", mostGroups, len(groups))
	}
	return s
}

func answers(sum *sim.Summary) page.Section {
	t := page.Table{Head: []page.Column{{Title: "answer"}, {Title: "attempts", Right: true}, {Title: "share"}}}
	for _, a := range answerRows(sum) {
		t.Rows = append(t.Rows, []page.Cell{{Text: a.label, Tone: a.tone}, {Text: strconv.Itoa(a.count)}, {Bar: float64(a.count) / float64(max(1, sum.Attempts))}})
	}
	return page.Section{Title: "Answers", Tables: []page.Table{t}}
}

// answerRow is a line of the table of answers.
type answerRow struct {
	label string
	count int
	tone  term.Tone
}

// answerRows lists how the attempts ended: statuses, then failures.
func answerRows(sum *sim.Summary) []answerRow {
	var rows []answerRow
	for _, code := range sortedKeys(sum.Statuses) {
		tone := term.Bad
		switch {
		case code == 200:
			tone = term.Good
		case event.Accepted(code):
			tone = term.Warn
		}
		rows = append(rows, answerRow{strconv.Itoa(code), sum.Statuses[code], tone})
	}
	lost := sum.LostAcks
	for _, f := range sortedKeys(sum.Failures) {
		n := sum.Failures[f]
		if f == wire.Timeout {
			n -= lost // lost acks have a row of their own
		}
		if n > 0 {
			rows = append(rows, answerRow{string(f), n, term.Bad})
		}
	}
	if lost > 0 {
		rows = append(rows, answerRow{"lost ack", lost, term.Warn})
	}
	return rows
}

func attemptsTable(sum *sim.Summary) page.Section {
	t := page.Table{Head: []page.Column{{Title: "attempts"}, {Title: "deliveries", Right: true}, {Title: "share"}}}
	for i, n := range sum.ByAttempt {
		t.Rows = append(t.Rows, []page.Cell{{Text: strconv.Itoa(i + 1)}, {Text: strconv.Itoa(n)}, {Bar: float64(n) / float64(max(1, sum.Deliveries))}})
	}
	return page.Section{Title: "Attempts a delivery", Tables: []page.Table{t}}
}

func (r SendResult) byEvent() page.Section {
	t := page.Table{Head: []page.Column{{Title: "event"}, {Title: "accepted", Right: true}, {Title: "after a retry", Right: true}, {Title: "given up", Right: true}, {Title: "refused", Right: true}, {Title: "skipped", Right: true}}}
	for _, name := range sortedKeys(r.Details.byName) {
		c := r.Details.byName[name]
		row := []page.Cell{{Text: term.NameOf(name)}}
		for i, n := range []int{c.Accepted, c.Retried, c.GivenUp, c.Refused, c.Skipped} {
			tone := term.Plain
			if i == 2 || i == 3 {
				tone = term.Bad
			}
			row = append(row, page.Cell{Text: strconv.Itoa(n), Tone: toneOf(n, tone)})
		}
		t.Rows = append(t.Rows, row)
	}
	return page.Section{Title: "By event", Tables: []page.Table{t}}
}

func outageSection(o *sim.Outage) page.Section {
	t := page.Table{Head: []page.Column{{Title: "cost"}, {Title: ""}}}
	add := func(what, value string) { t.Rows = append(t.Rows, []page.Cell{{Text: what}, {Text: value}}) }
	add("attempts that failed", strconv.Itoa(o.Failed))
	if down := o.Down(); down > 0 {
		until := "until it answered again"
		if o.StillDown {
			until = "and it did not come back"
		}
		add("longest down-time", fmt.Sprintf("%s, %s", duration.Text(down), until))
	}
	add("events delivered late", strconv.Itoa(o.DeliveredLate))
	if o.DeliveredLate > 0 {
		add("late by", fmt.Sprintf("median %s, p99 %s, at most %s", duration.Text(o.MedianDelay), duration.Text(o.P99Delay), duration.Text(o.WorstDelay)))
	}
	add("events lost (R-FOUR)", strconv.Itoa(o.Lost))
	add("peak of the retry wave", fmt.Sprintf("%s in a second%s", term.Count(o.PeakRetries, "retry"), atClock(o.PeakAt)))
	return page.Section{Title: "What failures cost", Tables: []page.Table{t}}
}

func atClock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", at " + term.Seconds(t.UTC()) + " UTC"
}

func receiverSection(s *judge.Summary) page.Section {
	t := page.Table{Head: []page.Column{{Title: "received"}, {Title: "", Right: true}}}
	add := func(what string, n uint64) {
		t.Rows = append(t.Rows, []page.Cell{{Text: what}, {Text: strconv.FormatUint(n, 10)}})
	}
	add("requests", s.Requests)
	add("different events", s.Events)
	add("arrivals of events", s.Arrivals)
	add("different events accepted", s.Accepted)
	for _, k := range sortedKeys(s.ByBadge) {
		add(string(k), s.ByBadge[k])
	}
	add("findings: errors", s.Errors)
	add("findings: warnings", s.Warnings)
	section := page.Section{Title: "What the embedded receiver got", Tables: []page.Table{t}}
	if len(s.Found) > 0 {
		section.Tables = append(section.Tables, foundTable(s.Found))
	}
	return section
}

func foundTable(found []judge.Found) page.Table {
	t := page.Table{Head: []page.Column{{Title: "finding"}, {Title: "clause"}, {Title: "what"}, {Title: "where"}}}
	for _, k := range found {
		tone, what := term.Warn, term.Clean(k.Message)
		if k.Level == event.Error {
			tone = term.Bad
		}
		if k.Path != "" {
			what = term.Clean(k.Path) + ": " + what
		}
		t.Rows = append(t.Rows, []page.Cell{{Text: string(k.Level), Tone: tone}, {Text: k.Clause}, {Text: what}, {Text: foundIn(&k)}})
	}
	return t
}

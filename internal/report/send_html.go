package report

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// WriteHTML writes the run as a page with charts.
func (r SendResult) WriteHTML(w io.Writer) error {
	sum := &r.Summary
	text, tone := verdict(sum)
	p := Page{
		Title: "relayctl send", Verdict: text, Tone: tone,
		Subtitle: fmt.Sprintf("to %s, %s, seed %d", Clean(r.Record.Target), sum.Began.UTC().Format("2 January 2006 15:04:05 UTC"), sum.Seed),
		Facts:    r.facts(),
		Sections: []Section{overTime(sum)},
		Foot:     "Clauses (R-…) are those of Relay's webhook contract as relayctl documents it.",
	}
	if text := cutShortText(sum); text != "" {
		p.Subtitle += "; cut short: " + text
	}
	if s := r.notAccepted(); s.Tables != nil {
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

func (r SendResult) facts() []Fact {
	sum := &r.Summary
	count := func(n int, tone Tone) (string, Tone) {
		if n == 0 {
			tone = Muted
		}
		return strconv.Itoa(n), tone
	}
	fact := func(label string, n int, tone Tone, note string) Fact {
		f := Fact{Label: label, Note: note}
		f.Value, f.Tone = count(n, tone)
		return f
	}
	facts := []Fact{
		fact("events", sum.Events, Plain, plural(sum.Attempts, "attempt")),
		fact("accepted", sum.Accepted, Good, fmt.Sprintf("%d after a retry", sum.Retried)),
		fact("given up", sum.GivenUp, Bad, "R-FOUR"),
		fact("refused", sum.Refused, Bad, "R-401, R-RETRY-ONLY"),
	}
	if sum.Skipped > 0 {
		facts = append(facts, fact("skipped", sum.Skipped, Warn, fmt.Sprintf("%d accepted before", sum.Before)))
	}
	return append(facts,
		Fact{Label: "latency, median", Value: human(sum.P50), Note: "p90 " + human(sum.P90)},
		Fact{Label: "latency, p99", Value: human(sum.P99), Note: "max " + human(sum.Max)},
		Fact{Label: "rate", Value: fmt.Sprintf("%g/s", sum.PerSecond), Note: "attempts a second"},
		Fact{Label: "duration", Value: human(sum.Ended.Sub(sum.Began)), Note: "from " + sum.Began.UTC().Format("15:04:05 UTC")},
	)
}

// chartSteps is how many steps a chart has at most: with more it shows noise.
const chartSteps = 90

// overTime is the charts.
func overTime(sum *sim.Summary) Section {
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
			millis(b.Quantile(.5)), millis(b.Quantile(.9)), millis(b.Quantile(.99)),
		} {
			rows[r][i] = v
		}
	}
	return Section{
		Title: "Over time",
		Note:  "From the start of the run; one step is " + axisTime(s.Width) + ". Latencies count from the intended start of a call.",
		Charts: []Chart{
			{Title: "Outcome of attempts", Step: s.Width, Stack: []ChartData{
				{"accepted", rows[0]}, {"answer dropped on purpose", rows[1]}, {"failed, tried again or given up", rows[2]}, {"refused", rows[3]},
			}},
			{Title: "Latency", Step: s.Width, Lines: []ChartData{{"median", rows[4]}, {"p90", rows[5]}, {"p99", rows[6]}}},
		},
	}
}

func (r SendResult) notAccepted() Section {
	s := Section{Title: "Not accepted", After: r.Record.cutNote()}
	if len(r.Record.troubles) == 0 {
		return s
	}
	t := Table{Head: []Column{{Title: "event"}, {Title: "id"}, {Title: "outcome"}, {Title: "attempts", Right: true}, {Title: "last answer"}, {Title: "why"}}}
	for _, tr := range r.Record.troubles {
		answer := string(tr.failure)
		if tr.status != 0 {
			answer = strconv.Itoa(tr.status)
		}
		tone := Bad
		if tr.kind == sim.Skipped {
			tone = Warn
		}
		t.Rows = append(t.Rows, []Cell{
			{Text: tr.name}, {Text: Clean(tr.id), Code: true}, {Text: string(tr.kind), Tone: tone},
			{Text: strconv.Itoa(tr.attempts)}, {Text: answer}, {Text: Clean(tr.reason)},
		})
	}
	s.Tables = []Table{t}
	return s
}

func answers(sum *sim.Summary) Section {
	t := Table{Head: []Column{{Title: "answer"}, {Title: "attempts", Right: true}, {Title: "share"}}}
	for _, a := range answerRows(sum) {
		t.Rows = append(t.Rows, []Cell{{Text: a.label, Tone: a.tone}, {Text: strconv.Itoa(a.count)}, {Bar: float64(a.count) / float64(max(1, sum.Attempts))}})
	}
	return Section{Title: "Answers", Tables: []Table{t}}
}

// answerRow is a line of the table of answers.
type answerRow struct {
	label string
	count int
	tone  Tone
}

// answerRows lists what the attempts brought: statuses, then failures.
func answerRows(sum *sim.Summary) []answerRow {
	var rows []answerRow
	for _, code := range sortedKeys(sum.Statuses) {
		tone := Bad
		switch {
		case code == 200:
			tone = Good
		case code < 300:
			tone = Warn
		}
		rows = append(rows, answerRow{strconv.Itoa(code), sum.Statuses[code], tone})
	}
	lost := sum.LostAcks
	for _, f := range sortedKeys(sum.Failures) {
		n := sum.Failures[f]
		if f == sim.Timeout {
			n -= lost // they have a row of their own
		}
		if n > 0 {
			rows = append(rows, answerRow{string(f), n, Bad})
		}
	}
	if lost > 0 {
		rows = append(rows, answerRow{"lost ack", lost, Warn})
	}
	return rows
}

func attemptsTable(sum *sim.Summary) Section {
	t := Table{Head: []Column{{Title: "attempts"}, {Title: "deliveries", Right: true}, {Title: "share"}}}
	for i, n := range sum.ByAttempt {
		t.Rows = append(t.Rows, []Cell{{Text: strconv.Itoa(i + 1)}, {Text: strconv.Itoa(n)}, {Bar: float64(n) / float64(max(1, sum.Deliveries))}})
	}
	return Section{Title: "Attempts a delivery", Tables: []Table{t}}
}

func (r SendResult) byEvent() Section {
	t := Table{Head: []Column{{Title: "event"}, {Title: "accepted", Right: true}, {Title: "after a retry", Right: true}, {Title: "given up", Right: true}, {Title: "refused", Right: true}, {Title: "skipped", Right: true}}}
	for _, name := range sortedKeys(r.Record.byName) {
		c := r.Record.byName[name]
		row := []Cell{{Text: nameOf(name)}}
		for i, n := range []int{c.Accepted, c.Retried, c.GivenUp, c.Refused, c.Skipped} {
			cell := Cell{Text: strconv.Itoa(n)}
			switch {
			case n == 0:
				cell.Tone = Muted
			case i == 2 || i == 3:
				cell.Tone = Bad
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return Section{Title: "By event", Tables: []Table{t}}
}

func outageSection(o *sim.Outage) Section {
	t := Table{Head: []Column{{Title: "cost"}, {Title: ""}}}
	add := func(what, value string) { t.Rows = append(t.Rows, []Cell{{Text: what}, {Text: value}}) }
	add("attempts that failed", strconv.Itoa(o.Failed))
	if down := o.Down(); down > 0 {
		until := "until it answered again"
		if o.StillDown {
			until = "and it did not come back"
		}
		add("longest down-time", fmt.Sprintf("%s, %s", human(down), until))
	}
	add("events delivered late", strconv.Itoa(o.DeliveredLate))
	if o.DeliveredLate > 0 {
		add("late by", fmt.Sprintf("median %s, p99 %s, at most %s", human(o.MedianDelay), human(o.P99Delay), human(o.WorstDelay)))
	}
	add("events lost (R-FOUR)", strconv.Itoa(o.Lost))
	add("peak of the retry wave", fmt.Sprintf("%d retries in a second%s", o.PeakRetries, atClock(o.PeakAt)))
	return Section{Title: "What failures cost", Tables: []Table{t}}
}

func atClock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", at " + t.UTC().Format("15:04:05 UTC")
}

func receiverSection(s *recv.Summary) Section {
	t := Table{Head: []Column{{Title: "received"}, {Title: "", Right: true}}}
	add := func(what string, n uint64) {
		t.Rows = append(t.Rows, []Cell{{Text: what}, {Text: strconv.FormatUint(n, 10)}})
	}
	add("requests", s.Requests)
	add("events", s.Events)
	add("different events accepted", s.Accepted)
	for _, k := range sortedKeys(s.ByBadge) {
		add(string(k), s.ByBadge[k])
	}
	add("findings: errors", s.Errors)
	add("findings: warnings", s.Warnings)
	section := Section{Title: "The embedded receiver's side", Tables: []Table{t}}
	if len(s.Found) > 0 {
		section.Tables = append(section.Tables, foundTable(s.Found))
	}
	return section
}

func foundTable(found []recv.Found) Table {
	t := Table{Head: []Column{{Title: "finding"}, {Title: "clause"}, {Title: "what"}, {Title: "where"}}}
	for _, k := range found {
		tone, what := Warn, Clean(k.Message)
		if k.Level == event.Error {
			tone = Bad
		}
		if k.Path != "" {
			what = Clean(k.Path) + ": " + what
		}
		t.Rows = append(t.Rows, []Cell{{Text: string(k.Level), Tone: tone}, {Text: k.Clause}, {Text: what}, {Text: foundIn(&k)}})
	}
	return t
}

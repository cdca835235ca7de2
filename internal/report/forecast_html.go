package report

import (
	"io"
	"strconv"

	"relayctl/internal/duration"
	"relayctl/internal/report/page"
	"relayctl/internal/report/term"
)

// WriteHTML writes the forecast as a page with charts.
func (f Forecast) WriteHTML(w io.Writer) error {
	m := f.Main
	verdict, tone := "nothing is lost", term.Good
	if m.Lost > 0 {
		verdict, tone = term.Count(m.Lost, "event")+" lost", term.Bad
	}
	p := page.Page{
		Title: "relayctl forecast", Verdict: verdict, Tone: tone, Subtitle: term.Clean(f.What) + ". " + f.setting(),
		Facts: []page.Fact{
			{Label: "events", Value: strconv.Itoa(m.Events), Note: callsText(m)},
			{Label: "accepted at once", Value: strconv.Itoa(m.AtOnce), Tone: toneOf(m.AtOnce, term.Good), Note: percent(m.AtOnce, m.Events)},
			{Label: "accepted late", Value: strconv.Itoa(m.Late), Tone: toneOf(m.Late, term.Warn), Note: lateness(m)},
			{Label: "lost", Value: strconv.Itoa(m.Lost), Tone: toneOf(m.Lost, term.Bad), Note: lostHow(&f)},
			{Label: "backlog", Value: strconv.Itoa(m.PeakBacklog), Note: backlogText(&f, m)},
		},
		Sections: []page.Section{f.assumptions(), f.charts(), f.latenessSection(), f.lostSection(), f.followSection()},
		Foot:     "Clauses (R-…) are those of Relay's webhook contract as relayctl documents it. What is assumed is not Relay's documented behaviour.",
	}
	return p.Write(w)
}

func (f *Forecast) assumptions() page.Section {
	t := page.Table{Head: []page.Column{{Title: "assumed"}, {Title: "lost", Right: true}, {Title: "late", Right: true}, {Title: "late by p50", Right: true}, {Title: "p99", Right: true}, {Title: "max", Right: true}, {Title: "backlog gone after the outage", Right: true}}}
	for _, v := range f.Table {
		name, r := variationName(v), v.Result
		if r == f.Main {
			name += " (this forecast)"
		}
		t.Rows = append(t.Rows, []page.Cell{
			{Text: name}, {Text: strconv.Itoa(r.Lost), Tone: toneOf(r.Lost, term.Bad)}, {Text: strconv.Itoa(r.Late)}, {Text: duration.Text(r.P50)},
			{Text: duration.Text(r.P99)}, {Text: duration.Text(r.Max)}, {Text: recovered(r)},
		})
	}
	return page.Section{Title: "What is assumed decides", Note: f.decides(), Tables: []page.Table{t}}
}

func (f *Forecast) charts() page.Section {
	s := f.Main.Series.In(chartSteps)
	rows := make([][]float64, 6)
	for _, st := range s.Steps {
		for i, v := range []int32{st.Arrived, st.Accepted, st.Lost, st.Backlog, st.Calls - st.Retries, st.Retries} {
			rows[i] = append(rows[i], float64(v))
		}
	}
	chart := func(title string, rows ...page.Series) page.Chart {
		return page.Chart{Title: title, Step: s.Width, Stack: rows}
	}
	return page.Section{Title: "Over time", Note: "From the start of the run; one step is " + duration.Text(s.Width) + ".", Charts: []page.Chart{
		chart("Arrivals: events that become due", page.Series{Name: "arrived", Values: rows[0]}),
		chart("Accepted", page.Series{Name: "accepted", Values: rows[1]}),
		chart("Lost", page.Series{Name: "lost", Values: rows[2]}),
		chart("Backlog: events that are due and neither accepted nor lost", page.Series{Name: "waiting", Values: rows[3]}),
		chart("First attempts", page.Series{Name: "calls", Values: rows[4]}),
		chart("Retries", page.Series{Name: "calls", Values: rows[5]}),
	}}
}

func (f *Forecast) latenessSection() page.Section {
	m := f.Main
	if m.Late == 0 {
		return page.Section{Title: "Lateness", Note: "No event is late."}
	}
	values := make([]float64, len(m.Lateness))
	for i, n := range m.Lateness {
		values[i] = float64(n)
	}
	return page.Section{Title: "Lateness", Note: "How long after they were due the late events are accepted: " + lateness(m) + ".", Charts: []page.Chart{
		{Title: "Late events by their lateness", Step: m.LatenessStep, Stack: []page.Series{{Name: "events", Values: values}}},
	}}
}

func (f *Forecast) lostSection() page.Section {
	t := page.Table{Head: []page.Column{{Title: "event"}, {Title: "accepted at once", Right: true}, {Title: "late", Right: true}, {Title: "lost", Right: true}}}
	for _, c := range f.Main.ByName {
		t.Rows = append(t.Rows, []page.Cell{{Text: term.NameOf(c.Name)}, {Text: strconv.Itoa(c.AtOnce)}, {Text: strconv.Itoa(c.Late)}, {Text: strconv.Itoa(c.Lost), Tone: toneOf(c.Lost, term.Bad)}})
	}
	return page.Section{Title: "By event", Tables: []page.Table{t}}
}

func (f *Forecast) followSection() page.Section {
	t := page.Table{Head: []page.Column{{Title: "what"}, {Title: ""}}}
	for _, row := range f.follows() {
		t.Rows = append(t.Rows, []page.Cell{{Text: row[0]}, {Text: row[1]}})
	}
	return page.Section{Title: "What follows", Tables: []page.Table{t}}
}

package report

import (
	"io"
	"strconv"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/report/page"
	"relayctl/internal/report/term"
	"relayctl/internal/sim/forecast"
)

// WriteLine writes the forecast as one JSON object on one line.
func (f Forecast) WriteLine(w io.Writer) error { return writeLines(w, f.object()) }

// WriteJSON writes the same object over several lines.
func (f Forecast) WriteJSON(w io.Writer) error { return writeObject(w, f.object()) }

// seriesJSON is the run over time, in as many steps as the charts have.
func (f *Forecast) seriesJSON() map[string]any {
	s := f.Main.Series.In(chartSteps)
	steps := []map[string]any{}
	for i, st := range s.Steps {
		steps = append(steps, map[string]any{
			"from_ms": duration.Millis(time.Duration(i) * s.Width), "arrived": st.Arrived, "accepted": st.Accepted, "lost": st.Lost,
			"calls": st.Calls, "retries": st.Retries, "backlog": st.Backlog,
		})
	}
	return map[string]any{"step_ms": duration.Millis(s.Width), "steps": steps}
}

func windowsJSON(windows []forecast.Window) []map[string]any {
	out := []map[string]any{}
	for _, w := range windows {
		window := map[string]any{"from_ms": duration.Millis(w.From)}
		if w.Until > 0 {
			window["until_ms"] = duration.Millis(w.Until)
		}
		out = append(out, window)
	}
	return out
}

func (f *Forecast) object() map[string]any {
	table := []map[string]any{}
	for _, v := range f.Table {
		row := resultJSON(v.Result)
		row["workers"], row["delays_times"] = v.Workers, v.Delays
		table = append(table, row)
	}
	delays := []float64{}
	for _, d := range f.Relay.Delays {
		delays = append(delays, duration.Millis(d))
	}
	o := resultJSON(f.Main)
	byName := []map[string]any{}
	for _, c := range f.Main.ByName {
		byName = append(byName, map[string]any{"event_name": c.Name, "accepted_at_once": c.AtOnce, "accepted_late": c.Late, "lost": c.Lost})
	}
	without := resultJSON(f.Undamaged)
	rebatched := resultJSON(f.Rebatched)
	rebatched["events_a_call"] = f.RebatchedN
	decides, _, _ := f.Decisive()
	for key, value := range map[string]any{
		"type": "forecast", "plan": f.What, "seed": f.Seed, "deliveries": f.Deliveries, "outages": windowsJSON(f.Endpoint.Outages), "outage_answer": f.Answer,
		"latency_ms": duration.Millis(f.Endpoint.Latency), "concurrency": f.Endpoint.Concurrency, "rate": f.Rate.String(), "attempts": f.Relay.Attempts, "retry_delays_ms": delays, "timeout_ms": duration.Millis(f.Relay.Timeout),
		"spread": f.Relay.Spread, "by_event": byName, "table": table, "decides": decides, "without_outage": without, "rebatched": rebatched,
		"quiet_before_ms": duration.Millis(f.Quiet()), "pauses": windowsJSON(f.Pauses()), "survives_ms": duration.Millis(f.Survives()), "unnamed_calls": f.Unnamed, "exit": f.Exit,
		"series": f.seriesJSON(), "lateness": map[string]any{"step_ms": duration.Millis(f.Main.LatenessStep), "events": orEmpty(f.Main.Lateness)},
	} {
		o[key] = value
	}
	o["workers"] = f.Relay.Workers
	return o
}

// resultJSON is what came of one setting.
func resultJSON(r *forecast.Result) map[string]any {
	o := map[string]any{
		"events": r.Events, "accepted_at_once": r.AtOnce, "accepted_late": r.Late, "retried": r.Retried, "lost": r.Lost,
		"late_by_ms": map[string]float64{"p50": duration.Millis(r.P50), "p99": duration.Millis(r.P99), "max": duration.Millis(r.Max)},
		"calls":      r.Calls, "retries": r.Retries, "peak_retries_per_minute": r.PeakRetries,
		"peak_backlog": r.PeakBacklog, "ended_ms": duration.Millis(r.Last), "recovered_ms": nil,
	}
	if r.Recovered > 0 {
		o["recovered_ms"] = duration.Millis(r.Recovered)
	}
	return o
}

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

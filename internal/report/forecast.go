package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"relayctl/internal/duration"
	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/forecast"
)

// Forecast shows a forecast.
type Forecast struct {
	*forecast.Forecast
	What   string   // the plan, in words
	Rate   sim.Rate // of the plan's calls; the zero value keeps the plan's own times
	Answer string   // what calls get during an outage
	Seed   uint64
	Exit   int
}

// WriteText writes the forecast for people.
func (f Forecast) WriteText(w io.Writer, st *term.Style) error {
	t := forecastText{f, bufio.NewWriter(w), st}
	m := f.Main
	t.line("%s: %s in %s over %s, seed %d", term.Clean(f.What), term.Count(m.Events, "event"), term.Count(f.Deliveries, "call"), duration.Text(f.Last), f.Seed)
	t.para("", f.setting())
	fmt.Fprintln(t.w)
	t.outcome()
	t.lostByEvent()
	t.backlog()
	t.table()
	t.para("", f.decides())
	for i, row := range f.follows() {
		if i == 0 {
			fmt.Fprintln(t.w)
		}
		t.para(row[0], row[1])
	}
	return t.w.Flush()
}

// forecastText writes a forecast to one writer.
type forecastText struct {
	Forecast
	w  *bufio.Writer
	st *term.Style
}

func (t *forecastText) line(format string, args ...any) {
	t.st.Hanging(t.w, "", 2, fmt.Sprintf(format, args...))
}

// para writes a text under a label, or without one from the margin.
func (t *forecastText) para(label, text string) {
	if label == "" {
		t.line("%s", text)
		return
	}
	t.st.Hanging(t.w, "  "+t.st.Dim(term.Fit(label, detailWidth))+" ", detailWidth+3, text)
}

func (t *forecastText) outcome() {
	m := t.Main
	row := func(label string, n int, tone term.Tone, note string) {
		paint, share := t.st.Tone(toneOf(n, tone)), ""
		if n > 0 {
			share = percent(n, m.Events)
		}
		head := fmt.Sprintf("%s %s  %5s", term.Fit(label, 16), fmt.Sprintf("%9d", n), share)
		fmt.Fprintln(t.w, strings.TrimRight("  "+paint(strings.TrimRight(head, " "))+"  "+note, " "))
	}
	row("accepted at once", m.AtOnce, term.Good, "")
	row("accepted late", m.Late, term.Warn, strings.TrimPrefix(lateness(m), "late by "))
	row("lost", m.Lost, term.Bad, lostHow(&t.Forecast))
	fmt.Fprintln(t.w)
}

// lateness says how late events were accepted.
func lateness(r *forecast.Result) string {
	if r.Late == 0 {
		return ""
	}
	return fmt.Sprintf("late by p50 %s, p99 %s, max %s", duration.Text(r.P50), duration.Text(r.P99), duration.Text(r.Max))
}

func lostHow(f *Forecast) string {
	outage, alone := len(f.Endpoint.Outages) > 0 && !f.Endpoint.Outage.Retried, f.Undamaged.Lost > 0 && !f.Relay.RetryTimeout
	switch {
	case f.Main.Lost == 0:
		return ""
	case outage && f.Undamaged.Lost == 0:
		return "after one attempt: " + f.Answer + " is not retried (R-RETRY-ONLY)"
	case alone && f.Undamaged.Lost == f.Main.Lost:
		return "after one attempt: what timed out is not retried"
	case outage || alone:
		return "given up, or not retried (R-FOUR, R-RETRY-ONLY)"
	}
	return fmt.Sprintf("after attempt %d of %d (R-FOUR)", f.Relay.Attempts, f.Relay.Attempts)
}

func (t *forecastText) lostByEvent() {
	var list []string
	for _, c := range lostNames(t.Main) {
		list = append(list, fmt.Sprintf("%s %d", term.NameOf(c.Name), c.Lost))
	}
	if len(list) > 0 {
		t.para("lost", strings.Join(list, ", "))
	}
}

// lostNames are the events that were lost, the most frequent first.
func lostNames(r *forecast.Result) []forecast.NameCount {
	names := slices.DeleteFunc(slices.Clone(r.ByName), func(c forecast.NameCount) bool { return c.Lost == 0 })
	slices.SortStableFunc(names, func(a, b forecast.NameCount) int {
		return cmp.Or(b.Lost-a.Lost, strings.Compare(a.Name, b.Name))
	})
	return names
}

func (t *forecastText) backlog() {
	t.para("backlog", backlogText(&t.Forecast, t.Main))
	t.para("calls", callsText(t.Main))
	fmt.Fprintln(t.w)
}

func backlogText(f *Forecast, m *forecast.Result) string {
	if m.PeakBacklog == 0 {
		return "none at the end of any second"
	}
	text := fmt.Sprintf("at most %s, after %s", term.Count(m.PeakBacklog, "event"), duration.Text(m.PeakAt))
	outage := "the outage"
	if len(f.Endpoint.Outages) > 1 {
		outage = "the last outage"
	}
	switch {
	case m.Endless:
		return text + "; the outage does not end"
	case m.Recovered == 0:
		return text
	case m.Recovered == m.OutageEnd:
		return text + "; gone when " + outage + " ends"
	}
	return text + fmt.Sprintf("; gone after %s, %s after %s", duration.Text(m.Recovered), duration.Text(m.Recovered-m.OutageEnd), outage)
}

func callsText(m *forecast.Result) string {
	text := fmt.Sprintf("%d, %d of them retries", m.Calls, m.Retries)
	if m.Retries > 0 {
		text += fmt.Sprintf("; peak of the retry wave %d in the minute from %s", m.PeakRetries, duration.Text(m.PeakRetriesAt))
	}
	return text + "; the last call ends after " + duration.Text(m.Last)
}

// table shows the other values of what Relay does not document.
func (t *forecastText) table() {
	fmt.Fprintln(t.w, t.st.Dim(fmt.Sprintf("  %-14s %9s %9s %10s %10s %10s", "assumed", "lost", "late", "p50", "max", "recovered")))
	for _, v := range t.Table {
		own := v.Result == t.Main
		mark, r := "", v.Result
		if own {
			mark = " *"
		}
		line := fmt.Sprintf("  %-14s %9d %9d %10s %10s %10s", variationName(v)+mark, r.Lost, r.Late, duration.Text(r.P50), duration.Text(r.Max), recovered(r))
		if own {
			line = t.st.Bold(line)
		}
		fmt.Fprintln(t.w, line)
	}
}

func variationName(v forecast.Variation) string {
	if v.Delays > 1 {
		return fmt.Sprintf("delays ×%d", v.Delays)
	}
	return term.Count(v.Workers, "worker")
}

func recovered(r *forecast.Result) string {
	switch {
	case r.Endless:
		return "never"
	case r.Recovered == 0:
		return "-"
	}
	return "+" + duration.Text(r.Recovered-r.OutageEnd)
}

// setting says what the model has, and what of it is assumed.
func (f *Forecast) setting() string {
	c, e := &f.Relay, &f.Endpoint
	text := "No outage"
	if len(e.Outages) > 0 {
		var windows []string
		for _, w := range e.Outages {
			windows = append(windows, windowText(w))
		}
		text = "Outage " + strings.Join(windows, ", ") + ": calls get " + answerText(f.Answer)
	}
	text += fmt.Sprintf(", otherwise 200 after %s", duration.Text(e.Latency))
	if e.Concurrency > 0 {
		text += fmt.Sprintf(", %s at once", term.Count(e.Concurrency, "call"))
	}
	var delays []string
	for _, d := range c.Delays {
		delays = append(delays, duration.Text(d))
	}
	text += fmt.Sprintf(". %s (R-FOUR); assumed: %s (R-WORKERS), delays %s (R-DELAYS)", term.Count(c.Attempts, "attempt"), term.Count(c.Workers, "worker"), strings.Join(delays, ", "))
	if f.Rate.Calls > 0 {
		text += "; " + f.Rate.String()
	}
	return text + "."
}

func windowText(w forecast.Window) string {
	if w.Until == 0 {
		return "from " + duration.Text(w.From) + " on"
	}
	return fmt.Sprintf("%s..%s (%s)", duration.Text(w.From), duration.Text(w.Until), duration.Text(w.Until-w.From))
}

func answerText(answer string) string {
	switch answer {
	case "connect":
		return "no connection"
	case "timeout":
		return "no answer"
	}
	return answer
}

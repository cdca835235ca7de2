package report

import (
	"fmt"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/report/term"
	"relayctl/internal/sim/forecast"
)

// decides says which assumption the loss hangs on.
func (f *Forecast) decides() string {
	what, low, high := f.Decisive()
	loses := func(v forecast.Variation) string {
		return fmt.Sprintf("%d lost with %s", v.Result.Lost, variationName(v))
	}
	switch what {
	case "workers":
		return fmt.Sprintf("The number of workers decides: %s, %s. Relay documents neither it nor the delays: ask.", loses(low), loses(high))
	case "delays":
		loses = func(v forecast.Variation) string {
			return fmt.Sprintf("%d lost with delays ×%d", v.Result.Lost, v.Delays)
		}
		return fmt.Sprintf("The delays between the attempts decide: %s, %s. Relay documents neither them nor the number of workers: ask.", loses(low), loses(high))
	}
	return "None of these assumptions changes what is lost."
}

// follows is what to do, as labels and texts. What cannot be promised is not said.
func (f *Forecast) follows() (rows [][2]string) {
	add := func(label, text string) {
		if text != "" {
			rows = append(rows, [2]string{label, text})
		}
	}
	add("endpoint", f.losesAlone())
	if len(f.Endpoint.Outages) == 0 {
		return rows
	}
	add("pause", f.pause())
	add("shorter", f.shorter())
	if !f.Endpoint.Outage.Retried {
		add("answer", f.Answer+" is not retried, so each event whose call meets the outage is lost at once: answer 500, or refuse the connection (R-500, R-RETRY-ONLY).")
	}
	add("batches", f.batches())
	add("ask Relay", ask)
	return rows
}

// losesAlone says what the endpoint loses without any outage, and why.
func (f *Forecast) losesAlone() string {
	u, c, e := f.Undamaged, &f.Relay, &f.Endpoint
	if u.Lost == 0 {
		return ""
	}
	why := ""
	switch f.Cause() {
	case forecast.Slow:
		why = fmt.Sprintf("an answer takes %s, and a call times out after %s (R-DEADLINE)", duration.Text(e.Latency), duration.Text(c.Timeout))
	case forecast.Unheard:
		why = fmt.Sprintf("the plan loses up to %s of an event, and there are %s", term.Count(f.LostAcks, "answer"), term.Count(c.Attempts, "attempt"))
	case forecast.UnheardOnce:
		why = "the plan loses answers, and a call that timed out is not tried again"
	case forecast.Crowded:
		why = fmt.Sprintf("with %s at once and %s each it takes %.3g calls a second, and calls that wait longer than %s time out (R-DEADLINE)",
			term.Count(e.Concurrency, "call"), duration.Text(e.Latency), float64(e.Concurrency)/e.Latency.Seconds(), duration.Text(c.Timeout))
	}
	return fmt.Sprintf("Loses %d of %s without any outage: %s. Mend this first.", u.Lost, term.Count(u.Events, "event"), why)
}

// pause says when to pause uploads so that the outages cost nothing.
func (f *Forecast) pause() string {
	var times []string
	for _, w := range f.Pauses() {
		from := duration.Text(w.From)
		switch {
		case w.From == 0 && w.Until == 0: // there is no time for an upload
			return ""
		case w.From == 0:
			times = append(times, "before "+duration.Text(w.Until))
		case w.Until == 0:
			times = append(times, "from "+from+" on")
		default:
			times = append(times, "from "+from+" until "+duration.Text(w.Until))
		}
	}
	when := strings.Join(times, ", nor ")
	switch {
	case when == "":
		return ""
	case f.Journey < time.Second: // there are no uploads that can pause
		return "Nothing is lost if no event is due " + when + "."
	}
	return fmt.Sprintf("No upload %s, and nothing is lost: a record's events are delivered within %s of its upload. Clicks on older messages can come at any time.", when, duration.Text(f.Quiet()))
}

// shorter says how short an outage has to be to lose nothing.
func (f *Forecast) shorter() string {
	survives := f.Survives()
	switch {
	case survives == 0:
		return ""
	case len(f.Endpoint.Outages) > 1:
		return fmt.Sprintf("An outage under %s loses nothing: the last attempt comes after it. Outages less than that apart count as one, from the first to the end of the last.", duration.Text(survives))
	}
	return fmt.Sprintf("An outage under %s loses nothing: the last attempt comes after it.", duration.Text(survives))
}

// batches says whether batching helps, and by how much.
func (f *Forecast) batches() string {
	m, o := f.Main, f.Rebatched
	text, end := "Single calls", ""
	if f.RebatchedN > 1 {
		text = fmt.Sprintf("Batches of %d", f.RebatchedN)
	}
	if m.Recovered > 0 && o.Recovered > 0 {
		was, is := duration.Text(m.Recovered-m.OutageEnd), duration.Text(o.Recovered-o.OutageEnd)
		if was != is {
			end = fmt.Sprintf("; the backlog is gone in %s instead of %s", is, was)
		}
	}
	switch {
	case o.Lost > m.Lost:
		text += fmt.Sprintf(" lose more, %s instead of %d", term.Count(o.Lost, "event"), m.Lost)
	case o.Lost < m.Lost:
		text += fmt.Sprintf(" lose less, %s instead of %d", term.Count(o.Lost, "event"), m.Lost)
	default:
		text += " do not change the loss"
	}
	return text + end + "."
}

// ask is what to ask of Relay's Client Success Manager.
const ask = "Tell your Client Success Manager date and times (R-DOWNTIME). Are events held back and delivered afterwards? How many calls are made at once? How long are the delays? Can lost events be sent again?"

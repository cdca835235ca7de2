package report

import (
	"io"
	"time"

	"relayctl/internal/duration"
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

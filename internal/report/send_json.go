package report

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// WriteJSON writes the run as one JSON object: the summary, what was not
// accepted, and the run over time.
func (r SendResult) WriteJSON(w io.Writer) error {
	sum := &r.Summary
	type delivery struct {
		EventID   string  `json:"event_id"`
		EventName string  `json:"event_name"`
		Events    int     `json:"events"`
		CCID      string  `json:"ccid,omitempty"`
		Outcome   string  `json:"outcome"`
		Attempts  int     `json:"attempts"`
		Status    *int    `json:"status"`
		Error     *string `json:"error"`
		Reason    string  `json:"reason"`
		FirstAt   string  `json:"first_at,omitempty"`
		TookMS    float64 `json:"took_ms"`
	}
	list := []delivery{}
	for _, t := range r.Record.troubles {
		d := delivery{
			EventID: t.id, EventName: t.name, Events: max(1, t.events), CCID: t.ccid, Outcome: string(t.kind),
			Attempts: t.attempts, Reason: t.reason, TookMS: millis(t.took),
		}
		if t.status != 0 {
			d.Status = &t.status
		}
		if t.failure != sim.NoFailure {
			f := string(t.failure)
			d.Error = &f
		}
		if !t.first.IsZero() {
			d.FirstAt = rfc3339(t.first)
		}
		list = append(list, d)
	}
	text, _ := verdict(sum)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{
		"target": r.Record.Target, "seed": sum.Seed, "started_at": rfc3339(sum.Began), "ended_at": rfc3339(sum.Ended),
		"verdict": text, "exit": r.Exit, "summary": sendSummary(sum, r.Embedded), "by_event": r.Record.byName,
		"not_accepted": list, "not_listed": r.Record.cut, "series": seriesJSON(sum),
	})
}

// seriesJSON is the run over time; steps in which no attempt ended are left out.
func seriesJSON(sum *sim.Summary) map[string]any {
	steps := []map[string]any{}
	for i := range sum.Series.Buckets {
		b := &sum.Series.Buckets[i]
		if b.Attempts == 0 {
			continue
		}
		steps = append(steps, map[string]any{
			"from_ms": millis(time.Duration(i) * sum.Series.Width), "attempts": b.Attempts, "accepted": b.Accepted, "retries": b.Retries, "refused": b.Refused, "failed": b.Failed, "lost_acks": b.LostAcks,
			"p50_ms": millis(b.Quantile(.5)), "p90_ms": millis(b.Quantile(.9)), "p99_ms": millis(b.Quantile(.99)),
		})
	}
	return map[string]any{"step_ms": millis(sum.Series.Width), "steps": steps}
}

// sendSummary is the summary as the JSON outputs have it.
func sendSummary(sum *sim.Summary, embedded *recv.Summary) map[string]any {
	statuses := map[string]int{}
	for code, n := range sum.Statuses {
		statuses[strconv.Itoa(code)] = n
	}
	o := map[string]any{
		"type": "summary", "events": sum.Events, "deliveries": sum.Deliveries, "attempts": sum.Attempts,
		"accepted": sum.Accepted, "retried": sum.Retried, "given_up": sum.GivenUp, "refused": sum.Refused, "skipped": sum.Skipped,
		"accepted_before": sum.Before, "lost_acks": sum.LostAcks, "undocumented_2xx": sum.Undoc2xx, "statuses": statuses,
		"failures": sum.Failures, "attempts_histogram": orEmpty(sum.ByAttempt),
		"latency_ms":  map[string]float64{"p50": millis(sum.P50), "p90": millis(sum.P90), "p99": millis(sum.P99), "max": millis(sum.Max)},
		"behind_ms":   millis(sum.Behind),
		"resent":      resentJSON(sum),
		"duration_ms": millis(sum.Ended.Sub(sum.Began)), "rate_per_s": sum.PerSecond, "seed": sum.Seed, "interrupted": sum.Interrupted, "cut_short": sum.CutShort, "tokens": sum.Tokens,
	}
	if out := &sum.Outage; out.Happened() {
		o["outage"] = map[string]any{
			"failed_attempts": out.Failed, "down_ms": millis(out.Down()), "still_down": out.StillDown,
			"delivered_late": out.DeliveredLate, "late_by_ms": map[string]float64{"p50": millis(out.MedianDelay), "p99": millis(out.P99Delay), "max": millis(out.WorstDelay)},
			"lost": out.Lost, "peak_retries_per_s": out.PeakRetries,
		}
	}
	if embedded != nil {
		o["receiver"] = listenSummary(*embedded)
	}
	return o
}

package report

import (
	"io"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// SendJSON shows a run of send as NDJSON.
type SendJSON struct{ lines }

// NewSendJSON makes the renderer of send --output json.
func NewSendJSON(w io.Writer) *SendJSON { return &SendJSON{newLines(w)} }

// Flush implements sim.Flusher.
func (s *SendJSON) Flush() { _ = s.flush() }

type attemptJSON struct {
	Type string `json:"type"`
	carriedJSON
	Attempt    int      `json:"attempt"`
	Of         int      `json:"of"`
	Copy       int      `json:"copy,omitempty"`
	Status     *int     `json:"status"`
	Error      *string  `json:"error"`
	Detail     string   `json:"detail,omitempty"`
	AnswerBody string   `json:"answer_body,omitempty"` // of an answer other than 2xx, its beginning
	LostAck    bool     `json:"lost_ack,omitempty"`
	LostStatus int      `json:"lost_status,omitempty"`
	LatencyMS  float64  `json:"latency_ms"`
	SentAt     string   `json:"sent_at"`
	IntendedAt string   `json:"intended_at"`
	RetryInMS  *float64 `json:"retry_in_ms,omitempty"`
}

// Attempt implements sim.Observer.
func (s *SendJSON) Attempt(a *sim.Attempt) {
	o := attemptJSON{
		Type: "attempt", Attempt: a.Number, Of: a.Of, Copy: a.Delivery.Copy, LatencyMS: duration.Millis(a.Latency), Detail: a.Detail, AnswerBody: bodyText(a.Answer),
		SentAt: event.FormatTS(a.SentAt), IntendedAt: event.FormatTS(a.Intended), LostAck: a.LostAck, LostStatus: a.LostStatus,
	}
	o.carriedJSON = carried(a.Delivery)
	if a.Failure != wire.NoFailure {
		f := string(a.Failure)
		o.Error = &f
	} else {
		o.Status = &a.Status
	}
	if a.Retry {
		in := duration.Millis(a.RetryIn)
		o.RetryInMS = &in
	}
	s.put(o)
}

// Outcome implements sim.Observer. Each event of a batch has a line of its own.
func (s *SendJSON) Outcome(o *sim.Outcome) {
	type delivery struct {
		Type      string `json:"type"`
		EventID   string `json:"event_id"`
		EventName string `json:"event_name"`
		CCID      string `json:"ccid"`
		Outcome   string `json:"outcome"`
		Attempts  int    `json:"attempts"`
		Copy      int    `json:"copy,omitempty"`
		Reason    string `json:"reason,omitempty"`
	}
	events := o.Delivery.Events
	if len(events) == 0 {
		events = []plan.EventRef{{}} // a body without a readable event counts as one
	}
	for _, e := range events {
		s.put(delivery{"delivery", e.ID, e.Name, e.CCID, string(o.Kind), o.Attempts, o.Delivery.Copy, o.Reason})
	}
}

// bodyText is a body as JSON shows it.
func bodyText(body []byte) string { return strings.ToValidUTF8(string(body), "\uFFFD") }

// carriedJSON names the event that a call carries, or the events of a batch.
type carriedJSON struct {
	EventID   *string  `json:"event_id,omitempty"`
	EventName *string  `json:"event_name,omitempty"`
	CCID      *string  `json:"ccid,omitempty"`
	EventIDs  []string `json:"event_ids,omitempty"`
	CCIDs     []string `json:"ccids,omitempty"` // of the events, in their order
}

func carried(d *plan.Delivery) (c carriedJSON) {
	var single plan.EventRef
	shape := event.Single
	if len(d.Events) == 1 {
		single = d.Events[0]
		shape, _, _ = event.Split(d.Body) // a batch may have a single event
	}
	if shape == event.Single && len(d.Events) <= 1 {
		return carriedJSON{EventID: &single.ID, EventName: &single.Name, CCID: &single.CCID}
	}
	for _, e := range d.Events {
		c.EventIDs = append(c.EventIDs, e.ID)
		c.CCIDs = append(c.CCIDs, e.CCID)
	}
	return c
}

// Finish writes the summary and returns the first error of all the writing.
func (s *SendJSON) Finish(sum sim.Summary, embedded *judge.Summary) error {
	s.put(sendSummary(&sum, embedded))
	return s.flush()
}

// WriteJSON writes the run as one JSON object: the summary, what was not
// accepted, and the run over time.
func (r SendResult) WriteJSON(w io.Writer) error {
	sum := &r.Summary
	text, _ := verdict(sum)
	latencies, err := encodeHistogram(sum.Latencies)
	if err != nil {
		return err
	}
	delays, err := encodeHistogram(sum.Outage.Delays)
	if err != nil {
		return err
	}
	return writeObject(w, map[string]any{
		"plan": r.Plan, "shard": map[string]int{"index": max(r.Plan.Shard.Index, 1), "of": max(r.Plan.Shard.Of, 1)},
		"latency_histogram": latencies, "late_histogram": delays,
		"target": r.Details.Target, "seed": sum.Seed, "started_at": event.FormatTS(sum.Began), "ended_at": event.FormatTS(sum.Ended),
		"verdict": text, "exit": r.Exit, "summary": sendSummary(sum, r.Embedded), "by_event": r.Details.byName,
		"not_accepted": orEmpty(r.Details.notAccepted), "not_listed": r.Details.cut, "series": seriesJSON(sum),
	})
}

// seriesJSON is the run over time, without the steps in which no attempt ended.
func seriesJSON(sum *sim.Summary) map[string]any {
	steps := []map[string]any{}
	for i := range sum.Series.Buckets {
		b := &sum.Series.Buckets[i]
		if b.Attempts == 0 {
			continue
		}
		steps = append(steps, map[string]any{
			"from_ms": duration.Millis(time.Duration(i) * sum.Series.Width), "attempts": b.Attempts, "accepted": b.Accepted, "retries": b.Retries, "refused": b.Refused, "failed": b.Failed, "lost_acks": b.LostAcks,
			"p50_ms": duration.Millis(b.Quantile(.5)), "p90_ms": duration.Millis(b.Quantile(.9)), "p99_ms": duration.Millis(b.Quantile(.99)),
			"latencies": b.Latencies(),
		})
	}
	return map[string]any{"step_ms": duration.Millis(sum.Series.Width), "steps": steps}
}

// sendSummary is the summary as the JSON outputs have it.
func sendSummary(sum *sim.Summary, embedded *judge.Summary) map[string]any {
	statuses := map[string]int{}
	for code, n := range sum.Statuses {
		statuses[strconv.Itoa(code)] = n
	}
	o := map[string]any{
		"type": "summary", "events": sum.Events, "copies": sum.Copies, "deliveries": sum.Deliveries, "attempts": sum.Attempts, "requests": sum.Requests,
		"accepted": sum.Accepted, "retried": sum.Retried, "given_up": sum.GivenUp, "refused": sum.Refused, "skipped": sum.Skipped,
		"accepted_before": sum.AcceptedBefore, "of_copies": outcomesJSON(sum.OfCopies), "lost_acks": sum.LostAcks, "undocumented_2xx": sum.Undoc2xx, "statuses": statuses,
		"failures": sum.Failures, "attempts_histogram": orEmpty(sum.ByAttempt),
		"latency_ms":  map[string]float64{"p50": duration.Millis(sum.P50), "p90": duration.Millis(sum.P90), "p99": duration.Millis(sum.P99), "max": duration.Millis(sum.Max)},
		"behind_ms":   duration.Millis(sum.Behind),
		"resent":      resentJSON(sum),
		"duration_ms": duration.Millis(sum.Ended.Sub(sum.Began)), "rate_per_s": sum.PerSecond, "seed": sum.Seed, "interrupted": sum.Interrupted && sum.GaveUpAfter == 0, "gave_up_after": sum.GaveUpAfter, "cut_short": sum.CutShort, "tokens": sum.Tokens,
	}
	if out := &sum.Outage; out.Happened() {
		o["outage"] = map[string]any{
			"failed_attempts": out.Failed, "down_ms": duration.Millis(out.Down()), "down_from": timeOrNull(out.DownFrom), "still_down": out.StillDown,
			"delivered_late": out.DeliveredLate, "late_by_ms": map[string]float64{"p50": duration.Millis(out.MedianDelay), "p99": duration.Millis(out.P99Delay), "max": duration.Millis(out.WorstDelay)},
			"lost": out.Lost, "peak_retries_per_s": out.PeakRetries,
		}
	}
	if embedded != nil {
		o["receiver"] = listenSummary(*embedded)
	}
	return o
}

// outcomesJSON counts how events and copies ended.
type outcomesJSON struct {
	Accepted       int `json:"accepted"`
	Retried        int `json:"retried"`
	GivenUp        int `json:"given_up"`
	Refused        int `json:"refused"`
	Skipped        int `json:"skipped"`
	AcceptedBefore int `json:"accepted_before"`
}

type resentEvent struct {
	EventID   string `json:"event_id"`
	EventName string `json:"event_name"`
}

// resentJSON names the events that were in flight when the previous run ended.
func resentJSON(sum *sim.Summary) []resentEvent {
	out := []resentEvent{}
	for _, e := range sum.Resent {
		out = append(out, resentEvent{e.ID, e.Name})
	}
	return out
}

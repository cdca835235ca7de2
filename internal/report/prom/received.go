package prom

import (
	"strings"

	"relayctl/internal/recv/judge"
)

// Live is what a session has beside the counts.
type Live struct {
	Kept    int   // requests
	Bytes   int64 // that they hold
	Dropped uint64
	AppUp   bool
	HasApp  bool // the app was asked at all
}

// Received returns the counts of a receiver, which are those of its summary, and what its
// session holds.
func Received(s judge.Summary, l Live) Source {
	return func(p *page) {
		byStatus, byName := map[string]uint64{}, map[string]uint64{}
		for status, n := range s.ByStatus {
			byStatus[statusLabel(status)] += n
		}
		for name, n := range s.ByName {
			byName[strings.ToValidUTF8(name, "\uFFFD")] += n
		}
		p.counters("requests_total", "Requests by the status that they were answered; none for no answer.", "status", byStatus)
		p.counters("events_total", "Events received, by name.", "event", byName)
		p.counter("accepted_events_total", "Different events that were accepted.", float64(s.Accepted))
		for _, kind := range judge.Kinds() {
			p.counter("badge_"+kind+"_total", "Events with the badge "+kind+".", float64(s.ByBadge[judge.BadgeKind(kind)]))
		}
		p.counter("finding_errors_total", "Findings of level error.", float64(s.Errors))
		p.counter("finding_warnings_total", "Findings of level warning.", float64(s.Warnings))
		p.counter("unexpected_answers_total", "Requests not answered 200 without a script asking for it.", float64(s.Unexpected))
		p.counter("app_errors_total", "Requests that the app answered 5xx, or not at all.", float64(s.AppErrors))
		p.counter("session_dropped_total", "Requests that the session was too slow for; they are counted everywhere else.", float64(l.Dropped))
		p.gauge("session_requests", "Requests that the session keeps.", float64(l.Kept))
		p.gauge("session_bytes", "Memory that they hold.", float64(l.Bytes))
		if l.HasApp {
			up := 0.0
			if l.AppUp {
				up = 1
			}
			p.gauge("app_up", "Whether the app gave an answer when it was asked last.", up)
		}
	}
}

package report

import (
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf8"

	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// ListenJSON shows the requests of a receiver as NDJSON.
type ListenJSON struct {
	lines
	verbose bool
}

// NewListenJSON makes the renderer of listen --output json; verbose shows whole
// events.
func NewListenJSON(w io.Writer, verbose bool) *ListenJSON { return &ListenJSON{newLines(w), verbose} }

// Listening writes the first line.
func (l *ListenJSON) Listening(b Banner) error {
	o := map[string]any{"type": "listening", "url": b.URL, "ca": b.CA}
	if len(b.Apps) > 0 {
		o["apps"] = b.Apps
	}
	if b.Chance {
		o["seed"] = b.Seed
	}
	l.put(o)
	return l.flush()
}

type receiptJSON struct {
	Type       string          `json:"type"`
	ReceivedAt string          `json:"received_at"`
	EventID    string          `json:"event_id"`
	EventName  string          `json:"event_name"`
	EventTS    string          `json:"event_ts"`
	CCID       string          `json:"ccid"`
	Status     *int            `json:"status"`
	Answer     string          `json:"answer"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
	Remote     string          `json:"remote"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Member     *int            `json:"member,omitempty"`
	By         string          `json:"by,omitempty"`
	App        json.RawMessage `json:"app,omitempty"`
	TookMS     float64         `json:"took_ms"`
	Body       *string         `json:"body,omitempty"`
	BodyBase64 []byte          `json:"body_base64,omitempty"`
}

// Receipt writes a line. Flush makes it visible.
func (l *ListenJSON) Receipt(r *judge.Receipt) {
	if r.Dropped > 0 {
		l.put(map[string]any{"type": "dropped", "receipts": r.Dropped})
	}
	o := receiptJSON{
		Type: "receipt", ReceivedAt: event.FormatTS(r.ReceivedAt), EventID: r.Event.ID, EventName: r.Event.Name, EventTS: r.Event.TSText, CCID: r.Event.Payload.CCID,
		Answer: r.Answer, Attempt: r.Attempt, Badges: badgeTexts(r.Badges), Findings: orEmpty(r.Findings), Remote: r.Remote, TookMS: duration.Millis(r.Took),
		Method: r.Method, Path: capture.Redactor{}.Target(r.Path),
	}
	if r.Status != 0 {
		o.Status = &r.Status
	}
	if r.Members > 0 {
		o.Member = &r.Member
	}
	o.By = r.By
	if r.App != nil {
		o.App = r.App.Append(nil)
	}
	switch raw := r.Event.Raw; {
	case !l.verbose || raw == nil:
	case utf8.Valid(raw):
		body := string(raw)
		o.Body = &body
	default:
		o.BodyBase64 = raw
	}
	l.put(o)
}

// Flush writes out what Receipt has written.
func (l *ListenJSON) Flush() error { return l.flush() }

// Finish writes the summary.
func (l *ListenJSON) Finish(s judge.Summary, failures []string) error {
	o := listenSummary(s)
	o["failed_on"] = orEmpty(failures)
	o["journeys"] = recentsJSON(s.Journeys)
	o["type"] = "summary"
	l.put(o)
	return l.flush()
}

type recentJSON struct {
	Customer string            `json:"customer"`
	Events   []recentEventJSON `json:"events"`
}

type recentEventJSON struct {
	EventID   string   `json:"event_id"`
	EventName string   `json:"event_name"`
	EventTS   string   `json:"event_ts"`
	Times     int      `json:"times"`
	Accepted  bool     `json:"accepted"`
	Badges    []string `json:"badges"`
}

func recentsJSON(journeys []judge.Journey) []recentJSON {
	out := []recentJSON{}
	for _, j := range journeys {
		o := recentJSON{Customer: j.Customer}
		for _, e := range j.Events {
			o.Events = append(o.Events, recentEventJSON{e.ID, e.Name, tsOf(&e), len(e.Arrivals), e.Accepted(), badgeTexts(e.Badges())})
		}
		out = append(out, o)
	}
	return out
}

// badgeTexts is the badges as they are shown, never nil.
func badgeTexts(badges []judge.Badge) []string { return orEmpty(judge.BadgeTexts(badges)) }

func listenSummary(s judge.Summary) map[string]any {
	statuses := map[string]uint64{}
	for code, n := range s.ByStatus {
		statuses[strconv.Itoa(code)] = n
	}
	return map[string]any{
		"requests": s.Requests, "events": s.Events, "arrivals": s.Arrivals, "accepted": s.Accepted, "by_name": s.ByName, "by_badge": s.ByBadge,
		"statuses": statuses, "errors": s.Errors, "warnings": s.Warnings, "unexpected_status": s.Unexpected, "app_errors": s.AppErrors, "dropped": s.Dropped,
		"findings":         foundJSON(s.Found),
		"forgotten_events": s.ForgottenEvents, "forgotten_customers": s.ForgottenCustomers, "left_out": orEmpty(s.LeftOut),
	}
}

type foundKind struct {
	EventName string `json:"event_name"`
	First     string `json:"first_event_id"`
	event.Finding
	Count uint64 `json:"count"`
}

// foundJSON is the kinds of findings that a summary lists, never nil.
func foundJSON(found []judge.Found) []foundKind {
	out := []foundKind{}
	for _, k := range found {
		out = append(out, foundKind{k.Name, k.First, k.Finding, k.Count})
	}
	return out
}

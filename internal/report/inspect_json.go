package report

import (
	"io"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// InspectJSON shows journeys of a capture as NDJSON: a line for a journey, one
// for each of its events in the order of event_ts, and a last one with the summary.
type InspectJSON struct{ lines }

// NewInspectJSON makes the renderer of inspect --output json.
func NewInspectJSON(w io.Writer) *InspectJSON { return &InspectJSON{newLines(w)} }

type journeyJSON struct {
	Type       string `json:"type"`
	CCID       string `json:"ccid"`
	CustomerID string `json:"customer_id,omitempty"`
	Events     int    `json:"events"`
	Arrivals   int    `json:"arrivals"`
	FirstTS    string `json:"first_ts"`
	LastTS     string `json:"last_ts"`
	Whole      bool   `json:"whole"`
}

type journeyEventJSON struct {
	Type       string        `json:"type"`
	CCID       string        `json:"ccid"`
	CustomerID string        `json:"customer_id,omitempty"`
	EventID    string        `json:"event_id"`
	EventName  string        `json:"event_name"`
	EventTS    string        `json:"event_ts"`
	Accepted   bool          `json:"accepted"`
	Lacks      string        `json:"lacks,omitempty"`
	Arrivals   []arrivalJSON `json:"arrivals"`
}

type arrivalJSON struct {
	Request    uint64          `json:"request"`
	Member     *int            `json:"member,omitempty"`
	ReceivedAt string          `json:"received_at"`
	Status     *int            `json:"status"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
	By         string          `json:"by,omitempty"`
	AppMS      float64         `json:"app_ms,omitempty"`
	AppSaid    string          `json:"app_said,omitempty"`
}

// Journey writes the lines of one journey, always with all its events.
func (o *InspectJSON) Journey(j *judge.Journey, _ int) error {
	head := journeyJSON{Type: "journey", CCID: j.Customer, Events: len(j.Events), Whole: !j.Partial && j.Forgotten == 0}
	if j.NoCCID {
		head.CCID, head.CustomerID = "", j.Customer
	}
	for i := range j.Events {
		e := &j.Events[i]
		head.Arrivals += len(e.Arrivals)
		if ts := tsOf(e); ts != "" && !e.TS.IsZero() {
			if head.FirstTS == "" {
				head.FirstTS = ts
			}
			head.LastTS = ts
		}
	}
	o.put(head)
	for i := range j.Events {
		e := &j.Events[i]
		o.put(journeyEventJSON{
			Type: "event", CCID: head.CCID, CustomerID: head.CustomerID, EventID: e.ID, EventName: e.Name, EventTS: tsOf(e),
			Accepted: e.Accepted(), Lacks: e.Lacks, Arrivals: arrivalsOf(e),
		})
	}
	return o.err
}

// tsOf is event_ts in Relay's form, or as it was written if it is not a time.
func tsOf(e *judge.JourneyEvent) string {
	if e.TS.IsZero() {
		return e.TSText
	}
	return event.FormatTS(e.TS)
}

func arrivalsOf(e *judge.JourneyEvent) []arrivalJSON {
	out := make([]arrivalJSON, len(e.Arrivals))
	for i := range e.Arrivals {
		a := &e.Arrivals[i]
		out[i] = arrivalJSON{Request: a.Seq, ReceivedAt: event.FormatTS(a.ReceivedAt), Attempt: a.Attempt, Badges: badgeTexts(a.Badges), Findings: orEmpty(a.Findings), By: a.By, AppMS: duration.Millis(a.AppTook), AppSaid: a.AppSaid}
		if a.Status != 0 {
			out[i].Status = &a.Status
		}
		if a.Members > 0 {
			out[i].Member = &a.Member
		}
	}
	return out
}

// Finish writes the summary.
func (o *InspectJSON) Finish(s Inspected) error {
	sum := listenSummary(s.Totals())
	delete(sum, "dropped") // a reader of a file drops nothing
	sum["type"] = "summary"
	sum["files"] = s.Files
	sum["requests_read"] = s.Read
	sum["retries"] = s.ByBadge[judge.Attempt]
	sum["duplicates"] = s.ByBadge[judge.Duplicate]
	sum["conflicts"] = s.ByBadge[judge.Conflict]
	sum["late"] = s.ByBadge[judge.Late]
	sum["early"] = s.ByBadge[judge.Early]
	sum["never_accepted"] = s.Unaccepted().Count
	sum["without_predecessor"] = s.Orphans().Count
	sum["longest_silence_ms"] = duration.Millis(s.Silence.For)
	sum["customers"] = s.Customers()
	sum["journeys_shown"] = s.Shown
	sum["without_event"] = s.NoEvent
	sum["without_customer"] = s.NoCustomer
	sum["lines_skipped"] = s.Skipped
	if s.Requests > 0 {
		sum["first_received_at"], sum["last_received_at"] = event.FormatTS(s.First), event.FormatTS(s.Last)
	}
	o.put(sum)
	return o.flush()
}

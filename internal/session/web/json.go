package web

import (
	"encoding/json"
	"unicode/utf8"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/session"
)

// The objects of the API. Names that a capture or the output of listen has are the
// same here.
type requestJSON struct {
	Number     uint64      `json:"number"`
	ReceivedAt string      `json:"received_at"`
	Remote     string      `json:"remote"`
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Status     *int        `json:"status"`
	Answer     string      `json:"answer,omitempty"`
	By         string      `json:"by,omitempty"`
	TookMS     float64     `json:"took_ms,omitempty"` // not known of a capture
	Events     []eventJSON `json:"events"`
	*wholeJSON
}

// wholeJSON is what a list leaves out.
type wholeJSON struct {
	Headers    map[string]string `json:"headers"`
	Body       *string           `json:"body,omitempty"`
	BodyBase64 []byte            `json:"body_base64,omitempty"`
	Omitted    bool              `json:"body_omitted,omitempty"`
	App        json.RawMessage   `json:"app,omitempty"`
	Attempts   []uint64          `json:"attempts"`
	Replays    []replayJSON      `json:"replays"`
	Curl       string            `json:"curl,omitempty"`
}

type eventJSON struct {
	EventID   string          `json:"event_id"`
	EventName string          `json:"event_name"`
	EventTS   string          `json:"event_ts"`
	CCID      string          `json:"ccid"`
	Attempt   int             `json:"attempt"`
	Badges    []string        `json:"badges"`
	Findings  []event.Finding `json:"findings"`
}

type replayJSON struct {
	SentAt string          `json:"sent_at"`
	Edited bool            `json:"edited"`
	Body   string          `json:"body"`
	App    json.RawMessage `json:"app"`
}

// orEmpty is a list that JSON writes as [] instead of null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// statusOf is nil for no answer.
func statusOf(status int) *int {
	if status == 0 {
		return nil
	}
	return &status
}

func briefOf(r *session.Request) requestJSON {
	first, rec := r.First(), r.Record
	o := requestJSON{
		Number: r.Number, ReceivedAt: event.FormatTS(rec.ReceivedAt), Remote: rec.Remote, Method: rec.Method, Path: rec.Path,
		Status: statusOf(rec.Status), Answer: first.Answer, By: first.By, TookMS: duration.Millis(first.Took), Events: []eventJSON{},
	}
	for _, rc := range r.Receipts {
		if rc.Event.Raw == nil && rc.Event.ID == "" && len(rc.Findings) == 0 {
			continue // no event could be read
		}
		o.Events = append(o.Events, eventJSON{
			EventID: rc.Event.ID, EventName: rc.Event.Name, EventTS: rc.Event.TSText, CCID: rc.Event.Payload.CCID, Attempt: rc.Attempt,
			Badges: orEmpty(judge.BadgeTexts(rc.Badges)), Findings: orEmpty(rc.Findings),
		})
	}
	return o
}

// wholeOf adds what a request has beside its brief.
func wholeOf(r *session.Request) requestJSON {
	o := briefOf(r)
	w := &wholeJSON{Headers: map[string]string{}, Attempts: []uint64{}, Replays: []replayJSON{}, Omitted: r.Record.Omitted}
	for _, h := range r.Record.Headers {
		w.Headers[h.Name] = h.Value
	}
	switch body := r.Record.Body; {
	case r.Record.Omitted:
	case utf8.Valid(body):
		text := string(body)
		w.Body = &text
	default:
		w.BodyBase64 = body
	}
	if r.Record.App != nil {
		w.App = r.Record.App.Append(nil)
	}
	o.wholeJSON = w
	return o
}

func replayOf(done session.Replayed) replayJSON {
	return replayJSON{SentAt: event.FormatTS(done.At), Edited: done.Edited, Body: string(done.Body), App: done.App.Append(nil)}
}

type journeyJSON struct {
	CCID       string             `json:"ccid"`
	CustomerID string             `json:"customer_id,omitempty"`
	Whole      bool               `json:"whole"`
	Events     []journeyEventJSON `json:"events"`
}

type journeyEventJSON struct {
	EventID   string        `json:"event_id"`
	EventName string        `json:"event_name"`
	EventTS   string        `json:"event_ts"`
	Accepted  bool          `json:"accepted"`
	Lacks     string        `json:"lacks,omitempty"`
	Arrivals  []arrivalJSON `json:"arrivals"`
}

type arrivalJSON struct {
	Request    uint64          `json:"request"`
	ReceivedAt string          `json:"received_at"`
	Status     *int            `json:"status"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
}

func journeyOf(j session.Journey) journeyJSON {
	o := journeyJSON{CCID: j.Customer, Whole: !j.Partial && j.Forgotten == 0, Events: []journeyEventJSON{}}
	if j.NoCCID {
		o.CCID, o.CustomerID = "", j.Customer
	}
	for i := range j.Events {
		e := &j.Events[i]
		one := journeyEventJSON{EventID: e.ID, EventName: e.Name, EventTS: e.TSText, Accepted: e.Accepted(), Lacks: e.Lacks, Arrivals: []arrivalJSON{}}
		if !e.TS.IsZero() {
			one.EventTS = event.FormatTS(e.TS)
		}
		for _, a := range e.Arrivals {
			one.Arrivals = append(one.Arrivals, arrivalJSON{
				Request: a.Seq, ReceivedAt: event.FormatTS(a.ReceivedAt), Status: statusOf(a.Status), Attempt: a.Attempt,
				Badges: orEmpty(judge.BadgeTexts(a.Badges)), Findings: orEmpty(a.Findings),
			})
		}
		o.Events = append(o.Events, one)
	}
	return o
}

type rulesJSON struct {
	Mode     session.Mode `json:"mode"`
	Fixed    []string     `json:"fixed"`
	Text     string       `json:"text"`
	File     string       `json:"file,omitempty"`
	Saved    bool         `json:"saved"`
	Warnings []string     `json:"warnings,omitempty"`
}

// setRulesJSON is what PUT /api/rules takes: what is absent stays.
type setRulesJSON struct {
	Text *string       `json:"text"`
	Mode *session.Mode `json:"mode"`
	Save bool          `json:"save"`
}

// editJSON is what a replay takes.
type editJSON struct {
	Set     map[string]any `json:"set"`
	FreshID bool           `json:"fresh_id"`
	Body    *string        `json:"body"`
}

package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strconv"
	"unicode/utf8"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// lines writes JSON objects, one a line, and keeps the first error.
type lines struct {
	w   *bufio.Writer
	err error
}

func newLines(w io.Writer) lines { return lines{w: bufio.NewWriter(w)} }

func (l *lines) put(v any) {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = l.w.Write(append(tame(b), '\n'))
	}
	if l.err == nil {
		l.err = err
	}
}

// tame escapes in a line of JSON what Clean makes visible in text: JSON itself
// does that only below U+0020, and a line may be read on a terminal.
func tame(line []byte) []byte {
	if bytes.IndexFunc(line, unsafeRune) < 0 {
		return line
	}
	var b bytes.Buffer
	for _, r := range string(line) {
		if unsafeRune(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

func (l *lines) flush() error {
	if err := l.w.Flush(); l.err == nil {
		l.err = err
	}
	return l.err
}

// SendJSON renders a run of send as NDJSON.
type SendJSON struct{ lines }

// NewSendJSON makes the renderer of send --output json.
func NewSendJSON(w io.Writer) *SendJSON { return &SendJSON{newLines(w)} }

// Flush implements sim.Flusher: whoever reads along sees what happened.
func (s *SendJSON) Flush() { _ = s.flush() }

type attemptJSON struct {
	Type string `json:"type"`
	carriedJSON
	Attempt    int      `json:"attempt"`
	Of         int      `json:"of"`
	Status     *int     `json:"status"`
	Error      *string  `json:"error"`
	Detail     string   `json:"detail,omitempty"`
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
		Type: "attempt", Attempt: a.Number, Of: a.Of, LatencyMS: millis(a.Latency), Detail: a.Detail,
		SentAt: rfc3339(a.SentAt), IntendedAt: rfc3339(a.Intended), LostAck: a.LostAck, LostStatus: a.LostStatus,
	}
	o.carriedJSON = carried(a.Delivery)
	if a.Failure != sim.NoFailure {
		f := string(a.Failure)
		o.Error = &f
	} else {
		o.Status = &a.Status
	}
	if a.Retry {
		in := millis(a.RetryIn)
		o.RetryInMS = &in
	}
	s.put(o)
}

// Outcome implements sim.Observer: the members of a batch have a line each.
func (s *SendJSON) Outcome(o *sim.Outcome) {
	type delivery struct {
		Type      string `json:"type"`
		EventID   string `json:"event_id"`
		EventName string `json:"event_name"`
		Outcome   string `json:"outcome"`
		Attempts  int    `json:"attempts"`
		Copy      int    `json:"copy,omitempty"`
		Reason    string `json:"reason,omitempty"`
	}
	events := o.Delivery.Events
	if len(events) == 0 {
		events = []sim.EventRef{{}} // a body in which no event can be told counts as one
	}
	for _, e := range events {
		s.put(delivery{"delivery", e.ID, e.Name, string(o.Kind), o.Attempts, o.Delivery.Copy, o.Reason})
	}
}

// carriedJSON names what one call carries: an event, or the members of a batch.
type carriedJSON struct {
	EventID   *string  `json:"event_id,omitempty"`
	EventName *string  `json:"event_name,omitempty"`
	EventIDs  []string `json:"event_ids,omitempty"`
}

func carried(d *sim.Delivery) (c carriedJSON) {
	var single sim.EventRef
	shape := event.Single
	if len(d.Events) == 1 {
		single = d.Events[0]
		shape, _, _ = event.Split(d.Body) // a batch may have one member
	}
	if shape == event.Single && len(d.Events) <= 1 {
		return carriedJSON{EventID: &single.ID, EventName: &single.Name}
	}
	for _, e := range d.Events {
		c.EventIDs = append(c.EventIDs, e.ID)
	}
	return c
}

// Finish writes the summary and returns the first error of all the writing.
func (s *SendJSON) Finish(sum sim.Summary, embedded *recv.Summary) error {
	s.put(sendSummary(&sum, embedded))
	return s.flush()
}

// ListenJSON renders a receiver's day as NDJSON.
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
	Status     *int            `json:"status"`
	Answer     string          `json:"answer"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
	Remote     string          `json:"remote"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Member     *int            `json:"member,omitempty"`
	TookMS     float64         `json:"took_ms"`
	Body       *string         `json:"body,omitempty"`
	BodyBase64 []byte          `json:"body_base64,omitempty"`
}

// Receipt writes a line. It is there to read after a Flush.
func (l *ListenJSON) Receipt(r *recv.Receipt) {
	if r.Missed > 0 {
		l.put(map[string]any{"type": "dropped", "receipts": r.Missed})
	}
	o := receiptJSON{
		Type: "receipt", ReceivedAt: rfc3339(r.ReceivedAt), EventID: r.Event.ID, EventName: r.Event.Name, EventTS: r.Event.TSText,
		Answer: r.Answer, Attempt: r.Attempt, Badges: badgeTexts(r.Badges), Findings: orEmpty(r.Findings), Remote: r.Remote, TookMS: millis(r.Took),
		Method: r.Method, Path: capture.Redactor{}.Target(r.Path),
	}
	if r.Status != 0 {
		o.Status = &r.Status
	}
	if r.Members > 0 {
		o.Member = &r.Member
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
func (l *ListenJSON) Finish(s recv.Summary, failures []string) error {
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

func recentsJSON(journeys []recv.RecentJourney) []recentJSON {
	out := []recentJSON{}
	for _, j := range journeys {
		o := recentJSON{Customer: j.Customer}
		for _, e := range j.Events {
			o.Events = append(o.Events, recentEventJSON{e.ID, e.Name, rfc3339(e.TS), e.Times, e.Accepted, badgeTexts(e.Badges)})
		}
		out = append(out, o)
	}
	return out
}

// badgeTexts gives badges as they are shown, never nil.
func badgeTexts(badges []recv.Badge) []string {
	texts := []string{}
	for _, b := range badges {
		texts = append(texts, b.String())
	}
	return texts
}

func listenSummary(s recv.Summary) map[string]any {
	statuses := map[string]uint64{}
	for code, n := range s.ByStatus {
		statuses[strconv.Itoa(code)] = n
	}
	return map[string]any{
		"requests": s.Requests, "events": s.Events, "accepted": s.Accepted, "by_name": s.ByName, "by_badge": s.ByBadge,
		"statuses": statuses, "errors": s.Errors, "warnings": s.Warnings, "unexpected_status": s.Unexpected, "dropped": s.Dropped,
		"findings":         foundJSON(s.Found),
		"forgotten_events": s.ForgottenEvents, "forgotten_customers": s.ForgottenCustomers, "left_out": orEmpty(s.LeftOut),
	}
}

type foundKind struct {
	EventName string      `json:"event_name"`
	First     string      `json:"first_event_id"`
	Clause    string      `json:"clause"`
	Level     event.Level `json:"level"`
	Path      string      `json:"path"`
	Message   string      `json:"message"`
	Count     uint64      `json:"count"`
}

// foundJSON gives the kinds of findings that a summary names, never nil.
func foundJSON(found []recv.Found) []foundKind {
	out := []foundKind{}
	for _, k := range found {
		out = append(out, foundKind{k.Name, k.First, k.Clause, k.Level, k.Path, k.Message, k.Count})
	}
	return out
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// sortedKeys gives a map's keys in order, for output that does not wander.
func sortedKeys[K int | string | sim.Failure | recv.BadgeKind, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return keys
}

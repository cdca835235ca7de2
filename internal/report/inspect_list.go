package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
)

// listNumberWidth is the width of a request's number.
const listNumberWidth = 6

// Request lists the receipts of one request, a line each: its number, and then as in
// listen local time, event, customer, id where there is room, answer, who gave it and in
// what time, and badges.
func (t *InspectText) Request(receipts []*judge.Receipt) error {
	for _, rc := range receipts {
		number := "#" + strconv.FormatUint(rc.Seq, 10)
		if rc.Members > 0 {
			number += fmt.Sprintf("[%d]", rc.Member)
		}
		name := "(no event)"
		if rc.Event.Raw != nil {
			name = rc.Event.Name
		}
		customer, _ := judge.JourneyKey(&rc.Event)
		line := fmt.Sprintf("%*s %s %s %s", listNumberWidth, number, t.st.Dim(term.Clock(rc.ReceivedAt.Local())),
			t.st.NameColumn(name), t.st.CustomerColumn(customer))
		columns := listNumberWidth + 1 + term.ClockWidth + 1 + term.NameWidth + 1 + t.st.CustomerWidth()
		if t.st.ShowsIDs() {
			line += " " + t.st.IDColumn(rc.Event.ID)
			columns += 1 + term.IDWidth
		}
		by := givenBy(rc.By, rc.AppTook)
		line += " " + t.st.Status(rc.Status) + t.st.Dim(by)
		columns += 1 + statusWidth + len(by) + 1
		room := math.MaxInt
		if t.st.Width > 0 {
			room = t.st.Width - columns
		}
		if badges, columns := t.st.Badges(judge.BadgeTexts(rc.Badges), room); columns > 0 {
			line += " " + badges
		}
		fmt.Fprintln(t.w, strings.TrimRight(line, " "))
	}
	return t.w.Flush()
}

// statusWidth is the width of an answer's status.
const statusWidth = 3

type requestJSON struct {
	Type       string          `json:"type"`
	Request    uint64          `json:"request"`
	Member     *int            `json:"member,omitempty"`
	ReceivedAt string          `json:"received_at"`
	Remote     string          `json:"remote"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`
	Status     *int            `json:"status"`
	EventID    string          `json:"event_id"`
	EventName  string          `json:"event_name"`
	EventTS    string          `json:"event_ts"`
	CCID       string          `json:"ccid"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
	By         string          `json:"by,omitempty"`
	AppMS      float64         `json:"app_ms,omitempty"`
	App        json.RawMessage `json:"app,omitempty"`
}

// Request writes a line for each of the receipts of one request.
func (o *InspectJSON) Request(receipts []*judge.Receipt) error {
	for _, rc := range receipts {
		out := requestJSON{
			Type: "request", Request: rc.Seq, ReceivedAt: event.FormatTS(rc.ReceivedAt), Remote: rc.Remote, Method: rc.Method, Path: rc.Path,
			EventID: rc.Event.ID, EventName: rc.Event.Name, EventTS: rc.Event.TSText, CCID: rc.Event.Payload.CCID,
			Attempt: rc.Attempt, Badges: badgeTexts(rc.Badges), Findings: orEmpty(rc.Findings), By: rc.By, AppMS: duration.Millis(rc.AppTook),
		}
		if rc.App != nil {
			out.App = rc.App.Append(nil)
		}
		if rc.Status != 0 {
			out.Status = &rc.Status
		}
		if rc.Members > 0 {
			out.Member = &rc.Member
		}
		o.put(out)
	}
	return o.err
}

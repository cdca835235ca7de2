// Package event is what travels between Relay and an endpoint: one event in its
// envelope, or several in a batch.
//
// Begin with Decode: it turns the bytes of an event into an Envelope and a list
// of Findings, each with the clause of Relay's contract that it is about. Split
// takes a batch apart first. Schema gives the same rules as JSON Schema, Filter
// selects events by name, Override changes properties, and Accepted, Attempts
// and their neighbours are the contract's numbers.
//
// Event names and payload properties come from the tables of package fixtures.
// This package knows nothing of HTTP, files or delivery.
package event

import (
	"fmt"
	"time"
)

// Envelope is one event as it travels (R-ENVELOPE). What was decoded stands
// beside the exact bytes, so that what was validated is what is passed on.
type Envelope struct {
	Raw     []byte    // the envelope's bytes, aliasing the decoder's input
	ID      string    // event_id, "" when missing or mistyped
	Name    string    // event_name, "" when missing or mistyped
	TS      time.Time // event_ts in UTC, zero when missing or unreadable
	TSText  string    // event_ts as it was written
	Payload Payload
}

// Payload holds the payload properties that order, tracking and display need.
// "" means absent: the property was missing, null or empty (R-ABSENT). All
// strings share one copy of the body: clone what is kept for long.
type Payload struct {
	CCID           string
	CustomerID     string
	ChannelAddr    string
	CurrentConsent string
	JourneyID      string
	TriggerID      string
	MessageID      string
	MessageName    string
	NotificationID string
	ActionLabel    string
	EventType      string
	EventSubtype   string
}

// Level ranks a finding.
type Level string

// The levels. Errors make an event invalid; warnings are what Relay's
// documentation asks receivers to tolerate (R-TOLERANT).
const (
	Error   Level = "error"
	Warning Level = "warning"
)

// Finding is one thing that is wrong or unusual about an event.
type Finding struct {
	Clause  string `json:"clause"`  // the clause of the contract, "R-TS"
	Level   Level  `json:"level"`   // error or warning
	Path    string `json:"path"`    // where: "event_ts", "payload.ccid", "" for the whole body
	Message string `json:"message"` // what, in one sentence without a full stop
	Offset  int    `json:"-"`       // byte offset within the decoded bytes
}

// String gives the finding as one line.
func (f Finding) String() string {
	if f.Path == "" {
		return fmt.Sprintf("%s %s: %s", f.Level, f.Clause, f.Message)
	}
	return fmt.Sprintf("%s %s %s: %s", f.Level, f.Clause, f.Path, f.Message)
}

// Invalid says whether any of the findings is an error.
func Invalid(findings []Finding) bool {
	for _, f := range findings {
		if f.Level == Error {
			return true
		}
	}
	return false
}

// TimeLayout is how Relay writes event_ts: ISO 8601, UTC, milliseconds (R-TS).
const TimeLayout = "2006-01-02T15:04:05.000Z"

// FormatTS writes t as Relay writes event_ts (R-TS), cut to milliseconds.
func FormatTS(t time.Time) string { return t.UTC().Format(TimeLayout) }

// AppendTS appends a time, which has to be in UTC, as FormatTS writes it, at a fraction
// of its cost: every event that is sent or captured has one.
func AppendTS(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, TimeLayout)
	}
	hour, minute, second := t.Clock()
	dst = append(dst, "0000-00-00T00:00:00.000Z"...)
	b := dst[len(dst)-24:]
	put := func(end, v int) { // two digits
		b[end-2], b[end-1] = byte('0'+v/10), byte('0'+v%10)
	}
	put(2, year/100)
	put(4, year%100)
	put(7, int(month))
	put(10, day)
	put(13, hour)
	put(16, minute)
	put(19, second)
	milli := t.Nanosecond() / int(time.Millisecond)
	b[20] = byte('0' + milli/100)
	put(23, milli%100)
	return dst
}

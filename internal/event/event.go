// Package event is what travels between Relay and an endpoint: the envelope
// with its exact bytes, the catalogue of event names, tolerant decoding,
// validation into findings, and the JSON Schemas derived from the same tables.
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

// Payload holds the payload properties that order, tracking and display need;
// "" stands for absent, whichever way it was written (R-ABSENT). Its strings
// share one copy of the body: clone what is kept for long.
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

// Finding is one thing that is wrong with an event or noteworthy about it.
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

// Package capture is the file of received requests, one JSON line a request.
//
// A Record is one line. A Writer appends records and returns once they are stored as
// its Sync promises, which with Always is on the disk; a Reader reads them back one by
// one and skips torn or broken lines with a Problem. A Redactor takes secrets out
// before a record is made, Diff compares two records, Schema describes a line for other
// programs.
//
// This package knows events only as far as a record names them, and nothing of
// servers.
package capture

import (
	"bytes"
	"slices"
	"time"

	"relayctl/internal/event"
)

// version is the value of a record's "v".
const version = 1

// Record is one received request as a line of a capture. A batch is one record
// whose Members name its events. Append writes it, Parse and Reader read it; a
// field needs its tag here, its place in Append and its row in Schema.
type Record struct {
	ReceivedAt time.Time       `json:"received_at"` // stored in UTC with milliseconds
	Remote     string          `json:"remote"`
	Method     string          `json:"method"`
	Path       string          `json:"path"`         // with the query; secrets in it replaced by Redacted
	Headers    []Header        `json:"-"`            // as received, secrets replaced by Redacted
	Body       []byte          `json:"-"`            // the exact bytes
	Omitted    bool            `json:"body_omitted"` // the body was too large, or not read, and is not recorded
	Status     int             `json:"status"`       // the answer; 0 where none was given
	EventID    string          `json:"event_id"`
	EventName  string          `json:"event_name"`
	EventTS    string          `json:"event_ts"`
	Attempt    int             `json:"attempt"`
	Badges     []string        `json:"badges"`
	Findings   []event.Finding `json:"findings"`
	Members    []Member        `json:"members"`
	App        *App            `json:"-"` // nil where no app was asked, or nothing is kept of it
}

// App is what the app answered to which the receiver had passed the request on.
type App struct {
	URL       string // secrets in it replaced by Redacted
	Status    int    // 0 where it gave none
	Headers   []Header
	Body      []byte // the first bytes, secrets of the request replaced by Redacted
	Truncated bool   // Body is not the whole body
	Latency   time.Duration
	Error     string // why there is no answer, or not a whole one
}

// Said is the first text that tells something in what the app answered, or why it gave
// no answer.
func (a *App) Said() string {
	if a.Status == 0 {
		return a.Error
	}
	return FirstText(a.Body)
}

// Failed says whether the app gave an answer 5xx, or none.
func (a *App) Failed() bool { return a != nil && (a.Status == 0 || a.Status >= 500) }

// Header is one header field of a record.
type Header struct{ Name, Value string }

// Member is an event of a recorded batch.
type Member struct {
	EventID   string   `json:"event_id"`
	EventName string   `json:"event_name"`
	Attempt   int      `json:"attempt"`
	Badges    []string `json:"badges"`
}

// Clone returns a copy that shares no memory with r.
func (r *Record) Clone() *Record {
	c := *r
	c.Headers = slices.Clone(r.Headers)
	c.Body = bytes.Clone(r.Body)
	c.Badges = slices.Clone(r.Badges)
	c.Findings = slices.Clone(r.Findings)
	c.Members = slices.Clone(r.Members)
	for i := range c.Members {
		c.Members[i].Badges = slices.Clone(c.Members[i].Badges)
	}
	if r.App != nil {
		app := *r.App
		app.Headers, app.Body = slices.Clone(app.Headers), bytes.Clone(app.Body)
		c.App = &app
	}
	return &c
}

// reset empties the record for the next line and keeps its memory.
func (r *Record) reset() {
	*r = Record{Headers: r.Headers[:0], Body: r.Body[:0], Badges: r.Badges[:0], Findings: r.Findings[:0], Members: r.Members[:0]}
}

// Mistaken says what a file is that begins with these bytes and is easily taken
// for a capture or for events, "" where it is nothing of the kind.
func Mistaken(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return "it is compressed; gzip -dc makes it readable, and - reads stdin"
	case bytes.HasPrefix(head, []byte(`{"ca":`)) && bytes.Contains(head, []byte(`"type":"listening"`)):
		return "it is the output of listen; what came stands in its capture"
	}
	return ""
}

// IsCapture says whether a file that begins with these bytes is a capture.
func IsCapture(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\x00"), []byte(`{"v":`))
}

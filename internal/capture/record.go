// Package capture is the JSON Lines record of received requests: a durable
// writer and a tolerant reader.
package capture

import (
	"bytes"
	"slices"
	"time"

	"relayctl/internal/event"
)

// Version is the value of a record's "v".
const Version = 1

// Record is one received request as a line of a capture. A batch is one record
// whose Members name its events.
type Record struct {
	ReceivedAt time.Time // stored in UTC with milliseconds
	Remote     string
	Method     string
	Path       string   // with the query; secrets in it replaced by Redacted
	Headers    []Header // as received, secrets replaced by Redacted
	Body       []byte   // the exact bytes
	Omitted    bool     // the body was too large, or not read, and is not recorded
	Status     int      // the answer; 0 where none was given
	EventID    string
	EventName  string
	EventTS    string
	Attempt    int
	Badges     []string
	Findings   []event.Finding
	Members    []Member
}

// Header is one header field of a record.
type Header struct{ Name, Value string }

// Member is an event of a recorded batch.
type Member struct {
	EventID   string
	EventName string
	Attempt   int
	Badges    []string
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
		return "it is the output of listen; what came stands in the file of --capture"
	}
	return ""
}

// IsCapture says whether a file that begins with these bytes is a capture.
func IsCapture(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\x00"), []byte(`{"v":`))
}

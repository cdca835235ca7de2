// Package capture is the JSON Lines record of received requests: a durable
// writer and a tolerant reader.
package capture

import (
	"time"

	"relayctl/internal/event"
)

// Version is the value of a record's "v".
const Version = 1

// Record is one received request as a line of a capture. A batch is one record
// whose Members name its events.
type Record struct {
	ReceivedAt time.Time
	Remote     string
	Method     string
	Path       string
	Headers    map[string]string // as received, secrets replaced by Redacted
	Body       []byte            // the exact bytes
	Omitted    bool              // the body was too large and is not recorded
	Status     int               // the answer; 0 where none was given
	EventID    string
	EventName  string
	EventTS    string
	Attempt    int
	Badges     []string
	Findings   []event.Finding
	Members    []Member
}

// Member is an event of a recorded batch.
type Member struct {
	EventID   string
	EventName string
	Attempt   int
	Badges    []string
}

// Redacted stands in a record for the value of a header that carries a secret.
const Redacted = "[redacted]"

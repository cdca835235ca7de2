// Package recv is what the client's endpoint does: it serves, verifies,
// validates, tracks, scripts answers, forwards and captures.
package recv

import (
	"bytes"
	"time"

	"relayctl/internal/event"
)

// BadgeKind names what the tracker saw in a receipt.
type BadgeKind string

// The badges.
const (
	AttemptBadge BadgeKind = "attempt"   // it came again after an answer 500 or none
	Duplicate    BadgeKind = "duplicate" // it came again after a 200 (R-DUP)
	Conflict     BadgeKind = "conflict"  // the same event_id with other bytes (R-ID)
	Late         BadgeKind = "late"      // older than what the same customer's journey has shown (R-ORDER)
	Early        BadgeKind = "early"     // before its logical predecessor (R-ORDER)
)

// Badge is a verdict on how an event came.
type Badge struct {
	Kind    BadgeKind
	Attempt int           // of AttemptBadge: which one, from 2
	By      time.Duration // of Late: how much older
	After   string        // of Early: the predecessor that had not come
}

// String gives the badge as it is shown: "attempt 2/4", "late 3.2s".
func (b Badge) String() string { return b.text() }

// Receipt is one received event with its verdicts. A request that carries a
// batch gives one receipt for each member.
type Receipt struct {
	Seq        uint64 // number of the request, from 1
	ReceivedAt time.Time
	Remote     string // host:port, or the trusted proxy's client
	Method     string
	Path       string
	Event      event.Envelope // zero where there was none to read; its Raw is the member's bytes
	Member     int            // index within the batch, 0
	Members    int            // size of the batch, 0 for a single event
	Shape      event.Shape
	Status     int    // the answer's status, 0 when the connection was cut or left hanging
	Answer     string // why: "accepted", "by script", "by the app", …
	Attempt    int    // which delivery of this event it is since the last accepted one, from 1
	Times      int    // which delivery of this event it is altogether, from 1
	Badges     []Badge
	Findings   []event.Finding
	Took       time.Duration // from the first byte to the answer
	Missed     uint64        // how many receipts before it the observer was too slow for
	More       bool          // another one waits for the observer, so that output need not be flushed

	first   bool // it was accepted, and never before
	settled bool // it was accepted before
}

func (r *Receipt) verdicts(v Verdicts) {
	r.Attempt, r.Times, r.Badges, r.settled = v.Attempt, v.Times, v.Badges, v.settled
}

// again gives the verdicts on an event that stands in a batch once more: both
// get the same answer, so it is no attempt of its own.
func (r *Receipt) again(other *Receipt) Verdicts {
	badge := Badge{Kind: Duplicate}
	if !bytes.Equal(r.Event.Raw, other.Event.Raw) {
		badge.Kind = Conflict
	}
	return Verdicts{Attempt: r.Attempt, Times: r.Times, Badges: []Badge{badge}, settled: r.settled}
}

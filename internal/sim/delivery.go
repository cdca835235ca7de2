// Package sim is what Relay does: journeys, scenarios and campaigns become a
// stream of deliveries, and the Sender makes their attempts.
package sim

import (
	"bytes"
	"iter"
	"slices"
	"time"
)

// EventRef names an event within a delivery.
type EventRef struct {
	ID   string
	Name string
	TS   time.Time
	CCID string
}

// Delivery is one body on its way to the endpoint, with the plan for it: when
// it goes out and which of its answers are lost. It is one call, repeated by
// retries; a duplicate that was asked for is a delivery of its own with the
// same bytes.
type Delivery struct {
	Seq    int        // position in the plan, from 0
	Body   []byte     // the exact bytes of every attempt (R-RETRY-SAME)
	Events []EventRef // one, or the members of a batch in their order
	// Lane groups what has to stay in order: the deliveries of one customer. A
	// lane is served by one worker (R-WORKERS).
	Lane uint64
	// Arrives is when the first attempt is due, after the start of the run. It
	// may be negative in a scenario; the plan's order is the order that counts.
	Arrives  time.Duration
	Copy     int  // 0 for the first delivery of these bytes, n for the nth duplicate
	Late     bool // moved back by --reorder
	LostAcks int  // how many answers are dropped, from the first attempt on (R-DUP)
}

// Clone returns a copy that shares no memory with d.
func (d Delivery) Clone() Delivery {
	d.Body = bytes.Clone(d.Body)
	d.Events = slices.Clone(d.Events)
	return d
}

// Plan is a stream of deliveries in the order in which they are due. It is
// pulled one at a time, so that a campaign never stands in memory. A delivery's
// Body and Events are valid only until the next one is asked for: Clone what is
// kept. An error ends the stream. Unless said otherwise a plan can be ranged
// over once.
type Plan = iter.Seq2[Delivery, error]

// Package plan decides what is delivered and when: event names, scenarios,
// files and campaigns become one stream of deliveries, each with its exact
// bytes, its time and the answers that it loses.
//
// Begin at New in plan.go, which shows the steps in their order: the sources,
// then filter, overrides, disorder and batches. A Delivery says what one step
// hands to the next. The package knows nothing of HTTP, nor of what becomes of
// a delivery once it is sent.
package plan

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
	// Arrives is when the first attempt is due, after the start of the run, where the
	// sender keeps to the plan's times. It may be negative in a scenario; the plan's
	// order is the order that counts, and without such times the only thing that does.
	Arrives time.Duration
	// Begins is when the customer's journey began, such as when its record was
	// uploaded; the delivery's own Arrives where that is not known.
	Begins    time.Duration
	Copy      int  // 0 for the first delivery of these bytes, n for the nth duplicate
	Copies    int  // of a batch that is not a copy as a whole: how many of its events were delivered before
	Reordered bool // moved back by --reorder
	LostAcks  int  // how many answers are dropped, from the first attempt on (R-DUP)
}

// Clone returns a copy that shares no memory with d.
func (d Delivery) Clone() Delivery {
	d.Body = bytes.Clone(d.Body)
	d.Events = slices.Clone(d.Events)
	return d
}

// Stream is a plan: a stream of deliveries in the order in which they are due. It is
// pulled one at a time, so that a campaign never stands in memory. A delivery's
// Body and Events are valid only until the next one is asked for: Clone what is
// kept. An error ends the stream. Unless said otherwise it can be ranged
// over once.
type Stream = iter.Seq2[Delivery, error]

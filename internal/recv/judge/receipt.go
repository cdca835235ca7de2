// Package judge tells how events came: which attempt each one is, whether it is a
// duplicate, in conflict with what came before, late or early, and what is wrong
// with it. Begin with Receipt, which holds the verdicts on one event, and Request,
// which judges the body of one request with a Tracker's memory of those before: tracker.go
// tells what came again, order.go what came late or early. Readback does it for a
// capture, Journeys brings a customer's events into true order, and Summary and
// Inspection count. The package knows nothing of HTTP or of how an answer is
// decided.
package judge

import (
	"bytes"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

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
	Status     int            // the answer's status, 0 when the connection was cut or left hanging
	Answer     string         // why: "accepted", "by script", "by the app", …
	By         string         // who gave it: ByScript, ByApp, "" for the receiver itself
	AppTook    time.Duration  // until the app's answer came, of ByApp
	App        *capture.App   // what the app answered, nil where nothing is kept
	Attempt    int            // which arrival of this event it is since the last accepted one, from 1
	Times      int            // which arrival of this event it is altogether, from 1
	Badges     []Badge
	Findings   []event.Finding
	Took       time.Duration // from the end of the request's head until the answer is ready to be written
	Dropped    uint64        // how many receipts before it the observer was too slow for
	More       bool          // another one waits for the observer, so that output need not be flushed

	first   bool // it was accepted, and never before
	settled bool // it was accepted before
}

// Who gives an answer, beside the receiver itself.
const (
	ByScript = "script"
	ByApp    = "app"
)

// Weight is about how much memory a receipt holds, in bytes: those of the event,
// and the copy that its strings share.
func (r *Receipt) Weight() int64 {
	return 512 + 2*int64(len(r.Event.Raw)) + int64(len(r.Path)) + r.appWeight()
}

// Exchange is a request as a whole: what was recorded of it, and its receipts. All of
// it is read only, and shares the memory of the body.
type Exchange struct {
	Record *capture.Record // secrets replaced by capture.Redacted
	// Header and Target are as they came, secrets included: to make the request
	// again, never to be shown. Nil and "" where they are not known.
	Header   map[string][]string
	Target   string
	Receipts []*Receipt // one, or one for each member of a batch
}

// Weight is about how much memory the exchange holds, in bytes.
func (x *Exchange) Weight() int64 {
	size := int64(512+cap(x.Record.Body)) + 2*int64(len(x.Target))
	for _, h := range x.Record.Headers {
		size += 2 * int64(len(h.Name)+len(h.Value)+32)
	}
	for _, rc := range x.Receipts { // the Raw of each is a part of the body
		size += rc.Weight() - int64(len(rc.Event.Raw))
	}
	return size
}

func (r *Receipt) appWeight() int64 {
	if r.App == nil {
		return 0
	}
	return int64(len(r.App.Body)) + 512
}

func (r *Receipt) verdicts(v Verdicts) {
	r.Attempt, r.Times, r.Badges, r.settled = v.Attempt, v.Times, v.Badges, v.settled
}

// again gives the verdicts on an event that stands twice in one batch. Both get the same
// answer, so the second is not another attempt.
func (r *Receipt) again(other *Receipt) Verdicts {
	badge := Badge{Kind: Duplicate}
	if !bytes.Equal(r.Event.Raw, other.Event.Raw) {
		badge.Kind = Conflict
	}
	return Verdicts{Attempt: r.Attempt, Times: r.Times, Badges: []Badge{badge}, settled: r.settled}
}

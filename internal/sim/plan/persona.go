package plan

import (
	"fmt"
	"slices"
	"time"

	"relayctl/internal/event"
)

// Persona is one made-up customer whose events are written one at a time, for
// callers that make their own plan. Properties that belong to a customer, a
// channel or a message are the same in all its events. It is not safe for
// concurrent use.
type Persona struct {
	cust  *customer
	start time.Time
	seq   int
}

// NewPersona makes the customer of that seed and index; what identity leaves
// open is generated, and differs from index to index. The same arguments write
// the same events in the same order of calls; start anchors event_ts.
func NewPersona(seed, index uint64, id Identity, start time.Time) *Persona {
	return &Persona{cust: newCustomer(newTenant(seed), seed, index, id, false), start: start}
}

// PlainIDs gives the events that are written from now on a UUID as event_id
// instead of the longer form that Relay's samples show as well (R-ID).
func (p *Persona) PlainIDs() { p.cust.host, p.cust.tail = "", "" }

// CCID is the customer's client customer identifier.
func (p *Persona) CCID() string { return p.cust.ccid }

// Deliver writes the event of a step as a delivery that shares no memory with any other.
// Every call makes a fresh event_id (R-ID). Channels and messages, counted from 1 (0 is 1
// too), are made when they are first named. The step's Event may be a name that the
// catalogue does not know: it is given a notification's payload. The error says which of
// the step's overrides cannot be applied.
func (p *Persona) Deliver(st Step) (Delivery, error) {
	p.cust.need(st.Channel, st.Message)
	body, ref := p.cust.appendEvent(nil, &st, p.start)
	body, ref, err := override(body, ref, st.Set, nil)
	if err != nil {
		return Delivery{}, fmt.Errorf("%s: %w", st.Event, err)
	}
	d := Delivery{Seq: p.seq, Body: body, Events: []EventRef{ref}, Lane: p.cust.lane, Arrives: st.Arrives, LostAcks: st.LostAcks}
	p.seq++
	return d, nil
}

// Of returns a plan of those deliveries, in their order. Unlike other streams it can be
// ranged over again and again.
func Of(deliveries ...Delivery) Stream {
	return func(yield func(Delivery, error) bool) {
		for i, d := range deliveries {
			d.Seq = i
			if !yield(d, nil) {
				return
			}
		}
	}
}

// BatchOf puts deliveries into one call (R-BATCH, R-BATCH-BODY).
func BatchOf(shape event.Shape, deliveries ...Delivery) Delivery {
	for d := range batched(Of(deliveries...), max(1, len(deliveries)), shape) {
		d.Body, d.Events = slices.Clone(d.Body), slices.Clone(d.Events)
		return d
	}
	return Delivery{Body: []byte("[]")}
}

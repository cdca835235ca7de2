package recv

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"relayctl/internal/event"
)

const (
	recentEvents    = 512     // remembered for the journeys of the summary
	recentBytes     = 4 << 10 // an event that is larger is copied, shortened
	recentText      = 256
	recentCustomers = 3 // shown
)

// RecentJourney is what a customer's latest events have shown, in true order.
type RecentJourney struct {
	Customer string // the ccid, or the customer_id of a customer without one
	Events   []RecentEvent
}

// RecentEvent is an event of a RecentJourney, however often it came.
type RecentEvent struct {
	ID, Name string
	TS       time.Time
	Times    int  // how often it came
	Accepted bool // one of them was answered 2xx
	Badges   []Badge
}

// recent is a ring of the events that came last. Not safe for concurrent use.
type recent struct {
	ring []ringEntry
	next int
}

type ringEntry struct {
	customer string
	event    RecentEvent
}

// add remembers an event of a customer.
func (r *recent) add(rc *Receipt) {
	customer := customerOf(&rc.Event.Payload)
	if customer == "" || rc.Event.ID == "" {
		return
	}
	e := ringEntry{customer, RecentEvent{
		ID: rc.Event.ID, Name: rc.Event.Name, TS: rc.Event.TS, Times: 1,
		Accepted: rc.Status >= 200 && rc.Status < 300, Badges: rc.Badges,
	}}
	if len(rc.Event.Raw) > recentBytes {
		// Its texts would keep the whole body.
		e.customer, e.event.ID, e.event.Name = short(e.customer), short(e.event.ID), short(e.event.Name)
	}
	if len(r.ring) < recentEvents {
		r.ring = append(r.ring, e)
		return
	}
	r.ring[r.next] = e
	r.next = (r.next + 1) % recentEvents
}

func short(s string) string { return strings.Clone(s[:min(len(s), recentText)]) }

// journeys returns those of the customers that came last, the latest first.
func (r *recent) journeys() []RecentJourney {
	var out []RecentJourney
	for i := len(r.ring) - 1; i >= 0; i-- {
		e := &r.ring[(r.next+i)%len(r.ring)]
		at := slices.IndexFunc(out, func(j RecentJourney) bool { return j.Customer == e.customer })
		if at < 0 {
			if len(out) == recentCustomers {
				continue
			}
			at = len(out)
			out = append(out, RecentJourney{Customer: e.customer})
		}
		out[at].merge(e.event)
	}
	for _, j := range out {
		slices.SortStableFunc(j.Events, func(a, b RecentEvent) int { return a.TS.Compare(b.TS) })
	}
	return out
}

// merge adds a delivery that came before those that the journey has already.
func (j *RecentJourney) merge(e RecentEvent) {
	at := slices.IndexFunc(j.Events, func(o RecentEvent) bool { return o.ID == e.ID })
	if at < 0 {
		// In the order of arrival where the times are equal.
		j.Events = slices.Insert(j.Events, 0, e)
		return
	}
	o := &j.Events[at]
	o.Times++
	o.Accepted = o.Accepted || e.Accepted
	o.Badges = append(slices.Clone(e.Badges), o.Badges...)
}

// customerOf names who an event is about, "" where it does not say.
func customerOf(p *event.Payload) string { return cmp.Or(p.CCID, p.CustomerID) }

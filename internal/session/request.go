package session

import (
	"slices"
	"strings"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

// Request is one request of a session. It does not change.
type Request struct {
	// Number is its place in the session, from 1: in the order in which the receiver
	// told of it, or the line of the capture.
	Number uint64
	judge.Exchange

	weight int64
}

// First is the receipt of its first event; there is always one.
func (r *Request) First() *judge.Receipt { return r.Receipts[0] }

// Customer is the first event's, "" where it has none.
func (r *Request) Customer() string {
	customer, _ := judge.JourneyKey(&r.First().Event)
	return customer
}

// Badges are those of all its events, each once.
func (r *Request) Badges() []judge.Badge {
	var all []judge.Badge
	for _, rc := range r.Receipts {
		for _, b := range rc.Badges {
			if !slices.Contains(all, b) {
				all = append(all, b)
			}
		}
	}
	return all
}

// Findings are those of all its events; of a batch each path says which member.
func (r *Request) Findings() []event.Finding { return r.Record.Findings }

// ring keeps the latest requests. Their numbers have no gaps. It is not safe for
// concurrent use.
type ring struct {
	slots   []*Request // by the number, modulo their count
	first   uint64     // number of the oldest one
	next    uint64     // number of the one to come
	bytes   int64
	most    int64
	givenUp uint64
}

func newRing(requests int, bytes int64) ring {
	return ring{slots: make([]*Request, requests), first: 1, next: 1, most: bytes}
}

func (r *ring) newest() uint64 { return r.next - 1 }
func (r *ring) oldest() uint64 { return r.first }
func (r *ring) len() int       { return int(r.next - r.first) }
func (r *ring) last() *Request { return r.get(r.next - 1) }

// get returns the request of a number, nil where it is not kept.
func (r *ring) get(number uint64) *Request {
	if number < r.first || number >= r.next {
		return nil
	}
	return r.slots[number%uint64(len(r.slots))]
}

// add keeps a request and tells gone of those that it gives up; the newest one is
// always kept.
func (r *ring) add(x judge.Exchange, gone func(number uint64)) {
	req := &Request{Number: r.next, Exchange: x, weight: x.Weight()}
	for r.first < r.next && (r.len() == len(r.slots) || r.bytes+req.weight > r.most) {
		gone(r.first)
		r.drop()
	}
	r.slots[r.next%uint64(len(r.slots))] = req
	r.next++
	r.bytes += req.weight
}

func (r *ring) drop() {
	slot := &r.slots[r.first%uint64(len(r.slots))]
	r.bytes -= (*slot).weight
	*slot = nil
	r.first++
	r.givenUp++
}

func (r *ring) clear() {
	for r.first < r.next {
		r.drop()
	}
}

// holds says whether a text stands in the request, in any case: in its path, headers,
// body, findings, or what the app answered. lower is in small letters.
func (r *Request) holds(lower string) bool {
	in := func(text string) bool { return strings.Contains(strings.ToLower(text), lower) }
	rec := r.Record
	if in(rec.Path) || in(string(rec.Body)) || in(rec.EventName) || in(rec.EventID) {
		return true
	}
	header := func(h capture.Header) bool { return in(h.Name) || in(h.Value) }
	if slices.ContainsFunc(rec.Headers, header) {
		return true
	}
	if slices.ContainsFunc(rec.Findings, func(f event.Finding) bool { return in(f.Clause) || in(f.Message) || in(f.Path) }) {
		return true
	}
	if app := rec.App; app != nil {
		return in(app.Error) || in(string(app.Body)) || slices.ContainsFunc(app.Headers, header)
	}
	return false
}

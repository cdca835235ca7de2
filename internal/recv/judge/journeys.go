package judge

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"relayctl/internal/event"
)

// Journeys keeps what came of the last customers, to show it in true order. It holds a
// bounded number of receipts; to make room it gives up the customer whose last event is
// the oldest. It is not safe for concurrent use.
type Journeys struct {
	most      int
	seed      maphash.Seed
	open      map[string]*track // by customer
	ring      track             // next is the customer whose event came last, prev the one whose event is the oldest
	spare     *track            // the last one given up, for the next customer
	held      int
	customers uint64      // how many there were to show
	left      generations // those given up, by the hash of the customer
}

// NewJourneys returns an empty Journeys that holds at most that many receipts.
func NewJourneys(most int) *Journeys {
	j := &Journeys{most: most, seed: maphash.MakeSeed(), open: map[string]*track{}, left: newGenerations(rememberLeft)}
	j.ring.next, j.ring.prev = &j.ring, &j.ring
	return j
}

const (
	// MostHeld is how many receipts are held where journeys are what is asked for.
	MostHeld = 1 << 16
	// trackShare is the part of the receipts that one customer may have.
	trackShare = 4
	// mostSpare is how many steps' memory is kept for the next customer.
	mostSpare = 16
	// mostText bounds what is kept of an id or a name, in bytes.
	mostText = 4 << 10
	// rememberLeft is the least number of customers that are remembered after their
	// journeys were given up.
	rememberLeft = 1 << 16
)

// track is one customer's receipts in the order of arrival.
type track struct {
	next, prev *track
	customer   string
	ccid       bool
	steps      []step
	forgotten  int
	partial    bool
	shown      bool // there is something to show
}

// step is what is kept of a receipt.
type step struct {
	id, name, tsText string
	ts               time.Time
	cause            uint64 // hash of what it is or has a predecessor in, 0 for nothing
	kind             uint8  // of that predecessor
	gives            bool   // it is the predecessor itself
	hidden           bool
	Arrival
}

// Journey is what came of one customer, in true order.
type Journey struct {
	Customer  string // the ccid
	NoCCID    bool   // Customer is Relay's customer_id, for there was no ccid
	Events    []JourneyEvent
	Forgotten int  // receipts that were given up to bound the memory
	Partial   bool // there may have been more before
}

// JourneyEvent is one event of a journey with all its arrivals.
type JourneyEvent struct {
	ID       string
	Name     string
	TS       time.Time // zero where it could not be read
	TSText   string
	Arrivals []Arrival // in their order
	// Lacks names the logical predecessor that the journey does not have, ""
	// where it has it or needs none. It may have been filtered out (R-FILTER).
	Lacks string
}

// Arrival is one receipt of an event.
type Arrival struct {
	Seq        uint64 // number of the request
	ReceivedAt time.Time
	Status     int // 0 when it was not answered
	Attempt    int
	Badges     []Badge
	Findings   []event.Finding
	Member     int           // index within the batch of Members events
	Members    int           // 0 for a single event
	By         string        // who gave the answer, see Receipt
	AppTook    time.Duration // of ByApp
	AppSaid    string        // of an app that failed: the first line of its answer

	settled bool // it was accepted before
}

// Accepted says whether an arrival was answered 2xx, or came after one that was.
func (e *JourneyEvent) Accepted() bool {
	return slices.ContainsFunc(e.Arrivals, func(a Arrival) bool {
		return a.settled || event.Accepted(a.Status)
	})
}

// Badges gives the badges of all arrivals, in their order.
func (e *JourneyEvent) Badges() []Badge {
	var all []Badge
	for _, a := range e.Arrivals {
		all = append(all, a.Badges...)
	}
	return all
}

// JourneyKey gives the key of an event's journey: its ccid, or else Relay's
// customer_id. It is empty for an event without a customer.
func JourneyKey(env *event.Envelope) (customer string, isCCID bool) {
	if env.Payload.CCID != "" {
		return env.Payload.CCID, true
	}
	return env.Payload.CustomerID, false
}

// Add keeps a copy of what is needed of a receipt. It ignores receipts without an event or
// a customer. A hidden receipt is not shown, but it counts as a predecessor (see
// JourneyEvent.Lacks).
func (j *Journeys) Add(rc *Receipt, hidden bool) {
	customer, isCCID := JourneyKey(&rc.Event)
	if customer == "" {
		return
	}
	t := j.track(customer, isCCID)
	s := j.step(rc)
	s.hidden = hidden
	if t.steps = append(t.steps, s); !hidden && !t.shown {
		t.shown = true
		if !t.partial {
			j.customers++
		}
	}
	j.held++
	if len(t.steps) > j.most/trackShare {
		n := len(t.steps) / 2
		t.steps = slices.Delete(t.steps, 0, n)
		t.forgotten += n
		j.held -= n
	}
	for j.held > j.most {
		j.forget(j.ring.prev)
	}
}

// track finds a customer's track, or begins it, and moves it to the front.
func (j *Journeys) track(customer string, isCCID bool) *track {
	customer = customer[:min(len(customer), mostText)]
	t, ok := j.open[customer]
	if ok {
		t.leave()
	} else {
		t = j.begin(strings.Clone(customer), isCCID)
	}
	t.next, t.prev = j.ring.next, &j.ring
	t.next.prev, t.prev.next = t, t
	return t
}

// begin makes the track of a new customer. Where every request is another customer's,
// as in a campaign, it takes the memory of the one given up before.
func (j *Journeys) begin(customer string, isCCID bool) *track {
	t := j.spare
	if t == nil {
		t = &track{}
	}
	j.spare = nil
	*t = track{customer: customer, ccid: isCCID, steps: t.steps[:0]}
	_, t.partial = j.left.get(maphash.String(j.seed, customer))
	j.open[customer] = t
	return t
}

// leave takes the track out of its ring.
func (t *track) leave() { t.prev.next, t.next.prev = t.next, t.prev }

func (j *Journeys) forget(t *track) {
	t.leave()
	delete(j.open, t.customer)
	j.held -= len(t.steps)
	j.left.set(maphash.String(j.seed, t.customer), 1)
	clear(t.steps)
	if cap(t.steps) > mostSpare {
		t.steps = nil
	}
	j.spare = t
}

// step copies what is kept of a receipt, for its texts share the whole body.
func (j *Journeys) step(rc *Receipt) step {
	s := step{
		id: kept(rc.Event.ID), name: rc.Event.Name, ts: rc.Event.TS,
		Arrival: Arrival{
			Seq: rc.Seq, ReceivedAt: rc.ReceivedAt, Status: rc.Status, Attempt: rc.Attempt,
			Badges: slices.Clone(rc.Badges), Findings: slices.Clone(rc.Findings), Member: rc.Member, Members: rc.Members,
			By: rc.By, AppTook: rc.AppTook, settled: rc.settled,
		},
	}
	if rc.App.Failed() {
		s.AppSaid = strings.Clone(rc.App.Said())
	}
	if known, ok := event.Lookup(s.name); ok {
		s.name = known.Name
	} else {
		s.name = kept(s.name)
	}
	if s.ts.IsZero() {
		s.tsText = kept(rc.Event.TSText)
	}
	if l := linkOf(&rc.Event); l.id != "" {
		s.cause, s.kind, s.gives = causeKey(j.seed, l), uint8(l.kind), l.gives
	}
	return s
}

// kept copies the beginning of a text. The text itself would keep the memory of the whole
// body.
func kept(s string) string { return strings.Clone(s[:min(len(s), mostText)]) }

// causeKey is the hash of what a link is about. Relay's ids come in either case
// (R-ABSENT).
func causeKey(seed maphash.Seed, l link) uint64 {
	return max(1, maphash.String(seed, strings.ToLower(l.id))+uint64(l.kind))
}

// Customers returns the number of different customers. One that comes back after tens of
// thousands of others counts twice.
func (j *Journeys) Customers() uint64 { return j.customers }

// Last returns the journeys of the n customers whose events came last, or of all that are
// held if n is 0. The journey that began first comes first.
func (j *Journeys) Last(n int) []Journey {
	var out []Journey
	for t := j.ring.next; t != &j.ring && (n == 0 || len(out) < n); t = t.next {
		if t.shown {
			out = append(out, t.journey())
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b Journey) int { return a.begin().Compare(b.begin()) })
	return out
}

// begin is the time of the journey's first event.
func (j *Journey) begin() time.Time { return j.Events[0].time() }

// time is the event's own, or that of its arrival where it has none.
func (e *JourneyEvent) time() time.Time {
	if e.TS.IsZero() {
		return e.Arrivals[0].ReceivedAt
	}
	return e.TS
}

// journey brings a track into true order.
func (t *track) journey() Journey {
	j := Journey{Customer: t.customer, NoCCID: !t.ccid, Forgotten: t.forgotten, Partial: t.partial}
	index := map[string]int{}
	given := map[uint64]bool{}
	firsts := make([]*step, 0, len(t.steps)) // of each event
	var shown []bool
	for n := range t.steps {
		s := &t.steps[n]
		if s.gives {
			given[s.cause] = true
		}
		i, again := index[s.id]
		if !again || s.id == "" {
			i = len(j.Events)
			index[s.id] = i
			j.Events = append(j.Events, JourneyEvent{ID: s.id, Name: s.name, TS: s.ts, TSText: s.tsText})
			firsts, shown = append(firsts, s), append(shown, false)
		}
		shown[i] = shown[i] || !s.hidden
		j.Events[i].Arrivals = append(j.Events[i].Arrivals, s.Arrival)
	}
	for i, s := range firsts {
		if s.cause != 0 && !s.gives && !given[s.cause] {
			j.Events[i].Lacks = causeName(int(s.kind))
		}
	}
	kept := j.Events[:0]
	for i, e := range j.Events {
		if shown[i] {
			kept = append(kept, e)
		}
	}
	j.Events = kept
	slices.SortStableFunc(j.Events, func(a, b JourneyEvent) int {
		return cmp.Or(a.time().Compare(b.time()), cmp.Compare(a.Arrivals[0].Seq, b.Arrivals[0].Seq))
	})
	return j
}

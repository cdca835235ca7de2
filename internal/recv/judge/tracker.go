package judge

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"

	"relayctl/internal/event"
)

// Tracker remembers what came before, to tell a retry from a duplicate and
// order from disorder. Its memory is bounded: it is exact for the latest events
// and customers and forgets older ones, which Forgotten tells. It is safe for
// concurrent use.
type Tracker struct {
	seed   maphash.Seed
	shards [trackerShards]shard
	causes [causeKinds]cause
}

const (
	trackerShards = 64
	// What a shard knows at least: together the latest 393,216 events, and half
	// as many customers, notifications and messages, and numbers.
	eventsPerShard = 6144
	othersPerShard = 3072
)

type shard struct {
	mu        sync.Mutex
	events    generations // by event id: a history
	customers generations // by ccid: a shown
	others    generations // by the other ids that tell whose an event is: a shown
	causes    generations // by notification or message: bits
	numbers   generations // by customer and number: a connection
}

// NewTracker makes an empty tracker.
func NewTracker() *Tracker {
	t := &Tracker{seed: maphash.MakeSeed()}
	for i := range t.shards {
		s := &t.shards[i]
		s.events = newGenerations(eventsPerShard)
		for _, g := range []*generations{&s.customers, &s.others, &s.causes, &s.numbers} {
			*g = newGenerations(othersPerShard)
		}
	}
	return t
}

// lock locks and returns the shard of a key.
func (t *Tracker) lock(k uint64) *shard {
	s := &t.shards[k%trackerShards]
	s.mu.Lock()
	return s
}

// Forgotten returns how many events and customers the tracker has forgotten. One of them
// that comes again is taken for new.
func (t *Tracker) Forgotten() (events, customers uint64) {
	others := uint64(0)
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		events += s.events.forgotten
		customers += s.customers.forgotten
		others += s.others.forgotten
		s.mu.Unlock()
	}
	// A customer with a ccid is known by the customer_id as well.
	return events, max(customers, others)
}

// Verdicts is what the tracker says of an event.
type Verdicts struct {
	Attempt int // which arrival it is since the last accepted one, from 1
	Times   int // which arrival it is altogether, from 1
	Badges  []Badge

	settled bool // it was accepted before
}

// Observe judges an event before it is answered. A nil tracker has no memory: to it every
// event comes for the first time.
func (t *Tracker) Observe(env *event.Envelope) Verdicts {
	if t == nil {
		return Verdicts{Attempt: 1, Times: 1}
	}
	v, settled := t.observeID(env)
	if !settled && !env.TS.IsZero() {
		v.Badges = t.observeOrder(env, v.Badges)
	}
	return v
}

// history is what is known of the arrivals of an event, packed into 64 bits.
type history struct {
	body     uint32 // hash of its bytes
	times    uint16 // altogether
	attempts uint8  // since the last accepted one
	accepted bool   // the last one was
	ever     bool   // any was
}

const maxTimesKnown = 1<<16 - 1

func (h history) pack() uint64 {
	v := uint64(h.body) | uint64(h.times)<<32 | uint64(h.attempts)<<48
	if h.accepted {
		v |= 1 << 56
	}
	if h.ever {
		v |= 1 << 57
	}
	return v
}

func unpackHistory(v uint64) history {
	return history{uint32(v), uint16(v >> 32), uint8(v >> 48), v>>56&1 != 0, v>>57&1 != 0}
}

// keyOf is the key by which events are told apart: the id, letter by letter, because it is
// opaque (R-ID). An event without an id is known by its bytes, which every attempt repeats
// (R-RETRY-SAME). Its key is never that of an id with the same text: the body null is not
// the event "null".
func keyOf(seed maphash.Seed, env *event.Envelope) uint64 {
	if env.ID == "" {
		return ^maphash.Bytes(seed, event.TrimSpace(env.Raw))
	}
	return maphash.String(seed, env.ID)
}

// observeID tells attempts, duplicates and conflicts apart. An event that was accepted
// once is settled: what comes later is a copy, even if that copy is answered 500 and tried
// again. The order of copies is not judged.
func (t *Tracker) observeID(env *event.Envelope) (v Verdicts, settled bool) {
	// White space does not belong to an event: it may come alone with a line break, and
	// later in a batch.
	k, body := keyOf(t.seed, env), uint32(maphash.Bytes(t.seed, event.TrimSpace(env.Raw)))
	s := t.lock(k)
	defer s.mu.Unlock()
	packed, again := s.events.get(k)
	h := unpackHistory(packed)
	conflict := again && h.body != body
	switch {
	case conflict:
		v.Badges = append(v.Badges, Badge{Kind: Conflict})
	case h.accepted:
		v.Badges = append(v.Badges, Badge{Kind: Duplicate})
	}
	if conflict || h.accepted {
		h.attempts = 0
	}
	h.attempts = min(h.attempts, 254) + 1
	h.times = min(h.times, maxTimesKnown-1) + 1
	h.body, h.accepted = body, false
	s.events.set(k, h.pack())
	v.Attempt, v.Times, v.settled = int(h.attempts), int(h.times), h.ever
	if v.Attempt > 1 {
		v.Badges = append(v.Badges, Badge{Kind: Attempt, Attempt: v.Attempt})
	}
	return v, conflict || h.ever
}

// Answered tells the tracker the status with which a receipt's event was answered.
func (t *Tracker) Answered(rc *Receipt) {
	if rc.Times > 0 && event.Accepted(rc.Status) { // it was observed
		rc.first = t.accept(&rc.Event)
	}
}

// accept notes that an event was accepted and says whether that is the first time.
func (t *Tracker) accept(env *event.Envelope) (first bool) {
	k := keyOf(t.seed, env)
	s := t.lock(k)
	defer s.mu.Unlock()
	packed, ok := s.events.get(k)
	if !ok {
		return true
	}
	h := unpackHistory(packed)
	first = !h.ever
	h.accepted, h.ever = true, true
	s.events.set(k, h.pack())
	return first
}

// observeOrder tells whether the event is older than what its customer has
// shown, and whether it came before what logically precedes it (R-ORDER).
func (t *Tracker) observeOrder(env *event.Envelope, badges []Badge) []Badge {
	if by := t.behind(env); by > 0 {
		badges = append(badges, Badge{Kind: Late, By: by})
	}
	if after := t.missing(env); after != "" {
		badges = append(badges, Badge{Kind: Early, After: after})
	}
	return badges
}

// identity is the hash of a property's value, apart from the same value of
// another property.
func (t *Tracker) identity(property, value string) uint64 {
	return maphash.String(t.seed, value) ^ maphash.String(t.seed, property)
}

// relayID is the hash of an id that Relay has made, which comes in either case
// (R-ABSENT).
func (t *Tracker) relayID(property, value string) uint64 {
	return t.identity(property, strings.ToLower(value))
}

// cause is a kind of predecessor: whether it ever came, and how often an event
// came without it.
type cause struct {
	seen   atomic.Bool
	absent atomic.Uint32
}

package recv

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"relayctl/internal/event"
)

// Tracker remembers what came before, to tell a retry from a duplicate and
// order from disorder. Its memory is bounded: it is exact for the most recent
// events and customers and forgets older ones. It is safe for concurrent use.
type Tracker struct {
	seed   maphash.Seed
	shards [trackerShards]shard
}

const (
	trackerShards = 64
	// perShard entries make a generation; two generations are kept, so that at
	// least 64 × perShard of the latest events are known.
	perShard = 8192
)

type shard struct {
	mu        sync.Mutex
	events    generations[deliveryState]
	customers generations[time.Time]
	causes    generations[causeSet]
}

// deliveryState is what is known of an event that came.
type deliveryState struct {
	body     uint64
	attempts int32 // since the last accepted one
	times    int32 // altogether
	accepted bool
}

// causeSet holds which logical predecessors of a notification or message came.
type causeSet uint8

const (
	attempted causeSet = 1 << iota
	inFeed
)

// generations is a map that forgets the older half of what it was told when it
// is full.
type generations[V any] struct{ young, old map[uint64]V }

func (g *generations[V]) get(k uint64) (V, bool) {
	if v, ok := g.young[k]; ok {
		return v, true
	}
	v, ok := g.old[k]
	return v, ok
}

func (g *generations[V]) put(k uint64, v V) {
	if g.young == nil {
		g.young = make(map[uint64]V)
	}
	g.young[k] = v
	if len(g.young) >= perShard {
		g.old, g.young = g.young, make(map[uint64]V, perShard)
	}
}

// Verdicts is what the tracker says of an event.
type Verdicts struct {
	Attempt int // which delivery it is since the last accepted one, from 1
	Times   int // which delivery it is altogether, from 1
	Badges  []Badge
}

// NewTracker makes an empty tracker.
func NewTracker() *Tracker { return &Tracker{seed: maphash.MakeSeed()} }

func (t *Tracker) shard(k uint64) *shard { return &t.shards[k%trackerShards] }

// Observe judges an event before it is answered. An event without an id is not
// tracked.
func (t *Tracker) Observe(env *event.Envelope) Verdicts {
	if env.ID == "" {
		return Verdicts{Attempt: 1, Times: 1}
	}
	v, again := t.observeID(env)
	if again || env.TS.IsZero() {
		return v
	}
	v.Badges = append(v.Badges, t.observeOrder(env)...)
	return v
}

// observeID tells attempts, duplicates and conflicts apart, and whether the
// event came before at all.
func (t *Tracker) observeID(env *event.Envelope) (v Verdicts, again bool) {
	k, body := maphash.String(t.seed, env.ID), maphash.Bytes(t.seed, env.Raw)
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	st, again := s.events.get(k)
	switch {
	case !again:
	case st.body != body:
		v.Badges = append(v.Badges, Badge{Kind: Conflict})
	case st.accepted:
		v.Badges = append(v.Badges, Badge{Kind: Duplicate})
	}
	if st.accepted || st.body != body {
		st.attempts = 0
	}
	st.attempts++
	st.times++
	v.Attempt, v.Times = int(st.attempts), int(st.times)
	if v.Attempt > 1 {
		v.Badges = append(v.Badges, Badge{Kind: AttemptBadge, Attempt: v.Attempt})
	}
	st.body, st.accepted = body, false
	s.events.put(k, st)
	return v, again
}

// Answered tells the tracker how an event was answered; 0 is not at all.
func (t *Tracker) Answered(env *event.Envelope, status int) {
	if env.ID == "" {
		return
	}
	k := maphash.String(t.seed, env.ID)
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.events.get(k); ok && status >= 200 && status < 300 {
		st.accepted = true
		s.events.put(k, st)
	}
}

// observeOrder tells whether the event is older than what its customer has
// shown, and whether it came before what logically precedes it (R-ORDER). A
// predecessor may be filtered out (R-FILTER), so early is a remark and no fault.
func (t *Tracker) observeOrder(env *event.Envelope) []Badge {
	var badges []Badge
	customer := env.Payload.CCID
	if customer == "" {
		customer = env.Payload.CustomerID
	}
	if customer != "" {
		k := maphash.String(t.seed, customer)
		s := t.shard(k)
		s.mu.Lock()
		newest, ok := s.customers.get(k)
		if ok && env.TS.Before(newest) {
			badges = append(badges, Badge{Kind: Late, By: newest.Sub(env.TS)})
		} else {
			s.customers.put(k, env.TS)
		}
		s.mu.Unlock()
	}
	if after := t.observeCause(env); after != "" {
		badges = append(badges, Badge{Kind: Early, After: after})
	}
	return badges
}

// observeCause notes what the event is a predecessor of and returns the
// predecessor that it lacks itself, "" when it lacks none.
func (t *Tracker) observeCause(env *event.Envelope) string {
	switch env.Name {
	case "notification.attempted", "notification.not_attempted":
		t.cause(env.Payload.NotificationID, attempted)
	case "notification.delivered", "notification.undelivered", "notification.auth_link_clicked", "notification.auth_link_used":
		if env.Payload.NotificationID != "" && t.cause(env.Payload.NotificationID, 0)&attempted == 0 {
			return "notification.attempted"
		}
	case "message.delivered":
		t.cause(env.Payload.MessageID, inFeed)
	case "message.action_taken":
		if env.Payload.MessageID != "" && t.cause(env.Payload.MessageID, 0)&inFeed == 0 {
			return "message.delivered"
		}
	}
	return ""
}

// cause adds to what is known of a notification or message and returns it.
func (t *Tracker) cause(id string, add causeSet) causeSet {
	if id == "" {
		return 0
	}
	k := maphash.String(t.seed, strings.ToLower(id)) // ids come in either case (R-ABSENT)
	s := t.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	set, _ := s.causes.get(k)
	if add != 0 {
		set |= add
		s.causes.put(k, set)
	}
	return set
}

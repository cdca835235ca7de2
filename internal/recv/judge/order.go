package judge

import (
	"time"

	"relayctl/internal/event"
)

// shown is what a customer has shown: the newest event_ts, and how many
// numbers are connected. Packed into 64 bits.
type shown struct {
	newest  int64 // in Unix milliseconds
	numbers uint8
}

func (s shown) pack() uint64 { return uint64(s.newest)<<8 | uint64(s.numbers) }

func unpackShown(v uint64) shown { return shown{int64(v) >> 8, uint8(v)} }

// behind returns how much older the event is than the newest of its customer. If it is the
// newest itself, it is noted.
func (t *Tracker) behind(env *event.Envelope) time.Duration {
	p, ts := &env.Payload, env.TS.UnixMilli()
	byID := func(property, value string) time.Duration {
		k := t.relayID(property, value)
		s := t.lock(k)
		defer s.mu.Unlock()
		return newest(&s.others, k, ts)
	}
	switch {
	case p.CCID != "":
		k := t.identity("ccid", p.CCID)
		s := t.lock(k)
		by := newest(&s.customers, k, ts)
		s.mu.Unlock()
		if p.CustomerID != "" {
			// The customer's events without a ccid are compared with this one, but not the
			// other way round: many customers may share the customer_id of a sample.
			byID("customer_id", p.CustomerID)
		}
		return by
	case p.CustomerID != "":
		return byID("customer_id", p.CustomerID)
	case p.MessageID != "":
		return byID("message_id", p.MessageID)
	case p.NotificationID != "":
		return byID("notification_id", p.NotificationID)
	}
	return 0
}

// newest returns how much older ts is than the newest time of the key. If ts is the newest
// itself, it is noted.
func newest(of *generations, k uint64, ts int64) time.Duration {
	packed, known := of.get(k)
	c := unpackShown(packed)
	by := time.Duration(0)
	if known && ts < c.newest {
		by = time.Duration(c.newest-ts) * time.Millisecond
	} else {
		c.newest = ts
	}
	of.set(k, c.pack())
	return by
}

// The predecessors that are looked for before later events, and the bits of a notification's
// or message's causes.
const (
	attempted = iota // or notification.not_attempted
	inFeed
	causeKinds
)

func causeName(kind int) string {
	return [causeKinds]string{"notification.attempted", "message.delivered"}[kind]
}

// enoughAbsent is how many events have to lack their predecessor, while none ever came,
// before the webhook's filter is taken to leave it out (R-FILTER).
const enoughAbsent = 20

// link ties an event to others of the same notification or message. Without an id it ties
// it to none.
type link struct {
	kind     int    // of the predecessor
	property string // what they share
	id       string
	gives    bool // it is the predecessor itself
}

// linkOf gives the logical order that Relay documents (R-ORDER).
func linkOf(env *event.Envelope) link {
	p := &env.Payload
	switch env.Name {
	case "notification.attempted", "notification.not_attempted":
		return link{attempted, "notification_id", p.NotificationID, true}
	case "notification.delivered", "notification.undelivered", "notification.auth_link_clicked", "notification.auth_link_used":
		return link{attempted, "notification_id", p.NotificationID, false}
	case "message.delivered":
		return link{inFeed, "message_id", p.MessageID, true}
	case "message.action_taken":
		return link{inFeed, "message_id", p.MessageID, false}
	}
	return link{}
}

// missing notes what the event is a predecessor of and returns the predecessor
// that it lacks itself, "" when it lacks none.
func (t *Tracker) missing(env *event.Envelope) string {
	switch l := linkOf(env); {
	case l.id != "" && l.gives:
		t.noteCause(l.kind, l.property, l.id)
		return ""
	case l.id != "":
		return t.lacks(l.kind, l.property, l.id)
	}
	switch env.Name {
	case "notification_channel.add", "notification_channel.remove":
		t.connect(env, env.Name == "notification_channel.add")
	case "account.deactivate":
		if t.connected(env.Payload.CCID) > 0 {
			return "notification_channel.remove"
		}
	}
	return ""
}

func (t *Tracker) noteCause(kind int, property, id string) {
	if c := &t.causes[kind]; !c.seen.Load() {
		c.seen.Store(true)
	}
	k := t.relayID(property, id)
	s := t.lock(k)
	defer s.mu.Unlock()
	set, _ := s.causes.get(k)
	s.causes.set(k, set|1<<kind)
}

// lacks returns the predecessor's name if it has not come, unless it never
// comes.
func (t *Tracker) lacks(kind int, property, id string) string {
	k := t.relayID(property, id)
	s := t.lock(k)
	set, _ := s.causes.get(k)
	s.mu.Unlock()
	if set&(1<<kind) != 0 {
		return ""
	}
	c := &t.causes[kind]
	if !c.seen.Load() && c.absent.Load() >= enoughAbsent {
		return ""
	}
	c.absent.Add(1)
	return causeName(kind)
}

// LeftOut lists the predecessors that the webhook's filter is taken to leave out. An event
// that lacks one of them gets no badge early.
func (t *Tracker) LeftOut() []string {
	var names []string
	for kind := range t.causes {
		if c := &t.causes[kind]; !c.seen.Load() && c.absent.Load() >= enoughAbsent {
			names = append(names, causeName(kind))
		}
	}
	return names
}

// connect notes that a number joined or left a customer. Of two events of a
// number the newer one counts, whatever the order in which they come.
func (t *Tracker) connect(env *event.Envelope, joins bool) {
	p := &env.Payload
	if p.CCID == "" || p.ChannelAddr == "" {
		return
	}
	now := uint64(env.TS.UnixMilli()) << 1
	if joins {
		now |= 1
	}
	customer := t.identity("ccid", p.CCID)
	k := customer ^ t.identity("channel_addr", p.ChannelAddr)
	s := t.lock(k)
	before, _ := s.numbers.get(k)
	if int64(now) >= int64(before) {
		s.numbers.set(k, now)
	} else {
		now = before
	}
	s.mu.Unlock()
	if change := int(now&1) - int(before&1); change != 0 {
		t.countNumbers(customer, change)
	}
}

func (t *Tracker) countNumbers(customer uint64, change int) {
	s := t.lock(customer)
	defer s.mu.Unlock()
	packed, _ := s.customers.get(customer)
	c := unpackShown(packed)
	c.numbers = uint8(min(max(int(c.numbers)+change, 0), 255))
	s.customers.set(customer, c.pack())
}

// connected says how many numbers a customer is known to have.
func (t *Tracker) connected(ccid string) int {
	if ccid == "" {
		return 0
	}
	k := t.identity("ccid", ccid)
	s := t.lock(k)
	defer s.mu.Unlock()
	packed, _ := s.customers.get(k)
	return int(unpackShown(packed).numbers)
}

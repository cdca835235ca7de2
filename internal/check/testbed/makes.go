package testbed

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Make is a way in which good receivers are made. Its rules can be switched off.
type Make struct {
	Name   string
	empty  book
	atRead bool          // it keeps every event that comes, and tells duplicates when it shows them
	delay  time.Duration // its work is done so long after the answer
	cached time.Duration // its page is as old as that
	locks  bool          // it locks a customer's row while it works on it, as PostgreSQL does
	clock  bool          // its page tells the time, its own and that of its work
	stalls func() time.Duration
}

// Stalling is the make on a busy machine: stalls says how much longer than usual each
// piece of its work takes. It must be safe for concurrent use.
func (m Make) Stalling(stalls func() time.Duration) Make {
	m.stalls = stalls
	return m
}

func (m Make) stall() time.Duration {
	if m.stalls == nil {
		return 0
	}
	return m.stalls()
}

// Slow is the make with a queue and a cache as slow as real ones.
func (m Make) Slow() Make {
	if m.delay > 0 {
		m.delay = 500 * time.Millisecond
	}
	if m.cached > 0 {
		m.cached = time.Second
	}
	return m
}

// Makes lists them.
func Makes() []Make {
	return []Make{
		{Name: "rows", empty: rows(nil)},
		{Name: "log", empty: journal(nil), atRead: true},
		{Name: "counts", empty: counts{}},
		{Name: "list", empty: list{}},
		{Name: "queue", empty: rows(nil), delay: 300 * time.Millisecond},
		{Name: "cached", empty: list{}, cached: 400 * time.Millisecond},
		{Name: "locks", empty: rows(nil), locks: true},
		{Name: "clock", empty: rows(nil), clock: true},
		{Name: "numbers", empty: numbered{sequence: new(atomic.Int64)}},
	}
}

// book is what is kept of one customer. It is never changed: who writes back one
// that is old loses what came in between.
type book interface {
	with(e *Event, off Off) book
	page(off Off) any
}

// row is a value that the newest event decides, or a count.
type row struct {
	Value string `json:"value,omitempty"`
	Times int    `json:"times,omitempty"`
	at    time.Time
}

// rows are updated as events come, each by the event's time.
type rows map[string]row

func (r rows) with(e *Event, off Off) book {
	next := maps.Clone(r)
	if next == nil {
		next = rows{}
	}
	key, value := place(e)
	old := next[key]
	at := timeOf(e, off)
	switch {
	case value == "":
		old.Times++
	case off["order"] || !at.Before(old.at):
		old.Value, old.at = value, at
	}
	next[key] = old
	return next
}

func (r rows) page(Off) any { return r }

// timeOf is the time by which an event is ordered.
func timeOf(e *Event, off Off) time.Time {
	if off["order-seconds"] {
		return e.TS.Truncate(time.Second)
	}
	return e.TS
}

// place gives the row of an event and its value, "" for what is counted.
func place(e *Event) (key, value string) {
	family, what, _ := strings.Cut(e.Name, ".")
	switch {
	case e.Name == "message.action_taken":
		return "actions of " + e.Text("message_id"), ""
	case strings.HasPrefix(what, "auth_link_"):
		return "clicks of " + e.Text("notification_id"), ""
	case e.Name == "channel_consent.update":
		return "consent of " + e.Text("channel_addr"), e.Text("current_consent")
	case family == "notification_channel":
		return "channel " + e.Text("channel_addr"), what
	case family == "message":
		return "message " + e.Text("message_id"), what
	case family == "notification":
		return "notification " + e.Text("notification_id"), what
	}
	return "account", what
}

// journal keeps the events as they came; its page folds them.
type journal []Event

func (j journal) with(e *Event, _ Off) book { return append(slices.Clip(j), *e) }

func (j journal) page(off Off) any {
	events := slices.Clone(j)
	if !off["order"] {
		slices.SortStableFunc(events, func(a, b Event) int { return timeOf(&a, off).Compare(timeOf(&b, off)) })
	}
	seen := map[string]bool{}
	var folded book = rows(nil)
	count := 0
	for i := range events {
		e := &events[i]
		if key := keyOf(e, off); off["dedupe"] || !seen[key] {
			seen[key] = true
			count++
			folded = folded.with(e, off)
		}
	}
	return map[string]any{"events": count, "now": folded}
}

// counts shows numbers alone.
type counts struct {
	received map[string]int
	now      rows
}

func (c counts) with(e *Event, off Off) book {
	next := maps.Clone(c.received)
	if next == nil {
		next = map[string]int{}
	}
	next[e.Name]++
	return counts{next, c.now.with(e, off).(rows)}
}

func (c counts) page(Off) any {
	totals := map[string]int{}
	for key, r := range c.now {
		if kind, _, _ := strings.Cut(key, " "); r.Value != "" {
			totals[kind+" "+r.Value]++
		}
	}
	return map[string]any{"received": c.received, "totals": totals}
}

// list shows the events in the order in which they came, beside what holds now.
type list struct {
	entries []entryOfList
	now     rows
}

// entryOfList is an event of a list.
type entryOfList struct {
	Seq        int       `json:"seq"`
	EventID    string    `json:"event_id"`
	Name       string    `json:"event_name"`
	ReceivedAt time.Time `json:"received_at"`
}

func (l list) with(e *Event, off Off) book {
	next := entryOfList{len(l.entries) + 1, e.ID, e.Name, time.Now()}
	return list{append(slices.Clip(l.entries), next), l.now.with(e, off).(rows)}
}

func (l list) page(Off) any { return map[string]any{"events": l.entries, "now": l.now} }

// numbered gives every row a number that grows over all customers, as a database
// does, and keeps a row for each event.
type numbered struct {
	sequence *atomic.Int64 // of all customers
	id       int64
	events   []numberedEvent
	ids      map[string]int64 // of the rows
	now      rows
}

// numberedEvent is the row of an event.
type numberedEvent struct {
	ID   int64  `json:"id"`
	Name string `json:"event_name"`
}

// numberedRow is any other row.
type numberedRow struct {
	ID int64 `json:"id"`
	row
}

func (b numbered) with(e *Event, off Off) book {
	next := numbered{b.sequence, b.id, append(slices.Clip(b.events), numberedEvent{b.sequence.Add(1), e.Name}), maps.Clone(b.ids), b.now.with(e, off).(rows)}
	if next.id == 0 {
		next.id, next.ids = b.sequence.Add(1), map[string]int64{}
	}
	for key := range next.now {
		if next.ids[key] == 0 {
			next.ids[key] = b.sequence.Add(1)
		}
	}
	return next
}

func (b numbered) page(Off) any {
	shown := map[string]numberedRow{}
	for key, r := range b.now {
		shown[key] = numberedRow{b.ids[key], r}
	}
	return map[string]any{"id": b.id, "events": b.events, "rows": shown}
}

// timed is a page that tells the time.
type timed struct {
	Now    string        `json:"now"`
	Uptime time.Duration `json:"uptime"`
	State  any           `json:"state"`
}

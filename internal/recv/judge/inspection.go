package judge

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

// Inspection reads a capture back: the exact totals of what is selected, and the journeys
// of its last customers. What is not selected is judged too, because the badges of the
// rest depend on it. It is not safe for concurrent use.
type Inspection struct {
	Summary
	NoEvent    uint64 // requests that carried no event
	NoCustomer uint64 // events without a customer, which no journey has
	Silence    Silence
	// Examples are the first few of each badge, by its kind, and of the Marks.
	Examples map[string][]Example

	sel      capture.Filter
	readback *Readback
	gaps     gaps
	journeys *Journeys
	last     time.Time // the latest receipt so far
	lastSeq  uint64
	others   map[string]bool
	seen     generations // the selected events
	// selection is what Add returned last, to be used again.
	selection []*Receipt
}

// The marks that Examples has beside the kinds of badges.
const (
	MarkFinding    = "finding"
	MarkNoEvent    = "no event"
	MarkNoCustomer = "no customer"
)

// Silence is the longest time in which nothing was received.
type Silence struct {
	For   time.Duration
	After uint64 // number of the request before it
}

// Example points to a receipt.
type Example struct {
	Seq      uint64
	Customer string
}

// maxExamples are as many as fit on a line.
const maxExamples = 5

// NewInspection begins an inspection.
func NewInspection(sel capture.Filter) *Inspection {
	return &Inspection{
		Summary: NewSummary(), Examples: map[string][]Example{},
		sel: sel, readback: NewReadback(), gaps: gaps{seed: maphash.MakeSeed()}, journeys: NewJourneys(MostHeld), others: map[string]bool{}, seen: newGenerations(eventsPerShard * trackerShards),
	}
}

// Add takes the next record of the capture and returns those of its receipts that
// are selected. They are valid until the next call.
func (in *Inspection) Add(rec *capture.Record) []*Receipt {
	receipts := in.readback.Receipts(rec)
	counted := false
	selected := in.selection[:0]
	for _, rc := range receipts {
		shown := in.selected(rc)
		in.gaps.observe(rc, shown)
		if in.wanted(rc) {
			in.journeys.Add(rc, !shown)
		}
		if !shown {
			continue
		}
		if !counted {
			counted = true
			in.AddRequest(Answer{At: rc.ReceivedAt, Status: rc.Status, AppFailed: rc.App.Failed()})
			in.silence(rc)
		}
		in.addEvent(rc, in.again(rc))
		in.mark(rc)
		selected = append(selected, rc)
	}
	in.selection = selected
	return selected
}

// again notes a selected event and says whether it was selected before.
func (in *Inspection) again(rc *Receipt) bool {
	key := keyOf(in.gaps.seed, &rc.Event)
	_, again := in.seen.get(key)
	in.seen.set(key, 1)
	return again
}

// wanted says whether the receipt belongs to a selected customer.
func (in *Inspection) wanted(rc *Receipt) bool {
	if len(in.sel.Customers) == 0 {
		return true
	}
	customer, _ := JourneyKey(&rc.Event)
	if slices.Contains(in.sel.Customers, customer) {
		return customer != ""
	}
	if customer != "" && len(in.others) < maxOthers && !in.others[customer] {
		in.others[strings.Clone(customer)] = true
	}
	return false
}

// maxOthers bounds how many customers are remembered to suggest a name.
const maxOthers = 10000

// Others names customers that the capture has beside the selected ones.
func (in *Inspection) Others() []string { return slices.Sorted(maps.Keys(in.others)) }

func (in *Inspection) selected(rc *Receipt) bool {
	if !in.sel.Request(rc.Seq, rc.ReceivedAt, rc.Status) {
		return false
	}
	if rc.Event.Raw == nil {
		return in.sel.AnyEvent()
	}
	customer, _ := JourneyKey(&rc.Event)
	var kinds []string
	if len(in.sel.Badges) > 0 {
		kinds = kindsOf(rc.Badges)
	}
	return in.sel.Event(customer, rc.Event.Name, rc.Event.ID, kinds)
}

func kindsOf(badges []Badge) []string {
	kinds := make([]string, len(badges))
	for i, b := range badges {
		kinds[i] = string(b.Kind)
	}
	return kinds
}

// silence keeps the longest time between two receipts.
func (in *Inspection) silence(rc *Receipt) {
	if d := rc.ReceivedAt.Sub(in.last); !in.last.IsZero() && d > in.Silence.For {
		in.Silence = Silence{d, in.lastSeq}
	}
	if rc.ReceivedAt.After(in.last) {
		in.last, in.lastSeq = rc.ReceivedAt, rc.Seq
	}
}

// mark notes where something noteworthy stands.
func (in *Inspection) mark(rc *Receipt) {
	customer, _ := JourneyKey(&rc.Event)
	note := func(what string) {
		if list := in.Examples[what]; len(list) < maxExamples {
			in.Examples[what] = append(list, Example{rc.Seq, strings.Clone(customer)})
		}
	}
	for _, b := range rc.Badges {
		note(string(b.Kind))
	}
	if len(rc.Findings) > 0 {
		note(MarkFinding)
	}
	switch {
	case rc.Event.Raw == nil:
		in.NoEvent++
		note(MarkNoEvent)
	case customer == "":
		in.NoCustomer++
		note(MarkNoCustomer)
	}
}

// Gap counts the events that lack something, and points to the first ones.
type Gap struct {
	Count uint64
	First []Example // by number only
}

// Unaccepted returns the events that were never answered 2xx in this capture. The number
// is exact while no more than a quarter of a million wait for that.
func (in *Inspection) Unaccepted() Gap { return in.gaps.unaccepted.gap() }

// Orphans returns the events whose logical predecessor is not in the capture; the
// webhook's filter may have left it out (R-FILTER). It is as exact as Unaccepted.
func (in *Inspection) Orphans() Gap { return in.gaps.orphans.gap() }

// Totals gives the counts, with what the judging had to forget.
func (in *Inspection) Totals() Summary {
	s := in.Summary
	s.ForgottenEvents, s.ForgottenCustomers = in.readback.tracker.Forgotten()
	s.LeftOut = in.readback.tracker.LeftOut()
	return s
}

// Customers returns the number of different customers that were selected. One that comes
// back after tens of thousands of others counts twice.
func (in *Inspection) Customers() uint64 { return in.journeys.Customers() }

// Journeys returns the journeys of the last n selected customers, or of all that are held
// if n is 0.
func (in *Inspection) Journeys(n int) []Journey { return in.journeys.Last(n) }

// gaps follows the events that are not accepted yet, and those whose predecessor is missing.
type gaps struct {
	seed       maphash.Seed
	unaccepted waiting // events whose latest answer was not 2xx
	orphans    waiting // events that lack their predecessor, by the predecessor
}

// observe takes the next receipt; only what is shown can leave a gap.
func (g *gaps) observe(rc *Receipt, shown bool) {
	if rc.Event.Raw == nil || rc.Event.ID == "" {
		return
	}
	id := maphash.String(g.seed, rc.Event.ID)
	if event.Accepted(rc.Status) {
		g.unaccepted.done(id)
	} else if shown && !rc.settled {
		g.unaccepted.wait(id, open{1, rc.Seq})
	}
	l := linkOf(&rc.Event)
	if l.id == "" {
		return
	}
	cause := causeKey(g.seed, l)
	if l.gives {
		g.orphans.done(cause)
	} else if shown && rc.has(Early) && !rc.cameAgain() {
		before, ok := g.orphans.open[cause]
		if !ok {
			before.seq = rc.Seq
		}
		g.orphans.wait(cause, open{before.count + 1, before.seq})
	}
}

// waiting counts what waits for something. When there is too much, it keeps the number and
// forgets what it counted.
type waiting struct {
	open  map[uint64]open
	given uint64 // counted and forgotten
}

// open is how many events wait for the same thing, and the number of one of their
// requests.
type open struct {
	count uint32
	seq   uint64
}

const maxWaiting = 1 << 18

func (w *waiting) wait(key uint64, o open) {
	if w.open == nil || len(w.open) >= maxWaiting {
		w.given = w.gap().Count
		w.open = map[uint64]open{}
	}
	w.open[key] = o
}

func (w *waiting) done(key uint64) { delete(w.open, key) }

func (w *waiting) gap() Gap {
	g := Gap{Count: w.given}
	for _, o := range w.open {
		g.Count += uint64(o.count)
		at, _ := slices.BinarySearchFunc(g.First, o.seq, func(e Example, seq uint64) int { return cmp.Compare(e.Seq, seq) })
		if at < maxExamples {
			g.First = slices.Insert(g.First, at, Example{Seq: o.seq})
			g.First = g.First[:min(len(g.First), maxExamples)]
		}
	}
	return g
}

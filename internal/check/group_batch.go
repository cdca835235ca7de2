package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

// batchChecks is the group "batch".
func batchChecks() []Check {
	return append([]Check{batchAccepted()}, batchEffects()...)
}

func batchAccepted() Check {
	return Check{
		ID: "batch.accepted", Level: Must, Clause: "R-BATCH", Needs: []Need{NeedBatch},
		Title: "batches of 1, 50 and 500 events are accepted",
		Why:   "one answer covers the whole batch: one that is refused, for its size or for its form, loses all of its events",
		How:   "delivers batches of 1, 50 and 500 events, and of the configured size, in the configured shape",
		Fix:   "take an array of events wherever one is taken, and let bodies be large enough (500 events are about half a megabyte; many frameworks stop at 100 kB)",
		Run: func(ctx context.Context, t *Trial) Result {
			shape, ok := batching(ctx, t)
			if !ok {
				return noBatches(t)
			}
			return t.after(ctx, func() Result {
				sizes := []int{1, 50, largeBatch, batchSize(t)}
				slices.Sort(sizes)
				var subs []Sub
				for _, n := range slices.Compact(sizes) {
					d := batch(ctx, t, shape, n)
					x := t.Deliver(ctx, d)
					sub := t.judge(ctx, fmt.Sprintf("a batch of %d", n), x)
					if x.Answer.Status == http.StatusMultiStatus {
						sub.Verdict, sub.Actual = Warn, "status 207: Relay looks at no member's own status"
						sub.Repeat = t.repeatCall(x.Call)
					}
					subs = append(subs, sub)
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

// batch makes a batch of n messages to a customer who was introduced.
func batch(ctx context.Context, t *Trial, shape event.Shape, n int) plan.Delivery {
	p := t.introduced(ctx)
	var list []plan.Delivery
	for i := range n {
		list = append(list, write(p, plan.Step{Event: "message.delivered", Message: i + 1, At: time.Duration(i) * time.Millisecond}))
	}
	return plan.BatchOf(shape, list...)
}

// batchEffects are the checks of what batches do to the state.
func batchEffects() []Check {
	return []Check{
		{
			ID: "batch.converges", Level: Must, Clause: "R-BATCH",
			Title: "a batch with duplicates and disorder, sent twice, ends in the clean state",
			Why:   "one answer covers the whole batch: after a 500 or a lost answer all of it comes again, with what was applied already",
			How:   "sends a history as one batch, in reverse order and with events that stand in it twice, sends the same bytes again, and compares the state with that of a customer whose events came one by one and in order",
			Fix:   "apply every member on its own terms: by its event_id, once, and by its event_ts",
			Needs: []Need{NeedProbe, NeedBatch}, Run: probed(batchConverges),
		},
		{
			ID: "batch.whole", Level: Must, Clause: "R-BATCH",
			Title: "every member of a large batch counts",
			Why:   "a loop that stops after so many members, or a body that is cut off, loses what stands behind, and the answer 200 tells Relay to forget it",
			How:   "sends a history spread over a batch of 500 events, first member, last member and between, among events of another customer, and compares the state with that of a customer whose events came one by one",
			Fix:   "go through all members before you answer 200; answer 413 or 500 to a batch that is too large for you, never 200",
			Needs: []Need{NeedProbe, NeedBatch}, Run: probed(batchWhole),
		},
		{
			ID: "batch.unknown-member", Level: Must, Clause: "R-TOLERANT",
			Title: "an unknown event in a batch does not keep the others from counting",
			Why:   "Relay may add events at any time, and they come in one batch with those that you know; so does the event of a customer whom you do not know",
			How:   "sends a history as one batch with an unknown event first, in its middle and last, then with an action of an unknown customer in these places, and compares the states with that of a customer whose events came without it",
			Fix:   "skip the member that you do not know, or cannot apply, and go on with the next one; do not roll the others back",
			Needs: []Need{NeedProbe, NeedBatch}, Run: probed(batchUnknownMember),
		},
	}
}

// batches puts an order of the subject's events into as few batches as the
// receiver is configured for.
func batches(ctx context.Context, t *Trial, s *subject, order []int) (batches []plan.Delivery, ok bool) {
	shape, ok := batching(ctx, t)
	if !ok {
		return nil, false
	}
	for part := range slices.Chunk(order, batchSize(t)) {
		var members []plan.Delivery
		for _, i := range part {
			members = append(members, s.events[i])
		}
		batches = append(batches, plan.BatchOf(shape, members...))
	}
	return batches, true
}

// batchSize is the largest batch to expect.
func batchSize(t *Trial) int {
	if t.Batch > 0 {
		return t.Batch
	}
	return event.BatchSize
}

func batchConverges(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	order := withDuplicates(t, backwards(len(s.events)))
	sent, ok := batches(ctx, t, s, order)
	if !ok {
		return noBatches(t)
	}
	for range 2 {
		for _, d := range sent {
			if why := t.accepted(ctx, d); why != "" {
				return BlockedBy(why)
			}
		}
	}
	return t.ends(ctx, s, true).verdict("as a batch in reverse order with duplicates, sent twice", func() *Repeat {
		return repeatBatches(ctx, t, "batch-converges", s.story, slices.Concat(order, order), len(order))
	})
}

// largeBatch is how many events the largest batch has that a receiver has to take.
const largeBatch = 500

func batchWhole(ctx context.Context, t *Trial) Result {
	shape, ok := batching(ctx, t)
	if !ok {
		return noBatches(t)
	}
	s := t.subject(life())
	members := spread(t, s)
	if why := t.accepted(ctx, plan.BatchOf(shape, members...)); why != "" {
		return BlockedBy(why)
	}
	f := t.ends(ctx, s, false)
	if f.wrong != "" && t.wrongInSmallBatches(ctx) {
		return BlockedBy(fmt.Sprintf("a history in batches of %d does not end in the clean state either, which batch.converges reports", batchSize(t)))
	}
	return f.verdict(fmt.Sprintf("spread over a batch of %d", largeBatch), func() *Repeat {
		data := linesOf(spread(t, t.subject(life())))
		return &Repeat{Sequence: &Sequence{Name: "batch-whole", Data: data, Batch: largeBatch, Shape: shape}}
	})
}

// wrongInSmallBatches says whether a history in batches of the configured size is not
// applied as a whole.
func (t *Trial) wrongInSmallBatches(ctx context.Context) bool {
	s := t.subject(life())
	sent, _ := batches(ctx, t, s, s.inOrder())
	return t.acceptedAll(ctx, sent) == "" && t.ends(ctx, s, false).wrong != ""
}

// spread puts a subject's events, in their order, between messages to another customer:
// the first one is the first of a large batch, and the last one its last.
func spread(t *Trial, s *subject) []plan.Delivery {
	order, p := s.inOrder(), t.Customer()
	members := make([]plan.Delivery, largeBatch)
	for i := range members {
		members[i] = t.writePlain(p, plan.Step{Event: "message.delivered", Message: i + 1, At: time.Duration(i) * time.Millisecond})
	}
	for at, i := range order {
		members[at*(largeBatch-1)/(len(order)-1)] = s.events[i]
	}
	return members
}

// repeatBatches is the repeat of a story in batches of at most so many events.
func repeatBatches(ctx context.Context, t *Trial, name string, s story, order []int, most int) *Repeat {
	again := repeatEvents(t.run, name, s, order)
	again.Sequence.Shape, _ = batching(ctx, t)
	again.Sequence.Batch = min(most, batchSize(t))
	return again
}

// odd is a customer whose history comes as a batch with one more member in it, which
// must have no effect.
type odd struct {
	*subject
	kind  oddKind
	place int    // of the member, in places
	what  string // the batch in words
	order []int  // of the batch
}

// oddKind is what the member is.
type oddKind int

const (
	resembling  oddKind = iota // an event that nobody knows, with a name like a known one's
	strange                    // one of an unknown family
	ofAStranger                // an action of a customer whom nobody knows
	oddKinds
)

// places are where an odd member stands.
func places() []string { return []string{"first", "in its middle", "last"} }

// newOdd makes a fresh customer with such a member.
func newOdd(t *Trial, kind oddKind, place int) odd {
	whole, known := withUnknown(life())
	o := odd{subject: t.subject(whole), kind: kind, place: place}
	o.reads = t.Probe.readings(o.events[:known])
	member := known + place
	if kind == strange {
		member = len(whole.steps) - 1
	}
	what := "the unknown event " + whole.steps[member].Event
	if kind == ofAStranger {
		what = "an action of an unknown customer"
		o.events[member] = t.writePlain(t.Customer(), plan.Step{Event: "message.action_taken"})
	}
	o.what = fmt.Sprintf("as a batch with %s %s", what, places()[place])
	o.order = slices.Insert(o.inOrder()[:known], place*known/2, member)
	o.story = life() // what the others make
	return o
}

func batchUnknownMember(ctx context.Context, t *Trial) Result {
	control := t.subject(life())
	plain, ok := batches(ctx, t, control, control.inOrder())
	if !ok {
		return noBatches(t)
	}
	if why := t.acceptedAll(ctx, plain); why != "" {
		return BlockedBy(why)
	}
	all := map[*subject]odd{}
	var sent []*subject
	for i := range int(oddKinds) * len(places()) {
		o := newOdd(t, oddKind(i/len(places())), i%len(places()))
		calls, _ := batches(ctx, t, o.subject, o.order)
		why := t.acceptedAll(ctx, calls)
		switch {
		case why == "":
			all[o.subject] = o
			sent = append(sent, o.subject)
		case o.kind == ofAStranger && t.accepted(ctx, t.writePlain(t.Customer(), plan.Step{Event: "message.action_taken"})) != "":
			// business.never-400 says so.
		case t.live.isHasty() && strings.Contains(why, "no answer"):
			return Unclear(o.what + ": " + why)
		default:
			return Failed("200, and the other members count", o.what+": "+why, o.repeat(ctx, t))
		}
	}
	lost, unclear := t.lost(ctx, sent)
	for _, l := range lost {
		o := all[l.subject]
		if o.kind != ofAStranger {
			// What the unknown event does by itself is another check's business.
			same, why := t.endsAlike(ctx, o)
			if why != "" {
				return Unclear(why)
			}
			if same {
				continue
			}
		}
		return Failed(sameState, o.what+": "+l.wrong, o.repeat(ctx, t))
	}
	if unclear != "" {
		return Unclear(unclear)
	}
	return Passed()
}

// acceptedAll delivers one after the other and says why one was not accepted.
func (t *Trial) acceptedAll(ctx context.Context, list []plan.Delivery) string {
	for _, d := range list {
		if why := t.accepted(ctx, d); why != "" {
			return why
		}
	}
	return ""
}

// endsAlike says whether the state is that of a customer to whom the same came one
// by one.
func (t *Trial) endsAlike(ctx context.Context, o odd) (same bool, unclear string) {
	whole, known := withUnknown(life())
	alone := t.subject(whole)
	alone.reads = t.Probe.readings(alone.events[:known])
	if why := t.tell(ctx, alone, o.order); why != "" {
		return false, why
	}
	alike := func(s []*state.State) bool { return state.Same(s[0], s[1]) }
	states, why := t.states.together(ctx, []*subject{alone, o.subject}, alike, t.states.patience())
	return why == "" && alike(states), why
}

// repeat is the repeat of the batch, with a customer that the receiver has not
// heard of yet.
func (o odd) repeat(ctx context.Context, t *Trial) *Repeat {
	o = newOdd(t, o.kind, o.place)
	events := make([]plan.Delivery, len(o.order))
	for at, i := range o.order {
		events[at] = o.events[i]
	}
	again := &Repeat{Sequence: &Sequence{Name: "batch-unknown-member", Data: linesOf(events), Batch: min(len(events), batchSize(t))}}
	again.Sequence.Shape, _ = batching(ctx, t)
	return again
}

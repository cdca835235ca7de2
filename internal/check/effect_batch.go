package check

import (
	"context"
	"fmt"
	"slices"

	"relayctl/internal/sim"
)

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
			ID: "batch.unknown-member", Level: Must, Clause: "R-TOLERANT",
			Title: "an unknown event in a batch does not keep the others from counting",
			Why:   "Relay may add events at any time, and they come in one batch with those that you know",
			How:   "sends a history as one batch with an unknown event in its middle, and compares the state with that of a customer whose events came without it",
			Fix:   "skip the member that you do not know and go on with the next one",
			Needs: []Need{NeedProbe, NeedBatch}, Run: probed(batchUnknownMember),
		},
	}
}

// batches puts an order of the subject's events into as few batches as the
// receiver is configured for.
func (t *Trial) batches(ctx context.Context, s *subject, order []int) (batches []sim.Delivery, why string) {
	shape, why := t.batching(ctx)
	if why != "" {
		return nil, why
	}
	for part := range slices.Chunk(order, t.batchSize()) {
		var members []sim.Delivery
		for _, i := range part {
			members = append(members, s.events[i])
		}
		batches = append(batches, sim.BatchOf(shape, members...))
	}
	return batches, ""
}

// batchSize is the largest batch to expect.
func (t *Trial) batchSize() int {
	if t.Batch > 0 {
		return t.Batch
	}
	return 50 // R-BATCH-SIZE
}

func batchConverges(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	order := t.withDuplicates(backwards(len(s.events)))
	batches, why := t.batches(ctx, s, order)
	if why != "" {
		return Skipped(why)
	}
	for range 2 {
		for _, d := range batches {
			if why := t.accepted(ctx, d); why != "" {
				return BlockedBy(why)
			}
		}
	}
	f := t.ends(ctx, s, true)
	repeat := ""
	if f.wrong != "" {
		repeat = t.sequenceCommand("batch-converges", s.story, slices.Concat(order, order), t.batchFlags(ctx, len(order))...)
	}
	return f.verdict("as a batch in reverse order with duplicates, sent twice", repeat)
}

// batchFlags are the flags of send for batches of that size at most.
func (t *Trial) batchFlags(ctx context.Context, events int) []string {
	shape, _ := t.batching(ctx)
	return []string{fmt.Sprint("--batch ", min(events, t.batchSize())), "--batch-shape " + string(shape)}
}

func batchUnknownMember(ctx context.Context, t *Trial) Result {
	whole, known := withUnknown(life())
	s := t.subject(whole)
	s.reads = t.Probe.readings(s.events[:known])
	stranger := len(whole.steps) - 1
	order := slices.Insert(s.inOrder()[:known], known/2, stranger)
	batches, why := t.batches(ctx, s, order)
	if why != "" {
		return Skipped(why)
	}
	control := t.subject(life())
	plain, _ := t.batches(ctx, control, control.inOrder())
	for _, d := range plain {
		if why := t.accepted(ctx, d); why != "" {
			return BlockedBy(why)
		}
	}
	for _, d := range batches {
		if why := t.accepted(ctx, d); why != "" {
			return Failed("200, and the other members count", why, t.sequenceCommand("batch-unknown-member", whole, order, t.batchFlags(ctx, len(order))...))
		}
	}
	ref := t.reference(ctx, life())
	seen := t.becomes(ctx, s, ref.has)
	if why := seen.unclear(); why != "" {
		return Unclear(why)
	}
	if ref.has(seen.state) {
		return Passed()
	}
	// What the unknown event does by itself is another check's business.
	alone := t.subject(whole)
	alone.reads = t.Probe.readings(alone.events[:known])
	if why := t.tell(ctx, alone, order); why != "" {
		return BlockedBy(why)
	}
	states, why := t.together(ctx, []*subject{alone, s}, func(s []*node) bool { return same(s[0], s[1]) }, t.Probe.lag.patience())
	switch {
	case why != "":
		return Unclear(why)
	case same(states[0], states[1]):
		return Passed()
	}
	return Failed(sameState, "as a batch with the unknown event "+whole.steps[stranger].Event+" in its middle: "+ref.difference(seen.state),
		t.sequenceCommand("batch-unknown-member", whole, order, t.batchFlags(ctx, len(order))...))
}

package check

import (
	"context"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// batchFinding is whether the receiver takes batches, and in which shape.
type batchFinding struct {
	taken bool
	shape event.Shape
}

// batchesSeen finds out, once in a run, whether the probe shows batches to be
// taken though nobody said that they are: a history sent as batches of one has
// the same effect as its events alone.
func batchesSeen(ctx context.Context, t *Trial) batchFinding {
	if t.Probe == nil || t.checkProbe(ctx).blocked != "" {
		return batchFinding{}
	}
	return t.states.batches.get(ctx, func(ctx context.Context) batchFinding {
		for _, shape := range []event.Shape{event.Array, event.Wrapped} {
			if takesBatches(ctx, t, shape) {
				return batchFinding{true, shape}
			}
		}
		return batchFinding{}
	})
}

func takesBatches(ctx context.Context, t *Trial, shape event.Shape) bool {
	s := t.subject(life())
	for _, d := range s.events {
		// Nobody said that batches are taken: retry.recovers does not count a 500 here.
		if !t.Post(ctx, wire.Call{Body: plan.BatchOf(shape, d).Body}).Accepted() {
			return false
		}
	}
	ref := t.reference(ctx, s.story)
	seen := t.states.becomes(ctx, s, ref.has)
	return seen.unclear() == "" && ref.has(seen.state)
}

// batching gives the shape of the batches that the receiver takes, and false
// where nothing says that it takes any.
func batching(ctx context.Context, t *Trial) (shape event.Shape, taken bool) {
	if t.Batch > 0 {
		if t.BatchShape == "" || t.BatchShape == event.Single {
			return event.Array, true
		}
		return t.BatchShape, true
	}
	if f := batchesSeen(ctx, t); f.taken {
		return f.shape, true
	}
	return event.Single, false
}

// noBatches is the result of a check of batches where nothing says that the
// receiver takes any.
func noBatches(t *Trial) Result {
	r := Lacking(NeedBatch)
	if t.Probe != nil {
		r.Reason = "the probe shows no effect of a batch of one event"
	}
	return r
}

// batchRounds are rounds of batches, where the receiver takes them: each batch is about
// the same customers, in another order, so that who locks a row for each until the end
// of the batch waits for ever.
func batchRounds(ctx context.Context, t *Trial) []round {
	shape, ok := batching(ctx, t)
	if !ok {
		return nil
	}
	return []round{{"batches about the same customers, in different orders", "", func(context.Context) ([]plan.Delivery, string) {
		customers := make([]*plan.Persona, sharing)
		for i := range customers {
			customers[i] = t.Customer()
		}
		batches := make([]plan.Delivery, atOnce)
		for i := range batches {
			members := make([]plan.Delivery, sharing)
			for at := range members {
				p := customers[(at+i)%sharing]
				if i%2 == 1 {
					p = customers[(sharing-1-at+i)%sharing]
				}
				members[at] = t.writePlain(p, plan.Step{Event: "message.delivered", Message: i + 1, At: time.Duration(i) * time.Millisecond})
			}
			batches[i] = plan.BatchOf(shape, members...)
		}
		return batches, ""
	}}}
}

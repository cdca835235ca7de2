package check

import (
	"context"

	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// batchFinding is whether the receiver takes batches, and in which shape.
type batchFinding struct {
	taken bool
	shape event.Shape
}

// batchesSeen finds out, once in a run, whether the probe shows batches to be
// taken though nobody said that they are: a history sent as batches of one has
// the same effect as its events alone.
func (t *Trial) batchesSeen(ctx context.Context) batchFinding {
	if t.Probe == nil || t.footing(ctx).blocked != "" {
		return batchFinding{}
	}
	return t.Probe.batches.get(ctx, func(ctx context.Context) batchFinding {
		for _, shape := range []event.Shape{event.Array, event.Wrapped} {
			if t.takesBatches(ctx, shape) {
				return batchFinding{true, shape}
			}
		}
		return batchFinding{}
	})
}

func (t *Trial) takesBatches(ctx context.Context, shape event.Shape) bool {
	s := t.subject(life())
	for _, d := range s.events {
		// Nobody said that batches are taken: an answer 500 is none of retry.recovers's.
		if !t.Post(ctx, sim.Call{Body: sim.BatchOf(shape, d).Body}).Accepted() {
			return false
		}
	}
	ref := t.reference(ctx, s.story)
	seen := t.becomes(ctx, s, ref.has)
	return seen.unclear() == "" && ref.has(seen.state)
}

// batching gives the shape of the batches that the receiver takes, and why none
// are sent when there is no reason to believe that it takes any.
func (t *Trial) batching(ctx context.Context) (shape event.Shape, why string) {
	if t.Batch > 0 {
		if t.BatchShape == "" || t.BatchShape == event.Single {
			return event.Array, ""
		}
		return t.BatchShape, ""
	}
	if f := t.batchesSeen(ctx); f.taken {
		return f.shape, ""
	}
	if t.Probe == nil {
		return event.Single, "not configured: --batch"
	}
	return event.Single, "not configured: --batch, and the probe shows no effect of a batch of one event"
}

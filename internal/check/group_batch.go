package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim"
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
			shape, why := t.batching(ctx)
			if why != "" {
				return Skipped(why)
			}
			return t.after(ctx, func() Result {
				sizes := []int{1, 50, 500, t.batchSize()}
				slices.Sort(sizes)
				var subs []Sub
				for _, n := range slices.Compact(sizes) {
					d := t.batch(ctx, shape, n)
					x := t.Deliver(ctx, d)
					sub := t.judge(ctx, fmt.Sprintf("a batch of %d", n), x)
					if x.Answer.Status == http.StatusMultiStatus {
						sub.Verdict, sub.Actual = Warn, "status 207: Relay looks at no member's own status"
						sub.Repeat = t.Curl(x.Call)
					}
					subs = append(subs, sub)
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

// batch makes a batch of n messages to a customer who was introduced.
func (t *Trial) batch(ctx context.Context, shape event.Shape, n int) sim.Delivery {
	p := t.introduced(ctx)
	var list []sim.Delivery
	for i := range n {
		list = append(list, write(p, sim.Step{Event: "message.delivered", Message: i + 1, At: time.Duration(i) * time.Millisecond}))
	}
	return sim.BatchOf(shape, list...)
}

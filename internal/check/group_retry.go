package check

import (
	"context"
	"fmt"
)

// retryChecks is the group "retry".
func retryChecks() []Check {
	return append([]Check{retryRecovers()}, retryEffects()...)
}

func retryRecovers() Check {
	return Check{
		ID: "retry.recovers", Level: Must, Clause: "R-FOUR", Despite: []Trouble{Refused}, Alone: true,
		Title: "a 500 becomes 200 within four attempts",
		Why:   "after the fourth attempt Relay gives the event up; and until then the same worker sends nothing else",
		How:   "delivers a customer's life once more, and looks at every valid event of the whole run that was answered 500 and sent again, byte for byte, up to four times, with Relay's delays scaled to a hundredth",
		Fix:   "keep 500 for what passes (a database that is away); what fails in the same way each time is logged, saved and answered 200",
		Run: func(ctx context.Context, t *Trial) Result {
			for _, life := range lives() {
				p := t.Customer()
				for _, st := range life {
					t.Deliver(ctx, write(p, st))
				}
			}
			h := &t.healing
			h.mu.Lock()
			defer h.mu.Unlock()
			switch {
			case h.unhealed > 0:
				return Failed("200 on the second, third or fourth attempt", fmt.Sprintf("%d of %d events that were answered 500 were not accepted within four attempts; the last answer to the first of them: %s", h.unhealed, h.unhealed+h.healed, h.stuck[0].Describe()), t.Curl(h.stuck[0].Call))
			case h.healed > 0:
				return Passed()
			}
			return Skipped("no valid event was answered 500")
		},
	}
}

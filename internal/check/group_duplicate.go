package check

import (
	"context"

	"relayctl/internal/sim"
)

// duplicateChecks is the group "duplicate".
func duplicateChecks() []Check {
	return append([]Check{duplicateAccepted()}, duplicateEffects()...)
}

func duplicateAccepted() Check {
	return Check{
		ID: "duplicate.accepted", Level: Must, Clause: "R-DUP",
		Title: "an event that comes again is accepted again",
		Why:   "when an answer is lost, Relay sends the event again; one that is then refused counts as failed on its side, though it was taken",
		How:   "delivers an event of each family twice, byte for byte the same",
		Fix:   "answer 200 to an event_id that you have already: it is done, which is all that Relay wants to know",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				p := t.introduced(ctx)
				var subs []Sub
				for _, name := range []string{"channel_consent.update", "message.delivered", "notification.attempted"} {
					d := write(p, sim.Step{Event: name, Consent: "express"})
					if x := t.Deliver(ctx, d); !x.Accepted() {
						subs = append(subs, Sub{Name: name, Verdict: Skip, Actual: "not accepted the first time: " + x.Describe()})
						continue
					}
					subs = append(subs, t.takeEvent(ctx, name+" again", d))
				}
				return sum("200 both times", subs)
			})
		},
	}
}

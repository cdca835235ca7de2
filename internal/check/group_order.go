package check

import (
	"context"
	"time"

	"relayctl/internal/sim"
)

// orderChecks is the group "order".
func orderChecks() []Check {
	return append([]Check{orderAccepted()}, orderEffects()...)
}

func orderAccepted() Check {
	return Check{
		ID: "order.accepted", Level: Must, Clause: "R-ORDER",
		Title: "an event is accepted before its predecessor, and without one",
		Why:   "events overtake each other, and the webhook's filter may leave some kinds out altogether; who insists on a predecessor loses the successor",
		How:   "delivers receipts before their attempt and without one, a notification before its message, and the removal of a number that was never added",
		Fix:   "keep what comes as it comes (insert or update by id), decide by event_ts, and never demand that another event was there before",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				p := t.introduced(ctx)
				for m := 1; m <= 3; m++ {
					t.Deliver(ctx, write(p, sim.Step{Event: "message.delivered", Message: m}))
				}
				subs := []Sub{}
				var newest time.Duration
				for _, s := range []variation{
					{"undelivered before attempted", sim.Step{Event: "notification.undelivered", At: 40}},
					{"attempted after undelivered", sim.Step{Event: "notification.attempted", At: 10}},
					{"delivered without attempted", sim.Step{Event: "notification.delivered", Message: 2, At: 50}},
					{"a click without attempted", sim.Step{Event: "notification.auth_link_clicked", Message: 3, At: 60}},
					{"a notification before its message", sim.Step{Event: "notification.attempted", Message: 4, At: 70}},
					{"a message after its notification", sim.Step{Event: "message.delivered", Message: 4, At: 30}},
					{"the removal of a number that was not added", sim.Step{Event: "notification_channel.remove", Channel: 2, At: 80}},
					{"the consent of a number that was not added", sim.Step{Event: "channel_consent.update", Consent: "express", Channel: 3, At: 20}},
				} {
					s.step.At *= time.Duration(time.Millisecond)
					sub := t.takeEvent(ctx, s.name, write(p, s.step))
					// One that came too late for the receiver does so again.
					if sub.Verdict == Fail && s.step.At > newest {
						sub.Repeat = t.curlFor(ctx, s.step)
					}
					newest = max(newest, s.step.At)
					subs = append(subs, sub)
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

// curlFor is the command that sends the event of a step to a receiver that
// knows nothing of its customer: the check's own customer goes on to get what
// was missing.
func (t *Trial) curlFor(ctx context.Context, st sim.Step) string {
	signed, err := t.Sign(ctx)
	if err != nil {
		return "" // it was signed a moment ago; without credentials it shows nothing
	}
	return t.Curl(sim.Call{Body: write(t.Customer(), st).Body, Signed: signed})
}

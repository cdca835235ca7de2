package check

import (
	"context"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// businessChecks is the group "business".
func businessChecks() []Check {
	return []Check{{
		ID: "business.never-400", Level: Must, Clause: "R-NO-400",
		Title: "a business or logic error is answered 200",
		Why:   "Relay asks for it: a 4xx says that the call was wrong, and the event is lost; a 500 that stays makes it come four times first, and holds back what is behind it",
		How:   "delivers well-formed events with impossible data: customers, messages and product groups that nobody knows, a contradiction, a date of tomorrow; a 500 is let pass when it heals within four attempts",
		Fix:   "log the error, save the request's body, answer 200, and mend the data later",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result { return sum("200 for each of them", t.impossible(ctx)) })
		},
	}}
}

func (t *Trial) impossible(ctx context.Context) []Sub {
	p := t.introduced(ctx)
	for i, name := range []string{"message.delivered", "notification.attempted", "notification.delivered"} {
		t.Deliver(ctx, write(p, sim.Step{Event: name, At: time.Duration(i) * time.Millisecond}))
	}
	stranger := t.Customer()
	later := 10 * time.Millisecond
	return []Sub{
		t.takeEvent(ctx, "a message for an unknown customer", write(stranger, sim.Step{Event: "message.delivered"})),
		t.takeEvent(ctx, "deactivation of an unknown customer", write(t.Customer(), sim.Step{Event: "account.deactivate"})),
		t.takeEvent(ctx, "an action on an unknown message", write(p, sim.Step{Event: "message.action_taken", Message: 2, At: later})),
		t.takeEvent(ctx, "not_attempted after delivered", write(p, sim.Step{Event: "notification.not_attempted", At: later})),
		t.takeEvent(ctx, "an unknown product group", write(p, sim.Step{Event: "message.delivered", Message: 3, At: later,
			Set: []event.Override{set("payload.product_group_id", "no-such-group")}})),
		t.takeEvent(ctx, "an event of tomorrow", write(p, sim.Step{Event: "message.delivered", Message: 4, At: 24 * time.Hour})),
	}
}

package check

import (
	"context"
	"slices"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
)

// businessChecks is the group "business".
func businessChecks() []Check {
	return []Check{{
		ID: "business.never-400", Level: Must, Clause: "R-NO-400",
		Title: "a business or logic error is answered 200",
		Why:   "Relay asks for it: a 4xx says that the call was wrong, and the event is lost; a 500 that stays makes it come four times first, and holds back what is behind it",
		How:   "delivers every event of the catalogue twice: for a customer, a message, a notification and a number that the receiver has never seen, and for a deactivated account. Then delivers events with an unknown product group, consent, channel or action, with a contradiction, and with a date of tomorrow. A 500 that becomes 200 within four attempts passes",
		Fix:   "log the error, save the request's body, answer 200, and mend the data later",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				subs := append(t.ofUnknown(ctx), t.ofUnknownKind(ctx)...)
				return sum("200 for each of them", append(subs, t.variations(ctx, impossible())...))
			})
		},
	}}
}

// impossible are variations whose data cannot be.
func impossible() []variation {
	contradiction := step(30, "notification.not_attempted", 1, 1)
	return []variation{
		{name: "not_attempted after delivered", usual: []plan.Step{step(28, "notification.delivered", 1, 1), contradiction}},
		unusual("an unknown product group", message(2), set("payload.product_group_id", "no-such-group")).freely("product_group_id"),
		{name: "an event of tomorrow", usual: []plan.Step{message(2)}, ago: -24 * time.Hour},
	}
}

// unknown is a part of an event that the receiver has never heard of.
type unknown struct {
	what string
	of   func(name string) bool // the events that have it
	step plan.Step
}

func unknowns() []unknown {
	family := func(families ...string) func(string) bool {
		return func(name string) bool {
			f, _, _ := strings.Cut(name, ".")
			return slices.Contains(families, f)
		}
	}
	return []unknown{
		{"message", family("message", "notification"), plan.Step{Message: 2}},
		{"notification", family("notification"), plan.Step{}},
		{"number", family("notification", "notification_channel", "channel_consent"), plan.Step{Channel: 2}},
	}
}

// ofUnknown delivers every event of the catalogue of an unknown customer, and
// of a known customer's unknown message, notification and number.
func (t *Trial) ofUnknown(ctx context.Context) []Sub {
	type try struct {
		name  string
		known bool // the customer is
		ended bool // the customer's account is
		step  plan.Step
	}
	var all []try
	for _, name := range catalogue() {
		usual := plan.Step{Event: name, Consent: "express", At: 10 * time.Millisecond}
		all = append(all,
			try{name: name + " of an unknown customer", step: plan.Step{Event: name, Consent: "express"}},
			try{name: name + " of a deactivated account", known: true, ended: true, step: usual})
		for _, u := range unknowns() {
			if u.of(name) {
				st := usual
				st.Channel, st.Message = u.step.Channel, u.step.Message
				all = append(all, try{name: name + " of an unknown " + u.what, known: true, step: st})
			}
		}
	}
	subs := make([]Sub, len(all))
	inParallel(len(all), func(i int) {
		p := t.Customer()
		if all[i].known {
			t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "notification_channel.add"}))
			t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "message.delivered"}))
		}
		if all[i].ended {
			t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "account.deactivate", At: 5 * time.Millisecond}))
		}
		subs[i] = t.takeEvent(ctx, all[i].name, t.writePlain(p, all[i].step))
	})
	return subs
}

// ofUnknownKind delivers events that say in a known property what nobody knows. What
// comes of them is up to the receiver.
func (t *Trial) ofUnknownKind(ctx context.Context) []Sub {
	var subs []Sub
	for _, try := range []struct {
		name, property, value string
		step                  plan.Step
	}{
		{"a consent of an unknown kind", "current_consent", "implied", plan.Step{Event: "channel_consent.update", Consent: "express"}},
		{"a channel of an unknown kind", "channel_type", "rcs", plan.Step{Event: "notification_channel.add", Channel: 2}},
		{"an SMS by a channel of an unknown kind", "channel_type", "rcs", plan.Step{Event: "notification.delivered"}},
		{"an action of an unknown kind", "action_type", "future_action", plan.Step{Event: "message.action_taken"}},
	} {
		p := t.introduced(ctx)
		t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "message.delivered"}))
		st := try.step
		st.At, st.Set = 10*time.Millisecond, []event.Override{set("payload."+try.property, try.value)}
		subs = append(subs, t.takeEvent(ctx, try.name, t.writePlain(p, st)))
	}
	return subs
}

// catalogue lists the events of lives, each once.
func catalogue() []string {
	var names []string
	for _, life := range lives() {
		for _, st := range life {
			if !slices.Contains(names, st.Event) {
				names = append(names, st.Event)
			}
		}
	}
	return names
}

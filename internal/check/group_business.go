package check

import (
	"context"
	"slices"
	"strings"
	"time"

	"relayctl/internal/sim/plan"
)

// businessChecks is the group "business".
func businessChecks() []Check {
	return []Check{{
		ID: "business.never-400", Level: Must, Clause: "R-NO-400",
		Title: "a business or logic error is answered 200",
		Why:   "Relay asks for it: a 4xx says that the call was wrong, and the event is lost; a 500 that stays makes it come four times first, and holds back what is behind it",
		How:   "delivers every event of the catalogue of customers, messages, notifications and numbers that nobody knows, and events with an unknown product group, a contradiction, and a date of tomorrow; a 500 is let pass when it heals within four attempts",
		Fix:   "log the error, save the request's body, answer 200, and mend the data later",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				subs := t.ofUnknown(ctx)
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
		step  plan.Step
	}
	var all []try
	for _, name := range catalogue() {
		all = append(all, try{name + " of an unknown customer", false, plan.Step{Event: name, Consent: "express"}})
		for _, u := range unknowns() {
			if u.of(name) {
				st := u.step
				st.Event, st.Consent, st.At = name, "express", 10*time.Millisecond
				all = append(all, try{name + " of an unknown " + u.what, true, st})
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
		subs[i] = t.takeEvent(ctx, all[i].name, t.writePlain(p, all[i].step))
	})
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

package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

// eventPair are two different events of one kind, after a story that they belong to.
type eventPair struct {
	what          string
	first, second plan.Step
	// sameThing says that both are about the same message and number: a receiver
	// may then know that it happened and not how often.
	sameThing bool
	// endings are of ids that have the first 64 characters in common.
	endings [2]string
	// toggle is set where the second one takes back what the first one said.
	toggle *toggle
}

// toggle has the words for a second event that did not undo the first.
type toggle struct{ actual, fix string }

// steps are both of them, with ids that no other customer's events have.
func (p eventPair) steps(t *Trial) []plan.Step {
	pair := []plan.Step{p.first, p.second}
	start := strings.Repeat(t.Event("message.delivered").Events[0].ID, 2)[:64]
	for i := range pair {
		if p.endings[i] != "" {
			pair[i].Set = append(slices.Clone(pair[i].Set), set("event_id", start+p.endings[i]))
		}
	}
	return pair
}

// later is a step so much later.
func later(st plan.Step, by time.Duration) plan.Step {
	st.At += by
	return st
}

func eventPairs() []eventPair {
	click, action := step(30, "notification.auth_link_clicked", 1, 1), step(30, "message.action_taken", 1, 1)
	// Another button was tapped: a set of the labels has to grow as well.
	pay := step(33, "message.action_taken", 1, 2)
	pay.Set = append(pay.Set, set("payload.action_label", "Pay now"))
	// One trigger, whose name the company made, brings a message each week.
	weekly := step(30, "message.delivered", 1, 3)
	weekly.Set = append(weekly.Set, set("payload.trigger_id", "Weekly-Reminder"))
	nextWeek := later(weekly, 3*time.Second)
	nextWeek.Message = 4
	return []eventPair{
		{what: "two messages of one trigger", first: weekly, second: nextWeek},
		{what: "two messages delivered in the same millisecond", first: step(30, "message.delivered", 1, 3), second: step(30, "message.delivered", 1, 4)},
		{what: "SMS to two numbers attempted in the same millisecond", first: step(30, "notification.attempted", 1, 2), second: step(30, "notification.attempted", 2, 2)},
		{what: "clicks in two messages", first: step(30, "notification.auth_link_clicked", 1, 1), second: step(33, "notification.auth_link_clicked", 2, 2)},
		{what: "two clicks in one message", first: step(30, "notification.auth_link_clicked", 1, 1), second: step(33, "notification.auth_link_clicked", 1, 1), sameThing: true},
		{what: "two clicks in one second", first: click, second: later(click, 300*time.Millisecond), sameThing: true},
		{what: "two clicks in one millisecond", first: click, second: click, sameThing: true},
		{what: "two messages in one second", first: step(30, "message.delivered", 1, 3), second: later(step(30, "message.delivered", 1, 4), 300*time.Millisecond)},
		{what: "two messages whose event_ids have their first 64 characters in common", first: step(30, "message.delivered", 1, 3), second: step(33, "message.delivered", 1, 4), endings: [2]string{"1", "2"}},
		{what: "two messages whose event_ids have one hash code in Java", first: step(30, "message.delivered", 1, 3), second: step(33, "message.delivered", 1, 4), endings: [2]string{"Aa", "BB"}},
		{what: "two clicks whose event_ids have their first 64 characters in common", first: click, second: later(click, 3*time.Second), sameThing: true, endings: [2]string{"1", "2"}},
		{what: "two actions with one label in one second", first: action, second: later(action, 300*time.Millisecond), sameThing: true},
		{what: "two actions in one millisecond", first: action, second: action, sameThing: true},
		{what: "actions in two messages", first: step(30, "message.action_taken", 1, 1), second: pay},
		{what: "two actions in one message", first: step(30, "message.action_taken", 1, 1), second: step(33, "message.action_taken", 1, 1), sameThing: true},
		{what: "an opt-out and an opt-in", first: consent(30, 1, "stop"), second: consent(33, 1, "express"), toggle: &toggle{
			"the opt-out shows, the opt-in after it does not", "let an opt-in after an opt-out bring the consent back: the newest channel_consent.update by event_ts stands",
		}},
		{what: "a number that was removed and added again", first: step(30, "notification_channel.remove", 2, 1), second: step(33, "notification_channel.add", 2, 1), toggle: &toggle{
			"the first notification_channel.add shows, the second one, after the remove, does not", "let an add after a remove bring the number back: the newest of them by event_ts stands",
		}},
	}
}

// opening is what happens before each pair.
func opening() []plan.Step {
	return []plan.Step{
		step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1),
		step(6, "notification.attempted", 1, 1), step(8, "notification.delivered", 1, 1), step(10, "notification_channel.add", 2, 1),
		step(12, "message.delivered", 1, 2),
	}
}

func distinctEvents(ctx context.Context, t *Trial) Result {
	all := eventPairs()
	subs := make([]Sub, len(all))
	visible := make([]bool, len(all))
	unclear := make([]string, len(all))
	inParallel(len(all), func(i int) { subs[i], visible[i], unclear[i] = tryPair(ctx, t, all[i]) })
	for _, why := range unclear {
		if why != "" {
			return Unclear(why)
		}
	}
	for i, s := range subs {
		if s.Verdict == Fail {
			r := Failed("where the first of two different events shows, the second one shows as well", s.Name+": "+s.Actual, s.Repeat)
			r.Subs = subs
			if tg := all[i].toggle; tg != nil {
				r.Fix = tg.fix
			}
			return r
		}
	}
	if !slices.Contains(visible, true) {
		return BlockedBy("the probe shows none of the events that come twice: clicks, actions, messages, consents")
	}
	return Result{Verdict: Pass, Subs: subs}
}

// tryPair compares three customers: one with neither event of the pair, one
// with the first, one with both. Whether a second event has to show depends on
// what the first one did: a number that it raised or a list that it made longer
// has to go on, a flag that it set may be all that there is to say.
func tryPair(ctx context.Context, t *Trial, p eventPair) (sub Sub, visible bool, why string) {
	sub = Sub{Name: p.what, Verdict: Pass}
	// All three know both events, and so call things by the same roles.
	whole := story{"", append(opening(), p.steps(t)...)}
	n := len(whole.steps)
	subjects := make([]*subject, 3)
	for i := range subjects {
		subjects[i] = t.subject(story{"", append(opening(), p.steps(t)...)})
		if why := t.tell(ctx, subjects[i], subjects[i].inOrder()[:n-2+i]); why != "" {
			return sub, false, why
		}
	}
	differ := func(s []*state.State) bool { return !state.Same(s[0], s[1]) && !state.Same(s[1], s[2]) }
	why = t.twice(ctx, subjects, differ, func(states []*state.State) bool {
		sub, visible = p.judge(states)
		return sub.Verdict == Fail
	})
	if sub.Verdict == Fail {
		sub.Repeat = repeatOrder(t.run, "distinct", whole, subjects[0].inOrder())
	}
	return sub, visible, why
}

// judge looks at the states after neither event of the pair, after the first and
// after both.
func (p eventPair) judge(states []*state.State) (sub Sub, visible bool) {
	sub = Sub{Name: p.what, Verdict: Pass}
	if state.Same(states[0], states[1]) {
		sub.Verdict, sub.Actual = Skip, "the probe does not show the first one"
		return sub, false
	}
	stays := state.Same(states[1], states[2]) || p.toggle != nil && state.Stays(states[0], states[1], states[2])
	if !stays {
		return sub, true
	}
	grown := state.Growth(states[0], states[1], p.sameThing)
	if grown == "" && p.toggle == nil {
		sub.Verdict, sub.Actual = Skip, "the probe tells that it happened, not how often"
		return sub, true
	}
	sub.Verdict, sub.Actual = Fail, fmt.Sprintf("the first %s is there, the second one is not", p.first.Event)
	if p.toggle != nil {
		sub.Actual = p.toggle.actual
	}
	if grown != "" {
		sub.Actual += ": " + grown + " did not change"
	}
	return sub, true
}

// twice watches the plain states of several subjects until they differ as they should,
// and judges them. What is wrong counts only if it is still so after the whole patience: a
// receiver that works after its answers may be slower than it was seen to be.
func (t *Trial) twice(ctx context.Context, subjects []*subject, differ, wrong func([]*state.State) bool) (unclear string) {
	for _, patience := range []time.Duration{t.states.short(), t.states.patience()} {
		states, why := t.states.together(ctx, subjects, differ, patience)
		if why != "" || !wrong(states) {
			return why
		}
	}
	return ""
}

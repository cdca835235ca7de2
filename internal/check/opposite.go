package check

import (
	"context"
	"fmt"
	"slices"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

// opposites are two things that cannot both be so, each told by an event of its own
// after the same opening.
type opposites struct {
	what          string
	opening       []plan.Step
	first, second []plan.Step
}

func allOpposites() []opposites {
	known := []plan.Step{step(0, "notification_channel.add", 1, 1)}
	willing := append(slices.Clone(known), consent(2, 1, "written"))
	messaged := append(slices.Clone(willing), step(4, "message.delivered", 1, 1))
	attempted := append(slices.Clone(messaged), step(6, "notification.attempted", 1, 1))
	one := func(st plan.Step) []plan.Step { return []plan.Step{st} }
	other := step(8, "notification_channel.add", 2, 1)
	// The first two differ in whether notification.attempted came.
	return []opposites{
		{"an SMS that was delivered, and one that was not", attempted, one(step(8, "notification.delivered", 1, 1)), one(step(8, "notification.undelivered", 1, 1))},
		{"an SMS that was delivered, and one that was never attempted", messaged, one(step(8, "notification.delivered", 1, 1)), one(step(8, "notification.not_attempted", 1, 1))},
		{"a message that was delivered, and one that was not", willing, one(step(8, "message.delivered", 1, 1)), one(step(8, "message.undelivered", 1, 1))},
		{"an express consent, and an opt-out", known, one(consent(8, 1, "express")), one(consent(8, 1, "stop"))},
		{"a written consent, and an opt-out", known, one(consent(8, 1, "written")), one(consent(8, 1, "stop"))},
		{"a number that was added, and one that was removed again", willing, one(other), []plan.Step{other, step(10, "notification_channel.remove", 2, 1)}},
	}
}

func oppositeEvents(ctx context.Context, t *Trial) Result {
	all := allOpposites()
	subs, unclear := make([]Sub, len(all)), make([]string, len(all))
	inParallel(len(all), func(i int) { subs[i], unclear[i] = tryOpposites(ctx, t, all[i]) })
	for _, why := range unclear {
		if why != "" {
			return Unclear(why)
		}
	}
	if t.states.hidesValues() {
		return Skipped("whole columns of what the probe shows are left out of comparisons, for they change by themselves")
	}
	attempted, alone := subs[0], &subs[1]
	waits := attempted.Verdict != Skip && alone.Verdict == Skip
	if waits {
		alone.Verdict, alone.Actual = Fail, "notification.delivered shows where notification.attempted came before, and not without it"
	}
	r := sum("where one of them shows, the state is another one after the other", subs)
	if waits && !slices.ContainsFunc(slices.Delete(slices.Clone(subs), 1, 2), func(s Sub) bool { return s.Verdict == Fail }) {
		r = lesser(r)
		r.Expected = "a receipt shows whether its notification.attempted came or not"
		r.Fix = "keep a receipt by its notification_id, whatever came before it: Relay may have given up its notification.attempted, or may not be configured to send it"
	}
	if !slices.ContainsFunc(subs, func(s Sub) bool { return s.Verdict != Skip }) {
		return Skipped("the probe shows neither receipts, consents nor numbers by more than counts")
	}
	return r
}

// tryOpposites compares three customers: one with the opening alone, one with the
// first and one with the second. What a receiver does not show, or only counts, says
// nothing about whether it told the two apart.
func tryOpposites(ctx context.Context, t *Trial, o opposites) (sub Sub, why string) {
	sub = Sub{Name: o.what, Verdict: Pass}
	n := len(o.opening)
	stories := [][]plan.Step{o.first, o.first, o.second}
	subjects := make([]*subject, len(stories))
	for i, steps := range stories {
		subjects[i] = t.subject(story{"opposites", append(slices.Clone(o.opening), steps...)})
	}
	shared := sharedTexts(subjects[1].events[n], subjects[2].events[n:])
	for i, s := range subjects {
		s.view = s.view.Lenient(shared)
		events := s.inOrder()
		if i == 0 {
			events = events[:n]
		}
		if why := t.tell(ctx, s, events); why != "" {
			return sub, why
		}
	}
	differ := func(s []*state.State) bool { return !state.Same(s[0], s[1]) && !state.Same(s[1], s[2]) }
	why = t.twice(ctx, subjects, differ, func(states []*state.State) bool {
		switch {
		case !state.Tells(states[0], states[1]):
			sub.Verdict, sub.Actual = Skip, "the probe does not show the first one, or only counts it"
			sub.Repeat = repeatSubject(subjects[1]) // where it has to show, see oppositeEvents
		case state.Same(states[1], states[2]):
			first, second := o.first[len(o.first)-1], o.second[len(o.second)-1]
			sub.Verdict, sub.Actual = Fail, fmt.Sprintf("the state after %s is the same as after %s", said(second), said(first))
			sub.Repeat = repeatSubject(subjects[2])
		default:
			sub = Sub{Name: o.what, Verdict: Pass}
		}
		return sub.Verdict == Fail
	})
	return sub, why
}

// said names an event by what it says.
func said(st plan.Step) string {
	if st.Consent != "" {
		return st.Event + " (" + st.Consent + ")"
	}
	return st.Event
}

// sharedTexts are the texts of one event that stand in others as well: a name that a
// receiver keeps of both says nothing about which of them it was.
func sharedTexts(d plan.Delivery, others []plan.Delivery) []string {
	var shared []string
	for property, value := range payloadOf(d) {
		text, ok := value.(string)
		if ok && slices.ContainsFunc(others, func(o plan.Delivery) bool { return payloadOf(o)[property] == text }) {
			shared = append(shared, text)
		}
	}
	return shared
}

package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

// isolationNumbers looks at a customer with several numbers.
func isolationNumbers() Check {
	return Check{
		ID: "isolation.numbers", Level: Must, Clause: "R-TOLERANT",
		Title: "each number of a customer keeps a state of its own",
		Why:   "a customer can have up to fifty numbers, and each has a consent of its own: an opt-out that is lost because another number opted in is an SMS to somebody who said stop",
		How:   "tells two customers opposite things about one number (opted out and in, added and removed), and then the same of another number of theirs; where the states differed before, they have to differ afterwards. And gives one customer fifty numbers, the last of which has to show where the second one did",
		Fix:   "keep a row for each customer and number, with its own consent and its own time, and let an event change the row of its number alone. A receiver that means to keep one number of a customer leaves this check out",
		Needs: []Need{NeedProbe}, Limit: time.Minute, Run: probed(numbersApart),
	}
}

// isolationReceipts looks at a message that was sent to two numbers.
func isolationReceipts() Check {
	return Check{
		ID: "isolation.receipts", Level: Should, Clause: "R-TOLERANT",
		Title: "the receipt of one number stands beside that of another",
		Why:   "a message goes to every number of the customer, each time with a notification_id of its own: kept by message_id, a receipt that failed is covered by that of another number",
		How:   "tells two customers opposite receipts of a message at one number (delivered and undelivered), and then the same receipt of that message at another number; where the states differed before, they have to differ afterwards, whether the other receipt is good or bad, or at least for one of the two",
		Fix:   "keep the receipts by notification_id, not by message_id. Skip this check if your receiver is meant to keep only the newest receipt of a message",
		Needs: []Need{NeedProbe}, Limit: time.Minute, Run: probed(receiptsApart),
	}
}

// receiptsApart passes a receiver that shows a message by the best, or the worst, of its
// receipts: it loses nothing that it means to show.
func receiptsApart(ctx context.Context, t *Trial) Result {
	receipt := func(second int, what string, channel int) plan.Step {
		return step(second, "notification."+what, channel, 1)
	}
	opening := []plan.Step{
		step(0, "notification_channel.add", 1, 1), step(2, "notification_channel.add", 2, 1), step(4, "message.delivered", 1, 1),
		receipt(6, "attempted", 1), receipt(8, "attempted", 2),
	}
	if t.states.hidesValues() {
		return Skipped("whole columns of what the probe shows are left out of comparisons, for they change by themselves")
	}
	var last Sub
	for _, then := range []string{"delivered", "undelivered"} {
		sub, why := tryBesides(ctx, t, besides{"a receipt, and one of another number", opening, []plan.Step{receipt(20, "delivered", 1)}, []plan.Step{receipt(20, "undelivered", 1)}, receipt(30, then, 2)})
		switch {
		case why != "":
			return Unclear(why)
		case sub.Verdict == Skip:
			return Skipped("the probe does not show receipts by more than counts")
		case sub.Verdict == Pass:
			return Passed()
		}
		last = sub
	}
	return sum("what was told of the one number still shows", []Sub{last})
}

// besides are opposite things about one number, and what happens to another one
// afterwards.
type besides struct {
	what          string
	opening       []plan.Step
	first, second []plan.Step // of the same kinds and times, so that all that is counted is alike
	then          plan.Step
}

func allBesides() []besides {
	number := func(second int, what string, channel int) plan.Step {
		return step(second, "notification_channel."+what, channel, 1)
	}
	opening := []plan.Step{number(0, "add", 1), number(2, "add", 2), number(4, "add", 3), consent(6, 1, "written"), consent(8, 2, "written")}
	out, in := []plan.Step{consent(20, 1, "stop")}, []plan.Step{consent(20, 1, "express")}
	stays := []plan.Step{number(20, "remove", 2), number(24, "add", 2)}
	goes := []plan.Step{number(20, "add", 2), number(24, "remove", 2)}
	return []besides{
		{"an opt-out, and an opt-in of another number", opening, out, in, consent(30, 2, "express")},
		{"an opt-in, and an opt-out of another number", opening, in, out, consent(30, 2, "stop")},
		{"a number, and another one that is added", opening, stays, goes, number(30, "add", 4)},
		{"a number, and another one that is removed", opening, stays, goes, number(30, "remove", 3)},
	}
}

func numbersApart(ctx context.Context, t *Trial) Result {
	all := allBesides()
	subs, unclear := make([]Sub, len(all)+1), make([]string, len(all)+1)
	inParallel(len(subs), func(i int) {
		if i == len(all) {
			subs[i], unclear[i] = lastNumber(ctx, t)
			return
		}
		subs[i], unclear[i] = tryBesides(ctx, t, all[i])
	})
	for _, why := range unclear {
		if why != "" {
			return Unclear(why)
		}
	}
	if t.states.hidesValues() {
		return Skipped("whole columns of what the probe shows are left out of comparisons, for they change by themselves")
	}
	if !slices.ContainsFunc(subs, func(s Sub) bool { return s.Verdict != Skip }) {
		return Skipped("the probe shows neither numbers nor consents by more than counts")
	}
	return sum("what was told of the one number still shows", subs)
}

// tryBesides compares four customers. Two were told opposite things about one number: their
// states differ, if the receiver shows that at all. The other two were then told the same
// about another number: their states must still differ.
func tryBesides(ctx context.Context, t *Trial, b besides) (sub Sub, why string) {
	sub = Sub{Name: b.what, Verdict: Pass}
	var subjects []*subject
	for _, told := range [][]plan.Step{b.first, b.second} {
		steps := slices.Concat(b.opening, told, []plan.Step{b.then})
		for _, n := range []int{len(steps) - 1, len(steps)} {
			s := t.subject(story{"numbers", steps})
			if why := t.tell(ctx, s, s.inOrder()[:n]); why != "" {
				return sub, why
			}
			subjects = append(subjects, s)
		}
	}
	states, why := t.states.together(ctx, subjects, func(s []*state.State) bool {
		return !state.Same(s[0], s[1]) && !state.Same(s[0], s[2]) && !state.Same(s[1], s[3])
	}, t.states.patience())
	switch {
	case why != "":
		return sub, why
	case !state.Tells(states[0], states[2]):
		sub.Verdict, sub.Actual = Skip, "the probe does not show it, or only counts it"
	case state.Same(states[1], states[3]):
		sub.Verdict, sub.Actual = Fail, fmt.Sprintf("after %s of another number the states of who was told opposite things before are the same: %s", said(b.then), states[1].Show())
		sub.Repeat = repeatSubject(subjects[1])
	}
	return sub, ""
}

// mostNumbers is how many numbers a customer may have, as Relay documents it.
const mostNumbers = 50

// lastNumber gives a customer as many numbers as there may be.
func lastNumber(ctx context.Context, t *Trial) (sub Sub, why string) {
	sub = Sub{Name: fmt.Sprintf("the last of %d numbers", mostNumbers), Verdict: Pass}
	var steps []plan.Step
	for i := range mostNumbers {
		steps = append(steps, step(2*i, "notification_channel.add", i+1, 1))
	}
	s := t.subject(story{"fifty numbers", steps})
	told := 0
	// shows says whether the next number makes a difference, whatever its time.
	shows := func(until int) (bool, string) {
		if why := t.tell(ctx, s, s.inOrder()[told:until]); why != "" {
			return false, why
		}
		one := []*subject{s}
		was, why := t.states.together(ctx, one, func([]*state.State) bool { return true }, t.states.patience())
		if why != "" {
			return false, why
		}
		before := was[0].Timeless()
		differs := func(now []*state.State) bool { return !state.Same(now[0].Timeless(), before) }
		if why := t.tell(ctx, s, []int{until}); why != "" {
			return false, why
		}
		told = until + 1
		now, why := t.states.together(ctx, one, differs, t.states.patience())
		return why == "" && differs(now), why
	}
	second, why := shows(1)
	switch {
	case why != "":
		return sub, why
	case !second:
		sub.Verdict, sub.Actual = Skip, "the probe does not show a customer's second number"
		return sub, ""
	}
	last, why := shows(mostNumbers - 1)
	if why == "" && !last {
		sub.Verdict, sub.Actual = Fail, "the second number of a customer shows, the last one does not"
		sub.Repeat = repeatSubject(s)
	}
	return sub, why
}

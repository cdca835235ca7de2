package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// likes are two different events of one kind, after a story that they belong to.
type likes struct {
	what          string
	first, second sim.Step
	// sameThing says that both are about the same message and number: a receiver
	// may then know that it happened and not how often.
	sameThing bool
	toggles   bool // the second one takes back what the first one said
}

func allLikes() []likes {
	// Another button was tapped: a set of the labels has to grow as well.
	other, err := event.NewSet("payload.action_label", "Pay now")
	if err != nil {
		panic(err) // cannot be: the path is the suite's own
	}
	pay := step(33, "message.action_taken", 1, 2)
	pay.Set = append(pay.Set, other)
	return []likes{
		{what: "two messages delivered in the same millisecond", first: step(30, "message.delivered", 1, 3), second: step(30, "message.delivered", 1, 4)},
		{what: "SMS to two numbers attempted in the same millisecond", first: step(30, "notification.attempted", 1, 2), second: step(30, "notification.attempted", 2, 2)},
		{what: "clicks in two messages", first: step(30, "notification.auth_link_clicked", 1, 1), second: step(33, "notification.auth_link_clicked", 2, 2)},
		{what: "two clicks in one message", first: step(30, "notification.auth_link_clicked", 1, 1), second: step(33, "notification.auth_link_clicked", 1, 1), sameThing: true},
		{what: "actions in two messages", first: step(30, "message.action_taken", 1, 1), second: pay},
		{what: "two actions in one message", first: step(30, "message.action_taken", 1, 1), second: step(33, "message.action_taken", 1, 1), sameThing: true},
		{what: "an opt-out and an opt-in", first: consent(30, 1, "stop"), second: consent(33, 1, "express"), toggles: true},
	}
}

// opening is what they follow.
func opening() []sim.Step {
	return []sim.Step{
		step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1),
		step(6, "notification.attempted", 1, 1), step(8, "notification.delivered", 1, 1), step(10, "notification_channel.add", 2, 1),
		step(12, "message.delivered", 1, 2),
	}
}

func distinctEvents(ctx context.Context, t *Trial) Result {
	all := allLikes()
	subs := make([]Sub, len(all))
	visible := make([]bool, len(all))
	unclear := make([]string, len(all))
	var tries sync.WaitGroup
	for i, p := range all {
		tries.Go(func() { subs[i], visible[i], unclear[i] = t.tryLikes(ctx, p) })
	}
	tries.Wait()
	for _, why := range unclear {
		if why != "" {
			return Unclear(why)
		}
	}
	for _, s := range subs {
		if s.Verdict == Fail {
			r := Failed("where the first of two different events shows, the second one shows as well", s.Name+": "+s.Actual, s.Repeat)
			r.Subs = subs
			return r
		}
	}
	if !slices.Contains(visible, true) {
		return BlockedBy("the probe shows none of the events that come twice: clicks, actions, messages, consents")
	}
	return Result{Verdict: Pass, Subs: subs}
}

// tryLikes compares three customers: one with neither event of the pair, one
// with the first, one with both. Whether a second event has to show depends on
// what the first one did: a number that it raised or a list that it made longer
// has to go on, a flag that it set may be all that there is to say.
func (t *Trial) tryLikes(ctx context.Context, p likes) (sub Sub, visible bool, why string) {
	sub = Sub{Name: p.what, Verdict: Pass}
	// All three know both events, and so call things by the same roles.
	whole := story{"", append(opening(), p.first, p.second)}
	n := len(whole.steps)
	subjects := make([]*subject, 3)
	for i := range subjects {
		subjects[i] = t.subject(whole)
		if why := t.tell(ctx, subjects[i], subjects[i].inOrder()[:n-2+i]); why != "" {
			return sub, false, why
		}
	}
	states, why := t.together(ctx, subjects, func(s []*node) bool { return !same(s[0], s[1]) && !same(s[1], s[2]) }, t.Probe.lag.short())
	switch {
	case why != "":
		return sub, false, why
	case same(states[0], states[1]):
		sub.Verdict, sub.Actual = Skip, "the probe does not show the first one"
		return sub, false, ""
	}
	if !same(states[1], states[2]) {
		return sub, true, ""
	}
	grown := growth(states[0], states[1], p)
	if grown == "" && !p.toggles {
		sub.Verdict, sub.Actual = Skip, "the probe tells that it happened, not how often"
		return sub, true, ""
	}
	sub.Verdict, sub.Actual = Fail, fmt.Sprintf("the first %s is there, the second one is not", p.first.Event)
	if grown != "" {
		sub.Actual += ": " + grown + " did not change"
	}
	sub.Repeat = t.scenarioCommand(&scenario{name: "distinct", story: whole, order: subjects[0].inOrder()})
	return sub, true, ""
}

// changes waits until the subject's plain state is another one, or stays.
func (t *Trial) changes(ctx context.Context, s *subject, from string) sight {
	return t.watch(ctx, s, func(n *node, _ time.Duration) time.Duration {
		if t.plainState(n).canon() != from {
			return 0
		}
		return t.Probe.lag.short()
	})
}

// growth finds what the first event of a pair made grow and every further one
// has to: a number, or a list. Where both events are about the same thing, only
// what names the event or counts by its name is sure to.
func growth(before, after *node, p likes) string {
	found := ""
	walkBoth(before, after, "", func(path string, b, a *node) {
		if found != "" {
			return
		}
		switch {
		case b.kind == array && a.kind == array && len(a.kids) > len(b.kids):
			_, extra := bagDifference(b.kids, a.kids)
			if !p.sameThing || slices.ContainsFunc(extra, namesEvent) {
				found = path
			}
		case b.kind == scalar && a.kind == scalar && raised(b.text, a.text):
			if !p.sameThing || countsEvents(path) {
				found = path
			}
		}
	})
	return found
}

func namesEvent(n *node) bool {
	c := n.canon()
	return strings.Contains(c, "<event_id ") || strings.Contains(c, "<event_ts ")
}

func raised(before, after string) bool {
	var b, a int
	if _, err := fmt.Sscanf(after, "%d", &a); err != nil || fmt.Sprint(a) != after {
		return false
	}
	if _, err := fmt.Sscanf(before, "%d", &b); err != nil || fmt.Sprint(b) != before {
		return false
	}
	return a == b+1
}

// countsEvents says whether a number is named for the events that it counts,
// and not for the messages or numbers in which they happened.
func countsEvents(path string) bool {
	name := squash(path[strings.LastIndex(path, "/")+1:])
	for _, base := range []string{"click", "clicks", "linkclicks", "action", "actions", "event", "events"} {
		for _, form := range []string{base, base + "count", base + "total", "total" + base, "num" + base, "numberof" + base, base + "received"} {
			if name == form {
				return true
			}
		}
	}
	return false
}

// walkBoth visits what two states have in common.
func walkBoth(a, b *node, path string, yield func(path string, a, b *node)) {
	yield(path, a, b)
	if a.kind != object || b.kind != object {
		return
	}
	for i, key := range a.keys {
		if kid := b.member(key); kid != nil {
			walkBoth(a.kids[i], kid, path+"/"+key, yield)
		}
	}
}

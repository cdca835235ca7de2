package check

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"relayctl/internal/sim"
)

// orderEffects are the checks of what disorder does to the state.
func orderEffects() []Check {
	return []Check{
		{
			ID: "order.reversed", Level: Must, Clause: "R-ORDER",
			Title: "an old event that arrives after a newer one does not undo it",
			Why:   "events arrive out of order, retries most of all: an opt-out of now must not be undone by an opt-in of an hour ago",
			How:   "sends a newer event and then an older one about the same thing, and compares the state with those of customers who got them in order, and the newer one alone",
			Fix:   "keep event_ts beside every value that an event sets, and let only a newer event overwrite it",
			Needs: []Need{NeedProbe}, Run: probed(reversed),
		},
		{
			ID: "order.converges", Level: Must, Clause: "R-ORDER",
			Title: "every order of arrival ends in the same state",
			Why:   "what the state is must follow from what happened and not from how the network shuffled the calls",
			How:   "sends the events of a history in several random orders with duplicates among them, each to a fresh customer, and compares the states with that of a customer whose events came once and in order; a failing order is made as short as it gets and saved",
			Fix:   "process by event_ts: make each change such that applying events in any order gives the same, and never drop an event for being late or for having no predecessor",
			Needs: []Need{NeedProbe}, Limit: time.Minute, Run: probed(converges),
		},
	}
}

// overwrite is an older and a newer event about the same thing.
type overwrite struct{ older, newer sim.Step }

func overwrites() []overwrite {
	return []overwrite{
		{consent(30, 1, "express"), consent(33, 1, "stop")},
		{step(30, "notification_channel.add", 2, 1), step(33, "notification_channel.remove", 2, 1)},
		{step(30, "notification.attempted", 1, 1), step(33, "notification.delivered", 1, 1)},
		{step(30, "notification.attempted", 1, 2), step(33, "notification.undelivered", 1, 2)},
	}
}

func reversed(ctx context.Context, t *Trial) Result {
	var subs []Sub
	for _, o := range overwrites() {
		sub, why := t.tryOverwrite(ctx, o)
		if why != "" {
			return Unclear(why)
		}
		subs = append(subs, sub)
	}
	for _, s := range subs {
		if s.Verdict == Fail {
			r := Failed("the newest by event_ts stands, in whatever order they arrive", s.Name+": "+s.Actual, s.Repeat)
			r.Subs = subs
			return r
		}
	}
	return Result{Verdict: Pass, Subs: subs}
}

// tryOverwrite sends the newer event before the older one. The state may then
// be what both of them in order make it, or what the newer one alone does: a
// late event that is lost altogether is the business of order.converges.
func (t *Trial) tryOverwrite(ctx context.Context, o overwrite) (sub Sub, why string) {
	whole := story{"overwritten", []sim.Step{step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1), step(6, "message.delivered", 1, 2), o.older, o.newer}}
	older, newer := len(whole.steps)-2, len(whole.steps)-1
	sub = Sub{Name: fmt.Sprintf("%s, then the older %s", o.newer.Event, o.older.Event), Verdict: Pass}
	base := []int{0, 1, 2, 3}
	orders := [][]int{append(base[:4:4], older, newer), append(base[:4:4], newer), append(base[:4:4], newer, older)}
	subjects := make([]*subject, len(orders))
	for i, order := range orders {
		subjects[i] = t.subject(whole)
		if why := t.tell(ctx, subjects[i], order); why != "" {
			return sub, why
		}
	}
	right := func(s []*node) bool { return same(s[2], s[0]) || same(s[2], s[1]) }
	states, why := t.together(ctx, subjects, right, t.Probe.lag.patience())
	switch {
	case why != "":
		return sub, why
	case !right(states):
		sub.Verdict = Fail
		sub.Actual = differences(states[0], states[2])
		sub.Repeat = t.scenarioCommand(&scenario{name: "order-reversed", summary: "An older event arrives after a newer one.", story: whole, order: orders[2]})
	}
	return sub, ""
}

// shuffles is how many random orders are tried of a story.
const shuffles = 5

func converges(ctx context.Context, t *Trial) Result {
	stories := []story{life(), farewell()}
	results := make([]Result, len(stories))
	var tries sync.WaitGroup
	for i, s := range stories {
		orders := [][]int{backwards(len(s.steps))}
		for range shuffles {
			orders = append(orders, t.withDuplicates(t.Rand.Perm(len(s.steps))))
		}
		tries.Go(func() { results[i] = t.tryOrders(ctx, s, orders) })
	}
	tries.Wait()
	for _, v := range []Verdict{Fail, Blocked, Inconclusive} {
		for _, r := range results {
			if r.Verdict == v {
				return r
			}
		}
	}
	return Passed()
}

func backwards(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i
	}
	return order
}

// withDuplicates lets some events come once more, at random places.
func (t *Trial) withDuplicates(order []int) []int {
	for range len(order) / 3 {
		at := t.Rand.IntN(len(order))
		order = slices.Insert(order, at+1+t.Rand.IntN(len(order)-at), order[at])
	}
	return order
}

// tryOrders sends the story in each of the orders and, where one ends wrong,
// finds out which of its events it takes.
func (t *Trial) tryOrders(ctx context.Context, s story, orders [][]int) Result {
	subjects := make([]*subject, len(orders))
	for i, order := range orders {
		subjects[i] = t.subject(s)
		if why := t.tell(ctx, subjects[i], order); why != "" {
			return BlockedBy(why)
		}
	}
	for range 2 {
		for i, order := range orders {
			if f := t.ends(ctx, subjects[i], false); f != (finding{}) {
				return t.disorder(ctx, s, order, f)
			}
		}
		// Once more, for work that is done twice and late.
		if !wait(ctx, t.later()) {
			return Unclear("the time was over")
		}
	}
	return Passed()
}

// disorder words what an order came to, with no more of it than it takes.
func (t *Trial) disorder(ctx context.Context, s story, order []int, f finding) Result {
	if f.wrong != "" {
		short, wrong := t.minimise(ctx, s, order)
		order, f.wrong = short, orElse(wrong, f.wrong)
	}
	part, short := s.part(order)
	return f.verdict("sent in the order "+part.words(short), f.repeat(t, "order-converges", part, short))
}

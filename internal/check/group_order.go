package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// orderChecks is the group "order".
func orderChecks() []Check {
	return append([]Check{orderAccepted(), orderFine()}, orderEffects()...)
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
					t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "message.delivered", Message: m}))
				}
				subs := []Sub{}
				var newest time.Duration
				for _, s := range []namedStep{
					{"undelivered before attempted", plan.Step{Event: "notification.undelivered", At: 40}},
					{"attempted after undelivered", plan.Step{Event: "notification.attempted", At: 10}},
					{"delivered without attempted", plan.Step{Event: "notification.delivered", Message: 2, At: 50}},
					{"a click without attempted", plan.Step{Event: "notification.auth_link_clicked", Message: 3, At: 60}},
					{"a notification before its message", plan.Step{Event: "notification.attempted", Message: 4, At: 70}},
					{"a message after its notification", plan.Step{Event: "message.delivered", Message: 4, At: 30}},
					{"the removal of a number that was not added", plan.Step{Event: "notification_channel.remove", Channel: 2, At: 80}},
					{"the consent of a number that was not added", plan.Step{Event: "channel_consent.update", Consent: "express", Channel: 3, At: 20}},
				} {
					s.step.At *= time.Duration(time.Millisecond)
					sub := t.takeEvent(ctx, s.name, t.writePlain(p, s.step))
					// What was refused for being older than the last event is so again.
					if sub.Verdict == Fail && s.step.At > newest {
						sub.Repeat = repeatFresh(ctx, t, s.step)
					}
					newest = max(newest, s.step.At)
					subs = append(subs, sub)
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

// namedStep is an event of a name.
type namedStep struct {
	name string
	step plan.Step
}

// repeatFresh is the repeat of a step for a customer that the receiver has never
// seen: the check's own customer has got the missing events since.
func repeatFresh(ctx context.Context, t *Trial, st plan.Step) *Repeat {
	signed, err := t.Sign(ctx)
	if err != nil {
		return nil // it was signed a moment ago; without credentials it shows nothing
	}
	return t.repeatCall(wire.Call{Body: write(t.Customer(), st).Body, Signed: signed})
}

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
			How:   "sends the events of a history in several random orders with duplicates among them, and with one of each kind before all others, and of receipts and clicks of one SMS in each of their turns, each order to a fresh customer, and compares the states with that of a customer whose events came once and in order; a failing order is made as short as it gets and saved",
			Fix:   "process by event_ts: make each change such that applying events in any order gives the same, never drop an event for being late or for having no predecessor, and make the row that it is about where there is none (INSERT … ON CONFLICT DO UPDATE, not UPDATE alone)",
			Needs: []Need{NeedProbe}, Limit: time.Minute, Run: probed(converges),
		},
	}
}

// overwrite is an older and a newer event about the same thing.
type overwrite struct{ older, newer plan.Step }

func overwrites() []overwrite {
	return []overwrite{
		{consent(30, 1, "express"), consent(33, 1, "stop")},
		{step(30, "notification_channel.add", 2, 1), step(33, "notification_channel.remove", 2, 1)},
		{step(30, "notification.attempted", 1, 1), step(33, "notification.delivered", 1, 1)},
		{step(30, "notification.attempted", 1, 2), step(33, "notification.undelivered", 1, 2)},
	}
}

func reversed(ctx context.Context, t *Trial) Result {
	return tryAll(overwrites(), "the newest by event_ts stands, in whatever order they arrive", func(o overwrite) (Sub, string) {
		return tryOverwrite(ctx, t, o)
	})
}

// tryOverwrite sends the newer event before the older one. The state may then
// be what both of them in order make it, or what the newer one alone does: a
// late event that is lost altogether is the business of order.converges.
func tryOverwrite(ctx context.Context, t *Trial, o overwrite) (sub Sub, why string) {
	whole := story{"overwritten", []plan.Step{step(0, "notification_channel.add", 1, 1), consent(2, 1, "written"), step(4, "message.delivered", 1, 1), step(6, "message.delivered", 1, 2), o.older, o.newer}}
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
	right := func(s []*state.State) bool { return state.Same(s[2], s[0]) || state.Same(s[2], s[1]) }
	states, why := t.states.together(ctx, subjects, right, t.states.patience())
	switch {
	case why != "":
		return sub, why
	case !right(states):
		sub.Verdict = Fail
		sub.Actual = state.Differences(states[0], states[2])
		sub.Repeat = repeatOrder(t.run, "order-reversed", whole, orders[2])
	}
	return sub, ""
}

// shuffles is how many random orders are tried of a story.
const shuffles = 5

func converges(ctx context.Context, t *Trial) Result {
	stories := []story{life(), farewell(), receipts()}
	results := make([]Result, len(stories))
	var tries sync.WaitGroup
	for i, s := range stories {
		orders := [][]int{backwards(len(s.steps))}
		for range shuffles {
			orders = append(orders, withDuplicates(t, t.Rand.Perm(len(s.steps))))
		}
		orders = append(orders, s.eachFirst()...)
		tries.Go(func() { results[i] = tryOrders(ctx, t, s, orders) })
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

// eachFirst are orders that begin with the last event of a kind: the customer has no
// row then, and neither does what the event is about.
func (s story) eachFirst() (orders [][]int) {
	seen := map[string]bool{}
	for i, st := range slices.Backward(s.steps) {
		if seen[st.Event] {
			continue
		}
		seen[st.Event] = true
		order := []int{i}
		for at := range s.steps {
			if at != i {
				order = append(order, at)
			}
		}
		orders = append(orders, order)
	}
	return orders
}

// withDuplicates lets some events come once more, at random places.
func withDuplicates(t *Trial, order []int) []int {
	for range len(order) / 3 {
		at := t.Rand.IntN(len(order))
		order = slices.Insert(order, at+1+t.Rand.IntN(len(order)-at), order[at])
	}
	return order
}

// tryOrders sends the story in each of the orders and, where one ends wrong,
// finds out which of its events it takes.
func tryOrders(ctx context.Context, t *Trial, s story, orders [][]int) Result {
	subjects := make([]*subject, len(orders))
	for i, order := range orders {
		subjects[i] = t.subject(s)
		if why := t.tell(ctx, subjects[i], order); why != "" {
			return t.waitsInOrder(ctx, s, order, why)
		}
	}
	for range 2 {
		for i, order := range orders {
			if f := t.ends(ctx, subjects[i], false); f != (finding{}) {
				return disorder(ctx, t, s, order, f)
			}
		}
		// Once more, for work that is done twice and late.
		if !wait(ctx, t.states.later()) {
			return Unclear("the time was over")
		}
	}
	return Passed()
}

// waitsInOrder is the result where an event was not accepted. One that has no answer only
// in such an order is the order's doing: a copy, or a late event, waits for ever, or lets
// others wait.
func (t *Trial) waitsInOrder(ctx context.Context, s story, order []int, why string) Result {
	if fresh := t.subject(s); !strings.Contains(why, "no answer") || t.tell(ctx, fresh, fresh.inOrder()) != "" {
		return BlockedBy(why)
	}
	part, short := s.part(order)
	return Failed("an answer to every event, in whatever order they come", "sent in the order "+part.words(short)+": "+why,
		repeatOrder(t.run, "order-converges", part, short))
}

// disorder is the result of an order that ended wrong, made as short as it gets.
func disorder(ctx context.Context, t *Trial, s story, order []int, f finding) Result {
	if f.wrong != "" {
		short, wrong := t.minimise(ctx, s, order)
		order, f.wrong = short, cmp.Or(wrong, f.wrong)
	}
	part, short := s.part(order)
	r := f.verdict("sent in the order "+part.words(short), func() *Repeat { return repeatOrder(t.run, "order-converges", part, short) })
	r.OfCopies = len(short) > len(slices.Compact(slices.Sorted(slices.Values(short))))
	return r
}

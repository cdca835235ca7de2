package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// concurrentChecks is the group "concurrent".
func concurrentChecks() []Check {
	return []Check{
		{
			ID: "concurrent.accepted", Level: Must, Clause: "R-WORKERS", Alone: true, Limit: 2 * time.Minute,
			Title: "different events at the same instant are accepted",
			Why:   "several of Relay's workers call at once: an endpoint that serves three at a time, whose pool of connections runs out, or in which one slow kind of event holds a lock, refuses events or lets them time out, and a 503 or a 429 does not come again",
			How:   "sends 16 different events at the same instant: of one customer, the first ones of a new customer, of four customers who share a number, for every kind of event in the catalogue of 16 customers, and, where batches are taken, in 16 batches about the same customers in different orders; each must be answered 200 within the deadline. A round in which one is not is repeated, and its events are then sent one by one, so that the check fails only for what comes of the concurrency",
			Fix:   "serve as many calls at once as Relay has workers: raise the limits, let the pool of connections wait instead of failing, take one connection for an event and no second one inside its transaction, and hold no lock over slow work",
			Run:   concurrentAccepted,
		},
		{
			ID: "concurrent.events", Level: Must, Clause: "R-WORKERS", Alone: true, Limit: time.Minute,
			Title: "different events of one customer at once all count",
			Why:   "two events of one customer meet: a receiver that reads a value, changes it and writes it back loses one of them, and rows that are locked in different orders make a deadlock",
			How:   "sends 16 different events of one customer at the same instant, in several rounds, those of four customers who share a number, and the first ones of new customers; they are about different things, or are counted, so that their order does not matter. Compares the states with that of a customer whose events came one after the other; what fails is sent again one by one, so that disorder is not taken for loss",
			Fix:   "change values in the database (SET n = n + 1, or SELECT … FOR UPDATE in a transaction), lock rows always in the same order, make a new customer's row in one step (INSERT … ON CONFLICT, computeIfAbsent), and try again, or answer 500, after a deadlock or a failed serialisation",
			Needs: []Need{NeedProbe}, Run: probed(concurrentEvents),
		},
	}
}

// prelude is how many events of a crowd come before it, one after the other.
const prelude = 6

// crowd is a story that ends with 16 events which may come at once: each is
// about something of its own, or is counted, so that also a receiver that knows
// no order ends in one state.
func crowd() story {
	steps := []plan.Step{
		step(0, "notification_channel.add", 1, 1), step(3, "notification_channel.add", 2, 1), step(6, "message.delivered", 1, 1),
		step(9, "message.delivered", 1, 2), step(12, "notification.attempted", 1, 1), step(15, "notification.attempted", 1, 2),
	}
	for i := range 4 {
		steps = append(steps, step(20+6*i, "notification.auth_link_clicked", 1, 1), step(23+6*i, "message.action_taken", 1, 1))
	}
	// What is said of the first number twice is the same: rows that are locked in
	// different orders meet there.
	for i := range 2 {
		steps = append(steps, consent(50+6*i, 1, "express"), step(53+6*i, "notification_channel.add", 1, 1))
	}
	return story{"crowd", append(steps,
		step(65, "message.delivered", 1, 3), step(68, "message.undelivered", 1, 4), step(71, "notification.attempted", 2, 1),
		step(74, "notification_channel.add", 3, 1),
	)}
}

// sharing is how many customers share a number.
const sharing = 4

// crowdOf makes so many customers of the crowd, who share their first number.
func crowdOf(t *Trial, customers int) []*subject {
	out := make([]*subject, customers)
	var id plan.Identity
	for i := range out {
		out[i] = t.subjectAs(crowd(), id)
		id.PhoneNumber, _ = payloadOf(out[i].events[0])["channel_addr"].(string)
	}
	return out
}

// gather delivers so many events that come before the crowd, and returns those of all
// customers that may come at once, mixed.
func (t *Trial) gather(ctx context.Context, customers []*subject, before int) (events []plan.Delivery, why string) {
	for _, s := range customers {
		if why := t.tell(ctx, s, s.inOrder()[:before]); why != "" {
			return nil, why
		}
		events = append(events, s.events[before:]...)
	}
	t.mix(events)
	return events, ""
}

func (t *Trial) mix(events []plan.Delivery) {
	t.Rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
}

// round is a set of events that are sent at once.
type round struct {
	name   string
	kind   string                                          // of all of them, "" where they differ
	events func(context.Context) ([]plan.Delivery, string) // fresh ones each time, or why there are none
}

func concurrentRounds(t *Trial) []round {
	crowded := func(name string, customers, before int) round {
		return round{name, "", func(ctx context.Context) ([]plan.Delivery, string) {
			return t.gather(ctx, crowdOf(t, customers), before)
		}}
	}
	rounds := []round{
		crowded("events of one customer", 1, prelude), crowded("the first events of one customer", 1, 0),
		crowded("events of customers who share a number", sharing, prelude),
	}
	for _, name := range catalogue() {
		rounds = append(rounds, round{name + " of different customers", name, func(context.Context) ([]plan.Delivery, string) {
			events := make([]plan.Delivery, atOnce)
			for i := range events {
				events[i] = t.Event(name)
			}
			return events, ""
		}})
	}
	return rounds
}

func concurrentAccepted(ctx context.Context, t *Trial) Result {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	lines := t.lines(ctx, atOnce)
	defer lines.Close()
	lag := watchLag(t.Timeout)
	var subs []Sub
	for _, r := range append(concurrentRounds(t), batchRounds(ctx, t)...) {
		if lines.silences >= silentCalls {
			break // each further round takes its time and says the same
		}
		sub := tryRound(ctx, t, lines, r)
		subs = append(subs, sub)
		if sub.Verdict == Fail || sub.Verdict == Blocked || ctx.Err() != nil {
			break // each may take the deadline several times
		}
	}
	res := sum(fmt.Sprintf("%d events at the same instant are answered 200 within %s each", atOnce, t.Timeout), subs)
	if lag() && res.Verdict == Fail {
		return Unclear("this machine could not keep up itself, so that nothing can be said: " + res.Actual)
	}
	if res.Verdict == Pass {
		res.Reason = fmt.Sprintf("%d at a time, %d rounds", atOnce, len(subs))
	}
	return res
}

// tryRound sends a round, and once more with fresh customers if something went
// wrong in it: once may be the network.
func tryRound(ctx context.Context, t *Trial, l *lines, r round) Sub {
	sub := Sub{Name: r.name, Verdict: Pass}
	// How long one takes alone cannot be told after a round that is still in work.
	if r.kind != "" && !t.aloneAccepted(ctx, t.Event(r.kind), l) {
		return Sub{Name: r.name, Verdict: Skip, Actual: "one alone is not accepted either"} // event.accept reports it
	}
	for range 2 {
		events, why := r.events(ctx)
		if why != "" {
			return Sub{Name: r.name, Verdict: Blocked, Actual: why}
		}
		// What is not answered alone takes the deadline and says nothing.
		events = slices.DeleteFunc(events, func(d plan.Delivery) bool { return t.live.silentName(d.Events[0].Name) })
		answers, err := l.send(ctx, events)
		if err != nil {
			return Sub{Name: r.name, Verdict: Inconclusive, Actual: err.Error()}
		}
		timedOut := 0
		for _, x := range answers {
			if x.Answer.Failure == wire.Timeout {
				timedOut++
			}
		}
		if r.kind != "" && timedOut > 1 {
			// Once more would take as long, and what is in work goes on.
			return Sub{r.name, Fail, fmt.Sprintf("%d of %d had no answer within %s; one alone has", timedOut, len(events), t.Timeout), itself()}
		}
		if sub = judgeRound(ctx, t, l, r, events, answers); sub.Verdict != Fail || timedOut > 1 {
			return sub
		}
	}
	return sub
}

// aloneAccepted says whether an event is accepted when nothing else is sent. Those
// that had no answer are counted.
func (t *Trial) aloneAccepted(ctx context.Context, d plan.Delivery, l *lines) bool {
	signed, err := t.Sign(ctx)
	if err != nil {
		return false
	}
	silent := 0
	for range event.Attempts {
		x := t.reach(ctx, wire.Call{Body: d.Body, Signed: signed}, d.Events[0].Name, silent > 0)
		switch {
		case x.Accepted():
			return true
		case x.Answer.Failure != wire.NoFailure:
			if silent++; silent == 2 || x.hasty {
				l.silences++
				return false
			}
		case x.Answer.Status != http.StatusInternalServerError && x.Answer.Status != http.StatusTooManyRequests:
			return false
		}
	}
	return false
}

// manyFailed is how many events of sixteen may fail at first and be accepted when
// they come again: with fewer the receiver fails now and then, which
// retries are for.
const manyFailed = atOnce / 4

// judgeRound looks at the first answers of a round. Only what is accepted alone
// was refused for the concurrency; one of each kind of answer is sent again to
// find out.
func judgeRound(ctx context.Context, t *Trial, l *lines, r round, events []plan.Delivery, answers []Exchange) Sub {
	name := r.name
	var lost, failed, limited []int
	for i, x := range answers {
		switch {
		case x.Accepted():
		case x.Answer.Status == http.StatusTooManyRequests:
			limited = append(limited, i)
		case x.Answer.Status == http.StatusInternalServerError, x.Answer.Failure != wire.NoFailure && x.Answer.Failure != wire.Timeout:
			failed = append(failed, i)
		default:
			lost = append(lost, i)
		}
	}
	few := max(1, manyFailed*len(events)/atOnce)
	of, more := []int(nil), ""
	switch {
	case len(lost) > 0:
		of = lost
	case len(limited) >= few:
		of, more = limited, ", and a 429 does not come again (R-RETRY-ONLY)"
	case len(failed) >= few && !failsAlone(ctx, t, events):
		of, more = failed, ", each of which holds a worker back until it comes again"
	default:
		return Sub{Name: name, Verdict: Pass}
	}
	first := answers[of[0]].Describe()
	if !t.aloneAccepted(ctx, events[of[0]], l) {
		if why := t.Control(ctx); why != "" {
			return Sub{name, Fail, fmt.Sprintf("%d of %d at once: %s; and afterwards %s", len(of), len(events), first, why), itself()}
		}
		if answers[of[0]].Answer.Failure == wire.Timeout && t.othersAccepted(ctx, r, l) {
			return Sub{name, Fail, fmt.Sprintf("%d of %d at once: %s; afterwards it has none either, while events of other customers have", len(of), len(events), first), itself()}
		}
		return Sub{Name: name, Verdict: Skip, Actual: "it is not accepted alone either"} // event.accept reports it
	}
	if t.refusedInTurn(ctx, r, events[of[0]].Events[0].Name, answers[of[0]].Answer.Status) {
		return Sub{Name: name, Verdict: Skip, Actual: "it is not accepted one by one either"} // business.never-400 reports it
	}
	return Sub{name, Fail, fmt.Sprintf("%d of %d, sent %d at a time: %s; accepted alone%s", len(of), len(events), min(atOnce, len(events)), first, more), itself()}
}

// othersAccepted says whether fresh events of a round are accepted one by one: what
// hangs of the others hangs on locks that they have taken for good.
func (t *Trial) othersAccepted(ctx context.Context, r round, l *lines) bool {
	events, why := r.events(ctx)
	return why == "" && t.aloneAccepted(ctx, events[0], l)
}

// refusedInTurn says whether an event of that name gets that answer as well when it is
// the first of a fresh round and nothing else is sent: it then comes before what it
// refers to.
func (t *Trial) refusedInTurn(ctx context.Context, r round, name string, status int) bool {
	if status < 400 || status >= 500 || status == http.StatusTooManyRequests || r.kind != "" {
		return false
	}
	events, why := r.events(ctx)
	i := slices.IndexFunc(events, func(d plan.Delivery) bool { return d.Events[0].Name == name })
	return why == "" && i >= 0 && t.Post(ctx, wire.Call{Body: events[i].Body}).Answer.Status == status
}

// failsAlone says whether as many events fail at first when they come one after
// the other: then it is not for the concurrency.
func failsAlone(ctx context.Context, t *Trial, like []plan.Delivery) bool {
	bad := 0
	for _, d := range like[:min(atOnce, len(like))] {
		if x := t.Post(ctx, wire.Call{Body: t.Event(d.Events[0].Name).Body}); !x.Accepted() {
			bad++
		}
	}
	return bad >= manyFailed
}

// crowdings are the crowds of concurrent.events: how often, of how many customers at
// once, and how many of a customer's events come before.
var crowdings = []struct{ rounds, customers, before int }{
	{4, 1, prelude}, {2, sharing, prelude}, {4, 1, 0},
}

func concurrentEvents(ctx context.Context, t *Trial) Result {
	lines := t.lines(ctx, atOnce)
	defer lines.Close()
	told := 0
	for _, c := range crowdings {
		for range c.rounds {
			customers := crowdOf(t, c.customers)
			if why := sendCrowd(ctx, t, lines, customers, c.before); why != "" {
				return BlockedBy(why)
			}
			for _, s := range customers {
				if f := t.ends(ctx, s, false); f != (finding{}) {
					return lostUpdate(ctx, t, s, f, len(customers), c.before)
				}
			}
			told += c.customers
		}
	}
	r := Passed()
	r.Reason = fmt.Sprintf("%d events of one customer at once, %d customers", len(crowd().steps)-prelude, told)
	return r
}

// sendCrowd sends the events of customers at once, but for so many that come before,
// and those again that were not accepted, as Relay does.
func sendCrowd(ctx context.Context, t *Trial, l *lines, customers []*subject, before int) (why string) {
	events, why := t.gather(ctx, customers, before)
	if why != "" {
		return why
	}
	answers, err := l.send(ctx, events)
	if err != nil {
		return err.Error()
	}
	for i, x := range answers {
		if x.Accepted() {
			continue
		}
		why := x.Describe()
		if x.Answer.Failure != wire.Timeout { // asked once more, each would take the deadline
			why = t.accepted(ctx, events[i])
		}
		if why != "" {
			return "not all of the events at once were accepted: " + why + "; see concurrent.accepted"
		}
	}
	return ""
}

// lostUpdate says what a wrong state comes from: the same events are sent to
// others one by one, in other orders, and only if these end well it was that
// they came at once.
func lostUpdate(ctx context.Context, t *Trial, s *subject, f finding, customers, before int) Result {
	n := len(s.events) - before
	orders := [][]int{backwards(n), t.Rand.Perm(n)}
	if before == 0 {
		orders = append(orders, s.story.eachFirst()...)
	}
	for _, order := range orders {
		if f.wrong == "" {
			break
		}
		if why := oneByOne(ctx, t, crowdOf(t, customers), before, order); why != "" {
			return BlockedBy(why)
		}
	}
	how := fmt.Sprintf("with %d events of one customer at once (one after the other, in whatever order, they all count)", n)
	switch {
	case before == 0:
		how = fmt.Sprintf("with the first %d events of a new customer at once (one after the other, in whatever order, they all count)", n)
	case customers > 1:
		how = fmt.Sprintf("with the events of %d customers who share a number at once", customers)
	}
	return f.verdict(how, func() *Repeat {
		again := repeatOrder(t.run, "concurrent-events", s.story, s.inOrder())
		again.Sequence.AtOnce = atOnce
		return again
	})
}

// oneByOne sends the crowds one event after the other, those after so many in that
// order, and says why the states are wrong, or nothing can be said of them.
func oneByOne(ctx context.Context, t *Trial, customers []*subject, before int, order []int) (why string) {
	for _, s := range customers {
		all := s.inOrder()[:before:before]
		for _, i := range order {
			all = append(all, before+i)
		}
		if why := t.tell(ctx, s, all); why != "" {
			return why
		}
	}
	for _, s := range customers {
		switch f := t.ends(ctx, s, false); {
		case f.unclear != "":
			return f.unclear
		case f.wrong != "" && len(customers) > 1:
			return "the states are wrong also when the events come one after the other: see isolation.customers and order.converges"
		case f.wrong != "":
			return "the state is wrong also when the events come one after the other, in another order: see order.converges"
		}
	}
	return ""
}

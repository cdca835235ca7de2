package check

import (
	"context"
	"net/http"
	"slices"
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// take delivers something that has to be accepted and judges the answer. One that is
// not 2xx fails it. No answer fails it only if the same bytes get none again while plain
// events before and after are answered: then it is not the network.
func (t *Trial) take(ctx context.Context, name string, k wire.Call) Sub {
	return t.judge(ctx, name, t.deliver(ctx, k))
}

// takeEvent delivers an event that has to be accepted, unusual though it is.
// A refusal counts only if a usual event of that name is accepted: otherwise
// event.accept reports it.
func (t *Trial) takeEvent(ctx context.Context, name string, d plan.Delivery) Sub {
	return t.takeCall(ctx, name, d.Events[0].Name, wire.Call{Body: d.Body})
}

// takeCall is takeEvent for a call that carries an event of that name.
func (t *Trial) takeCall(ctx context.Context, name, eventName string, k wire.Call) Sub {
	sub := t.take(ctx, name, k)
	if sub.Verdict == Fail && !t.usual(ctx, eventName) {
		return Sub{Name: name, Verdict: Skip, Actual: "a usual " + eventName + " is not accepted either"}
	}
	return sub
}

// usual says whether an event of that name is accepted where it belongs in a
// customer's life; one that the catalogue does not know has no such place.
func (t *Trial) usual(ctx context.Context, eventName string) bool {
	for _, life := range lives() {
		at := slices.IndexFunc(life, func(st plan.Step) bool { return st.Event == eventName })
		if at < 0 {
			continue
		}
		p := t.Customer()
		var x Exchange
		for i, st := range life[:at+1] {
			st.At = time.Duration(i) * 100 * time.Millisecond
			x = t.Deliver(ctx, t.writePlain(p, st))
		}
		return x.Accepted()
	}
	return true
}

func (t *Trial) judge(ctx context.Context, name string, x Exchange) Sub {
	switch {
	case x.Accepted():
		return Sub{Name: name, Verdict: Pass}
	case x.Answer.Status == http.StatusTooManyRequests:
		return Sub{Name: name, Verdict: Inconclusive, Actual: "the endpoint limits the rate (status 429)"}
	case x.Answer.Failure == wire.NoFailure:
		return Sub{Name: name, Verdict: Fail, Actual: x.Describe(), Repeat: t.repeatCall(x.Call)}
	}
	return t.unanswered(ctx, name, x)
}

// unanswered judges a call that got no answer twice.
func (t *Trial) unanswered(ctx context.Context, name string, x Exchange) Sub {
	unclear := Sub{Name: name, Verdict: Inconclusive, Actual: x.Describe()}
	if x.hasty || x.Answer.Failure != wire.Cut && x.Answer.Failure != wire.Timeout || t.Control(ctx) != "" {
		return unclear
	}
	if x.Answer.Failure == wire.Cut {
		// A hang-up comes at once, so that once more costs nothing.
		if again := t.Call(ctx, x.Call); again.Answer.Failure != wire.Cut || t.Control(ctx) != "" {
			return unclear
		}
	}
	return Sub{Name: name, Verdict: Fail, Actual: x.Describe() + ", each time, while other events are answered", Repeat: t.repeatCall(x.Call)}
}

// take200 is the run of a check whose variations have to be accepted, and must
// have the effect of usual events.
func (t *Trial) take200(ctx context.Context, list []variation) Result {
	return t.after(ctx, func() Result { return sum(t.usualEffect(), t.variations(ctx, list)) })
}

// usualEffect is what is expected of unusual events.
func (t *Trial) usualEffect() string {
	if t.Probe == nil {
		return "200 for each of them"
	}
	return "200 for each of them, and the effect of a usual event"
}

// introduced makes a fresh customer whom the receiver has been told of: its
// number was added. What comes of that is not judged here, for a receiver must
// not need it (R-FILTER); but what is to show one mistake should not trip over
// another.
func (t *Trial) introduced(ctx context.Context) *plan.Persona {
	p := t.Customer()
	t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "notification_channel.add"}))
	return p
}

// control is the customer of a trial's control events.
type control struct {
	turn     turn
	customer *plan.Persona
	sent     int
}

// plain delivers the plainest event there is: message.delivered for a customer
// whose number was added before.
func (t *Trial) plain(ctx context.Context) Exchange {
	p, n, unreached := t.control.next(ctx, t)
	if unreached != nil {
		return *unreached
	}
	return t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "message.delivered", Message: n, At: time.Duration(n) * 10 * time.Millisecond}))
}

// next gives the customer and the number of its next message. The customer is introduced
// first; unreached is the call of that which got no answer.
func (c *control) next(ctx context.Context, t *Trial) (p *plan.Persona, message int, unreached *Exchange) {
	give, ok := c.turn.take(ctx)
	if !ok {
		return nil, 0, &Exchange{Answer: wire.Result{Failure: wire.Interrupted, Detail: wire.ErrEnded.Error()}}
	}
	defer give()
	if c.customer == nil {
		p := t.Customer()
		x := t.Deliver(ctx, t.writePlain(p, plan.Step{Event: "notification_channel.add"}))
		if x.Answer.Failure != wire.NoFailure {
			return nil, 0, &x
		}
		c.customer = p
	}
	c.sent++
	return c.customer, c.sent, nil
}

// Control delivers a plain valid event of its own (G1): a negative check counts
// only if one is accepted before and after. It returns why nothing can be said,
// "" when all is well.
func (t *Trial) Control(ctx context.Context) string {
	x := t.plain(ctx)
	if x.Accepted() {
		return ""
	}
	return "a plain valid event was not accepted: " + x.Describe()
}

// after runs judge when a plain event is accepted.
func (t *Trial) after(ctx context.Context, judge func() Result) Result {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	return judge()
}

// Negative makes calls between two controls: judge is asked only when a plain
// event is accepted just before and just after it.
func (t *Trial) Negative(ctx context.Context, judge func() Result) Result {
	return t.after(ctx, func() Result {
		r := judge()
		if why := t.Control(ctx); why != "" && r.Verdict != Fail {
			return BlockedBy(why + ", after the check's call")
		}
		return r
	})
}

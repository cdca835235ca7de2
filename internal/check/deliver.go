package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

const (
	// relayAttempts is how often Relay makes a call that fails (R-FOUR).
	relayAttempts = 4
	// healScale shortens Relay's delays between the attempts (R-DELAYS).
	healScale = 0.01
	// mostPauses is how often a 429 is waited out in one call.
	mostPauses = 3
	// keepAnswer is how much of an answer's body is kept to be shown or searched.
	keepAnswer = 16 << 10
)

// healing is what came of the answers 500 to valid events in a run. Safe for
// concurrent use.
type healing struct {
	mu       sync.Mutex
	accepted bool       // a valid event was accepted
	limited  bool       // a call was answered 429 to the end
	healed   int        // events that were answered 500 and accepted later
	stuck    []Exchange // those that never were within four attempts, the first few
	unhealed int        // how many there are of them
}

// maxStuck bounds how many of them are kept.
const maxStuck = 5

// note counts a valid event that ended so after so many attempts.
func (h *healing) note(x Exchange, attempts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case x.Accepted():
		h.accepted = true
		if attempts > 1 {
			h.healed++
		}
	case x.Answer.Failure != sim.NoFailure:
	case x.Answer.Status == http.StatusTooManyRequests:
		h.limited = true
	case attempts > 1 && x.Answer.Status != http.StatusInternalServerError || attempts == relayAttempts:
		h.unhealed++
		if len(h.stuck) < maxStuck {
			h.stuck = append(h.stuck, x)
		}
	}
}

// patient says whether it is worth waiting out a 429: not where nothing but
// that ever came.
func (h *healing) patient() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accepted || !h.limited
}

// hopeless says that nothing was ever accepted, and that four attempts did not
// change it: trying everything four times would only take time.
func (h *healing) hopeless() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.accepted && h.unhealed > 0
}

// exchange makes a call whose credentials sign gives. A call that got no answer
// is made once more with the same bytes, and a 429 again after its Retry-After,
// within the trial's time: neither says anything about the receiver yet (G3, G4).
func (t *Trial) exchange(ctx context.Context, k sim.Call, sign func(context.Context) ([]auth.Header, error)) Exchange {
	k.Details, k.KeepBody = true, max(k.KeepBody, keepAnswer)
	failed, paused := false, 0
	for {
		signed, err := sign(ctx)
		if err != nil {
			return Exchange{k, sim.Answer{Failure: sim.TokenFailed, Detail: err.Error()}}
		}
		k.Signed = signed
		x := t.Call(ctx, k)
		switch {
		case x.Answer.Failure == sim.Timeout && t.hasty:
			return x
		case x.Answer.Failure != sim.NoFailure && !failed && ctx.Err() == nil:
			failed = true
		case x.Answer.Status == http.StatusTooManyRequests && paused < mostPauses && t.healing.patient() && pause(ctx, x.Answer.Header):
			paused++
		default:
			return x
		}
	}
}

// as signs with those headers.
func as(headers ...auth.Header) func(context.Context) ([]auth.Header, error) {
	return func(context.Context) ([]auth.Header, error) { return headers, nil }
}

// Post makes a call with the configured credentials; a token that is refused is
// renewed once. Transport errors and 429 are dealt with as in exchange.
func (t *Trial) Post(ctx context.Context, k sim.Call) Exchange {
	x := t.exchange(ctx, k, t.Sign)
	switch {
	case x.Answer.Status == http.StatusUnauthorized:
		switch {
		case t.Auth.Rejected(x.Call.Signed):
			x = t.exchange(ctx, k, t.Sign)
		case !t.spelling.tried(x.Call.Signed):
			x = t.respell(ctx, k, x)
		}
	case x.Answer.Failure == sim.NoFailure:
		t.Auth.Accepted(x.Call.Signed)
	}
	return x
}

// Deliver posts an event, or a batch, that a receiver has to accept as Relay
// does: a 500 is tried again, up to four attempts, with Relay's delays scaled
// down, and noted for retry.recovers.
func (t *Trial) Deliver(ctx context.Context, d sim.Delivery) Exchange {
	return t.valid(ctx, sim.Call{Body: d.Body}, t.Post)
}

// valid makes a call as Deliver does, each attempt by post.
func (t *Trial) valid(ctx context.Context, k sim.Call, post func(context.Context, sim.Call) Exchange) Exchange {
	x := post(ctx, k)
	n := 1
	for delays := sim.DefaultRetryDelays(); n < relayAttempts && x.Answer.Status == http.StatusInternalServerError && !t.healing.hopeless(); n++ {
		if !wait(ctx, time.Duration(float64(delays[n-1])*healScale)) {
			break
		}
		x = post(ctx, k)
	}
	t.healing.note(x, n)
	return x
}

// wait waits for d and says whether ctx was not done by then.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// take delivers something that has to be accepted and judges the answer. An
// answer fails it. So does none, when that comes again with the same bytes
// while plain events before and after are answered: then it is not the network.
func (t *Trial) take(ctx context.Context, name string, k sim.Call) Sub {
	return t.judge(ctx, name, t.valid(ctx, k, t.Post))
}

// takeEvent delivers an event that has to be accepted, unusual though it is.
// Where it is not, it says something only if a usual one of its name is: that
// is event.accept's matter.
func (t *Trial) takeEvent(ctx context.Context, name string, d sim.Delivery) Sub {
	return t.takeCall(ctx, name, d.Events[0].Name, sim.Call{Body: d.Body})
}

// takeCall is takeEvent for a call that carries an event of that name.
func (t *Trial) takeCall(ctx context.Context, name, eventName string, k sim.Call) Sub {
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
		at := slices.IndexFunc(life, func(st sim.Step) bool { return st.Event == eventName })
		if at < 0 {
			continue
		}
		p := t.Customer()
		var x Exchange
		for i, st := range life[:at+1] {
			st.At = time.Duration(i) * 100 * time.Millisecond
			x = t.Deliver(ctx, write(p, st))
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
	case x.Answer.Failure == sim.NoFailure:
		return Sub{Name: name, Verdict: Fail, Actual: x.Describe(), Repeat: t.Curl(x.Call)}
	}
	return t.unanswered(ctx, name, x)
}

// unanswered judges a call that got no answer twice.
func (t *Trial) unanswered(ctx context.Context, name string, x Exchange) Sub {
	unclear := Sub{Name: name, Verdict: Inconclusive, Actual: x.Describe()}
	if x.Answer.Failure != sim.Cut && x.Answer.Failure != sim.Timeout || t.Control(ctx) != "" {
		return unclear
	}
	if x.Answer.Failure == sim.Cut {
		// A hang-up comes at once, so that once more costs nothing.
		if again := t.Call(ctx, x.Call); again.Answer.Failure != sim.Cut || t.Control(ctx) != "" {
			return unclear
		}
	}
	return Sub{Name: name, Verdict: Fail, Actual: x.Describe() + ", each time, while other events are answered", Repeat: t.Curl(x.Call)}
}

// sum makes a check's result of the things that it tried.
func sum(expected string, subs []Sub) Result {
	r := Result{Verdict: Pass, Subs: subs}
	for _, v := range []Verdict{Fail, Warn, Blocked, Inconclusive} {
		said, repeat := gather(subs, v)
		if said == "" {
			continue
		}
		r.Verdict, r.Repeat = v, repeat
		switch v {
		case Fail:
			r.Expected, r.Actual = expected, said
		case Warn:
			r.Expected, r.Actual, r.Reason = expected, said, said
		default:
			r.Reason = said
		}
		return r
	}
	if !slices.ContainsFunc(subs, func(s Sub) bool { return s.Verdict == Pass }) {
		r.Verdict = Skip
		r.Reason, _ = gather(subs, Skip)
	}
	return r
}

// gather words what was seen in the subs of a verdict, those that saw the same
// together, and returns the first one's command.
func gather(subs []Sub, v Verdict) (said, repeat string) {
	var order []string
	names := map[string][]string{}
	for _, s := range subs {
		if s.Verdict != v {
			continue
		}
		if repeat == "" {
			repeat = s.Repeat
		}
		if names[s.Actual] == nil {
			order = append(order, s.Actual)
		}
		names[s.Actual] = append(names[s.Actual], s.Name)
	}
	for i, actual := range order {
		who := names[actual]
		switch n := len(who); {
		case n == len(subs): // it needs no names
		case n > 5:
			order[i] = fmt.Sprintf("%s and %d others: %s", strings.Join(who[:3], ", "), n-3, actual)
		default:
			order[i] = strings.Join(who, ", ") + ": " + actual
		}
	}
	return strings.Join(order, "; "), repeat
}

// write writes the event of a step for a customer.
func write(p *sim.Persona, st sim.Step) sim.Delivery {
	d, err := p.Deliver(st)
	if err != nil {
		panic(err) // cannot be: the checks' own overrides are sound
	}
	return d
}

// set overrides a property of an event, known or not.
func set(path string, value any) event.Override {
	o, err := event.NewSet("+"+path, value)
	if err != nil {
		panic(err) // cannot be: the values are the checks' own
	}
	return o
}

// unset removes a property of an event.
func unset(path string) event.Override {
	o, err := event.ParseUnset("+" + path)
	if err != nil {
		panic(err) // cannot be: the paths are the checks' own
	}
	return o
}

// introduced makes a fresh customer whom the receiver has been told of: its
// number was added. What comes of that is not judged here, for a receiver must
// not need it (R-FILTER); but what is to show one mistake should not trip over
// another.
func (t *Trial) introduced(ctx context.Context) *sim.Persona {
	p := t.Customer()
	t.Deliver(ctx, write(p, sim.Step{Event: "notification_channel.add"}))
	return p
}

// control is the customer of a trial's control events.
type control struct {
	mu       sync.Mutex
	customer *sim.Persona
	sent     int
}

// plain delivers the plainest event there is: message.delivered for a customer
// whose number was added before.
func (t *Trial) plain(ctx context.Context) Exchange {
	c := &t.control
	c.mu.Lock()
	if c.customer == nil {
		p := t.Customer()
		x := t.Deliver(ctx, write(p, sim.Step{Event: "notification_channel.add"}))
		if x.Answer.Failure != sim.NoFailure {
			c.mu.Unlock()
			return x
		}
		c.customer = p
	}
	c.sent++
	d := write(c.customer, sim.Step{Event: "message.delivered", Message: c.sent, At: time.Duration(c.sent) * 10 * time.Millisecond})
	c.mu.Unlock()
	return t.Deliver(ctx, d)
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

package check

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// Lapse is the moment at which an endpoint stopped answering.
type Lapse struct {
	At       time.Time
	Check    string // the check that made the call
	Event    string // what the call carried
	What     string // how it ended, for people
	call     wire.Call
	timedOut bool // the endpoint took the call and said nothing
	hasty    bool // though it had little time only
}

// describe words it for a sentence.
func (l *Lapse) describe() string {
	return fmt.Sprintf("the endpoint stopped answering at %s, with %s: %s", l.At.Format(time.TimeOnly), l.Event, l.What)
}

// Bounds of the patience with an endpoint that does not answer.
const (
	// silentCalls is how many calls of a check with one kind of event may bring no
	// answer in time: more of them say nothing new.
	silentCalls = 2
	// longWaits is how many calls of a run may have their whole time without an answer;
	// those that follow get little.
	longWaits = 6
	// timedOutCalls and refusedCalls are how many calls in a row, with whatever events,
	// may bring no answer in time, or no connection, before the endpoint is gone.
	timedOutCalls = 6
	refusedCalls  = 3
	// answeredAlone is how many calls have to be answered only when nothing else is
	// under way before the run goes on with one call at a time.
	answeredAlone = 2
)

// mostCalls is more than are ever under way at once.
const mostCalls = 1 << 20

// liveness is whether the endpoint answers at all, and which kinds of events it
// does not answer, so that a run does not wait for the same silence again and
// again. Safe for concurrent use.
type liveness struct {
	gate    *semaphore.Weighted // each call holds one of mostCalls, one that is made alone all of them
	finding turn                // held by a call that finds out whether it is answered when it is alone

	mu      sync.Mutex
	excused int             // guarded by mu: checks under way that take the endpoint down themselves
	row     int             // guarded by mu: calls in a row without an answer
	first   *Lapse          // guarded by mu: the first of them
	gone    *Lapse          // guarded by mu: set while the endpoint does not answer any more
	asked   time.Time       // guarded by mu: when it was last asked whether it is back
	kinds   map[kind]int    // guarded by mu: silent calls
	plain   map[string]mood // guarded by mu: what is known of the plain event of a name
	waits   int             // guarded by mu: calls that had their whole time without an answer
	alone   int             // guarded by mu: calls that were answered only alone; -1 when one was not
}

// kind groups calls that are likely to be answered alike: those of one check with events
// of one name.
type kind struct{ check, event string }

// mood is what is known of the plain event of a name.
type mood int

const (
	notAsked mood = iota
	answers       // or is being asked
	silent
)

// The names of calls that do not carry one event to be accepted. A call of theirs without
// an answer says nothing about events.
const (
	aBatch        = "a batch"
	noEvent       = "a body that is not an event"
	toBeRefused   = "other credentials"
	leastOfABatch = `"event_name"`
)

// carried names what a call carries.
func carried(body []byte) string {
	var e struct {
		Name string `json:"event_name"`
	}
	switch {
	case json.Unmarshal(body, &e) == nil && e.Name != "":
		return e.Name
	case json.Valid(body) && strings.Contains(string(body), leastOfABatch):
		return aBatch
	}
	return noEvent
}

// ofAnEvent says whether a name is that of an event.
func ofAnEvent(name string) bool { return name != aBatch && name != noEvent && name != toBeRefused }

// patience is how long a call may take.
type patience struct {
	spared *wire.Result  // the result in place of a call that would bring the same silence again; nil to call
	within time.Duration // 0 is the deadline
	hasty  bool          // within is too short to say that there is no answer
}

// patience says how long a call may take; second says that it had no answer before.
func (l *liveness) patience(k kind, second bool, deadline, short time.Duration) patience {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := patience{}
	if second {
		p.within = max(deadline/2, min(deadline, short))
	}
	switch {
	case l.excused > 0:
		p.within = 0
	case l.gone != nil && time.Since(l.asked) > deadline:
		l.asked = time.Now()
		p.within, p.hasty = deadline/2, true
	case l.gone != nil:
		failure := wire.Connect
		if l.gone.timedOut {
			failure = wire.Timeout
		}
		p.spared = &wire.Result{Failure: failure, Detail: l.gone.describe()}
	case l.plain[k.event] == silent:
		p.spared = &wire.Result{Failure: wire.Timeout, Detail: fmt.Sprintf("no answer within the deadline, as to each %s", k.event)}
	case !second && (l.kinds[k] >= silentCalls || l.waits >= longWaits):
		p.within, p.hasty = min(short, deadline/2), true
	}
	return p
}

// noted is what has to be found out after a call.
type noted struct {
	suspected *Lapse // whether the endpoint is gone
	doubted   bool   // whether the plain event of the name is answered
}

// note notes what came of a call that had so much time.
func (l *liveness) note(k kind, p patience, x Exchange) (n noted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	timedOut, refused := x.Answer.Failure == wire.Timeout, x.Answer.Failure == wire.Connect
	switch {
	case x.Answer.Failure == wire.NoFailure:
		l.row, l.first, l.gone = 0, nil, nil
		if l.plain[k.event] == silent {
			l.plain[k.event] = answers
		}
		return noted{}
	case l.excused > 0 || !timedOut && !refused || l.gone != nil:
		return noted{}
	}
	if timedOut {
		if l.kinds == nil {
			l.kinds, l.plain = map[kind]int{}, map[string]mood{}
		}
		l.kinds[k]++
		if !p.hasty {
			l.waits++
		}
	}
	if timedOut && !ofAnEvent(k.event) {
		return noted{}
	}
	if l.row++; l.row == 1 {
		l.first = &Lapse{At: time.Now(), Check: k.check, Event: k.event, What: x.Describe(), call: x.Call, timedOut: timedOut, hasty: p.hasty}
	}
	if timedOut && l.row >= timedOutCalls || refused && l.row >= refusedCalls {
		n.suspected = l.first
		return n
	}
	if timedOut && l.kinds[k] >= silentCalls && l.plain[k.event] == notAsked {
		n.doubted = true
		l.plain[k.event] = answers
	}
	return n
}

// isSilent notes that not even the plain event of a name is answered.
func (l *liveness) isSilent(event string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plain[event] = silent
}

// silentName says whether not even the plain event of a name is answered.
func (l *liveness) silentName(event string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.plain[event] == silent
}

// enter waits until a call may begin; call leave after it. Where the run goes on with one
// call at a time, no other is under way then. The same holds for a call that is made again
// while it is not known whether that helps; alone says that this is to be found out.
func (l *liveness) enter(ctx context.Context, again bool) (leave func(), alone bool) {
	pass := func(n int64) (leave func()) {
		if l.gate.Acquire(ctx, n) != nil {
			return func() {} // the call ends at once, for ctx is done
		}
		return func() { l.gate.Release(n) }
	}
	if l.oneByOne() {
		return pass(mostCalls), false
	}
	if again && l.wantsAlone() {
		give, ok := l.finding.take(ctx)
		if ok && l.wantsAlone() { // another one may have found out meanwhile
			leave := pass(mostCalls)
			return func() { leave(); give() }, true
		}
		if ok {
			give()
		}
	}
	return pass(1), false
}

// oneByOne says whether the endpoint was seen to answer some calls only when they
// are alone: then the run goes on with one call at a time, but for the checks that
// are about calls at once.
func (l *liveness) oneByOne() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alone >= answeredAlone
}

// isHasty says whether calls get less time than the deadline by now.
func (l *liveness) isHasty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waits >= longWaits
}

// wantsAlone says whether it is still to be found out if a call without an answer is
// answered when it is made alone.
func (l *liveness) wantsAlone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.excused == 0 && l.gone == nil && l.alone >= 0 && l.alone < answeredAlone
}

// notedAlone notes what came of such a call.
func (l *liveness) notedAlone(answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !answered:
		l.alone = -1
	case l.alone >= 0:
		l.alone++
	}
}

// lost takes the endpoint for gone.
func (l *liveness) lost(at *Lapse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone == nil && l.excused == 0 {
		l.gone, l.asked = at, time.Now()
	}
}

// excuse is for a check that takes the endpoint down itself: until end is called
// nothing is noted.
func (l *liveness) excuse() (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.excused++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.excused--
		l.row, l.first = 0, nil
	}
}

// isExcused says whether such a check is under way.
func (l *liveness) isExcused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.excused > 0
}

// lapse is when the endpoint stopped answering, nil while it answers.
func (l *liveness) lapse() *Lapse {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// culprit is the lapse that began with a call of that check, nil where there is
// none: the endpoint is gone, or has not answered anything twice since.
func (l *liveness) culprit(check string) *Lapse {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.gone
	if at == nil && l.first != nil && l.first.timedOut && !l.first.hasty && l.row >= silentCalls {
		at = l.first
	}
	if at == nil || at.Check != check {
		return nil
	}
	return at
}

// reach makes a call, for the first or the second time, and notes what came of it,
// unless it would only bring the same silence again.
func (c *caller) reach(ctx context.Context, k wire.Call, event string, second bool) Exchange {
	of := kind{c.check, event}
	p := c.live.patience(of, second, c.Timeout, c.Waits.Connect)
	if p.spared != nil {
		return Exchange{Call: k, Answer: *p.spared}
	}
	x := c.within(ctx, k, p, second, func(answered bool) { c.live.notedAlone(answered) })
	n := c.live.note(of, p, x)
	if n.doubted && !c.answersPlain(ctx, event) && ctx.Err() == nil {
		c.live.isSilent(event)
	}
	if n.suspected != nil && c.isGone(ctx, n.suspected) {
		c.live.lost(n.suspected)
	}
	return x
}

// watchFor notes of a call among many at once whether the endpoint takes connections at
// all, and returns the lapse that this makes likely. Answers that come too late are judged
// by the check that makes such calls.
func (c *caller) watchFor(x Exchange) (suspected *Lapse) {
	if x.Answer.Failure != wire.NoFailure && x.Answer.Failure != wire.Connect {
		return nil
	}
	return c.live.note(kind{c.check, carried(x.Call.Body)}, patience{}, x).suspected
}

// within makes a call that may take as long as p says. Where it is made again, and alone to
// find out whether it is answered then, noteAlone is told.
func (c *caller) within(ctx context.Context, k wire.Call, p patience, again bool, noteAlone func(answered bool)) Exchange {
	leave, alone := c.live.enter(ctx, again)
	defer leave()
	timed := k
	timed.Timeout = p.within
	x := c.Call(ctx, timed)
	if alone && ctx.Err() == nil {
		noteAlone(x.Answer.Failure != wire.Timeout)
	}
	x.Call, x.hasty = k, p.hasty
	if p.hasty && x.Answer.Failure == wire.Timeout {
		x.Answer.Detail = fmt.Sprintf("no answer within %s, which is all that it got after others that had none in %s", p.within, c.Timeout)
	}
	return x
}

// isGone makes sure that an endpoint does not answer any more.
func (c *caller) isGone(ctx context.Context, l *Lapse) bool {
	if l.timedOut {
		return !c.answersPlain(ctx, "message.delivered") && ctx.Err() == nil
	}
	// One that is restarted by its supervisor comes back.
	return c.WaitReady(ctx, c.Waits.Connect, nil) != nil && ctx.Err() == nil
}

// answersPlain says whether the plain event of that name, of a customer who was
// introduced, is answered when nothing else is under way.
func (c *caller) answersPlain(ctx context.Context, event string) bool {
	p := c.Customer()
	for i, name := range []string{"notification_channel.add", "message.delivered", event} {
		signed, err := c.Sign(ctx)
		if err != nil {
			return true
		}
		if c.live.silentName(name) {
			continue
		}
		d := c.writePlain(p, plan.Step{Event: name, Message: 1 + i/2, At: time.Duration(i) * 100 * time.Millisecond})
		x := c.within(ctx, wire.Call{Body: d.Body, Signed: signed}, patience{within: c.Timeout / 2}, true, func(bool) {})
		if x.Answer.Failure == wire.NoFailure && i == 2 {
			c.live.note(kind{c.check, name}, patience{}, x)
			return true
		}
	}
	return false
}

// blame fails the check whose call was the first without an answer when the endpoint
// stopped answering.
func (r *run) blame(c *Check, res Result) Result {
	l := r.live.culprit(c.ID)
	if l == nil || res.Verdict == Fail {
		return res
	}
	out := Failed(fmt.Sprintf("an answer within %s, and the endpoint goes on to answer", r.Timeout), l.describe(), r.repeatCall(l.call))
	out.Fix = "look into the endpoint's log and at what it waits for at that moment: a lock, a connection of its pool, a dead process"
	return out
}

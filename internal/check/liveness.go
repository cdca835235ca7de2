package check

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

// Lapse is the moment at which an endpoint stopped answering.
type Lapse struct {
	At    time.Time
	Check string // the check that made the call
	Event string // what the call carried
	What  string // how it ended, for people
	call  wire.Call
	late  bool // the endpoint took the call and said nothing
}

// describe words it for a sentence.
func (l *Lapse) describe() string {
	return fmt.Sprintf("the endpoint stopped answering at %s, with %s: %s", l.At.Format(time.TimeOnly), l.Event, l.What)
}

// Bounds of the patience with an endpoint that does not answer.
const (
	// silentCalls is how many calls with one kind of event may bring no answer in
	// time, none of that kind in between: more of them say nothing new.
	silentCalls = 2
	// lateCalls and refusedCalls are how many calls in a row, with whatever events,
	// may bring no answer in time, or no connection, before the endpoint is gone.
	lateCalls    = 6
	refusedCalls = 3
)

// liveness is whether the endpoint answers at all, and which kinds of events it
// does not answer, so that a run does not wait for the same silence again and
// again. Safe for concurrent use.
type liveness struct {
	mu      sync.Mutex
	excused int               // guarded by mu: checks under way that take the endpoint down themselves
	row     int               // guarded by mu: calls in a row without an answer
	first   *Lapse            // guarded by mu: the first of them
	gone    *Lapse            // guarded by mu: set while the endpoint does not answer any more
	asked   time.Time         // guarded by mu: when it was last asked whether it is back
	kinds   map[string]int    // guarded by mu: silent calls by kind of event
	said    map[string]string // guarded by mu: what became of the first of them
}

// noEvent is the name of what carries no single event: a batch, or what cannot be
// read. That one of them is not answered says nothing of others.
const noEvent = "a batch"

// carried names what a call carries.
func carried(body []byte) string {
	var e struct {
		Name string `json:"event_name"`
	}
	if json.Unmarshal(body, &e) != nil || e.Name == "" {
		return noEvent
	}
	return e.Name
}

// spared is the answer of a call that need not be made, for it would only bring
// the same silence again; ok is false for a call that has to be made. One that
// finds out whether the endpoint is back gets less time.
func (l *liveness) spared(event string, k *wire.Call, timeout time.Duration) (a wire.Result, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.excused > 0:
		return a, false
	case l.gone != nil && time.Since(l.asked) > timeout:
		l.asked = time.Now()
		k.Timeout = timeout / 2
		return a, false
	case l.gone != nil:
		failure := wire.Connect
		if l.gone.late {
			failure = wire.Timeout
		}
		return wire.Result{Failure: failure, Detail: l.gone.describe()}, true
	case l.kinds[event] >= silentCalls:
		return wire.Result{Failure: wire.Timeout, Detail: l.said[event]}, true
	}
	return a, false
}

// note notes what came of a call. It returns the lapse when it takes the endpoint
// for gone, which lost has to confirm.
func (l *liveness) note(check, event string, x Exchange) (suspected *Lapse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	late, refused := x.Answer.Failure == wire.Timeout, x.Answer.Failure == wire.Connect
	switch {
	case x.Answer.Failure == wire.NoFailure:
		l.row, l.first, l.gone = 0, nil, nil
		delete(l.kinds, event)
		return nil
	case l.excused > 0 || !late && !refused || late && event == noEvent || l.gone != nil:
		return nil
	}
	if l.row++; l.row == 1 {
		l.first = &Lapse{At: time.Now(), Check: check, Event: event, What: x.Describe(), call: x.Call, late: late}
	}
	if late {
		if l.kinds == nil {
			l.kinds, l.said = map[string]int{}, map[string]string{}
		}
		l.kinds[event]++
		l.said[event] = x.Describe()
	}
	if late && l.row >= lateCalls || refused && l.row >= refusedCalls {
		return l.first
	}
	return nil
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
	if at == nil && l.first != nil && l.first.late && l.row >= silentCalls {
		at = l.first
	}
	if at == nil || at.Check != check {
		return nil
	}
	return at
}

// reach makes a call and notes what came of it, unless it would only bring the
// same silence again.
func (c *caller) reach(ctx context.Context, k wire.Call) Exchange {
	event := carried(k.Body)
	if a, ok := c.live.spared(event, &k, c.Timeout); ok {
		return Exchange{k, a}
	}
	x := c.Call(ctx, k)
	if suspected := c.live.note(c.check, event, x); suspected != nil {
		// One that is restarted by its supervisor comes back.
		if suspected.late || sim.WaitReady(ctx, c.URL, c.Proxy, c.Waits.Connect) != nil && ctx.Err() == nil {
			c.live.lost(suspected)
		}
	}
	return x
}

// blame makes a failure of the result of the check whose call was the first that
// the endpoint did not answer any more.
func (r *run) blame(c *Check, res Result) Result {
	l := r.live.culprit(c.ID)
	if l == nil || res.Verdict == Fail {
		return res
	}
	out := Failed(fmt.Sprintf("an answer within %s, and the endpoint goes on to answer", r.Timeout), l.describe(), r.repeatCall(l.call))
	out.Fix = "look into the endpoint's log and at what it waits for at that moment: a lock, a connection of its pool, a dead process"
	return out
}

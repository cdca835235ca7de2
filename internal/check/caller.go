package check

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

const (
	// mostPauses is how often a 429 is waited out in one call.
	mostPauses = 3
	// keepAnswer is how much of an answer's body is kept to be shown or searched.
	keepAnswer = 16 << 10
)

// caller makes the calls of one check, as Relay makes them. Safe for concurrent
// use.
type caller struct {
	*run
	sender  *sim.Sender
	check   string // the id of the check that calls
	askOnce bool   // a call without an answer is not made again
}

// Exchange is a call and what came of it.
type Exchange struct {
	Call   wire.Call
	Answer wire.Result
	hasty  bool // it had less time than the deadline
}

// Accepted says whether the event was taken: 200, or another 2xx as assumed
// (R-200, R-2XX).
func (x Exchange) Accepted() bool { return event.Accepted(x.Answer.Status) }

// Describe words the answer: "status 403", "no answer within the deadline".
func (x Exchange) Describe() string {
	if x.Answer.Failure != wire.NoFailure {
		return x.Answer.Detail
	}
	if text := http.StatusText(x.Answer.Status); text != "" {
		return fmt.Sprintf("status %d (%s)", x.Answer.Status, text)
	}
	return fmt.Sprintf("status %d", x.Answer.Status)
}

// Call makes one call exactly as it is given, unsigned unless Signed is set,
// over a connection of its own. Nothing is tried again.
func (c *caller) Call(ctx context.Context, k wire.Call) Exchange {
	conn := c.sender.Conn()
	defer conn.Close()
	return c.do(ctx, conn, k)
}

// Sign gives the configured credentials' headers, as the endpoint takes them.
func (c *caller) Sign(ctx context.Context) ([]auth.Header, error) { return c.credentials.Sign(ctx) }

// sign gives the headers of a call.
type sign func(context.Context) ([]auth.Header, error)

// as signs with those headers.
func as(headers ...auth.Header) sign {
	return func(context.Context) ([]auth.Header, error) { return headers, nil }
}

// exchange makes a call with other credentials than the configured ones, or with none.
func (c *caller) exchange(ctx context.Context, k wire.Call, sign sign) Exchange {
	return c.exchangeOf(ctx, k, sign, toBeRefused)
}

// exchangeOf makes a call whose credentials sign gives, and of which event says what
// it carries. A call that got no answer is made once more with the same bytes, and
// a 429 again after its Retry-After, within the trial's time: neither says anything
// about the receiver yet (G3, G4).
func (c *caller) exchangeOf(ctx context.Context, k wire.Call, sign sign, event string) Exchange {
	k.Details, k.KeepBody = true, max(k.KeepBody, keepAnswer)
	failed, whole, paused := false, false, 0
	for {
		signed, err := sign(ctx)
		if err != nil {
			return Exchange{Call: k, Answer: wire.Result{Failure: wire.TokenFailed, Detail: err.Error()}}
		}
		k.Signed = signed
		x := c.reach(ctx, k, event, whole)
		timedOut := x.Answer.Failure == wire.Timeout
		switch {
		case timedOut && (c.askOnce || x.hasty):
			return x
		case x.Answer.Failure != wire.NoFailure && !failed && ctx.Err() == nil:
			failed, whole = true, timedOut
		case x.Answer.Status == http.StatusTooManyRequests && paused < mostPauses && c.healing.patient() && c.pause(ctx, x.Answer.Header):
			paused++
		default:
			return x
		}
	}
}

// pause waits for as long as a 429 asks for and says whether it did.
func (c *caller) pause(ctx context.Context, h http.Header) bool {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	d := time.Second
	if err == nil {
		d = time.Duration(seconds) * time.Second
	}
	return d <= c.Waits.RetryAfter && wait(ctx, max(d, 100*time.Millisecond))
}

// Post makes a call with the configured credentials; a token that is refused is
// renewed once. Transport errors and 429 are dealt with as in exchange.
func (c *caller) Post(ctx context.Context, k wire.Call) Exchange {
	event := carried(k.Body)
	x := c.exchangeOf(ctx, k, c.Sign, event)
	status := x.Answer.Status
	switch {
	case x.Answer.Failure != wire.NoFailure:
		return x
	case status != http.StatusUnauthorized:
		c.Auth.Accepted(x.Call.Signed)
	case c.Auth.Rejected(x.Call.Signed):
		return c.exchangeOf(ctx, k, c.Sign, event)
	}
	switch {
	case x.Accepted():
		c.credentials.settle()
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		if other := c.credentials.respelled(x.Call.Signed); other != nil {
			again := c.exchangeOf(ctx, k, as(other...), event)
			c.credentials.spell(again.Accepted())
			if again.Accepted() {
				return again
			}
		}
	}
	return x
}

// Deliver posts an event, or a batch, that a receiver has to accept as Relay
// does: a 500 is tried again, up to four attempts, with Relay's delays scaled
// down, and noted for retry.recovers.
func (c *caller) Deliver(ctx context.Context, d plan.Delivery) Exchange {
	return c.deliver(ctx, wire.Call{Body: d.Body})
}

// deliver is Deliver for a call of any kind.
func (c *caller) deliver(ctx context.Context, k wire.Call) Exchange {
	x := c.valid(ctx, k, c.Post)
	if busy(x) {
		if again := c.alone(ctx, k); again.Accepted() {
			return again
		}
	}
	return x
}

// valid makes a call as Deliver does, each attempt by post.
func (c *caller) valid(ctx context.Context, k wire.Call, post func(context.Context, wire.Call) Exchange) Exchange {
	x := post(ctx, k)
	n := 1
	for delays := event.RetryDelays(); n < c.healing.attempts() && x.Answer.Status == http.StatusInternalServerError; n++ {
		if !wait(ctx, time.Duration(float64(delays[n-1])*c.Waits.RetryScale)) {
			break
		}
		x = post(ctx, k)
	}
	c.healing.note(x, n)
	return x
}

// accepted delivers an event as Relay does, up to four attempts while it is
// answered 500 or not at all, and says why it was not accepted.
func (c *caller) accepted(ctx context.Context, d plan.Delivery) string {
	var x Exchange
	for n := range event.Attempts {
		if n > 0 && !c.pauseAfter(ctx, x, time.Duration(n)*50*time.Millisecond) {
			break
		}
		if x = c.Deliver(ctx, d); x.Accepted() {
			return ""
		}
		if x.Answer.Failure == wire.NoFailure && x.Answer.Status < 500 || x.Answer.Failure == wire.Timeout && !c.live.isExcused() {
			break // it was asked twice
		}
	}
	name := "a batch"
	if len(d.Events) == 1 {
		name = d.Events[0].Name
	}
	return fmt.Sprintf("%s was not accepted: %s", name, x.Describe())
}

// pauseAfter waits before an event comes again. Where the receiver is being restarted, it
// comes when the endpoint opens: what is answered then may be before its state is there.
func (c *caller) pauseAfter(ctx context.Context, x Exchange, d time.Duration) bool {
	if x.Answer.Failure != wire.Connect || !c.live.isExcused() {
		return wait(ctx, d)
	}
	for end := time.Now().Add(c.Waits.Return); time.Now().Before(end); {
		if conn, err := c.dial(ctx); err == nil {
			conn.Close()
			break
		}
		if !wait(ctx, knock) {
			break
		}
	}
	return ctx.Err() == nil
}

// knock lies between two looks whether an endpoint has opened.
const knock = 5 * time.Millisecond

// busy says whether an answer is that of an endpoint which has too much to do.
func busy(x Exchange) bool {
	return x.Answer.Status == http.StatusServiceUnavailable || x.Answer.Status == http.StatusTooManyRequests
}

// alone makes a call while no other one of the run is under way. Where it is accepted
// then, the run goes on so: that the endpoint refuses what comes beside other calls is
// for concurrent.accepted to say, and the other checks have a verdict.
func (c *caller) alone(ctx context.Context, k wire.Call) Exchange {
	signed, err := c.Sign(ctx)
	if err != nil {
		return Exchange{Call: k, Answer: wire.Result{Failure: wire.TokenFailed, Detail: err.Error()}}
	}
	k.Signed, k.Details, k.KeepBody = signed, true, max(k.KeepBody, keepAnswer)
	x := c.within(ctx, k, patience{within: c.Timeout}, true, func(bool) {})
	if x.Accepted() {
		c.live.notedAlone(true)
	}
	return x
}

// healing is what came of the answers 500 to valid events in a run. Safe for
// concurrent use.
type healing struct {
	mu       sync.Mutex
	accepted bool       // a valid event was accepted
	limited  bool       // a call was answered 429 to the end
	healed   int        // events that were answered 500 and accepted later
	stuck    []Exchange // those that never were within four attempts, the first few
	unhealed int        // how many there are of them
	row      int        // of these since an event was accepted the last time
}

// manyUnhealed is after how many events in a row that were answered 500 four times each the
// cause is taken to be the receiver and not the events.
const manyUnhealed = 8

// maxStuck bounds how many of them are kept.
const maxStuck = 5

// note counts a valid event that ended so after so many attempts.
func (h *healing) note(x Exchange, attempts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case x.Accepted():
		h.accepted, h.row = true, 0
		if attempts > 1 {
			h.healed++
		}
	case x.Answer.Failure != wire.NoFailure:
	case x.Answer.Status == http.StatusTooManyRequests:
		h.limited = true
	case attempts > 1 && x.Answer.Status != http.StatusInternalServerError || attempts == event.Attempts:
		h.unhealed++
		h.row++
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

// everAccepted says whether a valid event was accepted in the run.
func (h *healing) everAccepted() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accepted
}

// attempts is how many an event gets. More would only take time where nothing was ever
// accepted and four attempts did not change it; where events were accepted and none is
// any more, a second one notices when the receiver works again.
func (h *healing) attempts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.accepted && h.unhealed > 0:
		return 1
	case h.row >= manyUnhealed:
		return 2
	}
	return event.Attempts
}

// wait waits for d and says whether ctx was not done by then.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

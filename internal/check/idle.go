package check

import (
	"context"
	"slices"
	"sync"
	"time"

	"relayctl/internal/check/state"
)

// idleness is whether the receiver has stopped doing what it is told: a worker that has
// ended leaves an endpoint that goes on to answer 200. All states are alike then, and a
// comparison of them says nothing. Safe for concurrent use.
type idleness struct {
	asking turn // held while it is found out

	mu    sync.Mutex
	check string // guarded by mu: the check that found it, "" while it is not known
	why   string // guarded by mu
}

// known says since when the receiver does nothing, and which check found it; "" and ""
// while that is not known.
func (i *idleness) known() (check, why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.check, i.why
}

func (i *idleness) found(check, why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.check, i.why = check, why
}

// stopped finds out whether the receiver does nothing any more of what it is told,
// though it did at the beginning of the run, and says so. "" is that it works, or that
// nothing can be said.
func (t *Trial) stopped(ctx context.Context) string {
	give, ok := t.idle.asking.take(ctx)
	if !ok {
		return ""
	}
	defer give()
	if _, why := t.idle.known(); why != "" {
		return why
	}
	// It was seen to work when it was found out how it shows nothing.
	if t.Probe == nil || t.states.untold.Load() == nil || t.live.isExcused() {
		return ""
	}
	s := t.subject(life())
	if t.tell(ctx, s, s.inOrder()) != "" {
		return ""
	}
	told := time.Now()
	for {
		n, err := t.states.look(ctx, s)
		switch {
		case err == nil && !t.states.showsNothing(t.states.plain(n)):
			return ""
		case time.Since(told) < t.Waits.Settle+2*t.states.measured():
		case err != nil:
			return ""
		default:
			why := "the receiver has stopped working: what it accepted at " + told.Format(time.TimeOnly) + " and later has no effect"
			t.idle.found(t.Check.ID, why)
			return why
		}
		if !wait(ctx, longestPause) {
			return ""
		}
	}
}

// blameIdle looks, after a check that came to nothing, whether the receiver has stopped
// working. The check that finds it fails, for it is one of those that were under way.
func (r *run) blameIdle(ctx context.Context, c *Check, res Result) Result {
	if r.Probe == nil || !slices.Contains([]Verdict{Inconclusive, Blocked}, res.Verdict) {
		return res
	}
	t, err := r.newTrial(c)
	if err != nil {
		return res
	}
	why := t.stopped(ctx)
	by, _ := r.idle.known()
	switch {
	case why == "":
		return res
	case by != c.ID:
		return BlockedBy(why)
	}
	out := Failed("an event that is accepted has its effect, whatever came before it", why, itself())
	out.Level, out.Subs = Must, res.Subs
	out.Fix = "look into the log for what ended the worker that takes events from the queue, just before that time; catch it in its loop, log the event, and go on with the next one"
	return out
}

// isNothing says that what usual events ended in is the state of a customer without
// events because the receiver has stopped working, "" where it is not.
func (t *Trial) isNothing(ctx context.Context, usual *state.State) (why string) {
	if !t.states.showsNothing(usual) {
		return ""
	}
	return t.stopped(ctx)
}

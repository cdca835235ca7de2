package check

import (
	"context"
	"slices"
	"time"
)

// ReadSide is how the probe shows the receiver's state, as it was measured before
// the checks that look at it.
type ReadSide struct {
	Blocked string        // why nothing can be said of states, "" where something can
	Lag     time.Duration // the longest time from an event's answer until it showed
	Moving  []string      // JSON pointers to what changes by itself and is left out
}

// measureReadSide measures how the probe shows the state, where one of the checks
// is about that.
func (r *run) measureReadSide(ctx context.Context, checks []Check) *ReadSide {
	if r.Probe == nil || !slices.ContainsFunc(checks, func(c Check) bool { return slices.Contains(c.Needs, NeedProbe) }) {
		return nil
	}
	t, err := r.newTrial(&Check{ID: "read side"})
	if err != nil {
		return &ReadSide{Blocked: err.Error()}
	}
	if !r.until.IsZero() {
		within, cancel := context.WithDeadline(ctx, r.until)
		defer cancel()
		ctx = within
	}
	f := t.checkProbe(ctx)
	return &ReadSide{Blocked: f.blocked, Lag: r.states.measured(), Moving: r.states.moving()}
}

// lagsOfCheck is how many waits of the receiver's lag a check gets time for.
const lagsOfCheck = 12

// allowance is how much longer a check may take because of the receiver's lag.
func (r *readSide) allowance() time.Duration { return lagsOfCheck * r.measured() }

// crowd is how many times as many checks as usual run at once: those that only
// wait do not disturb each other.
func (r *readSide) crowd() int {
	if r.measured() >= r.waits.Later {
		return 3
	}
	return 1
}

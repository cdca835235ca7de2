package check

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// early is a customer of a run's beginning, whose events come again at its end.
// Safe for concurrent use.
type early struct {
	mu      sync.Mutex
	subject *subject  // guarded by mu
	told    time.Time // guarded by mu: when its last event was accepted
	between int       // guarded by mu: other events that were accepted since
}

// set remembers a subject whose events were just accepted, in the place of what
// was remembered before.
func (e *early) set(s *subject) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subject, e.told, e.between = s, time.Now(), 0
}

// add counts other events.
func (e *early) add(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.between += n
}

func (e *early) get() (s *subject, told time.Time, between int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.subject, e.told, e.between
}

// rememberAnew puts a fresh customer in the place of the run's early one.
func (t *Trial) rememberAnew(ctx context.Context) {
	s := t.subject(life())
	if t.tell(ctx, s, s.inOrder()) == "" {
		t.early.set(s)
	}
}

const (
	// enoughBetween is how many events of others come at least between an event and
	// its copy.
	enoughBetween = 600
	// longestFlood bounds how long they take: a slow receiver is sent fewer.
	longestFlood = 8 * time.Second
	// longestMemory bounds the check that waits for Relay's last attempt.
	longestMemory = 5 * time.Minute
)

// remembers sends the events of the run's early customer again, once so much
// time has passed since they came; at load, others come all the while.
func remembers(ctx context.Context, t *Trial, least time.Duration, load bool) Result {
	s, told, between := t.early.get()
	left := max(0, least-time.Since(told))
	switch {
	case load && left > 0:
		rate, _ := t.pace()
		n := max(1, int(rate.Calls*left.Seconds()/rate.Per.Seconds()))
		t.early.add(t.flood(ctx, n, left, left+longestFlood))
	case between < enoughBetween:
		t.early.add(t.flood(ctx, enoughBetween-between, 0, longestFlood))
	}
	if at := t.live.lapse(); at != nil {
		return BlockedBy(at.describe())
	}
	if !wait(ctx, least-time.Since(told)) {
		return Unclear("the time was over")
	}
	_, _, between = t.early.get()
	reach := fmt.Sprintf("%d events and %d s", between, int(time.Since(told).Seconds()))
	if why := t.tell(ctx, s, s.inOrder()); why != "" {
		return BlockedBy(why)
	}
	f := t.ends(ctx, s, true)
	if f.wrong != "" {
		if why := t.countsAtOnce(ctx); why != "" {
			return BlockedBy(why)
		}
	}
	r := f.verdict("with every event sent again after those of others, "+reach+" later", itself)
	if r.Verdict == Pass {
		r.Reason = "proven for " + reach
	}
	return r
}

// countsAtOnce says whether duplicates count also when they come at once: then
// it is not a matter of memory.
func (t *Trial) countsAtOnce(ctx context.Context) (why string) {
	s := t.subject(errand())
	for i := range s.events {
		if why := t.tell(ctx, s, []int{i, i}); why != "" {
			return why
		}
	}
	switch f := t.ends(ctx, s, true); {
	case f.unclear != "":
		return f.unclear
	case f.wrong != "":
		return "duplicates count also when they come at once: see duplicate.sequential"
	}
	return ""
}

package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// upsetStreams is how many customers' histories are under way at once.
	upsetStreams = 12
	// upsetHistories bounds how many customers there are.
	upsetHistories = 3000
	// upsetWarmUp is how many histories are done before the disturbance begins.
	upsetWarmUp = upsetStreams
	// upsetSample is how many customers' states are looked at: those that were done
	// last before the disturbance, and those that it struck.
	upsetSample = 120
)

// upset is a run of histories, several at once, while the receiver is disturbed.
type upset struct {
	t    *Trial
	mu   sync.Mutex
	done []*subject // guarded by mu, in the order in which they ended
	why  string     // guarded by mu: why an event never was accepted
	over atomic.Bool
}

// upset sends histories until disturb returns, and then ends those that have begun. An
// event that was not accepted comes again, as Relay brings it. disturb is given the
// customers whose histories were done when it began; failure is what it returns, "" for
// none. It is not called where the receiver accepts nothing.
func (t *Trial) upset(ctx context.Context, disturb func(ctx context.Context, done []*subject) string) (u *upset, failure string) {
	u = &upset{t: t}
	var streams sync.WaitGroup
	warm := make(chan struct{})
	var begun atomic.Int64
	for range upsetStreams {
		streams.Go(func() { u.stream(ctx, &begun, warm) })
	}
	gaveUp := make(chan struct{})
	go func() {
		streams.Wait()
		close(gaveUp)
	}()
	select {
	case <-warm:
		failure = disturb(ctx, u.ended())
	case <-gaveUp: // u.why says why
	case <-ctx.Done():
	}
	u.over.Store(true)
	<-gaveUp
	return u, failure
}

// stream tells one customer's history after the other until the disturbance is
// over, and ends what it has begun.
func (u *upset) stream(ctx context.Context, begun *atomic.Int64, warm chan struct{}) {
	for !u.over.Load() && ctx.Err() == nil {
		switch n := begun.Add(1); {
		case n == upsetWarmUp+upsetStreams:
			close(warm)
		case n > upsetHistories:
			return
		}
		s := u.t.subject(life())
		why := u.t.heal(ctx, s, s.inOrder())
		u.mu.Lock()
		u.done = append(u.done, s)
		u.why = cmp.Or(u.why, why)
		u.mu.Unlock()
		if why != "" {
			return
		}
	}
}

// ended are the customers whose histories are done.
func (u *upset) ended() []*subject {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.done)
}

// struck are the customers that the disturbance may have struck.
func (u *upset) struck() []*subject { return u.done[max(0, len(u.done)-upsetSample):] }

// allThere compares the states of those customers with that of one whose events
// came undisturbed.
func (t *Trial) allThere(ctx context.Context, struck []*subject, when string) Result {
	lost, unclear := t.lost(ctx, struck)
	switch {
	case unclear != "":
		return Unclear(unclear)
	case len(lost) > 0:
		return Failed(sameState, fmt.Sprintf("%s, for %d of %d customers: %s", when, len(lost), len(struck), lost[0].wrong), itself())
	}
	return Passed()
}

// allThereLater is allThere once a receiver that does the work of copies a while after
// its answer has done it: until then every state is still right.
func (t *Trial) allThereLater(ctx context.Context, told []*subject, when string) Result {
	if !wait(ctx, t.states.later()) {
		return Unclear("the time was over")
	}
	return t.allThere(ctx, told, when)
}

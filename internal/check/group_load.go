package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// loadChecks is the group "load".
func loadChecks() []Check {
	return append([]Check{loadBurst(), loadDeadline()}, loadEffects()...)
}

// longestBurst bounds a load check: the burst itself lasts as long as is configured.
const longestBurst = 2 * time.Hour

func loadBurst() Check {
	return Check{
		ID: "load.burst", Level: Must, Clause: "R-SCALE", Tags: []string{"slow"}, Alone: true, Limit: longestBurst,
		Title: "a burst of events is accepted at the rate at which it comes",
		Why:   "a file of a million records causes several thousand calls a minute; what is too slow for them loses events after four attempts",
		How:   "delivers the events of many customers at the configured rate (5000 a minute) for the configured time (30 s), each when it is due and not when there is time for it; every one must be accepted within four attempts, with Relay's delays scaled down, and none may time out. A 429 counts like any other refusal here, for Relay is not known to try it again",
		Fix:   "answer as soon as the event is stored, do the work behind a queue, and let no lock be held while it is done; raise the limits on rate and on connections",
		Run: func(ctx context.Context, t *Trial) Result {
			// A limit on the rate is what the burst is to show.
			if x := t.plain(ctx); !x.Accepted() && x.Answer.Status != http.StatusTooManyRequests {
				return BlockedBy("a plain valid event was not accepted: " + x.Describe())
			}
			return judgeBurst(t, runBurst(ctx, t))
		},
	}
}

func judgeBurst(t *Trial, b *burstResult) Result {
	rate, n := t.pace()
	expected := fmt.Sprintf("%d events at %s, all accepted within four attempts, none timed out", n, rate)
	var actual string
	switch {
	case b.Err != nil:
		return Unclear(b.Err.Error())
	case b.Gone != nil:
		actual = b.Gone.describe()
	case b.Timeouts > 0:
		actual = fmt.Sprintf("%d calls had no answer within %s", b.Timeouts, t.Timeout)
	case b.Cut:
		actual = fmt.Sprintf("it falls behind: after %d events the next one had to wait for %s, with %d calls under way", len(b.Accepted), b.Behind.Round(time.Millisecond), b.Workers)
	case b.LostCount > 0:
		actual = fmt.Sprintf("%d of %d events were not accepted, the first %s", b.LostCount, b.Planned, b.Lost)
		if b.limited() > 0 {
			actual += fmt.Sprintf("; %d answers were 429", b.limited())
		}
	default:
		return Passed()
	}
	if b.Lagging && b.limited() == 0 && b.Gone == nil {
		return Unclear("this machine could not keep up itself, so that nothing can be said: " + actual)
	}
	r := Failed(expected, actual, repeatBurst(t, b.Workers))
	switch {
	case b.Gone != nil || 2*b.NotConnected > b.LostCount:
		r.Fix = "find out why the endpoint went away: its log, its memory, its supervisor"
	case 2*b.limited() > b.LostCount && b.LostCount > 0:
		r.Fix = "raise the limit on the rate: Relay is not known to send again what is answered 429"
	}
	return r
}

// repeatBurst is the repeat of a load of that kind.
func repeatBurst(t *Trial, workers int) *Repeat {
	rate, n := t.pace()
	return &Repeat{Load: &Load{Events: n, Rate: rate, Workers: workers, TimeScale: burstScale}}
}

func loadDeadline() Check {
	return Check{
		ID: "load.deadline", Level: Must, Clause: "R-TIMEOUT", Tags: []string{"slow"}, Alone: true, Limit: longestBurst, Despite: []Obstacle{NoAnswer},
		Title: "answers come within the deadline, and most in half of it",
		Why:   "an answer that comes too late counts as none: the event comes again, which makes an endpoint that is slow slower still",
		How:   "looks at how long the answers took in the burst of load.burst: none may be later than the deadline of a call (assumed to be 10 s), and 95 of 100 should need less than half of it",
		Fix:   "answer as soon as the event is stored, and do the work afterwards",
		Run: func(ctx context.Context, t *Trial) Result {
			x := t.plain(ctx)
			switch {
			case x.Answer.Failure == wire.Timeout:
				return Failed(fmt.Sprintf("an answer within %s", t.Timeout), "none", t.repeatCall(x.Call))
			case !x.Accepted():
				return BlockedBy("a plain valid event was not accepted: " + x.Describe())
			}
			return judgeDeadline(t, runBurst(ctx, t))
		},
	}
}

func judgeDeadline(t *Trial, b *burstResult) Result {
	expected := fmt.Sprintf("answers within %s, and 95 of 100 within %s", t.Timeout, t.Timeout/2)
	timedOut := b.Timeouts > 0
	actual := fmt.Sprintf("%d calls had no answer within %s", b.Timeouts, t.Timeout)
	if !timedOut {
		actual = fmt.Sprintf("95 of 100 answers took up to %s, the slowest %s", b.P95.Round(time.Millisecond), b.Max.Round(time.Millisecond))
	}
	switch {
	case b.Err != nil:
		return Unclear(b.Err.Error())
	case b.Gone != nil:
		return BlockedBy(b.Gone.describe())
	case !timedOut && b.P95 < t.Timeout/2:
		return Passed()
	case b.Lagging:
		return Unclear("this machine could not keep up itself, so that nothing can be said: " + actual)
	case timedOut:
		return Failed(expected, actual, repeatBurst(t, b.Workers))
	}
	return Warned(expected, actual, repeatBurst(t, b.Workers))
}

// loadEffects are the checks of what load does to the state.
func loadEffects() []Check {
	return []Check{{
		ID: "load.no-loss", Level: Must, Clause: "R-SCALE",
		Title: "every acknowledged event of the burst is in the state",
		Why:   "queues that overflow and writes that fail under load lose events whose sender was told that all is well",
		How:   "compares the states of the burst's customers, as far as all of their events were answered 200, with that of a customer whose events came at leisure",
		Fix:   "answer 200 only for what is stored; answer 500 to what you have no room for, and Relay brings it again",
		Needs: []Need{NeedProbe}, Tags: []string{"slow"}, Alone: true, Limit: longestBurst, Run: probed(noLoss),
	}}
}

func noLoss(ctx context.Context, t *Trial) Result {
	b := runBurst(ctx, t)
	if b.Err != nil {
		return Unclear(b.Err.Error())
	}
	acknowledged := map[string]bool{}
	for _, e := range b.Accepted {
		acknowledged[e.ID] = true
	}
	var whole []*subject
	for _, c := range b.Kept {
		if !slices.ContainsFunc(c.events, func(d plan.Delivery) bool { return !acknowledged[d.Events[0].ID] }) {
			whole = append(whole, c)
		}
	}
	lost, unclear := t.lost(ctx, whole)
	switch {
	case unclear != "":
		return Unclear(unclear)
	case len(lost) > 0:
		return Failed(sameState, fmt.Sprintf("for %d of %d customers: %s", len(lost), len(whole), lost[0].wrong), repeatBurst(t, b.Workers))
	}
	return Passed()
}

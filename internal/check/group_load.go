package check

import (
	"context"
	"fmt"
	"time"

	"relayctl/internal/sim"
)

// loadChecks is the group "load".
func loadChecks() []Check {
	return append([]Check{loadBurst(), loadDeadline()}, loadEffects()...)
}

// longestBurst bounds a load check: the burst itself lasts for --duration.
const longestBurst = 2 * time.Hour

func loadBurst() Check {
	return Check{
		ID: "load.burst", Level: Must, Clause: "R-SCALE", Tags: []string{"slow"}, Alone: true, Limit: longestBurst,
		Title: "a burst of events is accepted at the rate at which it comes",
		Why:   "a file of a million records causes several thousand calls a minute; what is too slow for them loses events after four attempts",
		How:   "delivers the events of many customers at --capacity (5000 a minute) for --duration (30 s), each when it is due and not when there is time for it; every one must be accepted within four attempts, with Relay's delays scaled down, and none may time out. A 429 counts like any other refusal here, for Relay is not known to try it again",
		Fix:   "answer as soon as the event is stored, do the work behind a queue, and let no lock be held while it is done; raise the limits on rate and on connections",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result { return t.judgeBurst(t.runBurst(ctx)) })
		},
	}
}

func (t *Trial) judgeBurst(b *burstResult) Result {
	rate, n := t.pace()
	expected := fmt.Sprintf("%d events at %s, all accepted within four attempts, none timed out", n, rate)
	var actual string
	switch {
	case b.Err != nil:
		return Unclear(b.Err.Error())
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
	if b.Lagging {
		return Unclear("this machine could not keep up itself, so that nothing can be said: " + actual)
	}
	return Failed(expected, actual, t.burstCommand(b.Workers))
}

// burstCommand sends a load of the same kind.
func (t *Trial) burstCommand(workers int) string {
	rate, n := t.pace()
	// A record is about eight events.
	return t.SendCommand(fmt.Sprint("--records=", max(1, n/8)), fmt.Sprintf("--rate %s --workers %d --time-scale %g", rate, workers, burstScale))
}

func loadDeadline() Check {
	return Check{
		ID: "load.deadline", Level: Must, Clause: "R-TIMEOUT", Tags: []string{"slow"}, Alone: true, Limit: longestBurst, Despite: []Trouble{Silent},
		Title: "answers come within the deadline, and most in half of it",
		Why:   "an answer that comes too late counts as none: the event comes again, which makes an endpoint that is slow slower still",
		How:   "looks at how long the answers took in the burst of load.burst: none may be later than the deadline of a call (--timeout, assumed to be 10 s), and 95 of 100 should need less than half of it",
		Fix:   "answer as soon as the event is stored, and do the work afterwards",
		Run: func(ctx context.Context, t *Trial) Result {
			x := t.plain(ctx)
			switch {
			case x.Answer.Failure == sim.Timeout:
				return Failed(fmt.Sprintf("an answer within %s", t.Timeout), "none", t.Curl(x.Call))
			case !x.Accepted():
				return BlockedBy("a plain valid event was not accepted: " + x.Describe())
			}
			return t.judgeDeadline(t.runBurst(ctx))
		},
	}
}

func (t *Trial) judgeDeadline(b *burstResult) Result {
	expected := fmt.Sprintf("answers within %s, and 95 of 100 within %s", t.Timeout, t.Timeout/2)
	late := b.Timeouts > 0
	actual := fmt.Sprintf("%d calls had no answer within %s", b.Timeouts, t.Timeout)
	if !late {
		actual = fmt.Sprintf("95 of 100 answers took up to %s, the slowest %s", b.P95.Round(time.Millisecond), b.Max.Round(time.Millisecond))
	}
	switch {
	case b.Err != nil:
		return Unclear(b.Err.Error())
	case !late && b.P95 < t.Timeout/2:
		return Passed()
	case b.Lagging:
		return Unclear("this machine could not keep up itself, so that nothing can be said: " + actual)
	case late:
		return Failed(expected, actual, t.burstCommand(b.Workers))
	}
	return Warned(expected, actual, t.burstCommand(b.Workers))
}

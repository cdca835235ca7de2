package check

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/wire"
)

// retryChecks is the group "retry".
func retryChecks() []Check {
	return append([]Check{retryRecovers()}, retryEffects()...)
}

func retryRecovers() Check {
	return Check{
		ID: "retry.recovers", Level: Must, Clause: "R-FOUR", Despite: []Obstacle{NotAccepted}, Alone: true,
		Title: "a 500 becomes 200 within four attempts",
		Why:   "after the fourth attempt Relay gives the event up; and until then the same worker sends nothing else",
		How:   "delivers a customer's life once more, and looks at every valid event of the whole run that was answered 500 and sent again, byte for byte, up to four times, with Relay's delays scaled to a hundredth",
		Fix:   "keep 500 for what passes (a database that is away); what fails in the same way each time is logged, saved and answered 200",
		Run: func(ctx context.Context, t *Trial) Result {
			for _, life := range lives() {
				p := t.Customer()
				for _, st := range life {
					t.Deliver(ctx, write(p, st))
				}
			}
			h := &t.healing
			h.mu.Lock()
			defer h.mu.Unlock()
			switch {
			case h.unhealed > 0:
				return Failed("200 on the second, third or fourth attempt", fmt.Sprintf("%d of %d events that were answered 500 were not accepted within four attempts; the last answer to the first of them: %s", h.unhealed, h.unhealed+h.healed, h.stuck[0].Describe()), t.repeatCall(h.stuck[0].Call))
			case h.healed > 0:
				return Passed()
			}
			return Skipped("no valid event was answered 500")
		},
	}
}

// retryEffects are the checks of what retries do to the state.
func retryEffects() []Check {
	return []Check{{
		ID: "retry.effect", Level: Must, Clause: "R-RETRY-SAME",
		Title: "an event that failed at first is in the state after its retry",
		Why:   "an event_id that is kept although the event failed makes its retry a duplicate, and the event is lost while Relay is told that all is well",
		How:   "makes the receiver fail with your command and sends a history. Then lets the receiver work again, sends again what was not accepted, and compares the state with that of a customer whose events came without a fault. Then makes the receiver fail for short moments, several times, while several histories are sent at once. A receiver may accept every event during the fault: where it can be restarted by a command, these events must survive a restart",
		Fix:   "keep the event_id in the transaction of the effect, so that neither is there without the other",
		Needs: []Need{NeedProbe, NeedFault}, Alone: true, Limit: 2 * time.Minute, Run: probed(retryEffect),
	}}
}

func retryEffect(ctx context.Context, t *Trial) (r Result) {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	defer t.live.excuse()()
	s := t.subject(life())
	// Where the database is gone, what the probe shows may be as well.
	before, err := t.states.look(ctx, s)
	if err != nil {
		return Unclear(err.Error())
	}
	if why := t.userCommand(ctx, "the command that makes the receiver fail", t.FaultOn); why != "" {
		return Unclear(why)
	}
	off := sync.OnceValue(func() string {
		// The fault must not outlive the check, however that ends.
		return t.userCommand(context.WithoutCancel(ctx), "the command that lets the receiver work again", t.FaultOff)
	})
	defer off()
	signed, err := t.Sign(ctx)
	if err != nil {
		return Unclear(err.Error())
	}
	var failed []int
	refused := ""
	for i, d := range s.events {
		x := t.Call(ctx, wire.Call{Body: d.Body, Signed: signed, Timeout: min(t.Waits.Fault, t.Timeout)})
		switch {
		case x.Accepted():
		case x.Answer.Failure != wire.NoFailure, x.Answer.Status == 500:
			failed = append(failed, i)
		default:
			failed = append(failed, i)
			refused = x.Describe()
		}
	}
	if len(failed) == 0 {
		return allTaken(ctx, t, s, before, off)
	}
	if why := off(); why != "" {
		return Unclear(why)
	}
	switch {
	case refused != "":
		return Failed("500, or no answer, while the receiver cannot work: Relay tries again after nothing else (R-RETRY-ONLY)", refused, itself())
	}
	if why := t.heal(ctx, s, failed); why != "" {
		return Failed("an event that failed is accepted when it comes again", why, itself())
	}
	r = t.ends(ctx, s, true).verdict(fmt.Sprintf("with %d of %d events failing at first", len(failed), len(s.events)), itself)
	if r.Verdict != Pass {
		return r
	}
	return flickers(ctx, t)
}

// flickering is how often the fault comes and goes under load.
const flickering = 3

// flickers lets the receiver fail for moments while histories are sent: a fault
// then hits events between their steps, after the mark and before the work.
func flickers(ctx context.Context, t *Trial) Result {
	u, failure := t.upset(ctx, func(ctx context.Context, _ []*subject) string {
		for range flickering {
			on := t.userCommand(ctx, "the command that makes the receiver fail", t.FaultOn)
			wait(ctx, t.Waits.Flicker)
			off := t.userCommand(context.WithoutCancel(ctx), "the command that lets the receiver work again", t.FaultOff)
			if why := cmp.Or(on, off); why != "" {
				return why
			}
			wait(ctx, t.Waits.Flicker)
		}
		return ""
	})
	switch {
	case failure != "":
		return Unclear(failure)
	case u.why != "":
		return Failed("an event that failed is accepted when it comes again", u.why, itself())
	}
	return t.allThereLater(ctx, u.struck(), fmt.Sprintf("with a fault of %s, %d times, under load", t.Waits.Flicker, flickering))
}

// allTaken judges a receiver that accepted every event though it could not work:
// each of them has to show once it works again. Where they showed all the while,
// the command did nothing.
func allTaken(ctx context.Context, t *Trial, s *subject, before *state.State, off func() string) Result {
	during := t.states.changes(ctx, s, t.states.plain(before))
	if why := off(); why != "" {
		return Unclear(why)
	}
	f := t.ends(ctx, s, true)
	worked := during.err == nil && !state.Same(t.states.plain(during.state), t.states.plain(before))
	if f == (finding{}) && worked {
		if r := forgotWhatFailed(ctx, t, s); r.Verdict == Fail {
			return r
		}
		return Unclear("the command that makes the receiver fail has no effect: every event was accepted, and showed while it was to fail")
	}
	return withStoreFirst(f.verdict(takenInFault, itself))
}

// takenInFault says how events came that were accepted though they could not be stored.
const takenInFault = "with every event answered 200 while the receiver could not work"

func withStoreFirst(r Result) Result {
	if r.Verdict == Fail {
		r.Fix = "answer 500 to what cannot be stored now, and Relay brings it again; 200 tells Relay to forget it"
	}
	return r
}

// forgotWhatFailed restarts a receiver that showed all it was told while it could not
// store it, where there is a command for that: what was in memory alone is gone then.
// What a restart takes without a fault as well is for durable.restart.
func forgotWhatFailed(ctx context.Context, t *Trial, s *subject) Result {
	if t.RestartCmd == "" {
		return Passed()
	}
	control := t.subject(s.story)
	if t.tell(ctx, control, control.inOrder()) != "" || t.ends(ctx, control, false) != (finding{}) || t.restart(ctx) != "" {
		return Passed()
	}
	f := t.ends(ctx, s, false)
	if f.wrong == "" || t.ends(ctx, control, false) != (finding{}) {
		return Passed()
	}
	return withStoreFirst(f.verdict(takenInFault+", after a restart", itself))
}

package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// authEffects are the checks of what refused events do to the state.
func authEffects() []Check {
	return []Check{{
		ID: "auth.no-effect", Level: Must, Clause: "R-401",
		Title: "a refused event leaves no trace",
		Why:   "a receiver that stores first and looks at the credentials afterwards lets anyone write into its customers' data",
		How:   "sends a history without credentials and with wrong ones, and compares the state with that of a customer who was never heard of",
		Fix:   "check the credentials before anything else is done with the request",
		Needs: []Need{NeedProbe, NeedAuth}, Run: probed(refusedHasNoEffect),
	}}
}

// eventEffects are the checks of what accepted events do to the state.
func eventEffects() []Check {
	return []Check{{
		ID: "event.effect", Level: Must, Clause: "R-200",
		Title: "an accepted event shows in the state",
		Why:   "200 tells Relay to forget the event: what was not stored by then is lost",
		How:   "sends a customer's history and looks whether what the probe shows has changed",
		Fix:   "store the event before you answer 200; if it is stored, let the probe show it: its URL or command may look at another place",
		Needs: []Need{NeedProbe}, Run: hasEffect,
	}}
}

// tolerantEffects are the checks of what unknown events do to the state.
func tolerantEffects() []Check {
	return []Check{{
		ID: "tolerant.unknown-no-effect", Level: Should, Clause: "R-TOLERANT",
		Title: "an unknown event leaves the state as it was",
		Why:   "Relay may add events at any time; one that is taken for another changes what it never meant to",
		How:   "sends events with names that resemble known ones to a customer with a history, and compares the state with that of a customer who got none of them",
		Fix:   "let events whose name you do not know pass: answer 200 and apply nothing, and match whole names and not their beginnings; a mere log of receipts is left out with --probe-ignore",
		Needs: []Need{NeedProbe}, Run: probed(unknownHasNoEffect),
	}}
}

func hasEffect(ctx context.Context, t *Trial) Result {
	f := t.footing(ctx)
	switch {
	case f.unseen:
		return Failed("the probe shows something else after a customer's events than before them", f.blocked, "")
	case f.blocked != "":
		return BlockedBy(f.blocked)
	}
	r := Passed()
	if left := t.Probe.Ignored(); len(left) > 0 {
		r.Actual = "left out of comparisons, for it changes by itself: " + strings.Join(left, ", ")
	}
	return r
}

// refusedHasNoEffect makes one call without credentials and one with wrong
// ones: more could lock the account. What is accepted all the same is the
// business of auth.missing and auth.wrong.
func refusedHasNoEffect(ctx context.Context, t *Trial) Result {
	s, why := t.visibleAlone(ctx)
	if why != "" {
		return BlockedBy(why)
	}
	wrong, err := t.wrongCredentials(ctx)
	if err != nil {
		return Unclear(err.Error())
	}
	type refusal struct {
		what    string
		call    sim.Call
		subject *subject
	}
	var refused []refusal
	for _, r := range []refusal{{what: "no credentials"}, {what: "wrong credentials", call: sim.Call{Signed: wrong}}} {
		r.subject = t.subject(s)
		r.call.Body = r.subject.events[0].Body
		if x := t.Call(ctx, r.call); x.Answer.Failure == sim.NoFailure && !x.Accepted() {
			refused = append(refused, r)
		}
	}
	if len(refused) == 0 {
		return BlockedBy("events without credentials and with wrong ones are not refused")
	}
	// A customer whose events are accepted comes after them: once these show,
	// the others would.
	if _, why := t.visibleAlone(ctx); why != "" {
		return Unclear(why)
	}
	for _, r := range refused {
		never, err := t.look(ctx, t.subject(s))
		if err != nil {
			return Unclear(err.Error())
		}
		want := t.plainState(never)
		seen := t.becomes(ctx, r.subject, func(n *node) bool { return t.plainState(n).canon() == want.canon() })
		if why := seen.unclear(); why != "" {
			return Unclear(why)
		}
		if have := t.plainState(seen.state); have.canon() != want.canon() {
			return Failed("a customer whose only event was refused is unknown", "after an event with "+r.what+": "+differences(want, have), t.Curl(r.call))
		}
	}
	return Passed()
}

// visibleAlone finds an event that shows when it is a customer's only one.
func (t *Trial) visibleAlone(ctx context.Context) (story, string) {
	for _, st := range []sim.Step{consent(0, 1, "stop"), step(0, "message.delivered", 1, 1), step(0, "notification.delivered", 1, 1), step(0, "message.action_taken", 1, 1), step(0, "notification_channel.add", 1, 1)} {
		s := story{"alone", []sim.Step{st}}
		c := t.subject(s)
		before, err := t.look(ctx, c)
		if err != nil {
			return s, err.Error()
		}
		if why := t.tell(ctx, c, c.inOrder()); why != "" {
			return s, why
		}
		seen := t.changes(ctx, c, t.plainState(before).canon())
		if why := seen.unclear(); why != "" {
			return s, why
		}
		if t.plainState(seen.state).canon() != t.plainState(before).canon() {
			return s, ""
		}
	}
	return story{}, "the probe shows no event that is a customer's only one"
}

// wrongCredentials are the configured ones with another secret.
func (t *Trial) wrongCredentials(ctx context.Context) ([]auth.Header, error) {
	cfg := t.AuthCfg
	wrong := auth.NewSecret("wrong-" + t.RunID)
	if cfg.Kind == auth.KindOAuth {
		return []auth.Header{{Name: "Authorization", Value: "Bearer " + wrong.Reveal()}}, nil
	}
	cfg.Password, cfg.APIKey = wrong, wrong
	scheme, err := auth.New(cfg)
	if err != nil {
		return nil, err
	}
	return scheme.Sign(ctx)
}

// unknownNames look like known ones to a receiver that matches beginnings.
func unknownNames() []string {
	return []string{"notification.auth_link_clicked_v2", "message.action_taken_late", "channel_consent.update_requested", "notification_channel.removed", "account.deactivate_requested", "message.pinned"}
}

// withUnknown adds unknown events to a story, after its end, and returns how
// many of its events are known.
func withUnknown(s story) (whole story, known int) {
	stop, err := event.NewSet("payload.current_consent", "stop")
	if err != nil {
		panic(err) // cannot be: the path is the suite's own
	}
	known = len(s.steps)
	whole = story{name: s.name + " with unknown events", steps: slices.Clone(s.steps)}
	for i, name := range unknownNames() {
		st := step(0, name, 1, 1)
		st.At = s.steps[known-1].At + time.Duration(i+2)*2*time.Second
		st.Set = append(st.Set, stop)
		whole.steps = append(whole.steps, st)
	}
	return whole, known
}

func unknownHasNoEffect(ctx context.Context, t *Trial) Result {
	whole, known := withUnknown(life())
	without, with := t.subject(whole), t.subject(whole)
	if why := t.tell(ctx, without, without.inOrder()[:known]); why != "" {
		return BlockedBy(why)
	}
	if why := t.tell(ctx, with, with.inOrder()); why != "" {
		return BlockedBy(why)
	}
	if _, why := t.visibleAlone(ctx); why != "" {
		return Unclear(why)
	}
	states, why := t.together(ctx, []*subject{without, with}, func(s []*node) bool { return same(s[0], s[1]) }, t.Probe.lag.patience())
	switch {
	case why != "":
		return Unclear(why)
	case same(states[0], states[1]):
		return Passed()
	}
	return Failed("the state of a customer who got none of the unknown events",
		fmt.Sprintf("after %s: %s", strings.Join(unknownNames(), ", "), differences(states[0], states[1])), t.sequenceCommand("unknown-events", whole, with.inOrder()))
}

package check

import (
	"context"
	"slices"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// duplicateChecks is the group "duplicate".
func duplicateChecks() []Check {
	return append([]Check{duplicateAccepted()}, duplicateEffects()...)
}

func duplicateAccepted() Check {
	return Check{
		ID: "duplicate.accepted", Level: Must, Clause: "R-DUP",
		Title: "an event that comes again is accepted again",
		Why:   "when an answer is lost, Relay sends the event again; one that is then refused counts as failed on its side, though it was taken",
		How:   "delivers an event of each family twice, byte for byte the same",
		Fix:   "answer 200 to an event_id that you have already: it is done, which is all that Relay wants to know",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				p := t.introduced(ctx)
				var subs []Sub
				for _, name := range []string{"channel_consent.update", "message.delivered", "notification.attempted"} {
					d := write(p, plan.Step{Event: name, Consent: "express"})
					if x := t.Deliver(ctx, d); !x.Accepted() {
						subs = append(subs, Sub{Name: name, Verdict: Skip, Actual: "not accepted the first time: " + x.Describe()})
						continue
					}
					subs = append(subs, t.takeEvent(ctx, name+" again", d))
				}
				return sum("200 both times", subs)
			})
		},
	}
}

// duplicateEffects are the checks of what duplicates do to the state.
func duplicateEffects() []Check {
	return []Check{
		{
			ID: "duplicate.sequential", Level: Must, Clause: "R-DUP",
			Title: "an event that comes twice counts once",
			Why:   "Relay delivers at least once: a retry after a lost answer brings an event that was accepted already",
			How:   "sends every event of a customer's history twice, one right after the other, and compares the state with that of a customer whose events came once; then the same with a history of three days ago",
			Fix:   "keep the event_id of every event that was applied, however old the event is, in the same transaction as its effect, and skip an event whose id is there",
			Needs: []Need{NeedProbe}, Run: probed(sequentialDuplicates),
		},
		{
			ID: "duplicate.concurrent", Level: Must, Clause: "R-DUP",
			Title: "eight copies at once count once",
			Why:   "a retry can overtake the call that timed out: both look for the event_id before either has written it",
			How:   "sends eight copies of every event of a history at the same time, and compares the state with that of a customer whose events came once",
			Fix:   "let the database decide: a unique key on event_id and an insert that fails or is ignored, not a look-up before it",
			Needs: []Need{NeedProbe}, Run: probed(concurrentDuplicates),
		},
		{
			ID: "duplicate.lost-ack", Level: Must, Clause: "R-TIMEOUT",
			Title: "an event whose answer was lost counts once",
			Why:   "Relay gives up waiting, or the connection breaks, after the event was taken: it comes again",
			How:   "hangs up on the answer of every event of a history, and on some before the answer begins, sends the event again, and compares the state with that of a customer whose events came once",
			Fix:   "commit the event_id with the effect before you answer, and do not undo one of them when the client is gone",
			Needs: []Need{NeedProbe}, Run: probed(lostAcks),
		},
		{
			ID: "duplicate.distinct", Level: Must, Clause: "R-ID",
			Title: "different events of one kind for one customer all count",
			Why:   "a receiver that tells events apart by anything but event_id loses some: a customer clicks twice, gets two messages, opts out and in again",
			How:   "sends two events of one kind with different ids, in some cases with ids that begin alike or have one hash code, with the same label, within a second or at the same event_ts, and looks whether the second one shows where the first one did",
			Fix:   "tell events apart by the whole event_id alone (R-ID), not by name, customer, message or time, nor by a hash code of it",
			Needs: []Need{NeedProbe}, Run: probed(distinctEvents),
		},
		{
			ID: "duplicate.memory", Level: Must, Clause: "R-DUP", Alone: true, Last: true, Limit: time.Minute,
			Title: "an event is still known after the events of a whole burst",
			Why:   "between an event and its copy lie Relay's delays (10 s, 30 s and 2 min, assumed) and all that comes meanwhile, several thousand calls a minute; a memory of the last hundred ids, or of a few seconds, lets the copy count again",
			How:   "at the end of the run, after hundreds of other events, sends once more the events that a customer had at the beginning of the run, and compares the state with that of a customer whose events came once; says how many events and how much time lay between",
			Fix:   "keep the event_id of every event for good, or for days, in the database with its effect: not in a list of the newest ones, and not in a cache that forgets",
			Needs: []Need{NeedProbe}, Run: probed(func(ctx context.Context, t *Trial) Result { return remembers(ctx, t, t.Waits.Memory, false) }),
		},
		{
			ID: "duplicate.late", Level: Must, Clause: "R-DELAYS", Tags: []string{"slow"}, Alone: true, Last: true, Limit: longestMemory,
			Title: "an event is still known after the time of all of Relay's attempts, at load",
			Why:   "the last of four attempts comes more than two and a half minutes after the first (10 s, 30 s and 2 min, assumed): a cache that forgets ids before that lets it count again",
			How:   "sends other events at the rate of the load checks until the time of all attempts has passed since the beginning of the run, then sends once more the events that a customer had at that time, and compares the state with that of a customer whose events came once",
			Fix:   "keep the event_id of every event for good, or for days, in the database with its effect: not in a list of the newest ones, and not in a cache that forgets",
			Needs: []Need{NeedProbe}, Run: probed(func(ctx context.Context, t *Trial) Result { return remembers(ctx, t, t.Waits.Attempts, true) }),
		},
	}
}

func sequentialDuplicates(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	var order []int
	for i := range s.events {
		order = append(order, i, i)
	}
	if why := t.tell(ctx, s, order); why != "" {
		return BlockedBy(why)
	}
	f := t.ends(ctx, s, true)
	if f == (finding{}) {
		return oldDuplicates(ctx, t)
	}
	return f.verdict("with every event sent twice", func() *Repeat { return repeatOrder(t.run, "duplicates", s.story, order) })
}

// longPast is how old the events are that a long outage brings at last: older than
// what a memory by event_ts keeps.
const longPast = 3 * 24 * time.Hour

// oldDuplicates compares customers to whom the same happened days ago: the events of
// two come once, those of the third twice.
func oldDuplicates(ctx context.Context, t *Trial) Result {
	noon := t.Start.Add(-longPast).Truncate(24 * time.Hour).Add(12 * time.Hour)
	var subjects []*subject
	for i := range 3 {
		s := &subject{story: errand()}
		s.events = t.history(t.customerAt(noon.Add(time.Duration(i)*time.Minute)), s.story.steps)
		s.view, s.reads = t.Probe.view(s.events), t.Probe.readings(s.events)
		subjects = append(subjects, s)
		for at := range s.events {
			if why := t.tell(ctx, s, slices.Repeat([]int{at}, 1+i/2)); why != "" {
				return Passed() // event.old says so
			}
		}
	}
	alike := func(a, b *state.State) bool { return state.Same(a.Timeless(), b.Timeless()) }
	states, why := t.states.together(ctx, subjects, func(s []*state.State) bool { return alike(s[0], s[1]) && alike(s[0], s[2]) }, t.states.patience())
	switch {
	case why != "":
		return Unclear(why)
	case !alike(states[0], states[1]), alike(states[0], states[2]):
		return Passed()
	}
	return Failed(sameState, "with every event of three days ago sent twice: "+state.Differences(states[0].Timeless(), states[2].Timeless()), repeatSubject(subjects[2]))
}

// copies is how many copies come at once.
const copies = 8

func concurrentDuplicates(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	lines := t.lines(ctx, copies)
	defer lines.Close()
	var order []int
	until := time.Now().Add(t.Waits.Copies)
	for i, d := range s.events {
		send, n := t.accepted, 1
		if time.Now().Before(until) {
			n = copies
			send = func(ctx context.Context, d plan.Delivery) string { return copiesAtOnce(ctx, lines, d) }
		}
		if why := send(ctx, d); why != "" {
			return BlockedBy(why)
		}
		for range n {
			order = append(order, i)
		}
	}
	f := t.ends(ctx, s, true)
	return f.verdict("with eight copies of an event at once", func() *Repeat {
		again := repeatOrder(t.run, "concurrent-duplicates", s.story, order)
		again.Sequence.AtOnce = copies
		return again
	})
}

// copiesAtOnce sends copies of an event at the same time, and says why none was
// accepted. A receiver may refuse a copy while another is in work; Relay would
// bring it again.
func copiesAtOnce(ctx context.Context, l *lines, d plan.Delivery) string {
	answers, err := l.send(ctx, slices.Repeat([]plan.Delivery{d}, copies))
	if err != nil {
		return err.Error()
	}
	if slices.ContainsFunc(answers, Exchange.Accepted) {
		return ""
	}
	return l.t.accepted(ctx, d)
}

func lostAcks(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	for i, d := range s.events {
		before := i == 6 || i == 15 || i == 16 // a click, an action, a consent
		if why := loseAck(ctx, t, s, d, before); why != "" {
			return BlockedBy(why)
		}
		if why := t.accepted(ctx, d); why != "" {
			return BlockedBy(why)
		}
	}
	f := t.ends(ctx, s, true)
	return f.verdict("with the first answer to every event lost", func() *Repeat {
		return &Repeat{Sequence: &Sequence{Name: "lost-acks", Scenario: true, Hurry: true, Data: scenarioFile("lost-acks", s.story, s.inOrder(), 1)}}
	})
}

// loseAck sends an event and hangs up when the whole body is out: before the
// answer, or when it has begun.
func loseAck(ctx context.Context, t *Trial, s *subject, d plan.Delivery, before bool) string {
	signed, err := t.Sign(ctx)
	if err != nil {
		return err.Error()
	}
	if !before {
		t.Call(ctx, wire.Call{Body: d.Body, Signed: signed, DropAnswer: true})
		return ""
	}
	was, err := t.states.look(ctx, s)
	if err != nil {
		return err.Error()
	}
	t.Call(ctx, wire.Call{Body: d.Body, Signed: signed, HangUp: true})
	// Sent again before its effect shows, it would be a concurrent duplicate.
	for end := time.Now().Add(t.Waits.HangUp); time.Now().Before(end); {
		if now, err := t.states.look(ctx, s); err == nil && !state.Same(now, was) || !wait(ctx, 5*time.Millisecond) {
			break
		}
	}
	return ""
}

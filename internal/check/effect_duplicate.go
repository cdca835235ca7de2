package check

import (
	"context"
	"fmt"
	"sync"
	"time"

	"relayctl/internal/sim"
)

// duplicateEffects are the checks of what duplicates do to the state.
func duplicateEffects() []Check {
	return []Check{
		{
			ID: "duplicate.sequential", Level: Must, Clause: "R-DUP",
			Title: "an event that comes twice counts once",
			Why:   "Relay delivers at least once: a retry after a lost answer brings an event that was accepted already",
			How:   "sends every event of a customer's history twice, one right after the other, and compares the state with that of a customer whose events came once",
			Fix:   "keep the event_id of every event that was applied, in the same transaction as its effect, and skip an event whose id is there",
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
			Why:   "what is told apart by anything but event_id loses events: a customer clicks twice, gets two messages, opts out and in again",
			How:   "sends two events of one kind with different ids, in some cases at the same event_ts, and looks whether the second one shows where the first one did",
			Fix:   "tell events apart by event_id alone (R-ID), not by name, customer, message or time",
			Needs: []Need{NeedProbe}, Run: probed(distinctEvents),
		},
	}
}

// sameState is what a check of duplicates, disorder or loss expects.
const sameState = "the state of a customer whose events came once and in order"

// verdict turns a comparison into a result.
func (f finding) verdict(how, repeat string) Result {
	switch {
	case f.unclear != "":
		return Unclear(f.unclear)
	case f.wrong != "":
		return Failed(sameState, how+": "+f.wrong, repeat)
	}
	return Passed()
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
	return f.verdict("with every event sent twice", f.repeat(t, "duplicates", s.story, order))
}

// copies is how many copies come at once.
const copies = 8

// copiesTime is for how long copies are sent: where every connection takes its
// time, as with a short backlog, the rest of the events come once.
const copiesTime = 6 * time.Second

func concurrentDuplicates(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	callers := make([]*sim.Caller, copies)
	for i := range callers {
		callers[i] = t.sender.Caller()
		defer callers[i].Close()
	}
	var order []int
	until := time.Now().Add(copiesTime)
	for i, d := range s.events {
		send, n := t.accepted, 1
		if time.Now().Before(until) {
			n = copies
			send = func(ctx context.Context, d sim.Delivery) string { return t.atOnce(ctx, callers, d) }
		}
		if why := send(ctx, d); why != "" {
			return BlockedBy(why)
		}
		for range n {
			order = append(order, i)
		}
	}
	f := t.ends(ctx, s, true)
	return f.verdict("with eight copies of an event at once", f.repeat(t, "concurrent-duplicates", s.story, order, "--spread", fmt.Sprint("--workers ", copies)))
}

// atOnce makes a call with each of the callers at the same time, and says why
// none was accepted. A receiver may refuse a copy while another is in work;
// Relay would bring it again.
func (t *Trial) atOnce(ctx context.Context, callers []*sim.Caller, d sim.Delivery) string {
	signed, err := t.Sign(ctx)
	if err != nil {
		return err.Error()
	}
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	answers := make([]Exchange, len(callers))
	ready.Add(len(callers))
	for i, c := range callers {
		done.Go(func() {
			k := sim.Call{Body: d.Body, Signed: signed}
			ready.Done()
			<-start
			answers[i] = Exchange{k, c.Do(ctx, k)}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	for _, x := range answers {
		if x.Accepted() {
			return ""
		}
	}
	return t.accepted(ctx, d)
}

// hungUpBefore is how long the effect of an event is waited for whose answer
// was not: sent again at once, it would be a concurrent duplicate.
const hungUpBefore = 300 * time.Millisecond

func lostAcks(ctx context.Context, t *Trial) Result {
	s := t.subject(life())
	for i, d := range s.events {
		before := i == 6 || i == 15 || i == 16 // a click, an action, a consent
		if why := t.loseAck(ctx, s, d, before); why != "" {
			return BlockedBy(why)
		}
		if why := t.accepted(ctx, d); why != "" {
			return BlockedBy(why)
		}
	}
	f := t.ends(ctx, s, true)
	repeat := ""
	if f.wrong != "" {
		repeat = t.scenarioCommand(&scenario{name: "lost-acks", story: s.story, order: s.inOrder(), lostAcks: 1}, "--time-scale 0.001")
	}
	return f.verdict("with the first answer to every event lost", repeat)
}

// loseAck sends an event and hangs up when the whole body is out: before the
// answer, or when it has begun.
func (t *Trial) loseAck(ctx context.Context, s *subject, d sim.Delivery, before bool) string {
	signed, err := t.Sign(ctx)
	if err != nil {
		return err.Error()
	}
	if !before {
		t.Call(ctx, sim.Call{Body: d.Body, Signed: signed, DropAnswer: true})
		return ""
	}
	state, err := t.look(ctx, s)
	if err != nil {
		return err.Error()
	}
	t.Call(ctx, sim.Call{Body: d.Body, Signed: signed, HangUp: true})
	for end := time.Now().Add(hungUpBefore); time.Now().Before(end); {
		if now, err := t.look(ctx, s); err == nil && now.canon() != state.canon() || !wait(ctx, 5*time.Millisecond) {
			break
		}
	}
	return ""
}

package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// durableChecks is the group "durable".
func durableChecks() []Check {
	return []Check{{
		ID: "durable.restart", Level: Must, Clause: "R-200",
		Title: "what was answered 200 survives a restart",
		Why:   "200 tells Relay to forget the event: what is only in memory or in a queue by then dies with the process, at every deployment and every crash",
		How:   "restarts the receiver with your command, up to three times, while it sends the histories of several customers. As soon as the endpoint takes connections again, sends what was not accepted once more, as Relay does. Compares the states with that of a customer whose events came without a restart. Then restarts the receiver without load, at once and a quarter of a second after the last answers, and compares again. These customers have texts of every kind, which must read as before, and every second one has extra white space in the bodies. At the end sends some of the events once more: they must not count again",
		Fix:   "commit the event, or a durable queue's entry for it, before you answer 200",
		Needs: []Need{NeedProbe, NeedRestart}, Alone: true, Limit: 3 * time.Minute, Run: probed(survivesRestart),
	}}
}

// moments are how long after the last answers the receiver is killed, beside
// once under load: a queue, a buffer and a timed flush lose events at
// different moments.
func moments() []time.Duration { return []time.Duration{0, 250 * time.Millisecond} }

func survivesRestart(ctx context.Context, t *Trial) Result {
	r := outlives(ctx, t)
	if r.Verdict == Fail {
		t.rememberAnew(ctx) // duplicate.memory would report the same loss once more
	}
	return r
}

// outlives restarts the receiver under load and without, and looks at the states each
// time.
func outlives(ctx context.Context, t *Trial) Result {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	back := sync.OnceFunc(t.live.excuse())
	defer back()
	done, restarts, r := killedUnderLoad(ctx, t)
	if r.Verdict != Pass {
		return r
	}
	kept := t.tellTexts(ctx)
	shown := t.states.settled(ctx, kept)
	for _, after := range moments() {
		if r := killedAfter(ctx, t, after); r.Verdict != Pass {
			return r
		}
	}
	if r := textsSurvive(ctx, t, kept, shown); r.Verdict != Pass {
		return r
	}
	back() // what is not answered from here on is not for a restart
	if r := comeAgain(ctx, t, done); r.Verdict != Pass {
		return r
	}
	r.Reason = fmt.Sprintf("%d restarts", restarts+len(moments()))
	return r
}

// loadedKills is how often the receiver is killed under load, where a restart does not
// take long: what it does in two steps, a kill between them shows, which one alone may miss.
const loadedKills = 3

// killedUnderLoad restarts the receiver while histories are sent, and returns the
// customers of the first time and how often it was.
func killedUnderLoad(ctx context.Context, t *Trial) (done []*subject, restarts int, r Result) {
	for began := time.Now(); restarts < loadedKills && (restarts == 0 || time.Since(began) < t.Waits.Kills); restarts++ {
		var copied []*subject
		u, failure := t.upset(ctx, func(ctx context.Context, done []*subject) string {
			copied = done[:min(comingAgain, len(done))]
			return t.restartAmidCopies(ctx, copied)
		})
		switch {
		case failure != "":
			return nil, restarts, Unclear(failure)
		case u.why != "":
			return nil, restarts, Failed("every event is accepted, at the latest when it comes again after the restart", u.why, itself())
		}
		struck := u.struck()
		for _, s := range copied {
			if !slices.Contains(struck, s) {
				struck = append(slices.Clip(struck), s)
			}
		}
		if r := t.allThere(ctx, struck, "after a restart under load"); r.Verdict != Pass {
			return nil, restarts, r
		}
		if restarts == 0 {
			done = u.done
		}
	}
	return done, restarts, Passed()
}

// restartAmidCopies restarts the receiver while events of customers come again that were
// answered before: what tells duplicates has to be there when the endpoint opens.
func (t *Trial) restartAmidCopies(ctx context.Context, customers []*subject) (why string) {
	var over atomic.Bool
	var all sync.WaitGroup
	for _, s := range customers {
		all.Go(func() {
			for i := 0; !over.Load() && ctx.Err() == nil; i++ {
				t.accepted(ctx, s.events[i%len(s.events)]) // it was accepted before
			}
		})
	}
	why = t.restart(ctx)
	over.Store(true)
	all.Wait()
	return why
}

// restart runs the command that restarts the receiver, waits until it is back, and says
// why the command failed.
func (t *Trial) restart(ctx context.Context) string {
	why := t.userCommand(ctx, "the command that restarts the receiver", t.RestartCmd)
	t.comesBack(ctx)
	return why
}

// comesBack waits until the endpoint takes connections and the probe shows something
// again, for the command of a restart may return before.
func (t *Trial) comesBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.Waits.Return)
	defer cancel()
	if t.WaitReady(ctx, t.Waits.Return, nil) != nil {
		return // what comes next finds that out
	}
	s := t.subject(errand())
	for {
		if _, err := t.states.look(ctx, s); err == nil || !wait(ctx, longestPause) {
			return
		}
	}
}

// quietCustomers is how many customers' last events are answered just before a
// kill without load.
const quietCustomers = 8

// killedAfter restarts the receiver so long after it has answered the events of
// a few customers.
func killedAfter(ctx context.Context, t *Trial, after time.Duration) Result {
	customers := make([]*subject, quietCustomers)
	why := make([]string, quietCustomers)
	var all sync.WaitGroup
	for i := range customers {
		customers[i] = t.subject(life())
		all.Go(func() { why[i] = t.tellIndented(ctx, customers[i], i%2 == 1) })
	}
	all.Wait()
	if why := cmp.Or(why...); why != "" {
		return BlockedBy(why)
	}
	if !wait(ctx, after) {
		return Unclear("the time was over")
	}
	if failure := t.restart(ctx); failure != "" {
		return Unclear(failure)
	}
	return t.allThere(ctx, customers, fmt.Sprintf("after a restart %s after the answers", after))
}

// tellIndented delivers a subject's events, with white space and line breaks in them
// where that is asked for and accepted: a receiver that keeps each body as one line of a
// file reads other lines after the restart.
func (t *Trial) tellIndented(ctx context.Context, s *subject, indented bool) string {
	for _, d := range s.events {
		if indented {
			other := d
			other.Body = spaced(d.Body)
			if t.Post(ctx, wire.Call{Body: other.Body}).Accepted() {
				continue
			}
			indented = false // event.unicode reports it
		}
		if why := t.accepted(ctx, d); why != "" {
			return why
		}
	}
	return ""
}

// tellTexts tells a customer's messages and actions with texts of every kind, as far as
// they are accepted: a file may hold them in another way than the memory does.
func (t *Trial) tellTexts(ctx context.Context) *subject {
	var steps []plan.Step
	for _, v := range texts() {
		if v.rewrite != nil {
			continue
		}
		n := len(steps)
		st := later(v.unusual[0], time.Duration(n)*time.Second)
		if st.Event != "message.action_taken" {
			st.Message = 2 + n
		}
		steps = append(steps, st)
	}
	s := t.subjectOf(variation{name: "texts", usual: steps, unusual: steps}, true)
	s.view = t.Probe.view(s.events) // the texts themselves count here
	for _, d := range s.events {
		t.Deliver(ctx, d) // event.unicode says which are refused
	}
	return s
}

// textsSurvive compares what is shown of a customer's texts with what was shown before
// the restarts. Where the reading before was too early, the state has to be that of a
// customer who is told the same now.
func textsSurvive(ctx context.Context, t *Trial, kept *subject, before sight) Result {
	if before.unclear() != "" {
		return Passed() // other checks say so
	}
	shown := t.states.plain(before.state)
	now := t.states.becomes(ctx, kept, func(n *state.State) bool { return state.Same(t.states.plain(n), shown) })
	if why := now.unclear(); why != "" {
		return Unclear(why)
	}
	have := t.states.plain(now.state)
	if state.Same(have, shown) {
		return Passed()
	}
	fresh := t.states.settled(ctx, t.tellTexts(ctx))
	if why := fresh.unclear(); why != "" {
		return Unclear(why)
	}
	if state.Same(have, t.states.plain(fresh.state)) {
		return Passed()
	}
	return Failed("after a restart the state that was shown before it", "of messages and actions with unusual texts: "+state.Differences(shown, have), repeatSubject(kept))
}

// comingAgain is how many customers' events come again after the restarts.
const comingAgain = 4

// comeAgain brings events once more that were answered before the restarts, as a
// retry does whose first answer was lost in the restart: the event ids that the
// receiver knows have to survive as well.
func comeAgain(ctx context.Context, t *Trial, done []*subject) Result {
	again := done[:min(comingAgain, len(done))]
	for _, s := range again {
		if why := t.tell(ctx, s, s.inOrder()); why != "" {
			return Unclear(why)
		}
	}
	return t.allThereLater(ctx, again, "when events of before the restart came again after it")
}

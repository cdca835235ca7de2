package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

// probeCheck is whether the probe can be relied on.
type probeCheck struct {
	blocked string // why nothing can be said about states
	unseen  bool   // no event changes what the probe shows, though it can be read
	differs bool   // the same history ends in another state for every customer
	inPart  bool   // some readings show what others do not
}

// checkProbe finds out, once in a run, whether a history changes what the probe
// shows, and whether the same history ends in the same state.
func (t *Trial) checkProbe(ctx context.Context) probeCheck {
	if _, why := t.idle.known(); why != "" {
		return probeCheck{blocked: why}
	}
	return t.states.checked.get(ctx, t.newProbeCheck)
}

func (t *Trial) newProbeCheck(ctx context.Context) probeCheck {
	first := t.subject(life())
	if err := t.states.readable(ctx, first); err != nil {
		return probeCheck{blocked: err.Error()}
	}
	before := t.standing(ctx, first)
	switch {
	case before.err != nil:
		return probeCheck{blocked: before.err.Error()}
	case before.moving > 0:
		return probeCheck{blocked: "what the probe shows of an unknown customer does not stand still" + t.states.cure()}
	}
	if why := t.shownInPart(ctx); why != "" {
		return probeCheck{blocked: why, inPart: true}
	}
	if f := t.measure(ctx, first, before.state); f.blocked != "" {
		return f
	}
	t.early.set(first)
	t.states.untold.Store(t.states.steady(before.state))
	if ref := t.reference(ctx, life()); ref.unclear != "" {
		return probeCheck{blocked: ref.unclear, differs: ref.differs}
	}
	return probeCheck{}
}

// standing watches a customer that the receiver does not know. What changes then
// changes by itself and is left out.
func (t *Trial) standing(ctx context.Context, s *subject) sight {
	seen := t.states.settled(ctx, s)
	if seen.moving > 0 && t.states.findMoving(ctx, s, fewReadings) {
		seen = t.states.settled(ctx, s)
	}
	return seen
}

// measure finds out how the receiver shows what it is told: how late, and what
// of it changes by itself. The second part of the history comes right after the
// first one has begun to show: a cache is then filled anew, and a worker that
// looks for work at intervals has just looked, so that their whole period shows.
func (t *Trial) measure(ctx context.Context, s *subject, before *state.State) probeCheck {
	order := s.inOrder()
	half := len(order) / 2
	now, shown := before, false
	var told time.Time
	for _, part := range [][]int{order[:half], order[half:]} {
		if why := t.tell(ctx, s, part); why != "" {
			return probeCheck{blocked: why}
		}
		told = time.Now()
		last := part[len(part)-1] == order[len(order)-1]
		seen := t.firstSight(ctx, s, now, last)
		if seen.moving > 0 && t.states.findMoving(ctx, s, fewReadings) {
			now = t.states.steady(now)
			seen = t.firstSight(ctx, s, now, last)
		}
		switch {
		case seen.err != nil:
			return probeCheck{blocked: seen.err.Error()}
		case seen.moving > 0:
			return probeCheck{blocked: seen.unclear() + t.states.cure()}
		case !state.Same(seen.state, now):
			t.states.saw(seen.after)
			now, shown = seen.state, true
		}
	}
	t.states.sortOut(ctx, s, told)
	if !shown || state.Same(t.states.steady(now), t.states.steady(before)) {
		return probeCheck{blocked: unseen(len(s.events), now), unseen: true}
	}
	return probeCheck{}
}

// firstSight watches a customer's state until it is not the old one any more,
// and where it is the last time until it stands still.
func (t *Trial) firstSight(ctx context.Context, s *subject, old *state.State, last bool) sight {
	longest := t.Waits.Settle * 5 / 4 // what is later than that is not waited for
	return t.states.watchUntilRestless(ctx, 3*longest, s, func(n *state.State, after time.Duration) time.Duration {
		switch {
		case state.Same(n, old):
			return longest
		case last:
			return min(3*after, max(after*5/4, t.Waits.Wrong))
		}
		return 0
	})
}

// unseen says that so many events of a customer left no trace.
func unseen(events int, seen *state.State) string {
	shown := seen.Show()
	if shown == state.Absent {
		shown += ", as 404, null and an empty answer are read"
	}
	return fmt.Sprintf("%d accepted events of a customer do not change what the probe shows: %s", events, shown)
}

// probed is the run of a check that needs the probe.
func probed(run func(context.Context, *Trial) Result) func(context.Context, *Trial) Result {
	return func(ctx context.Context, t *Trial) Result {
		if f := t.checkProbe(ctx); f.blocked != "" {
			return BlockedBy(f.blocked)
		}
		return run(ctx, t)
	}
}

// readable says why the probe cannot be read, after a few tries.
func (r *readSide) readable(ctx context.Context, s *subject) (err error) {
	for range 3 {
		_, err = r.look(ctx, s)
		if err == nil || r.silent.Load() > 1 || !wait(ctx, longestPause) {
			return err
		}
	}
	return err
}

// How often a state is read to find out what of it changes by itself: where that
// is known to be the case, and to make sure.
const (
	fewReadings  = 6
	manyReadings = 12
)

// findMoving looks for what is not the same in all readings of one state, such as
// the time that the reading took. It is left out from then on. It says whether
// there is any.
func (r *readSide) findMoving(ctx context.Context, s *subject, readings int) bool {
	states, _ := r.series(ctx, s, readings)
	return r.noteMoving(state.Moving(states))
}

// noteMoving leaves out from now on what changes by itself, and says whether there is
// any.
func (r *readSide) noteMoving(found state.Patterns) bool {
	if len(found) == 0 {
		return false
	}
	r.noteDropped(found)
	r.noteMore(&r.unsteady, found)
	return true
}

// sortOut looks for what changes by itself in the state of a customer whose whole
// history was told by then. Where telling it took longer than the work of one event,
// the state that was seen first may lack the end of it: what changes in one series of
// readings and not in the next came late, and that is the receiver's lag.
func (r *readSide) sortOut(ctx context.Context, s *subject, told time.Time) {
	states, at := r.series(ctx, s, manyReadings)
	found := state.Moving(states)
	if len(found) > 0 {
		again, _ := r.series(ctx, s, manyReadings)
		still := state.Moving(again)
		maps.DeleteFunc(found, func(pattern string, _ bool) bool { return !still[pattern] })
		r.noteMoving(found)
	}
	for i := len(states) - 1; i > 0; i-- {
		if !state.Same(states[i].Without(found), states[i-1].Without(found)) {
			r.saw(at[i].Sub(told))
			return
		}
	}
}

// series reads a state so often, with pauses, and says when each reading was; none where
// one cannot be read.
func (r *readSide) series(ctx context.Context, s *subject, readings int) (states []*state.State, at []time.Time) {
	for range readings {
		r.probe.reconnect() // another worker may call itself by another name
		n, err := r.look(ctx, s)
		states, at = append(states, n), append(at, time.Now())
		if err != nil || !wait(ctx, r.waits.Unexpected/2) {
			return nil, nil
		}
	}
	return states, at
}

// steady is a state without what changes by itself.
func (r *readSide) steady(n *state.State) *state.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return n.Without(r.unsteady)
}

// moving lists what was seen to change by itself, as JSON pointers in which *
// stands for any one part.
func (r *readSide) moving() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.unsteady))
}

// cure says how what changes by itself is left out, as far as it was seen.
func (r *readSide) cure() string {
	if r.leaveOut == nil {
		return ""
	}
	return "; " + r.leaveOut(r.moving())
}

// visibleAlone finds an event that shows when it is a customer's only one.
func visibleAlone(ctx context.Context, t *Trial) (story, string) {
	type told struct {
		*subject
		before *state.State
	}
	var all []told
	for _, st := range []plan.Step{consent(0, 1, "stop"), step(0, "message.delivered", 1, 1), step(0, "notification.delivered", 1, 1), step(0, "message.action_taken", 1, 1), step(0, "notification_channel.add", 1, 1)} {
		c := t.subject(story{"alone", []plan.Step{st}})
		before, err := t.states.look(ctx, c)
		if err != nil {
			return story{}, err.Error()
		}
		if why := t.tell(ctx, c, c.inOrder()); why != "" {
			return story{}, why
		}
		seen := t.states.changes(ctx, c, t.states.plain(before))
		if why := seen.unclear(); why != "" {
			return story{}, why
		}
		if !state.Same(t.states.plain(seen.state), t.states.plain(before)) {
			return c.story, ""
		}
		all = append(all, told{c, before})
	}
	// On a busy machine one may show later than was waited for.
	if !wait(ctx, t.states.patience()) {
		return story{}, "the time was over"
	}
	for _, c := range all {
		n, err := t.states.look(ctx, c.subject)
		switch {
		case err != nil:
			return story{}, err.Error()
		case !state.Same(t.states.plain(n), t.states.plain(c.before)):
			return c.story, ""
		}
	}
	return story{}, "the probe shows no event that is a customer's only one"
}

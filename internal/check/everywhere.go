package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
)

const (
	// manyDoors is how many connections a state is read over, so that several workers
	// behind one address are all asked.
	manyDoors = 8
	// doorsClose is after how long there are no more of them, but for two: a probe may
	// be slow.
	doorsClose = time.Second
)

// afresh reads a state over so many connections, one after the other.
func (r *readSide) afresh(ctx context.Context, s *subject) ([]*state.State, error) {
	var states []*state.State
	for began := time.Now(); len(states) < 2 || len(states) < manyDoors && time.Since(began) < doorsClose; {
		r.probe.reconnect()
		n, err := r.look(ctx, s)
		if err != nil {
			return nil, err
		}
		states = append(states, n)
	}
	return states, nil
}

// shownInPart says that some readings show nothing of an event that others show, after
// the time that a state has to settle; "" where all agree, or nothing can be said.
// Workers that have a memory or a cache of their own show what came to themselves.
func (t *Trial) shownInPart(ctx context.Context) string {
	for _, st := range []plan.Step{step(0, "notification_channel.add", 1, 1), step(0, "message.delivered", 1, 1)} {
		s := t.subject(story{"alone", []plan.Step{st}})
		before, err := t.states.afresh(ctx, s)
		differs := func(n *state.State) bool { return !state.Same(n, before[0]) }
		if err != nil || slices.ContainsFunc(before, differs) || t.tell(ctx, s, s.inOrder()) != "" {
			return "" // other parts of the preflight look at it
		}
		if blind, of := t.blindDoors(ctx, s, before[0]); blind < of {
			if blind == 0 {
				return ""
			}
			return fmt.Sprintf("%d of %d readings, each over a connection of its own, do not show an event that the others show", blind, of)
		}
	}
	return ""
}

// blindDoors counts the readings that stay as they were before an event, once others
// show it.
func (t *Trial) blindDoors(ctx context.Context, s *subject, before *state.State) (blind, of int) {
	for began := time.Now(); ; {
		after, err := t.states.afresh(ctx, s)
		if err != nil {
			return 0, manyDoors
		}
		blind, of = 0, len(after)
		for _, n := range after {
			if state.Same(n, before) {
				blind++
			}
		}
		limit := t.Waits.Settle
		if blind == of { // it may never show alone
			limit = t.Waits.Unexpected
		}
		if blind == 0 || time.Since(began) >= limit || !wait(ctx, longestPause) {
			return blind, of
		}
	}
}

package check

import (
	"context"
	"fmt"
	"sync"

	"relayctl/internal/check/state"
)

// reference is the state of a clean history: every event once and in order. It
// is found out by telling the history to several fresh customers, so that no
// model of the receiver is needed.
type reference struct {
	varying state.Patterns // what differs from customer to customer
	unclear string         // why there is none
	differs bool           // that is because every customer's state is another one

	mu     sync.Mutex
	states []*state.State  // guarded by mu: what clean histories ended in, the usual one first
	canons map[string]bool // guarded by mu: the same, written out
}

// clean is how many customers a reference is made of.
const clean = 3

// reference returns the state of a clean history, found out once for each story.
func (t *Trial) reference(ctx context.Context, s story) *reference {
	v, _ := t.states.references.LoadOrStore(s.name, new(once[*reference]))
	return v.(*once[*reference]).get(ctx, func(ctx context.Context) *reference { return t.newReference(ctx, s) })
}

func (t *Trial) newReference(ctx context.Context, s story) *reference {
	subjects := make([]*subject, clean)
	for i := range subjects {
		subjects[i] = t.subject(s)
		if why := t.tellAmongOthers(ctx, subjects[i], i); why != "" {
			return &reference{unclear: why}
		}
	}
	r := &reference{canons: map[string]bool{}}
	// A receiver at work shows them at different points of it, or none of them yet.
	agree := func(states []*state.State) bool {
		_, votes := usualOf(states, state.Volatile(states, len(s.steps)))
		return votes == clean && !t.states.showsNothing(states[0])
	}
	states, why := t.states.together(ctx, subjects, agree, t.states.patience())
	if why != "" {
		return &reference{unclear: why}
	}
	r.varying = state.Volatile(states, len(s.steps))
	r.varying = t.states.noteVarying(r.varying)
	usual, votes := usualOf(states, r.varying)
	if why := t.isNothing(ctx, usual); why != "" {
		return &reference{unclear: why}
	}
	if votes == 1 {
		r.differs = true
		r.unclear = "the same history, sent once and in order, ends in another state for every customer: " + state.Differences(states[0].Without(r.varying), states[1].Without(r.varying))
		return r
	}
	r.add(usual)
	return r
}

// tellAmongOthers delivers a clean history, with events of another customer in between
// at other places for each number: workers who take calls in turn then take other parts
// of it, and the states differ where they do not know of each other.
func (t *Trial) tellAmongOthers(ctx context.Context, s *subject, number int) (why string) {
	for i := range s.events {
		if why := t.tell(ctx, s, []int{i}); why != "" {
			return why
		}
		if number > 0 && hash(fmt.Sprint(number, "/", i))%4 == 0 {
			t.plain(ctx)
		}
	}
	return ""
}

// usualOf finds the state that most of them are in, without what varies,
// and how many are.
func usualOf(states []*state.State, varying state.Patterns) (usual *state.State, votes int) {
	counts := map[string]int{}
	for _, n := range states {
		n = n.Without(varying)
		c := n.Canon()
		if counts[c]++; counts[c] > votes {
			usual, votes = n, counts[c]
		}
	}
	return usual, votes
}

// has says whether a state is that of a clean history.
func (r *reference) has(n *state.State) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.canons[n.Without(r.varying).Canon()]
}

// add notes a state that a clean history ended in.
func (r *reference) add(n *state.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = n.Without(r.varying)
	if c := n.Canon(); !r.canons[c] {
		r.canons[c] = true
		r.states = append(r.states, n)
	}
}

// usual is the state that most clean histories end in.
func (r *reference) usual() *state.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[0]
}

// difference words what is wrong with a state.
func (r *reference) difference(n *state.State) string {
	return state.Differences(r.usual(), n.Without(r.varying))
}

// finding is what a comparison of states came to: at most one is set.
type finding struct {
	wrong   string // the state is wrong: how it differs
	unclear string // nothing can be said: why
}

// ends compares the subject's state with that of the clean history, once it
// stands still, and again a while later when again is set.
func (t *Trial) ends(ctx context.Context, s *subject, again bool) finding {
	ref := t.reference(ctx, s.story)
	if ref.unclear != "" {
		return finding{unclear: ref.unclear}
	}
	seen := t.states.becomes(ctx, s, ref.has)
	when := ""
	if again && seen.unclear() == "" && ref.has(seen.state) {
		if !wait(ctx, t.states.later()) {
			return finding{unclear: "the time was over"}
		}
		when = "first as it should be, and a while later: "
		seen = t.states.becomes(ctx, s, ref.has)
	}
	switch why := seen.unclear(); {
	case why != "":
		return finding{unclear: why}
	case ref.has(seen.state):
		return finding{}
	}
	return t.confirm(ctx, s, seen.state, ref, when)
}

// confirm makes sure that a wrong state is the history's doing: the clean
// history still has to end in the state that it ended in before.
func (t *Trial) confirm(ctx context.Context, s *subject, got *state.State, ref *reference, when string) finding {
	for range 2 {
		control := t.subject(s.story)
		if why := t.tell(ctx, control, control.inOrder()); why != "" {
			return finding{unclear: why}
		}
		seen := t.states.becomes(ctx, control, ref.has)
		if why := seen.unclear(); why != "" {
			return finding{unclear: why}
		}
		if ref.has(seen.state) {
			// What came later is done, and so the subject's events have to be.
			again, err := t.states.look(ctx, s)
			switch {
			case err != nil:
				return finding{unclear: err.Error()}
			case ref.has(again):
				return finding{}
			}
			return finding{wrong: when + ref.difference(again)}
		}
		if ref.add(seen.state); ref.has(got) {
			return finding{}
		}
	}
	return finding{unclear: "the same history, sent once and in order, does not always end in the same state"}
}

// sameState is what a check of duplicates, disorder or loss expects.
const sameState = "the state of a customer whose events came once and in order"

// verdict turns a comparison into a result; a failure is repeated as repeat says.
func (f finding) verdict(how string, repeat func() *Repeat) Result {
	switch {
	case f.unclear != "":
		return Unclear(f.unclear)
	case f.wrong != "":
		return Failed(sameState, how+": "+f.wrong, repeat())
	}
	return Passed()
}

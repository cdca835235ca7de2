package check

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

// reference is the state of a clean history: every event once and in order. It
// is found out by telling the history to several fresh customers, so that no
// model of the receiver is needed.
type reference struct {
	volatile map[string]bool
	unclear  string // why there is none

	mu     sync.Mutex
	states []*node         // guarded by mu: what clean histories ended in, the usual one first
	canons map[string]bool // guarded by mu: the same, written out
}

// clean is how many customers a reference is made of.
const clean = 3

// reference returns the state of a clean history, found out once for each story.
func (t *Trial) reference(ctx context.Context, s story) *reference {
	v, _ := t.Probe.references.LoadOrStore(s.name, new(once[*reference]))
	return v.(*once[*reference]).get(ctx, func(ctx context.Context) *reference { return t.newReference(ctx, s) })
}

func (t *Trial) newReference(ctx context.Context, s story) *reference {
	subjects := make([]*subject, clean)
	for i := range subjects {
		subjects[i] = t.subject(s)
		if why := t.tell(ctx, subjects[i], subjects[i].inOrder()); why != "" {
			return &reference{unclear: why}
		}
	}
	r := &reference{canons: map[string]bool{}}
	// A receiver at work shows them at different points of it.
	agree := func(states []*node) bool {
		_, votes := usualOf(states, volatile(states, len(s.steps)))
		return votes == clean
	}
	states, why := t.together(ctx, subjects, agree, t.Probe.lag.patience())
	if why != "" {
		return &reference{unclear: why}
	}
	r.volatile = volatile(states, len(s.steps))
	r.volatile = t.Probe.noteVolatile(r.volatile)
	usual, votes := usualOf(states, r.volatile)
	if votes == 1 {
		r.unclear = "the same history, sent once and in order, ends in another state for every customer: " + differences(states[0].without(r.volatile, ""), states[1].without(r.volatile, ""))
		return r
	}
	r.add(usual)
	return r
}

// noteVolatile remembers what differs between customers with the same history,
// and returns all that does.
func (p *Probe) noteVolatile(patterns map[string]bool) map[string]bool {
	p.noteDropped(patterns)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.volatile = maps.Clone(p.volatile)
	if p.volatile == nil {
		p.volatile = map[string]bool{}
	}
	maps.Copy(p.volatile, patterns)
	return p.volatile
}

// plainState is a state without what differs between customers with the same
// history.
func (t *Trial) plainState(n *node) *node {
	t.Probe.mu.Lock()
	patterns := t.Probe.volatile
	t.Probe.mu.Unlock()
	return n.without(patterns, "")
}

// usualOf finds the state that most of them are in, without what is volatile,
// and how many are.
func usualOf(states []*node, volatile map[string]bool) (usual *node, votes int) {
	counts := map[string]int{}
	for _, n := range states {
		n = n.without(volatile, "")
		c := n.canon()
		if counts[c]++; counts[c] > votes {
			usual, votes = n, counts[c]
		}
	}
	return usual, votes
}

// has says whether a state is that of a clean history.
func (r *reference) has(n *node) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.canons[n.without(r.volatile, "").canon()]
}

// add notes a state that a clean history ended in.
func (r *reference) add(n *node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = n.without(r.volatile, "")
	if c := n.canon(); !r.canons[c] {
		r.canons[c] = true
		r.states = append(r.states, n)
	}
}

// usual is the state that most clean histories end in.
func (r *reference) usual() *node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[0]
}

// difference words what is wrong with a state.
func (r *reference) difference(n *node) string {
	return differences(r.usual(), n.without(r.volatile, ""))
}

// finding is what a comparison of states came to: at most one is set.
type finding struct {
	wrong   string // the state is wrong: how it differs
	unclear string // nothing can be said: why
}

// ends compares the subject's state with that of the clean history, once it
// stands still, and again a while later when late is set.
func (t *Trial) ends(ctx context.Context, s *subject, late bool) finding {
	ref := t.reference(ctx, s.story)
	if ref.unclear != "" {
		return finding{unclear: ref.unclear}
	}
	seen := t.becomes(ctx, s, ref.has)
	when := ""
	if late && seen.unclear() == "" && ref.has(seen.state) {
		if !wait(ctx, t.later()) {
			return finding{unclear: "the time was over"}
		}
		when = "first as it should be, and a while later: "
		seen = t.becomes(ctx, s, ref.has)
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
func (t *Trial) confirm(ctx context.Context, s *subject, state *node, ref *reference, when string) finding {
	for range 2 {
		control := t.subject(s.story)
		if why := t.tell(ctx, control, control.inOrder()); why != "" {
			return finding{unclear: why}
		}
		seen := t.becomes(ctx, control, ref.has)
		if why := seen.unclear(); why != "" {
			return finding{unclear: why}
		}
		if ref.has(seen.state) {
			// What came later is done, and so the subject's events have to be.
			again, err := t.look(ctx, s)
			switch {
			case err != nil:
				return finding{unclear: err.Error()}
			case ref.has(again):
				return finding{}
			}
			return finding{wrong: when + ref.difference(again)}
		}
		if ref.add(seen.state); ref.has(state) {
			return finding{}
		}
	}
	return finding{unclear: "the same history, sent once and in order, does not always end in the same state"}
}

// footing is what the preflight found.
type footing struct {
	blocked string // why nothing can be said about states
	unseen  bool   // no event changes what the probe shows, though it can be read
}

// footing makes the preflight, once in a run: a history must change what the
// probe shows, and the same history must end in the same state.
func (t *Trial) footing(ctx context.Context) footing {
	return t.Probe.preflight.get(ctx, t.newFooting)
}

func (t *Trial) newFooting(ctx context.Context) footing {
	first := t.subject(life())
	if err := t.readable(ctx, first); err != nil {
		return footing{blocked: err.Error()}
	}
	before := t.settled(ctx, first)
	if before.err != nil {
		return footing{blocked: before.err.Error()}
	}
	if before.moving {
		return footing{blocked: "what the probe shows of an unknown customer does not stand still"}
	}
	if why := t.tell(ctx, first, first.inOrder()); why != "" {
		return footing{blocked: why}
	}
	unchanged := func(n *node) bool { return same(n, before.state) }
	change := func() sight {
		return t.watch(ctx, first, func(n *node, after time.Duration) time.Duration {
			if unchanged(n) {
				return settleDeadline
			}
			return 3 * after
		})
	}
	seen := change()
	if seen.moving && !unchanged(seen.state) && t.findUnsteady(ctx, first) {
		seen = change()
	}
	switch {
	case seen.err != nil:
		return footing{blocked: seen.err.Error()}
	case unchanged(seen.state):
		return footing{blocked: unseen(len(first.events), seen.state), unseen: true}
	case seen.moving:
		return footing{blocked: seen.unclear()}
	}
	t.Probe.lag.saw(seen.after)
	if ref := t.reference(ctx, life()); ref.unclear != "" {
		return footing{blocked: ref.unclear}
	}
	return footing{}
}

// unseen says that so many events of a customer left no trace.
func unseen(events int, state *node) string {
	shown := state.show()
	if shown == absentText {
		shown += ", as 404, null and an empty answer are read"
	}
	return fmt.Sprintf("%d accepted events of a customer do not change what the probe shows: %s", events, shown)
}

// probed is the run of a check that needs the probe.
func probed(run func(context.Context, *Trial) Result) func(context.Context, *Trial) Result {
	return func(ctx context.Context, t *Trial) Result {
		if f := t.footing(ctx); f.blocked != "" {
			return BlockedBy(f.blocked)
		}
		return run(ctx, t)
	}
}

// readable says why the probe cannot be read, after a few tries.
func (t *Trial) readable(ctx context.Context, s *subject) (err error) {
	for range 3 {
		if _, err = t.look(ctx, s); err == nil || !wait(ctx, longestPause) {
			return err
		}
	}
	return err
}

// findUnsteady looks for what is different in every reading of one state, such
// as a counter of the readings, which is then left out. It says whether there
// is any.
func (t *Trial) findUnsteady(ctx context.Context, s *subject) bool {
	var states []*node
	for range clean {
		n, err := t.look(ctx, s)
		if err != nil {
			return false
		}
		states = append(states, n)
	}
	patterns := volatile(states, 0)
	t.Probe.noteDropped(patterns)
	t.Probe.mu.Lock()
	defer t.Probe.mu.Unlock()
	t.Probe.unsteady = patterns
	return len(patterns) > 0
}

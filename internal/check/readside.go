package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relayctl/internal/check/state"
)

// once does something once for all who ask. What a context ended does not
// count, and the next one who asks tries anew.
type once[T any] struct {
	turn  turn
	done  bool
	value T
}

func (o *once[T]) get(ctx context.Context, do func(context.Context) T) T {
	give, ok := o.turn.take(ctx)
	if !ok {
		return do(ctx) // which comes to what it does with a context that is done
	}
	defer give()
	if o.done {
		return o.value
	}
	v := do(ctx)
	if ctx.Err() == nil {
		o.value, o.done = v, true
	}
	return v
}

const (
	// equalReads is how often a state is read alike before it is taken for settled.
	equalReads = 3
	// patienceOfLag is by how much a receiver that works after it has answered may
	// be slower than it was seen to be.
	patienceOfLag = 8
	firstPause    = 2 * time.Millisecond
	longestPause  = 200 * time.Millisecond
)

// readSide watches the states of customers through the probe, and remembers for
// the whole run how this receiver shows them: how late, and which of it changes
// by itself. Safe for concurrent use.
type readSide struct {
	probe    *Probe
	waits    Waits
	leaveOut func(pointers []string) string // see Settings.LeaveOut, may be nil

	lag        atomic.Int64 // what measured returns, in ns
	silent     atomic.Int64 // readings in a row that had no answer in time
	heard      atomic.Int64 // when the probe was last asked after these, in ns since 1970
	checked    once[probeCheck]
	batches    once[batchFinding]
	references sync.Map                    // of a story's name to *once[*reference]
	untold     atomic.Pointer[state.State] // of a customer without events

	mu       sync.Mutex
	dropped  state.Patterns // guarded by mu: what is left out of states
	varying  state.Patterns // guarded by mu, replaced and never changed: what differs from customer to customer
	unsteady state.Patterns // guarded by mu, replaced and never changed: what differs from reading to reading
}

// saw notes that the receiver worked for so long after an answer.
func (r *readSide) saw(d time.Duration) {
	for {
		old := r.lag.Load()
		if int64(d) <= old || r.lag.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

// measured is the longest time that an event was seen to take from its answer to
// what the probe shows: work that goes on after the answer, and what is cached.
func (r *readSide) measured() time.Duration { return time.Duration(r.lag.Load()) }

// atLeast is a wait that is sized from the receiver's lag. A short lag may grow
// manifold under load, a long one is a delay or a cache's period.
func (r *readSide) atLeast(d time.Duration) time.Duration {
	lag := r.measured()
	return min(max(d, patienceOfLag*lag), max(r.waits.Settle*4/5, 2*lag+r.waits.Settle*3/10))
}

// limit is how long a state is watched that does not stand still.
func (r *readSide) limit() time.Duration {
	return max(r.waits.Settle, r.measured()+2*r.patience())
}

// patience is how long a wrong state has to stay the same to be believed; a
// right one is believed at once.
func (r *readSide) patience() time.Duration { return r.atLeast(r.waits.Wrong) }

// short is the patience for what often does not come, and is looked for only to
// be sure: a receiver that works before it answers has shown it by then.
func (r *readSide) short() time.Duration { return r.atLeast(r.waits.Unexpected) }

// quiet is how long a state has to stay the same to show that an event changes nothing. A
// receiver that has done its work when it answers is hardly waited for; a queue without
// a lag that can be measured may still stall on a busy machine.
func (r *readSide) quiet() time.Duration {
	return max(r.waits.Unexpected/4, min(3*r.measured(), max(r.waits.Settle/2, r.measured()*5/4)))
}

// later is how long after a state was right it is read again, for work that is
// done twice and late.
func (r *readSide) later() time.Duration {
	return max(r.waits.Later, min(2*r.measured(), r.measured()*5/4+r.waits.Later))
}

// sight is what came of watching a customer's state.
type sight struct {
	state  *state.State
	after  time.Duration // when the state was first seen, 0 for the first reading
	moving time.Duration // it did not stand still for so long, 0 where it does
	err    error         // it could not be read
}

// unclear says why nothing can be said of the state, "" when something can.
func (s sight) unclear() string {
	switch {
	case s.err != nil:
		return s.err.Error()
	case s.moving > 0:
		return fmt.Sprintf("what the probe shows still changes after %s: something in it changes by itself", s.moving)
	}
	return ""
}

// look reads the subject's state once.
func (r *readSide) look(ctx context.Context, s *subject) (*state.State, error) {
	var parts []*state.State
	dropped := state.Patterns{}
	for _, ids := range s.reads {
		body, err := r.read(ctx, ids)
		if err != nil {
			return nil, err
		}
		part, d := s.view.Read(body)
		maps.Copy(dropped, d)
		parts = append(parts, part)
	}
	whole := parts[0]
	if r.probe.many() {
		whole = state.Join(parts)
	}
	return whole.Without(r.noteDropped(dropped)), nil
}

// enoughSilence is how often in a row the probe may not answer in time before it
// is given little time only.
const enoughSilence = 3

// errProbeGone is that the probe has not answered for a while, and was not asked.
var errProbeGone = fmt.Errorf("%w", errProbeLate)

// read reads the probe once. One that has stopped answering is asked now and then
// whether it is back, with little time.
func (r *readSide) read(ctx context.Context, ids idSet) ([]byte, error) {
	within := ctx
	if r.silent.Load() >= enoughSilence {
		last := r.heard.Load()
		if now := time.Now().UnixNano(); now-last < int64(r.waits.Settle) || !r.heard.CompareAndSwap(last, now) {
			return nil, errProbeGone
		}
		short, cancel := context.WithTimeout(ctx, r.waits.Connect)
		defer cancel()
		within = short
	}
	body, err := r.probe.source.read(within, ids)
	switch {
	case errors.Is(err, errProbeLate):
		r.silent.Add(1)
	case ctx.Err() == nil:
		r.silent.Store(0)
	}
	return body, err
}

// stays says for how long a state, first seen so long after the first reading,
// has to stay the same to be taken for settled.
type stays func(state *state.State, after time.Duration) time.Duration

// watch reads the subject's state until it stands still. What cannot be read
// now may be later.
func (r *readSide) watch(ctx context.Context, s *subject, need stays) sight {
	w := watcher{limit: r.limit(), need: need}
	return w.watch(ctx, func() (*state.State, error) { return r.look(ctx, s) })
}

// watchUntilRestless is watch, except that it ends early for a state that was seen to
// change by itself for that long.
func (r *readSide) watchUntilRestless(ctx context.Context, limit time.Duration, s *subject, need stays) sight {
	w := watcher{limit: limit, restless: r.waits.Wrong, need: need}
	return w.watch(ctx, func() (*state.State, error) { return r.look(ctx, s) })
}

// watcher watches a state.
type watcher struct {
	limit    time.Duration
	restless time.Duration // one that is another in most readings for so long changes by itself; 0 looks for none
	need     stays
}

// spell is a time in which a state hardly ever stands still.
type spell struct {
	since          time.Time
	reads, changes int
}

const (
	// leastReadings is how many readings it takes to say that a state changes by
	// itself.
	leastReadings = 20
	// spellEnds is after how many equal readings a state has stood still.
	spellEnds = 8
)

// note counts a reading that was the so many-th in a row that showed the same, and
// says whether the state has been another one in most readings for that long.
func (s *spell) note(now time.Time, equal int, long time.Duration) bool {
	if s.reads++; equal == 1 {
		s.changes++
	}
	if equal >= spellEnds {
		*s = spell{since: now}
	}
	return now.Sub(s.since) >= long && s.reads >= leastReadings && 2*s.changes > s.reads
}

func (w watcher) watch(ctx context.Context, look func() (*state.State, error)) sight {
	began := time.Now()
	var last sight
	var since time.Time
	equal, pause := 0, firstPause
	unrest := spell{since: began}
	for reads := 1; ; reads++ {
		n, err := look()
		now := time.Now()
		switch {
		case err != nil:
			last.err, equal = err, 0
		case equal > 0 && state.Same(n, last.state):
			equal++
		default:
			last, since, equal, pause = sight{state: n}, now, 1, firstPause
			if reads > 1 {
				last.after = now.Sub(began)
			}
		}
		if errors.Is(err, errProbeGone) {
			return last
		}
		took := now.Sub(began)
		if equal >= equalReads && now.Sub(since) >= w.need(last.state, last.after) {
			return last
		}
		if w.restless > 0 && unrest.note(now, equal, w.restless) || took >= w.limit || !wait(ctx, pause) {
			if last.err == nil {
				last.moving = took.Round(100 * time.Millisecond)
			}
			return last
		}
		if equal >= equalReads || err != nil {
			pause = min(pause*2, longestPause)
		}
	}
}

// settled waits until the subject's state stands still, whatever it is.
func (r *readSide) settled(ctx context.Context, s *subject) sight {
	return r.watchUntilRestless(ctx, r.limit(), s, func(_ *state.State, after time.Duration) time.Duration {
		return min(max(r.quiet(), 3*after), r.limit()/2)
	})
}

// becomes waits until the subject's state is right, or stands still without
// being it.
func (r *readSide) becomes(ctx context.Context, s *subject, right func(*state.State) bool) sight {
	seen := r.watch(ctx, s, func(n *state.State, _ time.Duration) time.Duration {
		if right(n) {
			return 0
		}
		return r.patience()
	})
	if seen.unclear() == "" && right(seen.state) {
		r.saw(seen.after)
	}
	return seen
}

// together watches the plain states of several subjects until done says that
// they are as they should be, for as long as a receiver is known to go on
// working, or they stand still without that for its patience.
func (r *readSide) together(ctx context.Context, subjects []*subject, done func([]*state.State) bool, patience time.Duration) (states []*state.State, unclear string) {
	look := func() (*state.State, error) {
		parts := make([]*state.State, len(subjects))
		for i, s := range subjects {
			n, err := r.look(ctx, s)
			if err != nil {
				return nil, err
			}
			parts[i] = r.plain(n)
		}
		return state.Join(parts), nil
	}
	w := watcher{limit: r.limit(), need: func(n *state.State, after time.Duration) time.Duration {
		if done(n.Parts()) {
			return max(r.quiet(), min(3*after, r.limit()/2))
		}
		return patience
	}}
	seen := w.watch(ctx, look)
	if why := seen.unclear(); why != "" {
		return nil, why
	}
	return seen.state.Parts(), ""
}

// noteDropped remembers what was left out of a state, and returns what else has
// to be.
func (r *readSide) noteDropped(patterns state.Patterns) (unsteady state.Patterns) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped == nil {
		r.dropped = state.Patterns{}
	}
	maps.Copy(r.dropped, patterns)
	return r.unsteady
}

// ignored lists what is left out of the comparison of states because it changes
// by itself, as patterns of JSON pointers.
func (r *readSide) ignored() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.dropped))
}

// hidesValues says whether what is left out can hold any value of a row, because it is
// known by its place only: a column of a text, an element of an array.
func (r *readSide) hidesValues() bool {
	return slices.ContainsFunc(r.ignored(), func(pattern string) bool {
		last := pattern[strings.LastIndex(pattern, "/")+1:]
		return last == "*" || strings.HasPrefix(last, "column ")
	})
}

// noteVarying remembers what differs between customers with the same history,
// and returns all that does.
func (r *readSide) noteVarying(patterns state.Patterns) state.Patterns {
	r.noteDropped(patterns)
	return r.noteMore(&r.varying, patterns)
}

// noteMore adds the patterns to a field and returns all. It replaces the map,
// which others may be reading.
func (r *readSide) noteMore(field *state.Patterns, patterns state.Patterns) state.Patterns {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := maps.Clone(*field)
	if all == nil {
		all = state.Patterns{}
	}
	maps.Copy(all, patterns)
	*field = all
	return all
}

// plain is a state without what differs between customers with the same history.
func (r *readSide) plain(n *state.State) *state.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return n.Without(r.varying)
}

// showsNothing says whether a plain state is that of a customer without events.
func (r *readSide) showsNothing(n *state.State) bool {
	untold := r.untold.Load()
	return untold != nil && state.Same(n, r.plain(untold))
}

// changes waits until the subject's plain state is another one, or stays.
func (r *readSide) changes(ctx context.Context, s *subject, from *state.State) sight {
	return r.watch(ctx, s, func(n *state.State, _ time.Duration) time.Duration {
		if !state.Same(r.plain(n), from) {
			return 0
		}
		return r.short()
	})
}

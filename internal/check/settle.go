package check

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// once does something once for all who ask. What a context ended does not
// count, and the next one who asks tries anew.
type once[T any] struct {
	mu    sync.Mutex
	done  bool
	value T
}

func (o *once[T]) get(ctx context.Context, do func(context.Context) T) T {
	o.mu.Lock()
	defer o.mu.Unlock()
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
	// settleDeadline is how long a state may take to stand still.
	settleDeadline = 10 * time.Second
	// equalReads is how often a state is read alike before it is taken for settled.
	equalReads = 3
	// leastPatience is how long a state that is wrong has to stay the same at
	// least before it is believed; a right one is believed at once.
	leastPatience = 1500 * time.Millisecond
	shortPatience = 200 * time.Millisecond
	// patienceOfLag is by how much a receiver that works after it has answered may
	// be slower than it was seen to be.
	patienceOfLag = 8
	firstPause    = 2 * time.Millisecond
	longestPause  = 200 * time.Millisecond
)

// sight is what came of watching a customer's state.
type sight struct {
	state  *node
	after  time.Duration // when the state was first seen, 0 for the first reading
	moving bool          // it did not stand still within the deadline
	err    error         // it could not be read
}

// unclear says why nothing can be said of the state, "" when something can.
func (s sight) unclear() string {
	switch {
	case s.err != nil:
		return s.err.Error()
	case s.moving:
		return fmt.Sprintf("what the probe shows still changes after %s", settleDeadline)
	}
	return ""
}

// lag is how long after its answers the receiver was still seen to work.
type lag struct{ longest atomic.Int64 }

func (l *lag) saw(d time.Duration) {
	for {
		old := l.longest.Load()
		if int64(d) <= old || l.longest.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

func (l *lag) get() time.Duration { return time.Duration(l.longest.Load()) }

// quiet is how long a state of which nothing is expected has to stay the same.
// A receiver that has done its work when it answers is not waited for.
func (l *lag) quiet() time.Duration { return min(3*l.get(), settleDeadline/2) }

// short is the patience for what often does not come, and is looked for only to
// be sure: a receiver that works before it answers has shown it by then.
func (l *lag) short() time.Duration {
	return min(max(shortPatience, patienceOfLag*l.get()), settleDeadline*4/5)
}

// patience is how long a wrong state has to stay the same.
func (l *lag) patience() time.Duration {
	return min(max(leastPatience, patienceOfLag*l.get()), settleDeadline*4/5)
}

// look reads the subject's state once.
func (t *Trial) look(ctx context.Context, s *subject) (*node, error) {
	n := normaliser{roles: s.roles, ignore: t.Probe.ignore, dropped: map[string]bool{}}
	whole := &node{kind: object}
	for _, r := range s.reads {
		body, known, err := t.Probe.source.read(ctx, r.ids)
		if err != nil {
			return nil, err
		}
		part := absentState()
		if known {
			part = n.tree(parseState(body), nil, "")
		}
		if r.label == "" {
			whole = part
			break
		}
		whole.keys, whole.kids = append(whole.keys, r.label), append(whole.kids, part)
	}
	return whole.without(t.Probe.noteDropped(n.dropped), ""), nil
}

// stays says for how long a state, first seen so long after the first reading,
// has to stay the same to be taken for settled.
type stays func(state *node, after time.Duration) time.Duration

// watch reads the subject's state until it stands still. What cannot be read
// now may be later.
func (t *Trial) watch(ctx context.Context, s *subject, need stays) sight {
	return watch(ctx, func() (*node, error) { return t.look(ctx, s) }, need)
}

func watch(ctx context.Context, look func() (*node, error), need stays) sight {
	began := time.Now()
	var last sight
	var since time.Time
	equal, pause := 0, firstPause
	for reads := 1; ; reads++ {
		state, err := look()
		now := time.Now()
		switch {
		case err != nil:
			last.err, equal = err, 0
		case equal > 0 && state.canon() == last.state.canon():
			equal++
		default:
			last, since, equal, pause = sight{state: state}, now, 1, firstPause
			if reads > 1 {
				last.after = now.Sub(began)
			}
		}
		if equal >= equalReads && now.Sub(since) >= need(last.state, last.after) {
			return last
		}
		if now.Sub(began) >= settleDeadline || !wait(ctx, pause) {
			last.moving = last.err == nil
			return last
		}
		if equal >= equalReads || err != nil {
			pause = min(pause*2, longestPause)
		}
	}
}

// settled waits until the subject's state stands still, whatever it is.
func (t *Trial) settled(ctx context.Context, s *subject) sight {
	return t.watch(ctx, s, func(_ *node, after time.Duration) time.Duration {
		return min(max(t.Probe.lag.quiet(), 3*after), settleDeadline/2)
	})
}

// becomes waits until the subject's state is right, or stands still without
// being it.
func (t *Trial) becomes(ctx context.Context, s *subject, right func(*node) bool) sight {
	seen := t.watch(ctx, s, func(n *node, _ time.Duration) time.Duration {
		if right(n) {
			return 0
		}
		return t.Probe.lag.patience()
	})
	if seen.unclear() == "" && right(seen.state) {
		t.Probe.lag.saw(seen.after)
	}
	return seen
}

// together watches the plain states of several subjects until done says that
// they are as they should be, for as long as a receiver is known to go on
// working, or they stand still without that for its patience.
func (t *Trial) together(ctx context.Context, subjects []*subject, done func([]*node) bool, patience time.Duration) (states []*node, unclear string) {
	look := func() (*node, error) {
		whole := &node{kind: object}
		for i, s := range subjects {
			n, err := t.look(ctx, s)
			if err != nil {
				return nil, err
			}
			whole.keys, whole.kids = append(whole.keys, strconv.Itoa(i)), append(whole.kids, t.plainState(n))
		}
		return whole, nil
	}
	seen := watch(ctx, look, func(n *node, after time.Duration) time.Duration {
		if done(n.kids) {
			return max(t.Probe.lag.quiet(), min(3*after, settleDeadline/2))
		}
		return patience
	})
	if why := seen.unclear(); why != "" {
		return nil, why
	}
	return seen.state.kids, ""
}

// same says whether two states are the same.
func same(a, b *node) bool { return a.canon() == b.canon() }

// later is how long after a state was right it is read again, for work that is
// done twice and late.
func (t *Trial) later() time.Duration { return max(time.Second, 2*t.Probe.lag.get()) }

// noteDropped remembers what was left out of a state, and returns what else has
// to be.
func (p *Probe) noteDropped(patterns map[string]bool) (unsteady map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pattern := range patterns {
		p.dropped[pattern] = true
	}
	return p.unsteady
}

// Ignored lists what is left out of the comparison of states because it changes
// by itself, as patterns of JSON pointers.
func (p *Probe) Ignored() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for pattern := range p.dropped {
		out = append(out, pattern)
	}
	slices.Sort(out)
	return out
}

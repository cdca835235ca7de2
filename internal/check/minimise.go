package check

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relayctl/internal/check/state"
)

// minimiser makes an order shorter that ends in a wrong state, by delta
// debugging: it leaves out ever smaller parts as long as the rest still fails.
// Every try has fresh customers.
type minimiser struct {
	t     *Trial
	story story
	until time.Time
	clean map[string]*subject // of the steps that are there: told of them in order
	wrong string              // how the last order that failed ended
}

// minimise returns the shortest order that it finds in which the state still
// differs from that of the same events in the right order, and how; that is "" if
// no shorter one fails.
func (t *Trial) minimise(ctx context.Context, s story, order []int) (short []int, wrong string) {
	m := &minimiser{t: t, story: s, until: time.Now().Add(t.Waits.Minimise), clean: map[string]*subject{}}
	return shrink(order, func(o []int) bool { return m.fails(ctx, o) }), m.wrong
}

// shrink is delta debugging on complements (Zeller and Hildebrandt): it returns
// a part of the list that still fails, and of which no single element can be
// left out unless fails has begun to say no to everything.
func shrink(list []int, fails func([]int) bool) []int {
	for parts := 2; len(list) > 1; {
		size := (len(list) + parts - 1) / parts
		shorter := false
		for from := 0; from < len(list); from += size {
			less := slices.Concat(list[:from], list[min(from+size, len(list)):])
			if len(less) > 0 && fails(less) {
				list, shorter = less, true
				break
			}
		}
		switch {
		case shorter:
			parts = max(parts-1, 2)
		case size == 1:
			return list
		default:
			parts = min(parts*2, len(list))
		}
	}
	return list
}

// fails tells the events in that order to one customer and in the right order
// to another and says whether they surely end differently.
func (m *minimiser) fails(ctx context.Context, order []int) bool {
	if ctx.Err() != nil || time.Now().After(m.until) {
		return false
	}
	part, order := m.story.part(order)
	want := m.wanted(ctx, part)
	if want == nil {
		return false
	}
	s := m.t.subject(part)
	if m.t.tell(ctx, s, order) != "" {
		return false
	}
	states, why := m.t.states.together(ctx, []*subject{want, s}, func(s []*state.State) bool { return state.Same(s[0], s[1]) }, m.t.states.short())
	if why != "" || state.Same(states[0], states[1]) {
		return false
	}
	m.wrong = state.Differences(states[0], states[1])
	return true
}

// wanted is a customer who was told of a part in the right order, nil when that
// was not accepted.
func (m *minimiser) wanted(ctx context.Context, part story) *subject {
	key := fmt.Sprint(part.steps)
	if s := m.clean[key]; s != nil {
		return s
	}
	s := m.t.subject(part)
	if m.t.tell(ctx, s, s.inOrder()) != "" {
		return nil
	}
	m.clean[key] = s
	return s
}

// part is the story of the steps that an order names, and the order in it.
func (s story) part(order []int) (story, []int) {
	kept := slices.Compact(slices.Sorted(slices.Values(order)))
	out := story{name: s.name + " in part"}
	for _, i := range kept {
		out.steps = append(out.steps, s.steps[i])
	}
	renamed := make([]int, len(order))
	for at, i := range order {
		renamed[at], _ = slices.BinarySearch(kept, i)
	}
	return out, renamed
}

package sim

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"time"
)

// scripted plays a scenario: its customers begin one after the other, and what
// is under way at the same time comes out in the order of arrival. Only the
// customers who are in the middle of it stand in memory.
func (c PlanConfig) scripted(cl *client, sc *Scenario, first uint64) Plan {
	steps := slices.Clone(sc.Steps)
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.Arrives, b.Arrives) })
	return func(yield func(Delivery, error) bool) {
		var open scriptHeap
		emit := func() bool {
			s := open[0]
			ok := c.playStep(s, steps[s.next], sc.Name, yield)
			if s.next++; s.next == len(steps) {
				heap.Pop(&open)
			} else {
				s.due = s.begin + steps[s.next].Arrives
				heap.Fix(&open, 0)
			}
			return ok
		}
		for i := range c.repeated(sc) {
			begin := time.Duration(i) * sc.Every
			due := begin + steps[0].Arrives
			for len(open) > 0 && open[0].due <= due {
				if !emit() {
					return
				}
			}
			heap.Push(&open, &script{cust: c.scriptedCustomer(cl, sc, first+uint64(i)), begin: begin, due: due, order: i})
		}
		for len(open) > 0 {
			if !emit() {
				return
			}
		}
	}
}

// repeated is how many customers play the scenario: its own, as often as asked.
func (c PlanConfig) repeated(sc *Scenario) int { return sc.Customers * max(c.Count, 1) }

func (c PlanConfig) scriptedCustomer(cl *client, sc *Scenario, index uint64) *customer {
	cust := newCustomer(cl, c.Seed, index, Identity{})
	for range sc.Channels - 1 {
		cust.addChannel()
	}
	for range sc.Messages - 1 {
		cust.addMessage(cl, "")
	}
	return cust
}

// playStep delivers a customer's step with its copies.
func (c PlanConfig) playStep(s *script, st Step, name string, yield func(Delivery, error) bool) bool {
	h := happening{name: st.Event, family: familyOf(st.Event), at: s.begin + st.At, channel: st.Channel - 1, message: st.Message - 1, consent: st.Consent}
	body, ref := s.cust.appendEvent(nil, h, c.Start)
	body, ref, err := override(body, ref, st.Set)
	if err != nil {
		yield(Delivery{}, fmt.Errorf("scenario %s: %w", name, err))
		return false
	}
	for n := range st.Copies {
		// Each copy has its own, for what is done to one is not done to the others.
		d := Delivery{Body: body, Events: []EventRef{ref}, Lane: s.cust.lane, Arrives: s.begin + st.Arrives, Copy: n}
		if n == 0 {
			d.LostAcks = st.LostAcks
		}
		if !yield(d, nil) {
			return false
		}
	}
	return true
}

// script is a customer in the middle of a scenario.
type script struct {
	cust  *customer
	begin time.Duration
	due   time.Duration // of the next step
	next  int
	order int
}

type scriptHeap []*script

func (h scriptHeap) Len() int { return len(h) }
func (h scriptHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].order < h[j].order
}
func (h scriptHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *scriptHeap) Push(x any)   { *h = append(*h, x.(*script)) }
func (h *scriptHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

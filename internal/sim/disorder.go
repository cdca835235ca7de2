package sim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// disordered delays, repeats and marks deliveries as the shares say (R-ORDER,
// R-DUP). The input comes in the order of Arrives; what is moved back waits in
// a heap that holds no more than what is late at one time.
func disordered(p Plan, c PlanConfig) Plan {
	if c.Reorder == 0 && c.Duplicates == 0 && c.LostAcks == 0 {
		return p
	}
	return func(yield func(Delivery, error) bool) {
		rng := rand.New(rand.NewPCG(c.Seed, 0xd150))
		var late lateHeap
		order := 0
		hold := func(d Delivery, by time.Duration) {
			d = d.Clone()
			d.Arrives += by
			heap.Push(&late, lateItem{d, order})
			order++
		}
		for d, err := range p {
			if err != nil {
				yield(d, err)
				return
			}
			for len(late) > 0 && late[0].Arrives <= d.Arrives {
				if !yield(heap.Pop(&late).(lateItem).Delivery, nil) {
					return
				}
			}
			// Every delivery draws the same number of times, so that one share
			// does not change what another one hits.
			isLate, isTwice, isLost := rng.Float64() < c.Reorder, rng.Float64() < c.Duplicates, rng.Float64() < c.LostAcks
			by, again := window(rng, c.ReorderWindow), window(rng, c.ReorderWindow)
			if isLost && d.LostAcks == 0 {
				d.LostAcks = 1
			}
			if isTwice {
				dup := d
				dup.Copy, dup.LostAcks = d.Copy+1, 0
				if isLate {
					again += by // the first delivery comes first
				}
				hold(dup, again)
			}
			if isLate {
				d.Late = true
				hold(d, by)
			} else if !yield(d, nil) {
				return
			}
		}
		for len(late) > 0 {
			if !yield(heap.Pop(&late).(lateItem).Delivery, nil) {
				return
			}
		}
	}
}

// window draws a delay of more than nothing and at most w.
func window(rng *rand.Rand, w time.Duration) time.Duration {
	return time.Duration(rng.Float64()*float64(w)) + time.Millisecond
}

type lateItem struct {
	Delivery
	order int
}

type lateHeap []lateItem

func (h lateHeap) Len() int { return len(h) }
func (h lateHeap) Less(i, j int) bool {
	if h[i].Arrives != h[j].Arrives {
		return h[i].Arrives < h[j].Arrives
	}
	return h[i].order < h[j].order
}
func (h lateHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *lateHeap) Push(x any)   { *h = append(*h, x.(lateItem)) }
func (h *lateHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

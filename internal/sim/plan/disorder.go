package plan

import (
	"math/rand/v2"
	"time"
)

// disordered delays, repeats and marks deliveries as the shares say (R-ORDER,
// R-DUP). The input comes in the order of Arrives; only what is
// delayed at one time is held.
func disordered(p Stream, c Config) Stream {
	if !c.disorders() {
		return p
	}
	return func(yield func(Delivery, error) bool) {
		rng := rand.New(rand.NewPCG(c.Seed, 0xd150))
		var held Timeline[Delivery]
		hold := func(d Delivery, by time.Duration) {
			d = d.Clone()
			d.Arrives += by
			held.Push(d.Arrives, d)
		}
		for d, err := range p {
			if err != nil {
				yield(d, err)
				return
			}
			for held.Due(d.Arrives) {
				if !yield(held.Pop(), nil) {
					return
				}
			}
			// Every delivery draws the same number of times, so that one share
			// does not change what another one hits.
			isReordered, isTwice, isLost := rng.Float64() < c.Reorder, rng.Float64() < c.Duplicates, rng.Float64() < c.LostAcks
			by, again := window(rng, c.ReorderWindow), window(rng, c.ReorderWindow)
			if isLost && d.LostAcks == 0 {
				d.LostAcks = 1
			}
			if isTwice {
				dup := d
				dup.Copy, dup.LostAcks = d.Copy+1, 0
				if isReordered {
					again += by // the first delivery comes first
				}
				hold(dup, again)
			}
			if isReordered {
				d.Reordered = true
				hold(d, by)
			} else if !yield(d, nil) {
				return
			}
		}
		for held.Len() > 0 {
			if !yield(held.Pop(), nil) {
				return
			}
		}
	}
}

// disorders says whether deliveries are drawn for.
func (c *Config) disorders() bool { return c.Reorder > 0 || c.Duplicates > 0 || c.LostAcks > 0 }

// window draws a delay between a millisecond and w, or a little more.
func window(rng *rand.Rand, w time.Duration) time.Duration {
	return time.Duration(rng.Float64()*float64(w)) + time.Millisecond
}

package sim

import "sync/atomic"

// Gauge shows the load of a run while it goes on. The zero value is ready, and
// it is safe for concurrent use.
type Gauge struct{ lanes atomic.Pointer[lanes] }

// Load is what a run's workers are doing at a moment.
type Load struct {
	InFlight int // calls under way
	Waiting  int // workers in a retry delay
	Queued   int // deliveries that wait for a worker
}

// Load reads the gauge; before the run it is all zero.
func (g *Gauge) Load() Load {
	l := g.lanes.Load()
	if l == nil {
		return Load{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return Load{InFlight: len(l.waiting) - len(l.idle) - l.gone - l.waiters, Waiting: l.waiters, Queued: l.queued}
}

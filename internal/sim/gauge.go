package sim

import (
	"sync/atomic"
	"time"
)

// Gauge shows the load of a run while it goes on. The zero value is ready, and
// it is safe for concurrent use.
type Gauge struct{ dispatcher atomic.Pointer[dispatcher] }

// Load is what a run's workers are doing at a moment.
type Load struct {
	InFlight int // calls under way
	Waiting  int // workers in a retry delay
	Queued   int // deliveries that wait for a worker
	// Next is when the first retry delay ends, zero where no worker is in one.
	Next time.Time
}

// Load reads the gauge; before the run it is all zero.
func (g *Gauge) Load() Load {
	l := g.dispatcher.Load()
	if l == nil {
		return Load{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var next time.Time
	for _, until := range l.waiting {
		if !until.IsZero() && (next.IsZero() || until.Before(next)) {
			next = until
		}
	}
	return Load{Next: next, InFlight: len(l.waiting) - len(l.idle) - l.gone - l.waiters, Waiting: l.waiters, Queued: l.queued}
}

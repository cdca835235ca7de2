package recv

import (
	"sync"
	"sync/atomic"
	"time"
)

// health remembers whether something works, so that a change is told once.
// Safe for concurrent use.
type health struct {
	broken atomic.Bool // spares the lock while all is well
	mu     sync.Mutex
	since  time.Time // when it was first found broken, zero while it works
	failed int
}

// fail notes a failure and says whether it is the first one.
func (h *health) fail() (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.broken.Store(true)
	h.failed++
	if first = h.since.IsZero(); first {
		h.since = time.Now()
	}
	return first
}

// work notes a success and says, where it ends an outage, how long that was and
// how many failed.
func (h *health) work() (outage time.Duration, failed int) {
	if !h.broken.Load() {
		return 0, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return 0, 0
	}
	h.broken.Store(false)
	outage, failed = time.Since(h.since), h.failed
	h.since, h.failed = time.Time{}, 0
	return outage, failed
}

// failing gives how many failed since it last worked, 0 while it works.
func (h *health) failing() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

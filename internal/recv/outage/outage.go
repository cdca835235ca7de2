// Package outage remembers whether something works, such as the disk or the app,
// so that a change is told once instead of with every request. It knows nothing of
// what it watches.
package outage

import (
	"sync"
	"sync/atomic"
	"time"
)

// Watch remembers whether one thing works. The zero value says that it does. It is
// safe for concurrent use.
type Watch struct {
	broken atomic.Bool // spares the lock while all is well
	mu     sync.Mutex
	since  time.Time // when it was first found broken, zero while it works
	failed int
	total  uint64
}

// Fail notes a failure and says whether it is the first one.
func (w *Watch) Fail() (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken.Store(true)
	w.failed++
	w.total++
	if first = w.since.IsZero(); first {
		w.since = time.Now()
	}
	return first
}

// Work notes a success and says, where it ends an outage, how long that was and
// how many failed.
func (w *Watch) Work() (outage time.Duration, failed int) {
	if !w.broken.Load() {
		return 0, 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		return 0, 0
	}
	w.broken.Store(false)
	outage, failed = time.Since(w.since), w.failed
	w.since, w.failed = time.Time{}, 0
	return outage, failed
}

// Failed gives how many failed altogether.
func (w *Watch) Failed() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

package recv

import (
	"sync"
	"sync/atomic"
	"time"
)

// feedSize is how many receipts may wait for the observer.
const feedSize = 8192

// feed carries receipts to one observer without ever holding up an answer.
type feed struct {
	queue   chan *Receipt
	done    chan struct{}
	once    sync.Once
	mu      sync.RWMutex
	closed  bool
	dropped atomic.Uint64
	seen    atomic.Uint64 // by the observer
}

func newFeed(observe func(*Receipt)) *feed {
	f := &feed{done: make(chan struct{})}
	if observe == nil {
		close(f.done)
		return f
	}
	f.queue = make(chan *Receipt, feedSize)
	go func() {
		defer close(f.done)
		told := uint64(0)
		for r := range f.queue {
			dropped := f.dropped.Load()
			r.Missed, told, r.More = dropped-told, dropped, len(f.queue) > 0
			observe(r)
			f.seen.Add(1)
		}
	}()
	return f
}

// offer hands a receipt over and says whether it did: not when too many wait.
func (f *feed) offer(r *Receipt) bool {
	if f.queue == nil {
		return false
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.closed {
		return false
	}
	select {
	case f.queue <- r:
		return true
	default:
		return false
	}
}

// close waits until the observer has seen everything that waited. One that does
// not return for as long as patience is left alone: what it has not seen counts
// as dropped, and close says false.
func (f *feed) close(patience time.Duration) bool {
	f.once.Do(func() {
		f.mu.Lock()
		f.closed = true
		if f.queue != nil {
			close(f.queue)
		}
		f.mu.Unlock()
	})
	for seen := f.seen.Load(); ; {
		timer := time.NewTimer(patience)
		select {
		case <-f.done:
			timer.Stop()
			return true
		case <-timer.C:
		}
		now := f.seen.Load()
		if now == seen {
			f.dropped.Add(uint64(len(f.queue)) + 1)
			return false
		}
		seen = now
	}
}

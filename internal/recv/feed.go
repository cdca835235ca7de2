package recv

import (
	"sync"
	"sync/atomic"
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
		for r := range f.queue {
			observe(r)
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

// close waits until the observer has seen everything that waited.
func (f *feed) close() {
	f.once.Do(func() {
		f.mu.Lock()
		f.closed = true
		if f.queue != nil {
			close(f.queue)
		}
		f.mu.Unlock()
	})
	<-f.done
}

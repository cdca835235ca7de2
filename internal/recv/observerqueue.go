package recv

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// queueItems is how many items may wait for an observer.
	queueItems = 8192
	// queueBytes bounds what waits for a slow observer.
	queueBytes = 32 << 20
)

// observerQueue carries items to one observer without ever holding up an answer. What finds
// no room is dropped and counted.
type observerQueue[T any] struct {
	queue   chan queued[T]
	done    chan struct{}
	once    sync.Once
	mu      sync.RWMutex
	closed  bool
	waiting atomic.Int64 // bytes
	dropped atomic.Uint64
	seen    atomic.Uint64 // by the observer
}

type queued[T any] struct {
	item T
	size int64
}

// newObserverQueue starts the goroutine that calls observe for each item. dropped is how
// many items before it were dropped, more says whether another one waits. A nil observe
// drops all items. Close the queue.
func newObserverQueue[T any](observe func(item T, dropped uint64, more bool)) *observerQueue[T] {
	o := &observerQueue[T]{done: make(chan struct{})}
	if observe == nil {
		close(o.done)
		return o
	}
	o.queue = make(chan queued[T], queueItems)
	go func() {
		defer close(o.done)
		told := uint64(0)
		for q := range o.queue {
			dropped := o.dropped.Load()
			observe(q.item, dropped-told, len(o.queue) > 0)
			told = dropped
			o.waiting.Add(-q.size)
			o.seen.Add(1)
		}
	}()
	return o
}

// offer hands over an item of so many bytes. It never waits: it returns false, and counts
// the item as dropped, if too much waits already.
func (o *observerQueue[T]) offer(item T, size int64) bool {
	if o.waiting.Add(size) > queueBytes || !o.put(queued[T]{item, size}) {
		o.waiting.Add(-size)
		o.dropped.Add(1)
		return false
	}
	return true
}

func (o *observerQueue[T]) put(q queued[T]) bool {
	if o.queue == nil {
		return false
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return false
	}
	select {
	case o.queue <- q:
		return true
	default:
		return false
	}
}

// close waits until the observer has seen everything that waited. An observer that does
// not return within patience is given up: what it has not seen counts as dropped, and
// close returns false.
func (o *observerQueue[T]) close(patience time.Duration) bool {
	o.once.Do(func() {
		o.mu.Lock()
		o.closed = true
		if o.queue != nil {
			close(o.queue)
		}
		o.mu.Unlock()
	})
	for seen := o.seen.Load(); ; {
		timer := time.NewTimer(patience)
		select {
		case <-o.done:
			timer.Stop()
			return true
		case <-timer.C:
		}
		now := o.seen.Load()
		if now == seen {
			o.dropped.Add(uint64(len(o.queue)) + 1)
			return false
		}
		seen = now
	}
}

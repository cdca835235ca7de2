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

// newObserverQueue begins to tell observe, nil for nobody, of each item: how many before it
// were dropped, and whether another one waits.
func newObserverQueue[T any](observe func(item T, missed uint64, more bool)) *observerQueue[T] {
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

// offer hands an item of so many bytes over and says whether it did: not when too
// much waits.
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

// close waits until the observer has seen everything that waited. One that does
// not return for as long as patience is left alone: what it has not seen counts
// as dropped, and close says false.
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

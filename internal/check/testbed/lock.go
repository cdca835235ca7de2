package testbed

import "sync"

// lock is a mutex that may be held while its holder sleeps. While somebody waits for a
// sync.Mutex a bubble's clock stands still, and so the holder would sleep for ever; who waits
// for a lock waits at a channel. The zero value is free. The suite's own is turn.
type lock struct {
	made sync.Once
	held chan struct{} // full while somebody holds the lock
}

// Lock waits for the lock.
func (l *lock) Lock() {
	l.made.Do(func() { l.held = make(chan struct{}, 1) })
	l.held <- struct{}{}
}

// Unlock gives it back.
func (l *lock) Unlock() { <-l.held }

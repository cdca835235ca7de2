package check

import "sync"

// turn is a mutex that is held during calls. Those who wait for it wait at a channel, which
// a test's clock can pass over, as it cannot over a sync.Mutex (testing/synctest). The zero
// value is free.
type turn struct {
	made sync.Once
	free chan struct{} // holds one element while nobody holds the turn
}

// take waits for the turn; give ends it.
func (t *turn) take() (give func()) {
	t.made.Do(func() { t.free = make(chan struct{}, 1); t.free <- struct{}{} })
	<-t.free
	return func() { t.free <- struct{}{} }
}

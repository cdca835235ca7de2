package check

import (
	"context"
	"sync"
)

// turn is a mutex that is held during calls, and whose waiters give up with their context.
// They wait at a channel: while somebody waits for a sync.Mutex, the clock of a test in
// virtual time stands still (testing/synctest). The zero value is free.
type turn struct {
	made sync.Once
	held chan struct{} // full while somebody holds the turn
}

// take waits for the turn, which give ends. It is not ok where ctx is done before.
func (t *turn) take(ctx context.Context) (give func(), ok bool) {
	t.made.Do(func() { t.held = make(chan struct{}, 1) })
	select {
	case t.held <- struct{}{}:
		return func() { <-t.held }, true
	case <-ctx.Done():
		return nil, false
	}
}

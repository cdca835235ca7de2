package forward

import (
	"context"
	"hash/maphash"
	"slices"
	"sync/atomic"

	"relayctl/internal/recv/judge"
)

// fairLock is a lock that is granted in the order in which it was asked for; a sync.Mutex
// does not promise that. It is safe for concurrent use.
type fairLock struct {
	held    chan struct{}
	waiting atomic.Int32
}

func (l *fairLock) lock(ctx context.Context) error {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	select {
	case l.held <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ErrHungUp
	}
}

func (l *fairLock) unlock() { <-l.held }

// lock takes the locks of the receipts' customers, in a fixed order so that
// two batches cannot wait for each other.
func (f *Apps) lock(ctx context.Context, receipts []*judge.Receipt) (unlock func(), err error) {
	held := f.locksOf(receipts)
	unlock = func() {
		for _, l := range held {
			f.locks[l].unlock()
		}
	}
	for i, l := range held {
		if err := f.locks[l].lock(ctx); err != nil {
			held = held[:i]
			unlock()
			return nil, err
		}
	}
	return unlock, nil
}

// locksOf returns the locks of the receipts' customers, sorted. An event
// without a customer has no order to keep.
func (f *Apps) locksOf(receipts []*judge.Receipt) []int {
	var of []int
	for _, rc := range receipts {
		if customer, _ := judge.JourneyKey(&rc.Event); customer != "" {
			of = append(of, int(maphash.String(f.seed, customer)%locks))
		}
	}
	slices.Sort(of)
	return slices.Compact(of)
}

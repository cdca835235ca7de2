package sim

import (
	"sync"
	"time"
)

// Facts are passed on in batches: to wake the observer for each of them would
// cost more than the call itself.
const (
	ledgerDelay = 2 * time.Millisecond
	ledgerFull  = 4096
)

// fact is an attempt, an outcome, or both at once.
type fact struct {
	job        *job
	attempt    Attempt
	outcome    Outcome
	hasAttempt bool
	hasOutcome bool // the delivery's last fact
}

// ledger takes facts from the workers and gives them, in their order, to the
// one goroutine that observes. A full ledger makes the workers wait: facts are
// neither dropped nor piled up.
type ledger struct {
	mu     sync.Mutex
	room   sync.Cond
	facts  []*fact
	spare  []*fact
	closed bool
	news   chan struct{} // there is a first fact, or the end
	hurry  chan struct{} // the ledger is full, or the end
}

func newLedger() *ledger {
	l := &ledger{news: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
	l.room.L = &l.mu
	return l
}

// fact returns an empty fact for j.
func (l *ledger) fact(j *job) *fact {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.spare); n > 0 {
		f := l.spare[n-1]
		l.spare = l.spare[:n-1]
		*f = fact{job: j}
		return f
	}
	return &fact{job: j}
}

func (l *ledger) add(f *fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.facts) >= ledgerFull {
		l.room.Wait()
	}
	l.facts = append(l.facts, f)
	switch len(l.facts) {
	case 1:
		tell(l.news)
	case ledgerFull:
		tell(l.hurry)
	}
}

// tell wakes the reader of a channel that holds one value: now, or when it reads next.
func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	tell(l.news)
	tell(l.hurry)
}

// each calls see for every fact until the ledger is closed and empty. After
// each batch recycle takes the jobs of deliveries that have ended.
func (l *ledger) each(see func(*fact), recycle func([]*job)) {
	var batch []*fact
	var ended []*job
	for {
		<-l.news
		l.linger()
		l.mu.Lock()
		batch, l.facts = l.facts, batch[:0]
		closed := l.closed
		l.room.Broadcast()
		l.mu.Unlock()
		for _, f := range batch {
			if see(f); f.hasOutcome {
				ended = append(ended, f.job)
			}
		}
		recycle(ended)
		l.mu.Lock()
		l.spare = append(l.spare, batch...)
		closed = closed && len(l.facts) == 0
		l.mu.Unlock()
		if closed {
			return
		}
		clear(batch)
		clear(ended)
		ended = ended[:0]
	}
}

// linger lets a batch gather.
func (l *ledger) linger() {
	timer := time.NewTimer(ledgerDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.hurry:
	}
}

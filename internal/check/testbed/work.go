package testbed

import "sync"

// lock is a mutex that may be held while the holder sleeps, or writes an answer: those who
// wait for it wait at a channel, which the clock of a bubble passes over. Where one waits
// for a sync.Mutex it stands still, and the test hangs. The zero value is free.
type lock struct {
	made sync.Once
	free chan struct{}
}

// Lock waits for the lock.
func (l *lock) Lock() {
	l.made.Do(func() { l.free = make(chan struct{}, 1); l.free <- struct{}{} })
	<-l.free
}

// Unlock gives it to one who waits.
func (l *lock) Unlock() { l.free <- struct{}{} }

// Queue does its work piece by piece, in the order in which it came. Its worker ends with
// the last piece. Safe for concurrent use; the zero value is empty.
type Queue struct {
	mu      sync.Mutex
	work    []func() // guarded by mu
	working bool     // guarded by mu
}

// Add puts a piece of work at the end.
func (q *Queue) Add(do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.work = append(q.work, do)
	if !q.working {
		q.working = true
		go q.run()
	}
}

func (q *Queue) run() {
	for do := q.next(); do != nil; do = q.next() {
		do()
	}
}

// next takes the first piece, nil where there is none.
func (q *Queue) next() (do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.working = len(q.work) > 0; q.working {
		do, q.work = q.work[0], q.work[1:]
	}
	return do
}

package testbed

import "sync"

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

// next takes the first piece; nil says that there is none, and that the worker ends.
func (q *Queue) next() (do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.working = len(q.work) > 0; q.working {
		do, q.work = q.work[0], q.work[1:]
	}
	return do
}

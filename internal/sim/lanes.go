package sim

import (
	"context"
	"sync"
	"time"
)

// How far the feeder reads ahead of the workers. Workers that can work find a
// few jobs each, not many, so that bodies are still in the processor's cache
// when they go out; what piles up behind one that waits for its next attempt is
// bounded by number and by the size of the bodies. When that is full the feeder
// waits, so that memory is bounded whatever the endpoint does: the due times of
// an open-loop schedule stay as they are, and the wait counts into latency.
const (
	aheadPerWorker = 4
	aheadAtLeast   = 256
	aheadAtMost    = 1024 // while no worker waits for its next attempt
	maxQueued      = 16384
	maxQueuedBytes = 12 << 20
	maxSpareJobs   = 2048
	maxSpareBody   = 64 << 10 // larger buffers are not kept
)

// job is a delivery on its way to a worker, in memory of its own.
type job struct {
	delivery Delivery
	due      time.Time // by the schedule; zero when the worker may begin at any time
	again    bool      // it was under way when the run that this one continues ended
}

// set copies d into the job's memory.
func (j *job) set(d Delivery) {
	body, events := j.delivery.Body[:0], j.delivery.Events[:0]
	j.delivery = d
	j.delivery.Body = append(body, d.Body...)
	j.delivery.Events = append(events, d.Events...)
}

// queue is a FIFO that forgets what it gave.
type queue struct {
	jobs []*job
	head int
}

func (q *queue) len() int    { return len(q.jobs) - q.head }
func (q *queue) push(j *job) { q.jobs = append(q.jobs, j) }
func (q *queue) pop() *job {
	j := q.jobs[q.head]
	q.jobs[q.head] = nil
	q.head++
	switch {
	case q.head == len(q.jobs):
		q.jobs, q.head = q.jobs[:0], 0
	case q.head >= 64 && q.head*2 >= len(q.jobs):
		n := copy(q.jobs, q.jobs[q.head:])
		clear(q.jobs[n:])
		q.jobs, q.head = q.jobs[:n], 0
	}
	return j
}

// lanes hands jobs from the feeder to the workers: each worker has a queue of
// its own, which keeps a customer's deliveries in order (R-WORKERS), or all
// share one (--spread). Safe for concurrent use.
type lanes struct {
	mu      sync.Mutex
	queues  []queue // one a worker, or a single one
	waiting []bool  // by worker: in a retry delay
	waiters int     // how many are
	idle    []int   // workers without a job
	gone    int     // workers that have ended
	wake    []chan struct{}
	spread  bool
	closed  bool

	queued, bytes int
	ready         int // queued, but not behind a worker in a retry delay
	enough        int // ready jobs from which on the feeder pauses
	openLoop      bool
	paused        bool
	feeder        chan struct{}

	spare []*job
}

func newLanes(workers int, spread, openLoop bool) *lanes {
	l := &lanes{
		queues: make([]queue, workers), waiting: make([]bool, workers), wake: make([]chan struct{}, workers),
		spread: spread, openLoop: openLoop, enough: max(aheadAtLeast, aheadPerWorker*workers), feeder: make(chan struct{}, 1),
	}
	for i := range l.wake {
		l.wake[i] = make(chan struct{}, 1)
	}
	if spread {
		l.queues = l.queues[:1]
	}
	return l
}

// queueOf is the queue that a worker serves.
func (l *lanes) queueOf(worker int) *queue {
	if l.spread {
		return &l.queues[0]
	}
	return &l.queues[worker]
}

// job returns an empty job.
func (l *lanes) job() *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.spare); n > 0 {
		j := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return j
	}
	return &job{}
}

// recycle takes back jobs that nobody looks at any more.
func (l *lanes) recycle(jobs []*job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range jobs {
		if len(l.spare) < maxSpareJobs && cap(j.delivery.Body) <= maxSpareBody {
			l.spare = append(l.spare, j)
		}
	}
}

// put queues a job for its worker and returns whether it could before ctx was
// done.
func (l *lanes) put(ctx context.Context, j *job) bool {
	l.mu.Lock()
	for l.full() {
		l.paused = true
		l.mu.Unlock()
		select {
		case <-l.feeder:
		case <-ctx.Done():
			return false
		}
		l.mu.Lock()
	}
	defer l.mu.Unlock()
	l.paused = false
	lane := l.worker(j.delivery.Lane)
	l.queueOf(lane).push(j)
	l.queued++
	l.bytes += len(j.delivery.Body)
	if l.spread || !l.waiting[lane] {
		l.ready++
	}
	l.rouse(lane)
	return true
}

// full says whether the feeder has to wait. The caller holds the lock.
func (l *lanes) full() bool {
	if l.queued >= maxQueued || l.bytes >= maxQueuedBytes {
		return true
	}
	if l.openLoop || l.ready < l.enough {
		return false
	}
	return len(l.idle) == 0 || l.waiters == 0 && l.queued >= max(aheadAtMost, 2*l.enough)
}

// rouse wakes the worker that can take from the lane, if it is idle. The caller
// holds the lock.
func (l *lanes) rouse(lane int) {
	for i := len(l.idle) - 1; i >= 0; i-- {
		if w := l.idle[i]; l.spread || w == lane {
			l.idle = append(l.idle[:i], l.idle[i+1:]...)
			l.wake[w] <- struct{}{}
			return
		}
	}
}

// take returns a worker's next job. It waits for one; j is nil when there is
// none yet but one will come soon, to get ready for it, and more is false when
// there is none any more.
func (l *lanes) take(worker int) (j *job, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queueOf(worker)
	if q.len() == 0 && !l.closed {
		l.idle = append(l.idle, worker)
		l.goOn()
		l.mu.Unlock()
		<-l.wake[worker]
		l.mu.Lock()
	}
	switch {
	case q.len() > 0:
		return l.pop(worker), true
	case l.closed:
		l.gone++
	}
	return nil, !l.closed
}

// prepare tells a lane's worker, if it is idle, that its next job comes soon.
func (l *lanes) prepare(lane uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.spread {
		l.rouse(l.worker(lane))
	}
}

// worker serves a lane.
func (l *lanes) worker(lane uint64) int { return int(lane % uint64(len(l.wake))) }

// pop takes from a worker's queue, which is not empty. The caller holds the lock.
func (l *lanes) pop(worker int) *job {
	j := l.queueOf(worker).pop()
	l.queued--
	l.ready--
	l.bytes -= len(j.delivery.Body)
	if l.ready <= l.enough/2 || l.openLoop {
		l.goOn()
	}
	return j
}

// goOn lets a paused feeder look again. The caller holds the lock.
func (l *lanes) goOn() {
	if l.paused {
		l.paused = false
		l.feeder <- struct{}{}
	}
}

// wait notes that a worker begins or ends a retry delay: what is behind it is
// not ready meanwhile, and the feeder reads on for the others.
func (l *lanes) wait(worker int, begins bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[worker] = begins
	if begins {
		l.waiters++
	} else {
		l.waiters--
	}
	switch {
	case l.spread:
	case begins:
		l.ready -= l.queues[worker].len()
		l.goOn()
	default:
		l.ready += l.queues[worker].len()
	}
}

// close says that nothing more will be put.
func (l *lanes) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, w := range l.idle {
		l.wake[w] <- struct{}{}
	}
	l.idle = nil
}

// tryTake is take for a worker that does not want to wait.
func (l *lanes) tryTake(worker int) *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queueOf(worker).len() == 0 {
		return nil
	}
	return l.pop(worker)
}

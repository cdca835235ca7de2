package sim

import (
	"context"
	"sync"
	"time"

	"relayctl/internal/sim/plan"
)

// How far enqueue reads ahead of the workers. A few jobs for each worker are
// enough, and their bodies are then still in the processor's cache when they go
// out. What queues behind a worker in a retry delay is bounded by number and by
// the size of the bodies; beyond that enqueue waits, so that memory is bounded
// whatever the endpoint does. The due times of an open-loop schedule do not
// move, and the wait counts as latency.
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
	delivery plan.Delivery
	due      time.Time // by the schedule; zero when the worker may begin at any time
	again    bool      // it was under way when the run that this one continues ended
}

// set copies d into the job's memory.
func (j *job) set(d plan.Delivery) {
	body, events := j.delivery.Body[:0], j.delivery.Events[:0]
	j.delivery = d
	j.delivery.Body = append(body, d.Body...)
	j.delivery.Events = append(events, d.Events...)
}

// queue is a first-in, first-out queue that keeps no reference to what it gave.
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

// dispatcher passes jobs from enqueue to the workers. Each worker has a queue of its
// own, which keeps a customer's deliveries in order (R-WORKERS), or all share one
// (SenderConfig.Spread). It is safe for concurrent use.
type dispatcher struct {
	mu      sync.Mutex
	queues  []queue     // one a worker, or a single one
	waiting []time.Time // by worker: when its retry delay ends, zero for none
	waiters int         // how many of them wait
	idle    []int       // workers without a job
	gone    int         // workers that have ended
	wake    []chan struct{}
	spread  bool
	closed  bool

	queued, bytes int
	ready         int // queued, but not behind a worker in a retry delay
	enough        int // number of ready jobs at which enqueue pauses
	openLoop      bool
	paused        bool
	room          chan struct{}

	spare []*job
}

func newDispatcher(workers int, spread, openLoop bool) *dispatcher {
	d := &dispatcher{
		queues: make([]queue, workers), waiting: make([]time.Time, workers), wake: make([]chan struct{}, workers),
		spread: spread, openLoop: openLoop, enough: max(aheadAtLeast, aheadPerWorker*workers), room: make(chan struct{}, 1),
	}
	for i := range d.wake {
		d.wake[i] = make(chan struct{}, 1)
	}
	if spread {
		d.queues = d.queues[:1]
	}
	return d
}

// queueOf is the queue that a worker serves.
func (d *dispatcher) queueOf(worker int) *queue {
	if d.spread {
		return &d.queues[0]
	}
	return &d.queues[worker]
}

// job returns an empty job.
func (d *dispatcher) job() *job {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.spare); n > 0 {
		j := d.spare[n-1]
		d.spare = d.spare[:n-1]
		return j
	}
	return &job{}
}

// recycle takes back jobs that are no longer used.
func (d *dispatcher) recycle(jobs []*job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, j := range jobs {
		if len(d.spare) < maxSpareJobs && cap(j.delivery.Body) <= maxSpareBody {
			d.spare = append(d.spare, j)
		}
	}
}

// put queues a job for its worker and returns whether it could before ctx was
// done.
func (d *dispatcher) put(ctx context.Context, j *job) bool {
	d.mu.Lock()
	for d.full() {
		d.paused = true
		d.mu.Unlock()
		select {
		case <-d.room:
		case <-ctx.Done():
			return false
		}
		d.mu.Lock()
	}
	defer d.mu.Unlock()
	d.paused = false
	worker := d.workerOf(j.delivery.Lane)
	d.queueOf(worker).push(j)
	d.queued++
	d.bytes += len(j.delivery.Body)
	if d.spread || d.waiting[worker].IsZero() {
		d.ready++
	}
	d.rouse(worker)
	return true
}

// full says whether enqueue has to wait. The caller holds the lock.
func (d *dispatcher) full() bool {
	if d.queued >= maxQueued || d.bytes >= maxQueuedBytes {
		return true
	}
	if d.openLoop || d.ready < d.enough {
		return false
	}
	return len(d.idle) == 0 || d.waiters == 0 && d.queued >= max(aheadAtMost, 2*d.enough)
}

// rouse wakes a worker, or with Spread any worker, if it is idle. The caller holds
// the lock.
func (d *dispatcher) rouse(worker int) {
	for i := len(d.idle) - 1; i >= 0; i-- {
		if w := d.idle[i]; d.spread || w == worker {
			d.idle = append(d.idle[:i], d.idle[i+1:]...)
			d.wake[w] <- struct{}{}
			return
		}
	}
}

// take waits for a worker's next job and returns it. With a nil job the worker
// only has to get ready, for its next job comes soon; when more is false there
// are no further jobs.
func (d *dispatcher) take(worker int) (j *job, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.queueOf(worker)
	if q.len() == 0 && !d.closed {
		d.idle = append(d.idle, worker)
		d.goOn()
		d.mu.Unlock()
		<-d.wake[worker]
		d.mu.Lock()
	}
	switch {
	case q.len() > 0:
		return d.pop(worker), true
	case d.closed:
		d.gone++
	}
	return nil, !d.closed
}

// prepare wakes the worker of a lane, if it is idle, to get ready for a job that
// comes soon.
func (d *dispatcher) prepare(lane uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.spread {
		d.rouse(d.workerOf(lane))
	}
}

// workerOf is the worker that serves a lane.
func (d *dispatcher) workerOf(lane uint64) int { return int(lane % uint64(len(d.wake))) }

// pop takes from a worker's queue, which is not empty. The caller holds the lock.
func (d *dispatcher) pop(worker int) *job {
	j := d.queueOf(worker).pop()
	d.queued--
	d.ready--
	d.bytes -= len(j.delivery.Body)
	if d.ready <= d.enough/2 || d.openLoop {
		d.goOn()
	}
	return j
}

// goOn wakes enqueue, if it is paused. The caller holds the lock.
func (d *dispatcher) goOn() {
	if d.paused {
		d.paused = false
		d.room <- struct{}{}
	}
}

// wait notes that a worker begins a retry delay, or with a zero time that it has
// ended: the jobs in its queue are not ready meanwhile, and enqueue reads on for the
// other workers.
func (d *dispatcher) wait(worker int, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[worker] = until
	begins := !until.IsZero()
	if begins {
		d.waiters++
	} else {
		d.waiters--
	}
	switch {
	case d.spread:
	case begins:
		d.ready -= d.queues[worker].len()
		d.goOn()
	default:
		d.ready += d.queues[worker].len()
	}
}

// close says that no more jobs will be put.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, w := range d.idle {
		d.wake[w] <- struct{}{}
	}
	d.idle = nil
}

// tryTake returns a worker's next job without waiting, nil when there is none.
func (d *dispatcher) tryTake(worker int) *job {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queueOf(worker).len() == 0 {
		return nil
	}
	return d.pop(worker)
}

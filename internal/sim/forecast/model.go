package forecast

import (
	"math"
	"time"

	"relayctl/internal/sim/plan"
)

// model is an endpoint and those who call it, under one setting.
type model interface {
	put(j job) // the next call; their put times never fall
	close()    // there are no more
}

// fate is how a call ended.
type fate struct {
	job
	attempts int
	end      time.Duration
	accepted bool
}

// newModel makes the model of a setting. tell is called at the end of each delivery,
// called whenever an attempt goes out.
func newModel(c Relay, e Endpoint, tell func(*fate), called func(at time.Duration, number int)) model {
	o := shared{Relay: c, end: endpoint{Endpoint: e}, tell: tell, called: called}
	if e.Concurrency > 0 {
		o.end.slots = make([]time.Duration, e.Concurrency)
	}
	if c.Spread || e.Concurrency > 0 {
		return newQueued(o)
	}
	return &apart{shared: o, free: make([]time.Duration, c.Workers)}
}

// shared is what the workers of a setting share.
type shared struct {
	Relay
	end    endpoint
	tell   func(*fate)
	called func(at time.Duration, number int)
	fate   fate // the last one, so that none needs memory of its own
}

// attempt makes an attempt of a call. It returns when the attempt ended, and the wait
// before the next one; if again is false there is no next one, and tell was called.
func (s *shared) attempt(j *job, number int, at time.Duration) (ended, wait time.Duration, again bool) {
	s.called(at, number)
	ended, result := s.end.call(at, s.Timeout)
	if number <= j.load.lostAcks && (result == answered || result == refused && !s.end.Outage.Silent) {
		result = timedOut // the answer was dropped on its way (R-DUP)
	}
	retried := result == timedOut && s.RetryTimeout || result == refused && s.end.Outage.Retried
	if retried && number < s.Attempts {
		return ended, s.delayAfter(number), true
	}
	s.fate = fate{*j, number, ended, result == answered}
	s.tell(&s.fate)
	return ended, 0, false
}

// apart is the model of workers that do not affect one another: each has its own queue, and
// the endpoint takes any number of calls. So each call is followed to its end at once, and
// needs no memory, however long a worker's queue is.
type apart struct {
	shared
	free []time.Duration // by worker: when it has done all that it was given
}

func (m *apart) put(j job) {
	worker := &m.free[j.lane%uint64(len(m.free))]
	at := max(*worker, j.put)
	for n := 1; ; n++ {
		ended, wait, again := m.attempt(&j, n, at)
		if !again {
			*worker = ended
			return
		}
		at = ended + wait
	}
}

func (m *apart) close() {}

// queued is the model of workers that affect one another, by a common queue or by an
// endpoint that makes calls wait. It keeps what happens in the order of time.
type queued struct {
	shared
	workers []worker
	queues  []fifo             // one a worker, or a common one
	idle    []int              // workers with nothing to do
	moments plan.Timeline[int] // when each busy worker goes on
}

type worker struct {
	job    job
	number int // of its attempt, 0 between two calls
	idle   bool
}

func newQueued(o shared) *queued {
	m := &queued{shared: o, workers: make([]worker, o.Workers), queues: make([]fifo, o.Workers)}
	if o.Spread {
		m.queues = m.queues[:1]
	}
	for i := range m.workers {
		m.workers[i].idle = true
		m.idle = append(m.idle, i)
	}
	return m
}

func (m *queued) put(j job) {
	m.advance(j.put)
	i := int(j.lane % uint64(len(m.workers)))
	if m.Spread {
		if i = -1; len(m.idle) > 0 {
			i = m.idle[len(m.idle)-1]
			m.idle = m.idle[:len(m.idle)-1]
		}
	}
	if i < 0 || !m.workers[i].idle {
		m.queueOf(max(i, 0)).push(j)
		return
	}
	m.workers[i] = worker{job: j, number: 1}
	m.moments.Push(j.put, i)
}

func (m *queued) queueOf(worker int) *fifo {
	if m.Spread {
		return &m.queues[0]
	}
	return &m.queues[worker]
}

// advance lets everything happen that is due by t.
func (m *queued) advance(t time.Duration) {
	for m.moments.Due(t) {
		m.step(m.moments.First(), m.moments.Next())
	}
}

// step lets the worker whose moment is the first go on.
func (m *queued) step(i int, now time.Duration) {
	w := &m.workers[i]
	if w.number == 0 {
		q := m.queueOf(i)
		if q.len() == 0 {
			w.idle = true
			m.moments.Pop()
			if m.Spread {
				m.idle = append(m.idle, i)
			}
			return
		}
		w.job, w.number = q.pop(), 1
	}
	ended, wait, again := m.attempt(&w.job, w.number, now)
	if w.number++; !again {
		w.number = 0
	}
	m.moments.Postpone(ended + wait)
}

func (m *queued) close() { m.advance(math.MaxInt64) }

// fifo is a queue of calls that gives its memory back.
type fifo struct {
	jobs []job
	head int
}

func (q *fifo) len() int   { return len(q.jobs) - q.head }
func (q *fifo) push(j job) { q.jobs = append(q.jobs, j) }

func (q *fifo) pop() job {
	j := q.jobs[q.head]
	q.jobs[q.head] = job{}
	if q.head++; q.head >= 64 && q.head*2 >= len(q.jobs) {
		q.jobs, q.head = q.jobs[:copy(q.jobs, q.jobs[q.head:])], 0
	}
	return j
}

// endpoint answers calls.
type endpoint struct {
	Endpoint
	slots []time.Duration // when the last calls end, as many as it works on at once
	next  int             // the slot that is free first
}

// result is what a relay sees of a call.
type result int

const (
	answered result = iota
	refused         // by an outage
	timedOut
)

// call makes a call and returns when the relay is done with it. With Concurrency
// calls must come in the order of their time. A relay that has hung up while its
// call waited is not served; one that hangs up later leaves the endpoint at work.
func (e *endpoint) call(at, timeout time.Duration) (ended time.Duration, r result) {
	begins, deadline := at, at+timeout
	if e.slots != nil && !e.down(at) {
		begins = max(at, e.slots[e.next])
	}
	if begins >= deadline && begins > at {
		return deadline, timedOut
	}
	after := e.Latency
	if e.down(begins) {
		r, after = refused, e.Outage.After
	} else if e.slots != nil {
		e.slots[e.next] = begins + after
		e.next = (e.next + 1) % len(e.slots)
	}
	if ended = begins + after; ended > deadline {
		return deadline, timedOut
	}
	return ended, r
}

func (e *endpoint) down(t time.Duration) bool {
	for i := range e.Outages {
		if e.Outages[i].holds(t) {
			return true
		}
	}
	return false
}

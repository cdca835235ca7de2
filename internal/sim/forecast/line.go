package forecast

import (
	"time"

	"relayctl/internal/sim/plan"
)

// names numbers the event names of a plan.
type names struct {
	list  []string
	index map[string]int
}

// maxNames bounds how many names are told apart; all others count as one.
const maxNames = 200

func (n *names) of(name string) int {
	i, ok := n.index[name]
	if !ok {
		if len(n.list) == maxNames {
			return maxNames - 1
		}
		i = len(n.list)
		if n.index[name] = i; i == maxNames-1 {
			name = "(other)"
		}
		n.list = append(n.list, name)
	}
	return i
}

// job is a call on its way to a worker.
type job struct {
	seq  int           // of its delivery in the plan
	lane uint64        // see plan.Delivery
	due  time.Duration // by the schedule; lateness counts from here
	put  time.Duration // when its worker learns of it, never before due
	load *load
}

// load is what a call carries.
type load struct {
	names    []int // its events, by the number of their names
	lostAcks int   // how many answers are dropped, from the first attempt on
}

// line turns the plan's deliveries into calls, and gives them to its models.
type line struct {
	names  *names
	due    func(n int, arrives time.Duration) time.Duration
	size   int // events a call: 0 as planned, 1 single calls, n puts them together
	models []model

	calls int
	put   time.Duration // of the last call
	batch job           // being put together
	open  bool
	at    time.Duration
	// singles are the loads of calls with one event, by name and lost answers.
	singles map[[2]int]*load
}

// take gives a delivery to the models, which keep nothing of it.
func (l *line) take(d *plan.Delivery) {
	switch l.size {
	case 0:
		l.give(job{seq: d.Seq, lane: d.Lane, load: l.load(d)}, d.Arrives)
	case 1:
		l.single(d)
	default:
		l.gather(d)
	}
}

// load gives what a delivery carries. A body without a readable event counts as
// one event.
func (l *line) load(d *plan.Delivery) *load {
	switch len(d.Events) {
	case 0:
		return l.one("", d.LostAcks)
	case 1:
		return l.one(d.Events[0].Name, d.LostAcks)
	}
	out := &load{lostAcks: d.LostAcks, names: make([]int, len(d.Events))}
	for i, e := range d.Events {
		out.names[i] = l.names.of(e.Name)
	}
	return out
}

func (l *line) one(name string, lostAcks int) *load {
	n := l.names.of(name)
	key := [2]int{n, lostAcks}
	out := l.singles[key]
	if out == nil {
		if l.singles == nil {
			l.singles = map[[2]int]*load{}
		}
		out = &load{names: []int{n}, lostAcks: lostAcks}
		l.singles[key] = out
	}
	return out
}

// single takes a batch apart. Its events keep the lane of the batch.
func (l *line) single(d *plan.Delivery) {
	lost := d.LostAcks
	for _, e := range d.Events {
		l.give(job{seq: d.Seq, lane: plan.CustomerLane(e.CCID), load: l.one(e.Name, lost)}, d.Arrives)
		lost = 0
	}
}

// gather puts deliveries together as package plan does: a batch arrives with its
// last member, and all batches share one lane.
func (l *line) gather(d *plan.Delivery) {
	if !l.open {
		l.open, l.batch = true, job{seq: d.Seq, load: &load{}}
	}
	into := l.batch.load
	into.names = append(into.names, l.load(d).names...)
	into.lostAcks = max(into.lostAcks, d.LostAcks)
	if l.at = d.Arrives; len(into.names) >= l.size {
		l.flush()
	}
}

func (l *line) flush() {
	l.open = false
	l.give(l.batch, l.at)
}

// give passes a call on.
func (l *line) give(j job, arrives time.Duration) {
	j.due = l.due(l.calls, arrives)
	l.calls++
	l.put = max(l.put, j.due)
	j.put = l.put
	for _, m := range l.models {
		m.put(j)
	}
}

// close says that there are no more deliveries.
func (l *line) close() {
	if l.open {
		l.flush()
	}
	for _, m := range l.models {
		m.close()
	}
}

package report

import (
	"fmt"
	"time"

	"relayctl/internal/recv"
	"relayctl/internal/sim"
)

// Bounds of what a report lists one by one: a run may have a million events.
const (
	maxTroubles = 1000
	maxNames    = 200
)

// SendRecord gathers what the reports of a run of send tell beside its summary.
// It is a sim.Observer of bounded size.
type SendRecord struct {
	Target   string // the endpoint, in words
	troubles []trouble
	cut      int // deliveries that fell short beyond the listed ones
	names    []string
	byName   map[string]*nameCount
}

// trouble is a delivery that was not accepted.
type trouble struct {
	id, name string
	events   int // members of a batch
	ccid     string
	kind     sim.OutcomeKind
	attempts int
	status   int
	failure  sim.Failure
	reason   string
	first    time.Time
	took     time.Duration
}

type nameCount struct {
	Accepted int `json:"accepted"`
	Retried  int `json:"retried"`
	GivenUp  int `json:"given_up"`
	Refused  int `json:"refused"`
	Skipped  int `json:"skipped"`
}

// NewSendRecord makes an empty record.
func NewSendRecord(target string) *SendRecord {
	return &SendRecord{Target: target, byName: map[string]*nameCount{}}
}

// Attempt implements sim.Observer.
func (r *SendRecord) Attempt(*sim.Attempt) {}

// Outcome implements sim.Observer.
func (r *SendRecord) Outcome(o *sim.Outcome) {
	for _, e := range o.Delivery.Events {
		r.count(e.Name, o)
	}
	if len(o.Delivery.Events) == 0 {
		r.count("", o)
	}
	if o.Kind == sim.Accepted || o.Before {
		return
	}
	if len(r.troubles) >= maxTroubles {
		r.cut++
		return
	}
	name, id := deliveryName(o.Delivery)
	t := trouble{
		id: id, name: name, events: len(o.Delivery.Events), kind: o.Kind, attempts: o.Attempts,
		status: o.Status, failure: o.Failure, reason: o.Reason, first: o.First, took: o.At.Sub(o.First),
	}
	if o.First.IsZero() {
		t.took = 0
	}
	if len(o.Delivery.Events) == 1 {
		t.ccid = o.Delivery.Events[0].CCID
	}
	r.troubles = append(r.troubles, t)
}

func (r *SendRecord) count(name string, o *sim.Outcome) {
	c := r.byName[name]
	if c == nil {
		if len(r.names) >= maxNames {
			name = "(other)"
		}
		if c = r.byName[name]; c == nil {
			c = &nameCount{}
			r.byName[name] = c
			r.names = append(r.names, name)
		}
	}
	switch o.Kind {
	case sim.Accepted:
		c.Accepted++
		if o.Attempts > 1 {
			c.Retried++
		}
	case sim.GivenUp:
		c.GivenUp++
	case sim.Refused:
		c.Refused++
	case sim.Skipped:
		c.Skipped++
	}
}

// SendResult is a run of send that has ended, with all that its reports need.
type SendResult struct {
	Record   *SendRecord
	Summary  sim.Summary
	Embedded *recv.Summary // of the embedded receiver, nil for another endpoint
	Exit     int
}

// verdict words how the run ended; text, HTML and JUnit share it.
func verdict(sum *sim.Summary) (string, Tone) {
	switch {
	case sum.Deliveries == 0:
		return "nothing was sent", Bad
	case sum.Interrupted:
		return "ended early", Warn
	case !sum.OK():
		return "not everything was delivered", Bad
	}
	return "delivered", Good
}

// cutNote says what a bounded list leaves out, "" for nothing.
func (r *SendRecord) cutNote() string {
	if r.cut == 0 {
		return ""
	}
	return fmt.Sprintf("%d more that were not accepted are counted above, but not listed: a report lists %d at most", r.cut, maxTroubles)
}

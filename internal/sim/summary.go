package sim

import (
	"math"
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Summary counts what a run did. Events and Copies together are the sum of the Outcomes,
// which count the members of a batch one by one; a delivery without a readable event
// counts as one.
type Summary struct {
	Events     int
	Copies     int // deliveries of an event again that were planned (R-DUP)
	Deliveries int // the calls that were planned: batches count once
	Attempts   int
	Requests   int // what of the attempts went out; see Attempt.Requests
	Outcomes
	OfCopies Outcomes // of the copies alone
	LostAcks int      // answers dropped on purpose
	Undoc2xx int      // accepted with another status than 200 (R-2XX)
	Tokens   int      // tokens used, 0 where credentials do not end by themselves

	Statuses  map[int]int          // answers by status; dropped ones are not among them
	Failures  map[wire.Failure]int // attempts without an answer
	ByAttempt []int                // deliveries by the number of their attempts, index 0 is one

	P50, P90, P99, Max time.Duration // latencies of the attempts, from the intended start
	Began, Ended       time.Time
	// Behind is how late after its due time a delivery's first call went out at
	// most: on an open-loop schedule, how long all the workers that could have
	// made it were busy.
	Behind    time.Duration
	PerSecond float64 // attempts a second, achieved
	Seed      uint64
	// GaveUpAfter is how many attempts in a row could not connect, where that ended
	// the run; 0 where it did not.
	GaveUpAfter int
	// CallInstead is the https URL of an http endpoint that speaks TLS, which ended the
	// run; "" where that is not so.
	CallInstead string
	Interrupted bool // attempts were left out because the run was ended
	// CutShort says that the run was ended before its plan was: Events are only
	// the first of it, and how many more there are is not known.
	CutShort bool
	// Resent are the events that were under way when the run that this one
	// continues ended. Nobody knows whether the endpoint took them, so they were
	// sent again (see Journal).
	Resent []plan.EventRef

	Outage Outage
	Series Series

	// Latencies are those of the attempts, in microseconds.
	Latencies *hdrhistogram.Histogram
}

// maxLatency is the largest latency that the histogram tells apart.
const maxLatency = 24 * time.Hour

// NewSummary returns a summary of nothing. It is not safe for concurrent use.
func NewSummary(seed uint64, began time.Time) *Summary {
	return &Summary{
		Seed: seed, Began: began, Statuses: map[int]int{}, Failures: map[wire.Failure]int{},
		Latencies: newLatencies(), Series: newSeries(began),
	}
}

func (s *Summary) addAttempt(a *Attempt) {
	s.Attempts++
	s.Requests += a.Requests
	if a.Failure == wire.NoFailure {
		s.Statuses[a.Status]++
	} else {
		s.Failures[a.Failure]++
	}
	if a.LostAck {
		s.LostAcks++
	}
	s.Interrupted = s.Interrupted || a.Failure == wire.Interrupted
	if a.Number == 1 {
		s.Behind = max(s.Behind, a.SentAt.Sub(a.Intended))
	}
	// It cannot fail: the value lies within the histogram's bounds.
	_ = s.Latencies.RecordValue(min(max(a.Latency.Microseconds(), 1), maxLatency.Microseconds()))
	s.Outage.addAttempt(a)
	s.Series.add(a)
}

// Outcomes counts how events and copies ended.
type Outcomes struct {
	Accepted       int // also after a retry
	Retried        int // accepted after a retry
	GivenUp        int
	Refused        int
	Skipped        int
	AcceptedBefore int // of the skipped: accepted by the run that this one continues
}

// Sum is how many events and copies have ended.
func (c *Outcomes) Sum() int { return c.Accepted + c.GivenUp + c.Refused + c.Skipped }

func (c *Outcomes) add(o *Outcome, n int) {
	switch o.Kind {
	case Accepted:
		c.Accepted += n
		if o.Attempts > 1 {
			c.Retried += n
		}
	case GivenUp:
		c.GivenUp += n
	case Refused:
		c.Refused += n
	case Skipped:
		c.Skipped += n
		if o.AcceptedBefore {
			c.AcceptedBefore += n
		}
	}
}

// join adds the outcomes of another shard of the same plan. What its earlier runs had
// accepted counts as accepted.
func (c *Outcomes) join(o Outcomes) {
	c.Accepted, c.Skipped = c.Accepted+o.Accepted+o.AcceptedBefore, c.Skipped+o.Skipped-o.AcceptedBefore
	c.Retried, c.GivenUp, c.Refused = c.Retried+o.Retried, c.GivenUp+o.GivenUp, c.Refused+o.Refused
}

func (s *Summary) addOutcome(o *Outcome) {
	events := max(1, len(o.Delivery.Events))
	s.Deliveries++
	copies := min(o.Delivery.Copies, events) // a filter may have left fewer
	if o.Delivery.Copy > 0 {
		copies = events
	}
	s.Copies += copies
	s.Events += events - copies
	if o.Attempts > 0 {
		for len(s.ByAttempt) < o.Attempts {
			s.ByAttempt = append(s.ByAttempt, 0)
		}
		s.ByAttempt[o.Attempts-1]++
	}
	s.add(o, events)
	s.OfCopies.add(o, copies)
	if o.Kind == Accepted && o.Status != 200 {
		s.Undoc2xx += events
	}
	s.Interrupted = s.Interrupted || o.Kind == Skipped && !o.AcceptedBefore
	s.Outage.addOutcome(o, events)
}

// maxResent bounds how many of the events that were under way are named.
const maxResent = 10000

func (s *Summary) addResent(d *plan.Delivery) {
	if len(s.Resent) < maxResent {
		s.Resent = append(s.Resent, d.Events...)
	}
}

func (s *Summary) finish(now time.Time) {
	s.Ended = now
	quantile := func(q float64) time.Duration {
		return time.Duration(s.Latencies.ValueAtQuantile(q)) * time.Microsecond
	}
	if s.Attempts > 0 {
		s.P50, s.P90, s.P99, s.Max = quantile(50), quantile(90), quantile(99), time.Duration(s.Latencies.Max())*time.Microsecond
	}
	if sec := now.Sub(s.Began).Seconds(); sec > 0 {
		s.PerSecond = math.Round(float64(s.Attempts)/sec*10) / 10
	}
	s.Outage.finish()
}

// OK says whether every delivery was accepted, now or by the run that this one
// continues. A run that delivered nothing is not OK.
func (s *Summary) OK() bool {
	return s.Deliveries > 0 && s.GivenUp == 0 && s.Refused == 0 && s.Skipped == s.AcceptedBefore
}

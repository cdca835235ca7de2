package sim

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Summary is what a run came to. Events is the sum of Accepted, GivenUp,
// Refused and Skipped, which count the members of a batch one by one; a
// delivery without a readable event counts as one.
type Summary struct {
	Events     int
	Deliveries int // the calls that were planned: batches count once
	Attempts   int
	Accepted   int // also after a retry
	Retried    int // accepted after a retry
	GivenUp    int
	Refused    int
	Skipped    int
	Before     int // of the skipped: accepted by the run that this one continues
	LostAcks   int // answers dropped on purpose
	Undoc2xx   int // accepted with another status than 200 (R-2XX)
	Tokens     int // tokens used, 0 where credentials do not end by themselves

	Statuses  map[int]int     // answers by status; dropped ones are not among them
	Failures  map[Failure]int // attempts without an answer
	ByAttempt []int           // deliveries by the number of their attempts, index 0 is one

	P50, P90, P99, Max time.Duration // latencies of the attempts, from the intended start
	Began, Ended       time.Time
	// Behind is how late after its due time a delivery's first call went out at
	// most: on an open-loop schedule, how long all the workers that could have
	// made it were busy.
	Behind      time.Duration
	PerSecond   float64 // attempts a second, achieved
	Seed        uint64
	Interrupted bool // attempts were left out because the run was ended
	// CutShort says that the run was ended before its plan was: Events are only
	// the first of it, and how many more there are is not known.
	CutShort bool
	// Resent are the events that were under way when the run that this one
	// continues ended. Nobody knows whether the endpoint took them, so they were
	// sent again (see Journal).
	Resent []EventRef

	Outage Outage
	Series Series

	hist *hdrhistogram.Histogram
}

// maxLatency is the largest latency that the histogram tells apart.
const maxLatency = 24 * time.Hour

func newSummary(seed uint64, began time.Time) *Summary {
	return &Summary{
		Seed: seed, Began: began, Statuses: map[int]int{}, Failures: map[Failure]int{},
		hist: hdrhistogram.New(1, maxLatency.Microseconds(), 3), Series: newSeries(began),
	}
}

func (s *Summary) addAttempt(a *Attempt) {
	s.Attempts++
	if a.Failure == NoFailure {
		s.Statuses[a.Status]++
	} else {
		s.Failures[a.Failure]++
	}
	if a.LostAck {
		s.LostAcks++
	}
	s.Interrupted = s.Interrupted || a.Failure == Interrupted
	if a.Number == 1 {
		s.Behind = max(s.Behind, a.SentAt.Sub(a.Intended))
	}
	// It cannot fail: the value lies within the histogram's bounds.
	_ = s.hist.RecordValue(min(max(a.Latency.Microseconds(), 1), maxLatency.Microseconds()))
	s.Outage.addAttempt(a)
	s.Series.add(a)
}

func (s *Summary) addOutcome(o *Outcome) {
	events := max(1, len(o.Delivery.Events))
	s.Deliveries++
	s.Events += events
	if o.Attempts > 0 {
		for len(s.ByAttempt) < o.Attempts {
			s.ByAttempt = append(s.ByAttempt, 0)
		}
		s.ByAttempt[o.Attempts-1]++
	}
	switch o.Kind {
	case Accepted:
		s.Accepted += events
		if o.Status != 200 {
			s.Undoc2xx += events
		}
		if o.Attempts > 1 {
			s.Retried += events
		}
	case GivenUp:
		s.GivenUp += events
	case Refused:
		s.Refused += events
	case Skipped:
		s.Skipped += events
		if o.Before {
			s.Before += events
		} else {
			s.Interrupted = true
		}
	}
	s.Outage.addOutcome(o, events)
}

// maxResent bounds how many of the events that were under way are named.
const maxResent = 10000

func (s *Summary) addResent(d *Delivery) {
	if len(s.Resent) < maxResent {
		s.Resent = append(s.Resent, d.Events...)
	}
}

func (s *Summary) finish(now time.Time) {
	s.Ended = now
	quantile := func(q float64) time.Duration {
		return time.Duration(s.hist.ValueAtQuantile(q)) * time.Microsecond
	}
	if s.Attempts > 0 {
		s.P50, s.P90, s.P99, s.Max = quantile(50), quantile(90), quantile(99), time.Duration(s.hist.Max())*time.Microsecond
	}
	if sec := now.Sub(s.Began).Seconds(); sec > 0 {
		s.PerSecond = math.Round(float64(s.Attempts)/sec*10) / 10
	}
	s.Outage.finish()
}

// OK says whether every delivery was accepted, now or by the run that this one
// continues. A run that delivered nothing is not OK.
func (s *Summary) OK() bool {
	return s.Deliveries > 0 && s.GivenUp == 0 && s.Refused == 0 && s.Skipped == s.Before
}

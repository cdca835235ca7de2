package sim

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Summary is what a run came to. Events counts the members of batches, all
// other numbers count calls' deliveries.
type Summary struct {
	Events     int // events whose delivery has an outcome
	Deliveries int // accepted + given up + refused + skipped
	Attempts   int
	Accepted   int // also after a retry
	Retried    int // accepted after a retry
	GivenUp    int
	Refused    int
	Skipped    int
	LostAcks   int // answers dropped on purpose
	Undoc2xx   int // accepted with another status than 200 (R-2XX)

	Statuses  map[int]int     // answers by status; dropped ones are not among them
	Failures  map[Failure]int // attempts without an answer
	ByAttempt []int           // deliveries by the number of their attempts, index 0 is one

	P50, P90, P99, Max time.Duration // latencies of the attempts, from the intended start
	Began, Ended       time.Time
	PerSecond          float64 // attempts a second, achieved
	Seed               uint64

	Outage Outage

	hist *hdrhistogram.Histogram
}

// Outage tells what a down-time of the endpoint cost.
type Outage struct {
	First, Last   time.Time     // the first and last attempt that failed or was answered 5xx
	DeliveredLate int           // accepted after a retry
	WorstDelay    time.Duration // the longest from the first due time to acceptance
	Lost          int           // given up
	PeakRetries   int           // most retries in one second
	second        int64
	inSecond      int
}

// maxLatency is the largest latency that the histogram tells apart.
const maxLatency = 24 * time.Hour

func newSummary(seed uint64, began time.Time) *Summary {
	return &Summary{
		Seed: seed, Began: began, Statuses: map[int]int{}, Failures: map[Failure]int{},
		hist: hdrhistogram.New(1, maxLatency.Microseconds(), 3),
	}
}

func (s *Summary) add(f fact) {
	if f.attempt != nil {
		s.addAttempt(f.attempt)
	} else {
		s.addOutcome(f.outcome)
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
	// It cannot fail: the value lies within the histogram's bounds.
	_ = s.hist.RecordValue(min(max(a.Latency.Microseconds(), 1), maxLatency.Microseconds()))
	down := a.Failure != NoFailure && a.Failure != Interrupted && !a.LostAck || a.Status >= 500
	if down {
		if s.Outage.First.IsZero() {
			s.Outage.First = a.SentAt
		}
		s.Outage.Last = a.SentAt
	}
	if a.Number > 1 {
		if sec := a.SentAt.Unix(); sec != s.Outage.second {
			s.Outage.second, s.Outage.inSecond = sec, 0
		}
		s.Outage.inSecond++
		s.Outage.PeakRetries = max(s.Outage.PeakRetries, s.Outage.inSecond)
	}
}

func (s *Summary) addOutcome(o *Outcome) {
	s.Deliveries++
	s.Events += max(1, len(o.Delivery.Events))
	if o.Attempts > 0 {
		for len(s.ByAttempt) < o.Attempts {
			s.ByAttempt = append(s.ByAttempt, 0)
		}
		s.ByAttempt[o.Attempts-1]++
	}
	switch o.Kind {
	case Accepted:
		s.Accepted++
		if o.Status != 200 {
			s.Undoc2xx++
		}
		if o.Attempts > 1 {
			s.Retried++
			s.Outage.DeliveredLate++
			s.Outage.WorstDelay = max(s.Outage.WorstDelay, o.At.Sub(o.First))
		}
	case GivenUp:
		s.GivenUp++
		s.Outage.Lost++
	case Refused:
		s.Refused++
	case Skipped:
		s.Skipped++
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
}

// OK says whether every delivery was accepted, now or by the run that this one
// continues. A run that delivered nothing is not OK.
func (s *Summary) OK() bool { return s.Deliveries > 0 && s.GivenUp == 0 && s.Refused == 0 }

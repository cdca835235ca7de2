package sim

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Add adds the summary of another shard of the same plan. What its earlier runs had
// accepted counts as accepted: the shards together are one campaign. Call Finish when
// all are added.
func (s *Summary) Add(o *Summary) {
	s.Events, s.Copies, s.Deliveries = s.Events+o.Events, s.Copies+o.Copies, s.Deliveries+o.Deliveries
	s.Attempts, s.Requests = s.Attempts+o.Attempts, s.Requests+o.Requests
	s.join(o.Outcomes)
	s.OfCopies.join(o.OfCopies)
	s.LostAcks, s.Undoc2xx, s.Tokens = s.LostAcks+o.LostAcks, s.Undoc2xx+o.Undoc2xx, s.Tokens+o.Tokens
	for status, n := range o.Statuses {
		s.Statuses[status] += n
	}
	for failure, n := range o.Failures {
		s.Failures[failure] += n
	}
	for i, n := range o.ByAttempt {
		if i == len(s.ByAttempt) {
			s.ByAttempt = append(s.ByAttempt, 0)
		}
		s.ByAttempt[i] += n
	}
	if o.Began.Before(s.Began) {
		s.Series.moveTo(o.Began)
		s.Began = o.Began
	}
	if o.Ended.After(s.Ended) {
		s.Ended = o.Ended
	}
	s.Behind = max(s.Behind, o.Behind)
	s.GaveUpAfter = max(s.GaveUpAfter, o.GaveUpAfter)
	s.Interrupted, s.CutShort = s.Interrupted || o.Interrupted, s.CutShort || o.CutShort
	s.Resent = append(s.Resent, o.Resent...)
	if o.Latencies != nil {
		s.Latencies.Merge(o.Latencies)
	}
	s.Outage.merge(&o.Outage)
	s.Series.merge(&o.Series)
}

// Finish computes the quantiles and the rest that depends on all shards. Call it once,
// after the last Add.
func (s *Summary) Finish() { s.finish(s.Ended) }

// newLatencies is an empty histogram of latencies in microseconds.
func newLatencies() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatency.Microseconds(), 3)
}

// newDelays is an empty histogram of delays in milliseconds.
func newDelays() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxLatency.Milliseconds(), 2) }

// merge adds the outages that another shard has seen. The longest counts: all shards
// call the same endpoint.
func (o *Outage) merge(other *Outage) {
	o.Failed += other.Failed
	if o.First.IsZero() || !other.First.IsZero() && other.First.Before(o.First) {
		o.First = other.First
	}
	if other.Last.After(o.Last) {
		o.Last = other.Last
	}
	if other.Down() > o.Down() {
		o.DownFrom, o.DownUntil, o.StillDown = other.DownFrom, other.DownUntil, other.StillDown
	}
	o.DeliveredLate += other.DeliveredLate
	o.WorstDelay = max(o.WorstDelay, other.WorstDelay)
	o.Lost += other.Lost
	if other.PeakRetries > o.PeakRetries {
		o.PeakRetries, o.PeakAt = other.PeakRetries, other.PeakAt
	}
	if other.Delays != nil {
		if o.Delays == nil {
			o.Delays = newDelays()
		}
		o.Delays.Merge(other.Delays)
	}
}

// moveTo moves the start of the series back.
func (s *Series) moveTo(began time.Time) {
	old := *s
	*s = Series{Began: began, Width: old.Width}
	s.merge(&old)
}

// merge adds another series. A step goes where its middle is.
func (s *Series) merge(o *Series) {
	for s.Width < o.Width {
		s.widen()
	}
	for i := range o.Buckets {
		b := &o.Buckets[i]
		if b.Attempts == 0 {
			continue
		}
		s.at(max(0, o.Began.Sub(s.Began)+time.Duration(i)*o.Width+o.Width/2)).merge(b)
	}
}

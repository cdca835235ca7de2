package sim

import (
	"math/bits"
	"slices"
	"time"
)

// maxBuckets bounds a Series; a longer run has wider buckets, not more.
const maxBuckets = 240

// Series is how a run went over time, for charts: buckets of equal width from
// the run's start. The width doubles when the run outgrows them.
type Series struct {
	Began   time.Time
	Width   time.Duration
	Buckets []Bucket
}

// Bucket counts the attempts that ended in one stretch of a Series.
type Bucket struct {
	Attempts int
	Accepted int
	Retries  int // of the attempts: not the first of their delivery
	Refused  int // attempts answered with a status that is not retried
	Failed   int // attempts that were tried again or given up
	LostAcks int
	latency  coarse
}

// Quantile gives a latency of the bucket's attempts to about an eighth; 0 when
// there were none. q is between 0 and 1.
func (b *Bucket) Quantile(q float64) time.Duration { return b.latency.quantile(q) }

func newSeries(began time.Time) Series {
	return Series{Began: began, Width: time.Millisecond}
}

func (s *Series) add(a *Attempt) {
	b := s.at(max(0, a.SentAt.Add(a.Took).Sub(s.Began)))
	b.Attempts++
	if a.Number > 1 {
		b.Retries++
	}
	switch {
	case a.LostAck:
		b.LostAcks++
	case a.Outcome == Accepted:
		b.Accepted++
	case a.Outcome == Refused:
		b.Refused++
	default:
		b.Failed++
	}
	b.latency.add(a.Latency)
}

// at is the bucket of a time after the start.
func (s *Series) at(t time.Duration) *Bucket {
	for t >= s.Width*maxBuckets {
		s.widen()
	}
	i := int(t / s.Width)
	for len(s.Buckets) <= i {
		s.Buckets = append(s.Buckets, Bucket{})
	}
	return &s.Buckets[i]
}

// widen makes one bucket of two.
func (s *Series) widen() {
	s.Width *= 2
	half := (len(s.Buckets) + 1) / 2
	for i := range half {
		b := s.Buckets[2*i]
		if 2*i+1 < len(s.Buckets) {
			b.merge(&s.Buckets[2*i+1])
		}
		s.Buckets[i] = b
	}
	clear(s.Buckets[half:])
	s.Buckets = s.Buckets[:half]
}

// Over returns the series over a stretch of time from its start, in at most n
// buckets, empty ones at the end included. They are copies.
func (s *Series) Over(span time.Duration, n int) Series {
	c := *s
	c.Buckets = slices.Clone(s.Buckets)
	if c.Width <= 0 || n < 1 {
		return c
	}
	for len(c.Buckets) > n || c.Width*time.Duration(n) < span {
		c.widen()
	}
	if missing := int((span+c.Width-1)/c.Width) - len(c.Buckets); missing > 0 {
		c.Buckets = append(c.Buckets, make([]Bucket, missing)...)
	}
	return c
}

func (b *Bucket) merge(o *Bucket) {
	b.Attempts += o.Attempts
	b.Accepted += o.Accepted
	b.Retries += o.Retries
	b.Refused += o.Refused
	b.Failed += o.Failed
	b.LostAcks += o.LostAcks
	for i, n := range o.latency.counts {
		b.latency.counts[i] += n
	}
}

// Latencies are the counts of the bucket's latencies by step of its histogram; nil
// where there are none. SetLatencies takes them back.
func (b *Bucket) Latencies() []uint32 {
	for n := len(b.latency.counts); n > 0; n-- {
		if b.latency.counts[n-1] > 0 {
			return b.latency.counts[:n]
		}
	}
	return nil
}

// SetLatencies takes the counts that Latencies gave.
func (b *Bucket) SetLatencies(counts []uint32) { copy(b.latency.counts[:], counts) }

// coarse is a small histogram of latencies in microseconds: four steps to each
// doubling, up to about an hour.
type coarse struct{ counts [4 * 32]uint32 }

func (c *coarse) add(d time.Duration) {
	us := uint64(max(4, d.Microseconds()))
	octave := bits.Len64(us) - 3 // of 4 to 7 it is 0
	c.counts[min(octave*4+int(us>>octave)-4, len(c.counts)-1)]++
}

func (c *coarse) quantile(q float64) time.Duration {
	total := uint64(0)
	for _, n := range c.counts {
		total += uint64(n)
	}
	if total == 0 {
		return 0
	}
	rank := min(uint64(q*float64(total)), total-1)
	for i, n := range c.counts {
		if uint64(n) > rank {
			// The middle of the step.
			us := (uint64(i%4+4)*2 + 1) << (i / 4) / 2
			return time.Duration(us) * time.Microsecond
		}
		rank -= uint64(n)
	}
	return 0
}

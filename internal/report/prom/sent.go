package prom

import (
	"maps"
	"slices"
	"sync"

	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

// Sent counts a run of send, which it observes. It is safe for concurrent use.
type Sent struct {
	gauge *sim.Gauge

	mu       sync.Mutex
	attempts map[string]uint64 // by status, or by what failed
	outcomes map[string]uint64
	buckets  []uint64
	total    uint64
	seconds  float64
	lag      float64
}

// NewSent returns counts of nothing; gauge is the sender's.
func NewSent(gauge *sim.Gauge) *Sent {
	return &Sent{gauge: gauge, attempts: map[string]uint64{}, outcomes: map[string]uint64{}, buckets: make([]uint64, len(bounds()))}
}

// bounds are those of the latencies, in seconds.
func bounds() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

// Attempt implements sim.Observer.
func (s *Sent) Attempt(a *sim.Attempt) {
	label := string(a.Failure)
	if a.Failure == wire.NoFailure {
		label = statusLabel(a.Status)
	}
	latency := a.Latency.Seconds()
	at, _ := slices.BinarySearch(bounds(), latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts[label]++
	if at < len(s.buckets) {
		s.buckets[at]++
	}
	s.total++
	s.seconds += latency
	if a.Number == 1 {
		s.lag = max(0, a.SentAt.Sub(a.Intended).Seconds())
	}
}

// Outcome implements sim.Observer.
func (s *Sent) Outcome(o *sim.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[string(o.Kind)]++
}

// Tell is the Source of the counts.
func (s *Sent) Tell(p *page) {
	load := s.gauge.Load()
	s.mu.Lock()
	attempts, outcomes, buckets := maps.Clone(s.attempts), maps.Clone(s.outcomes), slices.Clone(s.buckets)
	total, seconds, lag := s.total, s.seconds, s.lag
	s.mu.Unlock()
	for i := 1; i < len(buckets); i++ {
		buckets[i] += buckets[i-1]
	}
	p.counters("attempts_total", "Attempts by the status of the answer, or by what failed; its rate is that of the run.", "status", attempts)
	p.counters("deliveries_total", "Deliveries that ended: accepted, given-up, refused, skipped.", "status", outcomes)
	p.histogram("attempt_seconds", "Latency of the attempts, from the intended start.", bounds(), buckets, total, seconds)
	p.gauge("lag_seconds", "How late after its due time the latest first attempt went out.", lag)
	p.gauge("retries_waiting", "Workers that wait before a retry.", float64(load.Waiting))
	p.gauge("calls_in_flight", "Calls under way.", float64(load.InFlight))
	p.gauge("deliveries_queued", "Deliveries that wait for a worker.", float64(load.Queued))
}

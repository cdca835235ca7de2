package forecast

import "time"

// Widths and number of a series' steps: a longer run has wider steps, not more.
// Up to a minute each width divides the next and a minute.
const (
	firstWidth = time.Second
	maxSteps   = 1 << 16
)

// Series is how a plan went over time: steps of equal width from the start.
type Series struct {
	Width time.Duration
	Steps []Step
}

// Step counts what happened in a stretch of time: events, and calls.
type Step struct {
	Arrived  int32 // became due
	Accepted int32
	Lost     int32
	Calls    int32
	Retries  int32 // of the calls
	Backlog  int32 // events that wait at the step's end
}

// at is the step of a time.
func (s *Series) at(t time.Duration) *Step {
	for t/s.Width >= maxSteps {
		s.widen(s.nextFactor())
	}
	i := int(t / s.Width)
	for len(s.Steps) <= i {
		s.Steps = append(s.Steps, Step{})
	}
	return &s.Steps[i]
}

// nextFactor is by how much the steps widen next: 1s, 5s, 15s, 30s, 1m, 2m, 4m, ….
func (s *Series) nextFactor() int {
	switch s.Width {
	case time.Second:
		return 5
	case 5 * time.Second:
		return 3
	}
	return 2
}

// widen makes one step of several.
func (s *Series) widen(factor int) {
	s.Width *= time.Duration(factor)
	n := 0
	for i := 0; i < len(s.Steps); i += factor {
		sum := Step{}
		for _, o := range s.Steps[i:min(i+factor, len(s.Steps))] {
			sum.Arrived += o.Arrived
			sum.Accepted += o.Accepted
			sum.Lost += o.Lost
			sum.Calls += o.Calls
			sum.Retries += o.Retries
			sum.Backlog = o.Backlog
		}
		s.Steps[n] = sum
		n++
	}
	s.Steps = s.Steps[:n]
}

// In returns the series in at most n steps. They are copies.
func (s Series) In(n int) Series {
	s.Steps = append([]Step(nil), s.Steps...)
	for len(s.Steps) > n {
		s.widen(s.nextFactor())
	}
	return s
}

// peakRetries is the largest number of retries in a minute, and when that began.
func (s *Series) peakRetries() (peak int, at time.Duration) {
	per := max(1, int(time.Minute/s.Width))
	for i := 0; i < len(s.Steps); i += per {
		sum := 0
		for _, st := range s.Steps[i:min(i+per, len(s.Steps))] {
			sum += int(st.Retries)
		}
		if s.Width > time.Minute {
			sum = int((time.Duration(sum)*time.Minute + s.Width - 1) / s.Width)
		}
		if sum > peak {
			peak, at = sum, time.Duration(i)*s.Width
		}
	}
	return peak, at
}

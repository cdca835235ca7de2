package sim

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// How far Check goes: far enough to meet every kind of event of a campaign.
const (
	trialRecords    = 2000
	trialDeliveries = 20_000
)

// ErrNothing says that a plan has no delivery.
var ErrNothing = errors.New("nothing to send")

// Check makes the plan on trial, so that nothing is sent of one that is found
// to be broken half-way: it returns the error that the stream would end with, or
// ErrNothing. Of what is large it tries the beginning, and of what can be read
// only once nothing.
func (c PlanConfig) Check() error {
	if err := c.Validate(); err != nil {
		return err
	}
	if c.CSV != nil && !rewindable(c.CSV) {
		return nil
	}
	for _, s := range c.Sources {
		if s.Reader != nil && !rewindable(s.Reader) {
			return nil
		}
	}
	c.Warn, c.Reject, c.trial = nil, nil, true
	plan, err := NewPlan(c)
	if err != nil {
		return err
	}
	n := 0
	for _, err := range plan {
		if err != nil {
			return err
		}
		if n++; n == trialDeliveries {
			break
		}
	}
	if n == 0 && c.Records <= trialRecords && c.CSV == nil {
		if !c.Filter.All() {
			return fmt.Errorf("%w: --events leaves none of the events", ErrNothing)
		}
		return fmt.Errorf("%w: there was no event to read", ErrNothing)
	}
	return nil
}

func rewindable(r io.Reader) bool {
	s, ok := r.(io.Seeker)
	if !ok {
		return false
	}
	_, err := s.Seek(0, io.SeekCurrent)
	return err == nil
}

// rewind goes back to the beginning where that is possible, so that a plan can
// be pulled again.
func rewind(r io.Reader) error {
	if !rewindable(r) {
		return nil
	}
	_, err := r.(io.Seeker).Seek(0, io.SeekStart)
	return err
}

// atMost gives the first n records.
func atMost(records iter.Seq2[Identity, error], n int) iter.Seq2[Identity, error] {
	return func(yield func(Identity, error) bool) {
		left := n
		for id, err := range records {
			if !yield(id, err) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

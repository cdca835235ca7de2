package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// How much of a large plan is pulled to check or to measure it: enough to see every kind of event of a campaign.
const (
	headRecords    = 2000
	headDeliveries = 20_000
	// estimateAtMost is how many deliveries Estimate counts of sources other than a
	// campaign. If there are more, their number is unknown.
	estimateAtMost = 100_000
)

// ErrNothing says that a plan has no delivery.
var ErrNothing = errors.New("nothing to send")

// Check pulls the plan without sending it, so that a plan with a broken part is refused
// before its first delivery goes out. It returns the error that ends the stream,
// ErrNothing for an empty plan, or ctx's error. It pulls only the beginning of a large
// plan, and nothing from what can be read only once.
func (c Config) Check(ctx context.Context) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if !c.rewindable() {
		return nil
	}
	var told []string
	e, err := c.measure(ctx, headDeliveries, func(text string) { told = append(told, text) })
	if err != nil {
		return err
	}
	if e.Deliveries == 0 && c.Shard.Whole() && c.Records <= headRecords && c.CSV == nil {
		if !c.Filter.All() {
			return fmt.Errorf("%w: the filter leaves none of the events", ErrNothing)
		}
		if len(told) > 0 {
			return fmt.Errorf("%w: %s", ErrNothing, strings.Join(told, "; "))
		}
		if !c.Replay.everything() {
			return fmt.Errorf("%w: none of the capture's requests is selected", ErrNothing)
		}
		return fmt.Errorf("%w: there was no event to read", ErrNothing)
	}
	return nil
}

// Extent is how large a plan is and how long it takes.
type Extent struct {
	Deliveries int
	Copies     int           // of the deliveries, those of an event that was delivered before
	Last       time.Duration // when the last delivery arrives
	Exact      bool          // false: estimated from the beginning of a campaign
}

// Extent measures the plan. ok is false if it cannot be measured, or if ctx has ended. A
// large campaign is estimated from its first records. It reads files from their beginning
// and does not rewind them.
func (c Config) Extent(ctx context.Context) (e Extent, ok bool) {
	if !c.rewindable() {
		return e, false
	}
	sources, campaign := c, c
	sources.Records, sources.CSV = 0, nil
	campaign.Sources = nil
	e, err := sources.measure(ctx, estimateAtMost, nil)
	if err != nil || e.Deliveries > estimateAtMost {
		return e, false
	}
	if e.Exact = true; c.Records == 0 && c.CSV == nil {
		return e, true
	}
	m, _ := campaign.measure(ctx, estimateAtMost, nil)
	share := campaign.headShare()
	e.Exact = share == 1
	e.Deliveries += int(float64(m.Deliveries) / share)
	// What is left out of the campaign moves its end; a journey is as long as ever.
	e.Last += m.Last + time.Duration(float64(recordSpacing)*headRecords*(1/share-1))
	return e, true
}

// Estimate returns the number of deliveries of the plan and whether it is exact. 0 means
// that it is not known.
func (c Config) Estimate(ctx context.Context) (deliveries int, exact bool) {
	e, ok := c.Extent(ctx)
	if !ok {
		return 0, false
	}
	return e.Deliveries, e.Exact
}

// measure measures the head of a plan, and stops at the first delivery that is more than
// atMost. The error is the stream's.
func (c Config) measure(ctx context.Context, atMost int, warn func(string)) (e Extent, err error) {
	c.Warn, c.Reject = warn, nil
	stream, err := build(ctx, c, true)
	if err != nil {
		return e, err
	}
	for d, err := range stream {
		if err != nil {
			return e, err
		}
		e.Last = max(e.Last, d.Arrives)
		if d.Copy > 0 {
			e.Copies++
		}
		if e.Deliveries++; e.Deliveries > atMost {
			break
		}
	}
	return e, nil
}

// rewindable says whether everything that the plan reads can be read again.
func (c Config) rewindable() bool {
	for _, s := range c.Sources {
		if s.Reader != nil && !rewindable(s.Reader) {
			return false
		}
	}
	return c.CSV == nil || rewindable(c.CSV)
}

// headShare is the share of a campaign that is in the head that was pulled.
func (c Config) headShare() float64 {
	if c.CSV == nil {
		return min(1, headRecords/float64(c.Records))
	}
	file := c.CSV.(io.Seeker) // it is rewindable
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 1
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return 1
	}
	return float64(at) / float64(size)
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

package sim

import (
	"time"

	"relayctl/internal/sim/wire"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Outage tells what down-times of the endpoint cost. An attempt counts as
// failed when it had no answer, or one of 500 and above; an answer that was
// dropped on purpose (R-DUP) does not count as failed.
type Outage struct {
	Failed      int       // attempts that failed
	First, Last time.Time // when the first and the last of them went out
	// Down is the longest time in which every attempt failed: from the first of
	// them until one succeeded, or until the run's last attempt when none did any
	// more (StillDown). It is what the attempts could see of the down-time.
	DownFrom, DownUntil time.Time
	StillDown           bool

	DeliveredLate int // events accepted after a failed attempt
	// How late these events were: from the time when the first attempt was due until the
	// event was accepted.
	MedianDelay, P99Delay, WorstDelay time.Duration
	Lost                              int // events given up (R-FOUR)

	PeakRetries int // most retries that went out in one second
	PeakAt      time.Time

	// Delays are how late the late events were, in milliseconds; nil where none was.
	Delays *hdrhistogram.Histogram

	streak   streak
	second   int64
	inSecond int
}

// streak is a time without a success.
type streak struct {
	from, last time.Time
	failed     int
}

// minStreak is how many failures in a row count as a down-time. A single failure does not.
const minStreak = 2

// Happened says whether there is anything to tell.
func (o *Outage) Happened() bool { return o.Failed > 0 }

// Down is the length of the longest down-time, 0 when there was none.
func (o *Outage) Down() time.Duration { return o.DownUntil.Sub(o.DownFrom) }

func (o *Outage) addAttempt(a *Attempt) {
	if a.Number > 1 {
		o.addRetry(a.SentAt)
	}
	switch {
	case a.LostAck || a.Failure == wire.Interrupted:
	case a.Failure != wire.NoFailure || a.Status >= 500:
		o.Failed++
		if o.First.IsZero() || a.SentAt.Before(o.First) {
			o.First = a.SentAt
		}
		if a.SentAt.After(o.Last) {
			o.Last = a.SentAt
		}
		if o.streak.failed == 0 {
			o.streak.from = a.SentAt
		}
		o.streak.failed++
		o.streak.last = a.SentAt.Add(a.Took)
	default:
		o.endStreak(a.SentAt.Add(a.Took), false)
	}
}

func (o *Outage) endStreak(at time.Time, still bool) {
	s := o.streak
	o.streak = streak{}
	if s.failed >= minStreak && at.Sub(s.from) > o.Down() {
		o.DownFrom, o.DownUntil, o.StillDown = s.from, at, still
	}
}

// addRetry counts the retries of each second. Attempts come only roughly in the order in
// which they ended, so the second may go back a little.
func (o *Outage) addRetry(at time.Time) {
	if sec := at.Unix(); sec != o.second {
		o.second, o.inSecond = sec, 0
	}
	if o.inSecond++; o.inSecond > o.PeakRetries {
		o.PeakRetries, o.PeakAt = o.inSecond, at.Truncate(time.Second)
	}
}

func (o *Outage) addOutcome(out *Outcome, events int) {
	switch {
	case out.Kind == GivenUp:
		o.Lost += events
	case out.Kind == Accepted && out.Attempts > 1:
		o.DeliveredLate += events
		delay := out.At.Sub(out.First)
		o.WorstDelay = max(o.WorstDelay, delay)
		if o.Delays == nil {
			o.Delays = newDelays()
		}
		// It cannot fail: the value lies within the histogram's bounds.
		_ = o.Delays.RecordValues(min(max(delay.Milliseconds(), 1), maxLatency.Milliseconds()), int64(events))
	}
}

func (o *Outage) finish() {
	o.endStreak(o.streak.last, true)
	if o.Delays != nil {
		o.MedianDelay = time.Duration(o.Delays.ValueAtQuantile(50)) * time.Millisecond
		o.P99Delay = time.Duration(o.Delays.ValueAtQuantile(99)) * time.Millisecond
	}
}

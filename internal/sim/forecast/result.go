package forecast

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// lateFrom is how long after it was due an event that was accepted at its first
// attempt counts as late: it waited for its worker.
const lateFrom = time.Second

// maxLateness is the largest lateness that is told apart.
const maxLateness = 366 * 24 * time.Hour

// Result is what came of a plan under one setting. It counts events; the members
// of a batch one by one.
type Result struct {
	Relay Relay

	Events, Calls, Retries int
	AtOnce                 int // accepted at the first attempt, at most lateFrom after they were due
	Late                   int // accepted, but after a retry or after waiting for a worker
	Retried                int // of the late ones: after a retry
	Lost                   int // given up, or refused without a retry (R-FOUR, R-RETRY-ONLY)
	ByName                 []NameCount

	P50, P99, Max time.Duration // lateness of the late ones
	Last          time.Duration // when the last call ended

	PeakBacklog   int // events that are due and neither accepted nor lost
	PeakAt        time.Duration
	PeakRetries   int // most retries in a minute
	PeakRetriesAt time.Duration
	// OutageEnd is when the last outage that met calls was over, 0 when none did or
	// when it has no end, which Endless says.
	OutageEnd time.Duration
	Endless   bool
	// Recovered is when the backlog of the outages is gone: when the last of the events is
	// accepted that are late without a break. It is not before OutageEnd, and 0 without
	// it. If events were late before the first outage, it is when no more of them wait
	// than before.
	Recovered time.Duration

	Series   Series
	Lateness []int // of the late events, by Lateness steps of LatenessStep
	// LatenessStep is the width of the steps of Lateness.
	LatenessStep time.Duration

	end   Endpoint
	names *names
	hist  *hdrhistogram.Histogram

	held    []time.Duration // by outage: until when events are late in one go after it
	overdue bool            // events were late before the first outage
}

// NameCount is what came of the events of a name.
type NameCount struct {
	Name               string
	AtOnce, Late, Lost int
}

func newResult(names *names, c Relay, e Endpoint) *Result {
	r := &Result{Relay: c, end: e, names: names, Series: Series{Width: firstWidth}, hist: hdrhistogram.New(1, maxLateness.Milliseconds(), 2)}
	for _, w := range e.Outages {
		r.held = append(r.held, w.Until)
	}
	return r
}

// call counts an attempt that goes out.
func (r *Result) call(at time.Duration, number int) {
	r.Calls++
	b := r.Series.at(at)
	b.Calls++
	if number > 1 {
		r.Retries++
		b.Retries++
	}
}

// add counts the end of a call.
func (r *Result) add(f *fate) {
	events := len(f.load.names)
	late := f.end - f.due
	r.Events += events
	r.Last = max(r.Last, f.end)
	r.Series.at(f.due).Arrived += int32(events)
	b := r.Series.at(f.end)
	kind := 0
	switch {
	case !f.accepted:
		r.Lost += events
		b.Lost += int32(events)
		kind = 2
	case f.attempts == 1 && late <= lateFrom:
		r.AtOnce += events
		b.Accepted += int32(events)
	default:
		r.Late += events
		b.Accepted += int32(events)
		kind = 1
		if f.attempts > 1 {
			r.Retried += events
		}
		r.Max = max(r.Max, late)
		// It cannot fail: the value lies within the histogram's bounds.
		_ = r.hist.RecordValues(min(max(late.Milliseconds(), 1), maxLateness.Milliseconds()), int64(events))
	}
	if kind > 0 {
		r.hold(f)
	}
	for len(r.ByName) < len(r.names.list) {
		r.ByName = append(r.ByName, NameCount{Name: r.names.list[len(r.ByName)]})
	}
	for _, n := range f.load.names {
		c := &r.ByName[n]
		switch kind {
		case 0:
			c.AtOnce++
		case 1:
			c.Late++
		default:
			c.Lost++
		}
	}
}

// hold notes until when events are late after each outage. An event that is late
// for its own lost answers was not held up.
func (r *Result) hold(f *fate) {
	if f.accepted && f.attempts > 1 && f.attempts <= f.load.lostAcks+1 {
		return
	}
	for i, w := range r.end.Outages {
		if i == 0 && f.end <= w.From {
			r.overdue = true
		}
		if f.due <= r.held[i] {
			r.held[i] = max(r.held[i], f.end)
		}
	}
}

// latenessSteps is how many steps the distribution of lateness has at most.
const latenessSteps = 60

func (r *Result) finish() {
	r.backlog()
	r.PeakRetries, r.PeakRetriesAt = r.Series.peakRetries()
	if r.Late == 0 {
		return
	}
	quantile := func(q float64) time.Duration {
		return min(time.Duration(r.hist.ValueAtQuantile(q))*time.Millisecond, r.Max)
	}
	r.P50, r.P99 = quantile(50), quantile(99)
	r.LatenessStep = max(roundUp(r.Max/latenessSteps), time.Millisecond)
	for _, bar := range r.hist.Distribution() {
		if bar.Count == 0 {
			continue
		}
		i := int(min(time.Duration(bar.To)*time.Millisecond, r.Max) / r.LatenessStep)
		for len(r.Lateness) <= i {
			r.Lateness = append(r.Lateness, 0)
		}
		r.Lateness[i] += int(bar.Count)
	}
}

// roundUp rounds a step up to whole seconds.
func roundUp(d time.Duration) time.Duration {
	if d < time.Second {
		return d
	}
	return (d + time.Second - 1).Truncate(time.Second)
}

// backlog finds the peak of what waits, and when it is gone.
func (r *Result) backlog() {
	late := r.outages()
	first, level := time.Duration(0), r.Relay.Workers
	if len(r.end.Outages) > 0 {
		first = r.end.Outages[0].From
	}
	waits, levelled := 0, time.Duration(0)
	for i := range r.Series.Steps {
		s := &r.Series.Steps[i]
		waits += int(s.Arrived - s.Accepted - s.Lost)
		s.Backlog = int32(waits)
		end := time.Duration(i+1) * r.Series.Width
		if waits > r.PeakBacklog {
			r.PeakBacklog, r.PeakAt = waits, end
		}
		if end <= first {
			level = max(level, waits)
		}
		if levelled == 0 && end >= r.OutageEnd && waits <= level {
			levelled = end
		}
	}
	switch {
	case r.OutageEnd == 0:
	case r.overdue:
		r.Recovered = max(levelled, r.OutageEnd)
	default:
		r.Recovered = late
	}
}

// outages sets when the outages that met calls end, and says until when events are
// late after them.
func (r *Result) outages() (late time.Duration) {
	for i, w := range r.end.Outages {
		if w.From >= r.Last {
			continue
		}
		r.Endless = r.Endless || w.Until == 0
		r.OutageEnd, late = max(r.OutageEnd, w.Until), max(late, r.held[i])
	}
	if r.Endless {
		r.OutageEnd = 0
	}
	return late
}

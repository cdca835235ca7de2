package forecast

import (
	"slices"
	"time"
)

// clock tells when a delivery that arrives at some time of the plan is due in the run. The
// zero value is ready for a plan's first delivery.
type clock struct {
	width time.Duration
	due   []time.Duration // of the first delivery at or after each step
}

// pass notes a delivery of the plan; its due times never fall.
func (c *clock) pass(arrives, due time.Duration) {
	if c.width == 0 {
		c.width = time.Second
	}
	for arrives/c.width >= maxSteps {
		c.width *= 2
		half := c.due[:0]
		for i := 0; i < len(c.due); i += 2 {
			half = append(half, c.due[i])
		}
		c.due = half
	}
	for int(arrives/c.width) >= len(c.due) {
		c.due = append(c.due, due)
	}
}

// at is the earliest time at which a delivery is due that arrives then.
func (c *clock) at(arrives time.Duration) time.Duration {
	return c.due[max(0, min(int(arrives/c.width), len(c.due)-1))]
}

// Quiet is how long before an outage the last upload has to end so that all of its
// events are delivered before it: the longest journey, and the longest wait for a
// worker while the endpoint is up. It is rounded up.
func (f *Forecast) Quiet() time.Duration {
	wait := lateFrom + f.Relay.Timeout
	if f.Undamaged.Max > wait {
		wait = f.Undamaged.Max
	}
	step := time.Minute
	if f.Journey+wait < time.Minute {
		step = time.Second
	}
	return (f.Journey + wait + step - 1).Truncate(step)
}

// Pauses are the times without uploads that lose nothing to the outages: each
// begins Quiet before an outage and ends with it. Outages with no time between
// them for an upload share one. An outage after the end of the plan has one too: a
// pause moves uploads there. There are none where no outage meets a call, and where
// the endpoint loses events without an outage too.
func (f *Forecast) Pauses() (out []Window) {
	if f.Undamaged.Lost > 0 || !slices.ContainsFunc(f.Endpoint.Outages, func(w Window) bool { return !f.Idle(w) }) {
		return nil
	}
	quiet := f.Quiet()
	for _, w := range f.Endpoint.Outages {
		w.From = max(0, w.From-quiet)
		last := len(out) - 1
		switch {
		case last < 0 || out[last].Until > 0 && out[last].Until < w.From:
			out = append(out, w)
		case out[last].Until > 0 && (w.Until == 0 || w.Until > out[last].Until):
			out[last].Until = w.Until
		}
	}
	return out
}

// Survives is the length of the longest outage that loses nothing: the last attempt comes
// after it (R-FOUR). Outages that lie less than this apart count as one. It is 0 if there
// is no such length: if what is refused is not tried again, or if calls can time out while
// the endpoint is up.
func (f *Forecast) Survives() time.Duration {
	c, e := &f.Relay, &f.Endpoint
	wait := f.longestCall() - e.Latency
	if !e.Outage.Retried || f.Undamaged.Lost > 0 || wait+e.Latency > c.Timeout {
		return 0
	}
	span := -wait
	for n := 1 + f.LostAcks; n < c.Attempts; n++ {
		span += e.Outage.After + c.delayAfter(n)
	}
	return max(0, span)
}

// longestCall is how long a call takes at most while the endpoint is up, with
// calls of all workers before it.
func (f *Forecast) longestCall() time.Duration {
	turns := 1
	if n := f.Endpoint.Concurrency; n > 0 {
		turns = (f.Relay.Workers + n - 1) / n
	}
	return time.Duration(turns) * f.Endpoint.Latency
}

// Cause is why an endpoint loses events without an outage.
type Cause int

// The causes.
const (
	Crowded     Cause = iota // calls wait too long for their turn
	Slow                     // an answer takes longer than callers wait
	Unheard                  // the plan loses answers, and no attempt is left
	UnheardOnce              // the plan loses answers, and what timed out is not tried again
)

// Cause says why the endpoint loses events without an outage, if it does.
func (f *Forecast) Cause() Cause {
	switch {
	case f.Endpoint.Latency > f.Relay.Timeout:
		return Slow
	case f.LostAcks > 0 && !f.Relay.RetryTimeout:
		return UnheardOnce
	case f.LostAcks >= f.Relay.Attempts:
		return Unheard
	}
	return Crowded
}

// Idle says whether an outage never meets a call: the plan is over before it
// begins.
func (f *Forecast) Idle(w Window) bool { return f.Main.Last <= w.From }

// Decisive says which of the assumed values moves the loss most: "workers",
// "delays", or "" when none of the table does. Low and high are the rows with the
// smallest and the largest loss among those that differ in it alone.
func (f *Forecast) Decisive() (what string, low, high Variation) {
	byLoss := func(a, b Variation) int { return a.Result.Lost - b.Result.Lost }
	spread := func(keep func(Variation) bool) (low, high Variation) {
		rows := slices.DeleteFunc(slices.Clone(f.Table), func(v Variation) bool { return !keep(v) })
		return slices.MinFunc(rows, byLoss), slices.MaxFunc(rows, byLoss)
	}
	wLow, wHigh := spread(func(v Variation) bool { return v.Delays == 1 })
	dLow, dHigh := spread(func(v Variation) bool { return v.Workers == f.Relay.Workers })
	workers, delays := wHigh.Result.Lost-wLow.Result.Lost, dHigh.Result.Lost-dLow.Result.Lost
	switch {
	case workers == 0 && delays == 0:
		return "", wLow, wHigh
	case workers >= delays:
		return "workers", wLow, wHigh
	}
	return "delays", dLow, dHigh
}
